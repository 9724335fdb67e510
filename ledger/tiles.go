package ledger

import (
	"bytes"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// tiling compares the published hash tiles above those of the entries with the
// tree as it grows, so that no file of a log is left unchecked.
type tiling struct {
	reader *reader
	levels []tileLevel // the first is that of the bundles' roots
}

// tileLevel is the hashes of a level that are in no full tile yet.
type tileLevel struct {
	full   uint64 // tiles
	hashes []tlog.Hash
}

// add takes the root of one more bundle.
func (t *tiling) add(root Hash) error {
	for n := 0; ; n++ {
		if n == len(t.levels) {
			t.levels = append(t.levels, tileLevel{})
		}
		l := &t.levels[n]
		if l.hashes = append(l.hashes, tlog.Hash(root)); len(l.hashes) < BundleSize {
			return nil
		}
		if err := t.reader.sameTile(n+1, l.full, l.hashes); err != nil {
			return err
		}
		root = rootOf(l.hashes)
		l.full, l.hashes = l.full+1, nil
	}
}

// end compares the tiles that are not full.
func (t *tiling) end() error {
	for n, l := range t.levels {
		if len(l.hashes) == 0 {
			continue
		}
		if err := t.reader.sameTile(n+1, l.full, l.hashes); err != nil {
			return err
		}
	}
	return nil
}

// sameTile compares a published tile with its hashes.
func (r *reader) sameTile(level int, n uint64, hashes []tlog.Hash) error {
	path := TilePath(level, n, len(hashes))
	b, err := r.get(path)
	if err != nil {
		return err
	}
	want := make([]byte, 0, 32*len(hashes))
	for _, h := range hashes {
		want = append(want, h[:]...)
	}
	if !bytes.Equal(b, want) {
		return fmt.Errorf("%s does not hold the hashes of the entries", path)
	}
	return nil
}
