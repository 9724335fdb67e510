package sequencer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestTornAppend has the log hold any part of a tick's entries, or all but
// Tessera's word that they are there.
func TestTornAppend(t *testing.T) {
	t.Parallel()
	h, dirs := states(t)
	state := filepath.Join(logDir, ".state", "treeState")
	t.Run("tiles without the tree's state", func(t *testing.T) {
		c := h.in(t, dirs["tick"])
		b, err := os.ReadFile(filepath.Join(dirs["prepare"], state))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.dir, state), b, 0o600); err != nil {
			t.Fatal(err)
		}
		c.goesOn("torn")
	})
	for _, n := range []int{1, 255, 256, 300, 511} {
		t.Run(fmt.Sprintf("%d entries", n), func(t *testing.T) {
			c := h.in(t, dirs["prepare"])
			c.tear(t, dirs["tick"], func(entries [][]byte) [][]byte { return entries[:n] })
			c.goesOn("torn")
		})
	}
	t.Run("other entries", func(t *testing.T) {
		c := h.in(t, dirs["prepare"])
		c.tear(t, dirs["tick"], func(entries [][]byte) [][]byte {
			other := slices.Clone(entries[:300])
			other[299] = []byte("another")
			return other
		})
		_, err := Open(context.Background(), c.o)
		refused(t, err, "bundle 3 of the log is not the one that the plan of tick 1 of period 1 says")
	})
	t.Run("no entries, another tree", func(t *testing.T) {
		c := h.in(t, dirs["prepare"])
		c.tear(t, dirs["tick"], func([][]byte) [][]byte { return nil })
		harm(t, filepath.Join(c.dir, logDir, "tile/1/000.p/2"), 40)
		_, err := Open(context.Background(), c.o)
		refused(t, err, "the log's tree is not the one that the plan of tick 1 of period 1 was made for")
	})
}

// tear has the ledger's log hold something of the plan that another copy of it
// has, as if the process had been killed in the middle.
func (h *house) tear(t *testing.T, from string, part func(entries [][]byte) [][]byte) {
	t.Helper()
	plan := h.in(t, from).newestPlan()
	if entries := part(plan.entries); len(entries) > 0 {
		if err := (&Log{o: h.o}).add(context.Background(), plan.Before.Size(), entries); err != nil {
			t.Fatal(err)
		}
	}
	name := planName(plan.Period, plan.Tick)
	b, err := os.ReadFile(filepath.Join(from, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}
