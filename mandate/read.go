package mandate

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
)

// ParseStatement reads a statement's text. It accepts exactly what Text
// writes.
func ParseStatement(text []byte) (Statement, error) {
	f, err := split(text, statementHead)
	if err != nil {
		return Statement{}, wrong(err)
	}
	s, err := f.statement()
	if f.err != nil { // what was missing explains what could not be read
		err = f.err
	}
	if err != nil {
		return Statement{}, wrong(err)
	}
	if s.Text() != string(text) {
		return Statement{}, wrong(fmt.Errorf("it is not in the one form that is signed"))
	}
	return s, nil
}

func wrong(err error) error {
	return vitrine.Refusef(vitrine.Unverified, "this is not a statement to be signed: %v", err)
}

func (f *fields) statement() (Statement, error) {
	s := Statement{
		Demand: vitrine.ID(f.one("demand")), Reference: f.one("reference"),
		Authority: vitrine.AuthorityID(f.one("authority")), AuthorityName: f.one("authority name"),
		Instrument: vitrine.InstrumentID(f.one("instrument")), InstrumentName: f.one("instrument name"),
		Articles: f.many("article"),
	}
	var err error
	if s.Document, err = vitrine.ParseDigest(f.one("document")); err != nil {
		return s, err
	}
	if s.Received, err = instant(f.one("received")); err != nil {
		return s, err
	}
	if err := f.scope(&s); err != nil {
		return s, err
	}
	if err := f.rules(&s); err != nil {
		return s, err
	}
	return s, s.check()
}

func (f *fields) scope(s *Statement) error {
	for _, a := range f.many("account") {
		s.Scope.Accounts = append(s.Scope.Accounts, vitrine.Account(a))
	}
	for _, c := range f.many("category") {
		s.Scope.Categories = append(s.Scope.Categories, vitrine.Category(c))
	}
	from, err := instant(strings.TrimSuffix(f.one("from"), " (included)"))
	if err != nil {
		return err
	}
	to, err := instant(strings.TrimSuffix(f.one("to"), " (not included)"))
	if err != nil {
		return err
	}
	if s.Scope.Period, err = vitrine.NewPeriod(from, to); err != nil {
		return err
	}
	if f.next() == "zone" {
		s.Scope.Zone = f.one("zone")
		if s.local, err = expanded(s.Scope.Period, f.one("from, there"), f.one("to, there")); err != nil {
			return err
		}
	}
	clock, _, _ := strings.Cut(f.one("clock"), " ")
	s.Scope.Clock = vitrine.Clock(clock)
	if f.next() == "correspondents" {
		f.one("correspondents")
	}
	s.Scope.Correspondents = f.many("correspondent")
	if f.next() == "keywords" {
		f.one("keywords")
		s.Scope.Keywords = f.many("keyword")
	}
	return nil
}

// expanded reads the two ends as they are in the zone, and checks that they
// are the same instants.
func expanded(p vitrine.Period, from, to string) (*[2]time.Time, error) {
	var local [2]time.Time
	for i, end := range [2]struct {
		text string
		at   time.Time
	}{{from, p.From()}, {to, p.To()}} {
		t, err := time.Parse(time.RFC3339, end.text)
		if err != nil || !t.Equal(end.at) {
			return nil, fmt.Errorf("%q is not %s in another zone", end.text, end.at.Format(time.RFC3339))
		}
		local[i] = t
	}
	return &local, nil
}

func (f *fields) rules(s *Statement) error {
	for _, v := range f.many("source") {
		name, rest, _ := strings.Cut(v, " ")
		kind, path, _ := strings.Cut(rest, " ")
		s.Sources = append(s.Sources, vitrine.Source{Name: name, Kind: kind, Path: path})
	}
	s.SealTo = f.many("seal to")
	var err error
	if s.Need, err = strconv.Atoi(f.one("need")); err != nil {
		return fmt.Errorf("need is not a number")
	}
	for _, v := range f.many("approver") {
		name, fingerprint, _ := strings.Cut(v, " ")
		s.Approvers = append(s.Approvers, Approver{Name: name, Fingerprint: fingerprint})
	}
	return f.end()
}

