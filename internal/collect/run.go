// Package collect is the one door to customers' data: Job.Run visits the sources
// that a mandate names, decides for every item whether it is in, out or
// undeterminable, each with its reason, and puts what is in or undeterminable
// into a hold, exactly as stored. What is out is counted and never opened
// beyond what the decision needs; the sums close for each container; nothing is
// read without a valid Mandate, or from a source that is declared otherwise
// than it was signed. It writes to no source. Rules: spec/production.md.
package collect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/mandate"
)

// Progress tells how far one container has been read, in bytes.
type Progress struct {
	Source, Container string
	Done, Total       int64 // Total is 0 where the store does not say
}

// Job is one collection.
type Job struct {
	Mandate  mandate.Mandate
	Sources  []Configured // all that the mandate names, and no others
	Hold     Hold
	Now      func() time.Time
	Progress func(Progress) // may be nil
	// Patience is how long to wait for a store that broke off before each
	// further attempt; Usual if nil.
	Patience []time.Duration
	// Dir is a directory of this collection alone, for what memory is too small
	// for. It must stay from piece to piece.
	Dir string
	// Preserve keeps each item's evidence with it, so that a later mandate can
	// decide about it anew.
	Preserve bool
	// Limit is where a piece ends; zero: nowhere.
	Limit Limit
}

// Limit bounds one piece of a collection.
type Limit struct {
	Seen int64 // items
	Held int64 // bytes in the hold
}

// errFull ends a piece.
var errFull = errors.New("the piece is full")

// Run visits every container that the mandate's sources keep for its accounts,
// decides each item, and puts into the hold what is in scope or undeterminable.
// Everything else is counted and forgotten. Any error means that the whole
// collection failed and the hold is to be thrown away.
func (j Job) Run(ctx context.Context) (vitrine.Collection, error) {
	j.Limit = Limit{}
	col, _, err := j.Piece(ctx, nil)
	return col, err
}

// Piece is Run from a place on and up to the limit: what it collected, and the
// place where the next piece goes on, nil if there is none. Joined, the pieces
// are what Run returns, and their holds one behind the other hold what Run's
// does. An error means that this piece's hold is to be thrown away.
func (j Job) Piece(ctx context.Context, from *Place) (vitrine.Collection, *Place, error) {
	m := j.Mandate
	if !m.Valid() {
		return vitrine.Collection{}, nil, vitrine.Refusef(vitrine.Refused, "there is no mandate: nothing is read without one")
	}
	st := m.Statement()
	ordered, err := declared(st.Sources, j.Sources)
	if err != nil {
		return vitrine.Collection{}, nil, err
	}
	r := run{Job: j, scope: st.Scope, key: m.Digest()}
	if from != nil {
		r.at = *from
	}
	if r.Progress == nil {
		r.Progress = func(Progress) {}
	}
	if r.Patience == nil {
		r.Patience = Usual
	}
	if err := r.tidy(); err != nil {
		return vitrine.Collection{}, nil, err
	}
	r.col.Began = j.Now().UTC().Truncate(time.Second)
	for _, s := range ordered {
		if err := r.probe(ctx, s); err != nil {
			return vitrine.Collection{}, nil, err
		}
	}
	if r.at.Subjects == nil {
		if r.at.Subjects, err = r.subjects(ctx, ordered); err != nil {
			return vitrine.Collection{}, nil, err
		}
	}
	err = r.visit(ctx, ordered)
	if err != nil && err != errFull {
		return vitrine.Collection{}, nil, err
	}
	if !r.col.Closed() {
		return vitrine.Collection{}, nil, fmt.Errorf("the sums of the collection do not close: %+v", r.col.Counts)
	}
	r.col.Ended = j.Now().UTC().Truncate(time.Second)
	if err == errFull {
		at := r.at // alone: the run holds on to its hold
		return r.col, &at, nil
	}
	return r.col, nil, nil
}

// Join is the collection that its pieces are, in their order.
func Join(pieces ...vitrine.Collection) vitrine.Collection {
	var all vitrine.Collection
	for i, p := range pieces {
		if i == 0 {
			all.Sources, all.Catalogue, all.Began = slices.Clone(p.Sources), p.Catalogue, p.Began
		}
		for n, v := range p.Sources {
			if v.Writes != "" && n < len(all.Sources) && all.Sources[n].Writes == "" {
				all.Sources[n] = v // what a later probe found
			}
		}
		all.Counts, all.Ended = all.Add(p.Counts), p.Ended
		all.Resolved = append(all.Resolved, p.Resolved...)
		all.Missing = append(all.Missing, p.Missing...)
		for _, c := range p.Containers {
			last := len(all.Containers) - 1
			if last < 0 || all.Containers[last].Source != c.Source || all.Containers[last].Account != c.Account || all.Containers[last].Name != c.Name {
				all.Containers = append(all.Containers, c)
				continue
			}
			sum := &all.Containers[last]
			sum.Counts, sum.After = sum.Add(c.Counts), c.After
			sum.Vanished, sum.Arrived = sum.Vanished+c.Vanished, sum.Arrived+c.Arrived
		}
	}
	return all
}

