package ledger

import (
	"crypto/sha256"
	"strconv"
	"sync"
	"testing"
	"time"
)

// untold is a directory that shows every rule, before its second report: a public
// log of three periods and a restricted one of two, which defers a sheet; exact,
// small, banded and hidden fields; a report that was corrected.
var untold = sync.OnceValue(func() *world {
	w := newWorld(builder{})
	exact, small, hidden := Rule{Kind: Exact}, Rule{Small, 10}, Rule{Kind: Hidden}
	h := w.header(Public, 2,
		Sheet{Name: "us/search-warrant", Fields: defaultFields},
		Sheet{Name: "us/subpoena/ca", Fields: []Field{{"demand", small, 1}, {"account", small, 1}}},
		Sheet{Name: "us/wiretap", Fields: []Field{{"demand", exact, 1}, {"account", hidden, 1}, {"rejected", exact, 1}}})
	pub := w.logs[Public]
	pub.add(h)
	next, err := h.Continue(h.To + 2*day)
	noError(err)
	next.Audit.Sample = 40
	pub.add(next)
	third, err := next.Continue(next.To + 2*day)
	noError(err)
	pub.add(third)

	closed := w.header(Restricted, 1,
		Sheet{Name: "us/fisa-content", Fields: bandFields(250)},
		Sheet{Name: "us/fisa-content-new", Fields: bandFields(250), Deferred: 2 * day, Joins: "us/fisa-content"})
	closed.Delta, closed.Ticks, closed.To, closed.Due = 2*day, 1, closed.From+2*day, 8*day
	closed.Tables[0].NotBefore, closed.Tables[0].Due = closed.To, closed.To+30*day
	res := w.logs[Restricted]
	res.add(closed)
	after, err := closed.Continue(closed.To + 2*day)
	noError(err)
	res.chain.Join(after)
	res.add(after)

	pub.notice(NoticeHeader, next.Hash())
	w.remember("A-1", pub, pub.demand("us/search-warrant", "A-1", "content", "alice", "bob"))
	w.remember("A-2", pub, pub.demand("us/search-warrant", "A-2", "rejected"))
	w.remember("W-1", pub, pub.demand("us/wiretap", "W-1", "", "erin"))
	pub.next(w.waiting()...)
	for _, ref := range []string{"S-1", "S-2", "S-3", "S-4", "S-5", "S-6", "S-7", "S-8", "S-9", "S-10", "S-11"} {
		w.remember(ref, pub, pub.demand("us/subpoena/ca", ref, ""))
	}
	w.remember("S-12", pub, pub.demand("us/subpoena/ca", "S-12", "", "carol"))
	pub.next(w.waiting()...)
	w.remember("F-1", res, res.demand("us/fisa-content", "F-1", "", "frank"))
	w.remember("F-2", res, res.demand("us/fisa-content-new", "F-2", "", "grace"))
	res.next(w.waiting()...)
	first := w.tell("2026-a")

	statement := []byte("an auditor's statement")
	pub.notice(NoticeStatement, sha256.Sum256(statement))
	w.put(Public, "documents/"+Hash(sha256.Sum256(statement)).String(), statement)
	list := &List{Cell: CellName{0, "us/search-warrant"}, Origin: h.Origin, Salt: sha256.Sum256([]byte("salt"))}
	for _, ref := range []string{"A-1", "A-2"} {
		for i, f := range w.facts[ref] {
			list.Leaves = append(list.Leaves, ListFact(w.at[ref][i], f))
		}
	}
	sortListed(list.Leaves)
	raw, err := list.Marshal()
	noError(err)
	w.list = raw
	pub.notice(NoticeTally, sha256.Sum256(raw))
	w.remember("B-1", pub, pub.demand("us/search-warrant", "B-1", "nodata", "alice"))
	for i := range 11 {
		w.remember("T-"+strconv.Itoa(i), pub, pub.demand("us/subpoena/ca", "T-"+strconv.Itoa(i), ""))
	}
	pub.next(w.waiting()...)
	pub.next()
	res.next()
	words := []byte("a page of 2026-a, whose words were corrected")
	w.dir["reports/2026-a/index.html"] = words
	first.Files[0].SHA256 = sha256.Sum256(words)
	w.sign(first, 2)
	return w
})

// whole is that directory with its second report, and one more tick.
var whole = sync.OnceValue(func() *world {
	w := untold().branch(builder{}, "whole")
	w.tell("2026-b")
	w.public().next()
	return w
})

func noError(err error) {
	if err != nil {
		panic(err)
	}
}

// remember keeps facts that wait for the next tick of their log.
func (w *world) remember(reference string, l *writtenLog, facts []*Fact) {
	if w.facts == nil {
		w.facts, w.at = map[string][]*Fact{}, map[string][]uint64{}
	}
	w.facts[reference] = facts
	w.queue = append(w.queue, reference)
	l.remembered = func(indices []uint64) {
		for _, ref := range w.queue {
			n := len(w.facts[ref])
			w.at[ref], indices = indices[:n], indices[n:]
		}
		w.queue = nil
		l.remembered = nil
	}
}

// waiting are the facts that wait.
func (w *world) waiting() []*Fact {
	var list []*Fact
	for _, ref := range w.queue {
		list = append(list, w.facts[ref]...)
	}
	return list
}

// TestWhole checks the directory that the attacks begin with.
func TestWhole(t *testing.T) {
	w := whole().branch(t, "whole")
	v := w.accepted()
	if len(v.Ledgers) != 2 || v.Ledgers[0].Proofs != 5 || v.Ledgers[1].Proofs != 2 || len(v.Reports) != 2 {
		t.Errorf("%d ledgers, %d reports", len(v.Ledgers), len(v.Reports))
	}
	// what was planted, in the order of the first report's rows
	ten, fifty, zero := uint64(10), uint64(250), uint64(0)
	total := func(n uint64) Total { return Total{Total: &n} }
	want := map[string][]Total{
		"us/search-warrant": {total(2), total(2), total(1), total(0), total(0), total(1), total(0), total(0)},
		"us/subpoena/ca":    {total(12), {Low: &zero, Width: &ten}},
		"us/wiretap":        {total(1), {}, total(0)},
		"us/fisa-content":   {{Low: &zero, Width: &fifty}, {Low: &zero, Width: &fifty}},
	}
	same := func(a, b *uint64) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
	for _, row := range v.Reports[0].Statement.Tables {
		for k, f := range row.Fields {
			e := want[row.Name][k]
			if !same(f.Total, e.Total) || !same(f.Low, e.Low) || !same(f.Width, e.Width) || (f.Point != nil) != (e.Total == nil) {
				t.Errorf("%s %s: %v, want %v", row.Name, f.Name, f, e)
			}
		}
	}
	last := v.Reports[1].Statement.Tables
	if cells := last[len(last)-1].Cells; len(cells) != 2 || cells[1].Period != 0 || cells[1].Sheet != "us/fisa-content-new" {
		t.Errorf("the deferred cell does not stand in the second report: %v", cells)
	}
	if at := v.Ledgers[0].timeOf(v.Ledgers[0].Chain[1], 1); at != uint64(time.Unix(int64(begin+3*day+day/2), 0).Unix()) {
		t.Errorf("tick 1 of period 1 was seen at %d", at)
	}
}
