package ledger

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Period is a header at its place in the log.
type Period struct {
	*Header
	Hash  Hash   // of the header
	Start uint64 // the index of its bundle's first entry

	slots   layout
	size    int       // of the headers up to this one, in bytes
	waiting []waiting // deferred cells up to this period that stand in no table yet
}

// Limits of a chain: what takes memory for as long as an audit goes on. A ledger
// that comes to them ends, and another one begins.
const (
	maxHeaders    = 1024
	maxHeaderSize = 32 << 20 // of all headers
	maxWaiting    = 1 << 13  // cells
)

// Place is where an entry of the log stands in its period. The header's bundle
// is tick 0.
type Place struct {
	Tick   uint64
	Bundle int
	Slot   int
	Sheet  string // of a leaf
}

// Chain is the headers of a ledger, from number 0 on, each at its place.
type Chain []*Period

// With returns the chain with one more header, which follows the last one; each
// of its cells stands in one table.
func (c Chain) With(h *Header) (Chain, error) {
	if err := h.Check(); err != nil {
		return nil, err
	}
	start := uint64(0)
	if len(c) > 0 {
		last := c[len(c)-1]
		if err := h.follows(last.Header); err != nil {
			return nil, err
		}
		start = last.End()
	} else if h.Number != 0 {
		return nil, fmt.Errorf("header %d is not the first", h.Number)
	}
	p := newPeriod(h, start)
	if len(c) > 0 {
		p.size += c[len(c)-1].size
	}
	if len(c) == maxHeaders || p.size > maxHeaderSize {
		return nil, fmt.Errorf("header %d: a ledger has at most %d headers, and %d MiB of them", h.Number, maxHeaders, maxHeaderSize>>20)
	}
	next := append(slices.Clone(c), p)
	if err := errors.Join(next.checkTables(p), next.checkOpenings(p)); err != nil {
		return nil, fmt.Errorf("header %d: %w", h.Number, err)
	}
	return next, nil
}

// newPeriod puts a checked header at its place.
func newPeriod(h *Header, start uint64) *Period {
	p := &Period{Header: h, Start: start}
	p.Hash, p.size = h.written()
	for _, g := range h.Grid {
		i, _ := h.sheet(g.Sheet)
		p.slots.add(i, g.Slots)
	}
	return p
}

// checkTables checks the tables of the last header against earlier ones.
func (c Chain) checkTables(p *Period) error {
	due := c.settle(p)
	if len(p.waiting) > maxWaiting {
		return fmt.Errorf("more than %d cells of deferred sheets wait for their table", maxWaiting)
	}
	for _, t := range p.Tables {
		first, _ := c.Sheet(t.Cells[0])
		leaves := uint64(0)
		for _, cell := range t.Cells {
			s, ok := c.Sheet(cell)
			if !ok {
				return fmt.Errorf("table %s: period %d has no sheet %s", t.Name, cell.Period, cell.Sheet)
			}
			if !s.sameRules(first) {
				return fmt.Errorf("table %s: %s and %s have other fields or rules", t.Name, s.Name, first.Name)
			}
			if cell.Period < p.Number && due[cell] != t.Name {
				return fmt.Errorf("table %s: the cell of %s in period %d does not belong there", t.Name, cell.Sheet, cell.Period)
			}
			leaves += c[cell.Period].slotsOf(cell.Sheet)
		}
		if leaves > maxLeaves {
			return fmt.Errorf("table %s has %d slots, more than 2^%d", t.Name, leaves, sumBits)
		}
	}
	for cell, table := range due {
		if !p.holds(table, cell) {
			return fmt.Errorf("table %s misses the cell of %s in period %d", table, cell.Sheet, cell.Period)
		}
	}
	return nil
}

// checkOpenings checks the openings of the last header: each cell is opened once.
func (c Chain) checkOpenings(p *Period) error {
	if len(p.Openings) == 0 {
		return nil
	}
	opened := map[CellName]bool{}
	for _, o := range p.Openings {
		for _, cell := range o.Cells {
			if opened[cell] {
				return openedTwice(o, cell)
			}
			opened[cell] = true
		}
	}
	for _, q := range c[:len(c)-1] {
		for _, o := range q.Openings {
			for _, cell := range o.Cells {
				if opened[cell] {
					return openedTwice(o, cell)
				}
			}
		}
	}
	for _, o := range p.Openings {
		first, _ := c.Sheet(o.Cells[0])
		leaves := uint64(0)
		for _, cell := range o.Cells {
			if cell.Period < uint64(len(c)) {
				leaves += c[cell.Period].slotsOf(cell.Sheet)
			}
			if leaves > maxLeaves {
				return fmt.Errorf("opening %s has more than 2^%d slots", o.Name, sumBits)
			}
			if s, ok := c.Sheet(cell); !ok || !s.exact().sameRules(first.exact()) {
				return fmt.Errorf("opening %s: there is no cell of %s in period %d, or it has other fields", o.Name, cell.Sheet, cell.Period)
			}
		}
	}
	return nil
}

func openedTwice(o Permit, cell CellName) error {
	return fmt.Errorf("opening %s: the cell of %s in period %d is opened twice", o.Name, cell.Sheet, cell.Period)
}

