package ledger

import (
	"strings"
	"testing"
)

// A headerCase is a header of the good directory with one thing changed.
type headerCase struct {
	name, class string
	ledger      Class
	number      int
	change      func(h *Header)
	text        func(s string) string
	words       string
}

func headerCases() []headerCase {
	pub := func(name, class, words string, number int, change func(h *Header)) headerCase {
		return headerCase{name: name, class: class, ledger: Public, number: number, change: change, words: words}
	}
	first := func(name, class, words string, change func(h *Header)) headerCase {
		return pub(name, class, words, 0, change)
	}
	res := func(name, words string, number int, change func(h *Header)) headerCase {
		return headerCase{name: name, class: "tables", ledger: Restricted, number: number, change: change, words: words}
	}
	form := func(name, words, old, with string) headerCase {
		return headerCase{name: name, class: "form", ledger: Public, words: words, text: func(s string) string { return strings.Replace(s, old, with, 1) }}
	}
	rule := func(name, words string, r Rule) headerCase {
		return first(name, "sheets", words, func(h *Header) { h.Sheets[1].Fields[0].Rule = r })
	}
	field := func(h *Header, k int) *Field { return &h.Sheets[0].Fields[k] }
	key := func(name, words string, change func(h *Header)) headerCase { return first(name, "keys", words, change) }
	return []headerCase{
		form("space", "not canonical JSON", ",", ", "),
		form("line-end-behind", "not canonical JSON", "{", "{\n"),
		form("field-unknown", "unknown field", `"suite"`, `"suited":1,"suite"`),
		form("field-missing", "not canonical JSON", `"lag":43200,`, ""),
		form("field-twice", "not canonical JSON", `"lag":43200,`, `"lag":43200,"lag":43200,`),
		form("fields-out-of-order", "not canonical JSON", `"delta":86400,"due":691200,`, `"due":691200,"delta":86400,`),
		form("field-in-capitals", "not canonical JSON", `"lag"`, `"Lag"`),
		form("number-with-fraction", "is in no integer", `"lag":43200`, `"lag":43200.0`),
		form("number-with-exponent", "not canonical JSON", `"lag":43200`, `"lag":432e2`),
		form("number-negative", "is in no integer", `"lag":43200`, `"lag":-43200`),
		form("number-with-a-zero", "", `"lag":43200`, `"lag":043200`),
		form("number-too-large", "is too large", `"lag":43200`, `"lag":9007199254740993`),
		form("null-list", "not canonical JSON", `"promise":["`, `"promise":null,"x":["`),
		form("escape", "not canonical JSON", `drand quicknet`, `drand\u0020quicknet`),
		form("not-ascii", "not canonical JSON", `Organisation 0`, `Organisation é`),
		form("behind-the-value", "", `"to":`, `"to":`).with(func(s string) string { return s + "{}" }),
		form("cut-off", "", `"to":`, `"to":`).with(func(s string) string { return s[:len(s)-1] }),

		first("suite-other", "names", `suite "v2" is not "v1"`, func(h *Header) { h.Suite = "v2" }),
		first("class-other", "names", `class "secret"`, func(h *Header) { h.Class = "secret" }),
		first("publication-of-a-public-ledger", "names", `with publication "auditor"`, func(h *Header) { h.Publication = Auditor }),
		first("origin-empty", "names", "origin", func(h *Header) { h.Origin = "" }),
		first("origin-with-space", "names", "origin", func(h *Header) { h.Origin = "example.org public" }),
		first("previous-of-the-first", "names", "the hash of the header before", func(h *Header) { h.Previous[0] = 1 }),
		pub("previous-missing", "names", "the hash of the header before", 1, func(h *Header) { h.Previous = Hash{} }),

		first("period-empty", "time", "do not make the period", func(h *Header) { h.To = h.From }),
		first("period-of-no-ticks", "time", "do not make the period", func(h *Header) { h.Ticks = 0 }),
		first("period-of-other-ticks", "time", "do not make the period", func(h *Header) { h.Ticks = 3 }),
		first("from-the-beginning-of-time", "time", "do not make the period", func(h *Header) { h.To -= h.From; h.From = 0 }),
		first("period-of-the-far-future", "time", "is out of range", func(h *Header) { shift(h, 1<<40) }),
		first("delta-zero", "time", "do not make the period", func(h *Header) { h.Delta = 0 }),
		first("first-tick-after-the-period", "time", "is not before the period's end", func(h *Header) { h.Lag = day; h.Due = 9 * day }),
		first("period-of-367-days", "time", "at most 366 days", func(h *Header) { last(h, 367) }),
		first("lag-of-367-days", "time", "at most 366 days", func(h *Header) {
			last(h, 1)
			h.Lag, h.Due = 367*day, 400*day
		}),
		first("due-never", "time", "it would put off every promise", func(h *Header) { h.Due = 1 << 40 }),
		first("due-after-eleven-ticks", "time", "it would put off every promise", func(h *Header) { h.Due = h.Lag + 10*h.Delta + 72*3600 + 1 }),
		first("due-after-1101-days", "time", "it would put off every promise", func(h *Header) {
			last(h, 366)
			h.Due = 1101 * day
		}),
		first("due-before-the-tick", "time", "less than the lag and two ticks", func(h *Header) { h.Due = h.Lag + 2*h.Delta - 1 }),

		first("sheets-none", "sheets", "0 sheets", func(h *Header) { h.Sheets = []Sheet{} }),
		first("sheets-out-of-order", "sheets", "stands behind", func(h *Header) { h.Sheets[0], h.Sheets[1] = h.Sheets[1], h.Sheets[0] }),
		first("sheet-twice", "sheets", "stands behind", func(h *Header) { h.Sheets[1] = h.Sheets[0] }),
		first("sheet-name", "sheets", "sheet name", func(h *Header) { h.Sheets[0].Name = "us/Search" }),
		first("sheet-without-fields", "sheets", "has 0 fields", func(h *Header) { h.Sheets[0].Fields = []Field{} }),
		first("sheet-of-nine-fields", "sheets", "has 9 fields", func(h *Header) {
			h.Sheets[0].Fields = append(h.Sheets[0].Fields, Field{"ninth", Rule{Kind: Exact}, 1})
		}),
		first("field-name", "sheets", "field name", func(h *Header) { field(h, 0).Name = "Demand" }),
		first("field-dummy", "sheets", "field name", func(h *Header) { field(h, 0).Name = "dummy" }),
		first("field-name-twice", "sheets", "has field account twice", func(h *Header) { field(h, 0).Name = "account" }),
		first("field-of-no-bits", "sheets", "has 0 bits", func(h *Header) { field(h, 0).Width = 0 }),
		first("fields-of-33-bits", "sheets", "add up to 33 bits", func(h *Header) { field(h, 7).Width = 26 }),
		first("band-beside-exact", "sheets", "so every field has a band or is hidden", func(h *Header) { field(h, 0).Rule = Rule{Band, 250} }),
		rule("rule-unknown", "", Rule{Kind: "secret"}),
		rule("small-of-one", "want a number from 2 to 65535", Rule{Small, 1}),
		rule("small-too-large", "want a number from 2 to 65535", Rule{Small, 1 << 16}),
		first("band-too-wide", "sheets", "want a width from 1 to 2^27 - 1", func(h *Header) {
			h.Sheets[1].Fields = []Field{{"demand", Rule{Band, 1 << 27}, 1}}
		}),
		first("band-of-zero", "sheets", "want a width from 1 to 2^27 - 1", func(h *Header) {
			h.Sheets[1].Fields = []Field{{"demand", Rule{Band, 0}, 1}}
		}),
		form("rule-with-a-zero", `is written "small:10"`, "small:10", "small:010"),
		form("rule-without-number", "rule", "small:10", "small:"),
		form("rule-exact-with-number", "takes no number", "exact", "exact:1"),
		form("deferred-zero", "not canonical JSON", `"name":"us/wiretap"`, `"deferred":0,"name":"us/wiretap"`),
		res("deferred-alone", "deferred and joins stand together", 0, func(h *Header) { h.Sheets[1].Joins = "" }),
		res("joins-nothing", "cannot join us/none", 0, func(h *Header) { h.Sheets[1].Joins = "us/none" }),
		res("joins-itself", "cannot join", 0, func(h *Header) { h.Sheets[1].Joins = h.Sheets[1].Name }),
		res("joins-another-layout", "cannot join", 0, func(h *Header) { h.Sheets[1].Fields[0].Width = 2 }),

		first("grid-254", "grid", "254 slots", func(h *Header) { h.Grid[0].Slots-- }),
		first("grid-without-a-sheet", "grid", "grid: 2 sheets of 3", func(h *Header) { h.Grid[1].Slots += h.Grid[0].Slots; h.Grid = h.Grid[1:] }),
		first("grid-of-another-sheet", "grid", "grid: sheet", func(h *Header) { h.Grid[0].Sheet = "us/none" }),
		first("grid-twice", "grid", "grid: sheet", func(h *Header) { h.Grid[1].Sheet = h.Grid[0].Sheet }),
		first("grid-zero", "grid", "with 0 slots", func(h *Header) { h.Grid[1].Slots += h.Grid[0].Slots; h.Grid[0].Slots = 0 }),

		first("tables-missing-a-sheet", "tables", "sheet us/wiretap is in no table", func(h *Header) { h.Tables = h.Tables[:2] }),
		first("tables-out-of-order", "tables", "ascending order", func(h *Header) { h.Tables[0], h.Tables[1] = h.Tables[1], h.Tables[0] }),
		first("table-name", "tables", "table", func(h *Header) { h.Tables[0].Name = "Search" }),
		first("table-without-cells", "tables", "0 cells", func(h *Header) { h.Tables[0].Cells = []CellName{} }),
		first("table-before-the-end", "tables", "want the period's end", func(h *Header) { h.Tables[0].NotBefore = h.To - 1 }),
		first("table-never", "tables", "want the period's end", func(h *Header) {
			h.Tables[0].NotBefore += 1101 * day
			h.Tables[0].Due = h.Tables[0].NotBefore
		}),
		first("table-due-before-it-may", "tables", "want the period's end", func(h *Header) { h.Tables[0].Due = h.Tables[0].NotBefore - 1 }),
		first("table-due-never", "tables", "want the period's end", func(h *Header) { h.Tables[0].Due = h.Tables[0].NotBefore + 401*day }),
		first("cell-in-two-tables", "tables", "stands in us/subpoena/ca too", func(h *Header) { h.Tables[2].Cells[0].Sheet = "us/subpoena/ca" }),
		first("cell-twice-in-a-table", "tables", "stands in", func(h *Header) { h.Tables[0].Cells = append(h.Tables[0].Cells, h.Tables[0].Cells[0]) }),
		first("cell-of-a-later-period", "tables", "of a later period", func(h *Header) { h.Tables[0].Cells = append(h.Tables[0].Cells, CellName{1, "us/search-warrant"}) }),
		first("cell-of-no-sheet", "tables", "which is not its own period's", func(h *Header) { h.Tables[0].Cells = append(h.Tables[0].Cells, CellName{0, "us/none"}) }),
		first("table-of-two-layouts", "tables", "have other fields or rules", func(h *Header) {
			h.Tables[0].Cells = append(h.Tables[0].Cells, h.Tables[1].Cells...)
			h.Tables = append(h.Tables[:1], h.Tables[2])
		}),
		pub("past-cell-told-again", "tables", "does not belong there", 1, func(h *Header) { h.Tables[0].Cells = append(h.Tables[0].Cells, CellName{0, "us/search-warrant"}) }),
		res("deferred-in-its-own-period", "which is not its own period's", 0, func(h *Header) { h.Tables[0].Cells = append(h.Tables[0].Cells, CellName{0, "us/fisa-content-new"}) }),
		res("deferred-left-out", "misses the cell of us/fisa-content-new in period 0", 1, func(h *Header) { h.Tables[0].Cells = h.Tables[0].Cells[:1] }),
		res("deferred-in-another-table", "does not belong there", 1, func(h *Header) {
			h.Sheets = append(h.Sheets, Sheet{Name: "us/other", Fields: bandFields(250)})
			h.Grid[0].Slots--
			h.Grid = append(h.Grid, Allotment{"us/other", 1})
			moved := h.Tables[0].Cells[1]
			h.Tables[0].Cells = h.Tables[0].Cells[:1]
			h.Tables = append(h.Tables, Table{Cells: []CellName{{1, "us/other"}, moved}, Name: "us/other", NotBefore: h.To, Due: h.To + 30*day})
		}),
		res("deferred-twice", "stands in us/fisa-content too", 1, func(h *Header) { h.Tables[0].Cells = append(h.Tables[0].Cells, h.Tables[0].Cells[1]) }),

		key("keys-none", "no promise key", func(h *Header) { h.Keys.Promise = []string{} }),
		key("promise-key-twice", "stands twice", func(h *Header) { h.Keys.Promise = append(h.Keys.Promise, h.Keys.Promise[0]) }),
		key("log-key-of-another-name", "the log's key is named", func(h *Header) { h.Keys.Log = h.Keys.Report }),
		key("key-hash-other", "its hash is", func(h *Header) { h.Keys.Report = strings.Replace(h.Keys.Report, "+", "+0", 1) }),
		key("key-is-a-witness", "is no vkey of algorithm 1", func(h *Header) { h.Keys.Report = h.Witnesses.Keys[0].Key }),
		key("witness-is-a-key", "is no vkey of algorithm 4", func(h *Header) { h.Witnesses.Keys[0].Key = h.Keys.Report }),
		key("witness-twice", "stands once", func(h *Header) { h.Witnesses.Keys[0].Key = h.Witnesses.Keys[1].Key }),
		key("organisation-twice", "stands once", func(h *Header) { h.Witnesses.Keys[0].Organisation = h.Witnesses.Keys[1].Organisation }),
		key("organisation-none", "stands once", func(h *Header) { h.Witnesses.Keys[0].Organisation = "" }),
		key("quorum-of-four", "quorum 4 of 3 witnesses", func(h *Header) { h.Witnesses.Quorum = 4 }),

		pub("follows-gap", "chain", "begins at", 1, func(h *Header) { shift(h, day) }),
		pub("follows-overlap", "chain", "begins at", 1, func(h *Header) { shift(h, ^uint64(day-1)) }),
		pub("follows-another", "chain", "header 1 does not follow header 0", 1, func(h *Header) { h.Previous[0] ^= 1 }),
		pub("follows-with-another-number", "chain", "header 2 does not follow header 0", 1, func(h *Header) { h.Number = 2; movedCells(h, 2) }),
		pub("follows-of-another-class", "chain", "header 1 is of another ledger", 1, func(h *Header) { h.Class = Restricted }),
	}
}

