package collect

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
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

// reading is the visit of one container, in one piece of a collection.
type reading struct {
	*run
	source     Source
	encryption Encryption // as the catalogue has it
	container  Container
	done       vitrine.Container // of this piece
	told       int64             // bytes at the last progress
	seen       identities
}

func (r *reading) name() string { return r.source.Declaration().Name }

// all decides every item of the container as it was at the beginning. What
// comes while it is read is counted and not collected. errFull comes with what
// was done until then.
func (r *reading) all(ctx context.Context) (vitrine.Container, error) {
	c := r.container
	r.done = vitrine.Container{Source: r.name(), Account: c.Account, Name: c.Name, Kind: c.Kind, Before: c.State}
	r.seen = identities{path: r.file(r.at.file()), runs: r.at.Runs}
	err := r.enumerate(ctx)
	full := errors.Is(err, errFull)
	switch {
	case full:
		err = r.seen.spill()
		r.at.Runs = r.seen.runs
	case err == nil:
		err = r.compare(ctx) // the file stays: until the piece is kept, another process may need it
	}
	if err != nil {
		return r.done, fmt.Errorf("read container %q of account %q in source %s: %w", c.Name, c.Account, r.name(), err)
	}
	if !r.done.Closed() {
		return r.done, fmt.Errorf("the sums of container %q in source %s do not close: %+v", c.Name, r.name(), r.done.Counts)
	}
	if full {
		return r.done, errFull
	}
	r.Progress(Progress{Source: r.name(), Container: c.Name, Done: max(r.at.Bytes, c.Size), Total: c.Size})
	return r.done, nil
}

// file is a file of the collection's own, or "" if it was given no place.
func (r *run) file(name string) string {
	if r.Dir == "" {
		return ""
	}
	return filepath.Join(r.Dir, name)
}

// enumerate decides every item, and goes on where it stood when the store
// breaks off.
func (r *reading) enumerate(ctx context.Context) error {
	p := patience{waits: r.Patience}
	ctx = foreseeing(ctx, r.scope)
	for {
		seen := r.at.Cursor.Seen
		var stopped error // a source that does not hand it on must not make an end of it
		err := r.source.Enumerate(ctx, r.container, r.at.Cursor.Position, func(it Item) error {
			if stopped == nil {
				stopped = ctx.Err()
			}
			if stopped == nil {
				stopped = r.item(ctx, it)
			}
			return stopped
		})
		if err == nil {
			err = stopped
		}
		if err == nil {
			return nil
		}
		if r.at.Cursor.Seen > seen {
			p.tried = 0
		}
		if r.at.Cursor.Seen > 0 && r.at.Cursor.Position == "" {
			return err // nobody knows where it stood
		}
		if err := p.again(ctx, err); err != nil {
			return err
		}
	}
}

// complete compares what was seen with the store's own count.
func (r *reading) complete() error {
	if n := r.container.Count; n != NoCount && n != r.at.Cursor.Seen {
		return vitrine.Refusef(vitrine.Failed, "the store counts %d items and listed %d: nothing was kept; run the step again, and if it stays so, have the store repaired or collect from a copy of its files", n, r.at.Cursor.Seen)
	}
	return nil
}

// identity is what is kept of an item's identity.
func (r *run) identity(it Item) vitrine.Digest {
	return sha256.Sum256(append(r.key[:], it.Identity...))
}

func (r *reading) item(ctx context.Context, it Item) error {
	if it.EndToEnd && r.encryption != "" && r.encryption != EndToEnd {
		return vitrine.Refusef(vitrine.Refused, "it holds items that are encrypted from end to end, and the catalogue says that its encryption is %q: nothing was kept; have a new version of the catalogue signed (vitrine catalogue)", r.encryption)
	}
	id := r.identity(it)
	r.done.Seen++
	gone := it.Unreadable == Vanished
	v := Decide(r.scope, it)
	if v.Decision == In && r.at.Subjects[r.at.Account].Doubtful {
		v.Decision, v.Reason = Undeterminable, ReasonIdentifier
	}
	err := r.narrow(ctx, &it, &v)
	if err == nil && (v.Decision == In || v.Decision == Undeterminable) {
		err = r.keep(ctx, it, v)
	}
	if errors.Is(err, ErrVanished) {
		gone, v.Decision, err = true, Unreadable, nil
	}
	if err != nil {
		return err
	}
	if gone { // and is not among those that may be missed at the end
		r.done.Vanished++
	} else if err := r.seen.add(id); err != nil {
		return err
	}
	r.count(v.Decision)
	r.at.Cursor = r.at.Cursor.past(id, it.Position)
	if r.at.Bytes += it.Size; r.at.Bytes-r.told >= step {
		r.told = r.at.Bytes
		r.Progress(Progress{Source: r.name(), Container: r.container.Name, Done: max(r.at.Bytes, it.Offset+it.Size), Total: r.container.Size})
	}
	if r.full() && it.Position != "" {
		return errFull
	}
	return nil
}

