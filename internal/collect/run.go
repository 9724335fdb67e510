// Package collect is the one door to customers' data: Run visits the sources
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

// Run visits every container that the mandate's sources keep for its accounts,
// decides each item, and puts into hold what is in scope or undeterminable.
// Everything else is counted and forgotten. Any error means that the whole
// collection failed and the hold is to be thrown away.
func Run(ctx context.Context, m mandate.Mandate, sources []Source, hold Hold, now func() time.Time, progress func(Progress)) (vitrine.Collection, error) {
	if !m.Valid() {
		return vitrine.Collection{}, vitrine.Refusef(vitrine.Refused, "there is no mandate: nothing is read without one")
	}
	st := m.Statement()
	ordered, err := declared(st.Sources, sources)
	if err != nil {
		return vitrine.Collection{}, err
	}
	r := run{scope: st.Scope, hold: hold, progress: progress}
	if r.progress == nil {
		r.progress = func(Progress) {}
	}
	began := now().UTC().Truncate(time.Second)
	if err := r.visit(ctx, ordered); err != nil {
		return vitrine.Collection{}, err
	}
	r.col.Began, r.col.Ended = began, now().UTC().Truncate(time.Second)
	return r.col, nil
}

// declared returns the sources in the mandate's order, if they are exactly
// those that were approved.
func declared(approved []vitrine.Source, sources []Source) ([]Source, error) {
	left := slices.Clone(sources)
	var ordered []Source
	for _, want := range approved {
		i := slices.IndexFunc(left, func(s Source) bool { return s.Declaration().Name == want.Name })
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
	col      vitrine.Collection
}

func (r *run) visit(ctx context.Context, sources []Source) error {
	for _, a := range r.scope.Accounts {
		known := false
		for _, s := range sources {
			containers, err := s.Inventory(ctx, a)
			if err != nil {
				return fmt.Errorf("list containers of source %s: %w", s.Declaration().Name, err)
			}
			known = known || len(containers) > 0
			if err := r.account(ctx, s, a, containers); err != nil {
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
