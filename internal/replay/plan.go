package replay

import (
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// A period has minTicks to maxTicks ticks: with one, the next period could not be
// announced in time; with more, what comes on the first day could be counted later
// than the header promises.
const minTicks, maxTicks = 2, 4

// maxBundles and maxSheets are how many a tick may have.
const maxBundles, maxSheets = 4096, 256

// Ledger is one of the ledgers that count a table.
type Ledger struct {
	Class   ledger.Class
	Periods []Period
}

// Period is what a period's header says, and what comes in it.
type Period struct {
	law.Period
	Cadence   law.Cadence
	Structure string      // of 50 U.S.C. § 1874, class restricted only
	Sheets    []string    // that the law knows, class public only
	Made      []law.Sheet // that it does not know
	Ticks     int
	Slots     map[string]int // in each tick
	Groups    []Group
}

// Group is the demands of a sheet in a period.
type Group struct {
	Table      string               // in which they are published
	Sheet      string               // on which they are counted
	Instrument vitrine.InstrumentID // by which they come to the desk; "" if they are made up
	Demands    int
	Accounts   int
	Bulk       bool // accounts have no leaves of their own
	Outcomes   []Outcome

	most, mostAccounts int // what slots are for, in place of Demands and Accounts
}

// Outcome is how some of the demands ended.
type Outcome struct {
	Field  string
	Number int
}

// Bundles is how many bundles a tick of the period has.
func (p Period) Bundles() int {
	n := 0
	for _, s := range p.Slots {
		n += s
	}
	return (n + ledger.Slots - 1) / ledger.Slots
}

// Plan says which ledgers count the rows, with as few bundles as they need. The
// slots of sheets with bands follow from the bands' upper ends alone.
func (t *Table) Plan() ([]Ledger, error) {
	var all []Ledger
	for _, class := range []ledger.Class{ledger.Public, ledger.Restricted} {
		periods := t.spanned(class)
		if class == ledger.Public && len(periods) == 0 {
			periods = t.spanned(ledger.Restricted) // a report needs its public ledger
		}
		l := Ledger{Class: class}
		for i, p := range periods {
			l.Periods = append(l.Periods, t.period(class, p))
			if now := &l.Periods[i]; i > 0 && class == ledger.Restricted && now.Structure == "" {
				now.Structure = goesOn(l.Periods[i-1].Structure, p)
			}
			l.Periods[i].share()
			if n := len(l.Periods[i].Slots); n > maxSheets {
				return nil, vitrine.Refusef(vitrine.Usage, "%s has rows of %d sheets: a ledger counts at most %d", p, n, maxSheets)
			}
			if n := l.Periods[i].Bundles(); n > maxBundles {
				return nil, vitrine.Refusef(vitrine.Usage, "%s would take %d bundles in each tick: a replay makes at most %d", p, n, maxBundles)
			}
		}
		if len(l.Periods) > 0 {
			all = append(all, l)
		}
	}
	return all, nil
}

// spanned are the periods from the first to the last that has a row.
func (t *Table) spanned(class ledger.Class) []law.Period {
	has := func(p law.Period) bool {
		return slices.ContainsFunc(t.Rows, func(r Row) bool { return r.Class() == class && r.Period.Equal(p) })
	}
	all := t.periods[class]
	first := slices.IndexFunc(all, has)
	if first < 0 {
		return nil
	}
	last := len(all)
	for !has(all[last-1]) {
		last--
	}
	return all[first:last]
}

func (t *Table) period(class ledger.Class, of law.Period) Period {
	p := Period{Period: of, Cadence: cadence(of)}
	for _, r := range t.Rows {
		if r.Class() == class && r.Period.Equal(of) {
			p.add(r)
		}
	}
	if class == ledger.Public {
		p.sheets()
	}
	return p
}

// add puts a row into its group.
func (p *Period) add(r Row) {
	i := slices.IndexFunc(p.Groups, func(g Group) bool { return g.Table == r.Sheet })
	if i < 0 {
		i = len(p.Groups)
		p.Groups = append(p.Groups, Group{Table: r.Sheet, Sheet: r.Sheet})
	}
	g := &p.Groups[i]
	if r.structure.ID != "" {
		p.Structure, g.Sheet = r.structure.ID, r.answers.Sheets[0]
	}
	switch r.Field {
	case law.Demand:
		g.Demands, g.most = int(r.Actual), int(r.High)
		if in, ok := law.Lookup(vitrine.InstrumentID(g.Sheet)); ok && in.CountsOn(law.Demand) == g.Sheet && in.CountsOn(law.AccountField) == g.Sheet {
			g.Instrument = in.ID
		}
	case law.AccountField:
		g.Accounts, g.mostAccounts = int(r.Actual), int(r.High)
	default:
		g.Outcomes = append(g.Outcomes, Outcome{r.Field, int(r.Actual)})
		slices.SortFunc(g.Outcomes, func(a, b Outcome) int { return strings.Compare(a.Field, b.Field) })
	}
}

// beyond is the sheet of a public ledger of which the table says nothing.
const beyond = "beyond-the-table"

// Beyond is what a public ledger counts after the table's last period, while
// another goes on: nothing.
func Beyond() law.Sheet { return sheetOf(beyond) }

// sheets are those that have a row.
func (p *Period) sheets() {
	for _, g := range p.Groups {
		if _, ok := law.Lookup(vitrine.InstrumentID(g.Sheet)); ok || sheetOf(g.Sheet).Regime != "" {
			p.Sheets = append(p.Sheets, g.Sheet)
		} else {
			p.Made = append(p.Made, sheetOf(g.Sheet))
		}
	}
	if len(p.Groups) == 0 {
		p.Made = []law.Sheet{Beyond()}
	}
}
