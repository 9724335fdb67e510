package records

import (
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/query"
	"github.com/vitrine-project/vitrine/production"
)

// TestClock reads times of every kind. What is wanted was worked out by hand
// from the zones' rules.
func TestClock(t *testing.T) {
	const none = ""
	for _, c := range []struct {
		kind             query.Kind
		text, zone, unit string
		rule, from, to   string
	}{
		{query.Instant, "2026-03-01T12:00:00.250Z", "Europe/Berlin", "", "column", "2026-03-01T12:00:00.25Z", "2026-03-01T12:00:00.25Z"},
		{query.Text, "2026-03-01 12:00:00+02", "", "", "column", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"},
		{query.Text, "2026-03-01T12:00:00-05:30", "", "", "column", "2026-03-01T17:30:00Z", "2026-03-01T17:30:00Z"},
		{query.Local, "2026-03-01T12:00:00", "Europe/Berlin", "", "column-zone", "2026-03-01T11:00:00Z", "2026-03-01T11:00:00Z"},
		{query.Local, "2026-07-01T12:00:00", "Europe/Berlin", "", "column-zone", "2026-07-01T10:00:00Z", "2026-07-01T10:00:00Z"},
		// 29 March 2026: from 02:00 to 03:00 at 01:00 UTC. 25 October: back at 01:00 UTC.
		{query.Local, "2026-03-29T01:59:59", "Europe/Berlin", "", "column-zone", "2026-03-29T00:59:59Z", "2026-03-29T00:59:59Z"},
		{query.Local, "2026-03-29T02:00:00", "Europe/Berlin", "", "column-zone-skipped", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"},
		{query.Local, "2026-03-29T02:59:59", "Europe/Berlin", "", "column-zone-skipped", "2026-03-29T00:59:59Z", "2026-03-29T01:59:59Z"},
		{query.Local, "2026-03-29T03:00:00", "Europe/Berlin", "", "column-zone", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
		{query.Local, "2026-10-25T01:59:59", "Europe/Berlin", "", "column-zone", "2026-10-24T23:59:59Z", "2026-10-24T23:59:59Z"},
		{query.Local, "2026-10-25T02:00:00", "Europe/Berlin", "", "column-zone-twice", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{query.Local, "2026-10-25T02:59:59.999", "Europe/Berlin", "", "column-zone-twice", "2026-10-25T00:59:59.999Z", "2026-10-25T01:59:59.999Z"},
		{query.Local, "2026-10-25T03:00:00", "Europe/Berlin", "", "column-zone", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z"},
		// Samoa left out 30 December 2011 altogether.
		{query.Local, "2011-12-30T12:00:00", "Pacific/Apia", "", "column-zone-skipped", "2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z"},
		{query.Date, "2026-03-29", "Europe/Berlin", "", "column-day", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59.999999999Z"},
		{query.Text, "2026-03-01", "", "", "column-day", "2026-02-28T10:00:00Z", "2026-03-02T11:59:59.999999999Z"},
		{query.Text, "2026-03-01 12:00:00", "", "", "column-no-zone", "2026-02-28T22:00:00Z", "2026-03-02T00:00:00Z"},
		{query.Integer, "1772366400", "", "s", "column-unix", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"},
		{query.Integer, "1772366400250", "", "ms", "column-unix", "2026-03-01T12:00:00.25Z", "2026-03-01T12:00:00.25Z"},
		{query.Decimal, "1772366400.5", "", "s", "column-unix", "2026-03-01T12:00:00.5Z", "2026-03-01T12:00:00.5Z"},
		{query.Decimal, "1772366400000.123456", "", "ms", "column-unix", "2026-03-01T12:00:00.000123456Z", "2026-03-01T12:00:00.000123456Z"},
		{query.Text, "1772366400", "", "s", "column-unix", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"},
		{query.Integer, "0", "", "s", "column-unix", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{query.Integer, "1772366400", "", "", "column-unreadable", none, none},
		{query.Integer, "-1", "", "s", "column-unreadable", none, none},
		{query.Integer, "253402300800", "", "s", "column-unreadable", none, none},
		{query.Integer, "9223372036854775807", "", "ms", "column-unreadable", none, none},
		{query.Decimal, "1.7e9", "", "s", "column-unreadable", none, none},
		{query.Decimal, "NaN", "", "s", "column-unreadable", none, none},
		{query.Text, "infinity", "UTC", "", "column-unreadable", none, none},
		{query.Text, "2026-02-29 00:00:00", "UTC", "", "column-unreadable", none, none},
		{query.Text, "2026-03-01 25:00:00", "UTC", "", "column-unreadable", none, none},
		{query.Text, "01.03.2026", "UTC", "", "column-unreadable", none, none},
		{query.Text, "0000-00-00 00:00:00", "UTC", "", "column-unreadable", none, none},
		{query.Text, "yesterday", "UTC", "", "column-unreadable", none, none},
		{query.Bytes, "2026-03-01", "UTC", "", "column-unreadable", none, none},
		{query.Text, "", "UTC", "", "column-null", none, none},
		{query.Null, "", "UTC", "", "column-null", none, none},
	} {
		got := clock{Times{Zone: c.zone}.location(), c.unit}.read(query.Value{Kind: c.kind, Text: c.text})
		if from, to := stamp(got.From), stamp(got.To); got.Rule != c.rule || from != c.from || to != c.to {
			t.Errorf("%q in %q, unit %q: %s %s to %s, want %s %s to %s", c.text, c.zone, c.unit, got.Rule, from, to, c.rule, c.from, c.to)
		}
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// TestLasted: an end that is open, one that cannot be read, and two that
// contradict each other.
func TestLasted(t *testing.T) {
	at := func(day int) production.Interval {
		d := time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC)
		return production.Interval{From: d, To: d.Add(time.Hour), Rule: ruleZone}
	}
	null, bad := production.Interval{Rule: ruleNull}, production.Interval{Rule: ruleUnreadable}
	for name, c := range map[string]struct {
		since, until production.Interval
		from, to     string
		uncertain    bool
	}{
		"both":       {at(1), at(2), "2026-03-01T00:00:00Z", "2026-03-02T01:00:00Z", false},
		"still":      {at(1), null, "2026-03-01T00:00:00Z", "", false},
		"ever":       {null, at(2), "", "2026-03-02T01:00:00Z", false},
		"neither":    {null, null, "", "", false},
		"backwards":  {at(3), at(2), "", "", true},
		"same":       {at(2), at(2), "2026-03-02T00:00:00Z", "2026-03-02T01:00:00Z", false},
		"bad since":  {bad, at(2), "", "", true},
		"bad until":  {at(1), bad, "", "", true},
		"bad, still": {bad, null, "", "", true},
	} {
		i, uncertain := lasted(c.since, c.until)
		if stamp(i.From) != c.from || stamp(i.To) != c.to || (uncertain != "") != c.uncertain {
			t.Errorf("%s: %+v, %q", name, i, uncertain)
		}
	}
}

func FuzzClock(f *testing.F) {
	f.Add("2026-03-29 02:30:00", "s", byte('t'))
	f.Add("1772366400.5", "ms", byte('d'))
	f.Fuzz(func(t *testing.T, text, unit string, kind byte) {
		zone, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		i := clock{zone, unit}.read(query.Value{Kind: query.Kind(kind), Text: text})
		if i.Known() != (i.Rule != ruleNull && i.Rule != ruleUnreadable) || i.To.Before(i.From) || len(i.Raw) > maxRaw+8 {
			t.Errorf("%q: %+v", text, i)
		}
	})
}

func FuzzParsePlace(f *testing.F) {
	f.Add("1:iMTI", 1, 2)
	f.Add("0.7.1.0.0123456789abcdef", 1, 1)
	f.Fuzz(func(t *testing.T, s string, columns, categories int) {
		if p, err := parsePlace(s, columns, categories); err == nil && (p.String() != s || p.category >= categories || len(p.key) != columns) {
			t.Errorf("%q is read as %+v", s, p)
		}
		if m, err := parseMark(s, categories); err == nil && (m.String() != s || m.category >= categories) {
			t.Errorf("%q is read as %+v", s, m)
		}
	})
}
