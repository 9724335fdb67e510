package search_test

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/vitrine-project/vitrine/internal/collect/search"
)

// FuzzFind: whatever an item's bytes are, a search ends, says little, and says
// the same however the bytes come.
func FuzzFind(f *testing.F) {
	for _, text := range []string{
		mail("Subject: =?utf-8?B?aGVyb24=?=", "Content-Transfer-Encoding: base64", "", "aGVyb24="),
		mail("Content-Type: text/html; charset=utf-16", "Content-Transfer-Encoding: quoted-printable", "", "<p title=3D\"heron\">=", "<!--[if mso]>heron<![endif]--><script>x</script>"),
		in("multipart/mixed", "\r\nhello", "Content-Type: message/rfc822\r\n\r\nSubject: a\r\n\r\nheron", "Content-Disposition: attachment; filename*0*=x''h%65; filename*1=ron"),
		"{\"a\":[{\"base64\":\"AP8=\"},\"heron &amp; <b>\",1e9]}", "heron", "> grey\n> heron\xff", "\xff\xfeh\x00",
	} {
		for kind := range 4 {
			f.Add(kind, "a.txt", []byte(text), "grey heron")
		}
	}
	f.Fuzz(func(t *testing.T, kind int, name string, b []byte, keyword string) {
		keys := []string{keyword, "heron"}
		got, err := search.Find(search.Kind(kind), name, bytes.NewReader(b), keys)
		if err != nil || got.Found && len(got.Unsearched) > 0 || len(got.Unsearched) > 8 {
			t.Fatalf("%+v, %v", got, err)
		}
		for _, what := range got.Unsearched {
			if len(what) > 80 || strings.ContainsFunc(what, func(r rune) bool { return r < ' ' || r > '~' || r == ';' }) {
				t.Fatalf("says %q", what)
			}
		}
		again, err := search.Find(search.Kind(kind), name, iotest.OneByteReader(bytes.NewReader(b)), keys)
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Fatalf("%+v, byte by byte %+v, %v", got, again, err)
		}
	})
}

// quoteMarks are those that replies begin lines with.
var quoteMarks = regexp.MustCompile(`(^|[\r\n])[> \t\v\f\x01-\x1f]*>`)

// FuzzText compares a search in pieces with one in the whole folded text, a
// character at a time.
func FuzzText(f *testing.F) {
	f.Add("a GREY  heron.", "grey heron")
	f.Add("> mu\u0308ller", "M\u00fcller")
	f.Add(strings.Repeat("e\u0301", 5000)+" Stra\u00dfe", "strasse")
	f.Add("\u0130x\u200dy", "i\u0307xy")
	f.Fuzz(func(t *testing.T, text, keyword string) {
		if !utf8.ValidString(text) || !utf8.ValidString(keyword) || search.Fold(keyword) == "" || strings.HasPrefix(text, "\ufeff") || strings.ContainsAny(keyword, ">\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x1b\x1c\x1f") || quoteMarks.MatchString(text) {
			return
		}
		got, err := search.Find(search.File, "x.txt", strings.NewReader(text), []string{keyword})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Unsearched) > 0 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\v\f\r", r) }) {
			return
		}
		want := naive(search.Fold(text), search.Fold(keyword)) || naive("x.txt", search.Fold(keyword))
		if got.Found != want {
			t.Fatalf("%q in %q: found %v, want %v", search.Fold(keyword), search.Fold(text), got.Found, want)
		}
	})
}

// naive looks for a folded keyword at every place of a folded text.
func naive(text, keyword string) bool {
	for i := range text {
		if !strings.HasPrefix(text[i:], keyword) {
			continue
		}
		if wordEnds(text[:i], keyword) && wordEnds(keyword, text[i+len(keyword):]) {
			return true
		}
	}
	return false
}

var unspaced = regexp.MustCompile(`\p{Han}|\p{Hiragana}|\p{Katakana}|\p{Hangul}|\p{Thai}|\p{Lao}|\p{Khmer}|\p{Myanmar}|\p{Tibetan}`)
var wordly = regexp.MustCompile(`[\p{L}\p{M}\p{N}]`)

func wordEnds(before, behind string) bool {
	a, _ := utf8.DecodeLastRuneInString(before)
	b, _ := utf8.DecodeRuneInString(behind)
	if before == "" || behind == "" || unspaced.MatchString(string(a)+string(b)) {
		return true
	}
	return !wordly.MatchString(string(a)) || !wordly.MatchString(string(b))
}
