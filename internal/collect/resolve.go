package collect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

// Identifier is what a demand names an account by, where it does not know the
// account.
type Identifier = vitrine.Identifier

// Resolver is a source that knows whose an identifier is or was.
type Resolver interface {
	Resolves() []vitrine.IdentifierKind
	// Resolve calls yield for every row that has the identifier's value, at
	// whatever time, and stops at the first error.
	Resolve(ctx context.Context, id Identifier, yield func(Match) error) error
}

// Match is one row that gives an identifier to an account: evidence, not a
// verdict.
type Match struct {
	Account vitrine.Account
	Row     string // where the row lies, for people
	// Since and Until are when it began and ceased to hold, both included.
	Since, Until production.Interval
	Always       bool // it has no beginning
	Still        bool // it has no end
	Ports        *Ports
}

// Ports are those that a row is about; of a row about all there are none.
type Ports struct {
	From, To int
	Known    bool
}

// Limits of what one identifier leads to.
const (
	maxResolved = 8  // accounts
	maxRows     = 64 // rows that are handed on
)

// certainty is how far a row says that an identifier was an account's.
type certainty int

const (
	no certainty = iota
	doubtful
	sure
)

// span is the time for which it has to be known whose the identifier was: the
// second of a connection, or else all of the period.
func span(id Identifier, p vitrine.Period) (from, to time.Time) {
	if id.Kind == vitrine.ByIP {
		return id.At, id.At.Add(time.Second - time.Nanosecond)
	}
	return p.From(), p.To().Add(-time.Nanosecond)
}

// weigh says what a row shows for the time from–to, wholly or in part.
func weigh(id Identifier, from, to time.Time, m Match) certainty {
	port := sure
	if m.Ports != nil {
		switch {
		case id.Port == 0 || !m.Ports.Known || m.Ports.To < m.Ports.From:
			port = doubtful
		case id.Port < m.Ports.From || id.Port > m.Ports.To:
			return no
		}
	}
	since, until := !m.Always && m.Since.Known(), !m.Still && m.Until.Known()
	switch {
	case since && until && m.Until.To.Before(m.Since.From):
		return doubtful // it ends before it begins
	case since && m.Since.From.After(to) || until && m.Until.To.Before(from):
		return no
	}
	begun := m.Always || since && !m.Since.To.After(from)
	lasts := m.Still || until && !m.Until.From.Before(to)
	if begun && lasts {
		return port
	}
	return doubtful
}

// subject is an account that is visited.
type subject struct {
	Account vitrine.Account `json:"account"`
	// Doubtful says that people have to decide whether it is the one meant.
	Doubtful bool `json:"doubtful,omitempty"`
}

// subjects are the accounts that the scope names, those that its identifiers
// lead to in their stead, each once.
func (r *run) subjects(ctx context.Context, sources []Configured) ([]subject, error) {
	all := []subject{}
	add := func(s subject) {
		if i := slices.IndexFunc(all, func(t subject) bool { return t.Account == s.Account }); i >= 0 {
			all[i].Doubtful = all[i].Doubtful && s.Doubtful
			return
		}
		all = append(all, s)
	}
	for _, a := range r.scope.Accounts {
		id, ok := a.Identifier()
		if !ok {
			add(subject{Account: a})
			continue
		}
		found, err := r.resolve(ctx, sources, id)
		if err != nil {
			return nil, err
		}
		r.col.Resolved = append(r.col.Resolved, found)
		switch found.Outcome {
		case vitrine.ResolvedNone, vitrine.ResolvedNowhere:
			r.col.Missing = append(r.col.Missing, a)
		case vitrine.ResolvedCertain, vitrine.ResolvedAmbiguous:
			for _, account := range found.Accounts {
				add(subject{account, found.Outcome == vitrine.ResolvedAmbiguous})
			}
		}
	}
	return all, nil
}

// errMany ends a resolution that leads to too many accounts.
var errMany = errors.New("too many accounts")

// resolve asks every source that can know, and all that it knows.
func (r *run) resolve(ctx context.Context, sources []Configured, id Identifier) (vitrine.Resolution, error) {
	found := &resolution{id: id}
	found.from, found.to = span(id, r.scope.Period)
	asked := false
	for _, s := range sources {
		resolver, ok := s.Source.(Resolver)
		if !ok || !slices.Contains(resolver.Resolves(), id.Kind) {
			continue
		}
		asked = true
		_, err := persist(ctx, r.Patience, func() (struct{}, error) {
			kept := found.clone()
			err := resolver.Resolve(ctx, id, func(m Match) error { return kept.add(s.Declaration().Name, m) })
			if kept.many = err == errMany; err == nil || kept.many {
				found = kept
			}
			return struct{}{}, err
		})
		if err == errMany {
			break
		}
		if err != nil {
			return vitrine.Resolution{}, fmt.Errorf("resolve an identifier in source %s: %w", s.Declaration().Name, err)
		}
	}
	return found.outcome(asked), nil
}

