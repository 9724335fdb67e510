package collect

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

// Vanished is why an item is unreadable that was listed and was gone when its
// turn came.
const Vanished = "vanished"

// ErrVanished is what Open returns for an item that was enumerated and is gone.
var ErrVanished = errors.New("the item is gone since it was listed")

// step is how many bytes lie between two calls of progress.
const step = 1 << 20

// reading is the visit of one container.
type reading struct {
	*run
	source    Source
	container Container
	done      vitrine.Container
	bytes     int64 // of the items so far
	told      int64 // bytes at the last progress
	seed      maphash.Seed
	seen      []uint64 // of each item's identity
	cursor    Cursor
}

func (r *reading) name() string { return r.source.Declaration().Name }

// all decides every item of the container as it was at the beginning. What
// comes while it is read is counted and not collected.
func (r *reading) all(ctx context.Context) (vitrine.Container, error) {
	c := r.container
	r.seed = maphash.MakeSeed()
	r.done = vitrine.Container{Source: r.name(), Account: c.Account, Name: c.Name, Kind: c.Kind, Before: c.State}
	err := r.enumerate(ctx)
	if err == nil {
		err = r.compare(ctx)
	}
	if err != nil {
		return r.done, fmt.Errorf("read container %q of account %q in source %s: %w", c.Name, c.Account, r.name(), err)
	}
	if !r.done.Closed() {
		return r.done, fmt.Errorf("the sums of container %q in source %s do not close: %+v", c.Name, r.name(), r.done.Counts)
	}
	r.progress(Progress{Source: r.name(), Container: c.Name, Done: max(r.bytes, c.Size), Total: c.Size})
	return r.done, nil
}

// enumerate decides every item, and goes on where it stood when the store
// breaks off.
func (r *reading) enumerate(ctx context.Context) error {
	p := patience{waits: r.waits}
	for {
		seen := r.cursor.Seen
		err := r.source.Enumerate(ctx, r.container, r.cursor.Position, func(it Item) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return r.item(ctx, it)
		})
		if err == nil {
			return nil
		}
		if r.cursor.Seen > seen {
			p.tried = 0
		}
		if r.cursor.Seen > 0 && r.cursor.Position == "" {
			return err // nobody knows where it stood
		}
		if err := p.again(ctx, err); err != nil {
			return err
		}
	}
}

// complete compares what was seen with the store's own count.
func (r *reading) complete() error {
	if n := r.container.Count; n != NoCount && n != r.done.Seen {
		return vitrine.Refusef(vitrine.Failed, "the store counts %d items and listed %d: nothing was kept; run the step again, and if it stays so, have the store repaired or collect from a copy of its files", n, r.done.Seen)
	}
	return nil
}

func (r *reading) item(ctx context.Context, it Item) error {
	r.done.Seen++
	if it.Unreadable == Vanished {
		r.done.Vanished++
	} else {
		r.seen = append(r.seen, maphash.String(r.seed, it.Identity))
	}
	v := Decide(r.scope, it)
	if v.Decision == In || v.Decision == Undeterminable {
		err := r.keep(ctx, it, v)
		if errors.Is(err, ErrVanished) {
			r.done.Vanished++
			v.Decision, err = Unreadable, nil
		}
		if err != nil {
			return err
		}
	}
	switch v.Decision {
	case Out:
		r.done.Out++
	case Unreadable:
		r.done.Unreadable++
	case In:
		r.done.In++
	case Undeterminable:
		r.done.Undeterminable++
	}
	r.cursor = r.cursor.past(it)
	if r.bytes += it.Size; r.bytes-r.told >= step {
		r.told = r.bytes
		r.progress(Progress{Source: r.name(), Container: r.container.Name, Done: max(r.bytes, it.Offset+it.Size), Total: r.container.Size})
	}
	return nil
}

// keep puts the item into the hold, exactly as it was enumerated or not at all.
func (r *reading) keep(ctx context.Context, it Item, v Verdict) error {
	stored := &steady{ctx: ctx, waits: patience{waits: r.waits}, open: func(offset int64) (io.ReadCloser, error) {
		return r.source.Open(ctx, r.container, it, offset)
	}}
	if err := stored.start(); err != nil {
		return fmt.Errorf("open item: %w", err)
	}
	held, err := r.hold.Add(production.Item{
		Source: r.name(), Account: r.container.Account, Container: r.container.Name, Name: it.Name,
		Category: it.Category, Form: it.Form, Unquoted: it.Unquoted, Received: it.Received, Sent: v.Sent, Extra: it.Extra,
		Matched: v.Matched, Flags: v.Flags, Decision: production.Decision(v.Decision), Reason: string(v.Reason),
	}, stored)
	if cerr := stored.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("hold item: %w", err)
	}
	if held.Size != it.Size || !it.SHA256.IsZero() && held.SHA256 != it.SHA256 {
		return vitrine.Refusef(vitrine.Failed, "an item changed while it was collected: nothing was kept, run the step again")
	}
	return nil
}

// compare takes the container's state again and, where it differs, counts what
// came and what went.
func (r *reading) compare(ctx context.Context) error {
	after, err := persist(ctx, r.waits, func() (string, error) { return r.source.Close(ctx, r.container) })
	if err != nil {
		return fmt.Errorf("take state: %w", err)
	}
	r.done.After = after
	if after == r.done.Before {
		return r.complete()
	}
	now, err := r.listed(ctx)
	if err != nil {
		return fmt.Errorf("list again: %w", err)
	}
	gone, come := differences(r.seen, now)
	r.done.Vanished += gone
	r.done.Arrived = come
	return nil
}

// listed returns the identities of the container's items as they are now.
func (r *reading) listed(ctx context.Context) ([]uint64, error) {
	containers, err := r.inventory(ctx, r.source, r.container.Account)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(containers, func(c Container) bool { return c.Name == r.container.Name })
	if i < 0 {
		return nil, nil
	}
	return persist(ctx, r.waits, func() (now []uint64, err error) {
		err = r.source.Enumerate(ctx, containers[i], "", func(it Item) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if it.Unreadable != Vanished {
				now = append(now, maphash.String(r.seed, it.Identity))
			}
			return nil
		})
		return now, err
	})
}

// differences counts what is only in before and what is only in after.
func differences(before, after []uint64) (gone, come int64) {
	slices.Sort(before)
	slices.Sort(after)
	i, j := 0, 0
	for i < len(before) && j < len(after) {
		switch {
		case before[i] < after[j]:
			gone, i = gone+1, i+1
		case before[i] > after[j]:
			come, j = come+1, j+1
		default:
			i, j = i+1, j+1
		}
	}
	return gone + int64(len(before)-i), come + int64(len(after)-j)
}
