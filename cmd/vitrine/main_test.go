package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

func TestMain(m *testing.M) {
	if os.Getenv("VITRINE_TEST_CHILD") != "" {
		os.Exit(child())
	}
	testscript.Main(m, map[string]func(){"vitrine": func() {
		if os.Getenv("VITRINE_TEST_NOW") != "" {
			os.Exit(child())
		}
		main()
	}})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Condition: func(cond string) (bool, error) {
			tool, ok := strings.CutPrefix(cond, "tool:")
			if !ok {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			need.Tool(t, tool)
			return true, nil
		},
		RequireUniqueNames: true,
	})
}

// child is the whole program in a process of its own, which a test may kill at
// the n-th point that it passes, or have write down what it passed and how
// much memory it took.
func child() int {
	p := program{stdout: os.Stdout, stderr: os.Stderr, now: time.Now}
	if s := os.Getenv("VITRINE_TEST_NOW"); s != "" {
		now, err := time.Parse(time.RFC3339, s)
		if err != nil {
			panic(err)
		}
		p.now = func() time.Time { return now }
	}
	if s := os.Getenv("VITRINE_TEST_PIECE"); s != "" {
		p.piece.Seen, _ = strconv.ParseInt(s, 10, 64)
	}
	passed, killAt := 0, -1
	if s := os.Getenv("VITRINE_TEST_KILL_AT"); s != "" {
		killAt, _ = strconv.Atoi(s)
	}
	var trace *os.File
	if s := os.Getenv("VITRINE_TEST_TRACE"); s != "" {
		trace, _ = os.Create(s)
	}
	points := make(chan string)
	die := make(chan struct{})
	go func() { // one counter for points that several goroutines pass
		for name := range points {
			if trace != nil {
				fmt.Fprintln(trace, name)
			}
			if passed == killAt {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
			passed++
			die <- struct{}{}
		}
	}()
	p.reached = func(name string) {
		points <- name
		<-die
	}
	code := p.run(context.Background(), os.Args[1:])
	if s := os.Getenv("VITRINE_TEST_PEAK"); s != "" {
		_ = os.WriteFile(s, []byte(strconv.FormatInt(peakMemory(), 10)), 0o600)
	}
	return code
}

// peakMemory is the largest resident size of this process so far, in bytes.
func peakMemory() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return -1
}

// run is one call of the program in a child process.
type call struct {
	args   []string
	env    []string
	killIn time.Duration // 0: not at all
}

type outcome struct {
	code           int // -1 if killed
	stdout, stderr string
	took           time.Duration
}

func (c call) run(t *testing.T) outcome {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, c.args...)
	cmd.Env = append(append(os.Environ(), "VITRINE_TEST_CHILD=1"), c.env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if c.killIn > 0 {
		timer := time.AfterFunc(c.killIn, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	_ = cmd.Wait() // the exit code says it
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errs.String(), time.Since(began)}
}

// ok runs c and fails the test unless it exits with 0.
func (c call) ok(t *testing.T) outcome {
	t.Helper()
	o := c.run(t)
	if o.code != 0 {
		t.Fatalf("vitrine %s: exit %d\n%s", strings.Join(c.args, " "), o.code, o.stderr)
	}
	return o
}

func (o outcome) result(t *testing.T) Result {
	t.Helper()
	var r Result
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil {
		t.Fatalf("stdout is not one JSON object: %v\n%s", err, o.stdout)
	}
	return r
}

// testNow is when the tests' worlds are built.
var testNow = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// newWorld builds the demo's world with a fixed clock, and puts it on
// PostgreSQL if a URL is given.
func newWorld(t *testing.T, database string) world {
	t.Helper()
	d := demo{program: program{stdout: os.Stderr, stderr: os.Stderr, now: func() time.Time { return testNow }}, dir: filepath.Join(t.TempDir(), "world")}
	w, err := d.build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if database != "" {
		edit(t, w.config, "[store]\n", "[store]\ndatabase = \""+database+"\"\n")
	}
	return w
}

// desk opens w's desk, as a command would, until the test ends or release is
// called.
func (w world) desk(t *testing.T) (d *casework.Desk, release func()) {
	t.Helper()
	config, base, err := loadConfig(w.config)
	if err != nil {
		t.Fatal(err)
	}
	d, closeDesk, err := openDesk(t.Context(), deskOptions{config: config, base: base, out: w.outbox, now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return d, func() {
		if err := closeDesk(); err != nil {
			t.Error(err)
		}
	}
}

func edit(t *testing.T, path, old, new string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), old) {
		t.Fatalf("%s has no %q", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(b), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// answer are the arguments of one call of vitrine answer in w.
func (w world) answer(more ...string) []string {
	args := []string{"answer", "--config", w.config, "--demand", w.demand, "--grant", w.grant, "--out", w.outbox, "--json"}
	return append(append(args, w.approve()...), more...)
}
