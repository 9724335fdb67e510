package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The sheets of the world of lists: accounts of orders are counted on a sheet
// of their own; on the third one, its writer counted a demand and an outcome
// twice.
const (
	ordersSheet  = "us/orders"
	selectsSheet = "us/selectors"
	twiceSheet   = "us/twice"
)

// A listWorld is a directory with a complete period 0, of which lists were
// committed to, and what each of these is.
type listWorld struct {
	*world
	ledger *Ledger
	facts  map[string][]Listed // by sheet
	lists  map[string][]byte
}

var listed = sync.OnceValue(func() *listWorld {
	w := &listWorld{world: newWorld(builder{}), facts: map[string][]Listed{}, lists: map[string][]byte{}}
	fields := []Field{{"demand", Rule{Kind: Exact}, 1}, {"account", Rule{Kind: Exact}, 1}, {"rejected", Rule{Kind: Exact}, 1}}
	h := w.header(Public, 1, Sheet{Name: ordersSheet, Fields: fields}, Sheet{Name: selectsSheet, Fields: fields}, Sheet{Name: twiceSheet, Fields: fields})
	h.Delta, h.Ticks, h.To, h.Due = 4*day, 1, h.From+4*day, 20*day
	for i := range h.Tables {
		h.Tables[i].NotBefore, h.Tables[i].Due = h.To, h.To+30*day
	}
	log := w.public()
	log.add(h)
	next, err := h.Continue(h.To + 4*day)
	noError(err)
	log.add(next)
	planted := w.plant(log)
	for i, index := range log.next(planted...) {
		w.facts[planted[i].Sheet] = append(w.facts[planted[i].Sheet], ListFact(index, planted[i]))
	}
	for _, sheet := range []string{ordersSheet, selectsSheet, twiceSheet} {
		sortListed(w.facts[sheet])
		w.commit(sheet, sheet, func(*List) {})
	}
	w.commitFalse()
	log.next()
	v, err := (&Audit{Fetch: w.fetch, Rand: rand.Reader}).ledgers(context.Background())
	noError(err)
	w.ledger = &v.Ledgers[0]
	return w
})

// plant makes three orders with an account each, one of them refused, and a
// demand that is counted twice and twice refused.
func (w *listWorld) plant(log *writtenLog) []*Fact {
	p, at := log.open(), time.Unix(int64(begin)+5, 0)
	var facts []*Fact
	fact := func(d Demand, sheet, kind, account string) {
		d.Sheet = sheet
		f, err := d.Fact(p, kind, account, 0, 0, at, w.rand)
		noError(err)
		facts = append(facts, f)
	}
	demand := func(reference string) Demand {
		d, err := NewDemand(DemandSubject("court", reference, sha256.Sum256([]byte(reference))), "", w.rand)
		noError(err)
		return d
	}
	for _, ref := range []string{"O-1", "O-2", "O-3"} {
		d := demand(ref)
		fact(d, ordersSheet, "demand", "")
		fact(d, selectsSheet, "account", "alice")
		if ref == "O-3" {
			fact(d, ordersSheet, "rejected", "")
		}
	}
	once, again := demand("T-1"), demand("T-1")
	fact(once, twiceSheet, "demand", "")
	fact(again, twiceSheet, "demand", "")
	fact(once, twiceSheet, "rejected", "")
	fact(once, twiceSheet, "rejected", "")
	return facts
}

// commit commits to a list of all facts of a sheet, as it is changed.
func (w *listWorld) commit(name, sheet string, change func(*List)) {
	l := &List{Cell: CellName{0, sheet}, Origin: "example.org/public", Salt: sha256.Sum256([]byte(name)), Leaves: slices.Clone(w.facts[sheet])}
	change(l)
	sortListed(l.Leaves)
	b, err := l.Marshal()
	noError(err)
	w.lists[name] = b
	w.public().notice(NoticeTally, sha256.Sum256(b))
}

// commitFalse commits to lists that say something else than the log.
func (w *listWorld) commitFalse() {
	w.commit("withheld", ordersSheet, without("rejected"))
	w.commit("withheld demands", ordersSheet, without("demand"))
	w.commit("dummy", ordersSheet, func(l *List) { l.Leaves[0].Index = w.dummy() })
	w.commit("dummy opened", ordersSheet, func(l *List) {
		l.Leaves = append(l.Leaves, w.changed(l.Leaves[0], func(o *Opening) { o.Type, o.Values = dummyType, Values{} }, w.dummy()))
	})
	w.commit("other sheet's", ordersSheet, func(l *List) { l.Leaves = append(l.Leaves, w.facts[selectsSheet][0]) })
	w.commit("other sheet's, renamed", ordersSheet, func(l *List) {
		s := w.facts[selectsSheet][0]
		l.Leaves = append(l.Leaves, w.changed(s, func(o *Opening) { o.Sheet = ordersSheet }, s.Index))
	})
	w.commit("another demand", ordersSheet, func(l *List) {
		l.Leaves[0] = w.changed(l.Leaves[0], func(o *Opening) { o.Day = "2026-01-02" }, l.Leaves[0].Index)
	})
	w.commit("trailer", ordersSheet, func(l *List) { l.Leaves[0].Index = 2*BundleSize - 1 })
	w.commit("second list", ordersSheet, func(*List) {})
	w.commit("outcome twice", twiceSheet, without("demand"))
	w.commit("no such cell", ordersSheet, func(l *List) { l.Cell.Sheet = "us/none" })
	w.commit("another ledger's", ordersSheet, func(l *List) { l.Origin = "example.org/other" })
	w.commit("a running period's", ordersSheet, func(l *List) { l.Cell.Period = 2 })
}

