package files_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
	"github.com/vitrine-project/vitrine/production"
)

// inside is a time in the period that the tests ask for.
var inside = time.Date(2002, 8, 22, 17, 26, 25, 0, time.UTC)

// plant writes files, by their paths, all written at inside; a path that ends
// in "/" is a directory.
func plant(t testing.TB, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, name)
		dir := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			dir = path
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if dir == path {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		dated(t, path, inside)
	}
}

// dated sets when a file was written, a link itself.
func dated(t testing.TB, path string, at time.Time) {
	t.Helper()
	ts := unix.NsecToTimespec(at.UnixNano())
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		t.Fatal(err)
	}
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

// container is alice's one container.
func container(t testing.TB, s collect.Source) collect.Container {
	t.Helper()
	cs, err := s.Inventory(t.Context(), "alice")
	if err != nil || len(cs) != 1 {
		t.Fatalf("alice has %d containers, %v", len(cs), err)
	}
	return cs[0]
}

// items are what lies in alice's container behind a position.
func items(t testing.TB, s collect.Source, after string) (list []collect.Item) {
	t.Helper()
	err := s.Enumerate(t.Context(), container(t, s), after, func(it collect.Item) error {
		list = append(list, it)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// names are the items' names, with why they are unreadable.
func names(list []collect.Item) (names []string) {
	for _, it := range list {
		if it.Unreadable != "" {
			it.Name += " " + it.Unreadable
		}
		names = append(names, it.Name)
	}
	return names
}

// read opens an item and reads it to its end.
func read(ctx context.Context, s collect.Source, c collect.Container, it collect.Item, offset int64) ([]byte, error) {
	r, err := s.Open(ctx, c, it, offset)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
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

// job is a collection of what alice wrote in August 2002.
func job(t testing.TB, h collect.Hold, s collect.Source) collect.Job {
	t.Helper()
	p, err := vitrine.NewPeriod(time.Date(2002, 8, 1, 0, 0, 0, 0, time.UTC), time.Date(2002, 9, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	scope, err := vitrine.Scope{Accounts: []vitrine.Account{"alice"}, Categories: []vitrine.Category{vitrine.Content}, Period: p, Clock: vitrine.ClockReceived}.Normal()
	if err != nil {
		t.Fatal(err)
	}
	return collect.Job{
		Mandate: signed.Mandate(t, scope, s.Declaration()), Hold: h, Now: func() time.Time { return signed.Now }, Dir: t.TempDir(),
		Sources: []collect.Configured{{Source: s, MayWrite: "a test"}}, Patience: []time.Duration{time.Millisecond, time.Millisecond, 10 * time.Millisecond},
	}
}

// collected runs a collection.
func collected(t testing.TB, s collect.Source) (vitrine.Collection, *held) {
	t.Helper()
	h := &held{}
	c, err := job(t, h, s).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !c.Closed() || c.In+c.Undeterminable != int64(len(h.items)) {
		t.Fatalf("the sums do not close: %+v, %d held", c.Counts, len(h.items))
	}
	return c, h
}

func says(t testing.TB, err error, text string) {
	t.Helper()
	var r *vitrine.Refusal
	if !errors.As(err, &r) || !strings.Contains(r.Text, text) {
		t.Errorf("error %v, want a refusal that says %q", err, text)
	}
}
