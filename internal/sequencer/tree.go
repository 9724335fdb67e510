package sequencer

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/vitrine-project/vitrine/ledger"
)

// tree is a log that stands at a bundle's end: the roots of its full subtrees,
// largest first. A plan knows by it what tree its entries will make.
type tree struct {
	Bundles uint64        `json:"bundles"`
	Peaks   []ledger.Hash `json:"peaks"`
}

func (t tree) size() uint64 { return t.Bundles * ledger.BundleSize }

func (t tree) clone() tree { return tree{t.Bundles, slices.Clone(t.Peaks)} }

func (t tree) equal(o tree) bool { return t.Bundles == o.Bundles && slices.Equal(t.Peaks, o.Peaks) }

// add appends whole bundles of entries.
func (t *tree) add(entries [][]byte) {
	for bundle := range slices.Chunk(entries, ledger.BundleSize) {
		root := bundleRoot(bundle)
		for n := t.Bundles; n&1 == 1; n >>= 1 {
			root = node(t.Peaks[len(t.Peaks)-1], root)
			t.Peaks = t.Peaks[:len(t.Peaks)-1]
		}
		t.Peaks = append(t.Peaks, root)
		t.Bundles++
	}
}

func (t tree) root() ledger.Hash {
	if len(t.Peaks) == 0 {
		return sha256.Sum256(nil)
	}
	root := t.Peaks[len(t.Peaks)-1]
	for i := len(t.Peaks) - 2; i >= 0; i-- {
		root = node(t.Peaks[i], root)
	}
	return root
}

func node(left, right ledger.Hash) ledger.Hash {
	return ledger.Hash(tlog.NodeHash(tlog.Hash(left), tlog.Hash(right)))
}

func bundleRoot(entries [][]byte) ledger.Hash {
	level := make([]ledger.Hash, len(entries))
	for i, e := range entries {
		level[i] = ledger.Hash(tlog.RecordHash(e))
	}
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = node(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
	return level[0]
}

// hashes reads the hash tiles of a directory; all that it returns was checked
// against the tree's root.
func hashes(dir string, t tree) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: int64(t.size()), Hash: tlog.Hash(t.root())}, tiles(dir))
}

// tiles reads the hash tiles of tlog-tiles below a directory.
type tiles string

// Height, ReadTiles and SaveTiles are those of a tlog.TileReader.
func (tiles) Height() int                     { return 8 }
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (dir tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, t := range list {
		b, err := os.ReadFile(filepath.Join(string(dir), tileName(t)))
		if errors.Is(err, fs.ErrNotExist) { // it may have grown full since
			b, err = os.ReadFile(filepath.Join(string(dir), tileName(tlog.Tile{H: 8, L: t.L, N: t.N, W: 256})))
		}
		if err != nil {
			return nil, err
		}
		if len(b) < tlog.HashSize*t.W {
			return nil, fmt.Errorf("%s is cut off", tileName(t))
		}
		data = append(data, b[:tlog.HashSize*t.W])
	}
	return data, nil
}

// tileName is where a hash tile stands.
func tileName(t tlog.Tile) string {
	name := fmt.Sprintf("tile/%d/%s", t.L, tileNumber(uint64(t.N)))
	if t.W < 256 {
		name += fmt.Sprintf(".p/%d", t.W)
	}
	return name
}

// tileNumber writes a tile's number in groups of three digits.
func tileNumber(n uint64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}

// stands reports whether the tiles of a directory make the tree: all on the
// way from its last entry to its root are read.
func stands(dir string, t tree) error {
	if t.Bundles == 0 {
		return nil
	}
	_, err := hashes(dir, t).ReadHashes([]int64{tlog.StoredHashIndex(0, int64(t.size())-1)})
	return err
}
