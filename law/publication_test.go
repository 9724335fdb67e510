package law_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
)

// statute was written by hand from 50 U.S.C. § 1874(a) and (b): letter, what
// is counted, over what, days of delay.
var statute = map[string]struct {
	width    uint32
	every    law.Cadence
	deferred int
	rows     []string
}{
	"us/1874-a1": {1000, law.Halves, 540, []string{
		"A demand us/nsl 0",
		"B account us/nsl 0",
		"C demand us/fisa-content 180",
		"D account us/fisa-content 180",
		"E demand us/fisa-noncontent 180",
		"F(i) account us/fisa-prtt 180",
		"F(ii) account us/fisa-records-b 180",
		"F(iii) account us/fisa-records-c 180",
	}},
	"us/1874-a2": {500, law.Halves, 540, []string{
		"A demand us/nsl 0",
		"B account us/nsl 0",
		"C demand us/fisa-content 180",
		"D account us/fisa-content 180",
		"E demand us/fisa-noncontent,us/fisa-prtt,us/fisa-records-b,us/fisa-records-c 180",
		"F account us/fisa-noncontent,us/fisa-prtt,us/fisa-records-b,us/fisa-records-c 180",
	}},
	"us/1874-a3": {250, law.Halves, 0, []string{"A demand * 0", "B account * 0"}},
	"us/1874-a4": {100, law.Years, 0, []string{"A demand * 366", "B account * 366"}},
}

func TestStructures(t *testing.T) {
	if len(law.Structures()) != len(statute) {
		t.Errorf("%d structures", len(law.Structures()))
	}
	for id, want := range statute {
		s, ok := law.LookupStructure(id)
		if !ok || s.Width != want.width || s.Cadences[0] != want.every || s.Deferred != want.deferred || s.Source == "" || s.Standing != law.ReadInText {
			t.Errorf("%s: %+v", id, s)
		}
		letter := strings.TrimPrefix(id, "us/1874-a")
		if s.Article != "50 U.S.C. § 1874(a)("+letter+")" {
			t.Errorf("%s is article %s", id, s.Article)
		}
		var rows []string
		for _, r := range s.Rows {
			sheets := slices.Sorted(slices.Values(r.Sheets))
			over := strings.Join(sheets, ",")
			if slices.Equal(sheets, regimes[law.NationalSecurity]) {
				over = "*"
			}
			rows = append(rows, fmt.Sprintf("%s %s %s %d", r.Letter, r.Field, over, r.Delay))
			part := strings.Replace("("+r.Letter, "(i", ")(i", 1)
			if !strings.HasSuffix(part, ")") {
				part += ")"
			}
			if !strings.HasPrefix(r.Article, s.Article+part+", (b)(") || r.Title == "" {
				t.Errorf("%s, row %s: article %s, title %q", id, r.Letter, r.Article, r.Title)
			}
			for _, sheet := range r.Sheets {
				if nsl := sheet == "us/nsl"; r.Delay == 0 && !nsl && letter != "3" {
					t.Errorf("%s, row %s: %s without delay", id, r.Letter, sheet)
				}
			}
		}
		if !slices.Equal(rows, want.rows) {
			t.Errorf("%s:\n%s\nwant\n%s", id, strings.Join(rows, "\n"), strings.Join(want.rows, "\n"))
		}
	}
	if s, ok := law.LookupStructure("us/1874-a5"); ok {
		t.Errorf("a fifth structure: %v", s)
	}
}

func TestStructuresAreKept(t *testing.T) {
	s, _ := law.LookupStructure("us/1874-a2")
	s.Rows[0].Sheets[0], s.Cadences[0], s.Rows[1].Delay = "us/subpoena", law.Months, 99
	law.Structures()[1].Rows[4].Sheets[0] = "us/subpoena"
	again, _ := law.LookupStructure("us/1874-a2")
	if again.Rows[0].Sheets[0] != "us/nsl" || again.Cadences[0] != law.Halves || again.Rows[1].Delay != 0 || again.Rows[4].Sheets[0] != "us/fisa-noncontent" {
		t.Error("a caller changed the law")
	}
	again.Closing().Rows[4].Sheets[0] = "us/subpoena"
	if again.Rows[4].Sheets[0] != "us/fisa-noncontent" {
		t.Error("a closing structure shares the rows of the other")
	}
}

// say writes a table in a line.
func say(t law.Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", t.Name, t.Width)
	for _, c := range t.Columns {
		fmt.Fprintf(&b, " %s=%s:%s", c.Row.Letter, c.Field.Name, c.Field.Rule)
	}
	b.WriteString(" |")
	for _, c := range t.Cells {
		fmt.Fprintf(&b, " %s@%s", strings.TrimPrefix(c.Sheet, "us/"), c.Period)
	}
	fmt.Fprintf(&b, " | %s %s", t.NotBefore.Format(time.DateOnly), t.Due.Format(time.DateOnly))
	return b.String()
}

