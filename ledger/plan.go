package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"runtime"
	"slices"
	"sync"
)

// Running is what a cell holds so far, and how its sum opens. It is secret.
type Running struct {
	V [maxFields]uint64 `json:"v"`
	R Hash              `json:"r"`
}

// Sums are the cells of a period so far, by sheet. They are secret.
type Sums map[string]Running

// Plan is a tick before it is in the log.
type Plan struct {
	First   uint64   // index of its first entry
	Entries [][]byte // of all its bundles
	Indices []uint64 // where each fact stands
	Sums    Sums     // of the period's cells after the tick
}

// HeaderBundle returns the entries of the header's own bundle.
func (p *Period) HeaderBundle() [][]byte {
	entries := [][]byte{append([]byte{tagHeader}, p.Hash[:]...)}
	for range BundleSize - 1 {
		entries = append(entries, []byte{tagDummy})
	}
	return entries
}

// Tick plans tick t: its facts in random slots of their sheets, dummies in all
// others, and a proof for each bundle. notes is the chain of notices with those
// of this tick; sums are the cells before it. A fact that finds no slot is an
// error: whoever calls holds back what does not fit.
func (p *Period) Tick(t uint64, notes Hash, facts []*Fact, sums Sums, rand io.Reader) (*Plan, error) {
	if t < 1 || t > p.Ticks {
		return nil, fmt.Errorf("period %d has no tick %d", p.Number, t)
	}
	at, err := p.scatter(facts, rand)
	if err != nil {
		return nil, err
	}
	plan := &Plan{First: p.First(t, 0), Sums: Sums{}, Indices: make([]uint64, len(facts))}
	for _, s := range p.Sheets {
		plan.Sums[s.Name] = sums[s.Name]
	}
	for slot, i := range at {
		plan.Indices[i] = plan.First + uint64(slot/Slots*BundleSize+slot%Slots)
	}
	run := newProving(p.Bundles())
	defer run.all.Wait()
	for b := range p.Bundles() {
		w := &writer{period: p, tick: t, number: b, notes: notes, sums: plan.Sums, rand: rand}
		for slot := range Slots {
			var f *Fact
			if i, ok := at[b*Slots+slot]; ok {
				f = facts[i]
			}
			if err := w.leaf(p.Sheets[p.slots.of(b*Slots+slot)], f); err != nil {
				return nil, err
			}
		}
		if err := w.close(); err != nil {
			return nil, err
		}
		run.begin(b, w)
	}
	plan.Entries, err = run.entries()
	return plan, err
}

// proving makes the trailers of bundles, as many at once as there are
// processors. What one bundle takes from those before it, its sums, stands in
// it when it begins.
type proving struct {
	free    chan struct{}
	all     sync.WaitGroup
	bundles [][][]byte
	errs    []error
}

func newProving(bundles int) *proving {
	return &proving{free: make(chan struct{}, runtime.GOMAXPROCS(0)), bundles: make([][][]byte, bundles), errs: make([]error, bundles)}
}

// begin waits until a processor is free.
func (r *proving) begin(b int, w *writer) {
	r.free <- struct{}{}
	r.all.Go(func() {
		defer func() { <-r.free }()
		trailer, err := w.trailer()
		r.bundles[b], r.errs[b] = append(w.entries, trailer), err
	})
}

// entries are those of all bundles, in order.
func (r *proving) entries() ([][]byte, error) {
	r.all.Wait()
	return slices.Concat(r.bundles...), errors.Join(r.errs...)
}

// scatter draws a slot of its sheet for each fact.
func (p *Period) scatter(facts []*Fact, rand io.Reader) (map[int]int, error) {
	free := map[string][]int{}
	for slot := range p.slots.slots() {
		name := p.Sheets[p.slots.of(slot)].Name
		free[name] = append(free[name], slot)
	}
	at := map[int]int{}
	for i, f := range facts {
		list := free[f.Sheet]
		if len(list) == 0 {
			return nil, fmt.Errorf("sheet %s has no slot left in a tick", f.Sheet)
		}
		n, err := below(uint64(len(list)), rand)
		if err != nil {
			return nil, err
		}
		at[list[n]] = i
		list[n] = list[len(list)-1]
		free[f.Sheet] = list[:len(list)-1]
	}
	return at, nil
}

// below draws a number from 0 to n-1.
func below(n uint64, rand io.Reader) (uint64, error) {
	mask := uint64(1)<<bits.Len64(n-1) - 1
	var b [8]byte
	for {
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return 0, err
		}
		if v := binary.BigEndian.Uint64(b[:]) & mask; v < n {
			return v, nil
		}
	}
}