// resolution gathers what the sources say of one identifier.
type resolution struct {
	id       Identifier
	from, to time.Time
	accounts []candidate
	rows     []vitrine.ResolvedBy
	many     bool
}

// candidate is an account that an identifier may mean.
type candidate struct {
	account vitrine.Account
	sure    bool
	held    []stretch // for certain, each in part of the time
}

type stretch struct{ from, to time.Time }

func (f *resolution) clone() *resolution {
	c := *f
	c.accounts, c.rows = slices.Clone(f.accounts), slices.Clone(f.rows)
	for i := range c.accounts {
		c.accounts[i].held = slices.Clone(c.accounts[i].held)
	}
	return &c
}

// add takes one row into account.
func (f *resolution) add(source string, m Match) error {
	w := weigh(f.id, f.from, f.to, m)
	if w == no {
		return nil
	}
	if _, err := vitrine.ParseAccount(string(m.Account)); err != nil {
		return vitrine.Refusef(vitrine.Failed, "%s of source %q leads to what cannot be an account: nothing was read; have its rows corrected, or leave them out in a view", m.Row, source)
	}
	if _, ok := m.Account.Identifier(); ok {
		return vitrine.Refusef(vitrine.Failed, "%s of source %q leads from an identifier to another identifier: nothing was read; declare the column that holds the account", m.Row, source)
	}
	i := slices.IndexFunc(f.accounts, func(c candidate) bool { return c.account == m.Account })
	if i < 0 {
		if len(f.accounts) == maxResolved {
			return errMany
		}
		i = len(f.accounts)
		f.accounts = append(f.accounts, candidate{account: m.Account})
	}
	c := &f.accounts[i]
	c.sure = c.sure || w == sure
	if s, ok := certain(m, f.from, f.to); ok && len(c.held) < maxRows {
		c.held = append(c.held, s)
	}
	if len(f.rows) < maxRows {
		f.rows = append(f.rows, vitrine.ResolvedBy{Source: source, Row: m.Row, Account: m.Account, Since: m.Since.Raw, Until: m.Until.Raw, Certain: w == sure})
	}
	return nil
}

// certain is the part of the time in which the row held for certain, whatever
// the port.
func certain(m Match, from, to time.Time) (stretch, bool) {
	s := stretch{from, to}
	if m.Ports != nil || !m.Always && !m.Since.Known() || !m.Still && !m.Until.Known() {
		return s, false
	}
	if !m.Always && m.Since.To.After(from) {
		s.from = m.Since.To
	}
	if !m.Still && m.Until.From.Before(to) {
		s.to = m.Until.From
	}
	return s, !s.to.Before(s.from)
}

// seam is how far apart two rows of one account may be and still follow on
// each other: stores that keep whole seconds end one at 59 and begin at 00.
const seam = time.Second

// throughout reports whether the rows of an account cover all of the time
// together.
func (c candidate) throughout(from, to time.Time) bool {
	if len(c.held) == 0 {
		return false
	}
	slices.SortFunc(c.held, func(a, b stretch) int { return a.from.Compare(b.from) })
	if c.held[0].from.After(from) {
		return false
	}
	end := c.held[0].to
	for _, s := range c.held[1:] {
		if s.from.After(end.Add(seam)) {
			break
		}
		if s.to.After(end) {
			end = s.to
		}
	}
	return !end.Before(to)
}

// outcome is what the identifier leads to.
func (f *resolution) outcome(asked bool) vitrine.Resolution {
	found := vitrine.Resolution{Identifier: vitrine.Account(f.id.String())}
	if f.many {
		found.Outcome = vitrine.ResolvedTooMany
		return found
	}
	found.Rows = f.rows
	for _, c := range f.accounts {
		found.Accounts = append(found.Accounts, c.account)
	}
	switch {
	case !asked:
		found.Outcome = vitrine.ResolvedNowhere
	case len(f.accounts) == 0:
		found.Outcome = vitrine.ResolvedNone
	case len(f.accounts) == 1 && (f.accounts[0].sure || f.id.Kind != vitrine.ByIP && f.accounts[0].throughout(f.from, f.to)):
		found.Outcome = vitrine.ResolvedCertain
	default:
		found.Outcome = vitrine.ResolvedAmbiguous
	}
	return found
}
