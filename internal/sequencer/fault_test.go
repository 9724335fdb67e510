package sequencer

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/ledger"
)

// TestSyncFails has one fsync fail with EIO: the process says so and ends, and
// the next one goes on.
func TestSyncFails(t *testing.T) {
	t.Parallel()
	strace := need.Tool(t, "strace")
	h, dirs := states(t)
	failed := 0
	for _, n := range []int{1, 2, 4, 7, 11} {
		c := h.in(t, dirs["tick"])
		_, _, said := c.run("tick", -1, strace, "-f", "-qq", "-o", filepath.Join(t.TempDir(), "strace"), "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when="+strconv.Itoa(n))
		if strings.Contains(said, "ptrace") {
			t.Skip("skipped: strace may not trace here")
		}
		if said != "" { // each thread counts its own calls; one may have had too few
			failed++
			if !strings.Contains(said, "input/output error") {
				t.Errorf("fsync %d: it says %q", n, said)
			}
		}
		c.goesOn(fmt.Sprintf("fsync %d failed", n))
	}
	if failed < 3 {
		t.Errorf("only %d runs failed", failed)
	}
}

// TestDiskFull fills the disk, and leaves more and more room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	h, dirs := states(t)
	need.Mount(t, t.TempDir())
	full := 0
	for _, x := range []struct {
		state string
		kept  bool // the plan is kept, nothing is appended
		free  int  // KiB
	}{{"tick", false, 0}, {"tick", false, 16}, {"tick", false, 32}, {"tick", false, 64}, {"prepare", true, 0}, {"prepare", true, 32}, {"prepare", true, 48}} {
		t.Run(fmt.Sprintf("%s, %d KiB", x.state, x.free), func(t *testing.T) {
			mount := t.TempDir()
			if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=2m"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := syscall.Unmount(mount, 0); err != nil {
					t.Error(err)
				}
			})
			c := h.in(t, dirs[x.state])
			c.dir = filepath.Join(mount, "ledger")
			c.o.Dir = c.dir
			if err := os.CopyFS(c.dir, os.DirFS(dirs[x.state])); err != nil {
				t.Fatal(err)
			}
			if x.kept {
				name := planName(1, 1)
				b, err := os.ReadFile(filepath.Join(dirs["tick"], name))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(c.dir, name), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			filler := filepath.Join(mount, "filler")
			fill(t, filler, x.free<<10)
			if err := c.do("tick"); err != nil {
				full++
				refused(t, err, "disk full: free space in "+c.dir)
			}
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			c.goesOn("the disk was full")
		})
	}
	if full < 4 {
		t.Errorf("the disk was full %d times", full)
	}
}

// fill writes a file that leaves so many bytes free.
func fill(t *testing.T, path string, free int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(max(st.Size()-int64(free), 0)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReadWhileWriting asks a log everything, and gives it notices, while it
// makes a tick.
func TestReadWhileWriting(t *testing.T) {
	t.Parallel()
	h, l := begun(t, 1)
	var wg sync.WaitGroup
	done := make(chan struct{})
	facts := demand(t, l.Chain()[0], "us/subpoena", "A-1")
	for i := range 4 {
		wg.Go(func() {
			for n := byte(0); ; n++ {
				select {
				case <-done:
					return
				default:
				}
				l.Next()
				l.Room("us/subpoena")
				l.Size()
				_, _ = l.Checkpoint()
				if place, ok, err := l.Counted(facts[0].ID); err != nil {
					t.Error(err)
				} else if ok && place.Published {
					if _, err := l.Receipt(place.Index, facts[0].Fact, true); err != nil {
						t.Error(err)
					}
				}
				if n%64 == 0 {
					if err := l.Notice(ledger.NoticeTally, ledger.Hash{byte(i), n}, nil); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	h.tick(l, facts...)
	close(done)
	wg.Wait()
	audited(t, l.Public())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h.open()
}

// TestTrees compares the trees of plans with those of RFC 6962.
func TestTrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var whole ledger.Tree
		var all [][]byte
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 3), 1, 5).Draw(t, "bundles") {
			var entries [][]byte
			for range n * ledger.BundleSize {
				entries = append(entries, []byte{byte(len(all)), byte(len(all) >> 8), byte(len(entries)), byte(len(entries) >> 8)})
			}
			whole.Add(entries)
			all = append(all, entries...)
		}
		if want := reference(all); whole.Root() != want {
			t.Fatalf("%d entries make %s, want %s", len(all), whole.Root(), want)
		}
	})
}

// FuzzPlan: a plan that is read is written as it was.
func FuzzPlan(f *testing.F) {
	p := &plan{Notices: []ledger.Notice{}, Secret: []byte("sealed"), entries: make([][]byte, ledger.BundleSize)}
	p.After.Add(p.entries)
	p.Before.Peaks = []ledger.Hash{}
	b, err := p.marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	p.Published, p.entries = 5, nil
	if b, err = p.marshal(); err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePlan(b)
		if err != nil {
			return
		}
		again, err := p.marshal()
		if err != nil {
			t.Fatal(err)
		}
		second, err := parsePlan(again)
		if err != nil {
			t.Fatal(err)
		}
		if third, err := second.marshal(); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%q is read as %q (%v)", b, third, err)
		}
	})
}

// reference is the root of RFC 6962, by its definition.
func reference(entries [][]byte) ledger.Hash {
	if len(entries) == 1 {
		return sha256.Sum256(append([]byte{0}, entries[0]...))
	}
	k := 1
	for 2*k < len(entries) {
		k *= 2
	}
	left, right := reference(entries[:k]), reference(entries[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}
