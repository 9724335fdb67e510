package ledger

import (
	"crypto/sha256"
	"strings"
	"sync"
	"testing"
)

const openedName = "opened/0/us/fisa-content"

var record = []byte("the record of a petition that was granted\n")

// permitted is a directory whose header 1 opens a banded cell of period 0, in
// which three demands were planted, up to the tick at which it is to be told.
func permitted(said bool) *world {
	w := newWorld(builder{})
	h := w.header(Public, 2, Sheet{Name: "us/fisa-content", Fields: bandFields(250)}, Sheet{Name: "us/nsl", Fields: bandFields(250)})
	log := w.public()
	log.add(h)
	next := opensCell(h, CellName{0, "us/fisa-content"})
	log.add(next)
	log.notice(NoticeHeader, next.Hash())
	if said {
		log.notice(NoticePetition, sha256.Sum256(record))
		w.put(Public, "documents/"+Hash(sha256.Sum256(record)).String(), record)
	}
	var facts []*Fact
	for _, ref := range []string{"F-1", "F-2", "F-3"} {
		facts = append(facts, log.demand("us/fisa-content", ref, "", "alice", "bob")...)
	}
	log.next(facts...)
	log.next()
	w.tell("2026-a")
	log.next()
	return w
}

// opensCell is a header that follows h and opens cells.
func opensCell(h *Header, cells ...CellName) *Header {
	next, err := h.Continue(h.To + 2*day)
	noError(err)
	next.Openings = []Permit{{Cells: cells, Name: openedName, NotBefore: next.From, Due: next.From + 30*day, Petition: sha256.Sum256(record)}}
	return next
}

var opens = sync.OnceValue(func() *world { return permitted(true) })

// TestOpening: what was told as a band is told once more, exactly, and both are
// accepted.
func TestOpening(t *testing.T) {
	w := opens().branch(t, "good")
	w.tell("2026-b")
	w.public().next()
	v := w.accepted()
	first, second := v.Reports[0].Statement.Tables[0], v.Reports[1].Statement.Tables[0]
	if f := first.Fields; first.Name != "us/fisa-content" || f[0].Total != nil || *f[0].Low != 0 || *f[0].Width != 250 {
		t.Errorf("first %s %+v", first.Name, f)
	}
	if f := second.Fields; second.Name != openedName || second.Header != 1 || *f[0].Total != 3 || *f[1].Total != 6 || len(v.Reports[1].Statement.Tables) != 1 {
		t.Errorf("then %s %+v", second.Name, f)
	}
}

// TestFalseOpenings: an opening that says another number, or a band, or that no
// notice permits, is refused.
func TestFalseOpenings(t *testing.T) {
	five, zero, width := uint64(5), uint64(0), uint64(250)
	opened := func(d *Draft) *Row { return &d.Statement.Tables[len(d.Statement.Tables)-1] }
	for name, c := range map[string]struct {
		lie    func(*Draft)
		change func(*Report)
		says   string
	}{
		"another number, proved": {func(d *Draft) {
			opened(d).Fields[0].Total, d.rows[0].Fields[0].Total = &five, &five
		}, nil, "its totals are not those of its cells"},
		"another number": {nil, func(r *Report) { r.Statement.Tables[0].Fields[0].Total = &five }, "its totals are not those of its cells"},
		"a band": {func(d *Draft) {
			p := opened(d).Cells[0].Point
			opened(d).Fields[0] = Total{Low: &zero, Width: &width, Name: "demand", Point: &p}
		}, nil, "field demand has a band that its rule exact does not make"},
		"hidden": {func(d *Draft) {
			p := opened(d).Cells[0].Point
			opened(d).Fields[0] = Total{Name: "demand", Point: &p}
		}, nil, "field demand is hidden, its rule is exact"},
		"another cell": {func(d *Draft) { opened(d).Cells[0].Sheet = "us/nsl" }, nil, "is not the header's"},
		"left out":     {func(d *Draft) { d.Statement.Tables, d.rows = []Row{}, nil }, nil, "is missing"},
		"told twice": {func(d *Draft) {
			d.Statement.Tables, d.rows = append(d.Statement.Tables, *opened(d)), append(d.rows, d.rows[0])
		}, nil, "is told twice"},
		"another header's": {func(d *Draft) { opened(d).Header = 0 }, nil, "is missing, or another stands in its place"},
	} {
		w := opens().branch(t, name)
		w.tellWith("2026-b", c.lie, c.change)
		if _, err := w.audit(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	again := opens().branch(t, "again")
	again.tell("2026-b")
	again.public().next()
	again.tellWith("2026-c", func(d *Draft) {
		noError(d.Add(again.public().chain, again.public().chain.Ready(again.public().chain[1], 1, 1<<40)[2], func(c CellName) (Running, error) { return again.public().sums[c.Period][c.Sheet], nil }, again.rand))
	}, nil)
	again.refused("is told twice")

	silent := permitted(false).branch(t, "silent")
	silent.tell("2026-b")
	silent.refused("by a petition of which the ledger had no notice before the header")
}

// TestOpeningHeaders: which cells a header may open.
func TestOpeningHeaders(t *testing.T) {
	w := newWorld(t)
	h := w.header(Public, 2, Sheet{Name: "us/fisa-content", Fields: bandFields(250)}, Sheet{Name: "us/search-warrant", Fields: defaultFields})
	cell := CellName{0, "us/fisa-content"}
	opening := opensCell(h, cell)
	chain, err := newChain([]*Header{h, opening})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		header *Header
		says   string
	}{
		"once more":                  {opensCell(opening, cell), "is opened twice"},
		"twice in one":               {twice(opensCell(h, cell)), "is opened twice"},
		"of its own period":          {opensCell(h, CellName{1, "us/fisa-content"}), "want cells of earlier periods"},
		"of a sheet that is not":     {opensCell(h, CellName{0, "us/nsl"}), "there is no cell of us/nsl"},
		"of other fields":            {opensCell(h, cell, CellName{0, "us/search-warrant"}), "it has other fields"},
		"none":                       {opensCell(h), "want cells of earlier periods"},
		"named as a table":           {named(opensCell(h, cell), "us/fisa-content"), "its name is malformed, out of order or a table's"},
		"before its period":          {dated(opensCell(h, cell), h.From), "dates in this one or later"},
		"announced by nobody before": {nil, "it opens cells"},
	} {
		before := chain[:1]
		if name == "once more" {
			before = chain
		}
		var err error
		if c.header == nil {
			err = opening.continues(h)
		} else {
			_, err = before.With(c.header)
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func twice(h *Header) *Header {
	again := h.Openings[0]
	again.Name += "-again"
	h.Openings = append(h.Openings, again)
	return h
}

func named(h *Header, name string) *Header {
	h.Openings[0].Name = name
	return h
}

func dated(h *Header, notBefore uint64) *Header {
	h.Openings[0].NotBefore = notBefore
	return h
}