// Check refuses a statement whose text would not be read back as these values.
func (s Statement) Check() error {
	_, err := s.read(s.Text())
	return err
}

// read parses s's own text. A value that could be taken for other values, such
// as a source's name with a blank, is refused rather than read otherwise.
func (s Statement) read(text string) (Statement, error) {
	parsed, err := ParseStatement([]byte(text))
	if err == nil && !s.same(parsed) {
		err = wrong(fmt.Errorf("its text would be read as other values"))
	}
	if err != nil {
		return Statement{}, err
	}
	return parsed, nil
}

// same compares all but what the text does not carry: the approvers' keys, and
// how the ends of the period are written in the zone.
func (s Statement) same(t Statement) bool {
	words := func(s Statement) [8]string {
		return [8]string{string(s.Demand), s.Reference, string(s.Authority), s.AuthorityName, string(s.Instrument), s.InstrumentName, string(s.Scope.Clock), s.Scope.Zone}
	}
	return words(s) == words(t) && s.Document == t.Document && s.Received.Equal(t.Received) && s.Need == t.Need &&
		s.Scope.Period.From().Equal(t.Scope.Period.From()) && s.Scope.Period.To().Equal(t.Scope.Period.To()) &&
		slices.Equal(s.Articles, t.Articles) && slices.Equal(s.SealTo, t.SealTo) && slices.Equal(s.Sources, t.Sources) &&
		slices.Equal(s.Scope.Accounts, t.Scope.Accounts) && slices.Equal(s.Scope.Categories, t.Scope.Categories) &&
		slices.Equal(s.Scope.Correspondents, t.Scope.Correspondents) && slices.Equal(s.Scope.Keywords, t.Scope.Keywords) && sameApprovers(s.Approvers, t.Approvers)
}

// check refuses values that no demand, config or person can have meant.
func (s Statement) check() error {
	if _, err := vitrine.ParseID(string(s.Demand)); err != nil {
		return err
	}
	if _, err := vitrine.ParseReference(s.Reference); err != nil {
		return err
	}
	normal, err := s.Scope.Normal()
	if err != nil {
		return err
	}
	if !slices.Equal(normal.Accounts, s.Scope.Accounts) || !slices.Equal(normal.Categories, s.Scope.Categories) || !slices.Equal(normal.Correspondents, s.Scope.Correspondents) || !slices.Equal(normal.Keywords, s.Scope.Keywords) {
		return fmt.Errorf("accounts, categories, correspondents or keywords are not in their order")
	}
	if len(s.Articles) == 0 || len(s.Sources) == 0 || len(s.SealTo) == 0 {
		return fmt.Errorf("it names no article, no source or no key to seal to")
	}
	for _, src := range s.Sources {
		if _, err := vitrine.ParseName(src.Name); err != nil {
			return err
		}
		if _, err := vitrine.ParseName(src.Kind); err != nil {
			return err
		}
		if err := vitrine.Plain("path", src.Path); err != nil {
			return err
		}
	}
	return s.checkApprovers()
}

func (s Statement) checkApprovers() error {
	for _, a := range s.Approvers {
		if _, err := vitrine.ParseName(a.Name); err != nil {
			return err
		}
		digits, ok := strings.CutPrefix(a.Fingerprint, "SHA256:")
		if sum, err := base64.RawStdEncoding.Strict().DecodeString(digits); !ok || err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("approver %s: %q is not a key's fingerprint", a.Name, a.Fingerprint)
		}
	}
	return Policy{Need: s.Need, Approvers: s.Approvers}.Check()
}

// instant reads RFC 3339 in whole seconds of UTC, of the years that a period
// may have.
func instant(s string) (time.Time, error) {
	t, err := time.Parse("2006-01-02T15:04:05Z", s)
	if err != nil || t.Year() < 1970 {
		return t, fmt.Errorf("%q is not an instant: want one such as 2026-11-20T09:00:00Z", s)
	}
	return t, nil
}
