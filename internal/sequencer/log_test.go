package sequencer

import (
	"context"
	"io/fs"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/ledger"
)

// TestTwoPeriods writes two periods and has the ledger's audit and receipts
// agree with what was planted.
func TestTwoPeriods(t *testing.T) {
	t.Parallel()
	h, l := begun(t, 2)
	first := l.Chain()[0]
	second := h.next(l)
	facts := append(demand(t, first, "us/search-warrant", "A-1", "alice", "bob"), demand(t, first, "us/subpoena", "A-2", "carol")...)
	later := demand(t, second, "us/subpoena", "B-1", "dave")
	got := h.tick(l, append(facts, later...)...)
	if len(got.Indices) != 5 || len(got.Refused) != 0 {
		t.Fatalf("counted %v, refused %v", got.Indices, got.Refused)
	}
	h.tick(l)
	last := h.tick(l, later...)
	if last.Period != 1 || last.Tick != 1 || last.Size != second.After(1) {
		t.Errorf("tick %d of period %d, size %d", last.Tick, last.Period, last.Size)
	}
	v := audited(t, l.Public())
	if v.Ledgers[0].Proofs != 3 || v.Ledgers[0].Bundles != 5 {
		t.Errorf("audited %d bundles, %d proofs", v.Ledgers[0].Bundles, v.Ledgers[0].Proofs)
	}
	sum, complete, err := l.Sums(ledger.CellName{Period: 0, Sheet: "us/search-warrant"})
	if err != nil || !complete || sum.V[0] != 1 || sum.V[1] != 2 {
		t.Errorf("sum %v, complete %v, %v", sum.V, complete, err)
	}
	sum, complete, err = l.Sums(ledger.CellName{Period: 1, Sheet: "us/subpoena"})
	if err != nil || complete || sum.V[0] != 1 || sum.V[1] != 1 {
		t.Errorf("sum %v, complete %v, %v", sum.V, complete, err)
	}
	for _, f := range append(facts, later...) {
		place, ok, err := l.Counted(f.ID)
		if err != nil || !ok || !place.Published {
			t.Fatalf("%s: %v %v %v", f.ID, place, ok, err)
		}
		receipt, err := l.Receipt(place.Index, f.Fact, true)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ledger.ParseReceipt(receipt)
		if err != nil {
			t.Fatal(err)
		}
		cp, err := r.Check(uint64(begin.Unix()) + 30*day)
		if err != nil {
			t.Errorf("%s: %v", f.ID, err)
		}
		if p := l.Chain()[place.Period]; cp.Size != p.After(place.Tick) {
			t.Errorf("%s: a receipt under the tree of %d entries, not that of its tick", f.ID, cp.Size)
		}
	}
}

// TestOrder makes a tick early, with too many facts, and late.
func TestOrder(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h, l := begun(t, 3)
	p, tick, at, ok := l.Next()
	if !ok || tick != 1 || !at.Equal(begin.Add(36*time.Hour)) {
		t.Fatalf("the next tick is %d at %v", tick, at)
	}
	if n := l.Room("us/subpoena"); n != 5 {
		t.Errorf("room for %d", n)
	}
	h.clock.set(at.Add(-time.Second))
	before := files(t, l.Public())
	_, err := l.Tick(ctx, nil)
	refused(t, err, "is published at 2026-01-02T12:00:00Z")
	facts := demand(t, p, "us/subpoena", "A-1", "a", "b", "c", "d", "e", "f")
	if err := l.prepare(ctx, facts); err != nil {
		t.Fatal(err)
	}
	if now := files(t, l.Public()); len(now) != len(before) {
		t.Errorf("something is public before the tick's second: %d files, before %d", len(now), len(before))
	}
	place, ok, err := l.Counted(facts[0].ID)
	if err != nil || !ok || place.Published {
		t.Errorf("%v %v %v", place, ok, err)
	}
	if _, err := l.Receipt(place.Index, facts[0].Fact, true); err == nil {
		t.Error("a receipt before the tick")
	}
	// a clock that is three days late: every tick is made up, none is left out
	h.clock.set(at.Add(3 * day * time.Second))
	out, err := l.Tick(ctx, facts)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range facts {
		if _, counted := out.Indices[f.ID]; counted != (i < 5) {
			t.Errorf("fact %d of %d: counted %v, want the five oldest", i, len(facts), counted)
		}
	}
	if len(out.Indices) != 5 || len(out.Refused) != 0 {
		t.Errorf("counted %v, refused %v", sorted(out.Indices), out.Refused)
	}
	for want := uint64(2); want <= 3; want++ {
		out, err := l.Tick(ctx, facts)
		if err != nil || out.Tick != want {
			t.Fatalf("tick %d: %v", out.Tick, err)
		}
		if len(out.Indices) != 7 {
			t.Errorf("%d of 7 facts are counted", len(out.Indices))
		}
	}
	if _, _, _, ok := l.Next(); ok {
		t.Error("there is a tick without a header")
	}
	_, err = l.Tick(ctx, nil)
	refused(t, err, "no header for the next tick")
	v := audited(t, l.Public())
	if v.Ledgers[0].Proofs != 3 {
		t.Errorf("%d proofs", v.Ledgers[0].Proofs)
	}
	sum, _, _ := l.Sums(ledger.CellName{Period: 0, Sheet: "us/subpoena"})
	if sum.V[0] != 1 || sum.V[1] != 6 {
		t.Errorf("sum %v: a fact is counted twice, or not", sum.V)
	}
	if _, err := fs.Stat(l.Public(), "checkpoint"); err != nil {
		t.Error(err)
	}
}
