package sequencer

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// Receipt returns the receipt of the fact at an index, under the first cosigned
// checkpoint of its tick. A user's has no parent.
func (l *Log) Receipt(index uint64, f *ledger.Fact, parent bool) ([]byte, error) {
	chain, public := l.Chain(), l.publicTree()
	p, place, err := chain.At(index)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	if p.Hash != f.Header {
		return nil, vitrine.Refusef(vitrine.Usage, "entry %d is of period %d, the fact is not", index, p.Number)
	}
	checkpoint, cp, err := l.kept(chain, p.After(place.Tick))
	if errors.Is(err, fs.ErrNotExist) || err == nil && cp.Size > public.Size() {
		return nil, vitrine.Refusef(vitrine.Busy, "entry %d is not published yet: tick %d of period %d is, at %s", index, place.Tick, p.Number, instant(p.TickTime(place.Tick)))
	}
	if err != nil {
		return nil, err
	}
	r := &ledger.Receipt{Fact: *f, HasParent: parent, Header: p.Header, HeaderIndex: p.Start, Index: index, Checkpoint: checkpoint}
	if r.Proof, err = l.included(public, cp.Size, index); err != nil {
		return nil, err
	}
	if r.HeaderProof, err = l.included(public, cp.Size, p.Start); err != nil {
		return nil, err
	}
	b, err := r.Marshal()
	if err != nil {
		return nil, fmt.Errorf("ledger: write receipt: %w", err)
	}
	// What is wrong is found here, and not by its holder.
	if _, err := r.Check(0); err != nil {
		return nil, fmt.Errorf("ledger: receipt of entry %d: %w", index, err)
	}
	return b, nil
}

func (l *Log) publicTree() ledger.Tree {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.published().Clone()
}

// included proves that an entry is in the tree of a size. The hashes are those
// of the newest tree, where all tiles still are.
func (l *Log) included(t ledger.Tree, size, index uint64) ([]ledger.Hash, error) {
	p, err := tlog.ProveRecord(int64(size), int64(index), hashes(l.path(publicDir), t))
	if err != nil {
		return nil, fmt.Errorf("ledger: prove entry %d: %w", index, err)
	}
	proof := make([]ledger.Hash, len(p))
	for i, h := range p {
		proof[i] = ledger.Hash(h)
	}
	return proof, nil
}
