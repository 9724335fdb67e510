package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// waiting is tables that come in a later report.
type waiting struct {
	Tables      []string
	Period      string
	Before, Due string
	Deferred    string // instead of days, of what joins a later table
}

// later lists what the headers up to the report's period promise and no report
// up to this one has. All of it was fixed before the periods began.
func (l *language) later(p Published, reports []Published) []waiting {
	done := map[string]bool{}
	for _, r := range reports {
		for _, t := range r.Statement.Tables {
			done[openingKey(t.Class, t.Header, t.Name)] = true
			for _, cell := range t.Cells {
				done[cellKey(t.Class, cell.Period, cell.Sheet)] = true
			}
		}
	}
	var all []waiting
	for _, s := range p.Statement.Ledgers {
		for _, h := range p.chain(s.Class) {
			if periodOf(h.Header).To.After(p.Period.To) {
				continue
			}
			all = append(all, l.tablesLater(h.Header, done)...)
			all = append(all, l.sheetsLater(h.Header, done)...)
		}
	}
	return all
}

func cellKey(c ledger.Class, period uint64, sheet string) string {
	return fmt.Sprintf("%s %d %s", c, period, sheet)
}

func openingKey(c ledger.Class, header uint64, name string) string {
	return fmt.Sprintf("%s %d opening %s", c, header, name)
}

func (l *language) tablesLater(h *ledger.Header, done map[string]bool) []waiting {
	var all []waiting
	tables := slices.DeleteFunc(slices.Clone(h.Tables), func(t ledger.Table) bool {
		return len(t.Cells) == 0 || done[cellKey(h.Class, t.Cells[0].Period, t.Cells[0].Sheet)]
	})
	for _, o := range h.Openings {
		if len(o.Cells) > 0 && !done[openingKey(h.Class, h.Number, o.Name)] {
			tables = append(tables, ledger.Table{Cells: o.Cells, Due: o.Due, Name: o.Name, NotBefore: o.NotBefore})
		}
	}
	for _, t := range tables {
		titles := l.promised(h, t)
		w := waiting{Period: l.period(periodOf(h)), Before: l.unix(t.NotBefore), Due: l.unix(t.Due)}
		if n := len(all); n > 0 && all[n-1].Before == w.Before && all[n-1].Due == w.Due {
			all[n-1].Tables = append(all[n-1].Tables, titles...)
			continue
		}
		w.Tables = titles
		all = append(all, w)
	}
	return all
}

// promised is what a table will count.
func (l *language) promised(h *ledger.Header, t ledger.Table) []string {
	r := row{name: t.Name, class: h.Class}
	r.structure, _ = law.LookupStructure(h.Structure)
	var titles []string
	for _, a := range r.structure.Rows {
		if a.Table == t.Name {
			titles = append(titles, l.lawRow(a))
		}
	}
	if len(titles) > 0 {
		return titles
	}
	r.place(t.Cells[0].Sheet)
	title, _ := l.titles(r)
	return []string{title}
}

// sheetsLater lists the sheets whose cells wait for a table of a later period.
func (l *language) sheetsLater(h *ledger.Header, done map[string]bool) []waiting {
	var all []waiting
	for _, s := range h.Sheets {
		if s.Joins == "" || done[cellKey(h.Class, h.Number, s.Name)] {
			continue
		}
		title, _ := l.titles(placed(s.Name))
		deferred := l.say("later.deferred", l.number(s.Deferred/(24*3600)))
		if n := len(all); n > 0 && all[n-1].Deferred == deferred {
			all[n-1].Tables = append(all[n-1].Tables, title)
			continue
		}
		all = append(all, waiting{Tables: []string{title}, Period: l.period(periodOf(h)), Deferred: deferred})
	}
	return all
}

// placed is a row about one sheet.
func placed(sheet string) row {
	r := row{name: sheet}
	r.place(sheet)
	return r
}

func (l *language) unix(t uint64) string { return l.date(time.Unix(int64(t), 0).UTC()) }
