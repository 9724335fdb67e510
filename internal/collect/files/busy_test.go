package files_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/files"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/production"
)

// TestTreeBusy collects while files are renamed in their directories, made and
// removed: what was there throughout is collected, byte for byte.
func TestTreeBusy(t *testing.T) {
	root := t.TempDir()
	for i := range 20 {
		plant(t, root, map[string]string{fmt.Sprintf("alice/%d/%d.0", i%2, i): fmt.Sprintf("file %d", i)})
	}
	s := opened(t)(files.Tree("t", root+"/{account}"))
	var stop atomic.Bool
	var busy sync.WaitGroup
	busy.Add(2)
	go func() { // a user who renames
		defer busy.Done()
		for n := 0; !stop.Load(); n++ {
			for i := range 20 {
				name := filepath.Join(root, "alice", fmt.Sprint(i%2), fmt.Sprint(i))
				os.Rename(fmt.Sprintf("%s.%d", name, n), fmt.Sprintf("%s.%d", name, n+1))
			}
		}
	}()
	go func() { // and one who saves and removes
		defer busy.Done()
		for n := 0; !stop.Load(); n++ {
			name := filepath.Join(root, "alice", fmt.Sprint(n%2), "other")
			os.WriteFile(name, []byte("later"), 0o600)
			os.Rename(name, name+".saved")
			os.Remove(name + ".saved")
		}
	}()
	defer busy.Wait()
	defer stop.Store(true)
	c, h := collected(t, s)
	got := map[string]bool{}
	for _, b := range h.bytes {
		got[string(b)] = true
	}
	missing := 0
	for i := range 20 {
		if !got[fmt.Sprintf("file %d", i)] {
			missing++
		}
	}
	t.Logf("%d missing, %+v", missing, c.Containers[0])
	if done := c.Containers[0]; int64(missing) > done.Arrived {
		t.Errorf("%d files were missed, and %d are said to have come", missing, done.Arrived)
	}
}

// TestTreeSwap collects while a directory and a file are links to a secret
// half of the time: the secret never comes out.
func TestTreeSwap(t *testing.T) {
	root := t.TempDir()
	plant(t, root, map[string]string{"alice/d/f": "body", "alice/f": "body", "secret/f": "SECRET"})
	alice := filepath.Join(root, "alice")
	for from, to := range map[string]string{"d.link": "../secret", "f.link": "../secret/f"} {
		if err := os.Symlink(to, filepath.Join(alice, from)); err != nil {
			t.Fatal(err)
		}
	}
	var stop atomic.Bool
	var busy sync.WaitGroup
	busy.Add(1)
	go func() {
		defer busy.Done()
		for !stop.Load() {
			for _, name := range []string{"d", "f"} {
				p := filepath.Join(alice, name)
				unix.Renameat2(unix.AT_FDCWD, p, unix.AT_FDCWD, p+".link", unix.RENAME_EXCHANGE)
			}
		}
	}()
	defer busy.Wait()
	defer stop.Store(true)
	s := opened(t)(files.Tree("t", root+"/{account}"))
	c := container(t, s)
	bodies := 0
	for range 3 {
		err := s.Enumerate(t.Context(), c, "", func(it collect.Item) error {
			if it.Unreadable != "" {
				return nil
			}
			b, err := read(t.Context(), s, c, it, 0)
			if bytes.Contains(b, []byte("SECRET")) {
				t.Fatal("the secret came out")
			}
			if string(b) == "body" {
				bodies++
			}
			if errors.Is(err, collect.ErrVanished) {
				return nil
			}
			return err
		})
		if err != nil && !bytes.Contains([]byte(err.Error()), []byte("changed while")) {
			t.Fatal(err)
		}
	}
	if bodies == 0 {
		t.Error("nothing was read at all")
	}
}

// bound makes permissions bind the rest of the test, which root would pass by:
// this thread touches files as a user that owns nothing but what it makes.
func bound(t *testing.T) {
	if os.Geteuid() != 0 {
		return
	}
	runtime.LockOSThread()
	if err := os.Chown(filepath.Dir(t.TempDir()), 65534, -1); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setfsuid(65534); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setfsuid(0); err != nil {
			t.Fatal(err)
		}
		runtime.UnlockOSThread()
	})
}

