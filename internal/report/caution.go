package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// cautions are what a page says first: what it cannot show.
func (l *language) cautions(provider string, p Published) []string {
	var all []string
	if p.Words.Demo {
		all = append(all, l.say("first.demo"))
	}
	for _, s := range p.Statement.Ledgers {
		text := l.witnesses(provider, p.chain(s.Class))
		if text != "" && !p.Words.Demo && (len(all) == 0 || all[len(all)-1] != text) {
			all = append(all, text)
		}
	}
	if text := l.closed(p); text != "" {
		all = append(all, text)
	}
	if len(all) == 0 {
		all = append(all, l.say("first.none"))
	}
	return all
}

// closed says what the setting of the restricted ledger hides.
func (l *language) closed(p Published) string {
	c := p.chain(ledger.Restricted)
	if len(c) == 0 {
		return l.say("first.off")
	}
	switch c[len(c)-1].Publication {
	case ledger.Auditor:
		return l.say("first.auditor")
	case ledger.AfterEmbargo:
		return l.say("first.embargo")
	}
	return ""
}

// witnesses says how a ledger was watched, if it was not watched enough.
func (l *language) witnesses(provider string, c ledger.Chain) string {
	last := c[len(c)-1].Header
	if quorum, ok := watched(provider, last); !ok && quorum <= 0 {
		return l.say("first.nobody")
	} else if !ok {
		return l.say("first.few", l.number(uint64(last.Witnesses.Quorum)), l.number(uint64(len(last.Witnesses.Keys))))
	}
	for i := len(c) - 1; i >= 0; i-- {
		if _, ok := watched(provider, c[i].Header); !ok {
			return l.say("first.earlier", l.date(periodOf(c[i].Header).To))
		}
	}
	return ""
}

// watched reports whether it takes at least two witnesses that are not the
// provider's, of three. Quorum is how many others it takes at least.
func watched(provider string, h *ledger.Header) (quorum int, ok bool) {
	own := 0
	for _, w := range h.Witnesses.Keys {
		if same(w.Organisation, provider) {
			own++
		}
	}
	quorum = h.Witnesses.Quorum - own
	return quorum, quorum >= 2 && len(h.Witnesses.Keys)-own >= 3
}

func same(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

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

func (l *language) sheetsLater(h *ledger.Header, done map[string]bool) []waiting {
	var all []waiting
	for _, s := range h.Sheets {
		if s.Joins == "" || done[cellKey(h.Class, h.Number, s.Name)] {
			continue
		}
		with, _ := l.titles(placed(s.Joins))
		title, _ := l.titles(placed(s.Name))
		days := l.number(s.Deferred / (24 * 3600))
		all = append(all, waiting{Tables: []string{title}, Period: l.period(periodOf(h)), Deferred: l.say("later.deferred", with, days)})
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
