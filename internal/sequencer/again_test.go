package sequencer

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/vitrine-project/vitrine/ledger"
)

// TestHeaderAnnouncedAgain announces a header, another in its place, and the
// first one once more, as when a petition is granted and falls on appeal: the
// first one is announced anew, behind the other, and the period begins with it.
func TestHeaderAnnouncedAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h, l := begun(t, 5)
	first, second := other(t, l, 6), other(t, l, 7)
	for _, next := range []*ledger.Header{first, second, first} {
		if err := l.Add(ctx, next); err != nil {
			t.Fatal(err)
		}
		h.tick(l)
	}
	audited(t, l.Public())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = h.open()
	if err := l.Settled(1); err != nil {
		t.Error(err)
	}
	for range 3 {
		h.tick(l)
	}
	if p, tick, _, _ := l.Next(); p.Number != 1 || tick != 2 || p.Hash != first.Hash() {
		t.Errorf("next is tick %d of period %d", tick, p.Number)
	}
	audited(t, l.Public())
}

// TestHeaderTakenBack replaces a header that was announced, takes the other one
// back before a tick says it, and dies: the other is never announced.
func TestHeaderTakenBack(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h, l := begun(t, 4)
	first, second := other(t, l, 6), other(t, l, 7)
	if err := l.Add(ctx, first); err != nil {
		t.Fatal(err)
	}
	h.tick(l)
	if err := l.Add(ctx, second); err != nil {
		t.Fatal(err)
	}
	held, err := os.ReadFile(filepath.Join(h.dir, pendingFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Add(ctx, first); err != nil {
		t.Fatal(err)
	}
	for _, killed := range []bool{false, true} { // after it was noted that second does not wait, and before
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if killed {
			if err := os.WriteFile(filepath.Join(h.dir, pendingFile), held, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if l = h.open(); len(l.pending) != 0 {
			t.Errorf("killed %t: pending %v", killed, l.pending)
		}
	}
	h.tick(l)
	if list := published(t, l); len(list) != 1 || list[0].Digest != first.Hash() {
		t.Errorf("notices %v", list)
	}
	if err := l.Settled(1); err != nil {
		t.Error(err)
	}
}
