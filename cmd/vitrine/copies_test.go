package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

func (s *stage) data() string { return filepath.Join(filepath.Dir(s.config), "data") }

// copied puts a copy of a directory in another's place.
func copied(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestOlderCopy restores database and ledger together from one older backup:
// nothing on the machine shows it, but what was published does.
func TestOlderCopy(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.build(on(0, 100))
	s.demand(on(0, 110), "us/search-warrant", "dora")
	backup, public := filepath.Join(s.dir, "backup"), filepath.Join(s.dir, "published")
	copied(t, s.data(), backup)
	s.demand(on(0, 120), "us/search-warrant", "dora")
	s.build(on(1, 3))
	newest := filepath.Join(s.dir, "newest")
	copied(t, s.data(), newest)
	copied(t, s.public, public)
	want := filesBelow(t, public)
	build := []string{"report", "build", "--config", s.config, "--out", s.public}
	unchanged := func() {
		t.Helper()
		if got := filesBelow(t, s.public); !slices.Equal(sortedKeys(got), sortedKeys(want)) || string(readAll(t, filepath.Join(s.public, "ledger/public/checkpoint"))) != string(readAll(t, filepath.Join(public, "ledger/public/checkpoint"))) {
			t.Error("the public directory was changed")
		}
	}

	copied(t, backup, s.data())
	s.refuses(on(1, 4), vitrine.Unverified, "the ledger is an older copy", build...)
	unchanged()
	s.demand(on(1, 5), "us/search-warrant", "dora") // the old copy makes up the ticks, and others
	s.refuses(on(1, 6), vitrine.Unverified, "the ledger went on from an older copy", build...)
	unchanged()

	other := newStage(t)
	s.refuses(on(1, 6), vitrine.Unverified, "another ledger's", "report", "build", "--config", other.config, "--out", s.public)
	unchanged()

	copied(t, newest, s.data())
	s.build(on(1, 6))
	s.verdict()
}

func sortedKeys[V any](m map[string]V) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// TestKeptAndNotSaid: a build is killed when its report is kept and the ledger
// was not told. The next tick says it, whichever command makes it.
func TestKeptAndNotSaid(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.build(on(0, 100))
	s.build(on(1, 3))
	pending := filepath.Join(s.data(), "ledger", "public", "pending.json")
	if b := string(readAll(t, pending)); !strings.Contains(b, `"report"`) {
		t.Fatalf("no report waits to be said: %s", b)
	}
	if err := os.Remove(pending); err != nil {
		t.Fatal(err)
	}
	before := len(s.reportsSaid())
	s.demand(on(1, 95), "us/search-warrant", "dora") // a tick is due
	if n := len(s.reportsSaid()); n != before+1 {
		t.Errorf("%d reports are said, want %d", n, before+1)
	}
}

func (s *stage) reportsSaid() (list []ledger.Notice) {
	s.t.Helper()
	all, err := ledger.ParseNotices(readAll(s.t, filepath.Join(s.data(), "ledger", "public", "published", "notices.json")))
	if err != nil {
		s.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(n ledger.Notice) bool { return n.Kind != ledger.NoticeReport })
}
