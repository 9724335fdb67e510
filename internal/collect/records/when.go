package records

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine/internal/query"
	"github.com/vitrine-project/vitrine/production"
)

// How a time was read; spec/production.md explains each.
const (
	ruleColumn     = "column"              // the column says the instant
	ruleUnix       = "column-unix"         // seconds or milliseconds since 1970
	ruleZone       = "column-zone"         // without a zone, read in the declared one
	ruleTwice      = "column-zone-twice"   // the same, of an hour that came twice
	ruleSkipped    = "column-zone-skipped" // the same, of an hour that did not come
	ruleNoZone     = "column-no-zone"      // no zone, and none is declared
	ruleDay        = "column-day"          // a whole day
	ruleNull       = "column-null"         // NULL, or an empty cell
	ruleUnreadable = "column-unreadable"
	ruleLasting    = "column-since-until" // it held true all through
)

// Without a zone, an instant lies between these of the same time in UTC.
const (
	ahead  = 14 * time.Hour
	behind = 12 * time.Hour
)

// clock reads times as they are declared.
type clock struct {
	zone *time.Location // of times without one; nil: unknown
	unit string
}

// read returns the interval in which the instant lies. Both of its ends are
// included; nothing is known where the rule is ruleNull or ruleUnreadable.
func (c clock) read(v query.Value) production.Interval {
	i := production.Interval{Rule: ruleUnreadable}
	switch v.Kind {
	case query.Null:
		return production.Interval{Rule: ruleNull}
	case query.Integer, query.Decimal:
		i = c.unix(v.Text)
	case query.Instant, query.Local, query.Date, query.Text:
		i = c.text(v.Text)
	}
	if v.Kind != query.Bytes {
		i.Raw = strings.ToValidUTF8(v.Text, "\uFFFD")
		if len(i.Raw) > maxRaw {
			i.Raw = strings.ToValidUTF8(i.Raw[:maxRaw], "")
		}
	}
	return i
}

// maxRaw is how much of a time's text is shown.
const maxRaw = 64

// maxUnix is the end of the year 9999 in each unit.
var maxUnix = map[string]int64{"s": 253402300799, "ms": 253402300799999}

// unix reads a number of the declared unit since 1970, with a fraction or not.
func (c clock) unix(text string) production.Interval {
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || c.unit == "" || len(fraction) > 9 || strings.Trim(fraction, "0123456789") != "" || n < 0 || n > maxUnix[c.unit] {
		return production.Interval{Rule: ruleUnreadable}
	}
	part, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64) // digits only
	t := time.Unix(n, part).UTC()
	if c.unit == "ms" {
		t = time.UnixMilli(n).Add(time.Duration(part / 1000)).UTC()
	}
	return production.Interval{From: t, To: t, Rule: ruleUnix}
}

// text reads what is written as ISO 8601 has it, with a blank or a T.
func (c clock) text(s string) production.Interval {
	if s == "" {
		return production.Interval{Rule: ruleNull}
	}
	if len(s) > maxRaw {
		return production.Interval{Rule: ruleUnreadable}
	}
	if strings.Trim(s, "0123456789") == "" && c.unit != "" {
		return c.unix(s)
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil && plausible(t) {
		return c.day(t)
	}
	if len(s) > 10 && s[10] == ' ' {
		s = s[:10] + "T" + s[11:]
	}
	for _, form := range []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z07"} {
		if t, err := time.Parse(form, s); err == nil && plausible(t) {
			return production.Interval{From: t.UTC(), To: t.UTC(), Rule: ruleColumn}
		}
	}
	if t, err := time.Parse("2006-01-02T15:04:05.999999999", s); err == nil && plausible(t) {
		return c.local(t)
	}
	return production.Interval{Rule: ruleUnreadable}
}

// plausible leaves out the years that would be no time at all.
func plausible(t time.Time) bool { return t.Year() > 1 && t.Year() <= 9999 }

// day is all of a day.
func (c clock) day(t time.Time) production.Interval {
	first, last := c.local(t), c.local(t.Add(24*time.Hour-time.Nanosecond))
	return production.Interval{From: first.From, To: last.To, Rule: ruleDay}
}

// local is what a clock in the zone shows, given as if it were UTC.
func (c clock) local(t time.Time) production.Interval {
	if c.zone == nil {
		return production.Interval{From: t.Add(-ahead), To: t.Add(behind), Rule: ruleNoZone}
	}
	var all, shown []time.Time
	for _, offset := range offsets(c.zone, t) {
		at := t.Add(-time.Duration(offset) * time.Second)
		all = append(all, at)
		if _, o := at.In(c.zone).Zone(); o == offset {
			shown = append(shown, at)
		}
	}
	rule, of := ruleZone, shown
	switch len(shown) {
	case 0:
		rule, of = ruleSkipped, all
	case 1:
	default:
		rule = ruleTwice
	}
	return production.Interval{From: slices.MinFunc(of, time.Time.Compare), To: slices.MaxFunc(of, time.Time.Compare), Rule: rule}
}

// offsets lists those that a zone has within a day of t, each once.
func offsets(zone *time.Location, t time.Time) (list []int) {
	for at, last := t.Add(-24*time.Hour), t.Add(24*time.Hour); ; {
		if _, o := at.In(zone).Zone(); !slices.Contains(list, o) {
			list = append(list, o)
		}
		_, end := at.In(zone).ZoneBounds()
		if end.IsZero() || end.After(last) {
			return list
		}
		at = end
	}
}

// What PostgreSQL says, beside NULL, of an end that is open.
const (
	alwaysHeld = "-infinity"
	stillHolds = "infinity"
)

// lasted joins since and until. uncertain says why people have to look at it.
func lasted(since, until production.Interval) (i production.Interval, uncertain string) {
	i = production.Interval{From: since.From, To: until.To, Rule: ruleLasting, Raw: since.Raw + " / " + until.Raw}
	switch {
	case since.Rule == ruleUnreadable || until.Rule == ruleUnreadable:
		uncertain = "how long it held true cannot be read"
	case since.Known() && until.Known() && until.To.Before(since.From):
		uncertain = "it ends before it begins"
	}
	if uncertain != "" {
		i.From, i.To = time.Time{}, time.Time{}
	}
	return i, uncertain
}
