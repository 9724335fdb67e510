package ledger

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Lines say what an accepted audit lets a reader conclude, and what it does
// not. What it cannot show comes first (spec/report.md, section 5).
func (v *Verdict) Lines() []string {
	said := v.cautions()
	for _, l := range v.Ledgers {
		said = append(said, l.line())
		for _, one := range l.Statements {
			said = append(said, l.statement(one))
		}
	}
	for _, r := range v.Reports {
		said = append(said, fmt.Sprintf("report %s: %s, signed, with every file it names", r.Statement.Name, several(len(r.Statement.Tables), "table")))
	}
	if v.Files > 0 {
		said = append(said, fmt.Sprintf("site.json: signed, with every file it names (%d)", v.Files))
	}
	if len(v.Reports) == 0 {
		said = append(said, "there is no report yet: none of its tables was due")
	}
	if v.Sampled {
		return append(said, "found no fault in what was looked at")
	}
	return append(said,
		"accepted. Shown: each published total, or the top of each published band, is at least the number of distinct facts whose holders have a receipt that verifies for the table; and no other accepted report says anything else of the same cells.",
		"Not shown: an upper bound, unless an auditor's tally gives one; that a fact was put under the right instrument; the number of all accounts that shares are taken of; the accounts inside bulk_accounts; facts of which nobody has a receipt.")
}

// cautions are what an audit cannot show.
func (v *Verdict) cautions() []string {
	var said []string
	var now, before []string
	for _, l := range v.Ledgers {
		for _, p := range l.Chain[:len(l.Chain)-1] {
			if !p.Watched() {
				before = append(before, fmt.Sprintf("period %d (%s to %s) of the %s ledger (%s)", p.Number, dateOf(p.From), dateOf(p.To), l.Class, p.takes("took")))
			}
		}
		if h := l.newest(); !h.Watched() {
			now = append(now, fmt.Sprintf("the %s ledger (%s)", l.Class, h.takes("takes")))
		}
	}
	if before != nil {
		said = append(said, "caution: fewer than two of three witnesses of three organisations watched "+strings.Join(before, ", ")+". When its leaves came nobody can say, and whoever has a receipt of that time may have it of another copy.")
	}
	if now != nil {
		said = append(said, "caution: fewer than two of three witnesses of three organisations watch "+strings.Join(now, " and ")+". What follows holds for this copy alone: others may be shown another.")
	}
	if v.Sampled {
		said = append(said, "caution: sampled. One range proof in sixteen was checked: this shows neither that nothing is left out nor that there is no second story. Leave --sampled out for the full audit.")
	}
	for _, l := range v.Ledgers {
		for _, p := range l.Chain {
			if l.Closed[p.Number] {
				said = append(said, fmt.Sprintf("caution: the leaves of period %d (%s to %s) of the %s ledger are not public. That its sums are those of small numbers rests on its auditor.", p.Number, dateOf(p.From), dateOf(p.To), l.Class))
			}
		}
	}
	if len(v.Ledgers) < 2 {
		said = append(said, "caution: there is no restricted ledger. Nothing here speaks of orders that the law keeps secret, whether or not there were any.")
	}
	return said
}

// Watched reports whether it takes at least two of three witnesses, and more
// than half of all: of two quorums that have no witness in common, each could be
// shown another ledger, and all of them be honest.
func (h *Header) Watched() bool {
	q, n := h.Witnesses.Quorum, len(h.Witnesses.Keys)
	return q >= 2 && n >= 3 && 2*q > n
}

// takes says how many witnesses it takes, or took.
func (h *Header) takes(verb string) string {
	if len(h.Witnesses.Keys) == 0 {
		return "it has no witness"
	}
	return fmt.Sprintf("it %s %d of %d", verb, h.Witnesses.Quorum, len(h.Witnesses.Keys))
}

func (l Ledger) newest() *Period { return l.Chain[len(l.Chain)-1] }

func (l Ledger) line() string {
	h := l.newest()
	said := fmt.Sprintf("%s ledger %s (key %s): %d entries under %s, %s, root %s", l.Class, h.Origin, h.Keys.Log, l.Checkpoint.Size, several(len(l.Chain), "header"), several(int(l.Proofs), "range proof"), l.Checkpoint.Root)
	if t, ok := l.Checkpoint.Time(); ok {
		var names []string
		for _, w := range h.Witnesses.Keys {
			names = append(names, w.Organisation)
		}
		said += fmt.Sprintf(", seen by %d of %s by %s", h.Witnesses.Quorum, strings.Join(names, ", "), timeText(t))
	}
	return said
}

// statement is a line on what an auditor said, or on a document that says so.
func (l Ledger) statement(one Stated) string {
	if one.Err != nil {
		return fmt.Sprintf("caution: document %s of the %s ledger is called an auditor's statement, and nothing follows from it: %v", one.Digest, l.Class, one.Err)
	}
	p, result := l.Chain[one.Period], "failed"
	if one.Passed {
		result = "passed"
	}
	return fmt.Sprintf("an auditor looked at %s in period %d (%s to %s) of the %s ledger, as it was with %d entries: %s. Said on %s by the key %s; it is worth what you know of that key", one.Looked(), p.Number, dateOf(p.From), dateOf(p.To), l.Class, one.Size, result, one.Day, one.Auditor)
}

