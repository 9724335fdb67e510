package ledger

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
)

// List is the facts of a cell, as an auditor gets them. It is secret: it says
// how many there are, and what they are.
type List struct {
	Cell   CellName `json:"cell"`
	Leaves []Listed `json:"leaves"`
	Origin string   `json:"origin"`
	Salt   Hash     `json:"salt"`
}

// Listed is one leaf of a list, with its opening.
type Listed struct {
	Index       uint64 `json:"index"`
	Opening     string `json:"opening"` // base64
	ParentSalt  Hash   `json:"parent_salt"`
	SubjectSalt *Hash  `json:"subject_salt,omitempty"`
}

// ListFact returns the entry of a fact that stands at an index.
func ListFact(index uint64, f *Fact) Listed {
	l := Listed{Index: index, Opening: base64.StdEncoding.EncodeToString(f.Opening.Marshal()), ParentSalt: f.ParentSalt}
	if f.Type != TypeDemand {
		s := Hash(f.SubjectSalt)
		l.SubjectSalt = &s
	}
	return l
}

// Fact returns what a listed leaf opens to.
func (l Listed) Fact() (*Fact, error) {
	raw, err := fromBase64(l.Opening)
	if err != nil {
		return nil, err
	}
	o, err := ParseOpening(raw)
	if err != nil {
		return nil, err
	}
	f := &Fact{Opening: *o, ParentSalt: l.ParentSalt}
	if (l.SubjectSalt == nil) != (o.Type == TypeDemand) {
		return nil, errors.New("a salt is missing, or there is one too many")
	}
	if l.SubjectSalt != nil {
		f.SubjectSalt = *l.SubjectSalt
	}
	return f, nil
}

// ParseList reads a list.
func ParseList(b []byte) (*List, error) {
	l := new(List)
	if err := unmarshal(b, l); err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	for i := range l.Leaves {
		if i > 0 && l.Leaves[i-1].Index >= l.Leaves[i].Index {
			return nil, fmt.Errorf("list: entry %d stands behind %d", l.Leaves[i].Index, l.Leaves[i-1].Index)
		}
	}
	return l, nil
}

// Marshal returns the list's bytes; its digest is what the provider commits to.
func (l *List) Marshal() ([]byte, error) {
	if l.Leaves == nil {
		l.Leaves = []Listed{}
	}
	return marshal(l)
}

func tallyTranscript(list []byte, cell Hash) *transcript {
	t := newTranscript("vitrine/tally/v1")
	sum := sha256.Sum256(list)
	t.absorb("list", sum[:])
	t.absorb("cell", cell[:])
	return t
}

// ProveTally shows that the cell with this sum holds what the list says and
// nothing else.
func ProveTally(list []byte, s Sheet, cell Running, rand io.Reader) ([]byte, error) {
	l, err := ParseList(list)
	if err != nil {
		return nil, err
	}
	p, err := cell.point(s)
	if err != nil {
		return nil, err
	}
	rho, err := decodeScalar(cell.R[:])
	if err != nil {
		return nil, err
	}
	total := [maxFields]uint64{}
	for _, leaf := range l.Leaves {
		f, err := leaf.Fact()
		if err != nil {
			return nil, err
		}
		r, err := decodeScalar(f.R[:])
		if err != nil {
			return nil, err
		}
		rho = new(scalar).Subtract(rho, r)
		for k := range total {
			total[k] += uint64(f.Values[k])
		}
	}
	if total != cell.V {
		return nil, fmt.Errorf("the list holds %v, the cell %v", total, cell.V)
	}
	return proveExact(tallyTranscript(list, Hash(p.Bytes())), rho, rand)
}

// Tally is what an auditor learns from a list that is proved.
type Tally struct {
	Cell   CellName
	Leaves int
	Totals map[string]uint64 // by field
	Facts  []*Fact           // in the order of the list
	// Others is how many lists of the ledger were committed to and not given. A
	// cell has one list, so an auditor asks what they are.
	Others int
}

