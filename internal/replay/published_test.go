package replay_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/replay"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/tables"
	"github.com/vitrine-project/vitrine/ledger"
)

func google(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(need.Shared(t, "google/google-user-data-requests-2009H2-2013H2.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replay.Parse(b, 0); err == nil || !strings.Contains(err.Error(), "carriage return alone") {
		t.Errorf("the file as it is: %v", err)
	}
	s, err := tables.Google(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// github takes some of GitHub's files.
func github(t *testing.T, halves bool, keep ...string) string {
	t.Helper()
	var choose func(string) bool
	if len(keep) > 0 {
		choose = func(name string) bool { return slices.Contains(keep, name) }
	}
	s, err := tables.GitHub(os.DirFS(need.Shared(t, "github-transparency/data")), halves, choose)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t *testing.T, table string) *replay.Table {
	t.Helper()
	got, err := replay.Parse([]byte(table), 1)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Rows) + len(got.Refused) + len(got.NotTotals); n != strings.Count(table, "\n") {
		t.Errorf("%d of %d lines are in a list", n, strings.Count(table, "\n"))
	}
	return got
}

// TestGoogle: the whole table can be replayed. The totals are those that were
// summed when it was published (the press said 34,614 accounts of 2012-H1).
func TestGoogle(t *testing.T) {
	got := read(t, google(t))
	sums := map[string]uint64{}
	for _, r := range got.Rows {
		sums[r.Period.Name()+" "+r.Field] += r.Actual
		sums[r.Period.Name()+" "+r.Sheet+" "+r.Field] += r.Actual
	}
	for name, want := range map[string]uint64{
		"2012-H1 demand": 20938, "2012-H1 account": 34615, "2012-H2 demand": 21389, "2012-H2 account": 33634,
		"2013-H1 demand": 25879, "2013-H1 account": 42500, "2013-H2 demand": 27477, "2013-H2 account": 42648,
		"2013-H1 us/subpoena demand": 7458, "2013-H1 us/search-warrant demand": 2456, "2013-H1 us/other-court-orders demand": 671,
		"2013-H1 us/pen-register-order demand": 207, "2013-H1 us/emergency demand": 119, "2013-H1 us/wiretap-order demand": 7,
		"2013-H2 ci/user-data demand": 2, // the country whose name is not text
	} {
		if sums[name] != want {
			t.Errorf("%s: %d, want %d", name, sums[name], want)
		}
	}
	if len(got.Refused) > 0 {
		t.Errorf("refused: %+v", got.Refused)
	}
	percent, blank := 0, 0
	for _, r := range got.NotTotals {
		if strings.Contains(r.Why, "blank") {
			blank++
		} else {
			percent++
		}
	}
	if percent != 246 || blank != 67+42 || len(got.Rows) != 288+221 {
		t.Errorf("%d percentages, %d blanks, %d rows", percent, blank, len(got.Rows))
	}
	fewer := 0
	for _, f := range got.Flagged {
		if strings.Contains(f.Why, "accounts are fewer") {
			fewer++
		}
	}
	if fewer != 3 { // Turkey twice, Hong Kong once
		t.Errorf("%d rows with fewer accounts than demands", fewer)
	}
}

// TestGitHub: what cannot be true is refused, and what was left out is named.
func TestGitHub(t *testing.T) {
	years := read(t, github(t, false))
	var refused []string
	for _, r := range years.Refused {
		refused = append(refused, r.Row)
		if !strings.Contains(r.Why, "were received") {
			t.Errorf("%+v", r)
		}
	}
	if want := []string{
		"2021,us/subpoena,demand,183", "2021,us/subpoena,noncontent,269", "2021,us/court-order-2703d,demand,94", "2021,us/court-order-2703d,noncontent,170",
		"2021,us/search-warrant,demand,22", "2021,us/search-warrant,noncontent,64",
	}; !slices.Equal(refused, want) {
		t.Errorf("refused: %q", refused)
	}
	bands := 0
	for _, r := range years.Rows {
		if r.Class() == ledger.Restricted {
			bands++
		}
	}
	if bands != 48 {
		t.Errorf("%d bands", bands)
	}

	halves := read(t, github(t, true))
	if len(halves.Refused) != 2 || !strings.Contains(halves.Refused[0].Why, `"github/cross-border-request " has a space at its end`) {
		t.Errorf("refused: %+v", halves.Refused)
	}
	if !slices.ContainsFunc(halves.Flagged, func(r replay.Remark) bool { return r.Why == "us/subpoena has no rows in 2024-H2" }) {
		t.Errorf("flagged: %+v", halves.Flagged)
	}

	alone := read(t, github(t, true, "requests_received_and_disclosed"))
	if len(alone.Rows) != 0 || !slices.ContainsFunc(alone.Refused, func(r replay.Remark) bool { return r.Why == "2024-H2 is missing between 2024-H1 and 2025-H1" }) {
		t.Errorf("%d rows, refused: %+v", len(alone.Rows), alone.Refused)
	}
}
