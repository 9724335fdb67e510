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

// simple reads what nearly all address fields are: words, commas and angle
// brackets, nothing quoted, no comments, no groups.
func simple(list []string, body string) ([]string, bool) {
	for i := range len(body) {
		if c := body[i]; c >= 0x7f || c < ' ' && c != '\t' || special[c] {
			return list, false
		}
	}
	for part := range strings.SplitSeq(body, ",") {
		part = strings.Trim(part, " \t")
		if open := strings.IndexByte(part, '<'); open >= 0 {
			if part[len(part)-1] != '>' || strings.IndexByte(part[:open], '@') >= 0 {
				return list, false
			}
			part = part[open+1 : len(part)-1]
		}
		at := strings.IndexByte(part, '@')
		if at <= 0 || !dotAtom(part[:at]) || !dotAtom(part[at+1:]) {
			return list, false
		}
		list = append(list, strings.ToLower(part))
	}
	return list, true
}

// special are the bytes with a meaning that simple does not know.
var special = [256]bool{'"': true, '\\': true, '(': true, ')': true, '[': true, ']': true, ':': true, ';': true, '=': true, '?': true}

// dotAtom reports whether s is words of RFC 5322 atext joined by single dots.
func dotAtom(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	return !strings.ContainsAny(s, " \t<>@,")
}
