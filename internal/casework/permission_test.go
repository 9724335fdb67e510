package casework_test

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// restricted is what the headers of a restricted ledger say that begins with
// the second half of 2025.
func restricted(structure string) casework.Counting {
	key := func(name string) string {
		return ledger.PublicKey(name, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey))
	}
	return casework.Counting{
		Class: ledger.Restricted, Origin: "glass.example/restricted", Cadence: law.Halves, Delta: 24 * time.Hour, Lag: 30 * 24 * time.Hour, Structure: structure, Publication: ledger.Live,
		Audit: ledger.AuditRule{Randomness: "none", Sample: 60}, Keys: ledger.Keys{Log: key("glass.example/restricted"), Promise: []string{key("promise")}, Report: key("report")},
	}
}

// permission takes steps and days, "filed 2026-01-05".
func permission(docket string, steps ...string) casework.Permission {
	p := casework.Permission{Petition: law.Petition{Kind: law.ToCourt, Court: "Foreign Intelligence Surveillance Court", Docket: docket}, Record: ledger.Hash{1}}
	for _, s := range steps {
		step, on, _ := strings.Cut(s, " ")
		p.Steps = append(p.Steps, law.Dated{Step: law.Step(step), Day: date(on), Paper: vitrine.DigestOf([]byte(s))})
	}
	return p
}

// exactly permits both fields of sheets to be told from a day on.
func exactly(p casework.Permission, from string, sheets ...string) casework.Permission {
	for _, s := range sheets {
		for _, f := range []string{law.Demand, law.AccountField} {
			p.Rules = append(p.Rules, law.RuleChange{Sheet: s, Field: f, Rule: law.Rule{Kind: law.Exact}, From: date(from)})
		}
	}
	if err := p.Check(); err != nil {
		panic(err)
	}
	return p
}

// chain makes n headers; change is called before each, with its number.
func chain(t *testing.T, c casework.Counting, n int, change func(n int, c *casework.Counting)) ledger.Chain {
	t.Helper()
	var all ledger.Chain
	for i := range n {
		change(i, &c)
		h, err := c.First(date("2025-06-30"))
		if i > 0 {
			h, err = c.Next(all, date("2025-06-30"))
		}
		if err == nil {
			all, err = all.With(h)
		}
		if err != nil {
			t.Fatalf("header %d: %v", i, err)
		}
	}
	return all
}

