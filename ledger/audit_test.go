package ledger

import (
	"crypto/sha256"
	"testing"
)

// small returns a world of two periods of two ticks, one log, four demands,
// and one report, which is the least that shows every rule.
func smallWorld(t testing.TB) (*world, []*Fact, []uint64) {
	w := newWorld(t)
	h := w.header(Public, 2, Sheet{Name: "us/search-warrant", Fields: defaultFields}, Sheet{Name: "us/subpoena", Fields: defaultFields})
	l := w.logs[Public]
	l.add(h)
	facts := append(l.demand("us/search-warrant", "A-1", "content", "alice", "bob"), l.demand("us/search-warrant", "A-2", "rejected")...)
	next, err := h.Continue(h.To + 2*day)
	if err != nil {
		t.Fatal(err)
	}
	l.add(next)
	l.notice(NoticeHeader, next.Hash())
	indices := l.next(facts...)
	l.next(l.demand("us/subpoena", "B-1", "noncontent", "carol")...)
	w.tell("2026-a")
	l.next(l.demand("us/subpoena", "C-1", "nodata", "dave")...)
	return w, facts, indices
}

func TestAudit(t *testing.T) {
	w, facts, indices := smallWorld(t)
	v := w.accepted()
	if len(v.Ledgers) != 1 || v.Ledgers[0].Proofs != 3 || v.Ledgers[0].Bundles != 5 {
		t.Errorf("audited %d bundles, %d proofs", v.Ledgers[0].Bundles, v.Ledgers[0].Proofs)
	}
	// the totals are those that were planted
	want := map[string]map[string]uint64{
		"us/search-warrant": {"demand": 2, "account": 2, "content": 1, "rejected": 1},
		"us/subpoena":       {"demand": 1, "account": 1, "noncontent": 1},
	}
	for _, row := range v.Reports[0].Statement.Tables {
		for _, f := range row.Fields {
			if f.Total == nil || *f.Total != want[row.Name][f.Name] {
				t.Errorf("%s %s: %v", row.Name, f.Name, f.Total)
			}
		}
	}
	l := w.logs[Public]
	for i, f := range facts {
		r := l.under(f, indices[i], 0, true)
		b, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseReceipt(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := got.Check(0); err != nil {
			t.Fatal(err)
		}
		ref := "A-1"
		if i >= 4 {
			ref = "A-2"
		}
		doc := Hash(sha256.Sum256([]byte(ref)))
		papers := Papers{Authority: "police/one", Reference: ref, Document: &doc, Account: map[int]string{1: "alice", 2: "bob"}[i]}
		if unchecked, err := got.Fact.Is(papers); err != nil || len(unchecked) > 0 {
			t.Errorf("fact %d: %v, unchecked %q", i, err, unchecked)
		}
	}
}
