package mail_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
	"github.com/vitrine-project/vitrine/mandate"
	"github.com/vitrine-project/vitrine/production"
)

// mandateOn is a mandate for a scope and sources.
// configured are sources on a disk that is mounted for writing, as a test's is.
func configured(sources ...collect.Source) (list []collect.Configured) {
	for _, s := range sources {
		list = append(list, collect.Configured{Source: s, MayWrite: "a test"})
	}
	return list
}

func mandateOn(t testing.TB, scope vitrine.Scope, sources ...collect.Source) mandate.Mandate {
	t.Helper()
	var declared []vitrine.Source
	for _, s := range sources {
		declared = append(declared, s.Declaration())
	}
	return signed.Mandate(t, scope, declared...)
}

// held is a hold in memory.
type held struct {
	items []production.Item
	bytes [][]byte
}

func (h *held) Add(it production.Item, r io.Reader) (production.Item, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return it, err
	}
	it.Number, it.Size, it.SHA256 = int64(len(h.items)+1), int64(len(b)), vitrine.DigestOf(b)
	h.items, h.bytes = append(h.items, it), append(h.bytes, b)
	return it, nil
}

// collected runs a mandate.
func collected(t testing.TB, m mandate.Mandate, sources ...collect.Source) (vitrine.Collection, *held) {
	t.Helper()
	h := &held{}
	c, err := collect.Job{Mandate: m, Sources: configured(sources...), Hold: h, Now: func() time.Time { return signed.Now }}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !c.Closed() || c.In+c.Undeterminable != int64(len(h.items)) {
		t.Fatalf("the sums do not close: %+v, %d held", c.Counts, len(h.items))
	}
	return c, h
}

// scopeOf is a scope of one account's content.
func scopeOf(t testing.TB, from, to time.Time, clock vitrine.Clock, correspondents ...string) vitrine.Scope {
	t.Helper()
	p, err := vitrine.NewPeriod(from, to)
	if err != nil {
		t.Fatal(err)
	}
	s, err := vitrine.Scope{Accounts: []vitrine.Account{"alice"}, Categories: []vitrine.Category{vitrine.Content}, Period: p, Clock: clock, Correspondents: correspondents}.Normal()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// opened is a source that could be opened.
func opened(t testing.TB) func(collect.Source, error) collect.Source {
	return func(s collect.Source, err error) collect.Source {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// hook is a hold that does something once so many items are in it.
type hook struct {
	*held
	after int
	do    func() error
}

func (h *hook) Add(it production.Item, r io.Reader) (production.Item, error) {
	it, err := h.held.Add(it, r)
	if err == nil && len(h.items) == h.after {
		err = h.do()
	}
	return it, err
}
