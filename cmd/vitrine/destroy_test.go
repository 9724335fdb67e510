package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
)

// TestDestroyKey: the key of a period goes once nothing needs it any more, and a
// call that was killed once the record was kept is carried through by the next.
func TestDestroyKey(t *testing.T) {
	s := newStage(t)
	s.demand(on(0, 10), "us/search-warrant", "dora")
	waits := s.waiting(on(0, 11))
	destroy := []string{"destroy-key", "2025-H2", "--because", "limitation", "--config", s.config}
	s.refuses(on(0, 20), vitrine.Usage, "is not over", destroy...)
	s.build(on(0, 100))
	s.ok(on(1, 3), "receipts", "--config", s.config, "--out", s.outbox) // makes the ticks, and no report
	s.refuses(on(1, 4), vitrine.Usage, "is not over", destroy...)       // the last plan is sealed to its key
	s.demand(on(1, 50), "us/search-warrant", "dora")
	s.ok(on(1, 100), "receipts", "--config", s.config, "--out", s.outbox)
	s.refuses(on(1, 100), vitrine.Usage, "stands in no report", destroy...)
	s.build(on(1, 100))
	s.refuses(on(1, 101), vitrine.Usage, "is not answered", destroy...)
	s.ok(on(1, 101), append(waits, s.approve()...)...)

	kept := filepath.Join(t.TempDir(), "kept")
	copied(t, s.dir, kept)
	trace := filepath.Join(t.TempDir(), "trace")
	call{args: destroy, env: at(on(1, 102), "VITRINE_TEST_TRACE="+trace)}.ok(t)
	s.refuses(on(1, 103), vitrine.Usage, "destroyed already", destroy...)
	want := s.destroyed()
	points := strings.Split(strings.TrimSpace(string(readAll(t, trace))), "\n")
	for _, p := range casework.Points {
		i := slices.Index(points, p)
		if !strings.HasPrefix(p, "key: ") {
			continue
		}
		if i < 0 {
			t.Fatalf("destroy-key does not pass point %q", p)
		}
		s.again(kept)
		if o := (call{args: destroy, env: at(on(1, 102), fmt.Sprintf("VITRINE_TEST_KILL_AT=%d", i))}).run(t); o.code != -1 {
			t.Fatalf("%s: not killed: exit %d\n%s", p, o.code, o.stderr)
		}
		if !s.hasKey() {
			t.Errorf("%s: the key went before the kill", p)
		}
		if got := s.destroyed(); got != want {
			t.Errorf("%s: killed and gone on with, it came to\n%s\nwant\n%s", p, got, want)
		}
	}
}

// waiting has a demand come that nobody approves, and returns the call that
// answers it.
func (s *stage) waiting(now time.Time) []string {
	s.t.Helper()
	past := filepath.Join(s.dir, "authority", "past")
	copied(s.t, filepath.Join(past, "01"), filepath.Join(past, "99"))
	demand := filepath.Join(past, "99", "demand.toml")
	edit(s.t, demand, `reference  = "`, `reference  = "another-`)
	answer := []string{"answer", "--config", s.config, "--demand", demand, "--out", filepath.Join(s.dir, "outbox", "past")}
	s.ok(now, append(answer, "--statement", filepath.Join(s.dir, "to-sign.txt"))...)
	return answer
}

func (s *stage) hasKey() bool {
	_, err := os.Stat(filepath.Join(s.dir, "provider", "keys", "ledger", "period-public-0"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Fatal(err)
	}
	return err == nil
}

// destroyed is what the next tick publishes of keys that were destroyed.
func (s *stage) destroyed() string {
	s.t.Helper()
	s.build(on(2, 3))
	if s.hasKey() {
		s.t.Error("the key is still there")
	}
	s.verdict()
	var b strings.Builder
	said, err := filepath.Glob(filepath.Join(s.public, "ledger", "public", "documents", "*"))
	if err != nil || len(said) != 1 {
		s.t.Errorf("%d documents are published, %v", len(said), err)
	}
	for _, path := range said {
		fmt.Fprintf(&b, "%s: %s", filepath.Base(path), readAll(s.t, path))
	}
	return b.String()
}
