package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// stream is one FETCH of the bytes behind headSize of several messages, which
// are read in its order.
type stream struct {
	*link
	cmd  *imapclient.FetchCommand
	stop func() bool
	left int
}

// Open returns a message's bytes: those that came with the evidence, and the
// rest from the stream that brings them or by a FETCH of their own.
func (s *imaps) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	var uid imap.UID
	var size int64
	if _, err := fmt.Sscanf(it.Key, "%d/%d", &uid, &size); err != nil {
		return nil, fmt.Errorf("key of a message: %w", err)
	}
	s.mu.Lock()
	v := s.visits[visitKey(c)]
	s.mu.Unlock()
	if v != nil && v.batch != nil && v.batch.letters[v.at].uid == uid {
		if r, err := v.ahead(ctx, &v.batch.letters[v.at], offset); r != nil || err != nil {
			return r, err
		}
	}
	k, err := parseBoxKey(c.Key)
	if err != nil {
		return nil, err
	}
	return s.single(ctx, c.Account, k, uid, offset, size)
}

// ahead returns the bytes of the message that is being yielded, or nil where
// they have to be fetched.
func (v *visit) ahead(ctx context.Context, e *envelope, offset int64) (io.ReadCloser, error) {
	if int64(len(e.head)) == e.size {
		return io.NopCloser(bytes.NewReader(e.head[min(offset, e.size):])), nil
	}
	if offset > 0 || !slices.Contains(v.wanted, e.uid) {
		return nil, nil
	}
	if v.stream == nil {
		if err := v.startStream(ctx, e.uid); err != nil {
			return nil, err
		}
	}
	rest, err := v.stream.next(ctx, e.uid)
	if rest == nil || err != nil {
		v.cutStream()
		return nil, err
	}
	if rest.Size() != e.size-headSize {
		v.cutStream()
		return nil, wrongSize(v.key.Mailbox, e.uid, e.size, rest.Size()+headSize)
	}
	return &ahead{visit: v, ctx: ctx, first: e.head[:headSize], rest: rest, left: rest.Size()}, nil
}

func wrongSize(box string, uid imap.UID, said, got int64) error {
	return vitrine.Refusef(vitrine.Failed, "message %d of mailbox %q has %d bytes by the server's record and %d when it is read: nothing was kept; have the store repaired, or collect from a copy of its files", uid, box, said, got)
}

// startStream asks for what is wanted of the batch from uid on.
func (v *visit) startStream(ctx context.Context, uid imap.UID) error {
	if v.bodies == nil || !v.bodies.alive() {
		l, err := v.acquire(ctx, v.account)
		if err != nil {
			return v.lost(err)
		}
		v.bodies = l
		if _, err := l.again(ctx, v.key); err != nil {
			return err
		}
	}
	var set imap.UIDSet
	left := 0
	for _, u := range v.wanted {
		if u >= uid {
			set.AddNum(u)
			left++
		}
	}
	l := v.bodies
	v.stream = &stream{link: l, left: left, stop: context.AfterFunc(ctx, l.cut)}
	l.wire.deadline(1)
	v.stream.cmd = l.Client.Fetch(set, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section(headSize, math.MaxUint32)}})
	return nil
}

// next returns the bytes of a message, or nil if it is not the next one.
func (s *stream) next(ctx context.Context, uid imap.UID) (imap.LiteralReader, error) {
	for m := s.cmd.Next(); m != nil; m = s.cmd.Next() {
		s.left--
		var at imap.UID
		for d := m.Next(); d != nil; d = m.Next() {
			switch d := d.(type) {
			case imapclient.FetchItemDataUID:
				at = d.UID
			case imapclient.FetchItemDataBodySection:
				if at == uid && d.Literal != nil && d.MatchCommand(section(headSize, 0)) {
					return d.Literal, nil
				}
			}
		}
		if at > uid {
			return nil, nil
		}
	}
	return nil, s.explain(ctx, s.cmd.Close())
}

// endStream lets a stream run out if nothing is left of it, else cuts it.
func (v *visit) endStream() {
	if v.stream == nil {
		return
	}
	if v.stream.left > 0 {
		v.cutStream()
		return
	}
	v.finish()
}

