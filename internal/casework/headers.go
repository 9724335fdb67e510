package casework

import (
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// Counting is what the headers of one ledger say.
type Counting struct {
	Class       ledger.Class
	Origin      string
	Cadence     law.Cadence
	Delta, Lag  time.Duration
	Ticks       int // so many a period, in place of Delta; 0: as many as Delta makes
	Sheets      []string
	Made        []law.Sheet    // beside these, sheets that no law knows: those of a replay
	Slots       map[string]int // of a sheet in a tick; what is left of a bundle is shared out
	Structure   string         // of 50 U.S.C. § 1874, class restricted only
	Publication ledger.Publication
	Witnesses   ledger.Witnesses
	Keys        ledger.Keys
	Audit       ledger.AuditRule
	// Granted are petitions that were granted, and agreements: they change rules.
	Granted []Permission
}

// First returns the first header of a ledger that begins now: from the next
// midnight (UTC) to the first end of a period that leaves room for its ticks.
func (c Counting) First(now time.Time) (*ledger.Header, error) {
	from := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	p, err := c.Cadence.Starting(from)
	if err != nil {
		return nil, err
	}
	if room := c.Lag + 2*c.Delta; c.Ticks == 0 && p.To.Sub(from) < room {
		next, err := c.Cadence.Next(p)
		if err != nil {
			return nil, err
		}
		p.To = next.To
	}
	return c.header(nil, p)
}

// Trial returns the header of a ledger that begins with the period of that day,
// so that a setting that makes no header is found before one is due.
func (c Counting) Trial(day time.Time) (*ledger.Header, error) {
	p, err := c.Cadence.Starting(day)
	if err != nil {
		return nil, err
	}
	return c.header(nil, p)
}

// Next returns the header that follows the last of the chain.
//
// One that can no longer be announced before its period, since no tick was made
// for so long, changes nothing: whoever reads the ledger accepts no other.
func (c Counting) Next(chain ledger.Chain, now time.Time) (*ledger.Header, error) {
	last := chain[len(chain)-1]
	p, err := c.Cadence.Starting(instant(last.To))
	if err != nil {
		return nil, err
	}
	if now.Unix() < int64(last.To) {
		return c.header(chain, p)
	}
	h, err := last.Continue(uint64(p.To.Unix()))
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "[ledger] period: no tick was made before the period from %s began, so that its header may change nothing, and %v: correct it so that its periods are whole ticks of the last header", instant(last.To).Format(time.DateOnly), err)
	}
	chain.Join(h)
	return h, h.Check()
}

func instant(t uint64) time.Time { return time.Unix(int64(t), 0).UTC() }

func periodOf(h *ledger.Header) law.Period {
	return law.Period{From: instant(h.From), To: instant(h.To)}
}

func (c Counting) header(chain ledger.Chain, p law.Period) (*ledger.Header, error) {
	length := p.To.Sub(p.From)
	ticks := c.Ticks
	if ticks == 0 {
		ticks = int(length / c.Delta)
	}
	if ticks < 1 || length%(time.Duration(ticks)*time.Second) != 0 {
		return nil, vitrine.Refusef(vitrine.Usage, "[ledger] tick: a period of %s has no %d equal ticks of whole seconds: choose a time that divides it, such as \"24h\"", length, ticks)
	}
	delta := length / time.Duration(ticks)
	h := &ledger.Header{
		Audit: c.Audit, Class: c.Class, Delta: seconds(delta), Lag: seconds(c.Lag), Due: seconds(min(max(c.Lag+5*delta, 72*time.Hour), ledger.MaxDue)), From: uint64(p.From.Unix()), To: uint64(p.To.Unix()),
		Keys: c.Keys, Origin: c.Origin, Publication: c.Publication, Suite: ledger.Suite, Ticks: uint64(ticks), Witnesses: c.Witnesses, Number: uint64(len(chain)),
	}
	if len(chain) > 0 {
		h.Previous = chain[len(chain)-1].Hash
	}
	if h.Witnesses.Keys == nil {
		h.Witnesses.Keys = []ledger.Witness{}
	}
	if err := c.fill(h, chain, p); err != nil {
		return nil, err
	}
	return h, c.allot(h)
}

func seconds(d time.Duration) uint64 { return uint64(d / time.Second) }

