// Package intake turns hostile bytes into what was asked, granted or decided:
// a demand file, a grant file, a decisions file, each in TOML. What it returns
// is whole and in its one form; everything else is refused with the key that
// is wrong and what to write instead. It touches no file.
package intake

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/vitrine-project/vitrine"
)

// MaxFile bounds each file, in bytes.
const MaxFile = 1 << 20

// Demand is a demand file: what was asked, and where its document lies,
// relative to the file.
type Demand struct {
	Submission   vitrine.Submission
	DocumentPath string
}

type demandFile struct {
	Reference      string   `toml:"reference"`
	Authority      string   `toml:"authority"`
	Instrument     string   `toml:"instrument"`
	Document       string   `toml:"document"`
	Received       moment   `toml:"received"`
	Accounts       []string `toml:"accounts"`
	Categories     []string `toml:"categories"`
	From           moment   `toml:"from"`
	To             moment   `toml:"to"`
	Zone           string   `toml:"zone"`
	Clock          string   `toml:"clock"`
	Correspondents []string `toml:"correspondents"`
}

// moment is a TOML date or time that remembers, by its location, which of the
// two it was, and whether it had an offset.
type moment struct{ time.Time }

// UnmarshalTOML keeps the value as it was parsed.
func (m *moment) UnmarshalTOML(v any) error {
	t, ok := v.(time.Time)
	if !ok {
		return fmt.Errorf("want a date or a time, such as 2026-11-20T09:00:00Z, without quotes")
	}
	m.Time = t
	return nil
}

// ParseDemand reads a demand file. The submission's document has its name but
// not yet its size and digest.
func ParseDemand(b []byte) (Demand, error) {
	var f demandFile
	if err := Decode(b, &f); err != nil {
		return Demand{}, err
	}
	d, err := f.demand()
	return d, usage(err)
}