func (c headerCase) with(text func(string) string) headerCase {
	c.text = text
	return c
}

// last makes a header's period one tick of so many days.
func last(h *Header, days uint64) {
	h.Ticks, h.Delta, h.To = 1, days*day, h.From+days*day
	h.Due = h.Lag + 2*h.Delta
	for i := range h.Tables {
		h.Tables[i].NotBefore, h.Tables[i].Due = h.To, h.To
	}
}

func shift(h *Header, by uint64) {
	h.From, h.To = h.From+by, h.To+by
	for i := range h.Tables {
		h.Tables[i].NotBefore, h.Tables[i].Due = h.Tables[i].NotBefore+by, h.Tables[i].Due+by
	}
}

// TestHeaderCases changes a good header, one thing at a time.
func TestHeaderCases(t *testing.T) {
	w := whole().branch(t, "headers")
	for _, c := range headerCases() {
		t.Run(c.name, func(t *testing.T) {
			chain := w.logs[c.ledger].chain
			h := bytesOf(*chain[c.number].Header)
			if c.change != nil {
				c.change(h)
			}
			text := headerText(h)
			if c.text != nil {
				text = c.text(text)
			}
			if text == headerText(chain[c.number].Header) {
				t.Fatal("nothing was changed")
			}
			got, err := ParseHeader([]byte(text))
			if err == nil {
				_, err = chain[:c.number].With(got)
			}
			refuses(t, err, c.words)
			if c.class != "form" && c.class != "chain" && err != nil && !strings.Contains(err.Error(), "header") {
				t.Errorf("%q does not name the header", err)
			}
		})
	}
}

