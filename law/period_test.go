package law_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine/law"
)

// date reads a day.
func date(t testing.TB, s string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// period reads the name of a period.
func period(t testing.TB, name string) law.Period {
	t.Helper()
	p, err := law.ParsePeriod(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPeriodNames(t *testing.T) {
	for name, want := range map[string][2]string{ // From, and the first day after
		"2026":            {"2026-01-01", "2027-01-01"},
		"2026-H1":         {"2026-01-01", "2026-07-01"},
		"2026-H2":         {"2026-07-01", "2027-01-01"},
		"2024-Q1":         {"2024-01-01", "2024-04-01"},
		"2026-Q4":         {"2026-10-01", "2027-01-01"},
		"2024-02":         {"2024-02-01", "2024-03-01"},
		"2026-12":         {"2026-12-01", "2027-01-01"},
		"2026-01-01-180d": {"2026-01-01", "2026-06-30"},
		"2024-02-29-1d":   {"2024-02-29", "2024-03-01"},
		"2026-03-15-108d": {"2026-03-15", "2026-07-01"},
		"1970":            {"1970-01-01", "1971-01-01"},
	} {
		p, err := law.ParsePeriod(name)
		if err != nil || !p.From.Equal(date(t, want[0])) || !p.To.Equal(date(t, want[1])) || p.Name() != name {
			t.Errorf("%q is %s to %s, named %s: %v", name, p.From, p.To, p, err)
		}
		if made, err := law.NewPeriod(date(t, want[0]), date(t, want[1])); err != nil || made != p {
			t.Errorf("%q: %v made of its days: %v", name, made, err)
		}
	}
	for _, bad := range []string{
		"", "26", "2026-", "2026-H0", "2026-H3", "2026-h1", "2026-Q5", "2026-Q0", "2026-0", "2026-1", "2026-13", "2026-00", "02026", "1969", "9999", "10000",
		"2026-01-01-181d", "2026-01-01-31d", "2026-01-01-365d", "2026-01-01-0d", "2026-01-01-180", "2026-02-30-5d", "2026-01-02-0180d", "2026-01-02-+9d", "2026-01-02--9d",
		"2026-01-02-3661d", "2026-01-02-99999999999999999999d", "2026-H1 ", "+2026", "2026-H+1", "2026-H01", "2026-d", "d", "-d",
	} {
		if p, err := law.ParsePeriod(bad); err == nil {
			t.Errorf("%q was read as %v", bad, p)
		}
	}
}

func TestPeriodIsWholeDays(t *testing.T) {
	noon, zone := 12*time.Hour, time.FixedZone("", 3600)
	for name, p := range map[string][2]time.Time{
		"noon":         {date(t, "2026-01-01").Add(noon), date(t, "2026-07-01")},
		"end at noon":  {date(t, "2026-01-01"), date(t, "2026-07-01").Add(noon)},
		"another zone": {time.Date(2026, 1, 1, 0, 0, 0, 0, zone), date(t, "2026-07-01")},
		"empty":        {date(t, "2026-01-01"), date(t, "2026-01-01")},
		"backwards":    {date(t, "2026-07-01"), date(t, "2026-01-01")},
		"unset":        {},
		"eleven years": {date(t, "2026-01-01"), date(t, "2037-01-01")},
	} {
		if got, err := law.NewPeriod(p[0], p[1]); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	p := period(t, "2026-H1")
	local := law.Period{From: p.From.In(zone), To: p.To.In(zone)}
	if local.Name() != "2026-H1" || !local.Equal(p) || local.Check() != nil {
		t.Errorf("the same instants in another zone are %v", local)
	}
	if within(p, p.To) || !within(p, p.From) || within(p, p.From.Add(-1)) || !within(p, p.To.Add(-1)) {
		t.Error("the edges are wrong")
	}
	if p.Days() != 181 {
		t.Errorf("2026-H1 has %d days", p.Days())
	}
}

var cadences = []law.Cadence{law.Months, law.Quarters, law.Halves, law.Years, law.Strict180}

// TestJoined goes on from any day by cadences that change, and wants the days
// to be joined: each in exactly one period.
func TestJoined(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Date(rapid.IntRange(1970, 2100).Draw(t, "year"), 1, rapid.IntRange(1, 366).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
		at, days := from, 0
		var all []law.Period
		for i := range rapid.IntRange(2, 30).Draw(t, "n") {
			c := rapid.SampledFrom(cadences).Draw(t, "cadence")
			p, err := c.Starting(at)
			if i > 0 {
				p, err = c.Next(all[i-1])
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Days() > 366 {
				t.Fatalf("%v is longer than a year", p)
			}
			back, err := law.ParsePeriod(p.Name())
			if err != nil || back != p {
				t.Fatalf("%v is named %q and read as %v: %v", p, p.Name(), back, err)
			}
			all, at, days = append(all, p), p.To, days+p.Days()
		}
		if err := law.CheckPeriods(all); err != nil {
			t.Fatal(err)
		}
		if want := int(at.Unix()-from.Unix()) / 86400; days != want {
			t.Fatalf("%d days in periods, %d days passed", days, want)
		}
		gone := rapid.IntRange(1, len(all)-1).Draw(t, "gone")
		with := append(append([]law.Period{}, all[:gone]...), all[gone+1:]...)
		if gone < len(all)-1 && law.CheckPeriods(with) == nil {
			t.Fatalf("%v is not missed", all[gone])
		}
		twice := append(append([]law.Period{}, all[:gone]...), all[gone-1:]...)
		if law.CheckPeriods(twice) == nil {
			t.Fatalf("%v is there twice", all[gone-1])
		}
	})
}

func TestContaining(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 0)
		c := rapid.SampledFrom(cadences[:4]).Draw(t, "cadence")
		p, err := c.Containing(at)
		if err != nil || !within(p, at) || !c.Whole(p) {
			t.Fatalf("%v in %v: %v", at, p, err)
		}
		for _, other := range cadences {
			if other != c && other.Whole(p) {
				t.Fatalf("%v is a whole period of %s and of %s", p, c, other)
			}
		}
	})
	if p, err := law.Strict180.Containing(time.Unix(0, 0)); err == nil {
		t.Errorf("a period of 180 days found its place in the calendar: %v", p)
	}
	if p, err := law.Cadence("weekly").Starting(time.Unix(0, 0)); err == nil {
		t.Errorf("an unknown cadence: %v", p)
	}
}

func TestStrict180(t *testing.T) {
	p, err := law.Strict180.Starting(date(t, "2026-01-01"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2026-01-01-180d", "2026-06-30-180d", "2026-12-27-180d", "2027-06-25-180d"} { // counted with date(1)
		if p.Name() != want || !law.Strict180.Whole(p) || law.Halves.Whole(p) {
			t.Errorf("%s, want %s", p, want)
		}
		if p, err = law.Strict180.Next(p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMissingIsNamed(t *testing.T) {
	for _, c := range []struct{ periods, says string }{
		{"2023-H1 2023-H2 2024-H1 2025-H1", "2024-H2 is missing between 2024-H1 and 2025-H1"},
		{"2024 2026", "2025 is missing"},
		{"2024-Q1 2024-Q3", "2024-Q2 is missing"},
		{"2024-01 2024-04", "2024-02 is missing"},
		{"2026-01-01-180d 2026-12-27-180d", "2026-06-30-180d is missing"},
		{"2024-H1 2024-08", "2024-07-01 to 2024-07-31 is missing"},
		{"2024-H1 2024-H1", "2024-H1 is there twice"},
		{"2024-H1 2024", "2024-H1 and 2024 overlap"},
		{"2024-H2 2024-H1", "2024-H2 and 2024-H1 overlap"},
		{"2024-H1 2024-06-30-180d", "overlap"},
	} {
		var all []law.Period
		for _, name := range strings.Fields(c.periods) {
			all = append(all, period(t, name))
		}
		if err := law.CheckPeriods(all); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.periods, err, c.says)
		}
	}
	if err := law.CheckPeriods([]law.Period{{}}); err == nil {
		t.Error("a period that nobody set is in order")
	}
}

func TestPeriodJSON(t *testing.T) {
	c := law.Cell{Sheet: "us/nsl", Period: period(t, "2026-H1")}
	b, err := json.Marshal(c)
	if err != nil || string(b) != `{"sheet":"us/nsl","period":"2026-H1"}` {
		t.Errorf("%s, %v", b, err)
	}
	var back law.Cell
	if err := json.Unmarshal(b, &back); err != nil || back != c {
		t.Errorf("%v, %v", back, err)
	}
	if _, err := json.Marshal(law.Cell{}); err == nil {
		t.Error("a period that nobody set was written")
	}
}

func FuzzParsePeriod(f *testing.F) {
	for _, s := range []string{"2026", "2026-H1", "2026-Q3", "2026-02", "2026-01-01-180d", "2026-01-01-181d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := law.ParsePeriod(s)
		if err == nil && (p.Name() != s || p.Check() != nil) {
			t.Errorf("%q was read as %q: %v", s, p, p.Check())
		}
	})
}

// within reports whether t lies in p.
func within(p law.Period, t time.Time) bool { return !t.Before(p.From) && t.Before(p.To) }
