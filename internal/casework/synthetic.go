package casework

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/ledger"
)

// Synthetic is a demand that nobody made, for replays of totals that somebody
// else published: there are no papers, nobody is promised anything, and no
// office answers it. Only its facts are queued.
type Synthetic struct {
	Class     ledger.Class
	Sheet     string
	Reference string // no two have the same on a sheet
	Received  time.Time
	Counted   bool // else only what follows from it is
	Accounts  int  // with a fact each
	Bulk      uint32
	Outcomes  []string
}

// Synthesize queues the facts of made-up demands, all or none. Whether a tick
// has room for them is for the caller to see to.
func (d *Desk) Synthesize(ctx context.Context, list []Synthetic) error {
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		for _, s := range list {
			if err := d.synthesize(tx, s); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *Desk) synthesize(tx *store.Tx, s Synthetic) error {
	sub := vitrine.Submission{Authority: "synthetic", Instrument: vitrine.InstrumentID(s.Sheet), Reference: s.Reference, Received: s.Received}
	c := counter{desk: d, book: d.Books[s.Class], tx: tx, id: sub.ID(), sub: sub}
	salted, err := ledger.NewDemand(ledger.DemandSubject("synthetic", s.Sheet+" "+s.Reference, vitrine.DigestOf(nil)), s.Sheet, rand.Reader)
	if err != nil {
		return err
	}
	if s.Counted {
		if err := c.add(salted, ledger.TypeDemand, "", 0, s.Bulk, s.Received); err != nil {
			return err
		}
	}
	for i := range s.Accounts {
		if err := c.add(salted, ledger.TypeAccount, "synthetic", uint32(i), 0, s.Received); err != nil {
			return err
		}
	}
	for _, kind := range s.Outcomes {
		if err := c.add(salted, kind, "", 0, 0, s.Received); err != nil {
			return err
		}
	}
	return nil
}

// SynthesizeOutcomes queues, for demands that were received, that they ended so.
// Nothing of it is recorded as having happened to them.
func (d *Desk) SynthesizeOutcomes(ctx context.Context, kind string, ids []vitrine.ID) error {
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			dem, err := tx.Demand(id)
			if err != nil {
				return err
			}
			b, i := d.book(dem.Submission.Instrument)
			c := counter{desk: d, book: b, law: i, tx: tx, id: id, sub: dem.Submission}
			if err := c.outcome(kind, d.Now()); err != nil {
				return err
			}
		}
		return nil
	})
}