func (r *reading) count(d Decision) {
	switch d {
	case Out:
		r.done.Out++
	case Unreadable:
		r.done.Unreadable++
	case In:
		r.done.In++
	case Undeterminable:
		r.done.Undeterminable++
	}
}

// full reports whether the piece has reached its limit.
func (r *reading) full() bool {
	seen := r.col.Seen + r.done.Seen
	return r.Limit.Seen > 0 && seen >= r.Limit.Seen || r.Limit.Held > 0 && r.held >= r.Limit.Held
}

// errChanged is for an item that is not what was enumerated.
var errChanged = vitrine.Refusef(vitrine.Failed, "an item changed while it was collected: nothing was kept, run the step again")

// open begins to read an item; what is read goes on where the store breaks off.
func (r *reading) open(ctx context.Context, it Item) (*steady, error) {
	stored := &steady{ctx: ctx, waits: patience{waits: r.Patience}, open: func(offset int64) (io.ReadCloser, error) {
		return r.source.Open(ctx, r.container, it, offset)
	}}
	if err := stored.start(); err != nil {
		return nil, fmt.Errorf("open item: %w", err)
	}
	return stored, nil
}

// keep puts the item into the hold, exactly as it was enumerated or not at all.
func (r *reading) keep(ctx context.Context, it Item, v Verdict) error {
	extra := it.Extra
	if r.Preserve {
		var err error
		if extra, err = preserved(it); err != nil {
			return err
		}
	}
	stored, err := r.open(ctx, it)
	if err != nil {
		return err
	}
	held, err := r.Hold.Add(production.Item{
		Source: r.name(), Account: r.container.Account, Container: r.container.Name, Name: it.Name,
		Category: it.Category, Form: it.Form, Unquoted: it.Unquoted, Received: it.Received, Sent: v.Sent, Extra: extra,
		Matched: v.Matched, Flags: v.Flags, Decision: production.Decision(v.Decision), Reason: string(v.Reason),
	}, stored)
	if cerr := stored.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("hold item: %w", err)
	}
	r.held += held.Size
	if held.Size != it.Size || !it.SHA256.IsZero() && held.SHA256 != it.SHA256 {
		return errChanged
	}
	return nil
}

// compare takes the container's state again and, where it differs, counts what
// came and what went.
func (r *reading) compare(ctx context.Context) error {
	after, err := persist(ctx, r.Patience, func() (string, error) { return r.source.Close(ctx, r.container) })
	if err != nil {
		return fmt.Errorf("take state: %w", err)
	}
	r.done.After = after
	if after == r.done.Before {
		return r.complete()
	}
	var now *identities
	for n := 0; ; n++ {
		var said, listed int64
		if now, said, listed, err = r.listed(ctx); err != nil {
			return fmt.Errorf("list again: %w", err)
		}
		if said == NoCount || said == listed {
			break
		}
		if n == relistings {
			return vitrine.Refusef(vitrine.Failed, "the store counts %d items and listed %d: nothing was kept; run the step again, and if it stays so, have the store repaired or collect from a copy of its files", said, listed)
		}
	}
	gone, come, err := differences(&r.seen, now)
	if err != nil {
		return err
	}
	r.done.Vanished += gone
	r.done.Arrived = come
	return now.drop()
}

// relistings is how often a container that changes is listed again, for its
// count to be that of the list.
const relistings = 3

// listed returns the identities of the container's items as they are now, how
// many the store says there are, and how many it listed.
func (r *reading) listed(ctx context.Context) (now *identities, said, listed int64, err error) {
	now = &identities{path: r.file("identities-again")}
	containers, err := r.inventory(ctx, r.source, r.container.Account)
	if err != nil {
		return now, 0, 0, err
	}
	i := slices.IndexFunc(containers, func(c Container) bool { return c.Name == r.container.Name })
	if i < 0 {
		return now, NoCount, 0, nil
	}
	now, err = persist(ctx, r.Patience, func() (*identities, error) {
		now.run, now.runs, listed = now.run[:0], nil, 0
		return now, r.source.Enumerate(ctx, containers[i], "", func(it Item) error {
			if err := ctx.Err(); err != nil || it.Unreadable == Vanished {
				return err
			}
			listed++
			return now.add(r.identity(it))
		})
	})
	return now, containers[i].Count, listed, err
}
