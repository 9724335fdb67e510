package casework

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// edited says that a row of the queue is not what this program left there.
// Nothing is counted from such a queue.
func edited(format string, args ...any) error {
	return vitrine.Refusef(vitrine.Unverified, "the queue of what is to be counted was changed: "+format+". Nothing was counted; bring back the database and the ledger as they last were, of one time", args...)
}

// checkQueue refuses a queue of which a row is missing that an event of a demand had
// made, or that says of a fact what the log does not.
func (d *Desk) checkQueue(ctx context.Context) error {
	return d.DB.View(ctx, func(tx *store.Tx) error {
		rows := map[ledger.Class]map[string]store.Fact{}
		for class, b := range d.Books {
			list, err := tx.Queue(string(class))
			if err != nil {
				return err
			}
			if rows[class], err = d.rows(b, list); err != nil {
				return err
			}
			ahead, err := tx.Ahead(string(class), b.NowPeriod())
			if err != nil {
				return err
			}
			for _, w := range ahead { // a tick opens the others
				if _, err := b.opened(w); err != nil {
					return err
				}
			}
		}
		return d.missing(tx, rows)
	})
}

// rows are the facts of a ledger's queue by their ids.
func (d *Desk) rows(b *Book, list []store.Fact) (map[string]store.Fact, error) {
	chain := b.Log.Chain()
	all, ahead := map[string]store.Fact{}, d.Now().AddDate(0, 0, 1).Unix() // clocks differ
	for _, f := range list {
		all[f.ID] = f
		if f.Period >= uint64(len(chain)) {
			return nil, edited("fact %s (%s of demand %s) is of period %d, which has no header", f.ID, f.Type, f.Demand, f.Period)
		}
		if _, ok := chain[f.Period].Sheet(f.Sheet); !ok {
			return nil, edited("fact %s (%s of demand %s) is of a sheet that period %d does not have: %s", f.ID, f.Type, f.Demand, f.Period, f.Sheet)
		}
		if f.Index < 0 {
			if f.Received > ahead {
				return nil, edited("fact %s (%s of demand %s) came at %s, which is still to come; if this machine's clock is behind, set it right", f.ID, f.Type, f.Demand, time.Unix(f.Received, 0).UTC().Format(time.RFC3339))
			}
			continue
		}
		place, logged, err := b.Log.Counted(f.ID)
		if err != nil {
			return nil, err
		}
		if forgotten := !logged && f.Period < b.NowPeriod(); !forgotten && (!logged || place.Index != uint64(f.Index)) {
			return nil, edited("fact %s (%s of demand %s) is said to stand at entry %d of the log, and does not", f.ID, f.Type, f.Demand, f.Index)
		}
	}
	return all, nil
}

// missing looks for the facts of each demand's events.
func (d *Desk) missing(tx *store.Tx, rows map[ledger.Class]map[string]store.Fact) error {
	ids, err := tx.Demands()
	if err != nil {
		return err
	}
	void := map[vitrine.Digest]bool{} // what waited of these was taken out
	calls := map[vitrine.ID][]called{}
	for _, id := range ids {
		events, err := tx.Events(id)
		if err != nil {
			return err
		}
		dem := vitrine.Demand{ID: id}
		for _, e := range events {
			if calls[id], err = d.calls(calls[id], dem, e); err != nil {
				return err
			}
			if e.Stage == vitrine.Voided || stranger(e) {
				void[dem.Submission.Subject()] = true
			}
			if dem, err = dem.Apply(e); err != nil {
				return err
			}
		}
	}
	for _, id := range ids {
		for _, c := range calls[id] {
			if _, ok := rows[c.class][c.fact]; !ok && !void[c.subject] {
				return edited("fact %s (%s of demand %s) is missing", c.fact, c.kind, id)
			}
		}
	}
	return nil
}

// called is a fact that an event must have made.
type called struct {
	class      ledger.Class
	fact, kind string
	subject    vitrine.Digest
}

// calls appends the facts that an event surely made, whatever the headers were
// at its time.
func (d *Desk) calls(list []called, dem vitrine.Demand, e vitrine.Event) ([]called, error) {
	sub := dem.Submission
	if e.Stage == vitrine.Received {
		sub = *e.Submission
	}
	b, i := d.book(sub.Instrument)
	if b == nil || e.Stage != vitrine.Received && len(list) == 0 { // it came before there was a ledger
		return list, nil
	}
	began, err := b.Log.Began()
	if err != nil || !e.At.After(began) {
		return list, err
	}
	add := func(kind, account string) {
		subject := sub.Subject()
		list = append(list, called{b.Class, factID(b, subject, kind, account, 0), kind, subject})
	}
	switch {
	case e.Stage == vitrine.Received:
		add(law.Demand, "")
		if accounts := specified(sub); len(accounts) <= b.leastRoom(d, i, sub) {
			for _, a := range accounts {
				add(law.AccountField, string(a))
			}
		}
	case e.Stage == vitrine.Rejected && e.Refusal.Ground != Replaced && b.counts(d, i, sub, rejected(e)):
		add(rejected(e), "")
	case e.Stage == vitrine.Produced:
		if kind := disclosed(dem, *e.Package); b.counts(d, i, sub, kind) {
			add(kind, "")
		}
	}
	return list, nil
}

// leastRoom is how many accounts of a demand surely have a fact each.
func (b *Book) leastRoom(d *Desk, i law.Instrument, sub vitrine.Submission) int {
	least := ledger.Slots * 4096
	for _, p := range b.Log.Chain() {
		sheet, err := d.sheet(p, i, sub, law.AccountField)
		at := slices.IndexFunc(p.Grid, func(a ledger.Allotment) bool { return a.Sheet == sheet })
		if err != nil || at < 0 {
			return 0
		}
		least = min(least, p.Grid[at].Slots/2)
	}
	return least
}

// counts reports whether each period has counted such an outcome.
func (b *Book) counts(d *Desk, i law.Instrument, sub vitrine.Submission, kind string) bool {
	return !slices.ContainsFunc(b.Log.Chain(), func(p *ledger.Period) bool {
		name, err := d.sheet(p, i, sub, law.Demand)
		s, ok := p.Sheet(name)
		return err != nil || !ok || !slices.ContainsFunc(s.Fields, func(f ledger.Field) bool { return f.Name == kind })
	})
}

// opened opens a fact that waits, and compares its row with it.
func (b *Book) opened(w store.Fact) (*ledger.Fact, error) {
	say := func(what string) error {
		return edited("of fact %s (%s of demand %s) %s", w.ID, w.Type, w.Demand, what)
	}
	f, err := b.open(w)
	if err != nil {
		return nil, say(fmt.Sprintf("what is sealed cannot be opened with the keys at hand (%v)", err))
	}
	chain := b.Log.Chain()
	if w.Period >= uint64(len(chain)) || f.Header != chain[w.Period].Hash || f.Sheet != w.Sheet || f.Type != w.Type {
		return nil, say("the row says another period, sheet or type than what is sealed in it")
	}
	s, _ := chain[w.Period].Sheet(f.Sheet)
	leaf, err := f.Leaf(s)
	if err != nil || !bytes.Equal(leaf[:], w.Leaf) {
		return nil, say("the leaf is not that of what is sealed")
	}
	return f, nil
}