// TestHeaderThatCannotBeWritten: what canonical JSON has no way to say is found
// when a header is made, not when it is read.
func TestHeaderThatCannotBeWritten(t *testing.T) {
	w := whole().branch(t, "written")
	for name, change := range map[string]func(h *Header){
		"a name that is not ASCII": func(h *Header) { h.Witnesses.Keys[0].Organisation = "École" },
		"a quotation mark":         func(h *Header) { h.Structure = `us/"1874` },
		"too large a number":       func(h *Header) { h.Audit.Sample = 1 << 53 },
		"no list":                  func(h *Header) { h.Keys.Promise = nil },
	} {
		h := bytesOf(*w.public().chain[0].Header)
		change(h)
		if h.Check() == nil {
			t.Errorf("a header with %s is good", name)
		}
		if _, err := h.Marshal(); err == nil {
			t.Errorf("a header with %s is written", name)
		}
	}
	h := bytesOf(*w.public().chain[0].Header)
	h.Witnesses = Witnesses{}
	if b, err := h.Marshal(); err != nil || !strings.Contains(string(b), `"witnesses":{"keys":[],"quorum":0}`) {
		t.Errorf("a header without witnesses: %v", err)
	}
}

// TestContinue: the header that follows by itself needs no announcement, and any
// other does.
func TestContinue(t *testing.T) {
	w := whole().branch(t, "continue")
	last := w.public().chain[2].Header
	next := must(last.Continue(last.To + 3*day))
	if err := next.continues(last); err != nil {
		t.Error(err)
	}
	if next.Tables[0].Due-next.To != last.Tables[0].Due-last.To || next.Ticks != 3 {
		t.Errorf("%+v", next)
	}
	for name, change := range map[string]func(h *Header){
		"due": func(h *Header) { h.Due++ }, "lag": func(h *Header) { h.Lag-- }, "sample": func(h *Header) { h.Audit.Sample = 1 },
		"grid": func(h *Header) { h.Grid[0].Slots--; h.Grid[1].Slots++ }, "rule": func(h *Header) { h.Sheets[1].Fields[0].Rule = Rule{Small, 20} },
		"table's date": func(h *Header) { h.Tables[0].NotBefore++ }, "table's name": func(h *Header) { h.Tables[2].Name = "us/zzz" },
		"quorum": func(h *Header) { h.Witnesses.Quorum = 1 }, "report key": func(h *Header) { h.Keys.Report = h.Keys.Promise[0] },
		"structure": func(h *Header) { h.Structure = "us/1874-a1" },
	} {
		h := bytesOf(*next)
		change(h)
		if err := h.continues(last); err == nil {
			t.Errorf("a header with another %s continues", name)
		}
	}
	if _, err := last.Continue(last.To + day/2); err == nil {
		t.Error("a period of half a tick")
	}
	// a deferred cell that joins is no change
	c := w.logs[Restricted].chain
	if err := c[1].continues(c[0].Header); err != nil {
		t.Error(err)
	}
}

