package search

import (
	"fmt"
	"io"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// words decodes encoded words (RFC 2047) of any charset that is known.
var words = mime.WordDecoder{CharsetReader: func(name string, r io.Reader) (io.Reader, error) {
	name, _, _ = strings.Cut(name, "*") // a language may follow: RFC 2231 section 5
	e := charset(name)
	if e == nil {
		return nil, fmt.Errorf("charset %q is not known", name)
	}
	return utf8Of(r, e), nil
}}

// unworded is a header's text without encoded words; whole reports whether all
// of them could be read.
func unworded(value string) (text string, whole bool) {
	text, err := words.DecodeHeader(value)
	if err != nil {
		text = value
	}
	_, rest, opened := strings.Cut(text, "=?")
	return text, err == nil && !(opened && strings.Contains(rest, "?="))
}

// subject searches a header's unstructured text.
func (s *search) subject(value string) error {
	text, whole := unworded(value)
	if !whole {
		s.not("subject")
	}
	return s.short(text)
}

// params reads a structured field: its value in lower case, and its parameters
// by name in lower case. ok is false if something in it is none.
func params(value string) (kind string, all map[string]string, ok bool) {
	kind, rest, _ := strings.Cut(value, ";")
	kind, all, ok = strings.ToLower(strings.TrimSpace(uncommented(kind))), map[string]string{}, true
	for rest = strings.TrimSpace(rest); rest != ""; {
		var name, v string
		name, v, rest, ok = param(rest, ok)
		if name == "" {
			continue
		}
		if _, twice := all[name]; twice {
			ok = false
			continue
		}
		all[name] = v
	}
	return kind, all, ok
}

// uncommented takes off a comment at the end.
func uncommented(s string) string {
	s, _, _ = strings.Cut(s, "(")
	return s
}

// param reads one parameter and what is left behind it.
func param(s string, ok bool) (name, value, rest string, still bool) {
	name, after, has := strings.Cut(s, "=")
	if i := strings.IndexByte(s, ';'); i >= 0 && i < len(name) {
		return "", "", strings.TrimSpace(s[i+1:]), ok && strings.TrimSpace(s[:i]) == ""
	}
	name = strings.ToLower(strings.TrimSpace(name))
	if !has || name == "" {
		return "", "", "", false
	}
	after = strings.TrimLeft(after, " \t")
	if !strings.HasPrefix(after, `"`) {
		value, rest, _ = strings.Cut(after, ";")
		return name, strings.TrimSpace(value), strings.TrimSpace(rest), ok
	}
	var b strings.Builder
	for i := 1; i < len(after); i++ {
		switch c := after[i]; {
		case c == '\\' && i+1 < len(after):
			i++
			b.WriteByte(after[i])
		case c == '"':
			skipped, rest, _ := strings.Cut(after[i+1:], ";")
			return name, b.String(), strings.TrimSpace(rest), ok && strings.TrimSpace(uncommented(skipped)) == ""
		default:
			b.WriteByte(c)
		}
	}
	return name, b.String(), "", false
}

// names searches the file names that a part's fields give it: plain, as encoded
// words, or as RFC 2231 has them.
func (s *search) names(all map[string]string) error {
	for _, key := range []string{"filename", "name"} {
		if v, ok := all[key]; ok {
			text, whole := unworded(v)
			if !whole {
				s.not("file-name")
			}
			if err := s.short(text); err != nil {
				return err
			}
		}
		v, whole := extended(key, all)
		if !whole {
			s.not("file-name")
		}
		if err := s.short(v); err != nil {
			return err
		}
	}
	return nil
}

// extended joins a parameter of RFC 2231: name*, or name*0, name*1* and so on.
func extended(key string, all map[string]string) (value string, whole bool) {
	whole = true
	var raw, set string
	used := 0
	for i := -1; ; i++ {
		name := key + "*"
		if i >= 0 {
			name += strconv.Itoa(i)
		}
		v, ok := all[name]
		coded := i < 0
		if !ok && i >= 0 {
			v, ok = all[name+"*"]
			coded = true
		}
		if !ok {
			if i < 0 {
				continue
			}
			break
		}
		used++
		if coded && set == "" && (i < 0 || i == 0) {
			if parts := strings.SplitN(v, "'", 3); len(parts) == 3 {
				set, v = parts[0], parts[2]
			} else {
				whole = false
			}
		}
		if coded {
			plain, err := url.PathUnescape(v)
			if err != nil {
				whole, plain = false, v
			}
			v = plain
		}
		raw += v
	}
	for name := range all {
		if strings.HasPrefix(name, key+"*") {
			used--
		}
	}
	e := charset(set)
	if e == nil {
		return "", false
	}
	b, err := io.ReadAll(utf8Of(strings.NewReader(raw), e))
	return string(b), whole && used == 0 && err == nil
}

// textual are the types beside text/* that are read as text.
var textual = []string{"message/delivery-status", "message/disposition-notification", "message/feedback-report"}

// partly are types of text in which a word can be written otherwise than it is
// read: only a hit counts.
var partly = []string{"text/rtf", "text/calendar", "text/vcard", "text/x-vcard", "text/directory", "text/xml", "text/enriched", "text/richtext", "text/css", "text/javascript"}

func isText(kind string) bool {
	return strings.HasPrefix(kind, "text/") || slices.Contains(textual, kind)
}
