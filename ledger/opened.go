package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// openList reads a list that was committed to, and opens each of its leaves: it
// stands in the log, on the list's own sheet and period, and counts one fact.
func (l *Ledger) openList(raw []byte) (*List, []*Fact, error) {
	list, err := ParseList(raw)
	if err != nil {
		return nil, nil, err
	}
	if _, ok := l.notice(NoticeTally, sha256.Sum256(raw)); !ok {
		return nil, nil, errors.New("the list was not committed to: its digest is no notice of the ledger")
	}
	if _, ok := l.cells[list.Cell]; !ok || list.Origin != l.Chain[0].Origin {
		return nil, nil, fmt.Errorf("the ledger has no complete cell of %s in period %d", list.Cell.Sheet, list.Cell.Period)
	}
	hashes, err := l.entries(list.Leaves)
	if err != nil {
		return nil, nil, err
	}
	facts := make([]*Fact, len(list.Leaves))
	for i, leaf := range list.Leaves {
		if facts[i], err = l.Chain[list.Cell.Period].openListed(leaf, list.Cell.Sheet, hashes[i]); err != nil {
			return nil, nil, fmt.Errorf("entry %d: %w", leaf.Index, err)
		}
	}
	return list, facts, nil
}

// entries are the hashes of the entries that a list names, from the hash tiles,
// which are public even where leaves are not.
func (l *Ledger) entries(leaves []Listed) ([]tlog.Hash, error) {
	var indexes []int64
	for _, leaf := range leaves {
		if leaf.Index >= l.Checkpoint.Size {
			return nil, fmt.Errorf("entry %d is not in the log", leaf.Index)
		}
		indexes = append(indexes, tlog.StoredHashIndex(0, int64(leaf.Index)))
	}
	if len(indexes) == 0 {
		return nil, nil
	}
	hashes, err := l.reader.hashes(l.Checkpoint).ReadHashes(indexes)
	if err != nil {
		return nil, fmt.Errorf("read hash tiles: %w", err)
	}
	return hashes, nil
}

// openListed opens one leaf of a list of the sheet in the period.
func (p *Period) openListed(leaf Listed, sheet string, entry tlog.Hash) (*Fact, error) {
	if err := p.holdsLeaf(leaf.Index, sheet); err != nil {
		return nil, err
	}
	f, err := leaf.Fact()
	if err != nil {
		return nil, err
	}
	s, err := p.agrees(&f.Opening)
	if err != nil {
		return nil, err
	}
	if s.Name != sheet {
		return nil, fmt.Errorf("its opening is of sheet %s", s.Name)
	}
	made, err := f.Leaf(s)
	if err != nil {
		return nil, err
	}
	if tlog.RecordHash(made[:]) != entry {
		return nil, errors.New("the log has another leaf there")
	}
	return f, nil
}

// opened is what lists that are looked at together hold.
type opened struct {
	cells    map[CellName]bool
	subjects map[Hash]bool
	demands  map[Hash]bool // by their parent
	outcomes map[outcome]bool
}

// outcome is fact i of its type on a demand.
type outcome struct {
	parent Hash
	kind   string
	i      uint32
}

func newOpened() *opened {
	return &opened{map[CellName]bool{}, map[Hash]bool{}, map[Hash]bool{}, map[outcome]bool{}}
}

// take adds a list. No fact stands on two lists, or on one of them twice.
func (o *opened) take(list *List, facts []*Fact) error {
	if o.cells[list.Cell] {
		return fmt.Errorf("the cell of %s in period %d has two lists", list.Cell.Sheet, list.Cell.Period)
	}
	o.cells[list.Cell] = true
	for i, f := range facts {
		if err := o.fact(f); err != nil {
			return fmt.Errorf("entry %d: %w", list.Leaves[i].Index, err)
		}
	}
	return nil
}

func (o *opened) fact(f *Fact) error {
	if o.subjects[f.Subject] {
		return errors.New("its subject is listed twice")
	}
	o.subjects[f.Subject] = true
	switch f.Type {
	case TypeDemand:
		if f.Parent != ParentOf(f.ParentSalt, f.Subject) {
			return errors.New("its parent is not its own")
		}
		o.demands[f.Parent] = true
	case TypeAccount: // only who knows the account's name can tell one from another
	default:
		i, ok := f.outcome()
		if !ok {
			return errors.New("its subject is that of no outcome")
		}
		if o.outcomes[outcome{f.Parent, f.Type, i}] {
			return fmt.Errorf("outcome %d of type %s of its demand is listed twice", i, f.Type)
		}
		o.outcomes[outcome{f.Parent, f.Type, i}] = true
	}
	return nil
}

// joined checks that each account and outcome has its demand on a list.
func (o *opened) joined(list *List, facts []*Fact) error {
	for i, f := range facts {
		if f.Type != TypeDemand && !o.demands[f.Parent] {
			return fmt.Errorf("entry %d: a fact of type %s without its demand: it is on the list of an earlier period or of another sheet, to be given with this one", list.Leaves[i].Index, f.Type)
		}
	}
	return nil
}