func several(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Lines say what the receipts show, and what was not checked.
func (a *Answer) Lines() []string {
	var said []string
	for i, s := range a.Receipts {
		if len(a.Receipts) > 1 {
			said = append(said, fmt.Sprintf("receipt %d of %d:", i+1, len(a.Receipts)))
		}
		said = append(said, s.lines()...)
		if !a.Asked {
			said = append(said, "unchecked: that the ledger is the provider's; the receipt says that its key is "+s.Key, "unchecked: whether it is counted (give --report)")
		}
	}
	if a.Apart {
		said = append(said, "unchecked: whether the trees that the receipts stand under are states of one log (give --report)")
	}
	if a.Asked {
		said = append(said, "The reports' totals were read, not proved: check them with the command report.")
	}
	return said
}

func (s Shown) lines() []string {
	said := []string{fmt.Sprintf("%s of %s on sheet %s, period %s to %s: entry %d of the %s ledger %s", s.fact(), s.Day, s.Sheet, dateOf(s.From), dateOf(s.To), s.Index, s.Class, s.Origin)}
	switch {
	case s.Witnesses == 0:
		said = append(said, "caution: nobody watches this ledger, so the receipt has no time and holds for one view alone")
	default:
		said = append(said, fmt.Sprintf("seen by %d of %d witnesses by %s", s.Witnesses, s.WitnessesOf, timeText(s.Seen)))
	}
	if s.Account != "" {
		said = append(said, "it is of account "+s.Account)
	}
	if s.Due > 0 {
		said = append(said, "promised for "+timeText(s.Due)+" and there")
	}
	if c := s.Counted; c != nil {
		said = append(said, c.lines()...)
	}
	for _, u := range s.Unchecked {
		said = append(said, "unchecked: "+u)
	}
	return said
}

// fact is the type of a leaf with the numbers that it holds elsewhere.
func (s Shown) fact() string {
	text := s.Type
	for _, v := range s.Values {
		if v.Field != s.Type {
			text += fmt.Sprintf(" with %s %d", v.Field, v.Number)
		}
	}
	return text
}

func (c *Counted) lines() []string {
	said := fmt.Sprintf("not in a report yet; table %s tells it from %s, by %s at the latest (the ledger is public up to %s)", c.Table, timeText(c.NotBefore), timeText(c.Due), timeText(c.Through))
	switch {
	case c.Table == "":
		said = "in the published ledger, and in none of its tables yet: the law defers its sheet"
	case c.Row != nil:
		said = fmt.Sprintf("counted in table %s of report %s: %s", c.Table, c.Report, c.Row.text())
	}
	if c.Exact == nil {
		return []string{said}
	}
	return []string{said, fmt.Sprintf("told once more, exactly, as %s in report %s: %s", c.Exact.Name, c.Opened, c.Exact.text())}
}

// text is what a row says of each field.
func (row Row) text() string {
	var parts []string
	for _, f := range row.Fields {
		switch {
		case f.Total != nil:
			parts = append(parts, fmt.Sprintf("%s %d", f.Name, *f.Total))
		case f.Low != nil && f.Width != nil:
			parts = append(parts, fmt.Sprintf("%s %d–%d", f.Name, *f.Low, *f.Low+*f.Width-1))
		default:
			parts = append(parts, f.Name+" hidden")
		}
	}
	return strings.Join(parts, ", ")
}

// Lines say what became of the promise.
func (k Kept) Lines() []string {
	said := []string{fmt.Sprintf("promise of a leaf for %s of %s on sheet %s of the ledger %s, due on %s: signed with a promise key of header %d", k.Type, k.Day, k.Sheet, k.Origin, timeText(k.Due), k.Period)}
	if k.Through == 0 {
		return append(said, "unchecked: that the header is the ledger's, and whether the promise is kept (give --report)")
	}
	if !k.Found {
		return append(said, fmt.Sprintf("not kept yet: the leaf is not in the ledger, which is public up to %s. Ask again after it was due.", timeText(k.Through)))
	}
	return append(said, fmt.Sprintf("kept: the leaf is entry %d, seen by %s", k.Index, timeText(k.Seen)))
}

// Lines say what the list of a cell shows, if it is proved.
func (t *Tally) Lines() []string {
	said := []string{fmt.Sprintf("the cell of %s in period %d holds the %s of the list, and nothing else", t.Cell.Sheet, t.Cell.Period, several(t.Leaves, "fact"))}
	for _, name := range slices.Sorted(maps.Keys(t.Totals)) {
		said = append(said, fmt.Sprintf("%s: %d", name, t.Totals[name]))
	}
	if t.Others > 0 {
		said = append(said, fmt.Sprintf("caution: the ledger has the notices of %s that were not given here. A cell has one list: ask the provider for a second one, and which cells the others are of.", several(t.Others, "other list")))
	}
	return append(said, "Not shown: that each fact is true. For that the auditor looks at the papers of a sample.")
}
