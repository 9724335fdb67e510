package collect

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
)

// worded is a shelf of messages, whose items and bytes a test can change.
type worded struct {
	*shelf
	change func(*Item)
	open   func(it Item, offset int64, times int) (io.ReadCloser, error)
	times  int
}

func (w *worded) Enumerate(ctx context.Context, c Container, after string, yield func(Item) error) error {
	return w.shelf.Enumerate(ctx, c, after, func(it Item) error {
		if w.change != nil {
			w.change(&it)
		}
		return yield(it)
	})
}

func (w *worded) Open(ctx context.Context, c Container, it Item, offset int64) (io.ReadCloser, error) {
	w.times++
	if w.open != nil {
		return w.open(it, offset, w.times)
	}
	return w.shelf.Open(ctx, c, it, offset)
}

const (
	says     = "Subject: hello\n\na grey heron"
	silent   = "Subject: hello\n\nan egret"
	archived = "Content-Type: application/zip\n\nPK"
)

// TestRunKeywords: an item is in if it says a keyword, out if all of it was
// searched and says none, and for people to decide if not all could be.
func TestRunKeywords(t *testing.T) {
	for name, c := range map[string]struct {
		text     string
		received time.Time
		change   func(*Item)
		open     func(Item, int64, int) (io.ReadCloser, error)
		want     vitrine.Counts
		reason   Reason
		extra    string
		opened   int
		fails    string
	}{
		"says it":            {text: says, want: vitrine.Counts{In: 1}, reason: ReasonReceived, opened: 2},
		"says it not":        {text: silent, want: vitrine.Counts{Out: 1}, opened: 1},
		"an archive":         {text: archived, want: vitrine.Counts{Undeterminable: 1}, reason: ReasonNotSearched, extra: "application/zip", opened: 2},
		"outside":            {text: says, received: to, want: vitrine.Counts{Out: 1}},
		"astride, says it":   {text: says, change: astrideOf, want: vitrine.Counts{Undeterminable: 1}, reason: ReasonReceivedEdge, opened: 2},
		"astride, silent":    {text: silent, change: astrideOf, want: vitrine.Counts{Out: 1}, opened: 1},
		"astride, archive":   {text: archived, change: astrideOf, want: vitrine.Counts{Undeterminable: 1}, reason: ReasonReceivedEdge, extra: "application/zip", opened: 2},
		"no certain bounds":  {text: silent, change: func(it *Item) { it.Uncertain = "x" }, want: vitrine.Counts{Undeterminable: 1}, reason: ReasonUncertain, opened: 1},
		"unreadable":         {text: silent, change: func(it *Item) { it.Unreadable = "x" }, want: vitrine.Counts{Unreadable: 1}},
		"encrypted":          {text: silent, change: func(it *Item) { it.EndToEnd = true }, want: vitrine.Counts{Undeterminable: 1}, reason: ReasonNotSearched, extra: "ciphertext", opened: 1},
		"an unknown form":    {text: silent, change: func(it *Item) { it.Form = "chat-json" }, want: vitrine.Counts{Undeterminable: 1}, reason: ReasonNotSearched, extra: "malformed", opened: 2},
		"gone":               {text: silent, open: func(Item, int64, int) (io.ReadCloser, error) { return nil, ErrVanished }, want: vitrine.Counts{Unreadable: 1}, opened: 1},
		"gone in between":    {text: says, open: goneBetween, want: vitrine.Counts{Unreadable: 1}, opened: 2},
		"shorter than known": {text: silent, open: func(it Item, _ int64, _ int) (io.ReadCloser, error) { return stringOf(it.Key[:20]), nil }, fails: "changed while it was collected", opened: 1},
		"other than known":   {text: silent, change: func(it *Item) { it.SHA256 = vitrine.DigestOf([]byte("x")) }, fails: "changed while it was collected", opened: 1},
		"broken off":         {text: says, open: brokenOff, want: vitrine.Counts{In: 1}, reason: ReasonReceived, opened: 4},
		"broken off, silent": {text: silent, open: brokenOff, want: vitrine.Counts{Out: 1}, opened: 2},
	} {
		t.Run(name, func(t *testing.T) {
			if c.received.IsZero() {
				c.received = from
			}
			sh := newShelf("a")
			sh.accounts["alice"] = map[string][]letter{"inbox": {{text: c.text, received: c.received}}}
			source := &worded{shelf: sh, change: c.change, open: c.open}
			s, hold := scope(t, vitrine.ClockReceived), &basket{}
			s.Keywords = []string{"grey heron", "zebra"}
			col, err := Job{Mandate: signed.Mandate(t, s, sh.Declaration()), Sources: configured(source), Hold: hold, Now: clock, Patience: []time.Duration{0}}.Run(t.Context())
			if c.fails != "" {
				refused(t, err, vitrine.Failed, c.fails)
				return
			}
			c.want.Seen = 1
			if err != nil || col.Counts != c.want || source.times != c.opened {
				t.Fatalf("%+v, %v, opened %d times", col.Counts, err, source.times)
			}
			if held := c.want.In + c.want.Undeterminable; int64(len(hold.items)) != held {
				t.Fatalf("%d held, want %d", len(hold.items), held)
			}
			for _, it := range hold.items {
				if it.Reason != string(c.reason) || it.Extra[ExtraNotSearched] != c.extra || it.SHA256 != vitrine.DigestOf([]byte(c.text)) {
					t.Errorf("%+v", it)
				}
			}
		})
	}
}

func astrideOf(it *Item) { it.Received = between(from.Add(-time.Hour), from.Add(time.Hour)) }

func stringOf(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }

func goneBetween(it Item, _ int64, times int) (io.ReadCloser, error) {
	if times > 1 {
		return nil, ErrVanished
	}
	return stringOf(it.Key), nil
}

// brokenOff breaks off in the middle at every visit's first attempt.
func brokenOff(it Item, offset int64, _ int) (io.ReadCloser, error) {
	if offset == 0 {
		return io.NopCloser(io.MultiReader(strings.NewReader(it.Key[:20]), failing{})), nil
	}
	return stringOf(it.Key[offset:]), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, &Interrupted{errors.New("broken off")} }

// TestSearchedByForm: each form of each family is read as what it is.
func TestSearchedByForm(t *testing.T) {
	for _, c := range []struct {
		family     Family
		form, text string
		in         bool
	}{
		{Mail, "stored", says, true},
		{Records, "mboxrd", says, true},
		{Records, "row-json", `{"note":"a grey heron"}`, true},
		{Chat, "event-json", `{"note":"a grey heron"}`, true},
		{Files, "stored", says, false}, // its name has no ending
		{Records, "stored", says, false},
	} {
		sh := newShelf("a")
		sh.accounts["alice"] = map[string][]letter{"inbox": {{text: c.text, received: from}}}
		s := scope(t, vitrine.ClockReceived)
		s.Keywords = []string{"grey heron"}
		col, err := Job{Mandate: signed.Mandate(t, s, sh.Declaration()), Sources: configured(ofFamily{&worded{shelf: sh, change: func(it *Item) { it.Form, it.Name = c.form, "x" }}, c.family}), Hold: &basket{}, Now: clock}.Run(t.Context())
		if err != nil || (col.In == 1) != c.in || (col.Undeterminable == 1) == c.in {
			t.Errorf("%+v: %+v, %v", c, col.Counts, err)
		}
	}
}

type ofFamily struct {
	Source
	family Family
}

func (f ofFamily) Family() Family { return f.family }