// without leaves the facts of a type out.
func without(kind string) func(*List) {
	return func(l *List) {
		l.Leaves = slices.DeleteFunc(l.Leaves, func(x Listed) bool { f, _ := x.Fact(); return f.Type == kind })
	}
}

// dummy is the index of a slot of the orders' sheet that holds no fact.
func (w *listWorld) dummy() uint64 {
	for i := uint64(BundleSize); ; i++ {
		if !slices.ContainsFunc(w.facts[ordersSheet], func(l Listed) bool { return l.Index == i }) {
			return i
		}
	}
}

// changed is an entry that opens to something else.
func (w *listWorld) changed(l Listed, change func(*Opening), index uint64) Listed {
	f, err := l.Fact()
	noError(err)
	change(&f.Opening)
	return ListFact(index, f)
}

// prove proves a list by its openings alone, whether or not it is the cell's.
func (w *listWorld) prove(t *testing.T, list []byte, sheet string) []byte {
	t.Helper()
	s, _ := w.public().chain[0].Sheet(sheet)
	cell := w.public().sums[0][sheet]
	l, err := ParseList(list)
	noError(err)
	rho, err := decodeScalar(cell.R[:])
	noError(err)
	for _, leaf := range l.Leaves {
		f, err := leaf.Fact()
		noError(err)
		r, err := decodeScalar(f.R[:])
		noError(err)
		rho = new(scalar).Subtract(rho, r)
	}
	p, err := cell.point(s)
	noError(err)
	proof, err := proveExact(tallyTranscript(list, Hash(p.Bytes())), rho, w.rand)
	noError(err)
	return proof
}

// TestTally: the list of a cell is accepted, and says what was planted.
func TestTally(t *testing.T) {
	w := listed()
	got, err := w.ledger.CheckTally(w.lists[ordersSheet], w.prove(t, w.lists[ordersSheet], ordersSheet), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Leaves != 4 || got.Totals["demand"] != 3 || got.Totals["account"] != 0 || got.Totals["rejected"] != 1 || len(got.Facts) != 4 {
		t.Errorf("%+v, want 3 demands and 1 refused", got)
	}
	if got.Others != len(w.lists)-1 {
		t.Errorf("%d other lists, want %d", got.Others, len(w.lists)-1)
	}
	v := &Verdict{Ledgers: []Ledger{*w.ledger}}
	list, proof := w.lists[selectsSheet], w.prove(t, w.lists[selectsSheet], selectsSheet)
	if got, err := v.Tally(list, proof, [][]byte{w.lists[ordersSheet]}); err != nil || got.Totals["account"] != 3 || got.Others != len(w.lists)-2 {
		t.Errorf("accounts beside their demands: %+v, %v", got, err)
	}
	s, _ := w.public().chain[0].Sheet(ordersSheet)
	if _, err := ProveTally(w.lists["withheld"], s, w.public().sums[0][ordersSheet], w.rand); err == nil {
		t.Error("a proof was made of a list that withholds a leaf")
	}
}

// TestFalseLists: each list that says something else than the log is refused,
// with a proof that fits its own openings.
func TestFalseLists(t *testing.T) {
	w := listed()
	for _, c := range []struct{ list, sheet, says string }{
		{"withheld", ordersSheet, "the cell holds more than the list"},
		{"dummy", ordersSheet, "the log has another leaf there"},
		{"dummy opened", ordersSheet, "it is a dummy's"},
		{"other sheet's", ordersSheet, "belongs to sheet us/selectors"},
		{"other sheet's, renamed", ordersSheet, "belongs to sheet us/selectors"},
		{"another demand", ordersSheet, "the log has another leaf there"},
		{"trailer", ordersSheet, "is a trailer"},
		{twiceSheet, twiceSheet, "its subject is listed twice"},
		{"outcome twice", twiceSheet, "outcome 0 of type rejected of its demand is listed twice"},
		{selectsSheet, selectsSheet, "without its demand"},
		{"no such cell", ordersSheet, "no complete cell of us/none"},
		{"another ledger's", ordersSheet, "no complete cell"},
		{"a running period's", ordersSheet, "no complete cell"},
	} {
		_, err := w.ledger.CheckTally(w.lists[c.list], w.prove(t, w.lists[c.list], c.sheet), nil)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.list, err, c.says)
		}
	}
	list, proof := w.lists[ordersSheet], w.prove(t, w.lists[ordersSheet], ordersSheet)
	selects := w.prove(t, w.lists[selectsSheet], selectsSheet)
	uncommitted := []byte(strings.Replace(string(list), `"salt":"`, `"salt":"00`, 1))
	uncommitted = []byte(strings.Replace(string(uncommitted), string(list[len(list)-4:]), `"}`, 1))
	for name, c := range map[string]struct {
		list, proof []byte
		beside      [][]byte
		says        string
	}{
		"a second list of the cell":      {list, proof, [][]byte{w.lists["second list"]}, "has two lists"},
		"the list itself beside it":      {list, proof, [][]byte{list}, "has two lists"},
		"another list's proof":           {list, w.prove(t, w.lists["second list"], ordersSheet), nil, "the cell holds more"},
		"no proof":                       {list, nil, nil, "64"},
		"demands that stand in no log":   {w.lists[selectsSheet], selects, [][]byte{w.lists["another demand"]}, "the log has another leaf there"},
		"a list that nobody committed":   {uncommitted, proof, nil, "not committed to"},
		"beside one that nobody did":     {list, proof, [][]byte{uncommitted}, "not committed to"},
		"accounts without their demands": {w.lists[selectsSheet], selects, [][]byte{w.lists["withheld demands"]}, "without its demand"},
	} {
		if _, err := w.ledger.CheckTally(c.list, c.proof, c.beside); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
