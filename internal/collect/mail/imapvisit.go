package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/production"
)

// How messages are asked for.
const (
	batchSize  = 256          // messages in one FETCH
	headSize   = 8 << 10      // of each, before it is known whether the rest is needed
	askedSize  = headSize + 1 // so that the end of one shows
	headGrowth = 64 << 10     // what is asked for next where the header is longer
	maxGarbled = 64           // answers of one mailbox that cannot be read, before it is given up
	formIMAP   = "imap-crlf"
)

// The rule by which IMAP tells when a message arrived.
const ruleInternalDate = "internaldate"

// Why a single message cannot be read.
const (
	reasonGarbled   = "garbled-answer" // the server's answer for it is no IMAP, or not what was asked for
	reasonSize      = "size-mismatch"  // it is not as long as the server says
	reasonWithheld  = "not-delivered"  // the server lists it and does not hand it out
	vanishedMessage = collect.Vanished
)

// letter is one message as far as a decision needs it.
type envelope struct {
	uid     imap.UID
	got     bool // its answer came
	flags   []imap.Flag
	arrived time.Time
	size    int64  // RFC822.SIZE; -1 until known
	head    []byte // its first bytes
	why     string // it cannot be read
}

// batch is some messages in the order of their numbers.
type batch struct {
	letters []envelope
	arena   []byte
	err     error
}

// visit is one reading of a mailbox.
type visit struct {
	*imaps
	key     boxKey
	account vitrine.Account
	heads   *link // on which the batches come
	bodies  *link // on which what is longer than headSize comes
	batch   *batch
	at      int        // in batch
	wanted  []imap.UID // of the batch, and longer than headSize
	stream  *stream    // nil if none runs
	head    heading
	garbled int
}

func visitKey(c collect.Container) string { return string(c.Account) + "\x00" + c.Name }

// Enumerate yields the messages that were there when the mailbox was listed,
// in the order of their UIDs.
func (s *imaps) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	k, err := parseBoxKey(c.Key)
	if err != nil {
		return err
	}
	first := imap.UID(1)
	if after != "" {
		n, err := strconv.ParseUint(after, 10, 32)
		if err != nil {
			return fmt.Errorf("position in a mailbox: %w", err)
		}
		first = imap.UID(n) + 1
	}
	v := &visit{imaps: s, key: k, account: c.Account}
	if v.heads, err = s.acquire(ctx, c.Account); err != nil {
		return s.lost(err)
	}
	s.mu.Lock()
	s.visits[visitKey(c)] = v
	s.mu.Unlock()
	defer s.forget(c, v)
	uids, err := v.list(ctx, first)
	if err != nil {
		return err
	}
	return v.all(ctx, uids, yield)
}

// lost is an error of a connection that was had before.
func (s *imaps) lost(err error) error {
	var no *errLogin
	if errors.As(err, &no) {
		return vitrine.Refusef(vitrine.Failed, "%s: %v, and did not before: nothing was kept; run the step again", s.dial.address, no)
	}
	return err
}

// forget ends a visit.
func (s *imaps) forget(c collect.Container, v *visit) {
	s.mu.Lock()
	if s.visits[visitKey(c)] == v {
		delete(s.visits, visitKey(c))
	}
	s.mu.Unlock()
	v.endStream()
	s.release(v.heads)
	s.release(v.bodies)
}

// list returns the UIDs of the mailbox from first on, as far as they were given
// when it was listed.
func (v *visit) list(ctx context.Context, first imap.UID) ([]imap.UID, error) {
	if _, err := v.heads.again(ctx, v.key); err != nil {
		return nil, err
	}
	if uint32(first) >= v.key.Next {
		return nil, nil
	}
	var set imap.UIDSet
	set.AddRange(first, imap.UID(v.key.Next-1))
	return v.heads.search(ctx, set)
}

// search returns which of the set the mailbox holds, ascending.
func (l *link) search(ctx context.Context, set imap.UIDSet) ([]imap.UID, error) {
	data, err := do(ctx, l, l.Client.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{set}}, nil).Wait)
	if err != nil {
		return nil, err
	}
	found, ok := data.All.(imap.UIDSet)
	if !ok || found.Dynamic() {
		return nil, fmt.Errorf("list messages: %w", errGarbled)
	}
	var uids []imap.UID
	for _, r := range found {
		for _, asked := range set {
			first, last := max(r.Start, asked.Start), min(r.Stop, asked.Stop)
			if last >= first && uint64(last-first) >= maxFound {
				return nil, fmt.Errorf("list messages: %w", errGarbled) // no mailbox has so many in a row
			}
			for u := first; u <= last && u >= first; u++ {
				uids = append(uids, u)
			}
		}
		if len(uids) > maxFound {
			return nil, fmt.Errorf("list messages: %w", errGarbled)
		}
	}
	slices.Sort(uids)
	return slices.Compact(uids), nil
}

