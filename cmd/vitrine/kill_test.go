package main

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/sequencer"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// databases are where each kill test runs.
var databases = map[string]func(*testing.T) string{
	"sqlite":   func(*testing.T) string { return "" },
	"postgres": func(t *testing.T) string { return need.Postgres(t) },
}

// inPieces has a call that is killed collect the world's mail in two pieces.
// What it must come to is collected in one.
const inPieces = "VITRINE_TEST_PIECE=20"

// ending is what a killed and restarted answer must come to: the payload and
// the item lists of both volumes, and the stages of the events.
type ending struct{ content, stages string }

// finish runs the answer to its end, with the decisions, and says what it came
// to.
func finish(t *testing.T, w world) ending {
	t.Helper()
	r := call{args: w.answer()}.ok(t).result(t)
	return conclude(t, w, r)
}

// worldly is what items say of the day on which a world was made.
var worldly = regexp.MustCompile(`"(born|changed)":"[^"]*",?`)

func conclude(t *testing.T, w world, r Result) ending {
	t.Helper()
	if r.Open > 0 {
		if _, err := os.Stat(w.decisions); err != nil {
			if err := w.decide(r.Decisions); err != nil {
				t.Fatal(err)
			}
		}
		r = call{args: w.answer("--decisions", w.decisions)}.ok(t).result(t)
	}
	var content strings.Builder
	for i, p := range r.Packages {
		bag := w.opened(i + 1)
		call{args: []string{"open", p, "--identity", w.identity, "--out", bag}}.ok(t)
		call{args: []string{"verify", bag, "--trust", r.Trust}}.ok(t)
		for _, name := range []string{"manifest-sha256.txt", "items.jsonl"} {
			b, err := os.ReadFile(filepath.Join(bag, name))
			if err != nil {
				t.Fatal(err)
			}
			content.Write(worldly.ReplaceAll(b, nil))
		}
	}
	return ending{content.String(), stages(t, w, vitrine.ID(r.Demand))}
}

// stages reads the stored events.
func stages(t *testing.T, w world, id vitrine.ID) string {
	t.Helper()
	desk, release := w.desk(t)
	defer release()
	events, err := desk.Events(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := desk.DB.Audit(t.Context()); err != nil {
		t.Errorf("the chain of events is broken: %v", err)
	}
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%d %s\n", e.Seq, e.Stage)
	}
	return b.String()
}

// finals maps each file in the outbox that has its final name to its digest.
func finals(t *testing.T, w world) map[string][32]byte {
	t.Helper()
	out := map[string][32]byte{}
	entries, _ := os.ReadDir(w.outbox)
	for _, e := range entries {
		if strings.Contains(e.Name(), ".zip.age") && !strings.HasSuffix(e.Name(), ".partial") {
			b, err := os.ReadFile(filepath.Join(w.outbox, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			out[e.Name()] = sha256.Sum256(b)
		}
	}
	return out
}

// TestKillAtEveryPoint kills a whole answer at each point that it passes, one
// run a point: first the call that collects, then the one that decides what is
// open. It wants the same ending from each restart, and every point of the list
// to be among those where it killed.
func TestKillAtEveryPoint(t *testing.T) {
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, database(t))
			first := tracePoints(t, w, w.answer())
			w.openItems(t)
			second := tracePoints(t, w, w.answer("--decisions", w.decisions))
			want := finish(t, w)
			for _, p := range casework.Points {
				if !slices.Contains(first, p) && !slices.Contains(second, p) && !strings.HasPrefix(p, "count: ") && !strings.HasPrefix(p, "key: ") { // TestKillWhileCounting and TestDestroyKey have them
					t.Errorf("an answer does not pass point %q", p)
				}
			}
			for i, point := range first {
				if skipped(name, point) {
					continue
				}
				killAt(t, database, want, fmt.Sprintf("collecting %02d %s", i, point), i, false)
			}
			for i, point := range second {
				if skipped(name, point) {
					continue
				}
				killAt(t, database, want, fmt.Sprintf("deciding %02d %s", i, point), i, true)
			}
		})
	}
}

// skipped leaves out the points of the ledger's writer, which its own tests kill
// at, where they would only take long: the ledger lies beside either database.
func skipped(database, point string) bool {
	return (database == "postgres" || os.Getenv("VITRINE_NIGHTLY") == "") && slices.Contains(sequencer.Points, point)
}

