package mandate

import (
	"fmt"
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

// keywordsSay explains keywords to whoever signs.
const keywordsSay = "only items that say one of these, as a whole word or phrase, in text, subject or file name; what cannot be searched is for people to decide"

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
	// A text without keywords says nothing of them, so that every text that was
	// signed before there were any stays as it is.
	if len(s.Scope.Keywords) > 0 {
		line("keywords", keywordsSay)
	}
	for _, k := range s.Scope.Keywords {
		line("keyword", k)
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
