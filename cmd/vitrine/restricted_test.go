package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// public says which bundles of the restricted ledger are public with their
// leaves, and of which the trailers alone.
func (s *stage) bundles() (whole, trailers []string) {
	s.t.Helper()
	for name := range filesBelow(s.t, s.public) {
		if n, ok := strings.CutPrefix(name, "ledger/restricted/tile/entries/"); ok {
			whole = append(whole, n)
		}
		if n, ok := strings.CutPrefix(name, "ledger/restricted/trailers/"); ok {
			trailers = append(trailers, n)
		}
	}
	slices.Sort(whole)
	slices.Sort(trailers)
	return whole, trailers
}

func (s *stage) shows(when, whole, trailers string) {
	s.t.Helper()
	w, tr := s.bundles()
	if strings.Join(w, " ") != whole || strings.Join(tr, " ") != trailers {
		s.t.Errorf("%s: leaves of bundles %v and trailers of %v are public, want %q and %q", when, w, tr, whole, trailers)
	}
}

// page is that of the newest report.
func (s *stage) page() string {
	s.t.Helper()
	v := s.verdict()
	return string(readAll(s.t, filepath.Join(s.public, "reports", v.Reports[len(v.Reports)-1].Statement.Name, "index.html")))
}

// TestRestrictedOff: what is not counted is not spoken of; a ledger that has
// begun is not forgotten.
func TestRestrictedOff(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.demand(on(0, 10), "us/fisa-content", "dora")
	s.demand(on(0, 11), "us/subpoena", "dora")
	s.build(on(0, 100))
	s.build(on(1, 3))
	for name := range filesBelow(t, s.public) {
		if strings.Contains(name, "restricted") {
			t.Errorf("%s is public", name)
		}
	}
	if v := s.verdict(); len(v.Ledgers) != 1 {
		t.Errorf("%d ledgers", len(v.Ledgers))
	}
	if page := s.page(); !strings.Contains(page, "whether or not there was any") || strings.Contains(page, "us/fisa") {
		t.Error("the page does not say that it does not speak of national-security process, or speaks of it")
	}
	petition := s.petition("p", firstPetition, taken("filed", "2026-01-05"))
	s.refuses(on(1, 4), vitrine.Usage, "publication is off", "petition", petition, "--config", s.config)
	s.refuses(on(1, 4), vitrine.Usage, "publication is off", "audit", "bundles", "--config", s.config, "--out", filepath.Join(s.dir, "x"))

	edit(t, s.config, "[ledger.restricted]\n", "[ledger.restricted]\npublication = \"auditor\"\nstructure = \"us/1874-a3\"\n")
	s.refuses(on(1, 4), vitrine.Usage, "not signed by counsel", "report", "build", "--config", s.config, "--out", s.public)
	director := s.keys[1]
	s.refuses(on(1, 4), vitrine.Usage, "director signed, and counsel is counsel-a", "restricted", "--config", s.config, "--sign", director)
	s.signed()
	s.build(on(1, 4)) // begins
	edit(t, s.config, "publication = \"auditor\"\n", "publication = \"off\"\n")
	s.refuses(on(1, 5), vitrine.Usage, "has begun", "report", "build", "--config", s.config, "--out", s.public)
}

// TestRestrictedClosed: with after-embargo the leaves of a period come with its
// report; a header later, the config's auditor keeps them, who checks them.
func TestRestrictedClosed(t *testing.T) {
	t.Parallel()
	s := newStage(t, `publication = "after-embargo"`, `structure = "us/1874-a3"`)
	s.demand(on(0, 10), "us/fisa-content", "dora")
	s.shows("header 0", "000", "")
	edit(t, s.config, `"after-embargo"`, `"auditor"`) // from header 1 on
	s.refuses(on(0, 100), vitrine.Usage, "counsel-a signed another text", "report", "build", "--config", s.config, "--out", s.public)
	s.signed()
	s.build(on(0, 100))
	s.shows("before the report", "000", "001")
	if v := s.verdict(); !v.Ledgers[1].Closed[0] || len(v.Reports) != 0 {
		t.Errorf("closed %v, %d reports", v.Ledgers[1].Closed, len(v.Reports))
	}
	s.build(on(1, 3))
	s.shows("with the report", "000 001 002", "")
	s.demand(on(1, 10), "us/nsl", "dora")
	s.build(on(1, 100))
	s.shows("under header 1", "000 001 002 003", "004")
	if a, b := s.header(0).Publication, s.header(1).Publication; a != ledger.AfterEmbargo || b != ledger.Auditor {
		t.Errorf("header 0 says %s, header 1 %s", a, b)
	}
	s.build(on(2, 3))
	s.shows("after the report of period 1", "000 001 002 003", "004 005")
	v := s.verdict()
	if l := v.Ledgers[1]; l.Closed[0] || !l.Closed[1] {
		t.Errorf("closed: %v", l.Closed)
	}
	if !strings.Contains(strings.Join(v.Lines(), "\n"), "the leaves of period 1 (2026-01-01 to 2026-07-01) of the restricted ledger are not public") {
		t.Error("the audit does not say what rests on the auditor")
	}
	if !strings.Contains(s.page(), "auditor") {
		t.Error("the page does not say what rests on the auditor")
	}
	s.auditorReads()
}

