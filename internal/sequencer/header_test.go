package sequencer

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/ledger"
)

// other is a next header that does not continue the last.
func other(t *testing.T, l *Log, slots int) *ledger.Header {
	t.Helper()
	chain := l.Chain()
	next, err := chain[0].Continue(chain[0].To + 2*day)
	if err != nil {
		t.Fatal(err)
	}
	next.Grid = []ledger.Allotment{{Sheet: "us/subpoena", Slots: slots}, {Sheet: "us/search-warrant", Slots: ledger.Slots - slots}}
	return next
}

// TestHeaders adds headers in time, late, and in the place of others.
func TestHeaders(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h, l := begun(t, 2) // ticks at 36 and 60 hours; the period ends at 48
	if err := l.Add(ctx, other(t, l, 6)); err != nil {
		t.Fatal(err)
	}
	if err := l.Add(ctx, other(t, l, 7)); err != nil { // in its place
		t.Fatal(err)
	}
	if err := l.Add(ctx, other(t, l, 7)); err != nil { // once more
		t.Fatal(err)
	}
	h.tick(l)
	notices := published(t, l)
	if len(notices) != 1 || notices[0].Digest != other(t, l, 7).Hash() || notices[0].Kind != ledger.NoticeHeader {
		t.Errorf("notices %v", notices)
	}
	if _, err := fs.Stat(l.Public(), "headers/1.json"); err != nil {
		t.Errorf("a header that was announced is not public: %v", err)
	}
	audited(t, l.Public())

	refused(t, l.Add(ctx, other(t, l, 8)), "only a header that continues header 0 can follow now")
	refused(t, l.Add(ctx, continued(t, l)), "was announced before its period, and it is too late to announce another")
	skipped := other(t, l, 8)
	skipped.Number = 5
	if err := l.Add(ctx, skipped); err == nil {
		t.Error("a header with another number was taken")
	}
	if err := l.Settled(1); err != nil {
		t.Error(err)
	}
	h.tick(l)
	refused(t, l.Add(ctx, continued(t, l)), "header 1 is fixed")
	if p, tick, _, _ := l.Next(); p.Number != 1 || tick != 1 {
		t.Fatalf("next is tick %d of period %d", tick, p.Number)
	}
	if n := l.Room("us/subpoena"); n != 7 {
		t.Errorf("room for %d", n)
	}
	h.tick(l)
	refused(t, l.Add(ctx, other(t, l, 7)), "header 1") // it stands in the log
	audited(t, l.Public())
}

