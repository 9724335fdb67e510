package sequencer

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// TestOldCopies puts parts of an older copy of a ledger's directory, or the
// whole, in the place of the newer ones: it must stop.
func TestOldCopies(t *testing.T) {
	t.Parallel()
	h, dirs := states(t)
	tile := filepath.Join(logDir, "tile")
	for name, x := range map[string]struct {
		base, from string
		parts      []string // taken from the other state
		want       string
	}{
		"log":                       {"done", "prepare", []string{logDir}, "the log is an older copy"},
		"log, of a tick that waits": {"tick", "first", []string{logDir}, "the log is an older copy"},
		"plans":                     {"done", "prepare", []string{plansDir}, "the plans say"},
		"plans and what is public":  {"done", "prepare", []string{plansDir, publicDir}, "the plans are an older copy"},
		"plans, of two ticks":       {"done", "first", []string{plansDir, publicDir}, "the plans are an older copy"},
		"what is public":            {"done", "prepare", []string{publicDir}, "the plans say"},
		"headers":                   {"done", "begin", []string{headersDir}, "but no header 0"},
		"plan of a tick that waits": {"tick", "prepare", []string{plansDir}, "the plans are an older copy"},
		"log, plans, headers":       {"done", "begin", []string{logDir, plansDir, headersDir}, "the plans are missing"},
		"a state of Tessera's":      {"done", "prepare", []string{filepath.Join(logDir, ".state")}, "the log is an older copy"},
		"tiles":                     {"done", "prepare", []string{tile}, "the log's tree is not that of the plan"},
	} {
		t.Run(name, func(t *testing.T) {
			c := h.in(t, dirs[x.base])
			for _, part := range x.parts {
				swap(t, filepath.Join(c.dir, part), filepath.Join(dirs[x.from], part))
			}
			_, err := Open(context.Background(), c.o)
			refused(t, err, x.want)
			if code := vitrine.ExitCode(err); code != 3 {
				t.Errorf("exit code %d", code)
			}
		})
	}
	t.Run("all", func(t *testing.T) {
		c := h.in(t, dirs["prepare"])
		c.o.Seen = ledger.BundleSize * 4
		_, err := Open(context.Background(), c.o)
		refused(t, err, "it is an older copy")
	})
	t.Run("none", func(t *testing.T) {
		c := h.in(t, dirs["done"])
		c.o.Seen = ledger.BundleSize * 4
		c.open()
	})
}

func swap(t *testing.T, at, with string) {
	t.Helper()
	if err := os.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(with); err != nil {
		return
	}
	if err := os.CopyFS(at, os.DirFS(with)); err != nil {
		t.Fatal(err)
	}
}

