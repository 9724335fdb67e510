package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// patience is how long one run of one tool may take.
const patience = 20 * time.Minute

// sample is what one run took: the whole tree of processes.
type sample struct {
	cpu, wall time.Duration
	rss       int64 // the largest of any one process
}

// contestant is one tool at one piece of work.
type contestant struct {
	name  string
	how   string // through which door, or what is different
	ours  bool
	needs []string // programs
	bytes int64    // of its input
	// prepare comes before each run, outside of what is measured.
	prepare func(out string) error
	// command does the work and puts what it makes into the directory out.
	command func(out string) *exec.Cmd
	found   func(out string) (set, error) // what it came to; nil: not compared

	missing string
	samples []sample
	got     set
}

// absent says why a contestant cannot run.
func (c *contestant) absent() string {
	for _, tool := range c.needs {
		if _, err := exec.LookPath(tool); err != nil {
			return tool + " is not installed"
		}
	}
	return ""
}

// once runs c one time, in a fresh directory.
func (b *bench) once(c *contestant) error {
	dir := b.work
	out := filepath.Join(dir, "out")
	if err := errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o711)); err != nil {
		return err
	}
	defer os.RemoveAll(out)
	if c.prepare != nil {
		if err := c.prepare(out); err != nil {
			return fmt.Errorf("prepare %s: %w", c.name, err)
		}
	}
	s, err := b.run(c.command(out), dir)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	c.samples = append(c.samples, s)
	if c.found != nil && c.got == nil {
		if c.got, err = c.found(out); err != nil {
			return fmt.Errorf("look at what %s found: %w", c.name, err)
		}
	}
	return nil
}

// run measures a command with all that it starts and waits for. It does so
// from a small process in between: what a process may have taken of memory at
// most begins with what its parent has.
func (b *bench) run(cmd *exec.Cmd, dir string) (sample, error) {
	report := filepath.Join(dir, "measured")
	between := exec.Command(b.self, append([]string{"measure", report}, cmd.Args...)...)
	between.Env, between.Dir = cmd.Env, cmd.Dir
	out, err := between.CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("%w: %s", err, tail(string(out)))
	}
	var s sample
	text, err := os.ReadFile(report)
	if err == nil {
		_, err = fmt.Sscan(string(text), &s.cpu, &s.wall, &s.rss)
	}
	return s, err
}

// measure runs a command: measure REPORT PROGRAM ARGUMENTS.
func measure(args []string) error {
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	late := time.AfterFunc(patience, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	err := cmd.Wait()
	wall := time.Since(began)
	late.Stop()
	if err != nil {
		return err
	}
	use := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	spent := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return os.WriteFile(args[0], fmt.Appendln(nil, int64(spent), int64(wall), use.Maxrss<<10), 0o600)
}

func tail(s string) string {
	s = strings.TrimSpace(s)
	return s[max(0, len(s)-2000):]
}

// best and median of what the rounds took.
func (c *contestant) best(of func(sample) time.Duration) time.Duration {
	return of(slices.MinFunc(c.samples, func(a, b sample) int { return int(of(a) - of(b)) }))
}

func (c *contestant) median(of func(sample) time.Duration) time.Duration {
	sorted := slices.SortedFunc(slices.Values(c.samples), func(a, b sample) int { return int(of(a) - of(b)) })
	return of(sorted[len(sorted)/2])
}

func (c *contestant) rss() (most int64) {
	for _, s := range c.samples {
		most = max(most, s.rss)
	}
	return most
}

func cpu(s sample) time.Duration  { return s.cpu }
func wall(s sample) time.Duration { return s.wall }

// rate is MB/s a core.
func (c *contestant) rate() float64 { return float64(c.bytes) / 1e6 / c.best(cpu).Seconds() }

// set is what a tool came to: the ids of messages, or the digests of files.
type set map[string]bool

// less are how many elements of s are not in t.
func (s set) less(t set) (n int) {
	for k := range s {
		if !t[k] {
			n++
		}
	}
	return n
}

// messagesIn collects the ids of all messages in the files under a directory.
func messagesIn(dir string) (set, error) {
	found := set{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range marked.FindAllSubmatch(b, -1) {
			found[string(m[1])] = true
		}
		return err
	})
	return found, err
}

// digestsIn reads the digests of a manifest as sha256sum writes it.
func digestsIn(manifest string) (set, error) {
	b, err := os.ReadFile(manifest)
	if err != nil {
		return nil, err
	}
	found := set{}
	for line := range strings.Lines(string(b)) {
		if digest, _, ok := strings.Cut(line, "  "); ok {
			found[digest] = true
		}
	}
	return found, nil
}

func copyHead(from, to string, size int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.CopyN(out, in, size)
	return errors.Join(err, out.Close())
}
