package report

import "testing"

// TestStale: of a tree of 8 bundles and one of 300 only the newest partial
// tiles are published.
func TestStale(t *testing.T) {
	for path, size := range map[string]uint64{"tile/1/000.p/3": 8 * 256, "tile/1/000.p/255": 300 * 256, "tile/1/001.p/8": 300 * 256, "tile/2/000.p/2": 300 * 256} {
		if !stale(path, size) {
			t.Errorf("%s of a tree of %d is kept", path, size)
		}
	}
	for path, size := range map[string]uint64{"tile/1/000.p/8": 8 * 256, "tile/1/001.p/44": 300 * 256, "tile/2/000.p/1": 300 * 256, "tile/0/007": 8 * 256, "tile/entries/007": 8 * 256, "checkpoint": 256, "headers/0.json": 256} {
		if stale(path, size) {
			t.Errorf("%s of a tree of %d is left out", path, size)
		}
	}
}