// continued is the next header that says nothing new.
func continued(t *testing.T, l *Log) *ledger.Header {
	t.Helper()
	next, err := l.Chain()[0].Continue(l.Chain()[0].To + 2*day)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// TestLateAnnouncement comes to announce a header when its period has begun: it
// is not announced, and the period begins with one that continues.
func TestLateAnnouncement(t *testing.T) {
	t.Parallel()
	_, l := begun(t, 1) // its only tick is behind its end
	refused(t, l.Add(context.Background(), other(t, l, 6)), "only a header that continues header 0")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h, l := begun(t, 2)
	if err := l.Add(context.Background(), other(t, l, 6)); err != nil {
		t.Fatal(err)
	}
	refused(t, l.Settled(1), "was not announced")
	h.clock.set(begin.Add(70 * time.Hour))
	for range 2 {
		if err := tickOnly(l); err != nil {
			t.Fatal(err)
		}
	}
	if list := published(t, l); len(list) != 0 {
		t.Errorf("notices %v", list)
	}
	h.clock.set(begin.Add(85 * time.Hour))
	h.changes(l)
}

// TestLateWitnesses plans the announcement of a header in time, and finds the
// witnesses when the header's period has begun.
func TestLateWitnesses(t *testing.T) {
	t.Parallel()
	h, l := begun(t, 2)
	if err := l.Add(context.Background(), other(t, l, 6)); err != nil {
		t.Fatal(err)
	}
	if err := l.prepare(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	h.clock.set(begin.Add(70 * time.Hour))
	for range 2 {
		if err := tickOnly(l); err != nil {
			t.Fatal(err)
		}
	}
	if list := published(t, l); len(list) != 1 {
		t.Errorf("notices %v", list)
	}
	h.clock.set(begin.Add(85 * time.Hour))
	h.changes(l)
}

// changes gives a period that cannot begin with its header another one, and the
// one after it.
func (h *house) changes(l *Log) {
	t := h.t.(*testing.T)
	t.Helper()
	for _, err := range []error{tickOnly(l), l.Settled(1)} {
		refused(t, err, "header 1 was not announced before its period began")
	}
	if err := l.Add(context.Background(), continued(t, l)); err != nil {
		t.Fatal(err)
	}
	if err := l.Settled(1); err != nil {
		t.Error(err)
	}
	h.next(l)
	if err := tickOnly(l); err != nil {
		t.Fatal(err)
	}
	audited(t, l.Public())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h.open()
}

// TestBegin begins twice, late, and with nothing.
func TestBegin(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t, t.Name())
	l := h.open()
	if _, _, _, ok := l.Next(); ok || len(l.Chain()) != 0 || l.Size() != 0 || l.Room("us/subpoena") != 0 {
		t.Error("an empty ledger has something")
	}
	refused(t, l.Add(ctx, h.header(1)), "has not begun")
	refused(t, tickOnly(l), "no header")
	h.clock.set(begin)
	refused(t, l.Begin(ctx, h.header(1)), "was not published before its period began")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l = h.open(); len(l.Chain()) != 0 {
		t.Error("a header of which nothing was planned is remembered")
	}
	h.clock.set(begin.Add(-time.Second))
	if err := l.Begin(ctx, h.header(2)); err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(ctx, h.header(2)); err != nil {
		t.Error(err)
	}
	refused(t, l.Begin(ctx, h.header(1)), "has begun with another header")
	if l.Size() != ledger.BundleSize {
		t.Errorf("%d entries", l.Size())
	}
	audited(t, l.Public())
}

// TestNotices gives notices, among them wrong ones, and restarts between.
func TestNotices(t *testing.T) {
	t.Parallel()
	h, l := begun(t, 1)
	digest := ledger.Hash(sha256.Sum256(record))
	refused(t, l.Notice("rumour", digest, record), "no kind of notice")
	refused(t, l.Notice(ledger.NoticeKey, ledger.Hash{1}, record), "is not the one with the digest")
	give := func(l *Log) {
		t.Helper()
		for _, err := range []error{l.Notice(ledger.NoticeTally, ledger.Hash{9}, nil), l.Notice(ledger.NoticeKey, digest, record), l.Notice(ledger.NoticeTally, ledger.Hash{8}, nil)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	give(l)
	next := h.next(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(h.dir, pendingFile)); err != nil { // as if killed before the header's was written
		t.Fatal(err)
	}
	l = h.open()
	if len(l.pending) != 1 || l.pending[0].Digest != next.Hash {
		t.Errorf("pending %v: the header is not announced", l.pending)
	}
	give(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = h.open()
	give(l)
	h.tick(l)
	give(l)
	list := published(t, l)
	if len(list) != 4 || list[1].Kind != ledger.NoticeTally || list[2].Digest != digest || list[3].Digest != (ledger.Hash{8}) || list[3].Bundle != 1 {
		t.Errorf("notices %v", list)
	}
	if b, err := fs.ReadFile(l.Public(), "documents/"+digest.String()); err != nil || string(b) != string(record) {
		t.Errorf("the document: %v", err)
	}
	if len(l.pending) != 0 {
		t.Errorf("said already, and pending: %v", l.pending)
	}
	audited(t, l.Public())
}

func published(t *testing.T, l *Log) []ledger.Notice {
	t.Helper()
	b, err := fs.ReadFile(l.Public(), "notices.json")
	if err != nil {
		t.Fatal(err)
	}
	list, err := ledger.ParseNotices(b)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestFactsThatDoNotFit gives facts that no tick can count: they are refused,
// and stop nothing.
func TestFactsThatDoNotFit(t *testing.T) {
	t.Parallel()
	h, l := begun(t, 1)
	p := l.Chain()[0]
	one := func(id string, change func(*ledger.Fact)) Fact {
		f := demand(t, p, "us/subpoena", id)[0]
		f.ID = id
		change(f.Fact)
		return f
	}
	good := one("good", func(*ledger.Fact) {})
	out := h.tick(l,
		one("another header", func(f *ledger.Fact) { f.Header = ledger.Hash{1} }),
		one("another origin", func(f *ledger.Fact) { f.Origin = "example.org/other" }),
		one("no sheet", func(f *ledger.Fact) { f.Sheet = "us/none" }),
		one("two", func(f *ledger.Fact) { f.Values[0] = 2 }),
		one("two fields", func(f *ledger.Fact) { f.Values[1] = 1 }),
		one("type", func(f *ledger.Fact) { f.Type = "dummy" }),
		one("day", func(f *ledger.Fact) { f.Day = "2026-02-01" }),
		one("no day", func(f *ledger.Fact) { f.Day = "today" }),
		one("blinding", func(f *ledger.Fact) { f.R[31] = 0xff }),
		good, good,
	)
	if len(out.Refused) != 9 || len(out.Indices) != 1 {
		t.Errorf("refused %v, counted %v", out.Refused, out.Indices)
	}
	if _, err := l.Receipt(out.Indices["good"], good.Fact, false); err != nil {
		t.Error(err)
	}
	if _, err := l.Receipt(out.Indices["good"]+1, good.Fact, false); err == nil {
		t.Error("a receipt for another place")
	}
	audited(t, l.Public())
}
