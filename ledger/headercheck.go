package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A header has room for 256 sheets of eight fields with the longest names, their
// tables, and the openings of as many past cells.
const maxHeader = 1 << 20

const secondsOfDay = 24 * 3600

// maxTime bounds times and spans, in seconds.
const maxTime = 1 << 40

// Bounds of a period and of what is promised in it: a period is a calendar year
// at most, and a promise cannot be put off for longer than the law lets a table
// wait, nor for longer than the ticks explain. What a provider takes is
// max(lag + 5 ticks, 72 hours); twice as many ticks leave room for others.
const (
	maxPeriod   = 366 * secondsOfDay
	maxLag      = 366 * secondsOfDay
	maxPromised = 1100 * secondsOfDay
)

// MaxDue is the longest that a promise may take.
const MaxDue = maxPromised * time.Second

// How long the law may have a table wait after its period, and how long it may
// take to tell it from then on, in days.
const maxWait, maxDue = 1100, 400

// inTime reports whether a table's dates are such that it must be told some day,
// and can be.
func inTime(notBefore, due, first, to uint64) bool {
	return notBefore >= first && notBefore <= to+maxWait*secondsOfDay && due >= notBefore && due <= notBefore+maxDue*secondsOfDay
}

var tableName = letters("/_-")

// Check reports whether the header keeps every rule that it can break alone.
func (h *Header) Check() error {
	for _, check := range []func() error{h.checkNames, h.checkTime, h.checkSheets, h.checkGrid, h.checkTables, h.checkKeys} {
		if err := check(); err != nil {
			return fmt.Errorf("header %d: %w", h.Number, err)
		}
	}
	b, err := marshal(h)
	if err == nil && len(b) > maxHeader {
		err = fmt.Errorf("%d bytes, more than %d", len(b), maxHeader)
	}
	if err != nil {
		return fmt.Errorf("header %d: %w", h.Number, err)
	}
	return nil
}

func (h *Header) checkNames() error {
	if h.Suite != Suite {
		return fmt.Errorf("suite %q is not %q", h.Suite, Suite)
	}
	if h.Origin == "" || strings.ContainsAny(h.Origin, " +") {
		return fmt.Errorf("origin %q: want a name without spaces and +", h.Origin)
	}
	if (h.Number == 0) != h.Previous.IsZero() {
		return fmt.Errorf("the hash of the header before is %s", h.Previous)
	}
	switch {
	case h.Class == Public && h.Publication == Live:
	case h.Class == Restricted && (h.Publication == Live || h.Publication == AfterEmbargo || h.Publication == Auditor):
	default:
		return fmt.Errorf("class %q with publication %q is no setting of a ledger", h.Class, h.Publication)
	}
	return nil
}

func (h *Header) checkTime() error {
	for _, t := range []uint64{h.From, h.To, h.Delta, h.Lag, h.Due, h.Ticks} {
		if t > maxTime {
			return fmt.Errorf("%d seconds is out of range", t)
		}
	}
	if h.From == 0 || h.To <= h.From || h.Delta == 0 || h.Ticks == 0 || h.Ticks*h.Delta != h.To-h.From {
		return fmt.Errorf("%d ticks of %d s do not make the period from %d to %d", h.Ticks, h.Delta, h.From, h.To)
	}
	if h.Ticks > 1 && h.Lag+h.Delta >= h.To-h.From {
		return fmt.Errorf("the first tick, %d s after the beginning, is not before the period's end: the next header could not be announced", h.Lag+h.Delta)
	}
	if h.To-h.From > maxPeriod || h.Lag > maxLag {
		return fmt.Errorf("a period of %d s with a lag of %d s: want at most 366 days of each", h.To-h.From, h.Lag)
	}
	if h.Due < h.Lag+2*h.Delta {
		return fmt.Errorf("due is %d s, less than the lag and two ticks", h.Due)
	}
	if h.Due > h.Lag+10*h.Delta+AnswerWithin || h.Due > maxPromised {
		return fmt.Errorf("due is %d s, more than the lag, ten ticks and 72 hours, or than 1100 days: it would put off every promise", h.Due)
	}
	return nil
}

func (h *Header) checkSheets() error {
	if len(h.Sheets) == 0 || len(h.Sheets) > 256 {
		return fmt.Errorf("it has %d sheets, not 1 to 256", len(h.Sheets))
	}
	for i, s := range h.Sheets {
		if err := s.check(); err != nil {
			return err
		}
		if i > 0 && h.Sheets[i-1].Name >= s.Name {
			return fmt.Errorf("sheet %s stands behind %s", s.Name, h.Sheets[i-1].Name)
		}
	}
	for _, s := range h.Sheets {
		if s.Joins == "" {
			continue
		}
		if j, ok := h.Sheet(s.Joins); !ok || j.Joins != "" || !j.sameRules(s) {
			return fmt.Errorf("sheet %s cannot join %s: want a sheet of the same fields and rules that joins none", s.Name, s.Joins)
		}
	}
	return nil
}

