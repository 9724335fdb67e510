package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"runtime"
	"slices"
	"sync"
)

// Sizes of the range proof of a bundle.
const (
	proofBits   = 32
	proofValues = 256
	proofSize   = 1120
	trailerHead = 1 + 32 + 4 + 2 + 32
)

// First bytes of entries.
const (
	tagDummy   = 0x00 // behind a header
	tagLeaf    = 0x01
	tagTrailer = 0x02
	tagHeader  = 0x03
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

// writer makes one bundle.
type writer struct {
	period  *Period
	tick    uint64
	number  int
	notes   Hash
	sums    Sums
	rand    io.Reader
	entries [][]byte
	points  []point
	before  []byte
	after   []byte
	bits    []uint64
	blinds  []scalar
	seed    [nonceSeed]byte
}

// leaf appends the leaf of a fact, or a dummy.
func (w *writer) leaf(s Sheet, f *Fact) error {
	var l Leaf
	o := Opening{Sheet: s.Name}
	if f != nil {
		o = f.Opening
		if o.Header != w.period.Hash || o.Origin != w.period.Origin {
			return fmt.Errorf("a fact of sheet %s was made for another header", s.Name)
		}
		if err := o.fits(s); err != nil {
			return err
		}
	} else {
		copy(o.R[:], randomScalar(w.rand).Bytes())
		if _, err := io.ReadFull(w.rand, o.Salt[:]); err != nil {
			return err
		}
	}
	c, err := o.commitment(s)
	if err != nil {
		return err
	}
	beta := o.beta() // of random bytes that nobody keeps, if it is a dummy
	l[0] = tagLeaf
	copy(l[1:], c.Bytes())
	copy(l[33:], beta[:])
	r, err := decodeScalar(o.R[:])
	if err != nil {
		return err
	}
	w.entries = append(w.entries, l[:])
	w.points, w.blinds = append(w.points, *c), append(w.blinds, *r)
	w.bits = append(w.bits, s.bits(o.Values))
	return w.add(s, o.Values, r)
}

// add counts a leaf in its cell.
func (w *writer) add(s Sheet, v Values, r *scalar) error {
	sum := w.sums[s.Name]
	if len(w.entries) == 1 {
		for _, i := range w.period.sheetsOf(w.number) {
			p, err := w.sums[w.period.Sheets[i].Name].point(w.period.Sheets[i])
			if err != nil {
				return err
			}
			w.before = append(w.before, p.Bytes()...)
		}
	}
	for k := range v {
		sum.V[k] += uint64(v[k])
	}
	old, err := decodeScalar(sum.R[:])
	if err != nil {
		return err
	}
	copy(sum.R[:], new(scalar).Add(old, r).Bytes())
	w.sums[s.Name] = sum
	return nil
}

// bits are the values as the range proof sees them, lowest field first.
func (s Sheet) bits(v Values) uint64 {
	var b uint64
	at := 0
	for k, f := range s.Fields {
		b |= uint64(v[k]) << at
		at += f.Width
	}
	return b
}

// point is the cell's value.
func (r Running) point(s Sheet) (*point, error) {
	blind, err := decodeScalar(r.R[:])
	if err != nil {
		return nil, err
	}
	return commit(s.packWide(r.V[:]), blind), nil
}

// weights are the weights of a leaf's bits on the sheet.
func (s Sheet) weights() []scalar {
	list := make([]scalar, 0, proofBits)
	for k, f := range s.Fields {
		for i := range f.Width {
			list = append(list, *powerOfTwo(s.offset(k) + i))
		}
	}
	return list
}

// close ends the bundle's leaves: it keeps the sums after them, and draws what
// the proof takes of randomness, in the order of bundles.
func (w *writer) close() error {
	for _, i := range w.period.sheetsOf(w.number) {
		p, err := w.sums[w.period.Sheets[i].Name].point(w.period.Sheets[i])
		if err != nil {
			return err
		}
		w.after = append(w.after, p.Bytes()...)
	}
	if _, err := io.ReadFull(w.rand, w.seed[:]); err != nil {
		return fmt.Errorf("read randomness: %w", err)
	}
	return nil
}

func (w *writer) trailer() ([]byte, error) {
	b := &bundle{period: w.period, tick: w.tick, number: w.number, notes: w.notes, entries: w.entries, points: w.points, before: w.before, after: w.after}
	proof, err := proveRange(b.transcript(), b.statement(), w.bits, w.blinds, bytes.NewReader(w.seed[:]))
	if err != nil {
		return nil, fmt.Errorf("prove bundle: %w", err)
	}
	return append(b.head(), append(slices.Clone(w.after), proof...)...), nil
}

// bundle is one data bundle as it stands in the log.
type bundle struct {
	period  *Period
	tick    uint64
	number  int
	notes   Hash
	entries [][]byte // leaves
	points  []point  // their commitments
	before  []byte   // each sheet's sum before
	after   []byte
	proof   []byte
}

func (b *bundle) head() []byte {
	h := append([]byte{tagTrailer}, b.period.Hash[:]...)
	h = binary.BigEndian.AppendUint32(h, uint32(b.tick))
	h = binary.BigEndian.AppendUint16(h, uint16(b.number))
	return append(h, b.notes[:]...)
}

// transcript has absorbed what the bundle's proof is about.
func (b *bundle) transcript() *transcript {
	t := newTranscript("vitrine/bundle/v1")
	t.absorb("header", b.period.Hash[:])
	t.absorb("index", binary.BigEndian.AppendUint64(nil, b.period.First(b.tick, b.number)))
	t.absorb("tick", binary.BigEndian.AppendUint32(nil, uint32(b.tick)))
	t.absorb("bundle", binary.BigEndian.AppendUint16(nil, uint16(b.number)))
	t.absorb("notes", b.notes[:])
	t.absorb("before", b.before)
	t.absorb("leaves", bytes.Join(b.entries[:Slots], nil))
	t.absorb("after", b.after)
	return t
}

func (b *bundle) statement() rangeStatement {
	st := rangeStatement{n: proofBits, m: proofValues, points: b.points}
	weights := map[int][]scalar{}
	for _, i := range b.period.sheetsOf(b.number) {
		weights[i] = b.period.Sheets[i].weights()
	}
	for slot := range Slots {
		st.weights = append(st.weights, weights[b.period.slots.of(b.number*Slots+slot)])
	}
	return st
}

// readBundle takes the entries of bundle b of tick t apart. before are the sums
// of the bundle's sheets before it; everything is checked but the proof.
func (p *Period) readBundle(t uint64, number int, entries [][]byte, before []byte) (*bundle, error) {
	b := &bundle{period: p, tick: t, number: number, before: before}
	if len(entries) != BundleSize {
		return nil, fmt.Errorf("it has %d entries, not %d", len(entries), BundleSize)
	}
	b.entries = entries[:Slots]
	for i, e := range b.entries {
		if len(e) != LeafSize || e[0] != tagLeaf {
			return nil, fmt.Errorf("slot %d is not a leaf", i)
		}
	}
	b.points = make([]point, Slots)
	if i := decodePoints(b.points, func(i int) []byte { return b.entries[i][1:33] }); i >= 0 {
		return nil, fmt.Errorf("slot %d: %w", i, errPoint)
	}
	return b, b.readTrailer(entries[Slots])
}

func (b *bundle) readTrailer(e []byte) error {
	sheets := b.period.sheetsOf(b.number)
	if len(e) != trailerHead+32*len(sheets)+proofSize {
		return fmt.Errorf("the trailer has %d bytes, not %d", len(e), trailerHead+32*len(sheets)+proofSize)
	}
	copy(b.notes[:], e[trailerHead-32:])
	if head := b.head(); !bytes.Equal(head, e[:trailerHead]) {
		return errors.New("the trailer is that of another place: its header, tick or number differs")
	}
	b.after, b.proof = e[trailerHead:trailerHead+32*len(sheets)], e[trailerHead+32*len(sheets):]
	return b.checkSums(sheets)
}

// checkSums compares the trailer's sums with those of the leaves.
func (b *bundle) checkSums(sheets []int) error {
	for n, i := range sheets {
		acc, err := decodePoint(b.before[32*n : 32*n+32])
		if err != nil {
			return fmt.Errorf("sum before of sheet %s: %w", b.period.Sheets[i].Name, err)
		}
		for slot := range Slots {
			if b.period.slots.of(b.number*Slots+slot) == i {
				acc.add(acc, &b.points[slot])
			}
		}
		if !bytes.Equal(acc.Bytes(), b.after[32*n:32*n+32]) {
			return fmt.Errorf("the sum of sheet %s is not that of its leaves", b.period.Sheets[i].Name)
		}
	}
	return nil
}

// splitEntries takes an entry bundle of tlog-tiles apart.
func splitEntries(b []byte) ([][]byte, error) {
	var entries [][]byte
	for len(b) > 0 {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return nil, fmt.Errorf("entry %d is cut off", len(entries))
		}
		n := int(binary.BigEndian.Uint16(b))
		entries, b = append(entries, b[2:2+n]), b[2+n:]
		if len(entries) > BundleSize {
			return nil, fmt.Errorf("it has more than %d entries", BundleSize)
		}
	}
	return entries, nil
}

// powerOfTwo returns 2^n, n < 252.
func powerOfTwo(n int) *scalar {
	var b [32]byte
	b[n/8] = 1 << (n % 8)
	s, err := decodeScalar(b[:])
	if err != nil {
		panic("ledger: a power of two above the group's order")
	}
	return s
}
