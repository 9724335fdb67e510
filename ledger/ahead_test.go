package ledger_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"sync"
	"testing"

	"github.com/vitrine-project/vitrine/ledger"
)

// TestAhead audits through Ahead: the same files are read, none twice, none
// that is not there, and what is wrong with one of them is found.
func TestAhead(t *testing.T) {
	s := view(t, 0)
	counted := func() (ledger.Fetch, map[string]int) {
		var mu sync.Mutex
		asked := map[string]int{}
		return func(path string) ([]byte, error) {
			b, err := s.Fetch(path)
			mu.Lock()
			defer mu.Unlock()
			if asked[path]++; err != nil {
				asked["absent "+path]++
			}
			return b, err
		}, asked
	}
	plain, want := counted()
	if _, err := (&ledger.Audit{Fetch: plain, Rand: rand.Reader}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	through, got := counted()
	if _, err := (&ledger.Audit{Fetch: ledger.Ahead(through), Rand: rand.Reader}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for path, n := range want {
		if got[path] != n {
			t.Errorf("%s was asked for %d times, want %d", path, got[path], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files were asked for, want %d", len(got), len(want))
	}

	ill := errors.New("ill")
	for path, fault := range map[string]error{"ledger/public/tile/entries/003": ill, "ledger/public/checkpoints/1280": fs.ErrNotExist} {
		fetch := ledger.Ahead(func(p string) ([]byte, error) {
			if p == path {
				return nil, fault
			}
			return s.Fetch(p)
		})
		if _, err := (&ledger.Audit{Fetch: fetch, Rand: rand.Reader}).Run(t.Context()); !errors.Is(err, fault) {
			t.Errorf("without %s: %v", path, err)
		}
	}
}
