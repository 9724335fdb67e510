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
	raw, err := base64.StdEncoding.Strict().DecodeString(l.Opening)
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
	Facts  []*Fact
}

// CheckTally verifies a list and its proof against the audited ledger. parents
// are the parents of demands on lists of earlier periods.
func (l *Ledger) CheckTally(list, proof []byte, parents map[Hash]bool) (*Tally, error) {
	t, err := l.checkTally(list, proof, parents)
	if err != nil {
		return nil, fmt.Errorf("tally: %w", err)
	}
	return t, nil
}

func (l *Ledger) checkTally(raw, proof []byte, parents map[Hash]bool) (*Tally, error) {
	list, err := ParseList(raw)
	if err != nil {
		return nil, err
	}
	if _, ok := l.notice(NoticeTally, sha256.Sum256(raw)); !ok {
		return nil, errors.New("the list was not committed to: its digest is no notice of the ledger")
	}
	cell, ok := l.cells[list.Cell]
	if !ok || list.Origin != l.Chain[0].Origin {
		return nil, fmt.Errorf("the ledger has no complete cell of %s in period %d", list.Cell.Sheet, list.Cell.Period)
	}
	p := l.Chain[list.Cell.Period]
	s, _ := p.Sheet(list.Cell.Sheet)
	t := &Tally{Cell: list.Cell, Leaves: len(list.Leaves), Totals: map[string]uint64{}}
	if err := t.open(p, s, list, parents); err != nil {
		return nil, err
	}
	d, err := decodePoint(cell[:])
	if err != nil {
		return nil, err
	}
	for _, f := range t.Facts {
		c, err := f.commitment(s)
		if err != nil {
			return nil, err
		}
		d.add(d, new(point).neg(c))
	}
	if err := checkExact(tallyTranscript(raw, cell), d, proof); err != nil {
		return nil, fmt.Errorf("the cell holds more than the list: %w", err)
	}
	return t, nil
}

// open opens every listed leaf, and counts.
func (t *Tally) open(p *Period, s Sheet, list *List, parents map[Hash]bool) error {
	demands, subjects := map[Hash]bool{}, map[Hash]bool{}
	for h := range parents {
		demands[h] = true
	}
	for _, leaf := range list.Leaves {
		f, err := leaf.Fact()
		if err == nil {
			_, err = p.agrees(&f.Opening)
		}
		if err == nil {
			err = p.holdsLeaf(leaf.Index, s.Name)
		}
		if err == nil && f.Parent != ParentOf(f.ParentSalt, f.Subject) && f.Type == TypeDemand {
			err = errors.New("its parent is not its own")
		}
		if err == nil && subjects[f.Subject] {
			err = errors.New("its subject stands on the list twice")
		}
		if err != nil {
			return fmt.Errorf("entry %d: %w", leaf.Index, err)
		}
		subjects[f.Subject] = true
		if f.Type == TypeDemand {
			demands[f.Parent] = true
		}
		for k, field := range s.Fields {
			t.Totals[field.Name] += uint64(f.Values[k])
		}
		t.Facts = append(t.Facts, f)
	}
	for i, f := range t.Facts {
		if f.Type != TypeDemand && !demands[f.Parent] {
			return fmt.Errorf("entry %d: a fact of type %s without its demand", list.Leaves[i].Index, f.Type)
		}
	}
	return nil
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
