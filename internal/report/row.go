package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// row is one table of a statement, with what the law says of it.
type row struct {
	name       string
	class      ledger.Class
	period     law.Period
	fields     []ledger.Field
	values     []value // of the fields, in order
	cells      []string
	structure  law.Structure // of its header; zero if that has none
	regime     string        // that it is shown under
	instrument string        // "" if law does not know it
	state      string        // of the European Union, or ""
	petition   ledger.Hash   // what permitted to tell it once more, exactly; zero for a table
}

// rowsOf reads the tables of a report's statement.
func rowsOf(p Published) ([]row, error) {
	var rows []row
	for _, t := range p.Statement.Tables {
		r, err := rowOf(t, p.chain(t.Class))
		if err != nil {
			return nil, fmt.Errorf("read table %s of header %d: %w", t.Name, t.Header, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func rowOf(t ledger.Row, c ledger.Chain) (row, error) {
	if t.Header >= uint64(len(c)) || len(t.Cells) == 0 {
		return row{}, fmt.Errorf("it has no such header, or no cells")
	}
	h := c[t.Header].Header
	r := row{name: t.Name, class: t.Class, period: periodOf(h)}
	sheet, ok := c.Sheet(ledger.CellName{Period: t.Cells[0].Period, Sheet: t.Cells[0].Sheet})
	if !ok || len(sheet.Fields) != len(t.Fields) {
		return row{}, fmt.Errorf("its fields are not those of sheet %s", t.Cells[0].Sheet)
	}
	if i := slices.IndexFunc(h.Openings, func(o ledger.Permit) bool { return o.Name == t.Name }); i >= 0 && t.Cells[0].Period < uint64(len(c)) {
		r.petition, r.period = h.Openings[i].Petition, periodOf(c[t.Cells[0].Period].Header)
	}
	for k, f := range sheet.Fields {
		if !r.petition.IsZero() {
			f.Rule = ledger.Rule{Kind: ledger.Exact}
		}
		v, err := said(f, t.Fields[k])
		if err != nil {
			return row{}, err
		}
		r.fields, r.values = append(r.fields, f), append(r.values, v)
	}
	for _, cell := range t.Cells {
		if cell.Period >= uint64(len(c)) {
			return row{}, fmt.Errorf("it has a cell of period %d, which is not there", cell.Period)
		}
		r.cells = append(r.cells, cell.Sheet+"@"+periodOf(c[cell.Period].Header).Name())
	}
	r.structure, _ = law.LookupStructure(h.Structure)
	r.place(t.Cells[0].Sheet)
	if r.instrument != r.name && slices.ContainsFunc(t.Cells, func(c ledger.Cell) bool { return c.Sheet != t.Cells[0].Sheet }) && !r.petition.IsZero() {
		r.instrument, r.state = "", "" // it is about several
	}
	return r, nil
}

// periodOf is the header's period.
func periodOf(h *ledger.Header) law.Period {
	return law.Period{From: time.Unix(int64(h.From), 0).UTC(), To: time.Unix(int64(h.To), 0).UTC()}
}

// place finds out what the row is about: by its name, else by its first sheet.
func (r *row) place(sheet string) {
	for _, name := range []string{r.name, sheet} {
		id, state := name, ""
		if i := strings.LastIndexByte(name, '/'); i >= 0 && slices.Contains(law.States(), name[i+1:]) {
			id, state = name[:i], name[i+1:]
		}
		if in, ok := law.Lookup(vitrine.InstrumentID(id)); ok && (state == "" || in.Regime == law.EEvidence) {
			r.instrument, r.state, r.regime = id, state, string(in.Regime)
			return
		}
		if name == string(law.NationalSecurity) {
			r.regime = name
			return
		}
	}
	r.regime, _, _ = strings.Cut(r.name, "/")
}

// value returns what the row says of a field.
func (r row) value(field string) (value, bool) {
	k := slices.IndexFunc(r.fields, func(f ledger.Field) bool { return f.Name == field })
	if k < 0 {
		return value{}, false
	}
	return r.values[k], true
}

// listed reports whether the row is shown as a list of ranges rather than among
// counts: a band must not look like a number.
func (r row) listed() bool {
	return r.class == ledger.Restricted || !r.petition.IsZero() || slices.ContainsFunc(r.values, func(v value) bool { return v.kind == band || v.kind == hidden })
}

// accounts is how many accounts the demands of the row specify, those of very
// large demands among them, if both are exact.
func (r row) accounts() (uint64, bool) {
	v, ok := r.value(law.AccountField)
	if !ok {
		return 0, false
	}
	all := []value{v}
	if v, ok := r.value(law.BulkAccounts); ok {
		all = append(all, v)
	}
	return total(all)
}

// exact reports whether everything that the row says is a number.
func (r row) exact() bool {
	_, ok := total(r.values)
	return ok
}

// answers is the row of the law that a field of a national-security table
// answers, if it answers one.
func (r row) answers(field string) (law.Row, bool) {
	for _, a := range r.structure.Rows {
		if a.Table == r.name && a.Field == field {
			return a, true
		}
	}
	return law.Row{}, false
}

// article is what allows or commands the way in which a field is said.
func (r row) article(k int) string {
	f := r.fields[k]
	if a, ok := r.answers(f.Name); ok && f.Rule.Kind == ledger.Band && f.Rule.N == r.structure.Width {
		return a.Article
	}
	if in, ok := law.Lookup(vitrine.InstrumentID(r.instrument)); ok {
		return in.Source
	}
	return ""
}

// known are the regimes in the order in which they are shown; others stand
// between them and national security.
var known = []string{string(law.EEvidence), string(law.StoredCommunications)}

// before puts rows in the order in which they are shown: newest period first,
// then by regime, instrument and State.
func before(a, b row) int {
	if c := b.period.From.Compare(a.period.From); c != 0 {
		return c
	}
	if c := rank(a.regime) - rank(b.regime); c != 0 {
		return c
	}
	if c := strings.Compare(a.regime, b.regime); c != 0 {
		return c
	}
	if c := instrumentRank(a.instrument) - instrumentRank(b.instrument); c != 0 {
		return c
	}
	return strings.Compare(a.name, b.name)
}

func rank(regime string) int {
	if i := slices.Index(known, regime); i >= 0 {
		return i
	}
	if regime == string(law.NationalSecurity) {
		return len(known) + 1
	}
	return len(known)
}

func instrumentRank(id string) int {
	all := law.All()
	if i := slices.IndexFunc(all, func(in law.Instrument) bool { return string(in.ID) == id }); i >= 0 {
		return i
	}
	return len(all)
}
