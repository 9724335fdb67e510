package casework

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/law"
)

// Preserved is what is kept of a demand that preserves.
type Preserved struct {
	vitrine.Demand
	Rule  law.Preservation
	Until time.Time // the first instant at which it need not be kept
}

// Expired reports whether the time is over for which it was to be kept.
func (p Preserved) Expired(now time.Time) bool { return !now.Before(p.Until) }

// Preserved lists what is preserved, oldest first, expired or not.
func (d *Desk) Preserved(ctx context.Context) (all []Preserved, err error) {
	err = d.every(ctx, func(dem vitrine.Demand) {
		if p, ok := kept(dem); ok {
			all = append(all, p)
		}
	})
	return all, err
}

// kept is what a demand preserves, if it does.
func kept(dem vitrine.Demand) (Preserved, bool) {
	i, ok := law.Lookup(dem.Submission.Instrument)
	if !ok || i.Produces || dem.Stage != vitrine.Collected && dem.Stage != vitrine.Extended {
		return Preserved{}, false
	}
	return Preserved{dem, i.Preserves, i.Preserves.Until(dem.Submission.Received, len(dem.Renewals))}, true
}

// Extend keeps what is preserved for longer, on a renewed request, whose paper
// is kept. It must come while the data is still to be kept.
func (d *Desk) Extend(ctx context.Context, id vitrine.ID, reference, name string, document []byte, by string) (Preserved, error) {
	dem, err := d.Demand(ctx, id)
	if err != nil {
		return Preserved{}, err
	}
	if _, ok := kept(dem); !ok {
		return Preserved{}, notKept(dem)
	}
	digest, size, err := d.Originals.Put(bytes.NewReader(document))
	if err != nil {
		return Preserved{}, fmt.Errorf("keep document: %w", err)
	}
	renewal := vitrine.Renewal{Reference: reference, Document: vitrine.Document{Name: name, Size: size, SHA256: digest}}
	err = d.record(ctx, id, by, func(dem vitrine.Demand) (vitrine.Event, error) {
		p, ok := kept(dem)
		switch {
		case !ok:
			return vitrine.Event{}, notKept(dem)
		case digest == dem.Submission.Document.SHA256:
			return vitrine.Event{}, vitrine.Refusef(vitrine.Usage, "this is the paper of the first request: give the one that renews it")
		case len(dem.Renewals) > 0 && dem.Renewals[len(dem.Renewals)-1].Document.SHA256 == digest:
			return vitrine.Event{}, errDone
		case len(dem.Renewals) >= law.Renewals:
			return vitrine.Event{}, &vitrine.Refusal{Kind: vitrine.Refused, Ground: p.Rule.Article, Text: fmt.Sprintf("demand %s was renewed before, and the law renews it once: it ends on %s, unless process for the data comes first", id, p.Until.Format(time.DateOnly))}
		case p.Expired(d.Now()):
			return vitrine.Event{}, &vitrine.Refusal{Kind: vitrine.Refused, Ground: p.Rule.Article, Text: fmt.Sprintf("demand %s ended on %s: what was preserved is not kept for longer; record the paper as a new demand (vitrine hold add)", id, p.Until.Format(time.RFC3339))}
		}
		return vitrine.Event{Stage: vitrine.Extended, Mandate: dem.Mandate, Renewal: &renewal}, nil
	})
	if err != nil {
		return Preserved{}, err
	}
	dem, err = d.Demand(ctx, id)
	p, _ := kept(dem)
	return p, err
}

func notKept(dem vitrine.Demand) error {
	if dem.Stage == vitrine.New {
		return vitrine.Refusef(vitrine.Usage, "demand %s is not known: vitrine hold list shows what is preserved", dem.ID)
	}
	return vitrine.Refusef(vitrine.Usage, "demand %s preserves nothing: it is %s; vitrine hold list shows what is preserved", dem.ID, dem.Stage)
}

// Release destroys what is preserved, unless a demand waits for it.
func (d *Desk) Release(ctx context.Context, id vitrine.ID, why *vitrine.Refusal, by string) error {
	waiting, err := d.NeededBy(ctx, id)
	if err != nil {
		return err
	}
	if len(waiting) > 0 {
		return vitrine.Refusef(vitrine.Refused, "what demand %s preserved is named in the statement of demand %s (%s), which is not answered: answer or void that one first; nothing was destroyed", id, waiting[0].ID, waiting[0].Submission.Reference)
	}
	err = d.record(ctx, id, by, func(dem vitrine.Demand) (vitrine.Event, error) {
		if dem.Stage == vitrine.Released {
			return vitrine.Event{}, errDone
		}
		if _, ok := kept(dem); !ok {
			return vitrine.Event{}, notKept(dem)
		}
		return vitrine.Event{Stage: vitrine.Released, Mandate: dem.Mandate, Refusal: why}, nil
	})
	if err != nil {
		return err
	}
	dem, err := d.Demand(ctx, id)
	if err != nil {
		return err
	}
	if err := d.Holds.Delete(dem.Collection.Hold); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("destroy hold: %w", err)
	}
	return nil
}

// preservedSources are the holds that a scope may be answered from: what is
// preserved of its accounts for the same authority, or for one that the directory
// lets it draw on, and was to be kept when the demand for it came.
// Whose an identifier is shows only when it is resolved: for one, every hold is
// asked.
func (d *Desk) preservedSources(ctx context.Context, scope vitrine.Scope, sub vitrine.Submission) ([]collect.Configured, error) {
	all, err := d.Preserved(ctx)
	identifier := slices.ContainsFunc(scope.Accounts, func(a vitrine.Account) bool { _, ok := a.Identifier(); return ok })
	var sources []collect.Configured
	for _, p := range all {
		if !p.Expired(sub.Received) && slices.Contains(d.heldFor(sub.Authority), p.Submission.Authority) && (identifier || common(p.accounts(), scope.Accounts)) && common(p.Granted.Categories, scope.Categories) {
			sources = append(sources, collect.Configured{Source: &preservedSource{desk: d, dem: p.Demand}})
		}
	}
	return sources, err
}

// heldFor are the authorities whose preserved data a demand of one is answered
// from. That another preserved anything is not for it to know.
func (d *Desk) heldFor(id vitrine.AuthorityID) []vitrine.AuthorityID {
	entry, _ := d.Directory.Find(id)
	return append([]vitrine.AuthorityID{id}, entry.PreservedBy...)
}

// NeededBy lists the demands that wait for being answered from what id
// preserves.
func (d *Desk) NeededBy(ctx context.Context, id vitrine.ID) (waiting []vitrine.Demand, err error) {
	err = d.every(ctx, func(dem vitrine.Demand) {
		if (dem.Stage == vitrine.Reviewed || dem.Stage == vitrine.Mandated) && strings.Contains(dem.Statement, " "+preservedPrefix+string(id)+" ") {
			waiting = append(waiting, dem)
		}
	})
	return waiting, err
}

// accounts are those that the request named, and those that its identifiers led
// to.
func (p Preserved) accounts() []vitrine.Account {
	all := slices.Clone(p.Granted.Accounts)
	for _, c := range p.Collection.Containers {
		all = append(all, c.Account)
	}
	return all
}

func common[T comparable](a, b []T) bool {
	return slices.ContainsFunc(a, func(x T) bool { return slices.Contains(b, x) })
}
