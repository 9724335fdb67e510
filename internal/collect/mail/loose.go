package mail

import (
	"strings"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// looseList is the reading of an address field that follows no grammar: it
// splits at commas and takes what stands in angle brackets, or all there is.
type looseList struct {
	list     []string
	doubtful bool
	text     []byte // of the present element, outside of brackets and comments
	inside   []byte // of its angle brackets
	bracket  bool   // it has angle brackets
	group    bool   // it is in a group
	before   int    // how much of text stands before its brackets
}

// loose reads body as far as it goes. Anything that could be an address and is
// not in the list makes the field doubtful.
func loose(list []string, body string) ([]string, bool) {
	l := looseList{list: list}
	angle := false
	for i := 0; i < len(body); i++ {
		into := &l.text
		if angle {
			into = &l.inside
		}
		switch c := body[i]; {
		case c == '"':
			end := l.quoted(body[i:])
			*into = append(*into, body[i:i+end]...)
			i += end - 1
		case c == '(':
			i += l.comment(body[i:]) - 1
			*into = append(*into, ' ')
		case c == '<' && !angle:
			l.doubtful = l.doubtful || l.bracket
			angle, l.bracket, l.before = true, true, len(l.text)
		case c == '>' && angle:
			angle = false
		case (c == ',' || c == ';') && !angle:
			l.element()
			l.group = l.group && c == ','
		case c == ':' && !angle && !strings.Contains(string(l.text), "@"):
			l.text, l.before = l.text[:0], 0 // the name of a group
			l.doubtful = l.doubtful || l.group
			l.group = true
		default:
			*into = append(*into, c)
		}
	}
	l.doubtful = l.doubtful || angle
	l.element()
	return l.list, l.doubtful
}

// quoted returns where the quoted string at the start of s ends.
func (l *looseList) quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	l.doubtful = true
	return len(s)
}

// comment returns where the comment at the start of s ends.
func (l *looseList) comment(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	l.doubtful = true
	return len(s)
}

// element closes the present element and takes its address.
func (l *looseList) element() {
	spec := strings.TrimSpace(string(l.text))
	if l.bracket {
		l.doubtful = l.doubtful || strings.Contains(string(l.text[l.before:]), "@") // what stands before is a name
		spec = strings.TrimSpace(string(l.inside))
		if route := strings.LastIndexByte(spec, ':'); route >= 0 && strings.HasPrefix(spec, "@") {
			spec = spec[route+1:]
		}
	}
	l.text, l.inside, l.bracket = l.text[:0], l.inside[:0], false
	if spec != "" {
		l.spec(spec)
	}
}

// spec takes an address as written, or a local part that stands alone.
func (l *looseList) spec(s string) {
	at := strings.LastIndexByte(s, '@')
	if strings.Contains(s, "=?") {
		l.doubtful = true // it may decode to an address
		return
	}
	if at < 0 {
		if strings.ContainsAny(s, " \t\"\\") {
			l.doubtful = true
			return
		}
		l.list = append(l.list, strings.ToLower(s))
		return
	}
	local, ok := localPart(strings.TrimSpace(s[:at]))
	domain := strings.TrimSpace(s[at+1:])
	a, valid := collect.Address(local, domain)
	if !ok || !valid || strings.ContainsAny(domain, " \t\"\\<>:") && !strings.HasPrefix(domain, "[") {
		l.doubtful = true
		return
	}
	l.list = append(l.list, a)
}

// localPart takes the quotes off a local part.
func localPart(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' {
		return s, !strings.ContainsAny(s, " \t\"\\<>@")
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		} else if s[i] == '"' {
			return "", false
		}
		b.WriteByte(s[i])
	}
	return b.String(), s[len(s)-1] == '"'
}
