// Package authority says who is asking. It keeps the directory of authorities
// (name, jurisdiction, the keys that productions are sealed to) and checks a
// submission against it. It refuses whoever is not in the directory; it does
// not yet check signatures or call back, and says nothing about the law.
package authority

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/production"
)

// maxSkew is how far a submission's time of receipt may lie ahead of the clock.
const maxSkew = 5 * time.Minute

// Entry is one authority.
type Entry struct {
	ID           vitrine.AuthorityID
	Name         string
	Jurisdiction string   // "us", "eu"; "" where the id's first part says it
	SealTo       []string // age recipients
	Language     string   // of letters: "en", "fr", "de"; "" is "en"
	// PreservedBy are the other authorities whose preserved data its demands are
	// answered from.
	PreservedBy []vitrine.AuthorityID
}

// State is the member state under whose name the authority is counted, or "us".
func (e Entry) State() string {
	if e.Jurisdiction != "" {
		return e.Jurisdiction
	}
	j, _, _ := strings.Cut(string(e.ID), "-")
	return j
}

// jurisdiction is the entry's, or the first part of its id; the member states
// are the EU's.
func (e Entry) jurisdiction() string {
	j := e.State()
	if slices.Contains(strings.Fields(memberStates), j) {
		return "eu"
	}
	return j
}

// memberStates are bound by Regulation (EU) 2023/1543: all but Denmark.
const memberStates = "at be bg cy cz de ee es fi fr gr hr hu ie it lt lu lv mt nl pl pt ro se si sk"

// Directory is the list of authorities that may ask.
type Directory struct{ entries []Entry }

// NewDirectory checks the entries: names that can be told apart, keys that
// something can be sealed to, no key that two authorities share.
func NewDirectory(entries []Entry) (Directory, error) {
	var d Directory
	owner := map[string]vitrine.AuthorityID{}
	for _, e := range entries {
		if err := e.check(); err != nil {
			return d, err
		}
		if _, twice := d.Find(e.ID); twice {
			return d, fmt.Errorf("two entries have the id %q", e.ID)
		}
		for _, s := range e.SealTo {
			switch other, taken := owner[s]; {
			case taken && other == e.ID:
				return d, fmt.Errorf("%q has a key twice in seal_to: keep one", e.ID)
			case taken:
				return d, fmt.Errorf("%q and %q have the same key in seal_to: one could open what is meant for the other", other, e.ID)
			}
			owner[s] = e.ID
		}
		d.entries = append(d.entries, e)
	}
	return d, nil
}

// check looks at an entry by itself.
func (e Entry) check() error {
	if _, err := vitrine.ParseName(string(e.ID)); err != nil {
		return err
	}
	switch j := e.jurisdiction(); {
	case e.Name == "":
		return fmt.Errorf("%q has no name: want the one that stands in letters", e.ID)
	case e.Jurisdiction != "" && !slices.ContainsFunc(law.All(), func(i law.Instrument) bool { return i.Jurisdiction == j }):
		return fmt.Errorf("%q has the jurisdiction %q: want us, eu, or a member state such as de", e.ID, e.Jurisdiction)
	case !slices.Contains([]string{"", "en", "fr", "de"}, e.Language):
		return fmt.Errorf("%q has the language %q: want en, fr or de", e.ID, e.Language)
	case len(e.SealTo) == 0:
		return fmt.Errorf("%q has no seal_to: want the authority's own age recipient, taken from the authority itself", e.ID)
	}
	if err := vitrine.Plain("the name of authority", e.Name); err != nil {
		return err
	}
	for _, s := range e.SealTo {
		if _, err := production.ParseRecipient(s); err != nil {
			return fmt.Errorf("%q: seal_to: %w", e.ID, err)
		}
	}
	return nil
}

// Find returns the entry of that id.
func (d Directory) Find(id vitrine.AuthorityID) (Entry, bool) {
	for _, e := range d.entries {
		if e.ID == id {
			return e, true
		}
	}
	return Entry{}, false
}

// The codes of findings.
const (
	Known        = vitrine.UnknownAuthority
	Jurisdiction = "jurisdiction"
	Received     = "received"
)

// Check says what was found about who asks. The first finding that is not OK
// ends the checks.
func (d Directory) Check(sub vitrine.Submission, now time.Time) []vitrine.Finding {
	e, known := d.Find(sub.Authority)
	if !known {
		return []vitrine.Finding{{Code: Known, Text: fmt.Sprintf("authority %q is not in the directory: whoever keeps it must know the authority before it can be answered", sub.Authority)}}
	}
	found := []vitrine.Finding{{Code: Known, OK: true, Text: fmt.Sprintf("%s is in the directory of authorities.", e.Name)}}
	i, ok := law.Lookup(sub.Instrument)
	switch {
	case !ok:
		return append(found, vitrine.Finding{Code: Jurisdiction, Text: fmt.Sprintf("instrument %q is not known: want one of %s", sub.Instrument, instruments())})
	case i.Jurisdiction != e.jurisdiction():
		return append(found, vitrine.Finding{Code: Jurisdiction, Text: fmt.Sprintf("%s cannot issue this instrument (%s): it acts under the law of %q, the instrument is one of %q", e.Name, i.Name, e.jurisdiction(), i.Jurisdiction)})
	}
	found = append(found, vitrine.Finding{Code: Jurisdiction, OK: true, Text: says(i)})
	if sub.Received.After(now.Add(maxSkew)) {
		return append(found, vitrine.Finding{Code: Received, Text: fmt.Sprintf("the demand says it was received at %s, which is still to come: correct received, or the clock", sub.Received.Format(time.RFC3339))})
	}
	return append(found, vitrine.Finding{Code: Received, OK: true, Text: fmt.Sprintf("It was received at %s.", sub.Received.Format(time.RFC3339))})
}

// says what a reviewer must know of an instrument.
func says(i law.Instrument) string {
	text := fmt.Sprintf("It can issue the instrument: %s, by %s.", i.Name, i.Issuer)
	if !i.Compels {
		text += " It does not compel: the provider may answer, and need not."
	}
	return text + fmt.Sprintf(" Source: %s, %s.", i.Source, i.Standing)
}

func instruments() string {
	var ids []string
	for _, i := range law.All() {
		ids = append(ids, string(i.ID))
	}
	return strings.Join(ids, ", ")
}

// Ground is the refusal for the finding that is not OK; nil if all are.
func Ground(findings []vitrine.Finding) *vitrine.Refusal {
	for _, f := range findings {
		if !f.OK {
			return &vitrine.Refusal{Kind: vitrine.Refused, Ground: f.Code, Text: f.Text}
		}
	}
	return nil
}
