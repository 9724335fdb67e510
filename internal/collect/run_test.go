package collect

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
	"github.com/vitrine-project/vitrine/mandate"
	"github.com/vitrine-project/vitrine/production"
)

// shelf is a source in memory: for each account, containers of texts by the
// time of arrival. It notes what is asked of it.
type shelf struct {
	name     string
	holds    vitrine.Category
	accounts map[vitrine.Account]map[string][]letter
	access   Access
	calls    []string
	during   func(*shelf) // called at each item
}

type letter struct {
	text     string
	received time.Time
	why      string // unreadable
}

func (s *shelf) Declaration() vitrine.Source {
	return vitrine.Source{Name: s.name, Kind: "maildir", Path: "/mail/{account}"}
}
func (s *shelf) Family() Family                        { return Mail }
func (s *shelf) Probe(context.Context) (Access, error) { return s.access, nil }
func (s *shelf) Holds() []vitrine.Category             { return []vitrine.Category{s.holds} }

func (s *shelf) Inventory(_ context.Context, a vitrine.Account) ([]Container, error) {
	s.calls = append(s.calls, "inventory "+string(a))
	var cs []Container
	for name, letters := range s.accounts[a] {
		c := Container{Account: a, Name: name, Kind: "maildir", Size: 10, Count: NoCount}
		c.State = state(letters)
		cs = append(cs, c)
	}
	slices.SortFunc(cs, func(x, y Container) int { return strings.Compare(x.Name, y.Name) })
	return cs, nil
}

func state(letters []letter) (s string) {
	for _, l := range letters {
		s += l.text + ";"
	}
	return s
}

