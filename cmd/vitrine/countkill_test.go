package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/report"
	"github.com/vitrine-project/vitrine/internal/sequencer"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/ledger"
)

// due is when the stage of a counting kill has the last tick of its first
// period due, and that period's report; later, the tick after.
var due, later = on(1, 3), on(1, 95)

// countStage is a stage on which a demand was answered and waits for a tick,
// and another is to be answered, with the commands that make the tick.
func countStage(t *testing.T) (s *stage, commands map[string][]string) {
	s = newStage(t)
	s.build(on(0, 100))
	s.demand(on(0, 110), "us/search-warrant", "dora")
	past := filepath.Join(s.dir, "authority", "past")
	copied(t, filepath.Join(past, "01"), filepath.Join(past, "99"))
	demand := filepath.Join(past, "99", "demand.toml")
	edit(t, demand, `reference  = "`, `reference  = "another-`)
	out := filepath.Join(s.dir, "outbox", "past")
	return s, map[string][]string{
		"answer":       append([]string{"answer", "--config", s.config, "--demand", demand, "--out", out}, s.approve()...),
		"receipts":     {"receipts", "--config", s.config, "--out", out},
		"report build": {"report", "build", "--config", s.config, "--out", s.public},
	}
}

// again puts the stage back as it was.
func (s *stage) again(kept string) {
	s.t.Helper()
	copied(s.t, kept, s.dir)
	err := filepath.WalkDir(filepath.Join(s.dir, "provider", "keys"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func at(now time.Time, more ...string) []string {
	return append(more, "VITRINE_TEST_NOW="+now.Format(time.RFC3339))
}

// ended runs all commands to their end and says what it comes to: stages of
// demands, what is counted of them, and what is published.
func (s *stage) ended(commands map[string][]string) string {
	s.t.Helper()
	for _, name := range []string{"answer", "report build", "receipts"} {
		call{args: commands[name], env: at(due.Add(time.Hour))}.ok(s.t)
	}
	call{args: commands["receipts"], env: at(later)}.ok(s.t)
	call{args: commands["report build"], env: at(later)}.ok(s.t)
	if _, err := os.Stat(filepath.Join(filepath.Dir(s.public), "."+filepath.Base(s.public)+".vitrine-last")); err == nil {
		s.t.Error("the public directory before is left behind")
	}
	var b strings.Builder
	for _, r := range s.verdict().Reports {
		for _, table := range r.Statement.Tables {
			fields, err := json.Marshal(table.Fields)
			if err != nil {
				s.t.Fatal(err)
			}
			fmt.Fprintf(&b, "report %s: %s %s\n", r.Statement.Name, table.Name, fields)
		}
	}
	fmt.Fprintf(&b, "%d reports said\n", len(s.reportsSaid()))
	return b.String() + s.counted()
}

// counted is what the desk knows of each demand and its facts. Each fact stands
// in the log once, and with a receipt that keeps its promise.
func (s *stage) counted() string {
	s.t.Helper()
	config, base, err := loadConfig(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	desk, closeDesk, err := openDesk(s.t.Context(), deskOptions{config: config, base: base, out: s.outbox, bars: newBars(quiet{}), now: func() time.Time { return later }})
	if err != nil {
		s.t.Fatal(err)
	}
	defer closeDesk()
	var b strings.Builder
	places := map[int64]bool{}
	err = desk.DB.View(s.t.Context(), func(tx *store.Tx) error {
		ids, err := tx.Demands()
		if err != nil {
			return err
		}
		for _, id := range ids {
			dem, err := tx.Demand(id)
			if err != nil {
				return err
			}
			facts, err := tx.FactsOf(id)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%s: %s after %d events:", dem.Submission.Reference, dem.Stage, dem.Seq)
			for _, f := range facts {
				fmt.Fprintf(&b, " %s", f.Type)
				if f.Index < 0 || places[f.Index] {
					s.t.Errorf("fact %s of %s stands at %d", f.Type, dem.Submission.Reference, f.Index)
				}
				places[f.Index] = true
				s.kept(desk, f)
			}
			fmt.Fprintln(&b)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

// kept checks that a fact's checkpoint came by the time that was promised.
func (s *stage) kept(desk *casework.Desk, f store.Fact) {
	s.t.Helper()
	if f.Index < 0 {
		return
	}
	public := desk.Books[ledger.Public].Log
	p, place, err := public.Chain().At(uint64(f.Index))
	if err != nil {
		s.t.Fatal(err)
	}
	raw, err := fs.ReadFile(public.Public(), fmt.Sprintf("checkpoints/%d", p.After(place.Tick)))
	if err != nil {
		s.t.Fatal(err)
	}
	cp, err := p.OpenCheckpoint(raw)
	if err != nil {
		s.t.Fatal(err)
	}
	if at, watched := cp.Time(); !watched || int64(at) > f.Due {
		s.t.Errorf("fact %s of %s stood in the log at %d, it was promised by %d", f.Type, f.Demand, at, f.Due)
	}
}

// full says how much of the sweep runs: all of it by night, each point once
// where nothing may be skipped, a few of them otherwise.
func full() (each bool, names bool) {
	return os.Getenv("VITRINE_NIGHTLY") != "", os.Getenv("VITRINE_REQUIRE") != ""
}

// counting reports whether a point is one that TestKillAtEveryPoint leaves out.
func counting(point string) bool {
	return strings.HasPrefix(point, "count: ") || slices.Contains(sequencer.Points, point) || slices.Contains(report.Points, point)
}

// sweep picks the points of a command to kill at.
func sweep(random *rand.Rand, points []string, seen map[string]bool) []int {
	each, names := full()
	var list []int
	for i, p := range points {
		if each || names && !seen[p] && counting(p) {
			list = append(list, i)
		}
		seen[p] = true
	}
	list = append(list, random.IntN(len(points)))
	slices.Sort(list)
	return slices.Compact(list)
}

// TestKillWhileCounting kills the commands that make a due tick, at points that
// they pass and at random times, and runs each again: what comes of it is what
// an undisturbed run comes to.
func TestKillWhileCounting(t *testing.T) {
	s, commands := countStage(t)
	kept := filepath.Join(t.TempDir(), "kept")
	copied(t, s.dir, kept)
	random, seen, times := rand.New(rand.NewPCG(3, 4)), map[string]bool{}, 0
	if each, names := full(); each {
		times = 20
	} else if names {
		times = 2
	}
	for _, name := range []string{"report build", "answer", "receipts"} {
		s.again(kept)
		trace := filepath.Join(t.TempDir(), "trace")
		whole := call{args: commands[name], env: at(due, "VITRINE_TEST_TRACE="+trace)}.ok(t)
		want := s.ended(commands)
		if !strings.Contains(want, "report 2025-H2: us/search-warrant") || !strings.Contains(want, "1 reports said") {
			t.Fatalf("too little comes of it: %s", want)
		}
		points := strings.Split(strings.TrimSpace(string(readAll(t, trace))), "\n")
		for _, i := range sweep(random, points, seen) {
			s.killed(fmt.Sprintf("%s/%03d %s", name, i, points[i]), kept, commands, call{args: commands[name], env: at(due, fmt.Sprintf("VITRINE_TEST_KILL_AT=%d", i))}, want)
		}
		for range times {
			in := 1 + time.Duration(random.Int64N(int64(whole.took)))
			s.killed(fmt.Sprintf("%s/after %v", name, in.Round(time.Millisecond)), kept, commands, call{args: commands[name], env: at(due), killIn: in}, want)
		}
	}
	for _, p := range slices.Concat(casework.Points, sequencer.Points, report.Points) {
		if counting(p) && !seen[p] {
			t.Errorf("no command that counts passes point %q", p)
		}
	}
}

func (s *stage) killed(name, kept string, commands map[string][]string, c call, want string) {
	s.t.Run(name, func(t *testing.T) {
		outer := s.t
		defer func() { s.t = outer }()
		s.t = t
		s.again(kept)
		if o := c.run(t); c.killIn == 0 && o.code != -1 {
			t.Fatalf("not killed: exit %d\n%s", o.code, o.stderr)
		}
		call{args: c.args, env: at(due)}.ok(t)
		if got := s.ended(commands); got != want {
			t.Errorf("it ended as\n%s\nwant\n%s", got, want)
		}
	})
}
