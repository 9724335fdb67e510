package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
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
func splitEntries(b []byte) ([][]byte, error) { return ParseEntries(b, BundleSize) }

// ParseEntries takes entries apart that stand as in an entry bundle of
// tlog-tiles: so many of them at most.
func ParseEntries(b []byte, most int) ([][]byte, error) {
	var entries [][]byte
	for len(b) > 0 {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return nil, fmt.Errorf("entry %d is cut off", len(entries))
		}
		if len(entries) == most {
			return nil, fmt.Errorf("it has more than %d entries", most)
		}
		n := int(binary.BigEndian.Uint16(b))
		entries, b = append(entries, b[2:2+n]), b[2+n:]
	}
	return entries, nil
}
