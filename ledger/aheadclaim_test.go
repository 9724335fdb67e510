package ledger

import (
	"fmt"
	"io/fs"
	"runtime"
	"testing"
)

// TestAheadOfAClaim reads a directory whose checkpoint claims many millions of
// bundles, none of which is there: nothing is kept of what was only claimed.
func TestAheadOfAClaim(t *testing.T) {
	var sheets []Sheet
	for i := range 255 {
		sheets = append(sheets, Sheet{Name: fmt.Sprintf("s%03d", i), Fields: defaultFields})
	}
	h := newWorld(t).header(Public, 1, sheets...)
	h.Delta, h.Lag, h.Ticks, h.Due = 1, 0, 1<<24, 3*day
	h.To = h.From + h.Ticks
	for i := range h.Tables {
		h.Tables[i].NotBefore, h.Tables[i].Due = h.To, h.To
	}
	b, err := h.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	dir := map[string][]byte{
		"ledger/public/checkpoint":     []byte(CheckpointText(h.Origin, BundleSize*(1+2_000_000), Hash{}) + "\n— x y\n"),
		"ledger/public/headers/0.json": b,
		"ledger/public/notices.json":   []byte("[]"),
	}
	fetch := Ahead(func(path string) ([]byte, error) {
		if b, ok := dir[path]; ok {
			return b, nil
		}
		return nil, fs.ErrNotExist
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, path := range []string{"checkpoint", "headers/0.json", "notices.json", "tile/entries/000"} {
		_, _ = fetch("ledger/public/" + path)
	}
	runtime.ReadMemStats(&after)
	if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 64 {
		t.Errorf("%d MiB were allocated for bundles that nobody saw", mib)
	}
}