func reported(t testing.TB, structure, names string) []law.Reported {
	var all []law.Reported
	for _, name := range strings.Fields(names) {
		name, closing := strings.CutSuffix(name, "!")
		all = append(all, law.Reported{Period: period(t, name), Structure: structure, Closing: closing})
	}
	return all
}

// TestTables compares with tables written by hand. 2026-H1 ends with 1 July; 180
// days later is 28 December. 540 days after 2025-H1 is 23 December 2026.
func TestTables(t *testing.T) {
	all := "fisa-content@%[1]s fisa-noncontent@%[1]s fisa-prtt@%[1]s fisa-records-b@%[1]s fisa-records-c@%[1]s"
	every := "nsl@%[1]s " + all + strings.ReplaceAll(" "+all, "@", "-new@")
	for _, c := range []struct {
		structure, periods string
		want               []string
	}{
		{"us/1874-a1", "2026-H1", []string{
			"us/fisa-content 1000 C=demand:band:1000 D=account:band:1000 | fisa-content@2026-H1 | 2026-12-28 2027-02-26",
			"us/fisa-noncontent 1000 E=demand:band:1000 =account:hidden | fisa-noncontent@2026-H1 | 2026-12-28 2027-02-26",
			"us/fisa-prtt 1000 =demand:hidden F(i)=account:band:1000 | fisa-prtt@2026-H1 | 2026-12-28 2027-02-26",
			"us/fisa-records-b 1000 =demand:hidden F(ii)=account:band:1000 | fisa-records-b@2026-H1 | 2026-12-28 2027-02-26",
			"us/fisa-records-c 1000 =demand:hidden F(iii)=account:band:1000 | fisa-records-c@2026-H1 | 2026-12-28 2027-02-26",
			"us/nsl 1000 A=demand:band:1000 B=account:band:1000 | nsl@2026-H1 | 2026-07-01 2026-08-30",
		}},
		{"us/1874-a2", "2025-H1 2025-H2 2026-H1", []string{
			"us/fisa-content 500 C=demand:band:500 D=account:band:500 | fisa-content@2026-H1 fisa-content-new@2025-H1 | 2026-12-28 2027-02-26",
			"us/fisa-noncontent 500 E=demand:band:500 F=account:band:500 | fisa-noncontent@2026-H1 fisa-prtt@2026-H1 fisa-records-b@2026-H1 fisa-records-c@2026-H1" +
				" fisa-noncontent-new@2025-H1 fisa-prtt-new@2025-H1 fisa-records-b-new@2025-H1 fisa-records-c-new@2025-H1 | 2026-12-28 2027-02-26",
			"us/nsl 500 A=demand:band:500 B=account:band:500 | nsl@2026-H1 | 2026-07-01 2026-08-30",
		}},
		{"us/1874-a2", "2025-H1 2025-H2", []string{ // not one on a new platform yet
			"us/fisa-content 500 C=demand:band:500 D=account:band:500 | fisa-content@2025-H2 | 2026-06-30 2026-08-29",
			"us/fisa-noncontent 500 E=demand:band:500 F=account:band:500 | fisa-noncontent@2025-H2 fisa-prtt@2025-H2 fisa-records-b@2025-H2 fisa-records-c@2025-H2 | 2026-06-30 2026-08-29",
			"us/nsl 500 A=demand:band:500 B=account:band:500 | nsl@2025-H2 | 2026-01-01 2026-03-02",
		}},
		{"us/1874-a2", "2025-H2 2026-H1!", []string{ // closing: all that waits, at once
			"us/fisa-content 500 C=demand:band:500 D=account:band:500 | fisa-content@2026-H1 fisa-content-new@2026-H1 fisa-content-new@2025-H2 | 2027-12-23 2028-02-21",
			"us/fisa-noncontent 500 E=demand:band:500 F=account:band:500 | fisa-noncontent@2026-H1 fisa-prtt@2026-H1 fisa-records-b@2026-H1 fisa-records-c@2026-H1" +
				" fisa-noncontent-new@2026-H1 fisa-prtt-new@2026-H1 fisa-records-b-new@2026-H1 fisa-records-c-new@2026-H1" +
				" fisa-noncontent-new@2025-H2 fisa-prtt-new@2025-H2 fisa-records-b-new@2025-H2 fisa-records-c-new@2025-H2 | 2027-12-23 2028-02-21",
			"us/nsl 500 A=demand:band:500 B=account:band:500 | nsl@2026-H1 | 2026-07-01 2026-08-30",
		}},
		{"us/1874-a3", "2025-H2 2026-H1", []string{
			"us/national-security 250 A=demand:band:250 B=account:band:250 | " + fmt.Sprintf(every, "2026-H1") + " | 2026-07-01 2026-08-30",
		}},
		{"us/1874-a4", "2026", []string{
			"us/national-security 100 A=demand:band:100 B=account:band:100 | " + fmt.Sprintf(every, "2026") + " | 2028-01-02 2028-03-02",
		}},
		{"", "2026-H1", []string{
			"us/national-security 0 =demand:hidden =account:hidden | fisa-content@2026-H1 fisa-content-new@2026-H1 fisa-noncontent@2026-H1 fisa-noncontent-new@2026-H1" +
				" fisa-prtt@2026-H1 fisa-prtt-new@2026-H1 fisa-records-b@2026-H1 fisa-records-b-new@2026-H1 fisa-records-c@2026-H1 fisa-records-c-new@2026-H1 nsl@2026-H1 | 2026-07-01 2026-08-30",
		}},
	} {
		tables, err := law.Tables(reported(t, c.structure, c.periods))
		var got []string
		for _, table := range tables {
			got = append(got, say(table))
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s, %s: %v\n%s\nwant\n%s", c.structure, c.periods, err, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
	if tables, err := law.Tables(nil); tables != nil || err != nil {
		t.Errorf("no period: %v, %v", tables, err)
	}
}

func TestRefusedReports(t *testing.T) {
	a := func(n int, names string) []law.Reported { return reported(t, fmt.Sprintf("us/1874-a%d", n), names) }
	for _, c := range []struct {
		all    []law.Reported
		ground string
		says   string
	}{
		{slices.Concat(a(3, "2026-H1"), a(1, "2026-H1")), "50 U.S.C. § 1874(a)", "one structure a period"},
		{slices.Concat(a(3, "2026-H1"), a(4, "2026")), "50 U.S.C. § 1874(a), (b)", "2026-H1 and 2026 overlap"},
		{slices.Concat(a(4, "2026"), a(3, "2026-H2")), "50 U.S.C. § 1874(a), (b)", "2026 and 2026-H2 overlap"},
		{a(3, "2026-H1 2026-H1"), "50 U.S.C. § 1874(a), (b)", "2026-H1 is there twice"},
		{a(3, "2026-01-01-180d 2026-H2"), "50 U.S.C. § 1874(a), (b)", "2026-06-30 to 2026-06-30 is missing"},
		{a(3, "2025-H1 2026-H1"), "50 U.S.C. § 1874(a), (b)", "2025-H2 is missing"},
		{a(1, "2026-Q1"), "50 U.S.C. § 1874(a)(1), (b)", "2026-Q1 is not a period"},
		{a(3, "2026"), "50 U.S.C. § 1874(a)(3), (b)", "2026 is not a period"},
		{a(3, "2026-01-01-179d"), "50 U.S.C. § 1874(a)(3), (b)", "is not a period"},
		{a(4, "2026-H1"), "50 U.S.C. § 1874(a)(4), (b)", "2026-H1 is not a period"},
		{slices.Concat(a(2, "2026-H1"), a(3, "2026-H2")), "50 U.S.C. § 1874(a)(2), (b)(1)(B)", "make the last period under it a closing one"},
		{slices.Concat(a(1, "2026-H1"), a(2, "2026-H2")), "50 U.S.C. § 1874(a)(1), (b)(1)(B)", "make the last period"},
		{slices.Concat(a(1, "2026-H1"), reported(t, "", "2026-H2")), "50 U.S.C. § 1874(a)(1), (b)(1)(B)", "make the last period"},
	} {
		_, err := law.Tables(c.all)
		var r *vitrine.Refusal
		if !errors.As(err, &r) || r.Ground != c.ground || !strings.Contains(r.Text, c.says) {
			t.Errorf("%v: %v, want %q on the ground of %s", c.all, err, c.says, c.ground)
		}
	}
	for _, all := range [][]law.Reported{
		slices.Concat(a(2, "2026-H1!"), a(3, "2026-H2"), a(1, "2027-H1")),
		slices.Concat(a(3, "2026-H1 2026-H2"), a(4, "2027")),
		slices.Concat(reported(t, "", "2026-Q1 2026-Q2"), a(1, "2026-H2")),
		a(3, "2026-01-01-180d 2026-06-30-180d"),
	} {
		if err := law.CheckReported(all); err != nil {
			t.Errorf("%v: %v", all, err)
		}
	}
	if err := law.CheckReported(reported(t, "us/1874-a5", "2026-H1")); err == nil {
		t.Error("an unknown structure was taken")
	}
	if _, err := law.Tables(reported(t, "us/1874-a5", "2026-H1")); err == nil {
		t.Error("an unknown structure has tables")
	}
}

// history draws a lawful sequence of reports.
func history(t *rapid.T) []law.Reported {
	at := time.Date(rapid.IntRange(2015, 2090).Draw(t, "year"), 1, 1, 0, 0, 0, 0, time.UTC)
	var all []law.Reported
	for range rapid.IntRange(1, 14).Draw(t, "n") {
		var next []law.Reported
		for _, id := range []string{"", "us/1874-a1", "us/1874-a2", "us/1874-a3", "us/1874-a4"} {
			for _, c := range cadences {
				p, err := c.Starting(at)
				r := law.Reported{Period: p, Structure: id, Closing: rapid.IntRange(0, 3).Draw(t, "closing") == 0}
				if err == nil && law.CheckReported(append(slices.Clone(all), r)) == nil {
					next = append(next, r)
				}
			}
		}
		r := rapid.SampledFrom(next).Draw(t, "report") // 180 days are always lawful
		all, at = append(all, r), r.Period.To
	}
	return all
}

// TestEachCellOnce checks whole histories against the rules of spec/ledger.md,
// section 4, and the delays of § 1874(b), both read anew here.
func TestEachCellOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := history(t)
		tables := make([][]law.Table, len(all))
		sheets := map[law.Cell]law.Sheet{}
		for i, r := range all {
			var err error
			if tables[i], err = law.Tables(all[:i+1]); err != nil {
				t.Fatal(err)
			}
			s, _ := law.LookupStructure(r.Structure)
			if r.Closing {
				s = s.Closing()
			}
			for _, sheet := range law.NationalSecurity.Sheets(s) {
				sheets[law.Cell{Sheet: sheet.Name, Period: r.Period}] = sheet
			}
		}
		seen := map[law.Cell]int{}
		for i := range tables {
			for _, table := range tables[i] {
				for _, c := range table.Cells {
					seen[c]++
					checkCell(t, c, sheets, table, all)
				}
			}
		}
		for c, sheet := range sheets {
			if want := due(c, sheet, all, tables); seen[c] != want {
				t.Fatalf("cell %v is in %d tables, want %d", c, seen[c], want)
			}
		}
		if len(seen) > len(sheets) {
			t.Fatal("a table has a cell that is none")
		}
	})
}

