package casework_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/internal/vitrinetest"
	"github.com/vitrine-project/vitrine/ledger"
)

// lastHour opens a ledger in the last hour of its first period, of which one
// tick is left to make.
func lastHour(t *testing.T) (*vitrinetest.Provider, *casework.Book, *time.Time) {
	t.Helper()
	p := vitrinetest.New(t, "")
	now := vitrinetest.Now
	p.Now, p.Ticks = func() time.Time { return now }, 2
	b := p.Count(t, ledger.Public, "us/search-warrant", "us/subpoena")
	now = time.Unix(int64(b.Log.Chain()[0].To), 0).Add(-time.Hour)
	if err := p.Desk.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p, b, &now
}

func backlog(t *testing.T, p *vitrinetest.Provider) (n int) {
	t.Helper()
	err := p.DB.View(t.Context(), func(tx *store.Tx) (err error) { n, err = tx.Backlog("public", "us/search-warrant"); return err })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOverdueOutcomes: more demands end in a period's last hour than its ticks
// have room for. What is left is counted in the next period, and nothing stops.
func TestOverdueOutcomes(t *testing.T) {
	p, b, now := lastHour(t)
	var list []casework.Synthetic
	for i := range b.Log.Room("us/search-warrant") + 5 {
		list = append(list, casework.Synthetic{
			Class: ledger.Public, Sheet: "us/search-warrant", Reference: fmt.Sprint("R-", i), Received: *now, Outcomes: []string{"rejected"},
		})
	}
	if err := p.Synthesize(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	*now = now.AddDate(0, 0, 2)
	if err := p.Desk.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := backlog(t, p); n != 5 {
		t.Fatalf("%d facts wait, not the 5 that had no room", n)
	}
	*now = now.AddDate(0, 0, 16)
	if err := p.Desk.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := backlog(t, p); n > 0 {
		t.Errorf("%d facts still wait", n)
	}
	for period, want := range []uint64{uint64(len(list)) - 5, 5} {
		sum, _, err := b.Log.Sums(ledger.CellName{Period: uint64(period), Sheet: "us/search-warrant"})
		counted := uint64(0)
		for _, v := range sum.V {
			counted += v
		}
		if err != nil || counted != want {
			t.Errorf("period %d counted %d, not %d: %v", period, counted, want, err)
		}
	}
	audited(t, b.Log.Public())
}

// TestKilledAtLastTick: the process dies when a period's last tick is public,
// before it recorded where that tick's facts stand.
func TestKilledAtLastTick(t *testing.T) {
	p, b, now := lastHour(t)
	one := casework.Synthetic{Class: ledger.Public, Sheet: "us/search-warrant", Reference: "R", Received: *now, Counted: true}
	if err := p.Synthesize(t.Context(), []casework.Synthetic{one}); err != nil {
		t.Fatal(err)
	}
	*now = now.AddDate(0, 0, 2)
	const killed = "the process is killed"
	p.Reached = func(point string) {
		if point == "count: published" {
			panic(killed)
		}
	}
	func() {
		defer func() {
			if got := recover(); got != killed {
				t.Fatalf("it was not killed: %v", got)
			}
		}()
		p.Desk.Count(t.Context())
	}()
	p.Reached = nil
	if next, _, _, _ := b.Log.Next(); next.Number != 1 || backlog(t, p) != 1 {
		t.Fatalf("period %d is next, %d facts wait: it was not killed where it should be", next.Number, backlog(t, p))
	}
	*now = now.AddDate(0, 0, 16)
	if err := p.Desk.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := backlog(t, p); n > 0 {
		t.Errorf("%d facts still wait", n)
	}
}

// TestLateLastTick: a demand of a period is typed in when the time of its last
// tick has passed, and the tick was not made yet. It stands in that tick, which
// is the last that it can stand in.
func TestLateLastTick(t *testing.T) {
	p, b, now := lastHour(t)
	received := *now
	*now = now.AddDate(0, 0, 3)
	one := casework.Synthetic{Class: ledger.Public, Sheet: "us/search-warrant", Reference: "R", Received: received, Counted: true}
	if err := p.Synthesize(t.Context(), []casework.Synthetic{one}); err != nil {
		t.Fatal(err)
	}
	if n := backlog(t, p); n != 1 {
		t.Fatalf("%d facts wait", n)
	}
	*now = now.AddDate(0, 0, 14)
	if err := p.Desk.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	sum, complete, err := b.Log.Sums(ledger.CellName{Sheet: "us/search-warrant"})
	if err != nil || !complete || sum.V[0] != 1 || backlog(t, p) > 0 {
		t.Errorf("period 0 counted %v, complete: %t, %d wait: %v", sum.V, complete, backlog(t, p), err)
	}
	audited(t, b.Log.Public())
}
