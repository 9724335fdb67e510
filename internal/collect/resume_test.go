package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
)

// faulty is a shelf that can break off, count and lose items. Whatever is nil
// or zero is as in the shelf.
type faulty struct {
	*shelf
	each  int            // enumeration breaks off behind so many items
	fails map[string]int // how often each call breaks off, "open NAME" or another
	count func(real int64) int64
	lost  string // the item that is gone when it is opened
	keeps bool   // errors of yield
}

func (f *faulty) fail(call string) error {
	if f.fails[call] == 0 {
		return nil
	}
	f.fails[call]--
	return &Interrupted{errors.New("no route to " + call)}
}

func (f *faulty) Probe(ctx context.Context) (Access, error) {
	if err := f.fail("probe"); err != nil {
		return Access{}, err
	}
	return f.shelf.Probe(ctx)
}

func (f *faulty) Inventory(ctx context.Context, a vitrine.Account) ([]Container, error) {
	if err := f.fail("inventory"); err != nil {
		return nil, err
	}
	cs, err := f.shelf.Inventory(ctx, a)
	for i := range cs {
		if f.count != nil {
			cs[i].Count = f.count(int64(len(f.accounts[a][cs[i].Name])))
		}
	}
	return cs, err
}

func (f *faulty) Enumerate(ctx context.Context, c Container, after string, yield func(Item) error) error {
	n := 0
	err := f.shelf.Enumerate(ctx, c, after, func(it Item) error {
		if n++; f.each > 0 && n > f.each {
			return &Interrupted{errors.New("broken off")}
		}
		return yield(it)
	})
	if f.keeps {
		return nil
	}
	return err
}

func (f *faulty) Open(ctx context.Context, c Container, it Item, offset int64) (io.ReadCloser, error) {
	if it.Key == f.lost {
		inbox := f.accounts[c.Account][c.Name]
		f.accounts[c.Account][c.Name] = slices.DeleteFunc(slices.Clone(inbox), func(l letter) bool { return l.text == f.lost })
		return nil, ErrVanished
	}
	if err := f.fail("open " + it.Key); err != nil {
		return nil, err
	}
	return f.shelf.Open(ctx, c, it, offset)
}

func (f *faulty) Close(ctx context.Context, c Container) (string, error) {
	if err := f.fail("close"); err != nil {
		return "", err
	}
	return f.shelf.Close(ctx, c)
}

// jobOn is a job over one source that waits for nothing.
func jobOn(t testing.TB, s Source, h Hold) Job {
	t.Helper()
	return Job{Mandate: signed.Mandate(t, scope(t, vitrine.ClockReceived), s.Declaration()), Sources: configured(s), Hold: h, Now: clock, Dir: t.TempDir(), Patience: make([]time.Duration, 2)}
}

// long is a shelf with one container of n items.
func long(n int) *shelf {
	s := newShelf("a")
	inbox := []letter{}
	for i := range n {
		inbox = append(inbox, letter{text: fmt.Sprintf("letter %02d", i), received: from})
	}
	s.accounts = map[vitrine.Account]map[string][]letter{"alice": {"inbox": inbox}}
	return s
}

// TestCursor: a visit that breaks off everywhere stands at the same cursor as
// an unbroken one, after every item; another order or another item does not.
func TestCursor(t *testing.T) {
	at := func(s Source, seen int64) Cursor {
		job := jobOn(t, s, &basket{})
		job.Limit = Limit{Seen: seen}
		_, place, err := job.Piece(t.Context(), nil)
		if err != nil || place == nil {
			t.Fatalf("%v, %v", place, err)
		}
		return place.Cursor
	}
	chains := map[vitrine.Digest]bool{}
	for n := range int64(10) {
		want := at(long(12), n+1)
		if got := at(&faulty{shelf: long(12), each: 1, fails: map[string]int{"inventory": 1, "open letter 03": 2}}, n+1); got != want {
			t.Errorf("a broken visit stands at %+v, an unbroken one at %+v", got, want)
		}
		if want.Seen != n+1 || chains[want.Chain] {
			t.Errorf("cursor %+v behind %d items", want, n+1)
		}
		chains[want.Chain] = true
	}
	swapped := long(12)
	inbox := swapped.accounts["alice"]["inbox"]
	inbox[3], inbox[4] = inbox[4], inbox[3]
	if chains[at(swapped, 10).Chain] {
		t.Error("another order has the same chain")
	}
}

