// Package law says, as data, which kinds of legal process there are, what each
// may reach, and how their number may be published: one row an instrument, one
// article a category; sheets to count on, each field with its rule; the
// structures of 50 U.S.C. § 1874 with their rows, bands and delays. A scope
// wider than its instrument reaches is refused with the article, so that it can
// never be put to approvers. It decides nothing else, knows neither clock nor
// file, and is no legal advice: each row names its source, and whether that was
// read in the primary text. Sources: 18 U.S.C. §§ 2702, 2703, 2709; 50 U.S.C.
// ch. 36; Regulation (EU) 2023/1543.
package law

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
)

// Standing says how well a row is founded.
type Standing string

// The standings. A row that is not ReadInText is to be checked by counsel
// before it is relied on.
const (
	ReadInText Standing = "read in the primary text"
	Secondary  Standing = "from a secondary source"
	General    Standing = "general knowledge, to be checked by counsel"
)

// Reach says whether an instrument reaches a category of data, and under which
// article it does or does not.
type Reach struct {
	Reached bool
	Article string
	Note    string // why not, or with which limit
}

// Instrument is one kind of legal process.
type Instrument struct {
	ID           vitrine.InstrumentID
	Name         string
	Jurisdiction string // "us" or "eu"
	Issuer       string // who may issue it
	Produces     bool   // false: data is preserved and nothing is handed over
	Compels      bool   // false: the provider may answer and need not
	Reaches      map[vitrine.Category]Reach
	Regime       Regime
	Class        Class        // which of the provider's ledgers counts it
	Sheet        string       // the sheet of its demands; its own id where it is empty
	AccountSheet string       // the sheet of its accounts, where that is another one
	Secrecy      string       // what forbids to speak of it, and under which article
	Publication  string       // how its number may be published, and under which article
	Preserves    Preservation // how long, where nothing is handed over
	Source       string
	Standing     Standing
}

// Preservation says how long data is kept for a later order: so many days from
// receipt of the request, and where it is renewed, so many more from the end of
// the time before, once.
type Preservation struct {
	Days, Renewed int
	Article       string
}

// Until is the first instant at which what was preserved since a time need not
// be kept any longer, after that many renewals.
func (p Preservation) Until(since time.Time, renewals int) time.Time {
	return since.UTC().AddDate(0, 0, p.Days+renewals*p.Renewed)
}

// Renewals is how often a preservation can be renewed.
const Renewals = 1

// Lookup returns the instrument of that id.
func Lookup(id vitrine.InstrumentID) (Instrument, bool) {
	i := slices.IndexFunc(instruments, func(i Instrument) bool { return i.ID == id })
	if i < 0 {
		return Instrument{}, false
	}
	return instruments[i].copy(), true
}

// All lists every instrument, in the order of the table.
func All() []Instrument {
	all := slices.Clone(instruments)
	for i := range all {
		all[i] = all[i].copy()
	}
	return all
}

// copy keeps the table out of the caller's reach: who could write to it could
// widen what an instrument reaches.
func (i Instrument) copy() Instrument {
	i.Reaches = maps.Clone(i.Reaches)
	return i
}

// Check refuses a scope that is wider than the instrument reaches; the ground
// is the article.
func (i Instrument) Check(s vitrine.Scope) error {
	for _, c := range s.Categories {
		r, ok := i.Reaches[c]
		if ok && r.Reached {
			continue
		}
		text := fmt.Sprintf("%s: this does not reach %s data", i.Name, c)
		if r.Note != "" {
			text += " (" + r.Note + ")"
		}
		return &vitrine.Refusal{Kind: vitrine.Refused, Ground: r.Article, Text: text}
	}
	return nil
}

// A Reason is a code with which a grant may give less than was asked.
type Reason struct {
	Code string
	Says string // a sentence for letters
}

var reasons = []Reason{
	{"period-beyond-order", "The period asked for goes beyond the one that the order names."},
	{"account-not-named", "The order does not name the account."},
	{"category-not-reached", "The order does not reach this category of data."},
	{"category-not-ordered", "The order does not ask for this category of data."},
	{"not-particular", "The demand does not describe this part particularly enough."},
	{"correspondent-not-named", "The order does not name the correspondent."},
	{"data-not-held", "The provider does not hold data of this category in the systems that answer demands."},
	{"business-customer", "The data belongs to a business customer, to whom the demand is redirected."},
	{"privileged", "The data is protected by a privilege or an immunity."},
	{"court-modified", "A court modified the order."},
	{"agreed", "The authority agreed to the narrower scope."},
}

// Reasons lists the codes.
func Reasons() []Reason { return slices.Clone(reasons) }

// Says returns the sentence of a reason's code.
func Says(code string) (string, bool) {
	for _, r := range reasons {
		if r.Code == code {
			return r.Says, true
		}
	}
	return "", false
}
