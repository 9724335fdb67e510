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
}

// Run visits every container that the mandate's sources keep for its accounts,
// decides each item, and puts into the hold what is in scope or undeterminable.
// Everything else is counted and forgotten. Any error means that the whole
// collection failed and the hold is to be thrown away.
func (j Job) Run(ctx context.Context) (vitrine.Collection, error) {
	m := j.Mandate
	if !m.Valid() {
		return vitrine.Collection{}, vitrine.Refusef(vitrine.Refused, "there is no mandate: nothing is read without one")
	}
	st := m.Statement()
	ordered, err := declared(st.Sources, j.Sources)
	if err != nil {
		return vitrine.Collection{}, err
	}
	r := run{scope: st.Scope, hold: j.Hold, progress: j.Progress, waits: j.Patience}
	if r.progress == nil {
		r.progress = func(Progress) {}
	}
	if r.waits == nil {
		r.waits = Usual
	}
	for _, s := range ordered {
		if err := r.probe(ctx, s); err != nil {
			return vitrine.Collection{}, err
		}
	}
	began := j.Now().UTC().Truncate(time.Second)
	if err := r.visit(ctx, ordered); err != nil {
		return vitrine.Collection{}, err
	}
	r.col.Began, r.col.Ended = began, j.Now().UTC().Truncate(time.Second)
	return r.col, nil
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

// run is the state of one collection.
type run struct {
	scope    vitrine.Scope
	hold     Hold
	progress func(Progress)
	waits    []time.Duration
	col      vitrine.Collection
}

// probe stops the run where a source's credentials can do more than read, or
// might, unless the config accepts that; what was found goes into the package.
func (r *run) probe(ctx context.Context, s Configured) error {
	name := s.Declaration().Name
	access, err := persist(ctx, r.waits, func() (Access, error) { return s.Probe(ctx) })
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
	for _, a := range r.scope.Accounts {
		known := false
		for _, s := range sources {
			containers, err := r.inventory(ctx, s, a)
			if err != nil {
				return fmt.Errorf("list containers of source %s: %w", s.Declaration().Name, err)
			}
			known = known || len(containers) > 0
			if err := r.account(ctx, s.Source, a, containers); err != nil {
				return err
			}
		}
		if !known {
			r.col.Missing = append(r.col.Missing, a)
		}
	}
	if !r.col.Closed() {
		return fmt.Errorf("the sums of the collection do not close: %+v", r.col.Counts)
	}
	return nil
}

func (r *run) inventory(ctx context.Context, s Source, a vitrine.Account) ([]Container, error) {
	return persist(ctx, r.waits, func() ([]Container, error) { return s.Inventory(ctx, a) })
}

// account collects from one source's containers, if the source holds anything
// of a category in scope.
func (r *run) account(ctx context.Context, s Source, a vitrine.Account, containers []Container) error {
	if !slices.ContainsFunc(s.Holds(), func(c vitrine.Category) bool { return slices.Contains(r.scope.Categories, c) }) {
		return nil
	}
	names := map[string]bool{}
	for _, c := range containers {
		if c.Account != a {
			return fmt.Errorf("source %s lists a container of another account than %q", s.Declaration().Name, a)
		}
		if names[c.Name] {
			return fmt.Errorf("source %s lists container %q twice", s.Declaration().Name, c.Name)
		}
		names[c.Name] = true
		done, err := (&reading{run: r, source: s, container: c}).all(ctx)
		if err != nil {
			return err
		}
		r.col.Containers = append(r.col.Containers, done)
		r.col.Counts = r.col.Add(done.Counts)
	}
	return nil
}
