package mandate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
)

// maxText bounds a statement or ruling, in bytes.
const maxText = 4 << 20

// Statement is everything that approvers approve: what is collected, whose,
// from where, under what, and to whose key it is sealed.
type Statement struct {
	Demand         vitrine.ID
	Reference      string
	Authority      vitrine.AuthorityID
	AuthorityName  string
	Instrument     vitrine.InstrumentID
	InstrumentName string
	Articles       []string
	Document       vitrine.Digest
	Received       time.Time // whole seconds, UTC
	Scope          vitrine.Scope
	Sources        []vitrine.Source
	SealTo         []string // fingerprints of the authority's keys
	Need           int
	Approvers      []Approver
	// local holds the offsets that a parsed text gives for the ends of its
	// period in the scope's zone, so that a later time-zone database does not
	// read an old text otherwise.
	local *[2]time.Time
}

const statementHead = `Vitrine mandate, version 1

Whoever signs this text approves that the data described here, and no other,
is collected from the named sources and handed over, sealed to the named keys.

`

// Text is the one text that is signed: spec/mandate.md.
func (s Statement) Text() string {
	var b strings.Builder
	b.WriteString(statementHead)
	line := func(key, value string) { fmt.Fprintf(&b, "%-18s %s\n", key+":", value) }
	lines := func(key string, values []string) {
		for _, v := range values {
			line(key, v)
		}
	}
	line("demand", string(s.Demand))
	line("reference", s.Reference)
	line("authority", string(s.Authority))
	line("authority name", s.AuthorityName)
	line("instrument", string(s.Instrument))
	line("instrument name", s.InstrumentName)
	lines("article", s.Articles)
	line("document", s.Document.String())
	line("received", s.Received.UTC().Format(time.RFC3339))
	b.WriteByte('\n')
	s.scopeLines(line)
	b.WriteByte('\n')
	for _, src := range s.Sources {
		line("source", src.Name+" "+src.Kind+" "+src.Path)
	}
	lines("seal to", s.SealTo)
	line("need", strconv.Itoa(s.Need))
	for _, a := range s.Approvers {
		line("approver", a.Name+" "+a.Fingerprint)
	}
	return b.String()
}

// clockSays explains a clock to whoever signs.
var clockSays = map[vitrine.Clock]string{
	vitrine.ClockReceived: "received (the store's own record of arrival)",
	vitrine.ClockSent:     "sent (the sender's Date header)",
}

func (s Statement) scopeLines(line func(key, value string)) {
	for _, a := range s.Scope.Accounts {
		line("account", string(a))
	}
	for _, c := range s.Scope.Categories {
		line("category", string(c))
	}
	line("from", s.Scope.Period.From().Format(time.RFC3339)+" (included)")
	line("to", s.Scope.Period.To().Format(time.RFC3339)+" (not included)")
	if s.Scope.Zone != "" {
		from, to := s.expansion()
		line("zone", s.Scope.Zone)
		line("from, there", from.Format(time.RFC3339))
		line("to, there", to.Format(time.RFC3339))
	}
	line("clock", clockSays[s.Scope.Clock])
	if len(s.Scope.Correspondents) == 0 {
		line("correspondents", "any")
	}
	for _, c := range s.Scope.Correspondents {
		line("correspondent", c)
	}
}

// expansion is the period's ends in the scope's zone.
func (s Statement) expansion() (from, to time.Time) {
	if s.local != nil {
		return s.local[0], s.local[1]
	}
	zone, err := vitrine.LoadZone(s.Scope.Zone)
	if err != nil {
		zone = time.UTC // ParseStatement refuses the zone
	}
	return s.Scope.Period.From().In(zone), s.Scope.Period.To().In(zone)
}

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

// Check refuses a statement whose text could not be read back.
func (s Statement) Check() error {
	_, err := ParseStatement([]byte(s.Text()))
	return err
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
	if !slices.Equal(normal.Accounts, s.Scope.Accounts) || !slices.Equal(normal.Categories, s.Scope.Categories) || !slices.Equal(normal.Correspondents, s.Scope.Correspondents) {
		return fmt.Errorf("accounts, categories or correspondents are not in their order")
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
	}
	for _, a := range s.Approvers {
		if _, err := vitrine.ParseName(a.Name); err != nil {
			return err
		}
	}
	if s.Need < 1 || s.Need > len(s.Approvers) {
		return fmt.Errorf("need is %d of %d approvers", s.Need, len(s.Approvers))
	}
	return nil
}

// instant reads RFC 3339 in whole seconds of UTC.
func instant(s string) (time.Time, error) {
	t, err := time.Parse("2006-01-02T15:04:05Z", s)
	if err != nil {
		return t, fmt.Errorf("%q is not an instant: want one such as 2026-11-20T09:00:00Z", s)
	}
	return t, nil
}
