package vitrine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a scope.
const (
	MaxAccounts       = 1000
	MaxCorrespondents = 1000
	MaxKeywords       = 100
	MinKeyword        = 2 // characters
	MaxKeyword        = 200
)

// Period is a half-open interval of instants, [From, To), in whole seconds of
// UTC. The zero Period is not valid.
type Period struct{ from, to time.Time }

// NewPeriod returns [from, to). It refuses an empty period, years outside
// 1970–9999 and fractions of a second.
func NewPeriod(from, to time.Time) (Period, error) {
	from, to = from.UTC(), to.UTC()
	if from.Nanosecond() != 0 || to.Nanosecond() != 0 {
		return Period{}, fmt.Errorf("the period has fractions of a second: whole seconds only")
	}
	if !from.Before(to) {
		return Period{}, fmt.Errorf("from (%s) is not before to (%s): the period is empty", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	if from.Year() < 1970 || to.Year() > 9999 {
		return Period{}, fmt.Errorf("the period reaches outside the years 1970 to 9999")
	}
	return Period{from, to}, nil
}

// From is the first instant inside.
func (p Period) From() time.Time { return p.from }

// To is the first instant after the period.
func (p Period) To() time.Time { return p.to }

// Contains reports whether t lies inside.
func (p Period) Contains(t time.Time) bool { return !t.Before(p.from) && t.Before(p.to) }

// Covers reports whether all of q lies inside p.
func (p Period) Covers(q Period) bool { return !q.from.Before(p.from) && !q.to.After(p.to) }

func (p Period) String() string {
	return "[" + p.from.Format(time.RFC3339) + ", " + p.to.Format(time.RFC3339) + ")"
}

type periodJSON struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// MarshalJSON writes {"from","to"} in RFC 3339.
func (p Period) MarshalJSON() ([]byte, error) { return json.Marshal(periodJSON{p.from, p.to}) }

// UnmarshalJSON reads what MarshalJSON writes and checks it.
func (p *Period) UnmarshalJSON(b []byte) error {
	var v periodJSON
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	q, err := NewPeriod(v.From, v.To)
	if err == nil {
		*p = q
	}
	return err
}

// Scope says exactly which items a demand, a grant or a mandate reaches.
type Scope struct {
	Accounts   []Account  `json:"accounts"`   // sorted, without repeats
	Categories []Category `json:"categories"` // in the order of Categories
	Period     Period     `json:"period"`
	Clock      Clock      `json:"clock"`
	// Zone is the IANA zone in which the demand gave plain dates, "" where it
	// gave instants. Period already holds the expansion.
	Zone string `json:"zone,omitempty"`
	// Correspondents narrows to messages with one of these addresses, in lower
	// case, in From, Sender, To, Cc, Bcc or Resent-*. Empty: any.
	Correspondents []string `json:"correspondents,omitempty"`
	// Keywords narrows to items that say one of these, as a whole word or
	// phrase, each in its folded form: spec/mandate.md. Empty: any.
	Keywords []string `json:"keywords,omitempty"`
}

// Normal returns s with its lists sorted and without repeats, or the reason
// why it is no scope.
func (s Scope) Normal() (Scope, error) {
	if len(s.Accounts) == 0 {
		return s, fmt.Errorf("no account is named: a demand names each account by itself")
	}
	if len(s.Accounts) > MaxAccounts {
		return s, fmt.Errorf("%d accounts are named: at most %d in one demand", len(s.Accounts), MaxAccounts)
	}
	if len(s.Categories) == 0 {
		return s, fmt.Errorf("no category is named: want one or more of subscriber, identity, traffic, content")
	}
	if len(s.Correspondents) > MaxCorrespondents {
		return s, fmt.Errorf("%d correspondents are named: at most %d", len(s.Correspondents), MaxCorrespondents)
	}
	if len(s.Keywords) > MaxKeywords {
		return s, fmt.Errorf("%d keywords are named: at most %d", len(s.Keywords), MaxKeywords)
	}
	accounts := slices.Clone(s.Accounts)
	for _, a := range accounts {
		if _, err := ParseAccount(string(a)); err != nil {
			return s, err
		}
	}
	slices.Sort(accounts)
	s.Accounts = slices.Compact(accounts)
	var categories []Category
	for _, c := range Categories {
		if slices.Contains(s.Categories, c) {
			categories = append(categories, c)
		}
	}
	for _, c := range s.Categories {
		if _, err := ParseCategory(string(c)); err != nil {
			return s, err
		}
	}
	s.Categories = categories
	if _, err := NewPeriod(s.Period.from, s.Period.to); err != nil {
		return s, err
	}
	clock, err := ParseClock(string(s.Clock))
	if err != nil {
		return s, err
	}
	s.Clock = clock
	if s.Zone != "" {
		if _, err := LoadZone(s.Zone); err != nil {
			return s, err
		}
	}
	if s.Correspondents, err = ordered(s.Correspondents, ParseCorrespondent); err != nil {
		return s, err
	}
	s.Keywords, err = ordered(s.Keywords, ParseKeyword)
	return s, err
}

// ordered returns the parsed values sorted and without repeats, nil for none.
func ordered(values []string, parse func(string) (string, error)) ([]string, error) {
	var all []string
	for _, v := range values {
		p, err := parse(v)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Unspecific is the ground on which a demand for everybody is refused.
const Unspecific = "unspecific"

// Specific refuses a scope that does not say whose data it reaches.
func (s Scope) Specific() error {
	for _, a := range s.Accounts {
		if a.Everybody() {
			return &Refusal{Kind: Refused, Ground: Unspecific, Text: fmt.Sprintf("the demand asks for %q and not for specific accounts: a demand names each account by itself", a)}
		}
	}
	return nil
}

// LoadZone returns the IANA zone of that name; "Local" and paths are refused.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/") {
		return nil, fmt.Errorf("zone %q is not a zone's name: want one such as America/Los_Angeles or UTC", name)
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("zone %q is not known: want a name such as America/Los_Angeles or UTC", name)
	}
	return z, nil
}

// ParseCorrespondent returns an address (local@domain, RFC 5321 without
// quoting) in lower case. Patterns are refused.
func ParseCorrespondent(s string) (string, error) {
	if err := Plain("correspondent", s); err != nil {
		return "", err
	}
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(s, ` *?%<>()[]\,;:"`) || strings.Contains(domain, "@") || len(s) > 320 {
		return "", fmt.Errorf("correspondent %q is not an address: want one such as name@example.org", s)
	}
	return strings.ToLower(s), nil
}

// ParseKeyword returns s if it can stand as a keyword. It does not fold it:
// whoever searches does that, whatever was signed.
func ParseKeyword(s string) (string, error) {
	if err := Plain("keyword", s); err != nil {
		return "", err
	}
	if n := utf8.RuneCountInString(s); n < MinKeyword || n > MaxKeyword {
		return "", fmt.Errorf("keyword %q has %d characters: want %d to %d", s, n, MinKeyword, MaxKeyword)
	}
	if strings.ContainsAny(s, `*"`) {
		return "", fmt.Errorf("keyword %q is a pattern: a keyword is a word or phrase without quotes or *; name each form of the word by itself", s)
	}
	return s, nil
}

// Difference is one respect in which a grant gives less than was asked.
type Difference struct {
	Field   string `json:"field"` // accounts, categories, from, to, correspondents, keywords
	Asked   string `json:"asked"`
	Granted string `json:"granted"`
	Reason  string `json:"reason"` // a code of law.Reasons
}

// Narrowed lists in which fields granted differs from s, or returns an error
// if granted reaches anything that s does not.
func (s Scope) Narrowed(granted Scope) ([]Difference, error) {
	var ds []Difference
	differ := func(field, asked, given string) {
		if asked != given {
			ds = append(ds, Difference{Field: field, Asked: asked, Granted: given})
		}
	}
	for _, a := range granted.Accounts {
		if !slices.Contains(s.Accounts, a) {
			return nil, fmt.Errorf("the grant names account %q, which was not asked for", a)
		}
	}
	for _, c := range granted.Categories {
		if !slices.Contains(s.Categories, c) {
			return nil, fmt.Errorf("the grant names category %q, which was not asked for", c)
		}
	}
	if !s.Period.Covers(granted.Period) {
		return nil, fmt.Errorf("the granted period %s reaches outside the period asked for, %s", granted.Period, s.Period)
	}
	if granted.Clock != s.Clock {
		return nil, fmt.Errorf("the grant goes by the clock %q, the demand by %q: another clock is another scope, not a smaller one", granted.Clock, s.Clock)
	}
	if err := fewer("correspondent", s.Correspondents, granted.Correspondents); err != nil {
		return nil, err
	}
	if err := fewer("keyword", s.Keywords, granted.Keywords); err != nil {
		return nil, err
	}
	differ("accounts", list(s.Accounts), list(granted.Accounts))
	differ("categories", list(s.Categories), list(granted.Categories))
	differ("from", s.Period.from.Format(time.RFC3339), granted.Period.from.Format(time.RFC3339))
	differ("to", s.Period.to.Format(time.RFC3339), granted.Period.to.Format(time.RFC3339))
	differ("correspondents", list(s.Correspondents), list(granted.Correspondents))
	differ("keywords", list(quoted(s.Keywords)), list(quoted(granted.Keywords)))
	return ds, nil
}

// fewer refuses a grant that widens a list by which the demand narrows. None
// means any: a grant may narrow where the demand does not.
func fewer(what string, asked, granted []string) error {
	if len(asked) > 0 && len(granted) == 0 {
		return fmt.Errorf("the grant drops the demand's %ss: that would be more than was asked for", what)
	}
	for _, g := range granted {
		if len(asked) > 0 && !slices.Contains(asked, g) {
			return fmt.Errorf("the grant names %s %q, which was not asked for", what, g)
		}
	}
	return nil
}

// quoted puts keywords in quotes, since a comma can be part of one.
func quoted(keywords []string) []string {
	var out []string
	for _, k := range keywords {
		out = append(out, `"`+k+`"`)
	}
	return out
}

func list[T ~string](values []T) string {
	if len(values) == 0 {
		return "any"
	}
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(v))
	}
	return b.String()
}
