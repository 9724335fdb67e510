package search_test

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/collect/search"
)

// endless repeats a text up to a size, and notes the most memory in use.
type endless struct {
	head, text  string
	left        int
	at          int
	peak, every uint64
}

func (e *endless) Read(b []byte) (int, error) {
	if e.head != "" {
		n := copy(b, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(b) && e.left > 0 {
		m := copy(b[n:], e.text[e.at:])
		n, e.left, e.at = n+m, e.left-m, (e.at+m)%len(e.text)
	}
	if e.every += uint64(n); e.every > 1<<20 {
		e.every = 0
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		e.peak = max(e.peak, m.HeapAlloc)
	}
	return n, nil
}

// TestBounds searches items of 8 MiB that are one of everything: memory stays
// small, and time does not grow with more than the size.
func TestBounds(t *testing.T) {
	const size = 8 << 20
	for name, c := range map[string]struct {
		kind       search.Kind
		head, text string
	}{
		"words":              {search.Message, "\n", "an egret and another "},
		"one word":           {search.Message, "\n", "a"},
		"one word, accents":  {search.Message, "\n", "e\u0301"},
		"one accent":         {search.Message, "\n", "\u0301"},
		"one script":         {search.Message, "\n", "\u9dfa"},
		"expanding":          {search.Message, "\n", "\ufdfa"},
		"no text":            {search.Message, "\n", "\xff"},
		"a header":           {search.Message, "Subject: ", "a"},
		"header fields":      {search.Message, "", "a: b\n"},
		"a continued header": {search.Message, "Subject: a\n", " =?utf-8?Q?a?=\n"},
		"base64":             {search.Message, "Content-Transfer-Encoding: base64\n\n", "AAAA"},
		"quoted-printable":   {search.Message, "Content-Transfer-Encoding: quoted-printable\n\n", "=   "},
		"soft breaks":        {search.Message, "Content-Transfer-Encoding: quoted-printable\n\n", "=\n"},
		"parts":              {search.Message, "Content-Type: multipart/mixed; boundary=x\n\n", "--x\n"},
		"parts in parts":     {search.Message, "", "Content-Type: multipart/mixed; boundary=x\n\n--x\n"},
		"messages":           {search.Message, "", "Content-Type: message/rfc822\n\n"},
		"a page":             {search.Message, "Content-Type: text/html\n\n", "<p>an egret &amp; "},
		"a page's text":      {search.Message, "Content-Type: text/html\n\n", "a"},
		"a tag":              {search.Message, "Content-Type: text/html\n\n<a ", "title='a' "},
		"a comment":          {search.Message, "Content-Type: text/html\n\n<!--[if ]>", "<!--[if ]>"},
		"a script":           {search.Message, "Content-Type: text/html\n\n<script>", "<script>"},
		"brackets":           {search.Message, "Content-Type: text/html\n\n", "<"},
		"a record":           {search.Values, "{\"a\":\"", "a"},
		"arrays":             {search.Values, "", "["},
		"numbers":            {search.Values, "[", "1,"},
	} {
		t.Run(name, func(t *testing.T) {
			runtime.GC()
			began, e := time.Now(), &endless{head: c.head, text: c.text, left: size}
			got, err := search.Find(c.kind, "", e, []string{"grey heron"})
			if err != nil || got.Found {
				t.Errorf("%+v, %v", got, err)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
			if limit := uint64(96 << 20); c.kind == search.Message && e.peak > limit/2 || e.peak > limit {
				t.Errorf("used %d MiB", e.peak>>20)
			}
			t.Logf("%v, %d MiB, %s", time.Since(began).Round(time.Millisecond), e.peak>>20, strings.Join(got.Unsearched, "; "))
		})
	}
}
