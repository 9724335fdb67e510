package mail

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

func (b *batch) reset(uids []imap.UID) {
	b.letters, b.arena, b.err = b.letters[:0], b.arena[:0], nil
	if b.arena == nil {
		b.arena = make([]byte, 0, batchSize*askedSize)
	}
	for _, u := range uids {
		b.letters = append(b.letters, envelope{uid: u, size: -1})
	}
}

// find returns the letter with a UID, or nil.
func (b *batch) find(uid imap.UID) *envelope {
	i, ok := slices.BinarySearchFunc(b.letters, uid, func(e envelope, uid imap.UID) int { return int(int64(e.uid) - int64(uid)) })
	if !ok {
		return nil
	}
	return &b.letters[i]
}

// missing are the messages whose answer did not come.
func (b *batch) missing() (set imap.UIDSet) {
	for _, e := range b.letters {
		if !e.got && e.why == "" {
			set.AddNum(e.uid)
		}
	}
	return set
}

// fill fetches a batch. Where an answer cannot be read, its messages are asked
// for one by one, so that only the one that is to blame is unreadable.
func (v *visit) fill(ctx context.Context, b *batch) error {
	err := v.fetch(ctx, b, b.missing())
	if err != nil && !v.blames(err) {
		return err
	}
	for i := range b.letters {
		if e := &b.letters[i]; !e.got {
			if err := v.alone(ctx, b, e); err != nil {
				return err
			}
		}
	}
	for i := range b.letters {
		if e := &b.letters[i]; e.why == "" {
			if err := v.check(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// blames reports whether an error may be a single message's.
func (v *visit) blames(err error) bool {
	var broken *collect.Interrupted
	var refusal *vitrine.Refusal
	return errors.Is(err, errGarbled) || errors.As(err, &refusal) && !errors.As(err, &broken)
}

// alone fetches one message, and finds out why it does not come.
func (v *visit) alone(ctx context.Context, b *batch, e *envelope) error {
	if err := v.revive(ctx); err != nil {
		return err
	}
	err := v.fetch(ctx, b, imap.UIDSetNum(e.uid))
	switch {
	case err != nil && !v.blames(err):
		return err
	case err != nil:
		if v.garbled++; v.garbled > maxGarbled {
			return vitrine.Refusef(vitrine.Failed, "the server's answers for more than %d messages of mailbox %q cannot be read: nothing was kept; have the store repaired, or collect from a copy of its files", maxGarbled, v.key.Mailbox)
		}
		e.why = reasonGarbled
		return nil
	case e.got:
		return nil
	}
	there, err := v.heads.search(ctx, imap.UIDSetNum(e.uid))
	if e.why = vanishedMessage; len(there) > 0 {
		e.why = reasonWithheld
	}
	return err
}

// revive connects anew where the connection ended over an answer.
func (v *visit) revive(ctx context.Context) error {
	if v.heads.alive() {
		return nil
	}
	v.heads.cut()
	l, err := v.acquire(ctx, v.account)
	if err != nil {
		return v.lost(err)
	}
	v.heads = l
	_, err = l.again(ctx, v.key)
	return err
}

// fetch asks for the first bytes of messages and what the store says of them.
func (v *visit) fetch(ctx context.Context, b *batch, set imap.UIDSet) error {
	if len(set) == 0 {
		return nil
	}
	_, err := do(ctx, v.heads, func() (any, error) {
		cmd := v.heads.Client.Fetch(set, &imap.FetchOptions{
			UID: true, Flags: true, InternalDate: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{section(0, askedSize)},
		})
		for m := cmd.Next(); m != nil; m = cmd.Next() {
			b.take(m)
		}
		return nil, cmd.Close()
	})
	return err
}

func section(offset, size int64) *imap.FetchItemBodySection {
	return &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Offset: offset, Size: size}}
}

// take puts one answer where it belongs.
func (b *batch) take(m *imapclient.FetchMessageData) {
	var e envelope
	e.size = -1
	body := false
	for d := m.Next(); d != nil; d = m.Next() {
		switch d := d.(type) {
		case imapclient.FetchItemDataUID:
			e.uid = d.UID
		case imapclient.FetchItemDataFlags:
			e.flags = d.Flags
		case imapclient.FetchItemDataInternalDate:
			e.arrived = d.Time
		case imapclient.FetchItemDataRFC822Size:
			e.size = d.Size
		case imapclient.FetchItemDataBodySection:
			if d.Literal == nil || body || !d.MatchCommand(section(0, askedSize)) {
				continue
			}
			body = true
			if e.head, e.why = b.literal(d.Literal, askedSize); e.why == "cut" {
				return // the connection broke, which the command's end says
			}
		}
	}
	if to := b.find(e.uid); to != nil && !to.got && body && e.size >= 0 {
		e.got = true
		*to = e
	}
}

// literal reads up to most bytes.
func (b *batch) literal(r imap.LiteralReader, most int64) (head []byte, why string) {
	size := r.Size()
	if size > most {
		return nil, reasonGarbled
	}
	n := len(b.arena)
	if n+int(size) > cap(b.arena) {
		b.arena, n = make([]byte, 0, batchSize*askedSize), 0 // what was read keeps its memory
	}
	b.arena = b.arena[:n+int(size)]
	if m, err := io.ReadFull(r, b.arena[n:]); int64(m) < size || err != nil && err != io.EOF {
		return nil, "cut"
	}
	_, _ = r.Read(make([]byte, 1)) // its end lets the answer go on
	return b.arena[n : n+int(size) : n+int(size)], ""
}

// check completes a header that is longer than what was asked for, and compares
// what came with the size.
func (v *visit) check(ctx context.Context, e *envelope) error {
	if int64(len(e.head)) != min(e.size, askedSize) {
		e.why = reasonSize
		return nil
	}
	for want := int64(headGrowth); ; want = maxHeader {
		if _, ended := headerEnd(e.head); ended || int64(len(e.head)) == e.size || len(e.head) == maxHeader {
			return nil
		}
		from := int64(len(e.head))
		want = min(want, maxHeader)
		part, err := v.part(ctx, e.uid, from, want-from)
		if err != nil {
			return err
		}
		if int64(len(part)) != min(e.size, want)-from {
			e.why = reasonSize
			return nil
		}
		e.head = append(slices.Clone(e.head), part...)
	}
}

// part fetches some bytes of one message.
func (v *visit) part(ctx context.Context, uid imap.UID, offset, size int64) ([]byte, error) {
	var part []byte
	_, err := do(ctx, v.heads, func() (any, error) {
		cmd := v.heads.Client.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section(offset, size)}})
		for m := cmd.Next(); m != nil; m = cmd.Next() {
			for d := m.Next(); d != nil; d = m.Next() {
				s, ok := d.(imapclient.FetchItemDataBodySection)
				if !ok || s.Literal == nil || s.Literal.Size() > size || !s.MatchCommand(section(offset, size)) {
					continue
				}
				part, _ = io.ReadAll(s.Literal)
			}
		}
		return nil, cmd.Close()
	})
	return part, err
}
