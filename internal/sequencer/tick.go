package sequencer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// Fact is a fact in the caller's queue, by the id that it has there.
type Fact struct {
	ID string
	*ledger.Fact
}

// Published is a tick that is public.
type Published struct {
	Period     uint64
	Tick       uint64
	Size       uint64 // of the tree
	Checkpoint []byte
	// Indices are the places of the facts that were given and are in the log,
	// by id, with this tick or an earlier one.
	Indices map[string]uint64
	// Held are the ids of facts that wait for another tick: they found no slot,
	// or came when the tick was planned, or are of a later period.
	Held []string
	// Refused are facts that no tick can count as they are, by id, and why.
	Refused map[string]string
	// Unsigned are the witnesses that did not sign, and why.
	Unsigned map[string]string
}

// Tick makes the next tick, with as many of the facts as there is room for, the
// first ones first, and publishes it. Before its second it refuses. A tick that
// was planned before is published as it was planned.
func (l *Log) Tick(ctx context.Context, facts []Fact) (Published, error) {
	l.work.Lock()
	defer l.work.Unlock()
	if err := l.due(); err != nil {
		return Published{}, err
	}
	out, err := l.plan(ctx, facts)
	if err != nil {
		return Published{}, err
	}
	return l.cosign(ctx, out)
}

// Prepare plans the next tick and appends it, before its second, so that
// nothing but the witnesses is left to wait for. Facts that come later go with
// the tick after. It may be called any number of times.
func (l *Log) Prepare(ctx context.Context, facts []Fact) error {
	l.work.Lock()
	defer l.work.Unlock()
	if err := l.steady(); err != nil {
		return err
	}
	_, err := l.plan(ctx, facts)
	return err
}

// steady refuses while the clock says that it is earlier than it was.
func (l *Log) steady() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped != nil {
		return l.stopped
	}
	if l.last == nil {
		return nil
	}
	latest := l.last.latest()
	if now := l.o.Now(); now.Unix() < latest {
		return vitrine.Refusef(vitrine.Refused, "the clock of this machine stepped back: it says %s, but a tick was published at %s: set it right, and run the same command again", instant(now), instant(time.Unix(latest, 0)))
	}
	return nil
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// due refuses a tick before its second, and one that has no header.
func (l *Log) due() error {
	if err := l.steady(); err != nil {
		return err
	}
	p, tick, at, ok := l.Next()
	if !ok {
		return vitrine.Refusef(vitrine.Refused, "the ledger in %s has no header for the next tick: add one", l.o.Dir)
	}
	now := l.o.Now()
	if tick == 0 {
		if now.Unix() >= int64(p.From) {
			return vitrine.Refusef(vitrine.Refused, "header 0 was not published before its period began at %s: begin in an empty directory, with a period that is still to come", instant(time.Unix(int64(p.From), 0)))
		}
		return nil
	}
	if now.Before(at) {
		return vitrine.Refusef(vitrine.Busy, "tick %d of period %d is published at %s: run the same command again then", tick, p.Number, instant(at))
	}
	return nil
}

// plan has the next tick planned, kept and appended.
func (l *Log) plan(ctx context.Context, facts []Fact) (Published, error) {
	p, tick, _, ok := l.Next()
	if !ok {
		return Published{}, vitrine.Refusef(vitrine.Refused, "the ledger in %s has no header for the next tick: add one", l.o.Dir)
	}
	out := Published{Period: p.Number, Tick: tick, Size: p.After(tick), Indices: map[string]uint64{}, Refused: map[string]string{}}
	if p.Number == 0 && tick == 0 {
		out.Size = ledger.BundleSize
	}
	l.mu.Lock()
	planned := l.last != nil && l.last.Period == p.Number && l.last.Tick == tick
	l.mu.Unlock()
	take, err := l.choose(p, facts, planned, &out)
	if err != nil || planned {
		return out, err
	}
	made, kept, err := l.make(p, tick, take)
	if err != nil {
		return out, err
	}
	l.reached("plan: made")
	b, err := made.marshal()
	if err != nil {
		return out, fmt.Errorf("ledger: write plan: %w", err)
	}
	// From here on this is the tick: a crash finds the plan, or never had one.
	if err := l.stop(l.write(planName(p.Number, tick), b)); err != nil {
		return out, err
	}
	l.reached("plan: kept")
	l.planned(made, kept)
	l.index.add(made, kept)
	maps.Copy(out.Indices, kept.Facts)
	return out, l.stop(l.append(ctx, made))
}

