package report

import (
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// section is the rows of one regime in one period: counts, and a list of ranges.
type section struct {
	ID, Title string
	Columns   []string
	Shares    bool // whether the last column is a share of all accounts
	Rows      []line
	Sum       []cell // nil unless every number is exact
	Notes     []string
	List      []entry
}

// line is a row of counts, or the head of those that follow.
type line struct {
	Head, Title, Law string
	Cells            []cell
}

// cell is what is said in one place of a table.
type cell struct {
	Text  string
	Full  string // for who hears it, if the text is short for something
	Head  string // of its column
	Class string
}

// entry is one number of a list: what it counts, and the range it is in.
type entry struct {
	Title, Law, From  string
	Paper, Digest     string // the record of what permitted it, and its SHA-256
	Text, Class, Says string
	Range             bool
}

// sections arranges a report's rows.
func (l *language) sections(p Published, rows []row) []section {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b row) int {
		if a.state != "" && b.state != "" && a.instrument == b.instrument && a.period == b.period {
			return strings.Compare(l.sorted(a.state), l.sorted(b.state))
		}
		return before(a, b)
	})
	var all []section
	for len(rows) > 0 {
		first := rows[0]
		n := slices.IndexFunc(rows, func(r row) bool { return r.regime != first.regime || r.period != first.period })
		if n < 0 {
			n = len(rows)
		}
		next := l.section(p, rows[:n])
		for _, before := range all {
			next.Notes = slices.DeleteFunc(next.Notes, func(note string) bool { return slices.Contains(before.Notes, note) })
		}
		all = append(all, next)
		rows = rows[n:]
	}
	return all
}

// section is made of the rows of one regime and one period.
func (l *language) section(p Published, rows []row) section {
	s := section{ID: "t-" + strings.ReplaceAll(rows[0].regime, "/", "-"), Title: l.regime(rows[0].regime)}
	if rows[0].period != p.Period {
		s.ID += "-" + rows[0].period.Name()
		s.Title = l.say("tables.late", s.Title, l.period(rows[0].period))
	}
	var counts []row
	for _, r := range rows {
		if r.listed() {
			s.List = append(s.List, l.list(r)...)
		} else {
			counts = append(counts, r)
		}
	}
	if len(counts) > 0 {
		l.counts(&s, p.Words, counts)
	}
	if st := rows[0].structure; rows[0].class == ledger.Restricted && st.ID != "" {
		s.Notes = append(s.Notes, l.say("tables.structure", l.cited("50 U.S.C. § 1874(a)"), strings.TrimPrefix(st.Article, "50 U.S.C. § 1874"), l.number(uint64(st.Width))))
	}
	return s
}

// counts fills in the table of counts.
func (l *language) counts(s *section, w Words, rows []row) {
	fields, empty := columnsOf(rows)
	accounts, stated := w.share(rows[0].period.Name())
	s.Shares = stated && slices.ContainsFunc(rows, func(r row) bool { _, ok := r.accounts(); return ok })
	for _, f := range fields {
		s.Columns = append(s.Columns, l.field(f))
	}
	if s.Shares {
		s.Columns = append(s.Columns, l.say("tables.share"))
		s.Notes = append(s.Notes, l.say("tables.share.of", l.number(accounts.Number), meansOf(l, accounts)))
	}
	for _, f := range empty {
		s.Notes = append(s.Notes, l.say("tables.zero", l.field(f)))
	}
	head := ""
	for _, r := range rows {
		title, source := l.titles(r)
		if r.state != "" && title != head {
			s.Rows = append(s.Rows, line{Head: title, Law: source})
			head = title
		}
		if r.state != "" {
			title, source = l.states[r.state], ""
		}
		s.Rows = append(s.Rows, line{Title: title, Law: source, Cells: l.cells(r, fields, s, accounts.Number)})
	}
	s.Sum = l.sum(rows, fields, s, accounts.Number)
	if s.Sum == nil && len(rows) > 1 {
		s.Notes = append(s.Notes, l.say("tables.no-total"))
	}
	if v, ok := smallest(rows); ok {
		s.Notes = append(s.Notes, l.say("tables.small", l.value(v)))
	}
}

// columnsOf are the fields that rows have, in order, without those of which
// there were none anywhere.
func columnsOf(rows []row) (fields, empty []string) {
	for _, r := range rows {
		for _, f := range r.fields {
			if !slices.Contains(fields, f.Name) {
				fields = append(fields, f.Name)
			}
		}
	}
	none := func(field string) bool {
		return !slices.ContainsFunc(rows, func(r row) bool {
			v, ok := r.value(field)
			return ok && v != value{kind: exact}
		})
	}
	for _, rare := range []string{law.Voided, law.BulkAccounts} {
		if i := slices.Index(fields, rare); i >= 0 && none(rare) {
			fields = slices.Delete(fields, i, i+1)
			empty = append(empty, rare)
		}
	}
	return fields, empty
}

// cells are those of a row of counts.
func (l *language) cells(r row, fields []string, s *section, accounts uint64) []cell {
	var cells []cell
	for i, f := range fields {
		v, ok := r.value(f)
		c := cell{Text: l.value(v), Head: s.Columns[i], Class: string(v.kind)}
		switch {
		case v.kind == small:
			c.Text, c.Full = l.say("value.short", l.number(v.high+1)), c.Text
		case !ok:
			c.Text, c.Class = l.say("chart.none"), "none"
		case v.kind == exact && v.low == 0:
			c.Class = "zero"
		}
		cells = append(cells, c)
	}
	if !s.Shares {
		return cells
	}
	c := cell{Text: l.say("chart.none"), Head: s.Columns[len(fields)], Class: "none"}
	if n, ok := r.accounts(); ok {
		c.Text, c.Class = l.share(n, accounts, false), "share"
	}
	return append(cells, c)
}

// sum is the last row. There is none over a number that is not exact.
func (l *language) sum(rows []row, fields []string, s *section, accounts uint64) []cell {
	if len(rows) < 2 || slices.ContainsFunc(rows, func(r row) bool { return !r.exact() }) {
		return nil
	}
	var cells []cell
	named := uint64(0)
	for i, f := range fields {
		n := uint64(0)
		for _, r := range rows {
			v, _ := r.value(f)
			n += v.low
		}
		cells = append(cells, cell{Text: l.number(n), Head: s.Columns[i], Class: string(exact)})
	}
	for _, r := range rows {
		n, _ := r.accounts()
		named += n
	}
	if s.Shares {
		cells = append(cells, cell{Text: l.share(named, accounts, false), Head: s.Columns[len(fields)], Class: "share"})
	}
	return cells
}

// smallest is an example of a number that is too small to be shown.
func smallest(rows []row) (value, bool) {
	for _, r := range rows {
		for _, v := range r.values {
			if v.kind == small {
				return v, true
			}
		}
	}
	return value{}, false
}
