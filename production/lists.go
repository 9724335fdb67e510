package production

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// columns are the fields of items.csv and items.dat, in order.
var columns = []struct {
	name  string
	value func(Item) string
}{
	{"number", func(it Item) string { return strconv.FormatInt(it.Number, 10) }},
	{"path", Item.Path},
	{"sha256", func(it Item) string { return it.SHA256.Hex() }},
	{"size", func(it Item) string { return strconv.FormatInt(it.Size, 10) }},
	{"source", func(it Item) string { return it.Source }},
	{"account", func(it Item) string { return string(it.Account) }},
	{"container", func(it Item) string { return it.Container }},
	{"name", func(it Item) string { return it.Name }},
	{"category", func(it Item) string { return string(it.Category) }},
	{"form", func(it Item) string { return it.Form }},
	{"received_from", func(it Item) string { return when(it.Received.From) }},
	{"received_to", func(it Item) string { return when(it.Received.To) }},
	{"received_rule", func(it Item) string { return it.Received.Rule }},
	{"sent_from", func(it Item) string { return when(it.Sent.From) }},
	{"sent_to", func(it Item) string { return when(it.Sent.To) }},
	{"sent_rule", func(it Item) string { return it.Sent.Rule }},
	{"matched", func(it Item) string { return strings.Join(it.Matched, "; ") }},
	{"flags", func(it Item) string { return strings.Join(it.Flags, "; ") }},
	{"decision", func(it Item) string { return string(it.Decision) }},
	{"reason", func(it Item) string { return it.Reason }},
	{"unquoted_sha256", func(it Item) string {
		if it.Unquoted == nil {
			return ""
		}
		return it.Unquoted.SHA256.Hex()
	}},
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func header() []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

func row(it Item) []string {
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = c.value(it)
	}
	return values
}

// writeCSV writes one record of items.csv (RFC 4180, "\n" at line ends). A cell
// that a spreadsheet would take for a formula begins with an apostrophe.
func writeCSV(w io.Writer, values []string) error {
	line := make([]byte, 0, 512)
	for i, v := range values {
		if !bare(v) {
			return writeQuoted(w, values)
		}
		if i > 0 {
			line = append(line, ',')
		}
		if formula(v) {
			line = append(line, '\'')
		}
		line = append(line, v...)
	}
	_, err := w.Write(append(line, '\n'))
	return err
}

// bare reports whether a cell stands in CSV as it is, which nearly all do.
func bare(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < ' ' || c > '~' || c == ',' || c == '"' || c == '\\' || c == ' ' && i == 0 {
			return false
		}
	}
	return true
}

func formula(v string) bool { return strings.ContainsAny(v[:min(1, len(v))], "=+-@\t\r") }

// writeQuoted writes a record with a cell that is not bare.
func writeQuoted(w io.Writer, values []string) error {
	safe := make([]string, len(values))
	for i, v := range values {
		if formula(v) {
			v = "'" + v
		}
		safe[i] = strings.Map(func(r rune) rune {
			if r == 0 || r == '\r' { // readers disagree about both
				return '\uFFFD'
			}
			return r
		}, v)
	}
	c := csv.NewWriter(w)
	if err := c.Write(safe); err != nil {
		return err
	}
	c.Flush()
	return c.Error()
}

// The delimiters of a Concordance load file.
const (
	datQuote   = '\u00FE'
	datField   = '\u0014'
	datNewline = '\u00AE'
	datBOM     = "\uFEFF"
)

// writeDAT writes one record of items.dat, and returns how many characters it
// had to replace: the three delimiters and other control characters become
// "?", line breaks become ®. The original stands in items.jsonl.
func writeDAT(w io.Writer, values []string) (replaced int64, err error) {
	line := make([]byte, 0, 768)
	for i, v := range values {
		if i > 0 {
			line = append(line, datField)
		}
		line = utf8.AppendRune(line, datQuote)
		if plain(v) {
			line = append(line, v...)
		} else {
			var n int64
			line, n = appendDAT(line, v)
			replaced += n
		}
		line = utf8.AppendRune(line, datQuote)
	}
	_, err = w.Write(append(line, "\r\n"...))
	return replaced, err
}

// plain reports whether a value is nothing but visible ASCII and blanks.
func plain(v string) bool {
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' {
			return false
		}
	}
	return true
}

// appendDAT appends any value, and returns how many characters it replaced.
func appendDAT(line []byte, v string) (_ []byte, replaced int64) {
	for _, r := range strings.ReplaceAll(v, "\r\n", "\n") {
		switch {
		case r == '\n' || r == '\r':
			r = datNewline
		case r == datQuote || r == datNewline || unicode.IsControl(r):
			r, replaced = '?', replaced+1
		}
		line = utf8.AppendRune(line, r)
	}
	return line, replaced
}