// TestExchangedHeader: two headers are announced, and one is chosen when the
// period has begun.
func TestExchangedHeader(t *testing.T) {
	w := whole().branch(t, "exchanged")
	first := w.public().chain[0].Header
	a := must(first.Continue(first.To + 2*day))
	b, c := bytesOf(*a), bytesOf(*a)
	b.Audit.Sample, c.Audit.Sample = 30, 20
	say := func(list ...*Header) (notices []Notice) {
		for _, h := range list {
			notices = append(notices, Notice{Bundle: 1, Digest: h.Hash(), Kind: NoticeHeader})
		}
		return notices
	}
	late := say(c)
	late[0].Bundle = 2 // tick 2 comes when the next period has begun
	excuse := append(say(b, c), say(b)...)
	excuse[2].Bundle = 2
	for _, x := range []struct {
		name    string
		used    *Header
		notices []Notice
		words   string
	}{
		{"none announced, and it continues", a, nil, ""},
		{"none announced", b, nil, "was not announced before its period"},
		{"announced", b, say(b), ""},
		{"announced late", c, late, "was not announced before its period"},
		{"exchanged in time", c, say(b, c), ""},
		{"exchanged back", b, say(b, c), "is not the one that was announced last"},
		{"exchanged back, and announced again late", b, excuse, "is not the one that was announced last"},
		{"announced again", b, say(b, c, b), ""},
		{"announced, and then continued", a, say(b), "is not the one that was announced last"},
		{"announced late, and then continued", a, late, ""},
	} {
		chain := must(newChain([]*Header{first, x.used}))
		l := &Ledger{Class: Public, Chain: chain, notices: x.notices, times: map[uint64]uint64{}}
		for tick := range uint64(3) {
			l.times[chain[0].After(tick)] = uint64(first.TickTime(tick).Unix())
		}
		if err := l.chosen(); x.words == "" {
			if err != nil {
				t.Errorf("%s: %v", x.name, err)
			}
		} else {
			refuses(t, err, x.words)
		}
		// the same before its first tick
		l = &Ledger{Class: Public, Chain: chain[:1], next: chain[1], notices: x.notices, times: l.times}
		if err := l.chosen(); (err == nil) != (x.words == "" || x.name == "announced late") {
			t.Errorf("%s, ahead: %v", x.name, err)
		}
	}
}
