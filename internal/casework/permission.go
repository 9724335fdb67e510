package casework

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// Permission is a petition to publish, or an agreement, as it stands, and the
// digest of the record that the ledger says.
type Permission struct {
	law.Petition
	Record ledger.Hash
}

// same reports whether both are states of one petition.
func (p Permission) same(q law.Petition) bool {
	if p.Kind != q.Kind || p.Court != q.Court || p.Docket != q.Docket || p.Office != q.Office {
		return false
	}
	return p.Kind == law.ToCourt || p.Steps[0].Day.Equal(q.Steps[0].Day) && p.Steps[0].Paper == q.Steps[0].Paper
}

func findCell(chain ledger.Chain, c law.Cell) (ledger.CellName, bool) {
	for _, p := range chain {
		if _, ok := p.Sheet(c.Sheet); ok && periodOf(p.Header).Equal(c.Period) {
			return ledger.CellName{Period: p.Number, Sheet: c.Sheet}, true
		}
	}
	return ledger.CellName{}, false
}

// sheetsAt are the national-security sheets of a period that begins at from, if
// what was granted leaves rows whole.
func sheetsAt(structure law.Structure, granted []Permission, from time.Time) ([]law.Sheet, error) {
	all := law.NationalSecurity.Sheets(structure)
	for i := range all {
		for _, g := range granted {
			var err error
			if all[i], err = g.Apply(all[i], from); err != nil {
				return nil, vitrine.Refusef(vitrine.Usage, "the rules of the petition from %s on: %v: name both fields of the sheet", from.Format(time.DateOnly), err)
			}
		}
	}
	return all, unparted(structure, all, from)
}

// unparted refuses rules that part the sheets of a row, which the law has one add
// up: a total over cells with different rules would say more of one than its
// rule allows, or less of another. Nor may process on a new platform, which
// joins a row later, have another rule than that row.
func unparted(structure law.Structure, sheets []law.Sheet, from time.Time) error {
	fields := map[string][]law.Field{}
	for _, s := range sheets {
		fields[s.Name] = s.Fields
	}
	part := func(a, b, why string) error {
		return vitrine.Refusef(vitrine.Usage, "the rules of the petition part %s and %s from %s on: %s. Give both the same rules, or choose a structure in which each has a row of its own (such as us/1874-a1) from that period on; a past cell can be opened by itself", a, b, from.Format(time.DateOnly), why)
	}
	for _, r := range structure.Rows {
		for _, name := range r.Sheets[1:] {
			if !slices.Equal(fields[name], fields[r.Sheets[0]]) {
				return part(r.Sheets[0], name, r.Article+" has them added up in one row")
			}
		}
	}
	for _, s := range sheets {
		if s.Joins != "" && !slices.Equal(s.Fields, fields[s.Joins]) {
			return part(s.Joins, s.Name, "what is counted on the second joins the rows of the first later")
		}
	}
	return nil
}

// change says under which structure a period is reported, and its sheets. Where
// process on new platforms still waits to join rows (structures (1) and (2)), a
// structure or rules that change do so one period later: the period itself is a
// closing one, with the structure and the rules of the one before.
func (c Counting) change(chain ledger.Chain, now law.Reported) (law.Reported, []law.Sheet) {
	structure, reports := law.LookupStructure(now.Structure)
	if !reports {
		return now, law.NationalSecurity.Sheets(structure) // all is hidden, be it permitted or not
	}
	sheets := c.sheets(structure, now.Period.From)
	if len(chain) == 0 {
		return now, sheets
	}
	last := chain[len(chain)-1].Header
	before, known := law.LookupStructure(last.Structure)
	if !known || before.Deferred == 0 || closing(last) || last.Structure == now.Structure && !changed(sheets, last) {
		return now, sheets
	}
	if before.CheckPeriod(now.Period) != nil {
		return now, sheets // no closing period is possible; the law's own check says why
	}
	now.Structure, now.Closing = last.Structure, true
	sheets = c.sheets(before.Closing(), now.Period.From)
	for i, s := range sheets {
		old, ok := last.Sheet(s.Name)
		if !ok || !waits(s.Name, before) {
			continue
		}
		for k, f := range old.Fields {
			sheets[i].Fields[k].Rule = lawRule(f.Rule)
		}
	}
	return now, sheets
}

// sheets are those of a structure, with what was granted. Where a petition fell
// and what others grant would part a row, all of it is told as the law has it
// without them: that says less, never more.
func (c Counting) sheets(structure law.Structure, from time.Time) []law.Sheet {
	all, err := sheetsAt(structure, c.Granted, from)
	if err != nil {
		return law.NationalSecurity.Sheets(structure)
	}
	return all
}

// changed reports whether a sheet that others join gets other rules than in the
// last header.
func changed(sheets []law.Sheet, last *ledger.Header) bool {
	return slices.ContainsFunc(sheets, func(s law.Sheet) bool {
		old, ok := last.Sheet(s.Name)
		joined := s.Joins != "" || slices.ContainsFunc(sheets, func(t law.Sheet) bool { return t.Joins == s.Name })
		return ok && joined && !slices.Equal(old.Fields, ledgerSheet(s).Fields)
	})
}

// waits reports whether a sheet joins another one of the structure, or is joined.
func waits(name string, s law.Structure) bool {
	all := law.NationalSecurity.Sheets(s)
	return slices.ContainsFunc(all, func(t law.Sheet) bool { return t.Joins != "" && (t.Name == name || t.Joins == name) })
}

func lawRule(r ledger.Rule) law.Rule {
	for of, kind := range ruleKinds {
		if kind == r.Kind {
			return law.Rule{Kind: of, N: r.N}
		}
	}
	return law.Rule{} // which is no rule
}

// open gives a header the openings of past cells that petitions in force grant,
// each cell once in all headers.
func (c Counting) open(h *ledger.Header, chain ledger.Chain) {
	done := map[ledger.CellName]bool{}
	for _, p := range chain {
		for _, o := range p.Openings {
			for _, cell := range o.Cells {
				done[cell] = true
			}
		}
	}
	for _, g := range c.Granted {
		if since, ok := g.InForce(); !ok || !instant(h.From).After(since) {
			continue
		}
		for _, o := range g.Openings {
			cell, ok := findCell(chain, o)
			if !ok || done[cell] {
				continue
			}
			done[cell] = true
			h.Openings = append(h.Openings, ledger.Permit{
				Cells: []ledger.CellName{cell}, Name: fmt.Sprintf("opened/%d/%s", cell.Period, cell.Sheet), Petition: g.Record,
				NotBefore: h.From, Due: h.From + h.Lag + h.Delta + law.PublicationDays*24*3600,
			})
		}
	}
	slices.SortFunc(h.Openings, func(a, b ledger.Permit) int { return strings.Compare(a.Name, b.Name) })
}

// rules reports whether a header has the rules of a petition that began by then.
func (p Permission) rules(h *ledger.Header) bool {
	found := false
	for _, c := range p.Rules {
		if uint64(c.From.Unix()) > h.From {
			continue
		}
		s, ok := h.Sheet(c.Sheet)
		if !ok || !slices.ContainsFunc(s.Fields, func(f ledger.Field) bool { return f.Name == c.Field && lawRule(f.Rule) == c.Rule }) {
			return false
		}
		found = true
	}
	return found
}
