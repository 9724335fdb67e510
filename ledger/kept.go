package ledger

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// OpenPromiseUnder verifies a promise against the keys of one header, of which
// only its holder knows whether it is the ledger's.
func OpenPromiseUnder(h *Header, b []byte) (Promise, error) {
	return Chain{newPeriod(h, 0)}.OpenPromise(b)
}

// SignedPromises verifies promises against the keys of one header. Whether they
// are kept only the log shows.
func SignedPromises(h *Header, b []byte) ([]Kept, error) {
	var list []Kept
	for _, one := range papers(b, promiseHead) {
		p, err := OpenPromiseUnder(h, one)
		if err != nil {
			return nil, err
		}
		k := keptOf(p)
		k.Period = h.Number
		list = append(list, k)
	}
	return list, nil
}

// Kept says what became of a promise.
type Kept struct {
	Promise Promise `json:"-"`
	Origin  string  `json:"origin"`
	Sheet   string  `json:"sheet"`
	Type    string  `json:"type"`
	Day     string  `json:"day"`
	Period  uint64  `json:"period"`
	Due     uint64  `json:"due"`
	Found   bool    `json:"found"`
	Index   uint64  `json:"index,omitempty"`
	Seen    uint64  `json:"seen,omitempty"`
	Through uint64  `json:"through,omitempty"` // up to when the log is public; 0 if nobody looked
}

// BrokenPromise is a promise that was not kept. With the log it is evidence
// that anybody can check.
type BrokenPromise struct {
	Due, Through uint64
	Found        bool
	Index, Seen  uint64 // if it came late
}

func (e *BrokenPromise) Error() string {
	switch {
	case e.Found:
		return fmt.Sprintf("the promise was not kept: its leaf was due on %s and was seen on %s, at entry %d. Keep the promise: with the ledger it is evidence", timeText(e.Due), timeText(e.Seen), e.Index)
	case e.Through > e.Due:
		return fmt.Sprintf("the promise was not kept: its leaf was due on %s, and it is not in the ledger, which is public up to %s. Keep the promise: with the ledger it is evidence", timeText(e.Due), timeText(e.Through))
	}
	return fmt.Sprintf("the promise was due on %s, and what is published of the ledger ends on %s, before that, without its leaf: fetch the newest copy; if it ends there too, the promise was not kept", timeText(e.Due), timeText(e.Through))
}

// Keep verifies each promise of the papers and looks for its leaf. A promise
// that is not kept by now is a *BrokenPromise.
func (s *Site) Keep(b []byte, now uint64) ([]Kept, error) {
	s.Now = now
	var list []Kept
	all := papers(b, promiseHead)
	for i, one := range all {
		k, err := s.keep(one)
		if err != nil {
			if len(all) > 1 {
				err = fmt.Errorf("promise %d of %d: %w", i+1, len(all), err)
			}
			return nil, err
		}
		list = append(list, *k)
	}
	return list, nil
}

func (s *Site) keep(b []byte) (*Kept, error) {
	v, err := s.View(Public)
	if err != nil {
		return nil, err
	}
	text, _ := textOf(b)
	values, err := promiseLines(text)
	if err != nil {
		return nil, fmt.Errorf("promise: %w", err)
	}
	if public := v.Chain[0].Origin; values["origin"] != public {
		if v, err = s.View(Restricted); errors.Is(err, fs.ErrNotExist) || err == nil && v.Chain[0].Origin != values["origin"] {
			return nil, fmt.Errorf("the promise is of the ledger %s, which is not published here; this is %s", values["origin"], public)
		}
		if err != nil {
			return nil, err
		}
	}
	chain, err := v.announced()
	if err != nil {
		return nil, err
	}
	p, err := chain.OpenPromise(b)
	if err != nil {
		return nil, err
	}
	return v.keep(chain, p)
}

func (v *View) keep(c Chain, p Promise) (*Kept, error) {
	o, k := p.Fact.Opening, keptOf(p)
	k.Through = v.through()
	for _, period := range c {
		if period.Hash != o.Header {
			continue
		}
		k.Period = period.Number
		var err error
		if k.Index, k.Found, err = v.find(period, p.Leaf); err != nil {
			return nil, err
		}
		if k.Found {
			if err := period.holdsLeaf(k.Index, o.Sheet); err != nil {
				return nil, fmt.Errorf("the promised leaf stands where it does not count: %w", err)
			}
			if k.Seen, err = v.seen(period, k.Index); err != nil {
				return nil, err
			}
		}
	}
	if k.Found && k.Seen > k.Due || !k.Found && (k.Through > k.Due || v.site.Now > k.Due) {
		return nil, &BrokenPromise{k.Due, k.Through, k.Found, k.Index, k.Seen}
	}
	return &k, nil
}

func keptOf(p Promise) Kept {
	o := p.Fact.Opening
	return Kept{Promise: p, Origin: o.Origin, Sheet: o.Sheet, Type: o.Type, Day: o.Day, Due: p.Due}
}

// find looks for a leaf in a period, in the hash tiles: these are public even
// where leaves are not.
func (v *View) find(p *Period, leaf Leaf) (index uint64, found bool, err error) {
	want := tlog.RecordHash(leaf[:])
	end := min(p.End(), v.Checkpoint.Size)
	const step = 64 * BundleSize
	for at := p.Start + BundleSize; at < end; at += step {
		var indexes []int64
		for i := at; i < min(at+step, end); i++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, int64(i)))
		}
		hashes, err := v.tree.ReadHashes(indexes)
		if err != nil {
			return 0, false, fmt.Errorf("read hash tiles: %w", err)
		}
		for i, h := range hashes {
			if h == want {
				return at + uint64(i), true, nil
			}
		}
	}
	return 0, false, nil
}