// maxFound is how many messages a mailbox can say it has.
const maxFound = 20_000_000

// all yields the messages of a list, while the next batch is on its way.
func (v *visit) all(ctx context.Context, uids []imap.UID, yield func(collect.Item) error) error {
	ctx, cancel := context.WithCancel(ctx)
	full, free := make(chan *batch), make(chan *batch, 2)
	free <- &batch{}
	free <- &batch{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.read(ctx, uids, free, full)
	}()
	defer func() { cancel(); <-done }()
	for b := range full {
		if b.err != nil {
			return b.err
		}
		if err := v.yield(ctx, b, yield); err != nil {
			return err
		}
		free <- b
	}
	return ctx.Err()
}

// read fetches batch after batch until something fails.
func (v *visit) read(ctx context.Context, uids []imap.UID, free <-chan *batch, full chan<- *batch) {
	defer close(full)
	for some := range slices.Chunk(uids, batchSize) {
		var b *batch
		select {
		case b = <-free:
		case <-ctx.Done():
			return
		}
		b.reset(some)
		b.err = v.fill(ctx, b)
		select {
		case full <- b:
		case <-ctx.Done():
			return
		}
		if b.err != nil {
			return
		}
	}
}

// yield hands the messages of a batch on.
func (v *visit) yield(ctx context.Context, b *batch, yield func(collect.Item) error) error {
	v.batch, v.wanted = b, v.wanted[:0]
	for _, e := range b.letters {
		if e.size > headSize && e.why == "" && collect.Foresee(ctx, v.item(e)) {
			v.wanted = append(v.wanted, e.uid)
		}
	}
	for i, e := range b.letters {
		if err := ctx.Err(); err != nil {
			return err
		}
		v.at = i
		if err := yield(v.item(e)); err != nil {
			return err
		}
	}
	v.endStream()
	return nil
}

// item is the evidence on one message.
func (v *visit) item(e envelope) collect.Item {
	uid := strconv.FormatUint(uint64(e.uid), 10)
	it := collect.Item{
		Name: uid, Identity: fmt.Sprintf("%d/%d", v.key.Validity, e.uid), Position: uid, Size: max(e.size, 0), Form: formIMAP,
		Received: internalDate(e.arrived), Category: Category, Unreadable: e.why,
	}
	it.Key = fmt.Sprintf("%d/%d", e.uid, it.Size)
	it.Flags, it.Extra = stored(e.flags)
	if v.key.Use != "" {
		it.Flags = append(it.Flags, "special-"+v.key.Use)
	}
	if e.why != "" {
		return it
	}
	end, ended := headerEnd(e.head)
	isCut := !ended && len(e.head) == maxHeader
	v.head.read(e.head[:end], isCut)
	if !ended && !isCut {
		it.Flags = append(it.Flags, flagNoBlank)
	}
	v.head.into(&it)
	return it
}

// internalDate is the server's record of when a message came.
func internalDate(t time.Time) production.Interval {
	i := production.Interval{Rule: ruleInternalDate}
	if !t.IsZero() {
		i.From, i.To, i.Raw = t.UTC(), t.UTC(), t.Format("02-Jan-2006 15:04:05 -0700")
	}
	return i
}

// stored are the flags that a mail program set: those of RFC 9051, and other
// words in a text of their own.
func stored(flags []imap.Flag) (known []string, extra map[string]string) {
	names := map[imap.Flag]string{imap.FlagSeen: "imap-seen", imap.FlagAnswered: "imap-answered", imap.FlagFlagged: "imap-flagged", imap.FlagDeleted: "imap-deleted", imap.FlagDraft: "imap-draft"}
	var words string
	for _, f := range flags {
		if name, ok := names[f]; ok {
			known = append(known, name)
		} else if f != `\Recent` {
			words += " " + string(f)
		}
	}
	if words != "" {
		extra = map[string]string{"imap-keywords": collect.Valid(words[1:])}
	}
	return known, extra
}
