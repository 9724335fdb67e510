package main

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/sequencer"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// fill puts in what was left out, and refuses what no header could say.
func (c *LedgerConfig) fill() error {
	c.Origin, c.Keys, c.Period = cmp.Or(c.Origin, "localhost/vitrine"), cmp.Or(c.Keys, "keys/ledger"), cmp.Or(c.Period, string(law.Halves))
	c.Tick, c.Lag = cmp.Or(c.Tick, "24h"), cmp.Or(c.Lag, "72h")
	c.Restricted.Publication, c.Restricted.Lag = cmp.Or(c.Restricted.Publication, "off"), cmp.Or(c.Restricted.Lag, "720h")
	c.Restricted.Signature = cmp.Or(c.Restricted.Signature, "keys/restricted.sig")
	if c.Restricted.Ticks == 0 {
		c.Restricted.Ticks = c.Ticks
	}
	if (c.Ticks != 0 || c.Restricted.Ticks != 0) && !c.Demo {
		return vitrine.Refusef(vitrine.Usage, "[ledger] ticks is for demonstrations: a header that comes late could not continue the one before; set tick")
	}
	if c.Live && !c.Demo {
		return vitrine.Refusef(vitrine.Usage, "[ledger] live is for demonstrations: ticks that come only while something waits show when something came")
	}
	if !utf8.ValidString(c.Origin) || strings.ContainsFunc(c.Origin, func(r rune) bool { return r == '+' || unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return vitrine.Refusef(vitrine.Usage, "[ledger] origin %q: want a name such as example.org/vitrine", c.Origin)
	}
	for name, s := range map[string]string{"tick": c.Tick, "lag": c.Lag, "restricted.lag": c.Restricted.Lag} {
		if d, err := time.ParseDuration(s); err != nil || d < time.Second || d%time.Second != 0 {
			return vitrine.Refusef(vitrine.Usage, "[ledger] %s %q: want a time such as \"24h\"", name, s)
		}
	}
	if 24*time.Hour%seconds(c.Tick) != 0 {
		return vitrine.Refusef(vitrine.Usage, "[ledger] tick %q: want a time that divides a day, such as \"24h\" or \"1h\", since periods have different numbers of days", c.Tick)
	}
	if !slices.Contains([]string{"off", "auditor", "after-embargo", "live"}, c.Restricted.Publication) {
		return vitrine.Refusef(vitrine.Usage, "[ledger.restricted] publication %q: want off, auditor, after-embargo or live", c.Restricted.Publication)
	}
	if _, ok := law.LookupStructure(c.Restricted.Structure); c.Restricted.Publication != "off" && !ok {
		return vitrine.Refusef(vitrine.Usage, "[ledger.restricted] structure %q: want us/1874-a1, -a2, -a3 or -a4", c.Restricted.Structure)
	}
	if len(c.Sheets) == 0 {
		for _, i := range law.All() {
			if i.Class == law.Public {
				c.Sheets = append(c.Sheets, string(i.ID))
			}
		}
	}
	return c.check()
}

// trialDay begins the shortest period of a cadence, for which a header is made
// to try a config.
func trialDay(c law.Cadence) time.Time {
	if c == law.Months {
		return time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
}

// check makes headers by the config and by keys that sign nothing: what is wrong
// is said with its key when the config is read, not when the next period begins.
func (c LedgerConfig) check() error {
	if _, err := law.Cadence(c.Period).Starting(trialDay(law.Halves)); err != nil {
		return vitrine.Refusef(vitrine.Usage, "[ledger] period %q: want calendar-half, calendar-quarter, calendar-month, calendar-year or strict-180", c.Period)
	}
	if err := c.checkWords(); err != nil {
		return err
	}
	bare := c
	bare.Slots, bare.Witness, bare.Quorum = nil, nil, 0
	sheets, err := bare.trial("[ledger] period, tick, lag and sheets make no header")
	if err != nil {
		return err
	}
	if err := c.checkSlots(sheets); err != nil {
		return err
	}
	bare.Slots = c.Slots
	if _, err := bare.trial("[[ledger.slots]]"); err != nil {
		return err
	}
	for i, w := range c.Witness {
		bare.Witness = c.Witness[:i+1]
		if _, err := bare.trial(fmt.Sprintf("[[ledger.witness]] of organisation %q", w.Organisation)); err != nil {
			return err
		}
	}
	if c.Quorum < 0 || c.Quorum > len(c.Witness) {
		return vitrine.Refusef(vitrine.Usage, "[ledger] quorum = %d, but there are %d [[ledger.witness]]: name as many witnesses as it takes, or lower it", c.Quorum, len(c.Witness))
	}
	return nil
}

// trial makes headers of each class that is on, and returns the names of their
// sheets; what is wrong is said under a key.
func (c LedgerConfig) trial(key string) (sheets []string, err error) {
	classes := []ledger.Class{ledger.Public}
	if c.Restricted.Publication != "off" {
		classes = append(classes, ledger.Restricted)
	}
	for _, class := range classes {
		n := c.tried(class)
		h, err := n.Trial(trialDay(n.Cadence))
		var said *vitrine.Refusal
		if err != nil && !errors.As(err, &said) {
			err = vitrine.Refusef(vitrine.Usage, "%s (%s ledger): %v: correct it", key, class, err)
		}
		if err != nil {
			return nil, err
		}
		for _, s := range h.Sheets {
			sheets = append(sheets, s.Name)
		}
	}
	return sheets, nil
}

// tried is what headers of a class would say, with keys that sign nothing.
func (c LedgerConfig) tried(class ledger.Class) casework.Counting {
	public := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	vkey := func(name string) string {
		k, _ := note.NewEd25519VerifierKey(name, public) // it takes every key of that size
		return k
	}
	n := c.counting(class, ledger.Keys{})
	n.Keys = ledger.Keys{Log: vkey(n.Origin), Promise: []string{vkey(c.Origin + "/promise")}, Report: vkey(c.Origin + "/report")}
	for i, w := range c.Witness {
		if w.Trial != "" {
			seed := make([]byte, ed25519.SeedSize)
			seed[0], seed[1] = byte(i), byte(i>>8)
			n.Witnesses.Keys[i].Key = sequencer.NewCosigner(trialName(i), ed25519.NewKeyFromSeed(seed), time.Now).Key()
		}
	}
	return n
}

// checkSlots wants slots for sheets that are counted only.
func (c LedgerConfig) checkSlots(sheets []string) error {
	seen := map[string]bool{}
	for _, s := range c.Slots {
		switch {
		case !slices.Contains(sheets, s.Sheet):
			return vitrine.Refusef(vitrine.Usage, "[[ledger.slots]] sheet %q is not counted: name one of [ledger] sheets", s.Sheet)
		case seen[s.Sheet]:
			return vitrine.Refusef(vitrine.Usage, "two [[ledger.slots]] are of sheet %q: leave one out", s.Sheet)
		case s.Slots < 1:
			return vitrine.Refusef(vitrine.Usage, "[[ledger.slots]] sheet %q has slots = %d: want at least 1", s.Sheet, s.Slots)
		}
		seen[s.Sheet] = true
	}
	return nil
}

// checkWords wants what pages say to be of periods and in languages that there are.
func (c LedgerConfig) checkWords() error {
	for _, a := range c.Accounts {
		if _, err := law.ParsePeriod(a.Period); err != nil {
			return vitrine.Refusef(vitrine.Usage, "[[ledger.accounts]] period: %v", err)
		}
	}
	seen := map[[2]string]bool{}
	for _, w := range c.Comment {
		if _, err := law.ParsePeriod(w.Period); err != nil {
			return vitrine.Refusef(vitrine.Usage, "[[ledger.comment]] period: %v", err)
		}
		if !slices.Contains([]string{"en", "fr", "de"}, w.Language) {
			return vitrine.Refusef(vitrine.Usage, "[[ledger.comment]] of %s has language %q: want en, fr or de", w.Period, w.Language)
		}
		if seen[[2]string{w.Period, w.Language}] {
			return vitrine.Refusef(vitrine.Usage, "two [[ledger.comment]] are of %s in %q: leave one out", w.Period, w.Language)
		}
		seen[[2]string{w.Period, w.Language}] = true
	}
	return nil
}
