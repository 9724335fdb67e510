package search_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine/internal/collect/search"
)

const crlf = "\r\n"

// mail is a message of these lines.
func mail(lines ...string) string { return strings.Join(lines, crlf) + crlf }

// in is a multipart message of these parts, each from its header on.
func in(kind string, parts ...string) string {
	return mail("Subject: hello", "MIME-Version: 1.0", "Content-Type: "+kind+"; boundary=\"b=1\"", "", "--b=1") + strings.Join(parts, crlf+"--b=1"+crlf) + crlf + "--b=1--" + crlf
}

// TestFind plants a keyword in every place where one counts, and in those where
// none does; the expectations are the planted ones.
func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		text, keyword string
		found         bool
		unsearched    string
	}{
		"plain":                       {mail("Subject: hello", "", "A grey heron stood there."), "heron", true, ""},
		"a phrase":                    {mail("Subject: hello", "", "A Grey", "  HERON stood there."), "grey heron", true, ""},
		"a phrase, quoted":            {mail("Subject: hello", "", "> > A grey", "> > heron stood there."), "grey heron", true, ""},
		"not there":                   {mail("Subject: hello", "", "A grey egret stood there."), "heron", false, ""},
		"part of a word":              {mail("Subject: hello", "", "Herons stood in the heronry."), "heron", false, ""},
		"a hyphen":                    {mail("Subject: hello", "", "heron-like"), "heron", true, ""},
		"an apostrophe":               {mail("Subject: hello", "", "the heron's nest"), "heron", true, ""},
		"digits":                      {mail("Subject: hello", "", "room 1234"), "123", false, ""},
		"subject":                     {mail("Subject: a heron", "", "hello"), "heron", true, ""},
		"subject, encoded":            {mail("Subject: =?iso-8859-1?Q?Gr=FC=DFe?= =?utf-8?B?IHZvbSBSZWloZXI=?=", "", "hello"), "grüsse vom reiher", true, ""},
		"subject, folded":             {mail("Subject: a grey", "\theron", "", "hello"), "grey heron", true, ""},
		"subject, unknown":            {mail("Subject: =?x-none?Q?heron?=", "", "hello"), "egret", false, "subject"},
		"another field":               {mail("Subject: hello", "X-Note: heron", "From: heron@example.org", "", "hello"), "heron", false, ""},
		"latin 1":                     {mail("Content-Type: text/plain; charset=iso-8859-1", "", "M\xfcller"), "müller", true, ""},
		"composed otherwise":          {mail("Content-Type: text/plain; charset=utf-8", "", "Mu\u0308ller"), "müller", true, ""},
		"full width":                  {mail("Content-Type: text/plain; charset=utf-8", "", "ＨＥＲＯＮ"), "heron", true, ""},
		"soft hyphen":                 {mail("Content-Type: text/plain; charset=utf-8", "", "he\u00adron"), "heron", true, ""},
		"japanese":                    {mail("Content-Type: text/plain; charset=iso-2022-jp", "", "\x1b$B%5%.$,$$$k\x1b(B"), "サギ", true, ""},
		"utf-16":                      {mail("Content-Type: text/plain; charset=utf-16", "Content-Transfer-Encoding: base64", "", "//5oAGUAcgBvAG4A"), "heron", true, ""},
		"unknown charset":             {mail("Content-Type: text/plain; charset=x-none", "", "heron"), "heron", false, "charset x-none"},
		"undeclared charset":          {mail("Subject: hello", "", "M\xfcller, egret"), "heron", false, "unreadable-characters"},
		"and a hit all the same":      {mail("Subject: hello", "", "M\xfcller, heron"), "heron", true, ""},
		"beside what is not readable": {mail("Subject: hello", "", "heron\xfc"), "heron", false, "unreadable-characters"},
		"base64":                      {mail("Content-Transfer-Encoding: base64", "", "QSBoZXJv", "bi4="), "heron", true, ""},
		"base64, cut off":             {mail("Content-Transfer-Encoding: base64", "", "QSBlZ3JldA"), "heron", false, "malformed-base64"},
		"base64, twice":               {mail("Content-Transfer-Encoding: base64", "", "QSBlZ3JldC4=", "QSBlZ3JldC4="), "heron", false, "malformed-base64"},
		"in a long line, a delimiter": {in("multipart/mixed", "\r\n"+strings.Repeat("a", 8<<10)+"--b=1\r\nContent-Type: image/gif\r\n\r\nheron"), "heron", true, ""},
		"base64, odd":                 {mail("Content-Transfer-Encoding: base64", "", "QSBl*Z3JldC4="), "heron", false, "malformed-base64"},
		"quoted-printable":            {mail("Content-Transfer-Encoding: quoted-printable", "", "her=", "on =3D M=C3=BCller"), "heron = müller", true, ""},
		"quoted-printable, odd":       {mail("Content-Transfer-Encoding: quoted-printable", "", "a =ZZ"), "heron", false, "malformed-quoted-printable"},
		"unknown coding":              {mail("Content-Transfer-Encoding: x-uuencode", "", "heron"), "heron", false, "encoding x-uuencode"},
		"uuencoded in text":           {mail("Subject: hello", "", "begin 644 a.zip", "M'XL("), "heron", false, "encoded-in-text"},
		"pgp in text":                 {mail("Subject: hello", "", "-----BEGIN PGP MESSAGE-----", "", "hQEMA"), "heron", false, "encoded-in-text"},
		"html":                        {mail("Content-Type: text/html", "", "<p>A gr&#101;y&nbsp;<b>her</b>on"), "grey heron", true, ""},
		"html, between blocks":        {mail("Content-Type: text/html", "", "<td>grey</td><td>heron</td>"), "grey heron", true, ""},
		"html, spans set apart":       {mail("Content-Type: text/html", "", "<span>grey</span><span>heron</span>"), "heron", true, ""},
		"html, script":                {mail("Content-Type: text/html", "", "<script>heron</script><style>heron</style>egret"), "heron", false, ""},
		"html, a tag":                 {mail("Content-Type: text/html", "", "<heron class=heron href=heron>egret"), "heron", false, ""},
		"html, hidden":                {mail("Content-Type: text/html", "", `<div style="display:none">heron</div>`), "heron", true, ""},
		"html, alt":                   {mail("Content-Type: text/html", "", `<img alt="a heron">`), "heron", true, ""},
		"html, one reader's":          {mail("Content-Type: text/html", "", `<!--[if mso]><p><b>her</b>on</p><![endif]-->`), "heron", false, "doubtful-place"},
		"html, a comment":             {mail("Content-Type: text/html", "", `<!-- heron -->`), "heron", false, ""},
		"html, open comment":          {mail("Content-Type: text/html", "", `egret <!--#x> heron`, "</html>"), "heron", false, "text/html"},
		"html, broken tag":            {mail("Content-Type: text/html", "", `<a title="egret <a title="heron">`), "heron", false, "doubtful-place"},
		"html, own charset":           {mail("Content-Type: text/html", "", "<meta charset=iso-8859-1>M\xfcller"), "müller", true, ""},
		"html, frame":                 {mail("Content-Type: text/html", "", "<noscript><b>her</b>on</noscript>"), "heron", true, ""},
		"second part":                 {in("multipart/mixed", "\r\nhello", "Content-Type: text/html\r\n\r\n<b>heron</b>"), "heron", true, ""},
		"across parts":                {in("multipart/mixed", "\r\ngrey", "\r\nheron"), "grey heron", false, ""},
		"file name":                   {in("multipart/mixed", "\r\nhello", "Content-Type: application/zip\r\nContent-Disposition: attachment; filename=\"a heron.zip\"\r\n\r\nPK"), "heron", true, ""},
		"file name, encoded":          {in("multipart/mixed", "\r\nhello", "Content-Type: application/zip; name=\"=?utf-8?B?aGVyb24uemlw?=\"\r\n\r\nPK"), "heron", true, ""},
		"file name, extended":         {in("multipart/mixed", "\r\nhello", "Content-Type: application/zip\r\nContent-Disposition: attachment; filename*0*=iso-8859-1'de'M%FCl; filename*1=ler.zip\r\n\r\nPK"), "müller", true, ""},
		"file name, unknown":          {in("multipart/mixed", "\r\nhello", "Content-Disposition: attachment; filename*=x-none''egret.txt\r\n\r\nhello"), "heron", false, "file-name"},
		"an archive":                  {in("multipart/mixed", "\r\nhello", "Content-Type: application/zip\r\n\r\nheron"), "heron", false, "application/zip"},
		"a picture":                   {in("multipart/mixed", "\r\nheron", "Content-Type: image/gif\r\n\r\nGIF8"), "heron", true, ""},
		"an empty picture":            {in("multipart/mixed", "\r\nhello", "Content-Type: image/gif\r\n\r\n"), "heron", false, ""},
		"encrypted":                   {in("multipart/encrypted", "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1", "\r\nheron"), "heron", false, "multipart/encrypted"},
		"signed by whom":              {in("multipart/signed", "\r\nhello", "Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\nheron"), "heron", false, ""},
		"no signature":                {in("multipart/signed", "\r\nhello", "Content-Type: application/pgp-signature\r\n\r\nPK"), "heron", false, "application/pgp-signature"},
		"signed":                      {in("multipart/signed", "\r\nhello", "Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----"), "heron", false, ""},
		"forwarded":                   {in("multipart/mixed", "Content-Type: message/rfc822\r\n\r\nSubject: a heron\r\n\r\nhello"), "heron", true, ""},
		"digest":                      {in("multipart/digest", "\r\nSubject: a heron\r\n\r\nhello"), "heron", true, ""},
		"forwarded, elsewhere":        {in("multipart/mixed", "Content-Type: message/external-body\r\n\r\nheron"), "heron", false, "message/external-body"},
		"before the parts":            {strings.Replace(in("multipart/mixed", "\r\nhello"), "--b=1\r\n", "heron\r\n--b=1\r\n", 1), "heron", false, "doubtful-place"},
		"behind the parts":            {in("multipart/mixed", "\r\nhello") + "heron\r\n", "heron", false, "doubtful-place"},
		"parts behind the end":        {in("multipart/mixed", "\r\nhello") + "--b=1\r\nContent-Transfer-Encoding: base64\r\n\r\naGVyb24=\r\n", "heron", false, "malformed"},
		"no boundary":                 {mail("Content-Type: multipart/mixed", "", "hello"), "heron", false, "malformed"},
		"no parts":                    {mail("Content-Type: multipart/mixed; boundary=x", "", "hello"), "heron", false, "malformed"},
		"cut off":                     {strings.TrimSuffix(in("multipart/mixed", "\r\nheron"), "--b=1--\r\n"), "heron", true, ""},
		"no header":                   {mail("a heron stood there"), "heron", true, ""},
		"an odd line":                 {mail("Subject: hello", "this is no field", "", "egret"), "heron", false, "malformed"},
		"two types":                   {mail("Content-Type: text/plain", "Content-Type: text/html", "", "egret"), "heron", false, "malformed"},
		"two subjects":                {mail("Subject: hello", "Subject: heron", "", "egret"), "heron", true, ""},
		"a calendar":                  {mail("Content-Type: text/calendar", "", "SUMMARY:a her", " on"), "heron", false, "text/calendar"},
		"nothing":                     {"", "heron", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{"whole": strings.NewReader(c.text), "bytes": iotest.OneByteReader(strings.NewReader(c.text)), "lf": strings.NewReader(strings.ReplaceAll(c.text, "\r\n", "\n"))} {
				got, err := search.Find(search.Message, "heron", r, []string{"zebra", c.keyword})
				if err != nil || got.Found != c.found || strings.Join(got.Unsearched, "; ") != c.unsearched {
					t.Errorf("%s: %+v, %v; want %v, %q", how, got, err, c.found, c.unsearched)
				}
			}
		})
	}
}