func (s *shelf) Enumerate(_ context.Context, c Container, after string, yield func(Item) error) error {
	s.calls = append(s.calls, "enumerate "+c.Name)
	for i, l := range slices.Clone(s.accounts[c.Account][c.Name]) {
		if n, err := strconv.Atoi(after); err == nil && i <= n {
			continue
		}
		it := Item{Name: l.text, Position: strconv.Itoa(i), Identity: l.text, Key: l.text, Size: int64(len(l.text)), Category: s.holds, Form: "stored", Received: between(l.received, l.received), Unreadable: l.why}
		if s.during != nil {
			s.during(s)
		}
		if err := yield(it); err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) Open(_ context.Context, c Container, it Item, offset int64) (io.ReadCloser, error) {
	s.calls = append(s.calls, "open "+it.Key)
	return io.NopCloser(strings.NewReader(it.Key[offset:])), nil
}

func (s *shelf) Close(_ context.Context, c Container) (string, error) {
	return state(s.accounts[c.Account][c.Name]), nil
}

// basket is a hold in memory.
type basket struct {
	items []production.Item
	fail  error
}

func (b *basket) Add(it production.Item, r io.Reader) (production.Item, error) {
	text, err := io.ReadAll(r)
	if err != nil || b.fail != nil {
		return it, errors.Join(err, b.fail)
	}
	it.Number, it.Size, it.SHA256 = int64(len(b.items)+1), int64(len(text)), vitrine.DigestOf(text)
	b.items = append(b.items, it)
	return it, nil
}

// configured are sources as a config has them that names nothing else.
func configured(sources ...Source) (list []Configured) {
	for _, s := range sources {
		list = append(list, Configured{Source: s})
	}
	return list
}

func clock() time.Time { return time.Date(2026, 11, 20, 9, 0, 0, 5, time.UTC) }

func newShelf(name string) *shelf {
	return &shelf{name: name, holds: vitrine.Content, accounts: map[vitrine.Account]map[string][]letter{
		"alice": {"inbox": {{text: "in", received: from}, {text: "late", received: to}, {text: "torn", received: from, why: "torn"}}, "sent": {{text: "mine", received: from}}},
	}}
}

func refused(t *testing.T, err error, kind vitrine.Kind, says string) {
	t.Helper()
	var r *vitrine.Refusal
	if !errors.As(err, &r) || r.Kind != kind || !strings.Contains(r.Text, says) {
		t.Errorf("error %v, want a refusal of kind %d that says %q", err, kind, says)
	}
}

// TestRun collects from two sources for two accounts, one of which only one
// source knows and one nobody.
func TestRun(t *testing.T) {
	a, b := newShelf("a"), newShelf("b")
	b.accounts = map[vitrine.Account]map[string][]letter{"bob": {"inbox": {}}}
	s := scope(t, vitrine.ClockReceived)
	s.Accounts = []vitrine.Account{"alice", "bob", "carol"}
	hold, told := &basket{}, map[string]Progress{}
	col, err := Job{Mandate: signed.Mandate(t, s, a.Declaration(), b.Declaration()), Sources: configured(b, a), Hold: hold, Now: clock, Progress: func(p Progress) { told[p.Container] = p }}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if want := (vitrine.Counts{Seen: 4, In: 2, Out: 1, Unreadable: 1}); col.Counts != want {
		t.Errorf("%+v, want %+v", col.Counts, want)
	}
	if len(col.Containers) != 3 || col.Containers[0].Name != "inbox" || col.Containers[0].Counts != (vitrine.Counts{Seen: 3, In: 1, Out: 1, Unreadable: 1}) || col.Containers[2].Account != "bob" {
		t.Errorf("containers %+v", col.Containers)
	}
	if !slices.Equal(col.Missing, []vitrine.Account{"carol"}) {
		t.Errorf("missing %v", col.Missing)
	}
	if !col.Began.Equal(clock().Truncate(time.Second)) || !col.Ended.Equal(col.Began) {
		t.Errorf("%v to %v", col.Began, col.Ended)
	}
	if len(hold.items) != 2 || hold.items[0].Name != "in" || hold.items[0].Reason != "received" || hold.items[0].Source != "a" || hold.items[0].Account != "alice" {
		t.Errorf("held %+v", hold.items)
	}
	for _, call := range a.calls {
		if call == "open late" || call == "open torn" {
			t.Errorf("what is not in scope was opened: %v", a.calls)
		}
	}
	if p := told["inbox"]; p.Done < p.Total {
		t.Errorf("progress ended at %+v", p)
	}
}

// TestRunNeedsMandate: without a mandate, or with another than for these
// sources, nothing is asked of any source but its declaration.
func TestRunNeedsMandate(t *testing.T) {
	s := scope(t, vitrine.ClockReceived)
	a, b := newShelf("a"), newShelf("b")
	moved := a.Declaration()
	moved.Path = "/elsewhere/{account}"
	for name, c := range map[string]struct {
		m    mandate.Mandate
		give []Source
		says string
	}{
		"none":    {mandate.Mandate{}, []Source{a}, "no mandate"},
		"changed": {signed.Mandate(t, s, moved), []Source{a}, "changed since approval"},
		"missing": {signed.Mandate(t, s, a.Declaration(), b.Declaration()), []Source{a}, `"b" is in the mandate`},
		"more":    {signed.Mandate(t, s, a.Declaration()), []Source{a, b}, `"b" is not in the mandate`},
		"twice":   {signed.Mandate(t, s, a.Declaration()), []Source{a, a}, `"a" is not in the mandate`},
	} {
		hold := &basket{}
		_, err := Job{Mandate: c.m, Sources: configured(c.give...), Hold: hold, Now: clock}.Run(context.Background())
		refused(t, err, vitrine.Refused, c.says)
		if len(a.calls)+len(b.calls)+len(hold.items) > 0 {
			t.Errorf("%s: asked %v %v, held %v", name, a.calls, b.calls, hold.items)
		}
	}
}

// TestRunFailsWhole: whatever goes wrong leaves no collection.
func TestRunFailsWhole(t *testing.T) {
	s := scope(t, vitrine.ClockReceived)
	cause := errors.New("the disk is full")
	for name, c := range map[string]struct {
		spoil func(*shelf, *basket) Source
		is    error
		says  string
	}{
		"hold":      {func(s *shelf, b *basket) Source { b.fail = cause; return s }, cause, ""},
		"size":      {func(s *shelf, _ *basket) Source { return altered{s, "longer"} }, nil, "changed while it was collected"},
		"bytes":     {func(s *shelf, _ *basket) Source { return altered{s, "other"} }, nil, "changed while it was collected"},
		"names":     {func(s *shelf, _ *basket) Source { return altered{s, "twice"} }, nil, ""},
		"account":   {func(s *shelf, _ *basket) Source { return altered{s, "account"} }, nil, ""},
		"cancelled": {func(s *shelf, _ *basket) Source { return altered{s, "cancel"} }, context.Canceled, ""},
	} {
		sh, hold := newShelf("a"), &basket{}
		source := c.spoil(sh, hold)
		ctx, cancel := context.WithCancel(context.Background())
		if a, ok := source.(altered); ok && a.how == "cancel" {
			sh.during = func(*shelf) { cancel() }
		}
		col, err := Job{Mandate: signed.Mandate(t, s, sh.Declaration()), Sources: configured(source), Hold: hold, Now: clock}.Run(ctx)
		cancel()
		if err == nil || c.is != nil && !errors.Is(err, c.is) || col.Seen != 0 || len(col.Containers) > 0 {
			t.Errorf("%s: %v, %+v", name, err, col)
		}
		if c.says != "" {
			refused(t, err, vitrine.Failed, c.says)
		}
	}
}

// altered is a shelf that does one thing wrong.
type altered struct {
	*shelf
	how string
}

func (a altered) Inventory(ctx context.Context, account vitrine.Account) ([]Container, error) {
	cs, err := a.shelf.Inventory(ctx, account)
	switch a.how {
	case "twice":
		cs[1].Name = cs[0].Name
	case "account":
		cs[1].Account = "bob"
	}
	return cs, err
}

func (a altered) Enumerate(ctx context.Context, c Container, after string, yield func(Item) error) error {
	return a.shelf.Enumerate(ctx, c, after, func(it Item) error {
		if a.how != "longer" { // a source need not know the digest
			it.SHA256 = vitrine.DigestOf([]byte(it.Key))
		}
		return yield(it)
	})
}

func (a altered) Open(_ context.Context, _ Container, it Item, _ int64) (io.ReadCloser, error) {
	text := map[string]string{"longer": it.Key + "!", "other": strings.ToUpper(it.Key)}[a.how]
	return io.NopCloser(strings.NewReader(text)), nil
}

// TestRunCountsChanges: what comes and goes while a container is read is
// counted, and what comes is not collected.
func TestRunCountsChanges(t *testing.T) {
	sh, hold := newShelf("a"), &basket{}
	sh.during = func(s *shelf) {
		inbox := s.accounts["alice"]["inbox"]
		s.accounts["alice"]["inbox"] = []letter{inbox[0], inbox[1], {text: "new", received: from}, {text: "newer", received: from}}
		s.during = nil
	}
	col, err := Job{Mandate: signed.Mandate(t, scope(t, vitrine.ClockReceived), sh.Declaration()), Sources: configured(sh), Hold: hold, Now: clock}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	inbox := col.Containers[0]
	if inbox.Vanished != 1 || inbox.Arrived != 2 || inbox.Seen != 3 || inbox.Before == inbox.After {
		t.Errorf("%+v, want 1 vanished and 2 arrived", inbox)
	}
	if col.Containers[1].Vanished != 0 || col.Containers[1].Arrived != 0 {
		t.Errorf("%+v", col.Containers[1])
	}
}

// TestRunOtherCategory: a source that holds nothing in scope is asked which
// accounts it knows, and nothing else.
func TestRunOtherCategory(t *testing.T) {
	sh := newShelf("a")
	sh.holds = vitrine.Traffic
	col, err := Job{Mandate: signed.Mandate(t, scope(t, vitrine.ClockReceived), sh.Declaration()), Sources: configured(sh), Hold: &basket{}, Now: clock}.Run(context.Background())
	if err != nil || col.Seen != 0 || len(col.Missing) != 0 || !slices.Equal(sh.calls, []string{"inventory alice"}) {
		t.Errorf("%+v, %v, asked %v", col, err, sh.calls)
	}
}
