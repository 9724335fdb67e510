package sequencer

import (
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/vitrine-project/vitrine/ledger"
)

// hashes reads the hash tiles of a directory; all that it returns was checked
// against the tree's root.
func hashes(dir string, t ledger.Tree) tlog.HashReader {
	read := func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, path)) }
	return ledger.Hashes(read, t.Size(), t.Root())
}

// stands reports whether the tiles of a directory make the tree: all on the
// way from its last entry to its root are read.
func stands(dir string, t ledger.Tree) error {
	if t.Bundles == 0 {
		return nil
	}
	_, err := hashes(dir, t).ReadHashes([]int64{tlog.StoredHashIndex(0, int64(t.Size())-1)})
	return err
}

// tileName is where a hash tile stands.
func tileName(t tlog.Tile) string { return ledger.TilePath(t.L, uint64(t.N), t.W) }
