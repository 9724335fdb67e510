package sequencer

import (
	"fmt"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine/ledger"
)

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
			} else if left[f.Sheet] > 0 {
				left[f.Sheet]--
				take = append(take, f)
			}
		case !l.later(p, f.Header):
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
	before, notes, earlier, sums, waiting := ledger.Tree{}, ledger.Hash{}, int64(0), l.sums, l.pending
	if l.last != nil {
		before, notes, earlier = l.last.After.Clone(), l.last.Notes, l.last.latest()
	}
	waiting = slices.DeleteFunc(slices.Clone(waiting), func(n pending) bool { return !l.announces(n, p.TickTime(tick)) })
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
	made.After = before.Clone()
	made.After.Add(made.entries)
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
	if want := made.Before.Size() + uint64(len(made.entries)); t.First != want {
		return l.damaged("tick %d of period %d begins at %d, the log ends at %d", made.Tick, p.Number, t.First, want)
	}
	for i, f := range facts {
		kept.Facts[f.ID] = t.Indices[i]
	}
	made.entries, kept.Sums = append(made.entries, t.Entries...), t.Sums
	return nil
}
