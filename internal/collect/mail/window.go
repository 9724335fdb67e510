package mail

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

// Sizes of the window through which a file is read, and of what stays in it
// behind the place that is looked at.
const (
	windowSize = 8 << 20
	slack      = 4 << 10
)

// limits are how much of a file is in memory at a time, and how much of a
// message is searched for header fields.
type limits struct{ window, header int }

// usual are the limits outside of tests.
var usual = limits{windowSize, maxHeader}

// window shows the part of a file that is being read. It moves forward only
// and hashes what leaves it.
type window struct {
	ctx  context.Context
	file io.ReaderAt
	end  int64 // of the file, as far as it is read
	limits
	base   int64 // where buffer begins
	buffer []byte
	digest
}

var errShrank = vitrine.Refusef(vitrine.Failed, "the mailbox became shorter while it was read: nothing was kept, run the step again")

// view returns the bytes from at on: at least want of them, or all up to the
// end. What lies more than slack before at is gone then.
func (w *window) view(at int64, want int) ([]byte, error) {
	if have := w.base + int64(len(w.buffer)); at+int64(want) > have && have < w.end {
		if err := w.slide(max(at-slack, w.base)); err != nil {
			return nil, err
		}
	}
	return w.buffer[at-w.base:], nil
}

// slide moves the window so that it begins at base, and fills it.
func (w *window) slide(base int64) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	w.upTo(w, base)
	if w.buffer == nil {
		w.buffer = make([]byte, 0, min(int64(w.window), w.end))
	}
	n := copy(w.buffer[:cap(w.buffer)], w.buffer[base-w.base:])
	w.base = base
	size := int(min(int64(cap(w.buffer)), w.end-base))
	m, err := w.file.ReadAt(w.buffer[n:size], base+int64(n))
	w.buffer = w.buffer[:n+m]
	if n+m == size {
		return nil
	}
	if err == io.EOF {
		return errShrank
	}
	return fmt.Errorf("read mailbox: %w", err)
}

// bytes returns the bytes from one place to another, both in the window.
func (w *window) bytes(from, to int64) []byte { return w.buffer[from-w.base : to-w.base] }

// digest hashes one item as it passes through the window, and beside it what
// the item is without the quoting of an mboxrd.
type digest struct {
	on       bool
	hashed   int64 // up to where
	stored   hash.Hash
	unquoted hash.Hash // nil until something is quoted
	size     int64     // of what is unquoted, relative to what is stored
}

// begin starts an item at a place.
func (d *digest) begin(at int64) {
	if d.stored == nil {
		d.stored = sha256.New()
	}
	d.stored.Reset()
	d.on, d.hashed, d.unquoted, d.size = true, at, nil, 0
}

// upTo takes the bytes up to a place into account.
func (d *digest) upTo(w *window, at int64) {
	if !d.on || at <= d.hashed {
		return
	}
	b := w.bytes(d.hashed, at)
	d.stored.Write(b)
	if d.unquoted != nil {
		d.unquoted.Write(b)
	}
	d.hashed = at
}

// quote takes note of a quoting ">" at a place.
func (d *digest) quote(w *window, at int64) error {
	d.upTo(w, at)
	if d.unquoted == nil {
		clone, err := d.stored.(hash.Cloner).Clone()
		if err != nil {
			return fmt.Errorf("fork digest: %w", err)
		}
		d.unquoted = clone
	}
	d.stored.Write(w.bytes(at, at+1))
	d.hashed++
	d.size--
	return nil
}

// finish ends the item at a place.
func (d *digest) finish(w *window, at int64) (sum vitrine.Digest) {
	d.upTo(w, at)
	d.on = false
	d.stored.Sum(sum[:0])
	return sum
}

// reverse is what the quoting hides in an item of that size, nil if nothing.
func (d *digest) reverse(size int64) *production.Unquoted {
	if d.unquoted == nil {
		return nil
	}
	u := &production.Unquoted{Size: size + d.size}
	d.unquoted.Sum(u.SHA256[:0])
	return u
}