// auditorReads has an auditor read the leaves of period 1.
func (s *stage) auditorReads() {
	t := s.t
	t.Helper()
	key, given := filepath.Join(s.dir, "auditor.key"), filepath.Join(s.dir, "bundles")
	s.ok(on(2, 4), "audit", "key", "auditor.example", "--out", key)
	s.ok(on(2, 4), "audit", "bundles", "--config", s.config, "--out", given)
	state := func(name string, more ...string) []string {
		return append([]string{"audit", "statement", "--procedure", "bundles", "--period", "1", "--report", s.public, "--key", key, "--out", filepath.Join(s.dir, name)}, more...)
	}
	s.refuses(on(2, 5), vitrine.Usage, "ask the provider for them", state("none")...)
	s.ok(on(2, 5), state("good", "--bundles", given)...)
	if text := string(readAll(t, filepath.Join(s.dir, "good"))); !strings.Contains(text, "\nresult passed\n") {
		t.Error(text)
	}
	bundle := filepath.Join(given, "ledger/restricted/tile/entries/004")
	b := readAll(t, bundle)
	b[40] ^= 1 // in a leaf's commitment
	if err := os.WriteFile(bundle, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s.ok(on(2, 5), state("bad", "--bundles", given)...)
	if text := string(readAll(t, filepath.Join(s.dir, "bad"))); !strings.Contains(text, "\nresult failed\n") {
		t.Error(text)
	}
}

// TestSameBand: other numbers in the same band make public files of the same
// names and sizes.
func TestSameBand(t *testing.T) {
	t.Parallel()
	var stages []*stage
	for i := range 2 {
		s := newStage(t, `publication = "live"`, `structure = "us/1874-a3"`)
		for n := range 1 + 4*i {
			s.demand(on(0, 10+n), []string{"us/fisa-content", "us/nsl", "us/fisa-prtt"}[n%3], []string{"dora", "emil"}[:1+n%2]...)
		}
		s.demand(on(0, 20), "us/search-warrant", "dora")
		s.ok(on(0, 99), "receipts", "--config", s.config, "--out", filepath.Join(s.dir, "out"))
		s.build(on(0, 100))
		s.build(on(1, 3))
		stages = append(stages, s)
	}
	one, other := filesBelow(t, stages[0].public), filesBelow(t, stages[1].public)
	for _, name := range slices.Sorted(maps.Keys(one)) {
		if size, ok := other[name]; !ok || size != one[name] {
			t.Errorf("%s has %d bytes where there was one demand, and %d (%v) where there were more", name, one[name], size, ok)
		}
	}
	if len(one) != len(other) {
		t.Errorf("%d files, and %d", len(one), len(other))
	}
	totals := fmt.Sprint(stages[0].row(stages[0].verdict(), ledger.Restricted, 0, "us/national-security", "demand"), stages[1].row(stages[1].verdict(), ledger.Restricted, 0, "us/national-security", "demand"))
	if totals != "0-249 0-249" && totals != "0-2490-249" {
		t.Error(totals)
	}
	headers := [][]byte{readAll(t, filepath.Join(stages[0].public, "ledger/restricted/checkpoint")), readAll(t, filepath.Join(stages[1].public, "ledger/restricted/checkpoint"))}
	if bytes.Equal(headers[0], headers[1]) {
		t.Error("both stages have one ledger: the test compares nothing")
	}
}