// TestPatience: a store is waited for as often as patience says, anew whenever
// something was had from it, and then the run ends with nothing.
func TestPatience(t *testing.T) {
	for name, c := range map[string]struct {
		fails map[string]int
		says  string
	}{
		"all at last":     {map[string]int{"probe": 2, "inventory": 2, "open letter 01": 2, "open letter 02": 2, "close": 2}, ""},
		"probe":           {map[string]int{"probe": 3}, "broke off 3 times in a row"},
		"inventory":       {map[string]int{"inventory": 3}, "broke off 3 times in a row"},
		"opening an item": {map[string]int{"open letter 01": 3}, "broke off 3 times in a row"},
		"close":           {map[string]int{"close": 3}, "broke off 3 times in a row"},
	} {
		h := &basket{}
		col, err := jobOn(t, &faulty{shelf: long(5), each: 2, fails: c.fails}, h).Run(t.Context())
		if c.says == "" {
			if err != nil || col.In != 5 || len(h.items) != 5 {
				t.Errorf("%s: %+v, %d held, %v", name, col.Counts, len(h.items), err)
			}
			continue
		}
		refused(t, err, vitrine.Failed, c.says)
		if col.Seen != 0 {
			t.Errorf("%s: %+v", name, col)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	job := jobOn(t, &faulty{shelf: long(1), fails: map[string]int{"probe": 1}}, &basket{})
	job.Patience = []time.Duration{time.Hour}
	if _, err := job.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a run that waits and is cancelled: %v", err)
	}
}

// TestProbeStops: what can be written to is not read, unless that was accepted,
// and then it is recorded.
func TestProbeStops(t *testing.T) {
	sh, h := newShelf("a"), &basket{}
	sh.access = Access{Writes: "insert, delete", Shown: "grants"}
	job := jobOn(t, sh, h)
	_, err := job.Run(t.Context())
	refused(t, err, vitrine.Refused, "insert, delete")
	if len(sh.calls)+len(h.items) > 0 {
		t.Errorf("asked %v, held %v", sh.calls, h.items)
	}
	job.Sources[0].MayWrite = "no other role"
	col, err := job.Run(t.Context())
	want := vitrine.Visit{Source: "a", Family: "mail", Writes: "insert, delete", Shown: "grants", MayWrite: "no other role"}
	if err != nil || len(col.Sources) != 1 || col.Sources[0] != want {
		t.Errorf("%+v, %v", col.Sources, err)
	}
	sh.access = Access{Shown: "grants"}
	if col, err := job.Run(t.Context()); err != nil || col.Sources[0].MayWrite != "" {
		t.Errorf("accepted what need not be: %+v, %v", col.Sources, err)
	}
}

// TestCountMismatch: a store that lists fewer or more items than it counts
// leaves nothing; one that changed meanwhile, or keeps no count, is not held to
// it.
func TestCountMismatch(t *testing.T) {
	for _, d := range []int64{-1, 1} {
		_, err := jobOn(t, &faulty{shelf: long(5), count: func(n int64) int64 { return n + d }}, &basket{}).Run(t.Context())
		refused(t, err, vitrine.Failed, fmt.Sprintf("counts %d items and listed 5", 5+d))
	}
	for name, count := range map[string]func(int64) int64{"right": func(n int64) int64 { return n }, "none": func(int64) int64 { return NoCount }} {
		if _, err := jobOn(t, &faulty{shelf: long(5), count: count}, &basket{}).Run(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVanished: what is gone when it is opened is unreadable, and has vanished
// once, however often that shows.
func TestVanished(t *testing.T) {
	h := &basket{}
	col, err := jobOn(t, &faulty{shelf: long(5), lost: "letter 02"}, h).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (vitrine.Counts{Seen: 5, In: 4, Unreadable: 1}); col.Counts != want || col.Containers[0].Vanished != 1 || col.Containers[0].Arrived != 0 || len(h.items) != 4 {
		t.Errorf("%+v, %d held", col.Containers, len(h.items))
	}
}

// TestErrorsKept: a source that keeps an error to itself does not make the run
// end well.
func TestErrorsKept(t *testing.T) {
	cause := errors.New("the disk is full")
	if _, err := jobOn(t, &faulty{shelf: long(5), keeps: true}, &basket{fail: cause}).Run(t.Context()); !errors.Is(err, cause) {
		t.Errorf("error %v, want %v", err, cause)
	}
}

// TestLasting: what held true over a time is in if any of the period lies in
// it, by either clock, and open on a side means without end.
func TestLasting(t *testing.T) {
	var never time.Time
	for _, c := range []struct {
		since, until time.Time
		want         Decision
	}{
		{never, never, In}, {never, from.Add(-time.Second), Out}, {never, from, In}, {to, never, Out}, {to.Add(-time.Second), never, In},
		{from.AddDate(-1, 0, 0), to.AddDate(1, 0, 0), In}, {from.AddDate(-2, 0, 0), from.AddDate(-1, 0, 0), Out}, {to.AddDate(1, 0, 0), to.AddDate(2, 0, 0), Out},
		{from, from, In}, {to, to, Out},
	} {
		for _, clock := range []vitrine.Clock{vitrine.ClockReceived, vitrine.ClockSent} {
			v := Decide(scope(t, clock), Item{Category: vitrine.Content, Lasting: true, Received: between(c.since, c.until)})
			if v.Decision != c.want || !strings.HasPrefix(string(v.Reason), "lasting") {
				t.Errorf("from %v until %v by %s: %s (%s), want %s", c.since, c.until, clock, v.Decision, v.Reason, c.want)
			}
		}
	}
}