// CheckTally verifies a list and its proof against the audited ledger. beside
// are lists on which demands stand whose accounts or outcomes are on this one:
// of another sheet, or of an earlier period.
func (l *Ledger) CheckTally(list, proof []byte, beside [][]byte) (*Tally, error) {
	t, err := l.checkTally(list, proof, beside)
	if err != nil {
		return nil, fmt.Errorf("tally: %w", err)
	}
	return t, nil
}

func (l *Ledger) checkTally(raw, proof []byte, beside [][]byte) (*Tally, error) {
	list, facts, err := l.openList(raw)
	if err != nil {
		return nil, err
	}
	seen := newOpened()
	if err := seen.take(list, facts); err != nil {
		return nil, err
	}
	digests := []Hash{sha256.Sum256(raw)}
	for _, b := range beside {
		other, more, err := l.openList(b)
		if err == nil && other.Cell.Period > list.Cell.Period {
			err = fmt.Errorf("it is of period %d, which is later", other.Cell.Period)
		}
		if err == nil {
			err = seen.take(other, more)
		}
		if err != nil {
			return nil, fmt.Errorf("a list beside it: %w", err)
		}
		digests = append(digests, sha256.Sum256(b))
	}
	if err := seen.joined(list, facts); err != nil {
		return nil, err
	}
	s, _ := l.Chain.Sheet(list.Cell)
	t := &Tally{Cell: list.Cell, Leaves: len(list.Leaves), Totals: map[string]uint64{}, Facts: facts, Others: l.otherLists(digests)}
	for k, field := range s.Fields {
		t.Totals[field.Name] = 0
		for _, f := range facts {
			t.Totals[field.Name] += uint64(f.Values[k])
		}
	}
	return t, l.holdsOnly(list.Cell, s, raw, facts, proof)
}

// holdsOnly checks the proof that a cell holds these facts and no others.
func (l *Ledger) holdsOnly(cell CellName, s Sheet, raw []byte, facts []*Fact, proof []byte) error {
	p := l.cells[cell]
	d, err := decodePoint(p[:])
	if err != nil {
		return err
	}
	for _, f := range facts {
		c, err := f.commitment(s)
		if err != nil {
			return err
		}
		d.add(d, new(point).neg(c))
	}
	if err := checkExact(tallyTranscript(raw, p), d, proof); err != nil {
		return fmt.Errorf("the cell holds more than the list: %w", err)
	}
	return nil
}

// otherLists counts the lists that were committed to and are none of these.
func (l *Ledger) otherLists(digests []Hash) int {
	n := 0
	for _, notice := range l.notices {
		if notice.Kind == NoticeTally && !slices.Contains(digests, notice.Digest) {
			n++
		}
	}
	return n
}

// notice finds a notice by its digest.
func (l *Ledger) notice(kind string, digest Hash) (Notice, bool) {
	for _, n := range l.notices {
		if n.Kind == kind && n.Digest == digest {
			return n, true
		}
	}
	return Notice{}, false
}

// Committed returns the root under which a list was committed to, and the time
// from which public randomness counts.
func (l *Ledger) Committed(list []byte) (root Hash, at uint64, err error) {
	n, ok := l.notice(NoticeTally, sha256.Sum256(list))
	if !ok {
		return root, 0, errors.New("the list was not committed to: its digest is no notice of the ledger")
	}
	p, place, err := l.Chain.At(n.Bundle * BundleSize)
	if err != nil {
		return root, 0, err
	}
	return l.roots[p.After(place.Tick)], l.timeOf(p, place.Tick), nil
}

// Sample draws which leaves of a list of n an auditor looks at.
func Sample(list []byte, root Hash, randomness []byte, n, want int) []int {
	sum := sha256.Sum256(list)
	seed := sha512.Sum512(append(append(sum[:], root[:]...), randomness...))
	drawn := map[int]bool{}
	var order []int
	for j := uint32(0); len(order) < min(n, want); j++ {
		h := sha512.Sum512(binary.BigEndian.AppendUint32(seed[:], j))
		i := int(new(big.Int).Mod(new(big.Int).SetBytes(h[:]), big.NewInt(int64(n))).Int64())
		if !drawn[i] {
			drawn[i] = true
			order = append(order, i)
		}
	}
	return order
}
