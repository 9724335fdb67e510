package casework

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/vitrine-project/vitrine/internal/sequencer"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/ledger"
)

// Count brings each ledger to the present: headers that are due, and ticks, in
// order, with the facts that wait. Ticks that were missed are made up.
func (d *Desk) Count(ctx context.Context) error {
	if err := d.checkQueue(ctx); err != nil {
		return err
	}
	for _, class := range []ledger.Class{ledger.Public, ledger.Restricted} {
		b := d.Books[class]
		if b == nil {
			continue
		}
		if err := d.advance(ctx, b); err != nil {
			return fmt.Errorf("%s ledger: %w", class, err)
		}
	}
	return nil
}

// Prepare makes the headers that there must be by now, before anything is
// counted under them.
func (d *Desk) Prepare(ctx context.Context) error {
	if err := errors.Join(d.permit(), d.destroyKeys()); err != nil {
		return err
	}
	for class, b := range d.Books {
		if err := d.awake(b); err != nil {
			return err
		}
		if err := d.stranded(ctx, b); err != nil {
			return err
		}
		if err := b.prepare(ctx, d.Now()); err != nil {
			return fmt.Errorf("%s ledger: %w", class, err)
		}
	}
	return nil
}

func (d *Desk) advance(ctx context.Context, b *Book) error {
	for {
		if err := b.prepare(ctx, d.Now()); err != nil {
			return err
		}
		p, tick, at, ok := b.Log.Next()
		if !ok || at.After(d.Now()) {
			return nil
		}
		if idle, err := d.idle(ctx, b, p); err != nil || idle {
			return err
		}
		if d.Counting != nil {
			d.Counting(p.Header, tick, d.Now())
		}
		by := at
		if tick == p.Ticks { // what came when it was late already finds no other of its period
			by = d.Now()
		}
		if err := d.tick(ctx, b, p, by); err != nil {
			return err
		}
	}
}

// idle reports whether a ledger that goes on only while something waits has
// nothing to go on for.
func (d *Desk) idle(ctx context.Context, b *Book, p *ledger.Period) (idle bool, err error) {
	if !b.Live || d.Now().Unix() >= int64(p.To) || b.Log.Waiting() {
		return false, nil
	}
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		waiting, err := tx.Backlogs(string(b.Class))
		idle = len(waiting) == 0
		return err
	})
	return idle, err
}

// prepare makes the headers that there must be: the first, and each next one
// as soon as its predecessor's period begins, so that it is announced in time.
func (b *Book) prepare(ctx context.Context, now time.Time) error {
	chain := b.Log.Chain()
	if len(chain) == 0 {
		h, err := b.First(now)
		if err != nil {
			return err
		}
		if err := b.Log.Begin(ctx, h); err != nil {
			return err
		}
		chain = b.Log.Chain()
	}
	for chain[len(chain)-1].From <= uint64(now.Unix()) {
		if err := b.settle(ctx, chain); err != nil {
			return err
		}
		chain = b.Log.Chain()
		h, err := b.Next(chain, now)
		if err != nil {
			return err
		}
		if err := b.Log.Add(ctx, h); err != nil {
			return err
		}
		chain = b.Log.Chain()
	}
	return b.revise(ctx, now)
}

// settle puts a header that changes nothing in the place of the newest one, if
// its period has begun and it was not announced before.
func (b *Book) settle(ctx context.Context, chain ledger.Chain) error {
	n := len(chain) - 1
	if n == 0 || b.Log.Settled(uint64(n)) == nil {
		return nil
	}
	h, err := chain[n-1].Continue(chain[n].To)
	if err != nil {
		return fmt.Errorf("header %d was not announced before its period began: %w", n, err)
	}
	chain[:n].Join(h)
	return b.Log.Add(ctx, h)
}

// tick makes one tick with the oldest facts that belong in it, of those that
// came by a time.
func (d *Desk) tick(ctx context.Context, b *Book, p *ledger.Period, by time.Time) error {
	var facts []sequencer.Fact
	err := d.DB.Update(ctx, func(tx *store.Tx) (err error) { facts, err = d.due(tx, b, p, by); return err })
	if err != nil {
		return err
	}
	published, err := b.Log.Tick(ctx, facts)
	if err != nil {
		return err
	}
	d.reached("count: published")
	err = d.DB.Update(ctx, func(tx *store.Tx) error {
		for id, index := range published.Indices {
			if err := tx.Placed(id, index); err != nil {
				return err
			}
		}
		return nil
	})
	for id, why := range published.Refused {
		err = errors.Join(err, fmt.Errorf("fact %s cannot be counted: %s", id, why))
	}
	return err
}

// due are the oldest facts that wait for a tick, as many as it has room for.
func (d *Desk) due(tx *store.Tx, b *Book, p *ledger.Period, by time.Time) ([]sequencer.Fact, error) {
	var facts []sequencer.Fact
	for _, s := range p.Sheets {
		waiting, err := tx.Waiting(string(b.Class), s.Name, p.Number, by.Unix(), b.Log.Room(s.Name))
		if err != nil {
			return nil, err
		}
		for _, w := range waiting {
			f, err := b.opened(w)
			if err == nil && w.Period != p.Number {
				f, err = d.overdue(tx, b, p, w, f)
			}
			if err != nil {
				return nil, err
			}
			facts = append(facts, sequencer.Fact{ID: w.ID, Fact: f})
		}
	}
	return facts, nil
}

// overdue is a fact of a period whose ticks are over. An outcome that they had no
// room for is made anew, for the period that is open. One that stands in the log
// is left as it is: the process died before it recorded where. What was promised
// had room when it came.
func (d *Desk) overdue(tx *store.Tx, b *Book, p *ledger.Period, w store.Fact, f *ledger.Fact) (*ledger.Fact, error) {
	if _, logged, err := b.Log.Counted(w.ID); err != nil || logged {
		return f, err
	}
	if w.Type == ledger.TypeDemand || w.Type == ledger.TypeAccount {
		return nil, fmt.Errorf("fact %s of period %d was promised and was not counted in its period's ticks: the database or the ledger's directory is older than what was promised. Stop, and restore the newest copy of both", w.ID, w.Period)
	}
	hedged, err := b.Sealer.Hedge(rand.Reader, "fact", w.ID, p.Hash.String(), d.Now().String())
	if err != nil {
		return nil, err
	}
	made, err := ledger.Demand{ParentSalt: f.ParentSalt, Sheet: w.Sheet}.Fact(p, w.Type, "", 0, 0, time.Unix(w.Received, 0), hedged)
	if err != nil {
		return nil, err
	}
	made.Subject, made.SubjectSalt, made.Parent = f.Subject, f.SubjectSalt, f.Parent
	leaf, sealed, err := b.seal(p, made)
	if err != nil {
		return nil, err
	}
	return made, tx.Reseal(w.ID, p.Number, leaf, sealed)
}
