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
	// by id, with this tick or an earlier one. A fact that is neither here nor
	// refused waits for another tick: it found no slot, or came when the tick was
	// planned, or is of a later period.
	Indices map[string]uint64
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
			return vitrine.Refusef(vitrine.Refused, "header 0 was not published before its period began at %s, and cannot be any more: nothing of this ledger is public, so remove %s and begin anew", instant(time.Unix(int64(p.From), 0)), l.o.Dir)
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