// TestAnotherCheckpoint finds a kept checkpoint of another history beside the
// plan of a tick that waits.
func TestAnotherCheckpoint(t *testing.T) {
	t.Parallel()
	h, dirs := states(t)
	other, c := h.in(t, dirs["prepare"]), h.in(t, dirs["tick"])
	other.tick(other.open())
	b, err := os.ReadFile(filepath.Join(other.dir, checkpointName(1024)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, checkpointName(1024)), b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(context.Background(), c.o)
	refused(t, err, "the kept checkpoint of tick 1 of period 1 is that of another tree")
}

// TestOldCopyIsWitnessed brings back an old copy that is whole in itself: what
// it plans anew, the witnesses refuse, and nothing of it is public.
func TestOldCopyIsWitnessed(t *testing.T) {
	t.Parallel()
	h, l := begun(t, 2)
	old := h.copyTo(t)
	h.tick(l, demand(t, l.Chain()[0], "us/subpoena", "A-1")...)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c := *h
	c.dir, c.o.Dir = old, old
	l = c.open()
	before := files(t, l.Public())
	_, err := l.Tick(context.Background(), nil)
	refused(t, err, "witness0.example of Organisation 0: this tree does not continue the one it cosigned")
	sameFiles(t, before, files(t, l.Public()))
}

// TestDamage changes one byte of a file, or takes a file away.
func TestDamage(t *testing.T) {
	t.Parallel()
	h, dirs := states(t)
	newest, waiting := planName(1, 1), planName(1, 1)
	for name, x := range map[string]struct {
		base, file string
		at         int // the byte that is changed; -1: the file is removed
		want       string
	}{
		"newest plan":       {"tick", waiting, 40, ""},
		"entry of a plan":   {"tick", waiting, -1000, "entries do not make the tree"},
		"older plan":        {"done", planName(0, 1), -1, "the plan of tick 1 of period 0 is missing"},
		"first plan":        {"done", planName(0, 0), -1, "the plan of tick 0 of period 0 is missing"},
		"header":            {"done", "headers/0.json", 100, "headers/0.json"},
		"no header":         {"done", "headers/0.json", -1, "it has no header 0"},
		"secret of a plan":  {"done", newest, -100, ""},
		"bundle of the log": {"tick", filepath.Join(logDir, ledger.EntriesPath(3)), 300, ""},
		"public checkpoint": {"done", publicDir + "/checkpoint", 60, "published checkpoint"},
		"public notices":    {"done", publicDir + "/notices.json", 30, "notices"},
		"no public notices": {"done", publicDir + "/notices.json", -1, "notices"},
		"no checkpoint":     {"done", publicDir + "/checkpoint", -1, "no checkpoint is published"},
		"hash tile":         {"tick", filepath.Join(logDir, "tile/0/003"), 40, "the log's tree is not"},
	} {
		t.Run(name, func(t *testing.T) {
			c := h.in(t, dirs[x.base])
			harm(t, filepath.Join(c.dir, x.file), x.at)
			l, err := Open(context.Background(), c.o)
			if err == nil { // what Open does not read, publishing does
				t.Cleanup(func() { _ = l.Close() })
				before := files(t, l.Public())
				_, _, at, _ := l.Next()
				c.clock.set(at)
				if _, err = l.Tick(context.Background(), nil); err != nil {
					sameFiles(t, before, files(t, l.Public()))
				}
			}
			refused(t, err, x.want)
		})
	}
}

func harm(t *testing.T, path string, at int) {
	t.Helper()
	if at == -1 {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func sameFiles(t *testing.T, before, now map[string]int64) {
	t.Helper()
	for name := range now {
		if _, ok := before[name]; !ok {
			t.Errorf("%s became public", name)
		}
	}
	for name, size := range before {
		if now[name] != size {
			t.Errorf("%s had %d bytes, now %d", name, size, now[name])
		}
	}
}

// TestOneWriter opens a ledger twice.
func TestOneWriter(t *testing.T) {
	t.Parallel()
	h := newHouse(t, t.Name())
	l := h.open()
	_, err := Open(context.Background(), h.o)
	refused(t, err, "is in use by process")
	if vitrine.ExitCode(err) != 5 {
		t.Errorf("exit code %d", vitrine.ExitCode(err))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h.open()
	if err := l.Notice(ledger.NoticeReport, ledger.Hash{1}, nil); err == nil {
		t.Error("a closed ledger takes a notice")
	}
	if _, err := l.Tick(context.Background(), nil); err == nil {
		t.Error("a closed ledger makes a tick")
	}
	if err := l.Begin(context.Background(), h.header(1)); err == nil {
		t.Error("a closed ledger begins")
	}
}

// TestWrongKeys opens a ledger with keys that are not its own.
func TestWrongKeys(t *testing.T) {
	t.Parallel()
	h, dirs := states(t)
	c := h.in(t, dirs["done"])
	c.o.Seal = newSafe("another")
	_, err := Open(context.Background(), c.o)
	refused(t, err, "cannot be unsealed")
	c = h.in(t, dirs["tick"])
	c.o.Signer = signer(origin, keyOf("another"))
	l := c.open()
	_, _, at, _ := l.Next()
	c.clock.set(at)
	_, err = l.Tick(context.Background(), nil)
	refused(t, err, "check which key this is")
	c = newHouse(t, "another")
	c.o.Signer = signer(origin, keyOf("yet another"))
	refused(t, c.open().Begin(context.Background(), c.header(1)), "check which key this is")
}

// TestClock sets the clock back.
func TestClock(t *testing.T) {
	t.Parallel()
	h, dirs := states(t)
	c := h.in(t, dirs["prepare"])
	l := c.open()
	_, _, at, _ := l.Next()
	c.clock.set(at.Add(-2 * day * time.Second))
	for _, err := range []error{l.prepare(context.Background(), nil), tickOnly(l)} {
		refused(t, err, "stepped back")
	}
	c = h.in(t, dirs["tick"]) // the plan knows of the tick before
	l = c.open()
	refused(t, tickOnly(l), "stepped back")
	c.clock.set(at.Add(-time.Second))
	refused(t, tickOnly(l), "is published at")
	c.clock.set(at)
	if err := tickOnly(l); err != nil {
		t.Error(err)
	}
}

func tickOnly(l *Log) error {
	_, err := l.Tick(context.Background(), nil)
	return err
}
