package law

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxDays is the longest period that has a name.
const maxDays = 3660

// Period is whole days of UTC that are reported together: From is the first
// instant inside, To the first after. NewPeriod, ParsePeriod and Cadence make
// periods that can be compared with ==.
type Period struct{ From, To time.Time }

// NewPeriod returns [from, to), or says why that is no reporting period.
func NewPeriod(from, to time.Time) (Period, error) {
	p := Period{from.UTC().Round(0), to.UTC().Round(0)}
	return p, p.Check()
}

// Check refuses a period that is empty, too long, or not of whole days.
func (p Period) Check() error {
	switch {
	case !midnight(p.From) || !midnight(p.To):
		return fmt.Errorf("a period goes from midnight to midnight UTC, not from %s to %s", p.From.Format(time.RFC3339), p.To.Format(time.RFC3339))
	case !p.From.Before(p.To):
		return fmt.Errorf("the period from %s to %s is empty", p.From.Format(time.DateOnly), p.To.Format(time.DateOnly))
	case p.From.Year() < 1970 || p.To.Year() > 9999:
		return fmt.Errorf("the period from %s to %s reaches outside the years 1970 to 9999", p.From.Format(time.DateOnly), p.To.Format(time.DateOnly))
	case p.Days() > maxDays:
		return fmt.Errorf("the period from %s to %s is longer than %d days", p.From.Format(time.DateOnly), p.To.Format(time.DateOnly), maxDays)
	}
	return nil
}

func midnight(t time.Time) bool { return t.Equal(day(t.UTC().Date())) }

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// Days is the length.
func (p Period) Days() int { return int(p.To.Sub(p.From) / (24 * time.Hour)) }

// Equal reports whether both are the same days.
func (p Period) Equal(q Period) bool { return p.From.Equal(q.From) && p.To.Equal(q.To) }

// Name is "2026", "2026-H1", "2026-Q1" or "2026-03" for a whole year, half,
// quarter or month, else the first day and the number of days, such as
// "2026-03-15-180d".
func (p Period) Name() string {
	from := p.From.UTC()
	year, month := from.Year(), int(from.Month())
	switch {
	case Years.Whole(p):
		return fmt.Sprintf("%04d", year)
	case Halves.Whole(p):
		return fmt.Sprintf("%04d-H%d", year, (month+5)/6)
	case Quarters.Whole(p):
		return fmt.Sprintf("%04d-Q%d", year, (month+2)/3)
	case Months.Whole(p):
		return fmt.Sprintf("%04d-%02d", year, month)
	}
	return fmt.Sprintf("%s-%dd", from.Format(time.DateOnly), p.Days())
}

// String is the name.
func (p Period) String() string { return p.Name() }

// ParsePeriod accepts exactly what Name writes.
func ParsePeriod(name string) (Period, error) {
	p, ok := parsePeriod(name)
	if !ok || p.Check() != nil || p.Name() != name {
		return Period{}, fmt.Errorf("%q is not the name of a period: want 2026, 2026-H1, 2026-Q1, 2026-03, or a first day and a number of days such as 2026-03-15-180d", name)
	}
	return p, nil
}

// parsePeriod reads loosely; ParsePeriod compares with what Name writes.
func parsePeriod(name string) (Period, bool) {
	head, last, cut := strings.Cut(name, "-")
	year, err := strconv.Atoi(head)
	if err != nil || year < 1970 || year > 9999 {
		return Period{}, false
	}
	var n int
	switch {
	case !cut:
		return months(year, 1, 12), true
	case strings.HasSuffix(last, "d"):
		i := strings.LastIndexByte(name, '-')
		from, err := time.Parse(time.DateOnly, name[:i])
		n, nerr := strconv.Atoi(strings.TrimSuffix(name[i+1:], "d"))
		return Period{from, from.AddDate(0, 0, min(n, maxDays+1))}, err == nil && nerr == nil && n > 0
	case strings.HasPrefix(last, "H"):
		n, err = strconv.Atoi(last[1:])
		return months(year, 6*n-5, 6), err == nil && n >= 1 && n <= 2
	case strings.HasPrefix(last, "Q"):
		n, err = strconv.Atoi(last[1:])
		return months(year, 3*n-2, 3), err == nil && n >= 1 && n <= 4
	}
	n, err = strconv.Atoi(last)
	return months(year, n, 1), err == nil && n >= 1 && n <= 12
}

func months(year, first, n int) Period {
	from := day(year, time.Month(first), 1)
	return Period{from, from.AddDate(0, n, 0)}
}

// MarshalText writes the name.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.Name()), p.Check() }

// UnmarshalText accepts what ParsePeriod does.
func (p *Period) UnmarshalText(b []byte) error {
	q, err := ParsePeriod(string(b))
	if err == nil {
		*p = q
	}
	return err
}
