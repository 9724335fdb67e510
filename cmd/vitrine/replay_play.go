package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/replay"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// moment is something that the provider would have done at a time. Of those at
// one time the earlier in this order is first: what a header says is settled
// before anything makes it.
type moment struct {
	at    time.Time
	order int
	do    func(context.Context) error
}

const (
	settle = iota // what the next header says
	receive
	count
	publish
)

// play lives through the periods of the plan.
func (r *replayed) play(ctx context.Context) error {
	var all []moment
	for _, l := range r.plan {
		all = append(all, r.moments(l)...)
	}
	slices.SortStableFunc(all, func(a, b moment) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.order - b.order
	})
	for _, m := range all {
		r.now = m.at
		if err := m.do(ctx); err != nil {
			return fmt.Errorf("replay %s: %w", m.at.Format(time.DateOnly), err)
		}
	}
	return r.embargoed(ctx)
}

// moments are those of one ledger.
func (r *replayed) moments(l replay.Ledger) []moment {
	first := l.Periods[0]
	all := []moment{{first.From.Add(-12 * time.Hour), settle, func(ctx context.Context) error {
		r.desk.Books[l.Class] = r.books[l.Class]
		r.settle(l, 0)
		return r.desk.Prepare(ctx)
	}}}
	for i, p := range l.Periods {
		all = append(all, moment{p.From, settle, func(ctx context.Context) error {
			r.settle(l, i+1)
			return r.desk.Prepare(ctx)
		}})
		// Once the ticks of the period before are over.
		all = append(all, moment{p.From.Add(replayLag + time.Hour), receive, func(ctx context.Context) error { return r.receive(ctx, l.Class, p) }})
		step := p.To.Sub(p.From) / time.Duration(p.Ticks)
		for t := range p.Ticks {
			all = append(all, moment{p.From.Add(replayLag + step*time.Duration(t+1)), count, r.desk.Count})
		}
		all = append(all, moment{p.To.Add(replayLag), publish, r.publish})
	}
	return all
}

// settle says what the header of the n-th period is made of. Behind the last
// one a ledger goes on, with nothing to count.
func (r *replayed) settle(l replay.Ledger, n int) {
	p := l.Periods[min(n, len(l.Periods)-1)]
	if n == len(l.Periods) {
		p.Ticks, p.Sheets, p.Made, p.Slots = 2, nil, []law.Sheet{replay.Beyond()}, nil
	}
	c := &r.books[l.Class].Counting
	c.Cadence, c.Ticks, c.Structure, c.Sheets, c.Made, c.Slots = p.Cadence, p.Ticks, p.Structure, p.Sheets, p.Made, p.Slots
}

// publish builds a report, once the public ledger has a period to name it by.
func (r *replayed) publish(ctx context.Context) error {
	b := r.desk.Books[ledger.Public]
	if b == nil {
		return nil
	}
	if next, _, _, ok := b.Log.Next(); !ok || next.Number == 0 {
		return nil
	}
	return r.build(ctx)
}

// embargoed waits for the tables of the plan that the law keeps back: each for
// the first tick after its time.
func (r *replayed) embargoed(ctx context.Context) error {
	waited := false
	for _, l := range r.plan {
		log, until := r.books[l.Class].Log, time.Time{}
		for _, p := range log.Chain()[:len(l.Periods)] {
			for _, t := range p.Tables {
				if at := time.Unix(int64(t.NotBefore), 0); at.After(until) {
					until = at
				}
			}
		}
		for newest := l.Periods[len(l.Periods)-1].To.Add(replayLag); newest.Before(until); waited = true {
			_, _, at, ok := log.Next()
			if !ok {
				return vitrine.Refusef(vitrine.Failed, "the %s ledger of the replay has no next tick, so tables that the law keeps back cannot be told: start again in an empty --dir", l.Class)
			}
			newest = at
			if r.now.Before(at) {
				r.now = at
			}
			if err := r.desk.Count(ctx); err != nil {
				return err
			}
		}
	}
	if !waited {
		return nil
	}
	return r.build(ctx)
}

