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
	return s.markup(utf8Of(r, e), 0)
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

func (s *search) markup(r io.Reader, depth int) error {
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxTag)
	raw := "" // the tag whose content comes as one text
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			s.tight.close()
			s.loose.close()
			if err := z.Err(); err != io.EOF {
				s.not("text/html")
			}
			if s.found() {
				return errFound
			}
			return nil
		case html.TextToken:
			if err := s.run(z.Text(), raw, depth); err != nil {
				return err
			}
			raw = ""
		case html.CommentToken:
			if err := s.comment(z.Text(), depth); err != nil {
				return err
			}
		case html.DoctypeToken:
		default:
			raw = s.tag(z, kind)
		}
		if s.found() {
			return errFound
		}
	}
}

// tag ends words, and searches what of a tag is shown. It returns its name if
// what follows is no markup.
func (s *search) tag(z *html.Tokenizer, kind html.TokenType) (raw string) {
	name, more := z.TagName()
	tag := string(name)
	s.loose.Write([]byte{' '})
	if !inline[tag] {
		s.tight.Write([]byte{' '})
	}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		if shown[string(key)] {
			// Beside the text, not in it.
			s.short(string(value))
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
func (s *search) run(b []byte, raw string, depth int) error {
	switch raw {
	case "script", "style":
		return nil
	case "iframe", "noembed", "noframes", "noscript":
		return s.inner(string(b), depth)
	}
	text := []byte(strings.ToValidUTF8(string(b), "\uFFFD"))
	s.tight.Write(text)
	s.loose.Write(text)
	return nil
}

// comment searches a comment that some readers show.
func (s *search) comment(b []byte, depth int) error {
	_, shown, ok := strings.Cut(string(b), "]>")
	if !ok || !strings.HasPrefix(strings.TrimSpace(string(b)), "[if") {
		return nil
	}
	return s.inner(shown, depth)
}

// inner searches markup within markup.
func (s *search) inner(text string, depth int) error {
	if depth > 2 {
		s.not("nesting")
		return nil
	}
	return s.markup(strings.NewReader(text), depth+1)
}
