package search

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"golang.org/x/net/html"
)

// maxTag bounds one tag or run of text of a page, in bytes.
const maxTag = 1 << 20

// inline are the tags between which a word goes on.
var inline = map[string]bool{"a": true, "abbr": true, "acronym": true, "b": true, "bdi": true, "bdo": true, "big": true, "cite": true, "code": true, "del": true, "dfn": true, "em": true, "font": true,
	"i": true, "ins": true, "kbd": true, "mark": true, "nobr": true, "q": true, "s": true, "samp": true, "small": true, "span": true, "strike": true, "strong": true, "sub": true, "sup": true, "tt": true, "u": true, "var": true, "wbr": true}

// shown are the attributes whose values people see.
var shown = map[string]bool{"alt": true, "title": true, "label": true, "placeholder": true, "value": true, "summary": true, "aria-label": true}

// html searches a page's text, hidden or not, in two readings: in one a word
// ends at every tag, in the other it goes on through those within a line.
func (s *search) html(r *bufio.Reader, name string) error {
	if name == "" {
		start, _ := r.Peek(maxMeta)
		if name = declared(start); strings.HasPrefix(strings.ToLower(name), "utf-16") {
			name = "" // it could be read, so it is not
		}
	}
	e := charset(name)
	if e == nil {
		s.not("charset " + token(name))
		return nil
	}
	return s.page().read(utf8Of(r, e), 0)
}

// maxMeta is where readers look for a page's own charset.
const maxMeta = 1024

// declared is the charset that a page gives itself, "" if none.
func declared(start []byte) string {
	z := html.NewTokenizer(bytes.NewReader(start))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return ""
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		for _, a := range z.Token().Attr {
			if a.Key == "charset" {
				return a.Val
			}
			if _, all, _ := params(a.Val); a.Key == "content" && all["charset"] != "" {
				return all["charset"]
			}
		}
	}
}

// page searches markup in two readings, and what is shown beside its text.
type page struct {
	search               *search
	tight, loose, beside *text
}

func (s *search) page() page { return page{s, s.tight, s.loose, s.plain} }

// doubts is a page where a keyword is doubtful.
func (s *search) doubts() page { return page{s, s.doubtful, s.apart, s.doubtful} }

func (p page) read(r io.Reader, depth int) error {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxTag)
	raw := "" // the tag whose content comes as one text
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			p.tight.close()
			p.loose.close()
			if err := z.Err(); err != io.EOF {
				p.search.not("text/html")
			}
			if p.search.found() {
				return errFound
			}
			return nil
		case html.TextToken:
			if err := p.run(z.Text(), raw, depth); err != nil {
				return err
			}
			raw = ""
		case html.CommentToken:
			if unclosed(z.Raw()) {
				p.search.not("text/html") // some readers show what follows
			}
			if err := p.comment(z.Text(), depth); err != nil {
				return err
			}
		case html.DoctypeToken:
		default:
			p.broken(z.Raw())
			raw = p.tag(z, kind)
		}
		if p.search.found() {
			return errFound
		}
	}
}

// broken searches a tag in which another one begins: readers differ about what
// of it is text.
func (p page) broken(raw []byte) {
	if bytes.IndexByte(raw[1:], '<') > 0 {
		p.search.doubtful.Write([]byte(strings.ToValidUTF8(string(raw), "\uFFFD")))
		p.search.doubtful.close()
	}
}

// tag ends words, and searches what of a tag is shown. It returns its name if
// what follows is no markup.
func (p page) tag(z *html.Tokenizer, kind html.TokenType) (raw string) {
	name, more := z.TagName()
	tag := string(name)
	p.loose.Write([]byte{' '})
	if !inline[tag] {
		p.tight.Write([]byte{' '})
	}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		if shown[string(key)] {
			// Beside the text, not in it.
			p.beside.Write([]byte(strings.ToValidUTF8(string(value), "\uFFFD")))
			p.beside.close()
		}
	}
	switch tag {
	case "script", "style", "iframe", "noembed", "noframes", "noscript":
		if kind != html.EndTagToken {
			return tag
		}
	}
	return ""
}

// run searches a run of text.
func (p page) run(b []byte, raw string, depth int) error {
	switch raw {
	case "script", "style":
		return nil
	case "iframe", "noembed", "noframes", "noscript":
		return p.inner(string(b), depth)
	}
	text := []byte(strings.ToValidUTF8(string(b), "\uFFFD"))
	p.tight.Write(text)
	p.loose.Write(text)
	return nil
}

// comment searches a comment that some readers take for text.
func (p page) comment(b []byte, depth int) error {
	_, shown, ok := strings.Cut(string(b), "]>")
	if !ok || !strings.HasPrefix(strings.TrimSpace(string(b)), "[if") {
		return nil
	}
	// Readers differ about it.
	return p.search.doubts().inner(shown, depth)
}

// unclosed reports whether a comment has no end.
func unclosed(raw []byte) bool {
	return bytes.HasPrefix(raw, []byte("<!--")) && !bytes.HasSuffix(raw, []byte("-->")) && !bytes.HasSuffix(raw, []byte("--!>"))
}

// inner searches markup within markup.
func (p page) inner(text string, depth int) error {
	if depth > 2 {
		p.search.not("nesting")
		return nil
	}
	return p.read(strings.NewReader(text), depth+1)
}