// says are the rules of a sheet's first field, header by header; a closing
// header is marked.
func says(all ledger.Chain, sheet string) string {
	var list []string
	for _, p := range all {
		s, _ := p.Sheet(sheet)
		text := p.Structure[len("us/1874-"):] + " " + s.Fields[0].Rule.String()
		twin, _ := p.Sheet("us/fisa-content-new")
		if (p.Structure == "us/1874-a1" || p.Structure == "us/1874-a2") && twin.Joins == "" {
			text += " closing"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// standing checks that each cell that can stand in a table by now stands in one.
func standing(t *testing.T, all ledger.Chain) {
	t.Helper()
	tables := map[ledger.CellName]int{}
	last := uint64(0)
	for _, p := range all {
		for _, table := range p.Tables {
			last = max(last, table.NotBefore)
			for _, c := range table.Cells {
				tables[c]++
			}
		}
	}
	for _, p := range all {
		for _, s := range p.Sheets {
			n := tables[ledger.CellName{Period: p.Number, Sheet: s.Name}]
			if n > 1 || n == 0 && (s.Joins == "" || p.To+s.Deferred <= last-200*24*3600) {
				t.Errorf("the cell of %s in period %d stands in %d tables", s.Name, p.Number, n)
			}
		}
	}
}

const band = "a1 band:1000"

// TestGranted: what was granted is in the first header that begins after it, or,
// where process on new platforms waits, after a closing period.
func TestGranted(t *testing.T) {
	content := []string{"us/fisa-content", "us/fisa-content-new"}
	steps := func(s ...string) []string {
		return append([]string{"filed 2026-01-05", "granted 2026-01-15"}, s...)
	}
	for name, c := range map[string]struct {
		structure string
		granted   []casework.Permission
		sheet     string
		want      string
	}{
		"nobody asked": {"us/1874-a1", nil, "us/nsl", "a1 band:1000, a1 band:1000, a1 band:1000, a1 band:1000"},
		"letters": {"us/1874-a1", []casework.Permission{exactly(permission("1", steps()...), "2026-07-01", "us/nsl")}, "us/nsl",
			"a1 band:1000, a1 band:1000, a1 exact, a1 exact"},
		"beside letters": {"us/1874-a1", []casework.Permission{exactly(permission("1", steps()...), "2026-07-01", "us/nsl")}, "us/fisa-content",
			"a1 band:1000, a1 band:1000, a1 band:1000, a1 band:1000"},
		"orders": {"us/1874-a1", []casework.Permission{exactly(permission("1", steps()...), "2026-07-01", content...)}, "us/fisa-content",
			"a1 band:1000, a1 band:1000, a1 band:1000 closing, a1 exact"},
		"letters beside orders": {"us/1874-a1", []casework.Permission{exactly(permission("1", steps()...), "2026-07-01", append(content, "us/nsl")...)}, "us/nsl",
			"a1 band:1000, a1 band:1000, a1 exact closing, a1 exact"},
		"orders without those on new platforms": {"us/1874-a1", []casework.Permission{exactly(permission("1", steps()...), "2026-07-01", content[0])}, "us/fisa-content",
			"a1 band:1000, a1 band:1000, a1 band:1000, a1 band:1000"},
		"denied": {"us/1874-a1", []casework.Permission{permission("1", "filed 2026-01-05", "denied 2026-01-15")}, "us/nsl",
			"a1 band:1000, a1 band:1000, a1 band:1000, a1 band:1000"},
		"appealed": {"us/1874-a1", []casework.Permission{exactly(permission("1", steps("appealed 2026-02-01")...), "2026-07-01", "us/nsl")}, "us/nsl",
			"a1 band:1000, a1 band:1000, a1 band:1000, a1 band:1000"},
		"all of a row": {"us/1874-a3", []casework.Permission{exactly(permission("1", steps()...), "2026-07-01", all()...)}, "us/nsl",
			"a3 band:250, a3 band:250, a3 exact, a3 exact"},
		"one of a row": {"us/1874-a3", []casework.Permission{exactly(permission("1", steps()...), "2026-07-01", "us/nsl")}, "us/nsl",
			"a3 band:250, a3 band:250, a3 band:250, a3 band:250"},
		"two that fill a row together": {"us/1874-a3", []casework.Permission{exactly(permission("1", steps()...), "2026-07-01", all()[1:]...), exactly(permission("2", steps()...), "2026-07-01", all()[0])}, "us/nsl",
			"a3 band:250, a3 band:250, a3 exact, a3 exact"},
		"one of these fell": {"us/1874-a3", []casework.Permission{exactly(permission("1", steps("appealed 2026-02-01")...), "2026-07-01", all()[1:]...), exactly(permission("2", steps()...), "2026-07-01", all()[0])}, "us/nsl",
			"a3 band:250, a3 band:250, a3 band:250, a3 band:250"},
	} {
		r := restricted(c.structure)
		made := chain(t, r, 4, func(n int, r *casework.Counting) {
			if n == 2 { // granted in period 1
				r.Granted = c.granted
			}
		})
		if got := says(made, c.sheet); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		standing(t, made)
	}
}

// all are the sheets of § 1874.
func all() []string {
	var names []string
	for _, s := range law.NationalSecurity.Sheets(law.Structure{}) {
		names = append(names, s.Name)
	}
	return names
}

// TestChangedAgain: a structure that is left, and a grant that falls, close a
// period too, and no cell is left behind.
func TestChangedAgain(t *testing.T) {
	grant := exactly(permission("1", "filed 2026-01-05", "granted 2026-01-15"), "2026-07-01", "us/fisa-content", "us/fisa-content-new")
	fallen := grant
	fallen.Steps = append(slices.Clone(grant.Steps), law.Dated{Step: law.Appealed, Day: date("2027-02-01"), Paper: grant.Steps[0].Paper})
	made := chain(t, restricted("us/1874-a1"), 7, func(n int, c *casework.Counting) {
		c.Granted = map[bool][]casework.Permission{true: {grant}, false: {fallen}}[n < 4]
	})
	if got, want := says(made, "us/fisa-content"), strings.Join([]string{band, band, band + " closing", "a1 exact", "a1 exact closing", band, band}, ", "); got != want {
		t.Errorf("a grant that fell: %s, want %s", got, want)
	}
	standing(t, made)
	made = chain(t, restricted("us/1874-a1"), 6, func(n int, c *casework.Counting) {
		if n >= 3 {
			c.Structure = "us/1874-a3"
		}
	})
	if got, want := says(made, "us/nsl"), strings.Join([]string{band, band, band, band + " closing", "a3 band:250", "a3 band:250"}, ", "); got != want {
		t.Errorf("another structure: %s, want %s", got, want)
	}
	standing(t, made)
}

// TestOpened: a past cell is opened by the first header after the grant, once.
func TestOpened(t *testing.T) {
	grant := permission("1", "filed 2026-01-05", "granted 2026-01-15")
	for _, sheet := range []string{"us/nsl", "us/fisa-content"} {
		grant.Openings = append(grant.Openings, law.Cell{Sheet: sheet, Period: law.Period{From: date("2025-07-01"), To: date("2026-01-01")}})
	}
	if err := grant.Check(); err != nil {
		t.Fatal(err)
	}
	other := grant
	other.Docket, other.Record = "2", ledger.Hash{2}
	elsewhere := grant
	elsewhere.Docket, elsewhere.Openings = "3", []law.Cell{{Sheet: "us/nsl", Period: law.Period{From: date("2024-07-01"), To: date("2025-01-01")}}}
	fallen := grant
	fallen.Steps = append(slices.Clone(grant.Steps), law.Dated{Step: law.Appealed, Day: date("2026-02-01"), Paper: grant.Steps[0].Paper})
	for name, c := range map[string]struct {
		granted []casework.Permission
		want    string
	}{
		"granted":                  {[]casework.Permission{grant}, "2: opened/0/us/fisa-content 01 opened/0/us/nsl 01"},
		"by two":                   {[]casework.Permission{grant, other}, "2: opened/0/us/fisa-content 01 opened/0/us/nsl 01"},
		"of a period before it":    {[]casework.Permission{elsewhere}, ""},
		"appealed":                 {[]casework.Permission{fallen}, ""},
		"appealed, and by another": {[]casework.Permission{fallen, other}, "2: opened/0/us/fisa-content 02 opened/0/us/nsl 02"},
	} {
		made := chain(t, restricted("us/1874-a3"), 4, func(n int, r *casework.Counting) {
			if n == 2 {
				r.Granted = c.granted
			}
		})
		got := ""
		for _, p := range made {
			if len(p.Openings) == 0 {
				continue
			}
			got += fmt.Sprintf("%d:", p.Number)
			for _, o := range p.Openings {
				got += fmt.Sprintf(" %s %.2s", o.Name, o.Petition)
				if o.NotBefore != p.From || o.Due <= uint64(p.TickTime(1).Unix()) {
					t.Errorf("%s: told from %d to %d", name, o.NotBefore, o.Due)
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		standing(t, made)
	}
}
