package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

const firstPetition = "kind = \"petition\"\ncourt = \"Foreign Intelligence Surveillance Court\"\ndocket = \"Misc. 26-01\"\n"

// petition writes a petition's file, and the papers that it names.
func (s *stage) petition(name, head string, parts ...string) string {
	s.t.Helper()
	dir := filepath.Join(s.dir, "petitions")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	for _, p := range parts {
		if _, paper, ok := strings.Cut(p, `paper = "`); ok {
			paper, _, _ = strings.Cut(paper, `"`)
			if err := os.WriteFile(filepath.Join(dir, paper), []byte("the paper "+paper), 0o600); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	path := filepath.Join(dir, name+".toml")
	if err := os.WriteFile(path, []byte(head+strings.Join(parts, "")), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// taken is a step on a day.
func taken(step, day string) string {
	return fmt.Sprintf("[[step]]\nstep = %q\nday = %s\npaper = \"%s-%s.pdf\"\n", step, day, step, day)
}

// exactly from a day on, both fields of a sheet.
func exactFrom(day string, sheets ...string) string {
	var b strings.Builder
	for _, sheet := range sheets {
		for _, field := range []string{"demand", "account"} {
			fmt.Fprintf(&b, "[[rule]]\nsheet = %q\nfield = %q\nrule = \"exact\"\nfrom = %s\n", sheet, field, day)
		}
	}
	return b.String()
}

func opening(sheet, period string) string {
	return fmt.Sprintf("[[opening]]\nsheet = %q\nperiod = %q\n", sheet, period)
}

// nationalSecurity are all sheets that § 1874(a)(3) adds up.
func nationalSecurity() []string {
	var all []string
	for _, s := range law.NationalSecurity.Sheets(law.Structure{}) {
		all = append(all, s.Name)
	}
	return all
}

// header reads a header of the restricted ledger from what is published.
func (s *stage) header(n int) *ledger.Header {
	s.t.Helper()
	h, err := ledger.ParseHeader(readAll(s.t, filepath.Join(s.public, fmt.Sprintf("ledger/restricted/headers/%d.json", n))))
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

// rule is that of a sheet's first field in a header.
func ruleOf(t *testing.T, h *ledger.Header, sheet string) string {
	t.Helper()
	s, ok := h.Sheet(sheet)
	if !ok {
		t.Fatalf("header %d has no sheet %s", h.Number, sheet)
	}
	return s.Fields[0].Rule.String()
}

// TestPetition: half 0 is told as a band. A petition is filed and granted in
// half 1; the header of half 2 has the new rules and opens a cell of half 0,
// which the next report tells exactly, unless an appeal comes: then it waits.
func TestPetition(t *testing.T) {
	t.Parallel()
	s := newStage(t, `publication = "live"`, `structure = "us/1874-a3"`)
	run := func(now time.Time, file string) string { return s.ok(now, "petition", file, "--config", s.config) }
	for i := range 3 {
		s.demand(on(0, 10+i), "us/fisa-content", "dora")
	}
	s.demand(on(0, 20), "us/nsl", "dora", "emil")
	s.build(on(0, 100))
	s.build(on(1, 3))

	filed := taken("filed", "2026-01-05")
	says := run(on(1, 10), s.petition("p", firstPetition, filed))
	if !strings.Contains(says, "It changes nothing now.") {
		t.Error(says)
	}
	s.partedRows(filed)
	granted := []string{filed, taken("granted", "2026-01-15"), exactFrom("2026-07-01", nationalSecurity()...), opening("us/fisa-content", "2025-H2")}
	says = run(on(1, 20), s.petition("p", firstPetition, granted...))
	if !strings.Contains(says, "In force: header 2 says so.") || !strings.Contains(says, "us/fisa-content in 2025-H2: opened") {
		t.Error(says)
	}
	if again := run(on(1, 21), s.petition("p", firstPetition, granted...)); again != says {
		t.Errorf("recorded again, it says\n%s\nnot\n%s", again, says)
	}
	list := s.ok(on(1, 21), "petition", "--config", s.config)
	if !strings.Contains(list, "Foreign Intelligence Surveillance Court, Misc. 26-01: filed on 2026-01-05, granted on 2026-01-15.") || !strings.Contains(list, "In force: header 2") {
		t.Error(list)
	}
	s.refusedPetitions(filed)
	s.build(on(1, 100)) // announces header 2
	s.demand(on(1, 110), "us/fisa-content", "dora")
	s.build(on(2, 3))
	v := s.verdict()
	for header, want := range map[uint64]string{0: "0-249", 1: "0-249"} {
		if got := s.row(v, ledger.Restricted, header, string(law.NationalSecurity), "demand"); got != want {
			t.Errorf("period %d, before the permission: %s", header, got)
		}
	}
	for i := range 2 {
		s.demand(on(2, 10+i), "us/fisa-content", "dora")
	}
	// appealed when header 2 can no longer be changed
	appealed := append([]string{filed, taken("granted", "2026-01-15"), taken("appealed", "2026-08-01")}, granted[2:]...)
	says = run(on(2, 50), s.petition("p", firstPetition, appealed...))
	if !strings.Contains(says, "It is not in force, but header 2, which can no longer be changed, says what it granted") {
		t.Error(says)
	}
	s.refuses(on(2, 100), vitrine.Refused, "opened/0/us/fisa-content by what Misc. 26-01 granted, which is not in force", "report", "build", "--config", s.config, "--out", s.public)
	s.ok(on(2, 100), "report", "build", "--config", s.config, "--out", s.public, "--although", "Misc. 26-01")
	s.opened()
	s.refuses(on(3, 3), vitrine.Refused, "us/national-security by what Misc. 26-01 granted", "report", "build", "--config", s.config, "--out", s.public)
	run(on(3, 3), s.petition("p", firstPetition, append([]string{filed, taken("granted", "2026-01-15"), taken("appealed", "2026-08-01"), taken("granted", "2026-12-01")}, granted[2:]...)...))
	s.build(on(3, 3)) // granted on appeal
	v = s.verdict()
	if got := s.row(v, ledger.Restricted, 2, string(law.NationalSecurity), "demand"); got != "2" {
		t.Errorf("period 2, whose header has the rule: %s, want 2", got)
	}
	if got := ruleOf(t, s.header(3), "us/fisa-content"); got != "band:250" || len(s.header(3).Openings) > 0 {
		t.Errorf("header 3, made under the appeal, has the rule %s", got)
	}
}

// opened checks what was told once more.
func (s *stage) opened() {
	t := s.t
	t.Helper()
	h := s.header(2)
	if len(h.Openings) != 1 || h.Openings[0].Name != "opened/0/us/fisa-content" || h.Openings[0].NotBefore != uint64(halves[2].Unix()) || ruleOf(t, h, "us/nsl") != "exact" {
		t.Errorf("header 2: %+v, rule %s", h.Openings, ruleOf(t, h, "us/nsl"))
	}
	if h := s.header(1); len(h.Openings) > 0 || ruleOf(t, h, "us/nsl") != "band:250" {
		t.Error("header 1 has what was granted in its period")
	}
	v := s.verdict()
	for field, want := range map[string]string{"demand": "3", "account": "3"} {
		if got := s.row(v, ledger.Restricted, 2, "opened/0/us/fisa-content", field); got != want {
			t.Errorf("opened %s: %s, want %s", field, got, want)
		}
	}
	page := string(readAll(t, filepath.Join(s.public, "reports", v.Reports[len(v.Reports)-1].Statement.Name, "index.html")))
	for _, words := range []string{"Misc. 26-01", "told once more, exactly, by permission"} {
		if !strings.Contains(page, words) {
			t.Errorf("the page does not say %q", words)
		}
	}
	said := 0
	var notices []ledger.Notice
	if err := json.Unmarshal(readAll(t, filepath.Join(s.public, "ledger/restricted/notices.json")), &notices); err != nil {
		t.Fatal(err)
	}
	for _, n := range notices {
		if n.Kind == ledger.NoticePetition {
			said++
			var p law.Petition
			if err := json.Unmarshal(readAll(t, filepath.Join(s.public, "ledger/restricted/documents", n.Digest.String())), &p); err != nil || p.Docket != "Misc. 26-01" {
				t.Errorf("record %s: %+v, %v", n.Digest, p, err)
			}
		}
	}
	if said != 3 {
		t.Errorf("%d records were said, want those of the filing, the grant and the appeal", said)
	}
}

// notRecorded are petitions' files that are refused, for what reason.
type notRecorded map[string]struct {
	head  string
	parts []string
	says  string
}

func (s *stage) refusesAll(now time.Time, cases notRecorded) {
	s.t.Helper()
	for _, c := range cases {
		s.refuses(now, vitrine.Usage, c.says, "petition", s.petition("refused", c.head, c.parts...), "--config", s.config)
	}
}

var otherPetition = strings.Replace(firstPetition, "26-01", "26-02", 1)

// partedRows are rules that the structure has no rows for.
func (s *stage) partedRows(filed string) {
	granted, one := taken("granted", "2026-01-16"), exactFrom("2026-07-01", "us/nsl")
	all := nationalSecurity()
	s.refusesAll(on(1, 12), notRecorded{
		"one sheet of a row":     {otherPetition, []string{filed, granted, one}, "has them added up in one row"},
		"all but one":            {otherPetition, []string{filed, granted, exactFrom("2026-07-01", all[1:]...)}, "has them added up in one row"},
		"two dates":              {otherPetition, []string{filed, granted, exactFrom("2026-07-01", all[1:]...), exactFrom("2027-01-01", all[0])}, "from 2026-07-01 on"},
		"one field of a sheet":   {otherPetition, []string{filed, granted, strings.SplitAfter(one, "2026-07-01\n")[0]}, "name both fields"},
		"a period that is begun": {otherPetition, []string{filed, granted, exactFrom("2026-01-01", all...)}, "after the granting"},
	})
}

// refusedPetitions are what no ledger records, once another one is granted.
func (s *stage) refusedPetitions(filed string) {
	granted := taken("granted", "2026-01-16")
	s.refusesAll(on(1, 22), notRecorded{
		"a cell that is not there": {otherPetition, []string{filed, granted, opening("us/nsl", "2024-H2")}, "has no such cell"},
		"a cell opened before":     {otherPetition, []string{filed, granted, opening("us/fisa-content", "2025-H2")}, "Misc. 26-01 opens it already"},
		"twice in one":             {otherPetition, []string{filed, granted, opening("us/nsl", "2025-H2"), opening("us/nsl", "2025-H2")}, "is opened twice"},
		"not granted":              {otherPetition, []string{filed, opening("us/nsl", "2025-H2")}, "never was"},
		"denied":                   {otherPetition, []string{filed, taken("denied", "2026-01-16"), opening("us/nsl", "2025-H2")}, "never was"},
		"a step forgotten":         {firstPetition, []string{filed, taken("denied", "2026-01-16")}, "leave those as they are"},
		"a day that is none":       {otherPetition, []string{strings.Replace(filed, "day = 2026-01-05", "day = 2026-01-05T00:00:00Z", 1)}, "without a time"},
		"an unknown key":           {otherPetition + "judge = \"A\"\n", []string{filed}, "judge"},
		"no paper":                 {otherPetition, []string{"[[step]]\nstep = \"filed\"\nday = 2026-01-05\n"}, "paper is missing"},
		"a paper that is nowhere":  {otherPetition, []string{"[[step]]\nstep = \"filed\"\nday = 2026-01-05\npaper = 'none.pdf'\n"}, "none.pdf is not there"},
	})
}