// due says whether a cell stands in a table by now: at once, or once a table of
// the sheet that it joins waits long enough; and it looks whether it is there.
func due(c law.Cell, sheet law.Sheet, all []law.Reported, tables [][]law.Table) int {
	if sheet.Deferred == 0 {
		return 1
	}
	for i, r := range all {
		for _, table := range tables[i] {
			host := slices.Contains(table.Cells, law.Cell{Sheet: sheet.Joins, Period: r.Period})
			if host && r.Period != c.Period && !r.Period.From.Before(c.Period.To) && table.NotBefore.Sub(c.Period.To) >= 540*24*time.Hour {
				if slices.Contains(table.Cells, c) {
					return 1
				}
				return -1 // it is not where it must be
			}
		}
	}
	return 0
}

func checkCell(t *rapid.T, c law.Cell, sheets map[law.Cell]law.Sheet, table law.Table, all []law.Reported) {
	for k, column := range table.Columns {
		if sheets[c].Fields[k] != column.Field {
			t.Fatalf("cell %v has %v, its table %v", c, sheets[c].Fields[k], column.Field)
		}
		if (column.Row.Letter == "") != (column.Field.Rule.Kind == law.Hidden) {
			t.Fatalf("%v answers row %q", column.Field, column.Row.Letter)
		}
	}
	structure := ""
	for _, r := range all {
		if r.Period == c.Period {
			structure = r.Structure
		}
	}
	waits := table.NotBefore.Sub(c.Period.To) / (24 * time.Hour)
	fisa, isNew := strings.HasPrefix(c.Sheet, "us/fisa-"), strings.HasSuffix(c.Sheet, "-new")
	switch structure {
	case "us/1874-a1", "us/1874-a2":
		if fisa && waits < 180 || isNew && waits < 540 || c.Sheet == "us/nsl" && waits != 0 {
			t.Fatalf("%v is published %d days after its period", c, waits)
		}
	case "us/1874-a4":
		if table.NotBefore.Before(c.Period.To.AddDate(1, 0, 0)) {
			t.Fatalf("%v is published %d days after its year", c, waits)
		}
	}
	if table.Structure != structure || !table.Due.After(table.NotBefore.AddDate(0, 0, 30)) {
		t.Fatalf("%v of %q is in a table of %q, due %v", c, structure, table.Structure, table.Due)
	}
}
