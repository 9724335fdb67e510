package intake

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
)

var (
	errMixed           = errors.New("from and to are of two kinds: give two instants, or two plain dates with a zone")
	errZoneForInstants = errors.New("zone is given, but from and to are instants: leave zone out, or give plain dates such as 2026-10-01")
)

// moment is a TOML date or time as it was written: with an offset, without
// one, or a plain date, which the decoder tells by the location.
type moment struct {
	time.Time
	given bool
}

// UnmarshalTOML keeps the value as it was parsed.
func (m *moment) UnmarshalTOML(v any) error {
	t, ok := v.(time.Time)
	if !ok {
		return fmt.Errorf("want a date or a time, such as 2026-11-20T09:00:00Z, without quotes")
	}
	*m = moment{t, true}
	return nil
}

func (m moment) isDate() bool { return m.Location().String() == "date-local" }

// instant refuses times without an offset and fractions of a second.
func (m moment) instant(key string) (time.Time, error) {
	switch {
	case !m.given:
		return m.Time, fmt.Errorf("%s is missing: want an instant such as 2026-11-20T09:00:00Z", key)
	case strings.HasSuffix(m.Location().String(), "-local"):
		return m.Time, fmt.Errorf("%s has no offset: want an instant such as 2026-11-20T09:00:00Z", key)
	case m.Nanosecond() != 0:
		return m.Time, fmt.Errorf("%s has fractions of a second: whole seconds only", key)
	case m.Year() < 1970 || m.UTC().Year() > 9999:
		return m.Time, fmt.Errorf("%s is in the year %d: that cannot be meant", key, m.Year())
	}
	return m.UTC(), nil
}

// in is the instant that m means: its own, or where m is a plain date, the
// first of that day in the zone.
func (m moment) in(key, zone string) (time.Time, error) {
	if !m.isDate() {
		return m.instant(key)
	}
	if zone == "" {
		return m.Time, fmt.Errorf("%s is a plain date: say in which zone it begins, such as zone = \"America/Los_Angeles\"", key)
	}
	z, err := vitrine.LoadZone(zone)
	if err != nil {
		return m.Time, err
	}
	return firstMoment(m.Year(), m.Month(), m.Day(), z), nil
}

// period is [from, to): two instants, or two plain dates in a named zone.
func period(from, to moment, zone string) (vitrine.Period, error) {
	switch {
	case from.given && to.given && from.isDate() != to.isDate():
		return vitrine.Period{}, errMixed
	case from.given && !from.isDate() && zone != "":
		return vitrine.Period{}, errZoneForInstants
	}
	begin, err := from.in("from", zone)
	if err != nil {
		return vitrine.Period{}, err
	}
	end, err := to.in("to", zone)
	if err != nil {
		return vitrine.Period{}, err
	}
	return vitrine.NewPeriod(begin, end)
}

// firstMoment is the first instant whose date in the zone is not before the
// given one: midnight, the earlier where midnight comes twice; and where the
// clocks skip midnight or the whole day, the moment to which they skip.
func firstMoment(year int, month time.Month, day int, zone *time.Location) time.Time {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	t := midnight.Add(-26 * time.Hour).In(zone) // before that day in every zone
	for {
		_, offset := t.Zone()
		begins := midnight.Add(-time.Duration(offset) * time.Second)
		if begins.Before(t) {
			begins = t
		}
		_, end := t.ZoneBounds()
		if end.IsZero() || begins.Before(end) {
			return begins
		}
		t = end
	}
}
