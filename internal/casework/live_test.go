package casework_test

import (
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/vitrinetest"
	"github.com/vitrine-project/vitrine/ledger"
)

// TestLive: a ledger that goes on only while something waits makes no tick for
// nothing, makes up those that were left out once something waits, and all of
// them once the period is over.
func TestLive(t *testing.T) {
	p := vitrinetest.New(t, "")
	now := vitrinetest.Now
	p.Now = func() time.Time { return now }
	p.Ticks = 6
	b := p.Count(t, ledger.Public, "us/search-warrant")
	b.Live = true
	count := func(days int) (uint64, uint64) {
		t.Helper()
		now = now.AddDate(0, 0, days)
		if err := p.Desk.Count(t.Context()); err != nil {
			t.Fatal(err)
		}
		next, tick, _, _ := b.Log.Next()
		return next.Number, tick
	}
	first, began := count(4)
	if _, tick := count(4); tick != began {
		t.Errorf("tick %d comes next, after %d, and nothing waited", tick, began)
	}
	sub := p.Submission(t)
	sub.Received = now.Add(-time.Hour)
	if _, err := p.Receive(t.Context(), sub, []byte("paper"), "test"); err != nil {
		t.Fatal(err)
	}
	if _, tick := count(3); tick <= began {
		t.Errorf("tick %d comes next, and a demand waited", tick)
	}
	if period, _ := count(30); period <= first {
		t.Errorf("period %d goes on after its end", period)
	}
}
