package mandate_test

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// value is any value: spec/mandate.md, "Bytes". What may not stand in it is
// checked by plainText, since an expression would be hard to read.
const value = `[^ \n](?:[^\n]*[^ \n])?`

// instants are written in UTC.
const instants = `(?:19[7-9]\d|[2-9]\d{3})-\d\d-\d\dT\d\d:\d\d:\d\dZ`

// statementGrammar is the statement's form as a stranger would write it down
// from spec/mandate.md alone: a second reader for the tests.
var statementGrammar = grammar(`Vitrine mandate, version 1

Whoever signs this text approves that the data described here, and no other,
is collected from the named sources and handed over, sealed to the named keys.

`, [][2]string{
	{"demand:            ", `[a-z2-7]{16}`},
	{"reference:         ", value},
	{"authority:         ", value},
	{"authority name:    ", value},
	{"instrument:        ", value},
	{"instrument name:   ", value},
	{"article:           +", value},
	{"document:          ", `sha256:[0-9a-f]{64}`},
	{"received:          ", instants},
	{"", ""},
	{"account:           +", value},
	{"category:          +", `(?:subscriber|identity|traffic|content)`},
	{"from:              ", instants + ` \(included\)`},
	{"to:                ", instants + ` \(not included\)`},
	{"zone:              ?", `[A-Za-z][A-Za-z0-9/_+-]*`},
	{"from, there:       ?", `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)`},
	{"to, there:         ?", `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)`},
	{"clock:             ", `(?:received \(the store's own record of arrival\)|sent \(the sender's Date header\))`},
	{"correspondents:    ?", `any`},
	{"correspondent:     *", `[^ \n@]+@[^ \n@]+`},
	{"keywords:          ?", `only items that say one of these, as a whole word or phrase, in text, subject or file name; what cannot be searched is for people to decide`},
	{"keyword:           *", `[^ \n](?:[^\n]{0,398}[^ \n])`},
	{"", ""},
	{"source:            +", `[a-z][a-z0-9._-]{0,63} [a-z][a-z0-9._-]{0,63} ` + value},
	{"seal to:           +", value},
	{"need:              ", `[1-9]\d*`},
	{"approver:          +", `[a-z][a-z0-9._-]{0,63} SHA256:[A-Za-z0-9+/]{43}`},
})

var rulingGrammar = grammar(`Vitrine ruling, version 1

Whoever signs this text approves that each item listed here, which the records
alone put neither inside nor outside the mandate, is produced or withheld as said.

`, [][2]string{
	{"demand:  ", `[a-z2-7]{16}`},
	{"mandate: ", `sha256:[0-9a-f]{64}`},
	{"hold:    ", `sha256:[0-9a-f]{64}`},
	{"", ""},
	{"item:    +", `[1-9]\d* sha256:[0-9a-f]{64} (?:produce|withhold) ` + value},
})

// grammar joins a head and rows of key and value; a sign after the key says
// how often the row may stand.
func grammar(head string, rows [][2]string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A` + regexp.QuoteMeta(head))
	for _, row := range rows {
		key, times := strings.TrimRight(row[0], "+?*"), ""
		if key != row[0] {
			times = row[0][len(key):]
		}
		b.WriteString("(?:" + regexp.QuoteMeta(key) + row[1] + `\n)` + times)
	}
	return regexp.MustCompile(b.String() + `\z`)
}

// plainText looks for what may stand in no text: spec/mandate.md, "Bytes".
func plainText(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool {
		return r != '\n' && (unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || unicode.IsSpace(r) && r != ' ')
	}) < 0
}