// choose picks the facts of a tick, and says of all others why not.
func (l *Log) choose(p *ledger.Period, facts []Fact, planned bool, out *Published) ([]Fact, error) {
	var take []Fact
	left, seen := room(p), map[string]bool{}
	if planned {
		left = nil
	}
	for _, f := range facts {
		if seen[f.ID] {
			continue
		}
		seen[f.ID] = true
		place, ok, err := l.Counted(f.ID)
		if err != nil {
			return nil, err
		}
		switch {
		case ok:
			out.Indices[f.ID] = place.Index
		case f.Header == p.Hash:
			if err := fits(p, f.Fact); err != nil {
				out.Refused[f.ID] = err.Error()
			} else if left[f.Sheet] < 1 {
				out.Held = append(out.Held, f.ID)
			} else {
				left[f.Sheet]--
				take = append(take, f)
			}
		case l.later(p, f.Header):
			out.Held = append(out.Held, f.ID)
		default:
			out.Refused[f.ID] = "it was made for a header whose ticks are over, or that this ledger does not have: make it anew, for the period that is open"
		}
	}
	return take, nil
}

// fits checks, before one of them spoils a tick for all, that a fact has a leaf
// in the period, and could have a receipt.
func fits(p *ledger.Period, f *ledger.Fact) error {
	s, ok := p.Sheet(f.Sheet)
	if !ok || f.Origin != p.Origin {
		return fmt.Errorf("period %d of %s has no sheet %q", p.Number, p.Origin, f.Sheet)
	}
	day, err := time.Parse(time.DateOnly, f.Day)
	if begin := day.Unix(); err != nil || begin+24*3600 <= int64(p.From) || begin >= int64(p.To) {
		return fmt.Errorf("its day %q is not in period %d", f.Day, p.Number)
	}
	_, err = f.Leaf(s)
	return err
}

func (l *Log) later(p *ledger.Period, header ledger.Hash) bool {
	return slices.ContainsFunc(l.Chain(), func(q *ledger.Period) bool { return q.Number > p.Number && q.Hash == header })
}

// make makes the plan of a tick, and proves it.
func (l *Log) make(p *ledger.Period, tick uint64, facts []Fact) (*plan, *secret, error) {
	l.mu.Lock()
	before, notes, earlier, sums, waiting := tree{}, ledger.Hash{}, int64(0), l.sums, l.pending
	if l.last != nil {
		before, notes, earlier = l.last.After.clone(), l.last.Notes, l.last.latest()
	}
	waiting = slices.DeleteFunc(slices.Clone(waiting), func(p pending) bool { return !l.announces(p) })
	err := error(nil)
	if tick == 1 {
		err = l.settled(p.Number)
	}
	l.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	made := &plan{Period: p.Number, Tick: tick, Before: before, Notes: notes, Notices: []ledger.Notice{}, Earlier: earlier}
	kept := &secret{Facts: map[string]uint64{}, Sums: ledger.Sums{}}
	if tick <= 1 {
		sums = ledger.Sums{}
	}
	if tick == 0 || tick == 1 && p.Number > 0 {
		made.entries = p.HeaderBundle()
	}
	if tick > 0 {
		made.Notices = say(waiting, p.First(tick, 0)/ledger.BundleSize)
		made.Notes = fold(notes, made.Notices)
		if err := l.prove(p, made, kept, facts, sums); err != nil {
			return nil, nil, err
		}
	}
	made.After = before.clone()
	made.After.add(made.entries)
	plain, err := kept.padded(p.Bundles())
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: write plan: %w", err)
	}
	if made.Secret, err = l.o.Seal.Seal(plain); err != nil {
		return nil, nil, fmt.Errorf("ledger: seal plan: %w", err)
	}
	return made, kept, nil
}

func (l *Log) prove(p *ledger.Period, made *plan, kept *secret, facts []Fact, sums ledger.Sums) error {
	bare := make([]*ledger.Fact, len(facts))
	for i, f := range facts {
		bare[i] = f.Fact
	}
	t, err := p.Tick(made.Tick, made.Notes, bare, sums, l.o.Rand)
	if err != nil {
		return fmt.Errorf("ledger: plan %s: %w", l.name(made), err)
	}
	if want := made.Before.size() + uint64(len(made.entries)); t.First != want {
		return l.damaged("tick %d of period %d begins at %d, the log ends at %d", made.Tick, p.Number, t.First, want)
	}
	for i, f := range facts {
		kept.Facts[f.ID] = t.Indices[i]
	}
	made.entries, kept.Sums = append(made.entries, t.Entries...), t.Sums
	return nil
}

// planned makes a plan that is kept the newest.
func (l *Log) planned(made *plan, kept *secret) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last, l.sums = made, kept.Sums
	l.notices = append(slices.Clone(l.notices), made.Notices...)
	l.pending = slices.DeleteFunc(slices.Clone(l.pending), func(p pending) bool {
		return slices.ContainsFunc(made.Notices, func(n ledger.Notice) bool { return n.Digest == p.Digest })
	})
}