// slotsOf is how many leaves a cell has in all.
func (p *Period) slotsOf(sheet string) uint64 {
	for _, g := range p.Grid {
		if g.Sheet == sheet {
			return uint64(g.Slots) * p.Ticks
		}
	}
	return 0
}

// Sheet returns the sheet of a cell.
func (c Chain) Sheet(cell CellName) (Sheet, bool) {
	if cell.Period >= uint64(len(c)) {
		return Sheet{}, false
	}
	return c[cell.Period].Header.Sheet(cell.Sheet)
}

// End is the index at which the next header stands.
func (p *Period) End() uint64 {
	return p.Start + BundleSize*(1+p.Ticks*uint64(p.Bundles()))
}

// First is the index of the first entry of bundle b (from 0) of tick t (from 1).
func (p *Period) First(t uint64, b int) uint64 {
	return p.Start + BundleSize*(1+(t-1)*uint64(p.Bundles())+uint64(b))
}

// After is the size of the tree after tick t; after tick 0, that of the header's bundle.
func (p *Period) After(t uint64) uint64 {
	return p.Start + BundleSize*(1+t*uint64(p.Bundles()))
}

// At says where the entry of an index stands.
func (c Chain) At(index uint64) (*Period, Place, error) {
	for _, p := range c {
		if index >= p.End() {
			continue
		}
		bundle := (index - p.Start) / BundleSize
		place := Place{Slot: int((index - p.Start) % BundleSize)}
		if bundle == 0 {
			return p, place, nil
		}
		per := uint64(p.Bundles())
		place.Tick, place.Bundle = 1+(bundle-1)/per, int((bundle-1)%per)
		if place.Slot < Slots {
			place.Sheet = p.Sheets[p.slots.of(place.Bundle*Slots+place.Slot)].Name
		}
		return p, place, nil
	}
	return nil, Place{}, fmt.Errorf("entry %d lies behind the last header's period", index)
}

// TickAt returns the period and tick at whose end the tree has the size.
func (c Chain) TickAt(size uint64) (*Period, uint64, error) {
	if size == BundleSize && len(c) > 0 {
		return c[0], 0, nil
	}
	for _, p := range c {
		per := BundleSize * uint64(p.Bundles())
		if size <= p.Start+BundleSize || size > p.End() {
			continue
		}
		if done := size - p.Start - BundleSize; done%per == 0 {
			return p, done / per, nil
		}
	}
	return nil, 0, fmt.Errorf("a tree of %d entries does not stand at a tick's end", size)
}

// ReadyTable is a table of a header whose totals may be told.
type ReadyTable struct {
	Header uint64
	Table
	Petition Hash // not zero: the cells are opened, whatever their rules say
}

// Ready lists the tables that can be told after tick t of p, at a time: their
// cells are complete, and the law does not make them wait any longer.
func (c Chain) Ready(p *Period, t, now uint64) []ReadyTable {
	var list []ReadyTable
	for _, q := range c[:p.Number+1] {
		for _, table := range q.Tables {
			if table.NotBefore <= now && (q.Number < p.Number || t == p.Ticks) {
				list = append(list, ReadyTable{Header: q.Number, Table: table})
			}
		}
		for _, o := range q.Openings {
			if o.NotBefore <= now {
				list = append(list, ReadyTable{q.Number, Table{o.Cells, o.Due, o.Name, o.NotBefore}, o.Petition})
			}
		}
	}
	return list
}

// sheetsOf are the sheets that have slots in bundle b of a tick, in grid order.
func (p *Period) sheetsOf(b int) []int {
	return p.slots.between(b*Slots, (b+1)*Slots)
}

// continues reports whether h says nothing that does not follow from the header
// before it and from its own end.
func (h *Header) continues(before *Header) error {
	like, err := before.Continue(h.To)
	if err != nil {
		return err
	}
	if len(h.Openings) > 0 {
		return errors.New("it opens cells")
	}
	plain := *h
	plain.Tables = own(h)
	if !reflect.DeepEqual(plain, *like) {
		return errors.New("it differs from the header before")
	}
	return nil
}

// own are the tables without cells of earlier periods.
func own(h *Header) []Table {
	var list []Table
	for _, t := range h.Tables {
		t.Cells = slices.DeleteFunc(slices.Clone(t.Cells), func(c CellName) bool { return c.Period != h.Number })
		list = append(list, t)
	}
	return list
}

// Continue returns the header of the next period, up to to, that changes
// nothing but what follows from its dates. Cells that were deferred are not in
// its tables yet.
func (h *Header) Continue(to uint64) (*Header, error) {
	if to <= h.To || (to-h.To)%h.Delta != 0 {
		return nil, fmt.Errorf("a period from %d to %d is not a number of ticks of %d s", h.To, to, h.Delta)
	}
	next := *h
	next.Openings = nil
	next.Number, next.Previous, next.From, next.To, next.Ticks = h.Number+1, h.Hash(), h.To, to, (to-h.To)/h.Delta
	next.Tables = own(h)
	for i := range next.Tables {
		t := &next.Tables[i]
		t.NotBefore, t.Due = t.NotBefore-h.To+to, t.Due-h.To+to
		for j := range t.Cells {
			t.Cells[j].Period++
		}
	}
	return &next, nil
}