// killAt kills one call at its i-th point and goes on from there.
func killAt(t *testing.T, database func(*testing.T) string, want ending, name string, i int, deciding bool) {
	if testing.Short() && i%5 > 0 {
		return
	}
	t.Run(name, func(t *testing.T) {
		t.Parallel() // much of a restart is waiting
		w := newWorld(t, database(t))
		args := w.answer()
		if deciding {
			call{args: args}.ok(t)
			w.openItems(t)
			args = w.answer("--decisions", w.decisions)
		}
		o := call{args: args, env: []string{fmt.Sprintf("VITRINE_TEST_KILL_AT=%d", i), inPieces}}.run(t)
		if o.code != -1 {
			t.Fatalf("not killed: exit %d\n%s", o.code, o.stderr)
		}
		restart(t, w, want)
	})
}

// openItems fills in the list of open items that lies in the outbox.
func (w world) openItems(t *testing.T) {
	t.Helper()
	lists, err := filepath.Glob(filepath.Join(w.outbox, "*.decisions.toml"))
	if err != nil || len(lists) != 1 {
		t.Fatalf("%d lists of open items (%v)", len(lists), err)
	}
	if err := w.decide(lists[0]); err != nil {
		t.Fatal(err)
	}
}

// tracePoints runs one call through, and wants each point that it passes to be
// in the list.
func tracePoints(t *testing.T, w world, args []string) []string {
	t.Helper()
	trace := filepath.Join(w.dir, "trace")
	call{args: args, env: []string{"VITRINE_TEST_TRACE=" + trace, inPieces}}.ok(t)
	b, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	passed := strings.Split(strings.TrimSpace(string(b)), "\n")
	for _, p := range passed {
		if !slices.Contains(casework.Points, p) && !slices.Contains(sequencer.Points, p) {
			t.Errorf("point %q is not in casework.Points or sequencer.Points", p)
		}
	}
	return passed
}

// restart goes on after a kill: nothing that had its final name may change,
// and the ending is the one of an undisturbed run.
func restart(t *testing.T, w world, want ending) {
	t.Helper()
	before := finals(t, w)
	got := finish(t, w)
	after := finals(t, w)
	for name, digest := range before {
		if after[name] != digest {
			t.Errorf("%s had its final name and was not final", name)
		}
	}
	if got != want {
		t.Errorf("another ending after the restart:\n%s\nwant:\n%s", got.stages, want.stages)
		if got.content != want.content {
			t.Errorf("the content differs:\n%s\nwant:\n%s", got.content, want.content)
		}
	}
	leftovers(t, w)
}

// leftovers wants no half-written file to be left, and no hold once nothing is
// open.
func leftovers(t *testing.T, w world) {
	t.Helper()
	data := filepath.Join(filepath.Dir(w.config), "data")
	for _, dir := range []string{w.outbox, filepath.Join(data, "originals"), filepath.Join(data, "packages"), filepath.Join(data, "holds"), filepath.Join(data, "spool")} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if strings.Contains(e.Name(), "partial") || strings.HasSuffix(dir, "spool") || strings.HasSuffix(dir, "holds") {
				t.Errorf("%s is left behind", filepath.Join(dir, e.Name()))
			}
		}
	}
}

// TestKillAtRandomTimes kills an answer at random moments, sometimes several
// times in a row.
func TestKillAtRandomTimes(t *testing.T) {
	times := 12
	switch {
	case os.Getenv("VITRINE_NIGHTLY") != "":
		times = 50
	case testing.Short():
		times = 5
	}
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, database(t))
			whole := call{args: w.answer()}.ok(t)
			want := conclude(t, w, whole.result(t))
			random := rand.New(rand.NewPCG(1, 2))
			killed := 0
			for range times {
				w := newWorld(t, database(t))
				for range 1 + random.IntN(2) {
					if o := (call{args: w.answer(), env: []string{inPieces}, killIn: 1 + time.Duration(random.Int64N(int64(whole.took)))}).run(t); o.code == -1 {
						killed++
					}
				}
				restart(t, w, want)
			}
			if killed < times/2 {
				t.Errorf("only %d kills in %d runs: the test shows too little", killed, times)
			}
		})
	}
}

// TestResumesAtOnce wants a killed answer to go on in under 2 s: what the
// restart takes beyond an undisturbed run is what the queue waited.
func TestResumesAtOnce(t *testing.T) {
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, database(t))
			passed := tracePoints(t, w, w.answer())
			w = newWorld(t, database(t))
			whole := call{args: w.answer()}.ok(t)
			for _, point := range []string{"collect: items held", "seal: items sealed"} {
				w := newWorld(t, database(t))
				at := slices.Index(passed, point)
				call{args: w.answer(), env: []string{fmt.Sprintf("VITRINE_TEST_KILL_AT=%d", at)}}.run(t)
				if o := (call{args: w.answer()}).ok(t); o.took-whole.took > 2*time.Second {
					t.Errorf("killed at %q: went on %v later than an undisturbed run", point, o.took-whole.took)
				}
			}
		})
	}
}