// cutStream ends a stream with its connection.
func (v *visit) cutStream() {
	v.stream.cut()
	v.finish()
}

func (v *visit) finish() {
	_ = v.stream.cmd.Close() // what it has to say was said by next
	v.stream.wire.deadline(-1)
	v.stream.stop()
	v.stream = nil
}

// ahead reads a message whose rest comes in a stream.
type ahead struct {
	visit *visit
	ctx   context.Context
	first []byte
	rest  imap.LiteralReader
	left  int64
}

func (a *ahead) Read(p []byte) (int, error) {
	if len(a.first) > 0 {
		n := copy(p, a.first)
		a.first = a.first[n:]
		return n, nil
	}
	n, err := a.rest.Read(p)
	a.left -= int64(n)
	if err == nil || err == io.EOF && a.left == 0 {
		return n, err
	}
	return n, a.visit.broken(a.ctx, err)
}

// broken ends a stream that ended within a message.
func (v *visit) broken(ctx context.Context, err error) error {
	s := v.stream
	if s == nil {
		return &collect.Interrupted{Err: err}
	}
	v.cutStream()
	if err = s.explain(ctx, err); errors.Is(err, errGarbled) {
		err = &collect.Interrupted{Err: err}
	}
	return err
}

func (a *ahead) Close() error { return nil }

// single fetches one message, or what is left of it, on a connection of its own.
func (s *imaps) single(ctx context.Context, account vitrine.Account, k boxKey, uid imap.UID, offset, size int64) (io.ReadCloser, error) {
	if offset >= size {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	l, err := s.acquire(ctx, account)
	if err != nil {
		return nil, s.lost(err)
	}
	if _, err := l.again(ctx, k); err != nil {
		s.release(l)
		return nil, err
	}
	l.wire.deadline(1)
	r := &only{source: s, link: l, ctx: ctx, stop: context.AfterFunc(ctx, l.cut), left: size - offset}
	r.cmd = l.Client.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section(offset, size-offset+1)}})
	for m := r.cmd.Next(); m != nil && r.rest == nil; {
		d := m.Next()
		if d == nil {
			break
		}
		if b, ok := d.(imapclient.FetchItemDataBodySection); ok && b.Literal != nil && b.MatchCommand(section(offset, 0)) {
			r.rest = b.Literal
		}
	}
	if r.rest == nil {
		if err := r.end(); err != nil {
			return nil, err
		}
		return nil, collect.ErrVanished
	}
	if r.rest.Size() != r.left {
		err := wrongSize(k.Mailbox, uid, size, offset+r.rest.Size())
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// only reads one message.
type only struct {
	source *imaps
	link   *link
	ctx    context.Context
	stop   func() bool
	cmd    *imapclient.FetchCommand
	rest   imap.LiteralReader
	left   int64
	ended  bool
}

func (r *only) Read(p []byte) (int, error) {
	n, err := r.rest.Read(p)
	r.left -= int64(n)
	if err == nil || err == io.EOF && r.left == 0 {
		return n, err
	}
	err = r.link.explain(r.ctx, err)
	if errors.Is(err, errGarbled) {
		err = &collect.Interrupted{Err: err}
	}
	return n, err
}

// end waits for the end of the answer and gives the connection back.
func (r *only) end() error {
	if r.ended {
		return nil
	}
	r.ended = true
	err := r.link.explain(r.ctx, r.cmd.Close())
	r.link.wire.deadline(-1)
	r.stop()
	r.source.release(r.link)
	return err
}

func (r *only) Close() error {
	if r.left > 0 {
		r.link.cut()
		_ = r.end() // it was ended from here
		return nil
	}
	return r.end()
}

// Close returns the mailbox's state now.
func (s *imaps) Close(ctx context.Context, c collect.Container) (string, error) {
	k, err := parseBoxKey(c.Key)
	if err != nil {
		return "", err
	}
	l, err := s.acquire(ctx, c.Account)
	if err != nil {
		return "", s.lost(err)
	}
	defer s.release(l)
	data, err := l.again(ctx, k)
	if err != nil {
		return "", err
	}
	return stateOf(data), nil
}
