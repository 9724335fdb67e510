package mail

import (
	"net/mail"
	"strings"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// addresses appends to list the addresses of one address field's body,
// unfolded. doubtful is true if the body leaves room for one that is not in
// the result.
func addresses(list []string, body string) (_ []string, doubtful bool) {
	n := len(list)
	if list, ok := simple(list, body); ok {
		return list, false
	}
	if parsed, err := mail.ParseAddressList(body); err == nil && !strings.Contains(body, "=?") {
		for _, p := range parsed {
			at := strings.LastIndexByte(p.Address, '@')
			a, ok := collect.Address(p.Address[:max(at, 0)], p.Address[at+1:])
			if !ok {
				doubtful = true
				continue
			}
			list = append(list, a)
		}
		return list, doubtful
	}
	return loose(list[:n], body)
}

// simple reads what nearly all address fields are: words, commas, angle
// brackets, and quoted names before them; no comments, no groups, no escapes.
func simple(list []string, body string) ([]string, bool) {
	quoted := false
	for i := range len(body) {
		c := body[i]
		if quoted = quoted != (c == '"'); c >= 0x7f || c < ' ' && c != '\t' || c == '\\' || special[c] && !quoted {
			return list, false
		}
	}
	for more := true; more; {
		var part string
		part, body, more = cutElement(body)
		a, ok := simpleAddress(strings.Trim(part, " \t"))
		if !ok || quoted {
			return list, false
		}
		list = append(list, a)
	}
	return list, true
}

// cutElement cuts body at its first comma outside of quotes.
func cutElement(body string) (part, rest string, more bool) {
	quoted := false
	for i := range len(body) {
		switch {
		case body[i] == '"':
			quoted = !quoted
		case body[i] == ',' && !quoted:
			return body[:i], body[i+1:], true
		}
	}
	return body, "", false
}

// simpleAddress reads an address, or a name and an address in brackets.
func simpleAddress(part string) (string, bool) {
	if end := strings.LastIndexByte(part, '"'); end >= 0 {
		if begin := strings.IndexByte(part, '"'); begin != 0 || strings.Count(part, `"`) != 2 || !strings.HasSuffix(part, ">") {
			return "", false
		}
		if part = strings.TrimLeft(part[end+1:], " \t"); part[0] != '<' {
			return "", false
		}
	}
	if open := strings.IndexByte(part, '<'); open >= 0 {
		if part[len(part)-1] != '>' || strings.IndexByte(part[:open], '@') >= 0 {
			return "", false
		}
		part = part[open+1 : len(part)-1]
	}
	at := strings.IndexByte(part, '@')
	if at <= 0 || !dotAtom(part[:at]) || !dotAtom(part[at+1:]) {
		return "", false
	}
	return strings.ToLower(part), true
}

// special are the bytes with a meaning that simple does not know.
var special = [256]bool{'(': true, ')': true, '[': true, ']': true, ':': true, ';': true, '=': true, '?': true}

// dotAtom reports whether s is words of RFC 5322 atext joined by single dots.
func dotAtom(s string) bool {
	dot := true // a dot may not come now
	for i := range len(s) {
		switch s[i] {
		case ' ', '\t', '<', '>', '@', ',', '"':
			return false
		case '.':
			if dot {
				return false
			}
			dot = true
		default:
			dot = false
		}
	}
	return !dot
}