// fill sets sheets and tables.
func (c Counting) fill(h *ledger.Header, chain ledger.Chain, p law.Period) error {
	if c.Class == ledger.Restricted {
		return c.restricted(h, chain, p)
	}
	for _, name := range c.Sheets {
		s, err := publicSheet(name)
		if err != nil {
			return err
		}
		h.Sheets = append(h.Sheets, ledgerSheet(s))
	}
	for _, s := range c.Made {
		h.Sheets = append(h.Sheets, ledgerSheet(s))
	}
	slices.SortFunc(h.Sheets, func(a, b ledger.Sheet) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range h.Sheets {
		h.Tables = append(h.Tables, ledger.Table{
			Cells: []ledger.CellName{{Period: h.Number, Sheet: s.Name}}, Name: s.Name, NotBefore: h.To, Due: h.To + h.Lag + law.PublicationDays*24*3600,
		})
	}
	return nil
}

// publicSheet is an instrument's sheet, or with a State behind it
// ("eu/epoc-content/de") its part.
func publicSheet(name string) (law.Sheet, error) {
	for _, i := range law.All() {
		s, ok := law.SheetOf(i.ID, law.Structure{})
		if !ok || i.Class != law.Public {
			continue
		}
		if s.Name == name {
			return s, nil
		}
		if !strings.HasPrefix(name, s.Name+"/") {
			continue
		}
		parts, err := s.ByState()
		if err != nil {
			return s, err
		}
		if j := slices.IndexFunc(parts, func(p law.Sheet) bool { return p.Name == name }); j >= 0 {
			return parts[j], nil
		}
	}
	return law.Sheet{}, vitrine.Refusef(vitrine.Usage, "[ledger] sheets: %q is no instrument that a public ledger counts: correct it, or leave it out", name)
}

// restricted has all sheets of 50 U.S.C. § 1874 and the tables of the chosen
// structure. A first period that is no whole one has no structure.
func (c Counting) restricted(h *ledger.Header, chain ledger.Chain, p law.Period) error {
	var all []law.Reported
	for _, before := range chain {
		all = append(all, law.Reported{Period: periodOf(before.Header), Structure: before.Structure, Closing: closing(before.Header)})
	}
	now := law.Reported{Period: p, Structure: c.Structure}
	structure, ok := law.LookupStructure(c.Structure)
	if ok && structure.CheckPeriod(p) != nil && len(chain) == 0 {
		now.Structure = ""
	}
	now, sheets := c.change(chain, now)
	h.Structure = now.Structure
	tables, err := law.Tables(append(all, now))
	if err != nil {
		return err
	}
	for _, s := range sheets {
		h.Sheets = append(h.Sheets, ledgerSheet(s))
	}
	c.open(h, chain)
	for _, t := range tables {
		row := ledger.Table{Name: t.Name, NotBefore: uint64(t.NotBefore.Unix()), Due: uint64(t.Due.Unix()) + h.Lag}
		for _, cell := range t.Cells {
			n := slices.IndexFunc(append(all, now), func(r law.Reported) bool { return r.Period.Equal(cell.Period) })
			row.Cells = append(row.Cells, ledger.CellName{Period: uint64(n), Sheet: cell.Sheet})
		}
		h.Tables = append(h.Tables, row)
	}
	return nil
}

// closing reports whether a header is the last of its structure: process on new
// platforms does not wait for a later one.
func closing(h *ledger.Header) bool {
	s, ok := law.LookupStructure(h.Structure)
	return ok && s.Deferred > 0 && !slices.ContainsFunc(h.Sheets, func(s ledger.Sheet) bool { return s.Deferred > 0 })
}

// ruleKinds are the law's rules, and what a header calls them.
var ruleKinds = map[law.RuleKind]ledger.RuleKind{law.Exact: ledger.Exact, law.Small: ledger.Small, law.Banded: ledger.Band, law.Hidden: ledger.Hidden}

func ledgerSheet(s law.Sheet) ledger.Sheet {
	out := ledger.Sheet{Name: s.Name, Joins: s.Joins, Deferred: uint64(s.Deferred) * 24 * 3600}
	for _, f := range s.Fields {
		out.Fields = append(out.Fields, ledger.Field{Name: f.Name, Width: f.Bits, Rule: ledger.Rule{Kind: ruleKinds[f.Rule.Kind], N: f.Rule.N}})
	}
	return out
}

// allot gives each sheet its slots, and shares out what is left of the last
// bundle, so that the grid does not follow any count.
func (c Counting) allot(h *ledger.Header) error {
	total := 0
	slots := make([]int, len(h.Sheets))
	for i, s := range h.Sheets {
		slots[i] = max(c.Slots[s.Name], 1)
		total += slots[i]
	}
	for i := 0; total%ledger.Slots != 0; i = (i + 1) % len(slots) {
		if c.Slots[h.Sheets[i].Name] == 0 || len(c.Slots) >= len(h.Sheets) {
			slots[i]++
			total++
		}
	}
	for i, s := range h.Sheets {
		h.Grid = append(h.Grid, ledger.Allotment{Sheet: s.Name, Slots: slots[i]})
	}
	return h.Check()
}