// declared returns the sources in the mandate's order, if they are exactly
// those that were approved.
func declared(approved []vitrine.Source, sources []Configured) ([]Configured, error) {
	left := slices.Clone(sources)
	var ordered []Configured
	for _, want := range approved {
		i := slices.IndexFunc(left, func(s Configured) bool { return s.Declaration().Name == want.Name })
		if i < 0 {
			return nil, vitrine.Refusef(vitrine.Refused, "source %q is in the mandate and not in the config: restore it, or ask for a new approval", want.Name)
		}
		if d := left[i].Declaration(); d != want {
			return nil, vitrine.Refusef(vitrine.Refused, "source %q changed since approval: it was %s %q and is %s %q: restore it, or ask for a new approval",
				want.Name, want.Kind, want.Path, d.Kind, d.Path)
		}
		ordered = append(ordered, left[i])
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		return nil, vitrine.Refusef(vitrine.Refused, "source %q is not in the mandate: nothing is read that was not approved", left[0].Declaration().Name)
	}
	return ordered, nil
}

// run is the state of one piece.
type run struct {
	Job
	scope vitrine.Scope
	key   vitrine.Digest // of identities: what is kept of them tells nobody else anything
	at    Place
	held  int64 // bytes of this piece
	col   vitrine.Collection
}

// probe stops the run where a source's credentials can do more than read, or
// might, unless the config accepts that; what was found goes into the package.
func (r *run) probe(ctx context.Context, s Configured) error {
	name := s.Declaration().Name
	access, err := persist(ctx, r.Patience, func() (Access, error) { return s.Probe(ctx) })
	if err != nil {
		return fmt.Errorf("probe source %s: %w", name, err)
	}
	if access.Writes != "" && s.MayWrite == "" {
		return vitrine.Refusef(vitrine.Refused, "source %q could be written to (%s): nothing was read; give it credentials or a mount that can only read, or say in its [[source]] why this is accepted: may_write = \"…\"", name, access.Writes)
	}
	v := vitrine.Visit{Source: name, Family: string(s.Family()), Writes: access.Writes, Shown: access.Shown}
	if access.Writes != "" {
		v.MayWrite = s.MayWrite
	}
	r.col.Sources = append(r.col.Sources, v)
	return nil
}

func (r *run) visit(ctx context.Context, sources []Configured) error {
	for ; r.at.Account < len(r.at.Subjects); r.at = (Place{Account: r.at.Account + 1, Subjects: r.at.Subjects}) {
		who := r.at.Subjects[r.at.Account]
		for ; r.at.Source < len(sources); r.at = r.at.next() {
			if err := r.collect(ctx, sources[r.at.Source], who.Account); err != nil {
				return err
			}
		}
		if !r.at.Known && !who.Doubtful {
			r.col.Missing = append(r.col.Missing, who.Account)
		}
	}
	return nil
}

// collect collects an account's data from one source, if that holds anything of
// a category in scope. Its containers are listed once.
func (r *run) collect(ctx context.Context, s Configured, a vitrine.Account) error {
	if r.at.Containers == nil {
		containers, err := r.inventory(ctx, s, a)
		if err != nil {
			return fmt.Errorf("list containers of source %s: %w", s.Declaration().Name, err)
		}
		if err := distinct(s, a, containers); err != nil {
			return err
		}
		if err := known(s.Source, containers); err != nil {
			return err
		}
		r.at.Containers, r.at.Known = containers, r.at.Known || len(containers) > 0
	}
	if !slices.ContainsFunc(s.Holds(), func(c vitrine.Category) bool { return slices.Contains(r.scope.Categories, c) }) {
		return nil
	}
	for ; r.at.Container < len(r.at.Containers); r.at = r.at.behind() {
		done, err := (&reading{run: r, source: s.Source, encryption: s.Encryption, container: r.at.Containers[r.at.Container]}).all(ctx)
		if err != nil && err != errFull {
			return err
		}
		r.col.Containers = append(r.col.Containers, done)
		r.col.Counts = r.col.Add(done.Counts)
		if err != nil {
			return err
		}
	}
	return nil
}

// distinct refuses a list of containers in which two could be taken for one.
func distinct(s Source, a vitrine.Account, containers []Container) error {
	names := map[string]bool{}
	for _, c := range containers {
		if c.Account != a {
			return fmt.Errorf("source %s lists a container of another account than %q", s.Declaration().Name, a)
		}
		if names[c.Name] {
			return fmt.Errorf("source %s lists container %q twice", s.Declaration().Name, c.Name)
		}
		names[c.Name] = true
	}
	return nil
}

func (r *run) inventory(ctx context.Context, s Source, a vitrine.Account) ([]Container, error) {
	return persist(ctx, r.Patience, func() ([]Container, error) { return s.Inventory(ctx, a) })
}
