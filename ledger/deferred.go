package ledger

import (
	"cmp"
	"maps"
	"slices"
)

// waiting is a cell of a deferred sheet, small since a chain has many.
type waiting struct {
	period uint32
	sheet  uint16 // its index
}

// settle returns the deferred cells whose time has come with the chain's last
// header p, and the table of p that each belongs in. It sets the cells that wait
// on.
func (c Chain) settle(p *Period) map[CellName]string {
	due := map[CellName]string{}
	var before []waiting
	if n := len(c); n > 1 {
		before = c[n-2].waiting
	}
	own := map[string]Table{} // by the sheet of p's own period that it has
	for _, t := range p.Tables {
		for _, cell := range t.Cells {
			if cell.Period == p.Number {
				own[cell.Sheet] = t
			}
		}
	}
	p.waiting = nil
	for _, w := range before {
		s := c[w.period].Sheets[w.sheet]
		if t, ok := own[s.Joins]; ok && t.NotBefore >= c[w.period].To+s.Deferred {
			due[CellName{uint64(w.period), s.Name}] = t.Name
			continue
		}
		p.waiting = append(p.waiting, w)
	}
	for i, s := range p.Sheets {
		if s.Joins != "" {
			p.waiting = append(p.waiting, waiting{uint32(p.Number), uint16(i)})
		}
	}
	return due
}

func (p *Period) holds(table string, cell CellName) bool {
	return slices.ContainsFunc(p.Tables, func(t Table) bool { return t.Name == table && slices.Contains(t.Cells, cell) })
}

// Join puts the deferred cells of earlier periods into the tables of h, the
// next header of the chain, that they belong in.
func (c Chain) Join(h *Header) {
	due := append(slices.Clone(c), &Period{Header: h}).settle(&Period{Header: h})
	for i := range h.Tables {
		t := &h.Tables[i]
		for _, cell := range slices.SortedFunc(maps.Keys(due), inOrder) {
			if due[cell] == t.Name && !slices.Contains(t.Cells, cell) {
				t.Cells = append(t.Cells, cell)
			}
		}
	}
}

// inOrder sorts cells by period, then sheet.
func inOrder(a, b CellName) int {
	return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(a.Sheet, b.Sheet))
}