func (f demandFile) demand() (Demand, error) {
	var d Demand
	reference, err := vitrine.ParseReference(f.Reference)
	if err != nil {
		return d, err
	}
	if f.Authority == "" || f.Instrument == "" {
		return d, fmt.Errorf("authority or instrument is missing: an entry of the directory, and what it sent, such as \"us/search-warrant\"")
	}
	for key, v := range map[string]string{"authority": f.Authority, "instrument": f.Instrument, "document": f.Document} {
		if err := vitrine.Plain(key, v); err != nil {
			return d, err
		}
	}
	if f.Document == "" || len(f.Document) > 4096 {
		return d, fmt.Errorf("document is missing: the path of the paper that came with the demand, relative to this file")
	}
	received, err := instant("received", f.Received.Time)
	if err != nil {
		return d, err
	}
	scope, err := f.scope()
	if err != nil {
		return d, err
	}
	name := f.Document[strings.LastIndexAny(f.Document, `/\`)+1:]
	if name == "" {
		return d, fmt.Errorf("document %q is a directory: give the paper's own path", f.Document)
	}
	return Demand{DocumentPath: f.Document, Submission: vitrine.Submission{
		Reference: reference, Authority: vitrine.AuthorityID(f.Authority), Instrument: vitrine.InstrumentID(f.Instrument),
		Document: vitrine.Document{Name: name}, Received: received, Asked: scope,
	}}, nil
}

func (f demandFile) scope() (vitrine.Scope, error) {
	s := vitrine.Scope{Clock: vitrine.Clock(f.Clock), Zone: f.Zone, Correspondents: f.Correspondents}
	for _, a := range f.Accounts {
		s.Accounts = append(s.Accounts, vitrine.Account(a))
	}
	for _, c := range f.Categories {
		s.Categories = append(s.Categories, vitrine.Category(c))
	}
	if len(s.Accounts) > 0 && len(s.Categories) > 0 { // Normal says what is missing there first
		var err error
		if s.Period, err = period(f.From.Time, f.To.Time, f.Zone); err != nil {
			return s, err
		}
	}
	return s.Normal()
}

// period is [from, to): two instants, or two plain dates in a named zone, each
// meaning the first moment of that day there.
func period(from, to time.Time, zone string) (vitrine.Period, error) {
	ends := [2]time.Time{from, to}
	plain := 0
	for i, t := range ends {
		key := [2]string{"from", "to"}[i]
		if isDate(t) {
			plain++
			continue
		}
		var err error
		if ends[i], err = instant(key, t); err != nil {
			return vitrine.Period{}, err
		}
	}
	switch {
	case plain == 1:
		return vitrine.Period{}, fmt.Errorf("from and to are of two kinds: give two instants, or two plain dates with a zone")
	case plain == 0 && zone != "":
		return vitrine.Period{}, fmt.Errorf("zone is given, but from and to are instants: leave zone out, or give plain dates such as 2026-10-01")
	case plain == 2 && zone == "":
		return vitrine.Period{}, fmt.Errorf("from and to are plain dates: say in which zone they begin, such as zone = \"America/Los_Angeles\"")
	case plain == 2:
		z, err := vitrine.LoadZone(zone)
		if err != nil {
			return vitrine.Period{}, err
		}
		for i, t := range ends {
			ends[i] = firstMoment(t.Year(), t.Month(), t.Day(), z)
		}
	}
	return vitrine.NewPeriod(ends[0], ends[1])
}

// firstMoment is the first instant of a civil day in a zone: midnight, or
// where the clocks skip midnight, the moment to which they skip.
func firstMoment(y int, m time.Month, d int, z *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, z)
	for t.Day() != d || t.Month() != m { // time.Date may give the hour before a skipped midnight
		t = t.Add(15 * time.Minute)
	}
	// Where midnight comes twice, the earlier one begins the day.
	if earlier := t.Add(-time.Hour); earlier.Day() == d && earlier.Month() == m {
		t = earlier
	}
	return t
}

func isDate(t time.Time) bool { return t.Location().String() == "date-local" }

// instant refuses times without an offset and fractions of a second.
func instant(key string, t time.Time) (time.Time, error) {
	switch {
	case t.IsZero():
		return t, fmt.Errorf("%s is missing: want an instant such as 2026-11-20T09:00:00Z", key)
	case strings.HasSuffix(t.Location().String(), "-local"):
		return t, fmt.Errorf("%s has no offset: want an instant such as 2026-11-20T09:00:00Z", key)
	case t.Nanosecond() != 0:
		return t, fmt.Errorf("%s has fractions of a second: whole seconds only", key)
	case t.Year() < 1970 || t.UTC().Year() > 9999:
		return t, fmt.Errorf("%s is in the year %d: that cannot be meant", key, t.Year())
	}
	return t.UTC(), nil
}

// Decode reads TOML into v; a key that v does not have is an error.
func Decode(b []byte, v any) error {
	if len(b) > MaxFile {
		return vitrine.Refusef(vitrine.Usage, "the file is %d bytes long: at most %d", len(b), MaxFile)
	}
	meta, err := toml.NewDecoder(bytes.NewReader(b)).Decode(v)
	var syntax toml.ParseError
	switch {
	case errors.As(err, &syntax):
		return vitrine.Refusef(vitrine.Usage, "line %d: %s", syntax.Position.Line, syntax.Message)
	case err != nil:
		return vitrine.Refusef(vitrine.Usage, "%v", err)
	case len(meta.Undecoded()) > 0:
		return vitrine.Refusef(vitrine.Usage, "key %q is not known: correct it or take it out", meta.Undecoded()[0])
	}
	return nil
}

// usage makes an error about a file's content one for its writer.
func usage(err error) error {
	var r *vitrine.Refusal
	if err == nil || errors.As(err, &r) {
		return err
	}
	return vitrine.Refusef(vitrine.Usage, "%v", err)
}
