package law

import (
	"fmt"
	"time"
)

// Cadence is how one period follows another.
type Cadence string

// The cadences. Providers report by calendar halves, which have 181 to 184
// days; 50 U.S.C. § 1874(b) speaks of 180 days, which Strict180 counts from
// wherever the first period begins.
const (
	Months    Cadence = "calendar-month"
	Quarters  Cadence = "calendar-quarter"
	Halves    Cadence = "calendar-half"
	Years     Cadence = "calendar-year"
	Strict180 Cadence = "strict-180"
)

var calendar = map[Cadence]int{Months: 1, Quarters: 3, Halves: 6, Years: 12}

// Containing returns the whole calendar period in which t lies. Periods of 180
// days have no place of their own in the calendar, so for them it refuses.
func (c Cadence) Containing(t time.Time) (Period, error) {
	n, ok := calendar[c]
	if !ok {
		return Period{}, fmt.Errorf("cadence %q has no calendar", c)
	}
	t = t.UTC()
	p := months(t.Year(), (int(t.Month())-1)/n*n+1, n)
	return p, p.Check()
}

// Starting returns the period that begins on from: 180 days, or up to the next
// boundary in the calendar, which is a part of a period where from is none.
func (c Cadence) Starting(from time.Time) (Period, error) {
	if c == Strict180 {
		return NewPeriod(from, from.UTC().AddDate(0, 0, 180))
	}
	whole, err := c.Containing(from)
	if err != nil {
		return Period{}, err
	}
	return NewPeriod(from, whole.To)
}

// Next returns the period that follows p without a gap.
func (c Cadence) Next(p Period) (Period, error) { return c.Starting(p.To) }

// Whole reports whether p is a full period of the cadence.
func (c Cadence) Whole(p Period) bool {
	if c == Strict180 {
		return p.Check() == nil && p.Days() == 180
	}
	whole, err := c.Containing(p.From)
	return err == nil && whole.Equal(p)
}

// CheckPeriods refuses periods that overlap or leave a gap, naming what is
// missing. They stand in the order of time.
func CheckPeriods(periods []Period) error {
	for i, p := range periods {
		if err := p.Check(); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		switch last := periods[i-1]; {
		case p.Equal(last):
			return fmt.Errorf("%s is there twice: a period is reported once", p)
		case p.From.Before(last.To):
			return fmt.Errorf("%s and %s overlap: what both say narrows what each may say", last, p)
		case p.From.After(last.To):
			return fmt.Errorf("%s is missing between %s and %s", missing(last, p), last, p)
		}
	}
	return nil
}

// missing names the first period of the gap, in the cadence of last.
func missing(last, next Period) string {
	for _, c := range []Cadence{Years, Halves, Quarters, Months, Strict180} {
		if gap, err := c.Next(last); c.Whole(last) && err == nil && !gap.To.After(next.From) {
			return gap.Name()
		}
	}
	return last.To.Format(time.DateOnly) + " to " + next.From.AddDate(0, 0, -1).Format(time.DateOnly)
}
