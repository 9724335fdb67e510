package sequencer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

func TestMain(m *testing.M) {
	if do := os.Getenv("SEQUENCER_CHILD"); do != "" {
		os.Exit(child(do))
	}
	var err error
	if scratch, err = os.MkdirTemp("", "vitrine-sequencer-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}

// scratch is a directory for what several tests share.
var scratch string

// notInTest stands for the test in a child process.
type notInTest struct{ testing.TB }

func (notInTest) Helper()           {}
func (notInTest) Cleanup(func())    {}
func (notInTest) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// child does one thing to the ledger in SEQUENCER_DIR. At the point that
// SEQUENCER_KILL_AT counts to, it is killed; SEQUENCER_TRACE is told the points.
func child(do string) int {
	h := newHouseIn(notInTest{}, os.Getenv("SEQUENCER_NAME"), os.Getenv("SEQUENCER_DIR"))
	killAt, err := strconv.Atoi(os.Getenv("SEQUENCER_KILL_AT"))
	if err != nil {
		killAt = -1
	}
	var trace *os.File
	if name := os.Getenv("SEQUENCER_TRACE"); name != "" {
		trace, _ = os.Create(name)
	}
	passed := 0
	h.o.Reached = func(point string) {
		if trace != nil {
			fmt.Fprintln(trace, point)
		}
		if passed == killAt {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		passed++
	}
	if err := h.do(do); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return vitrine.ExitCode(err)
	}
	return 0
}

// do goes on with a ledger: it begins it, prepares its next tick, or makes it.
func (h *house) do(what string) error {
	ctx := context.Background()
	l, err := Open(ctx, h.o)
	if err != nil {
		return err
	}
	defer l.Close()
	switch what {
	case "begin":
		err = l.Begin(ctx, h.header(1))
	case "prepare":
		p, _, at, _ := l.Next()
		h.clock.set(at.Add(-time.Hour))
		err = l.prepare(ctx, demand(notInTest{}, p, "us/search-warrant", "K-1", "erin"))
	case "tick":
		_, _, at, _ := l.Next()
		h.clock.set(at)
		_, err = l.Tick(ctx, nil)
	}
	return err
}

// run has a child do something to a ledger.
func (h *house) run(what string, killAt int, more ...string) (points []string, killed bool, said string) {
	h.t.Helper()
	trace := filepath.Join(h.t.TempDir(), "trace")
	args := append(slices.Clone(more), os.Args[0])
	c := exec.Command(args[0], args[1:]...)
	c.Env = append(os.Environ(), "SEQUENCER_CHILD="+what, "SEQUENCER_DIR="+h.dir, "SEQUENCER_NAME="+h.name, "SEQUENCER_KILL_AT="+strconv.Itoa(killAt), "SEQUENCER_TRACE="+trace)
	var out bytes.Buffer
	c.Stderr = &out
	err := c.Run()
	b, _ := os.ReadFile(trace)
	points = strings.Split(strings.TrimSpace(string(b)), "\n")
	if err != nil && err.Error() == "signal: killed" {
		return points, true, ""
	}
	if err != nil && out.Len() == 0 {
		h.t.Fatal(err)
	}
	return points, false, out.String()
}

// in is the house with a copy of its ledger, which was left at some state.
func (h *house) in(t testing.TB, dir string) *house {
	c := *h
	c.t, c.dir, c.clock = t, filepath.Join(t.TempDir(), "ledger"), &clock{at: begin.Add(-time.Hour)}
	c.o.Now = c.clock.now
	c.witnesses()
	if err := os.CopyFS(c.dir, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	c.o.Dir = c.dir
	return &c
}

// states are a ledger that is about to do something, by what it does. It is
// made once; tests take copies.
func states(t *testing.T) (*house, map[string]string) {
	t.Helper()
	made := makeStates()
	h := made.h
	h.t = t
	return &h, made.dirs
}

type madeStates struct {
	h    house
	dirs map[string]string
}

var record = []byte("a statement of the auditor")

var makeStates = sync.OnceValue(func() madeStates {
	base := filepath.Join(scratch, "states")
	h := newHouseIn(notInTest{}, "states", filepath.Join(base, "ledger"))
	dirs := map[string]string{}
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	keep := func(what string) {
		dirs[what] = filepath.Join(base, what)
		must(os.CopyFS(dirs[what], os.DirFS(h.dir)))
	}
	must(os.MkdirAll(h.dir, 0o700))
	keep("begin")
	l := h.open()
	must(l.Begin(context.Background(), h.header(1)))
	h.next(l)
	keep("first")
	h.tick(l, demand(notInTest{}, l.Chain()[0], "us/search-warrant", "A-1", "alice")...)
	must(l.Notice(ledger.NoticeStatement, sha256.Sum256(record), record))
	keep("prepare")
	p, _, _, _ := l.Next()
	must(l.prepare(context.Background(), demand(notInTest{}, p, "us/search-warrant", "K-1", "erin")))
	keep("tick")
	h.tick(l)
	keep("done")
	must(l.Close())
	return madeStates{*h, dirs}
})

// TestKilled kills the process at every point that it passes, and wants the
// next one to publish what was planned, byte for byte, and each fact once.
func TestKilled(t *testing.T) {
	t.Parallel()
	h, dirs := states(t)
	passed := map[string]bool{}
	for _, what := range []string{"begin", "prepare", "tick"} {
		points, _, said := h.in(t, dirs[what]).run(what, -1)
		if said != "" {
			t.Fatalf("%s: %s", what, said)
		}
		for n, at := range points {
			passed[at] = true
			t.Run(fmt.Sprintf("%s/%d %s", what, n, at), func(t *testing.T) {
				t.Parallel()
				c := h.in(t, dirs[what])
				if _, killed, said := c.run(what, n); !killed {
					t.Fatalf("not killed: %s", said)
				}
				c.goesOn("killed")
			})
		}
	}
	for _, p := range Points {
		if !passed[p] {
			t.Errorf("no process is killed at %q", p)
		}
	}
}

// goesOn opens a ledger whose process ended somehow, and finishes its tick.
func (h *house) goesOn(how string) {
	h.t.Helper()
	ctx := context.Background()
	plan := h.newestPlan()
	l := h.open()
	if len(l.Chain()) == 0 || l.last == nil {
		if err := l.Begin(ctx, h.header(1)); err != nil {
			h.t.Errorf("%s: %v", how, err)
			return
		}
	}
	for {
		p, tick, at, ok := l.Next()
		if !ok || p.Number == 1 && tick == 2 {
			break
		}
		var facts []Fact
		if p.Number == 1 {
			facts = demand(h.t, p, "us/search-warrant", "K-1", "erin")
		}
		if tick > 0 {
			h.clock.set(at)
		}
		if p.Number == 0 && tick == 1 {
			break // it was to begin only
		}
		out, err := l.Tick(ctx, facts)
		if err != nil {
			h.t.Errorf("%s: %v", how, err)
			return
		}
		if len(out.Indices) != len(facts) {
			h.t.Errorf("%s: counted %v", how, out.Indices)
		}
	}
	if plan != nil {
		h.publishedAs(plan, how)
	}
	if last := l.Chain()[l.last.Period]; last.Number == 1 {
		sum, _, err := l.Sums(ledger.CellName{Period: 1, Sheet: "us/search-warrant"})
		if err != nil || sum.V[0] != 1 || sum.V[1] != 1 {
			h.t.Errorf("%s: sum %v, %v", how, sum.V, err)
		}
		if _, err := fs.Stat(l.Public(), "documents/"+ledger.Hash(sha256.Sum256(record)).String()); err != nil {
			h.t.Errorf("%s: %v", how, err)
		}
	}
	h.auditedOnce(l, how)
	if err := l.Close(); err != nil {
		h.t.Error(err)
	}
}

// accepted are directories that an audit accepted, by all their bytes.
var accepted sync.Map

// auditedOnce has the audit accept what is public, unless it accepted the very
// same bytes before.
func (h *house) auditedOnce(l *Log, how string) {
	public, sum := l.Public(), sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files(h.t, public))) {
		b, err := fs.ReadFile(public, name)
		if err != nil {
			h.t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %x\n", name, sha256.Sum256(b))
	}
	key := [32]byte(sum.Sum(nil))
	if _, ok := accepted.Load(key); ok {
		return
	}
	if _, err := audit(public); err != nil {
		h.t.Errorf("%s: %v", how, err)
		return
	}
	accepted.Store(key, true)
}

// newestPlan is the plan that has entries, if there is one.
func (h *house) newestPlan() *plan {
	names, _ := filepath.Glob(filepath.Join(h.dir, plansDir, "*-????????????"))
	if len(names) == 0 {
		return nil
	}
	b, err := os.ReadFile(names[len(names)-1])
	if err != nil {
		h.t.Fatal(err)
	}
	p, err := parsePlan(b)
	if err != nil {
		h.t.Fatal(err)
	}
	if p.entries == nil {
		return nil
	}
	return p
}

func (h *house) publishedAs(p *plan, how string) {
	for n := p.Before.Bundles; n < p.After.Bundles; n++ {
		b, err := os.ReadFile(filepath.Join(h.dir, publicDir, ledger.EntriesPath(n)))
		from := (n - p.Before.Bundles) * ledger.BundleSize
		if err != nil || !bytes.Equal(b, packEntries(p.entries[from:from+ledger.BundleSize])) {
			h.t.Errorf("%s: bundle %d is not the one that was planned (%v)", how, n, err)
		}
	}
}

// TestKilledAnyTime kills the process at random times.
func TestKilledAnyTime(t *testing.T) {
	t.Parallel()
	h, dirs := states(t)
	for range 2 {
		c := h.in(t, dirs["prepare"])
		in := time.Duration(rand.IntN(2000)) * time.Millisecond
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SEQUENCER_CHILD=prepare", "SEQUENCER_DIR="+c.dir, "SEQUENCER_NAME="+c.name)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(in, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		timer.Stop()
		c.goesOn(fmt.Sprintf("killed after %v", in))
	}
}