// receive has the demands of a period come, and end as they do.
func (r *replayed) receive(ctx context.Context, class ledger.Class, p replay.Period) error {
	for _, g := range p.Groups {
		room := p.Slots[g.Sheet]
		left, err := r.demands(ctx, p, g, room)
		if err != nil {
			return fmt.Errorf("%s: %w", g.Table, err)
		}
		if left > 0 { // selectors of which the table does not say whose they are
			s := casework.Synthetic{Class: class, Sheet: g.Sheet, Reference: p.Name(), Received: r.now, Accounts: left}
			if err := r.desk.Synthesize(ctx, []casework.Synthetic{s}); err != nil {
				return err
			}
		}
	}
	return nil
}

// demands makes the demands of a group. It returns how many of the accounts
// found no demand.
func (r *replayed) demands(ctx context.Context, p replay.Period, g replay.Group, room int) (left int, err error) {
	lists := g.Lists(room)
	left = g.Accounts
	for _, n := range lists {
		left -= n
	}
	if g.Instrument == "" {
		return left, r.synthetic(ctx, p, g, lists)
	}
	ids := make([]vitrine.ID, g.Demands)
	for i := range ids {
		r.bars.draw("receiving", int64(i), int64(g.Demands), false)
		n := 0
		if i < len(lists) {
			n = lists[i]
		}
		sub, err := r.submission(p, g, i, n)
		if err != nil {
			return 0, err
		}
		if ids[i], err = r.desk.Receive(ctx, sub, []byte(replayProvider), "replay"); err != nil {
			return 0, err
		}
	}
	return left, r.ends(ctx, g, ids)
}

// submission is a made-up demand that names so many accounts.
func (r *replayed) submission(p replay.Period, g replay.Group, i, accounts int) (vitrine.Submission, error) {
	before, err := vitrine.NewPeriod(p.From.AddDate(0, -1, 0), p.From)
	sub := vitrine.Submission{
		Reference: fmt.Sprintf("%s %s %d", p.Name(), g.Table, i+1), Authority: "replay", Instrument: g.Instrument, Received: r.now.Add(time.Duration(i) * time.Second),
		Document: vitrine.Document{Name: "none.txt"}, Asked: vitrine.Scope{Categories: []vitrine.Category{vitrine.Subscriber}, Period: before, Clock: vitrine.ClockReceived},
	}
	for n := range accounts {
		sub.Asked.Accounts = append(sub.Asked.Accounts, vitrine.Account(fmt.Sprint("a", n+1)))
	}
	return sub, err
}

// ends has the first demands end in each of the ways that the table says, each
// in one as long as there are enough.
func (r *replayed) ends(ctx context.Context, g replay.Group, ids []vitrine.ID) error {
	next := 0
	for _, o := range g.Outcomes {
		var some []vitrine.ID
		for range o.Number {
			some = append(some, ids[next%len(ids)])
			next++
		}
		if err := r.desk.SynthesizeOutcomes(ctx, o.Field, some); err != nil {
			return err
		}
	}
	return nil
}

// synthetic makes demands on a sheet that no instrument has.
func (r *replayed) synthetic(ctx context.Context, p replay.Period, g replay.Group, lists []int) error {
	list := make([]casework.Synthetic, g.Demands)
	for i := range list {
		list[i] = casework.Synthetic{Class: ledger.Public, Sheet: g.Sheet, Reference: fmt.Sprintf("%s %d", p.Name(), i+1), Received: r.now.Add(time.Duration(i) * time.Second), Counted: true}
		if p.Structure != "" {
			list[i].Class = ledger.Restricted
		}
		switch {
		case i >= len(lists):
		case g.Bulk:
			list[i].Bulk = uint32(lists[i])
		default:
			list[i].Accounts = lists[i]
		}
	}
	next := 0
	for _, o := range g.Outcomes {
		for range o.Number {
			list[next%len(list)].Outcomes = append(list[next%len(list)].Outcomes, o.Field)
			next++
		}
	}
	return r.desk.Synthesize(ctx, list)
}
