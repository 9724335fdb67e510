package casework_test

import (
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/vitrinetest"
	"github.com/vitrine-project/vitrine/ledger"
)

// TestSleptOverABeginning: nobody watches, and the ticks before and behind a
// period's beginning are made up after it. Whoever audits the ledger before that
// period's first tick accepts it: the next header is not said in a tick whose
// time was before the period.
func TestSleptOverABeginning(t *testing.T) {
	p := vitrinetest.New(t, "")
	now := vitrinetest.Now
	p.Now = func() time.Time { return now }
	b := p.Count(t, ledger.Public, "us/search-warrant")
	now = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	if err := p.Desk.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	if next, _, _, _ := b.Log.Next(); next.Number != 0 || len(b.Log.Chain()) != 3 {
		t.Errorf("period %d goes on, and %d headers are there", next.Number, len(b.Log.Chain()))
	}
	audited(t, b.Log.Public())
}
