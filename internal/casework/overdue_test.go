package casework_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
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

// TestSheetTakenOut takes a sheet out of the config while more facts wait on it
// than the ticks that have it have room for.
func TestSheetTakenOut(t *testing.T) {
	p, b, now := lastHour(t)
	wait := func(n int) {
		t.Helper()
		var list []casework.Synthetic
		for i := range n {
			list = append(list, casework.Synthetic{Class: ledger.Public, Sheet: "us/search-warrant", Reference: fmt.Sprint("R-", i), Received: *now, Outcomes: []string{"rejected"}})
		}
		if err := p.Synthesize(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	both := b.Sheets
	b.Sheets = []string{"us/subpoena"}
	wait(3)
	if err := p.Prepare(t.Context()); err != nil {
		t.Errorf("3 facts find room, and the sheet may not go: %v", err)
	}
	b.Sheets = both
	chain := b.Log.Chain()
	room := b.Log.Room("us/search-warrant") // of one tick; the next period has two
	if len(chain) != 2 || chain[1].Ticks != 2 {
		t.Fatalf("%d headers", len(chain))
	}
	wait(3*room + 5)
	if err := p.Prepare(t.Context()); err != nil {
		t.Errorf("the sheet is there: %v", err)
	}
	b.Sheets = []string{"us/subpoena"}
	err := p.Prepare(t.Context())
	if vitrine.ExitCode(err) != 2 || !strings.Contains(err.Error(), fmt.Sprintf("sheet us/search-warrant is no longer in the config, and %d facts", 3*room+5)) {
		t.Errorf("it says %v", err)
	}
}

// TestClockAhead: the clock of a machine whose ledger nobody watches jumps far
// ahead. Nothing is published until a person says that it is right.
func TestClockAhead(t *testing.T) {
	p := vitrinetest.New(t, "")
	now := vitrinetest.Now
	p.Now = func() time.Time { return now }
	b := p.Count(t, ledger.Public, "us/search-warrant")
	began := now
	now = now.AddDate(1, 0, 0)
	size := b.Log.Size()
	for _, today := range []string{"", now.AddDate(0, 0, -1).Format(time.DateOnly)} {
		p.Today = today
		err := p.Prepare(t.Context())
		if vitrine.ExitCode(err) != 4 || !strings.Contains(err.Error(), "report build --today "+now.Format(time.DateOnly)) || b.Log.Size() != size || len(b.Log.Chain()) != 1 {
			t.Errorf("told %q it says %v, and the log has %d entries", today, err, b.Log.Size())
		}
	}
	p.Today = now.Format(time.DateOnly)
	if err := p.Prepare(t.Context()); err != nil {
		t.Error(err)
	}
	p.Today, now = "", began.AddDate(0, 0, 35)
	if err := p.Prepare(t.Context()); err != nil {
		t.Errorf("after a month: %v", err)
	}
}
