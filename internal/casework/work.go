package casework

import (
	"context"
	"slices"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/authority"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/mandate"
)

// Machine is the name under which the machine's own steps are recorded.
const Machine = "vitrine"

// Steps are the machine's steps by the names the lifecycle queues them under.
func (d *Desk) Steps() map[string]store.Step {
	steps := map[string]store.Step{"check": d.check, "collect": d.collect, "seal": d.seal, "deliver": d.deliver,
		"acknowledge": d.acknowledge, "promise": d.promise}
	for name, step := range steps {
		steps[name] = func(ctx context.Context, id vitrine.ID) error {
			if d.Only != "" && id != d.Only {
				return store.ErrLater
			}
			err := step(ctx, id)
			if err != nil && d.Failed != nil {
				d.Failed(name, id, err)
			}
			return err
		}
	}
	return steps
}

// check records who asks, or refuses with the first finding that is not right.
func (d *Desk) check(ctx context.Context, id vitrine.ID) error {
	return d.record(ctx, id, Machine, func(dem vitrine.Demand) (vitrine.Event, error) {
		if dem.Stage != vitrine.Received {
			return vitrine.Event{}, errDone
		}
		findings := d.Directory.Check(dem.Submission, d.Now())
		if why := authority.Ground(findings); why != nil {
			return vitrine.Event{Stage: vitrine.Rejected, Findings: findings, Refusal: why}, nil
		}
		return vitrine.Event{Stage: vitrine.Verified, Findings: findings}, nil
	})
}

// collect runs the mandate into a hold. The signatures are verified here once
// more, against the policy and the sources of this process's own config.
func (d *Desk) collect(ctx context.Context, id vitrine.ID) error {
	dem, err := d.Demand(ctx, id)
	if err != nil || dem.Stage != vitrine.Mandated {
		return err
	}
	m, err := d.verify(dem, dem.Approvals)
	if err != nil {
		return err
	}
	if m.Digest() != dem.Mandate {
		return vitrine.Refusef(vitrine.Unverified, "demand %s: the stored mandate is not the signed one: nothing was collected; the database was changed, restore its newest copy", id)
	}
	col, err := (&collecting{Desk: d, dem: dem, mandate: m}).all(ctx)
	if err != nil {
		return err
	}
	if err := resolved(col); err != nil {
		return err
	}
	d.reached("collect: hold kept")
	err = d.record(ctx, id, Machine, func(now vitrine.Demand) (vitrine.Event, error) {
		if now.Stage != vitrine.Mandated || now.Mandate != m.Digest() {
			return vitrine.Event{}, errDone
		}
		return vitrine.Event{Stage: vitrine.Collected, Mandate: m.Digest(), Collection: &col}, nil
	})
	if err != nil {
		return err
	}
	return d.dropPieces(ctx, id)
}

// sourcesFor are the sources that the mandate names, by name; whether they are
// declared alike is for collect to check.
func (d *Desk) sourcesFor(ctx context.Context, m mandate.Mandate) ([]collect.Configured, error) {
	st := m.Statement()
	held, err := d.preservedSources(ctx, st.Scope, vitrine.Submission{Authority: st.Authority, Received: st.Received})
	named := st.Sources
	return slices.DeleteFunc(slices.Concat(d.Sources, held), func(s collect.Configured) bool {
		return !slices.ContainsFunc(named, func(n vitrine.Source) bool { return n.Name == s.Declaration().Name })
	}), err
}