// TestTreePermission: a file that may not be read is counted, a directory is an
// error, since nobody knows how much is in it.
func TestTreePermission(t *testing.T) {
	bound(t)
	root := t.TempDir()
	plant(t, root, map[string]string{"alice/a": "a", "alice/b": "b", "bob/d/a": ""})
	for _, path := range []string{"alice/b", "bob/d"} {
		if err := os.Chmod(filepath.Join(root, path), 0); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(filepath.Join(root, path), 0o700)
	}
	s := opened(t)(files.Tree("t", root+"/{account}"))
	if got := names(items(t, s, "")); !slices.Equal(got, []string{"a", "b no-permission"}) {
		t.Errorf("items %q", got)
	}
	_, err := s.Inventory(t.Context(), "bob")
	says(t, err, "cannot be read")
}

// TestTreeMounts: what is mounted below the account's directory is counted and
// not entered; a read-only mount is shown to be one, and one in it that can be
// written stops everything.
func TestTreeMounts(t *testing.T) {
	root := t.TempDir()
	need.Mount(t, root)
	mount := func(from, to, kind string, flags uintptr) {
		t.Helper()
		if err := syscall.Mount(from, to, kind, flags, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Unmount(to, syscall.MNT_DETACH) })
	}
	plant(t, root, map[string]string{"home/alice/a": "a", "home/alice/tmpfs/": "", "home/alice/bound/": "", "home/alice/file": "", "home/bob/": "", "other/x": "x"})
	mount("tmpfs", root+"/home/alice/tmpfs", "tmpfs", 0)
	mount(root+"/other", root+"/home/alice/bound", "", syscall.MS_BIND)
	mount(root+"/other/x", root+"/home/alice/file", "", syscall.MS_BIND)
	s := opened(t)(files.Tree("t", root+"/home/{account}"))
	want := []string{"a", "bound mount-point", "file mount-point", "tmpfs mount-point"}
	if got := names(items(t, s, "")); !slices.Equal(got, want) {
		t.Errorf("items %q, want %q", got, want)
	}
	if a, err := s.Probe(t.Context()); err != nil || a.Writes == "" {
		t.Errorf("%+v, %v", a, err)
	}
	mount(root+"/home", root+"/home", "", syscall.MS_BIND)
	mount("", root+"/home", "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY)
	if a, err := s.Probe(t.Context()); err != nil || a.Writes != "" || a.Shown == "" {
		t.Errorf("%+v, %v", a, err)
	}
	if got := names(items(t, s, "")); got[0] != "a" {
		t.Errorf("items %q", got)
	}
	mount("tmpfs", root+"/home/bob", "tmpfs", 0)
	_, err := s.Inventory(t.Context(), "bob")
	says(t, err, "a mount of its own")
}

// counting is a hold that keeps nothing.
type counting struct {
	bytes  int64
	buffer []byte
}

func (h *counting) Add(it production.Item, r io.Reader) (production.Item, error) {
	if h.buffer == nil {
		h.buffer = make([]byte, 1<<20)
	}
	for {
		n, err := r.Read(h.buffer)
		it.Size += int64(n)
		h.bytes += int64(n)
		if err == io.EOF {
			return it, nil
		}
		if err != nil {
			return it, err
		}
	}
}

// TestTreeLarge: gigabytes that take no room, five at night, are read as a
// stream.
func TestTreeLarge(t *testing.T) {
	size := int64(1 << 30)
	if os.Getenv("VITRINE_NIGHTLY") != "" {
		size = 5 << 30
	}
	root := t.TempDir()
	plant(t, root, map[string]string{"alice/sparse": "x"})
	if err := os.Truncate(root+"/alice/sparse", size); err != nil {
		t.Fatal(err)
	}
	dated(t, root+"/alice/sparse", inside)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h := &counting{}
	c, err := job(t, h, opened(t)(files.Tree("t", root+"/{account}"))).Run(t.Context())
	runtime.ReadMemStats(&after)
	if err != nil || c.In != 1 || h.bytes != size {
		t.Errorf("%+v, %d bytes, %v", c.Counts, h.bytes, err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

// TestTreeCancelled: a walk ends with its context.
func TestTreeCancelled(t *testing.T) {
	root := t.TempDir()
	plant(t, root, map[string]string{"alice/a": "", "alice/b": ""})
	s := opened(t)(files.Tree("t", root+"/{account}"))
	c := container(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	err := s.Enumerate(ctx, c, "", func(collect.Item) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
