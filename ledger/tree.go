package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// hashOf is SHA-256 over the parts, one behind the other.
func hashOf(parts ...[]byte) Hash {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return Hash(h.Sum(nil))
}

func entryHashes(entries [][]byte) []tlog.Hash {
	list := make([]tlog.Hash, len(entries))
	for i, e := range entries {
		list[i] = tlog.RecordHash(e)
	}
	return list
}

// rootOf is the root over 2^n hashes; level is overwritten.
func rootOf(level []tlog.Hash) Hash {
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
	return Hash(level[0])
}

// Tree is a log that stands at a bundle's end: the roots of its full subtrees,
// largest first. It only grows.
type Tree struct {
	Bundles uint64 `json:"bundles"`
	Peaks   []Hash `json:"peaks"`
}

// Size is how many entries it has.
func (t Tree) Size() uint64 { return t.Bundles * BundleSize }

// Clone returns a tree that grows by itself.
func (t Tree) Clone() Tree { return Tree{t.Bundles, slices.Clone(t.Peaks)} }

// Equal reports whether two trees have the same entries.
func (t Tree) Equal(o Tree) bool { return t.Bundles == o.Bundles && slices.Equal(t.Peaks, o.Peaks) }

// Add appends whole bundles of entries.
func (t *Tree) Add(entries [][]byte) {
	for bundle := range slices.Chunk(entries, BundleSize) {
		t.add(rootOf(entryHashes(bundle)))
	}
}

func (t *Tree) add(bundle Hash) {
	for n := t.Bundles; n&1 == 1; n >>= 1 {
		bundle = Hash(tlog.NodeHash(tlog.Hash(t.Peaks[len(t.Peaks)-1]), tlog.Hash(bundle)))
		t.Peaks = t.Peaks[:len(t.Peaks)-1]
	}
	t.Peaks = append(t.Peaks, bundle)
	t.Bundles++
}

// Root is the root of RFC 6962.
func (t Tree) Root() Hash {
	if len(t.Peaks) == 0 {
		return sha256.Sum256(nil)
	}
	r := t.Peaks[len(t.Peaks)-1]
	for i := len(t.Peaks) - 2; i >= 0; i-- {
		r = Hash(tlog.NodeHash(tlog.Hash(t.Peaks[i]), tlog.Hash(r)))
	}
	return r
}

// Hashes reads the hashes of a tree from its tiles; each that it returns was
// checked against the root. get fetches a path below the log's directory.
func Hashes(get Fetch, size uint64, root Hash) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: int64(size), Hash: tlog.Hash(root)}, tileReader(get))
}

// tileReader reads tiles of 256 hashes; the tree stands at a bundle's end, so
// that only tiles of higher levels are ever partial.
type tileReader Fetch

func (tileReader) Height() int                     { return 8 }
func (tileReader) SaveTiles([]tlog.Tile, [][]byte) {}
func (get tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, t := range tiles {
		path, partial := TilePath(t.L, uint64(t.N), 256), TilePath(t.L, uint64(t.N), t.W)
		b, err := get(partial)
		if errors.Is(err, fs.ErrNotExist) && partial != path {
			b, err = get(path) // the log has grown
		}
		if err != nil {
			return nil, err
		}
		if len(b) < 32*t.W {
			return nil, fmt.Errorf("%s is cut off", partial)
		}
		data = append(data, b[:32*t.W])
	}
	return data, nil
}
