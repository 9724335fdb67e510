package mail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"strconv"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// noFromLine is why the bytes before the first From_ line are unreadable.
const noFromLine = "no-from-line"

// hidden is why a message is uncertain whose Content-Length steps over another.
const hidden = "content-length"

// doubtful is why a message is uncertain that may be two.
const doubtful = "from-line"

// pass is one reading of an mbox file, from its beginning, or from the From_
// line of a message, to a fixed end.
type pass struct {
	ctx        context.Context
	file       io.ReaderAt
	begin, end int64
	path       string
	key        string
	limits
	last piece
	tape hash.Hash // over every From_ line and every item's place and digest
}

// all yields every message and returns a digest of all that was read.
func (r *pass) all(yield func(collect.Item) error) (sum vitrine.Digest, err error) {
	r.tape = sha256.New()
	s := &scanner{window: window{ctx: r.ctx, file: r.file, end: r.end, limits: r.limits}}
	switch {
	case r.begin > 0:
		err = r.onward(s, yield)
	case r.end > 0:
		err = r.messages(s, yield)
	}
	r.tape.Sum(sum[:0])
	return sum, err
}

func (r *pass) messages(s *scanner, yield func(collect.Item) error) error {
	first, found, err := s.next(0, s.end)
	if err != nil {
		return err
	}
	stop := s.end
	if found {
		stop = first.at
	}
	blank, err := r.blank(stop)
	switch {
	case err != nil:
		return err
	case !found && blank:
		return nil
	case !found:
		return vitrine.Refusef(vitrine.Failed, "%s is no mbox: no line in it begins a message (\"From \", a sender and a date): convert it, or correct the source's path", r.path)
	case !blank:
		if err := r.garbage(stop, yield); err != nil {
			return err
		}
	}
	return s.pieces(first, func(p piece) error { return r.message(s, p, yield) })
}

// onward yields the message whose From_ line stands at the beginning, and all
// behind it.
func (r *pass) onward(s *scanner, yield func(collect.Item) error) error {
	s.base = max(r.begin-slack, 0) // what stands before a line tells whether it is one
	first, found, err := s.next(r.begin, s.end)
	switch {
	case err != nil:
		return err
	case !found || first.at != r.begin:
		return vitrine.Refusef(vitrine.Failed, "%s changed while it was read: nothing was kept, run the step again", r.path)
	}
	return s.pieces(first, func(p piece) error { return r.message(s, p, yield) })
}

// blank reports whether the file up to a place is nothing but line ends.
func (r *pass) blank(stop int64) (bool, error) {
	b := make([]byte, min(stop, slack))
	if n, err := r.file.ReadAt(b, 0); n < len(b) {
		return false, errors.Join(errShrank, err)
	}
	return stop <= slack && len(bytes.Trim(b, "\r\n")) == 0, nil
}

// garbage yields what lies before the first From_ line, which no rule reads.
func (r *pass) garbage(size int64, yield func(collect.Item) error) error {
	return yield(collect.Item{Name: "0", Identity: "0-" + strconv.FormatInt(size, 10), Size: size, Category: Category, Form: formPlain, Unreadable: noFromLine, Key: r.key})
}

func (r *pass) message(s *scanner, p piece, yield func(collect.Item) error) error {
	r.last = p
	identity := make([]byte, 0, 64)
	identity = binary.BigEndian.AppendUint64(identity, uint64(p.at))
	identity = binary.BigEndian.AppendUint64(identity, uint64(p.end))
	identity = binary.BigEndian.AppendUint64(identity, uint64(p.size))
	identity = append(identity, p.sum[:]...)
	r.tape.Write(identity)
	io.WriteString(r.tape, p.received.Raw)
	it := collect.Item{
		Name: strconv.FormatInt(p.at, 10), Identity: string(identity), Offset: p.end, Size: p.size,
		Form: p.form, Received: p.received, SHA256: p.sum, Key: r.key,
	}
	if p.unquoted {
		it.Unquoted = s.reverse(p.size)
	}
	switch {
	case p.hides:
		it.Uncertain = hidden
	case p.doubt && p.form != formCl2:
		it.Uncertain = doubtful
	}
	if p.isCut {
		it.Flags = append(it.Flags, flagTruncated)
	}
	if !p.ended {
		it.Flags = append(it.Flags, flagNoBlank)
	}
	s.head.into(&it)
	return yield(it)
}

// settled reports an error unless what came behind the end begins with a new
// message: else the last one was still being written.
func (r *pass) settled(size int64) error {
	if size == r.end {
		return nil
	}
	b := make([]byte, min(size-r.end, maxFromLine+lookAhead))
	if n, err := r.file.ReadAt(b, r.end); n < len(b) {
		return errors.Join(errShrank, err)
	}
	for _, blank := range []string{"", "\n", "\r\n"} {
		if rest, ok := bytes.CutPrefix(b, []byte(blank)); ok && bytes.HasPrefix(rest, fromMark) {
			if _, _, ok := parseFromLine(rest); ok && !r.last.isCut {
				return nil
			}
		}
	}
	return vitrine.Refusef(vitrine.Failed, "%s was being written while it was read: nothing was kept, run the step again", r.path)
}