func TestFindInFiles(t *testing.T) {
	for name, c := range map[string]struct {
		text, unsearched string
		found            bool
	}{
		"notes/heron.pdf": {"%PDF", "", true},
		"notes/a.txt":     {"A grey HERON.", "", true},
		"notes/b.txt":     {"\xff\xfeh\x00e\x00r\x00o\x00n\x00", "", true},
		"notes/c.txt":     {"h\x00eron", "unreadable-characters", false},
		"notes/d.txt":     {"egret", "", false},
		"notes/e.pdf":     {"heron", "file pdf", false},
		"notes/f":         {"heron", "file unknown", false},
		"notes/g.HTML":    {"<p>heron", "", true},
		"notes/h.eml":     {"Subject: heron\n\nhello", "", true},
		"notes/i.zip":     {"", "", false},
	} {
		got, err := search.Find(search.File, name, strings.NewReader(c.text), []string{"heron"})
		if err != nil || got.Found != c.found || strings.Join(got.Unsearched, "; ") != c.unsearched {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestFindInValues(t *testing.T) {
	for text, c := range map[string]struct {
		unsearched string
		found      bool
	}{
		`{"note":"a heron"}`:             {"", true},
		`{"heron":"a","b":[{"c":1}]}`:    {"", false},
		`{"a":{"heron":null},"b":"her"}`: {"", false},
		`{"a":["x",{"b":"heron"}]}`:      {"", true},
		`{"a":["heron"]}`:                {"", true},
		`{"a":"gr&#101;y <b>her</b>on"}`: {"", true},
		`{"a":{"base64":"aGVyb24="}}`:    {"bytes", false},
		`{"a":`:                          {"malformed", false},
		`{"a":"h\u0065ron"}`:             {"", true},
		`{"n":5551234}`:                  {"", false},
	} {
		got, err := search.Find(search.Values, "heron", strings.NewReader(text), []string{"heron", "1234"})
		if err != nil || got.Found != c.found || strings.Join(got.Unsearched, "; ") != c.unsearched {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	got, err := search.Find(search.Opaque, "heron", strings.NewReader("heron"), []string{"heron"})
	if err != nil || got.Found || !slices.Equal(got.Unsearched, []string{"form"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestReaderFails: what breaks off is not taken for a text that ends.
func TestReaderFails(t *testing.T) {
	broken := errors.New("broken")
	for _, text := range []string{"", "Subject: a", "Subject: a\n\nb", in("multipart/mixed", "\r\nhello", "\r\negret"), mail("Content-Transfer-Encoding: base64", "", "aGVs")} {
		for _, kind := range []search.Kind{search.Opaque, search.Message, search.File, search.Values} {
			for cut := range len(text) + 1 {
				got, err := search.Find(kind, "a.txt", io.MultiReader(strings.NewReader(text[:cut]), iotest.ErrReader(broken)), []string{"heron"})
				if !errors.Is(err, broken) && (err != nil || got.Found || len(got.Unsearched) == 0) {
					t.Fatalf("kind %d, %q, cut at %d: %v", kind, text, cut, err)
				}
			}
		}
	}
}

// TestEdges puts a keyword at every place around the edges of the buffers.
func TestEdges(t *testing.T) {
	for _, fill := range []string{"a ", "Ａ", "e\u0301"} {
		for _, edge := range []int{4 << 10, 8 << 10, 64 << 10} {
			for at := edge - 12; at < edge+24; at++ {
				head := "Content-Type: text/plain; charset=utf-8\n\n"
				front := strings.Repeat(fill, at/len(fill)) + strings.Repeat(".", at%len(fill)) + "."
				for _, key := range []string{"grey müller heron", "grey muller heron"} {
					got, err := search.Find(search.Message, "", strings.NewReader(head+front+"GREY  MU\u0308LLER\nheron"+strings.Repeat(" b", 9)), []string{key})
					if err != nil || got.Found != (key == "grey müller heron") || len(got.Unsearched) > 0 {
						t.Fatalf("%q to %d, %q: %+v, %v", fill, at, key, got, err)
					}
				}
			}
		}
	}
}

// TestWordsAtEdges puts a word, and longer ones that begin or end with it, at
// every place around the edges of what is searched at a time.
func TestWordsAtEdges(t *testing.T) {
	const edge = 17 * (4<<10 - 1) // the first whole number of segments that is more than a window
	for at := edge - 60; at < edge+20; at++ {
		front := "\n" + strings.Repeat("a-", at/2) + strings.Repeat("-", at%2)
		for word, found := range map[string]bool{"heron": true, "herons": false, "xheron": false} {
			got, err := search.Find(search.Message, "", strings.NewReader(front+word+strings.Repeat("-b", 4<<10)), []string{"heron"})
			if err != nil || got.Found != found || len(got.Unsearched) > 0 {
				t.Fatalf("%s at %d: %+v, %v", word, at, got, err)
			}
		}
	}
}

// TestFold: folding what is folded changes nothing.
func TestFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		if once := search.Fold(s); search.Fold(once) != once {
			t.Fatalf("%q, %q, %q", s, once, search.Fold(once))
		}
	})
	for s, want := range map[string]string{"  A\u00a0 B ": "a b", "ẞ": "ss", "ﬃ": "ffi", "Ⅻ": "xii", "ΣΑΣ": "σασ", "İ": "i\u0307", "\u200d\u00ad": "", "K": "k"} {
		if got := search.Fold(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
