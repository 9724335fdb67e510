package report

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// View is all that the pages of a site say.
type View struct {
	Provider string      // as it calls itself
	URL      string      // where the site is published; may be empty
	Reports  []Published // oldest first
}

// Published is one report of a site.
type Published struct {
	Period    law.Period // that it is about; rows of earlier periods may come with it
	Statement ledger.Statement
	Ledgers   map[ledger.Class]ledger.Chain // at least the headers that the statement names
	Version   int                           // 1, 2, …: a correction has the next one
	Words     Words
	// Stated is what auditors had said in each ledger by the statement's tree.
	Stated map[ledger.Class][]ledger.Stated
	folder string // that it is kept in, in the state directory
}

// Words are what a report says beside its statement, and nobody can check. They
// belong to one report: a correction changes them, and no other page.
type Words struct {
	Accounts    []Accounts        `json:"accounts,omitempty"` // for the periods that shares are shown of
	Comment     map[string]string `json:"comment,omitempty"`  // by language; an empty line parts paragraphs
	Contact     string            `json:"contact,omitempty"`
	Corrections []Correction      `json:"corrections,omitempty"`
	Demo        bool              `json:"demo,omitempty"`       // invented demands, witnesses that prove nothing
	LiveTicks   bool              `json:"live_ticks,omitempty"` // ticks of the running period come only while facts wait
	Petitions   []law.Petition    `json:"petitions,omitempty"`
}

// Accounts is the number of all accounts in a period, which shares are of.
type Accounts struct {
	Period string `json:"period"` // its name, as law.Period has it
	Number uint64 `json:"number"`
	Means  string `json:"means,omitempty"` // such as "open on the last day"
	// MeansIn is the same in other languages.
	MeansIn map[string]string `json:"means_in,omitempty"`
}

// Correction says what a version changed in the words of the one before.
type Correction struct {
	Version int    `json:"version"`
	Day     string `json:"day"` // 2006-01-02
	Text    string `json:"text"`
}

// Limits of words.
const (
	maxComment = 20_000 // bytes, a language
	maxLine    = 500
	maxEntries = 1_000
)

// Marshal returns the bytes of words.json, whose SHA-256 a report names.
func (w Words) Marshal() ([]byte, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(w, "", "  ")
	return append(b, '\n'), err
}

func (w Words) check() error {
	for _, a := range w.Accounts {
		if _, err := law.ParsePeriod(a.Period); err != nil || a.Number == 0 {
			return vitrine.Refusef(vitrine.Usage, "accounts of period %q: want the name of a period and a number above zero", a.Period)
		}
		for code, text := range a.MeansIn {
			if !knows(code) || text == "" || a.Means == "" {
				return vitrine.Refusef(vitrine.Usage, "what accounts of period %q are, in %q: want a text in fr or de, beside the one that stands for all", a.Period, code)
			}
			if err := plain("what accounts are", text); err != nil {
				return err
			}
		}
		if err := plain("what accounts are", a.Means); err != nil {
			return err
		}
	}
	for i, c := range w.Corrections {
		if _, err := time.Parse(time.DateOnly, c.Day); err != nil || c.Version != i+2 {
			return vitrine.Refusef(vitrine.Usage, "correction %d is of version %d and of %q: want versions from 2 on, in order, and a day such as 2027-01-31", i+1, c.Version, c.Day)
		}
		if err := plain("a correction", c.Text); err != nil {
			return err
		}
	}
	for _, p := range w.Petitions {
		if err := p.Check(); err != nil {
			return fmt.Errorf("read petition: %w", err)
		}
	}
	if len(w.Accounts)+len(w.Corrections)+len(w.Petitions) > maxEntries {
		return vitrine.Refusef(vitrine.Usage, "a report has at most %d words of each kind", maxEntries)
	}
	for code, text := range w.Comment {
		if !knows(code) {
			return vitrine.Refusef(vitrine.Usage, "a comment in %q: want one of en, fr and de", code)
		}
		if err := prose(text); err != nil {
			return err
		}
	}
	return plain("the contact", w.Contact)
}

func plain(what, s string) error {
	if len(s) > maxLine {
		return vitrine.Refusef(vitrine.Usage, "%s has more than %d bytes", what, maxLine)
	}
	if err := vitrine.Plain(what, s); err != nil {
		return &vitrine.Refusal{Kind: vitrine.Usage, Text: err.Error()}
	}
	return nil
}

func prose(s string) error {
	hidden := func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }
	if len(s) > maxComment || !utf8.ValidString(s) || strings.ContainsFunc(s, hidden) {
		return vitrine.Refusef(vitrine.Usage, "a comment has at most %d bytes of UTF-8, all of which can be seen", maxComment)
	}
	return nil
}

// share is the number of accounts that shares of a period are taken of.
func (w Words) share(period string) (Accounts, bool) {
	for _, a := range w.Accounts {
		if a.Period == period {
			return a, true
		}
	}
	return Accounts{}, false
}

var reportName = regexp.MustCompile(`^[a-zA-Z0-9-]{1,64}$`)

// checked is the view with its periods in the form that can be compared.
func (v View) checked() (View, error) {
	if err := v.check(); err != nil {
		return v, err
	}
	v.Reports = slices.Clone(v.Reports)
	for i, p := range v.Reports {
		v.Reports[i].Period, _ = law.NewPeriod(p.Period.From, p.Period.To) // check refused it before
	}
	return v, nil
}

func (v View) check() error {
	for _, text := range []string{v.Provider, v.URL} {
		if err := plain("the provider's name or URL", text); err != nil {
			return err
		}
	}
	if v.Provider == "" {
		return vitrine.Refusef(vitrine.Usage, "the provider has no name")
	}
	seen := map[string]bool{}
	for i, p := range v.Reports {
		s := p.Statement
		switch {
		case !reportName.MatchString(s.Name) || seen[s.Name]:
			return fmt.Errorf("read reports: name %q is malformed, or there twice", s.Name)
		case s.Number != uint64(i):
			return fmt.Errorf("read reports: %s has number %d in place %d", s.Name, s.Number, i)
		}
		seen[s.Name] = true
		if err := p.check(); err != nil {
			return fmt.Errorf("read report %s: %w", s.Name, err)
		}
	}
	return nil
}

func (p Published) check() error {
	if err := p.Period.Check(); err != nil {
		return err
	}
	if len(p.Statement.Ledgers) == 0 {
		return fmt.Errorf("it names no ledger")
	}
	for _, s := range p.Statement.Ledgers {
		if len(s.Headers) == 0 || len(p.Ledgers[s.Class]) < len(s.Headers) {
			return fmt.Errorf("ledger %s: it names %d headers, %d are there", s.Class, len(s.Headers), len(p.Ledgers[s.Class]))
		}
		for i, h := range s.Headers {
			if p.Ledgers[s.Class][i].Hash != h {
				return fmt.Errorf("ledger %s: header %d is another one", s.Class, i)
			}
		}
	}
	if p.Version != 1+len(p.Words.Corrections) {
		return vitrine.Refusef(vitrine.Usage, "it is version %d and names %d corrections: each version but the first has one, which says what changed", p.Version, len(p.Words.Corrections))
	}
	return p.Words.check()
}

// chain is the headers of a class that the statement names.
func (p Published) chain(c ledger.Class) ledger.Chain {
	for _, s := range p.Statement.Ledgers {
		if s.Class == c {
			return p.Ledgers[c][:len(s.Headers)]
		}
	}
	return nil
}
