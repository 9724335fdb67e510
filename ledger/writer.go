package ledger

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

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