func (h *Header) checkGrid() error {
	seen, slots := map[string]bool{}, 0
	for _, g := range h.Grid {
		if _, ok := h.Sheet(g.Sheet); !ok || seen[g.Sheet] || g.Slots < 1 || g.Slots > maxBundles*Slots {
			return fmt.Errorf("grid: sheet %q with %d slots: every sheet stands once, with at least one", g.Sheet, g.Slots)
		}
		seen[g.Sheet] = true
		slots += g.Slots
	}
	if len(seen) != len(h.Sheets) || slots%Slots != 0 || slots > maxBundles*Slots {
		return fmt.Errorf("grid: %d sheets of %d, %d slots, not a multiple of %d", len(seen), len(h.Sheets), slots, Slots)
	}
	return nil
}

func (h *Header) checkTables() error {
	in := map[CellName]string{}
	for i, t := range h.Tables {
		if !tableName.MatchString(t.Name) || i > 0 && h.Tables[i-1].Name >= t.Name {
			return fmt.Errorf("table %q: want 1 to 64 of a-z, 0-9, -, _ and /, in ascending order", t.Name)
		}
		if len(t.Cells) == 0 || !inTime(t.NotBefore, t.Due, h.To, h.To) {
			return fmt.Errorf("table %s: %d cells, from %d on, due at %d: want the period's end or up to %d days later, and at most %d days to the due date", t.Name, len(t.Cells), t.NotBefore, t.Due, maxWait, maxDue)
		}
		for _, c := range t.Cells {
			if in[c] != "" {
				return fmt.Errorf("table %s: cell %s of period %d stands in %s too", t.Name, c.Sheet, c.Period, in[c])
			}
			in[c] = t.Name
			if c.Period > h.Number {
				return fmt.Errorf("table %s has a cell of a later period", t.Name)
			}
			if s, ok := h.Sheet(c.Sheet); c.Period == h.Number && (!ok || s.Joins != "") {
				return fmt.Errorf("table %s has a cell of sheet %s, which is not its own period's", t.Name, c.Sheet)
			}
		}
	}
	for i, o := range h.Openings {
		if !tableName.MatchString(o.Name) || i > 0 && h.Openings[i-1].Name >= o.Name || slices.ContainsFunc(h.Tables, func(t Table) bool { return t.Name == o.Name }) {
			return fmt.Errorf("opening %q: its name is malformed, out of order or a table's", o.Name)
		}
		if len(o.Cells) == 0 || !inTime(o.NotBefore, o.Due, h.From, h.To) || slices.ContainsFunc(o.Cells, func(c CellName) bool { return c.Period >= h.Number }) {
			return fmt.Errorf("opening %s: want cells of earlier periods, and dates in this one or later", o.Name)
		}
	}
	for _, s := range h.Sheets {
		if s.Joins == "" && in[CellName{h.Number, s.Name}] == "" {
			return fmt.Errorf("sheet %s is in no table", s.Name)
		}
	}
	return nil
}

func (h *Header) checkKeys() error {
	keys := append([]string{h.Keys.Log, h.Keys.Report}, h.Keys.Promise...)
	if len(h.Keys.Promise) == 0 {
		return fmt.Errorf("no promise key")
	}
	names := map[string]bool{}
	for _, w := range h.Witnesses.Keys {
		k, err := parseWitness(w.Key)
		if err != nil {
			return err
		}
		if w.Organisation == "" || names["o"+w.Organisation] || names["k"+string(k.pub)] {
			return fmt.Errorf("witness %q of %q: every key and every organisation stands once", w.Key, w.Organisation)
		}
		names["o"+w.Organisation], names["k"+string(k.pub)] = true, true
	}
	for i, k := range h.Keys.Promise {
		if slices.Contains(h.Keys.Promise[:i], k) {
			return fmt.Errorf("promise key %q stands twice", k)
		}
	}
	for _, k := range keys {
		if _, err := parseKey(k); err != nil {
			return err
		}
	}
	if log, _ := parseKey(h.Keys.Log); log.name != h.Origin {
		return fmt.Errorf("the log's key is named %s, not %s", log.name, h.Origin)
	}
	if h.Witnesses.Quorum < 0 || h.Witnesses.Quorum > len(h.Witnesses.Keys) {
		return fmt.Errorf("quorum %d of %d witnesses", h.Witnesses.Quorum, len(h.Witnesses.Keys))
	}
	return nil
}
