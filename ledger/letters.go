package ledger

import "strings"

// letters are the characters that names of one kind have beside a–z and 0–9.
// There is no regular expression here, since the tables of package regexp are a
// twelfth of what a browser loads to check a report.
type letters string

// MatchString reports whether s is such a name, of 1 to 64 characters.
func (l letters) MatchString(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte(string(l), c) < 0 {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 64
}
