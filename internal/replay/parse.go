package replay

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
)

// Limits of a table.
const (
	maxBytes = 4 << 20
	maxRows  = 20_000
	maxTotal = 1 << 20 // of leaves that a row makes
	maxBulk  = 1<<16 - 1
)

// countable are the fields that a row may be about. Accounts are given as one
// number, however they are published.
var countable = []string{law.Demand, law.AccountField, law.ContentField, law.Noncontent, law.NoData, law.Rejected, law.Voided}

var (
	sheetName = regexp.MustCompile(`^[a-z0-9-]+(/[a-z0-9-]+)*$`)
	dateLike  = regexp.MustCompile(`^[0-9]{1,2}[/.][0-9]{1,2}[/.][0-9]{2,4}$`)
)

// line is a line of the table on its way to a row.
type line struct {
	Row
	columns []string
	text    string
	drawn   bool             // Actual was not given
	why     *vitrine.Refusal // why it is no row
	blank   string           // why it is no total
	named   bool             // Period and Sheet are what the line names
	flag    string           // what is strange about it
	rule    law.Rule         // of a row of the public ledger
}

// Parse reads a table. Numbers that a band hides and that are not given are
// drawn by the seed. An error says that this is no table at all.
func Parse(b []byte, seed uint64) (*Table, error) {
	lines, err := split(b)
	if err != nil {
		return nil, err
	}
	for i := range lines {
		lines[i].parse(seed)
	}
	return check(lines), nil
}

// split takes the table apart into lines with columns.
func split(b []byte) ([]line, error) {
	if len(b) > maxBytes {
		return nil, vitrine.Refusef(vitrine.Usage, "the table has %d bytes: want at most %d", len(b), maxBytes)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if bytes.Contains(bytes.ReplaceAll(b, []byte("\r\n"), nil), []byte("\r")) {
		return nil, vitrine.Refusef(vitrine.Usage, "the table's lines end with a carriage return alone, so that it is one line: save it with line feeds")
	}
	var lines []line
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord = -1
	for {
		before := r.InputOffset()
		columns, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, vitrine.Refusef(vitrine.Usage, "the table cannot be read as CSV: %v", err)
		}
		n, _ := r.FieldPos(0)
		if len(lines) == 0 && isHead(columns) {
			continue
		}
		lines = append(lines, line{Row: Row{Line: n}, columns: columns, text: strings.Trim(string(b[before:r.InputOffset()]), "\r\n")})
		if len(lines) > maxRows {
			return nil, vitrine.Refusef(vitrine.Usage, "the table has more than %d rows: split it", maxRows)
		}
	}
	if len(lines) == 0 {
		return nil, vitrine.Refusef(vitrine.Usage, "the table has no rows: want lines such as 2013-H1,us/search-warrant,demand,2456")
	}
	return lines, nil
}

// isHead reports whether a line names the columns.
func isHead(columns []string) bool {
	head := []string{"period", "sheet", "field", "value", "actual"}
	return len(columns) >= 4 && len(columns) <= 5 && slices.Equal(columns, head[:len(columns)])
}

// refuse keeps the first reason.
func (l *line) refuse(ground, format string, args ...any) {
	if l.why == nil {
		l.why = &vitrine.Refusal{Kind: vitrine.Refused, Ground: ground, Text: fmt.Sprintf(format, args...)}
	}
}

// because keeps a reason that another package gives.
func (l *line) because(err error) {
	var r *vitrine.Refusal
	if errors.As(err, &r) {
		l.refuse(r.Ground, "%s", r.Text)
	} else if err != nil {
		l.refuse("", "%v", err)
	}
}

func (l *line) parse(seed uint64) {
	if n := len(l.columns); n < 4 || n > 5 {
		l.refuse("", "it has %d columns: want period, sheet, field, value, and for a band the number in it", n)
		return
	}
	for i, name := range []string{"period", "sheet", "field", "value", "actual"}[:len(l.columns)] {
		if c := l.columns[i]; strings.TrimFunc(c, unicode.IsSpace) != c {
			l.refuse("", "%s %q has a space at its end or beginning: it would be another name than without", name, c)
			return
		}
	}
	l.parseNames()
	if l.why == nil && !l.isTotal() {
		return
	}
	if l.why == nil && !slices.Contains(countable, l.Field) {
		l.refuse("", "field %q is none that a ledger counts: want one of %s%s", l.Field, strings.Join(countable, ", "), bulkHint(l.Field))
	}
	if l.why == nil {
		l.parseValue(seed)
	}
}

func bulkHint(field string) string {
	if field == law.BulkAccounts {
		return "; give accounts as account, however many"
	}
	return ""
}

func (l *line) parseNames() {
	period, err := law.ParsePeriod(l.columns[0])
	l.Sheet, l.Field = l.columns[1], l.columns[2]
	switch {
	case dateLike.MatchString(l.columns[0]):
		l.refuse("", "period %q is a date that is read day first or month first, as its reader likes: name the period, such as 2013-H1", l.columns[0])
	case err != nil:
		l.because(err)
	case cadence(period) == "":
		l.refuse("", "period %s is no whole month, quarter, half-year or year, nor 180 days", period)
	case len(l.Sheet) > 64 || !sheetName.MatchString(l.Sheet):
		l.refuse("", "sheet %q is no name of a sheet: want parts of a-z, 0-9 and - with / between, 64 bytes at most", l.Sheet)
	default:
		l.Period, l.named = period, true
	}
}

// cadence is that of which the period is a whole one, "" if there is none.
func cadence(p law.Period) law.Cadence {
	for _, c := range []law.Cadence{law.Halves, law.Years, law.Quarters, law.Months, law.Strict180} {
		if c.Whole(p) {
			return c
		}
	}
	return ""
}

// isTotal sorts out what is no total.
func (l *line) isTotal() bool {
	value := l.columns[3]
	switch {
	case value == "":
		l.blank = "blank: nothing was said, which is not 0"
	case strings.HasPrefix(l.Field, "percent") || strings.HasSuffix(value, "%"):
		l.blank = "a percentage"
	}
	return l.blank == ""
}

func (l *line) parseValue(seed uint64) {
	value := l.columns[3]
	if n, err := number(value); err == nil {
		l.Low, l.High, l.Actual = n, n, n
		if len(l.columns) == 5 && l.columns[4] != "" {
			l.refuse("", "%d is a number, so there is no other that is counted: leave the fifth column out", n)
		}
	} else if !strings.Contains(value, "-") {
		l.because(err)
		return
	} else if l.Low, l.High, err = law.ParseBand(value); err != nil {
		l.because(err)
		return
	} else {
		l.banded = true
	}
	l.place()
	if l.banded && l.why == nil {
		l.hide(seed)
	}
}

// number reads a total.
func number(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("%q is no total: want a number such as 2456, or a band such as 750-999 with a hyphen", s)
	}
	return n, nil
}

// hide finds the number in the band that is counted.
func (l *line) hide(seed uint64) {
	if len(l.columns) < 5 || l.columns[4] == "" {
		h := fnv.New64a()
		h.Write([]byte(l.Name()))
		l.Actual, l.drawn = l.Low+rand.New(rand.NewPCG(seed, h.Sum64())).Uint64N(l.High-l.Low+1), true
		return
	}
	n, err := number(l.columns[4])
	switch {
	case err != nil:
		l.because(err)
	case n < l.Low || n > l.High:
		l.refuse("", "%d, which is to be counted, is not in the band %d-%d", n, l.Low, l.High)
	}
	l.Actual = n
}
