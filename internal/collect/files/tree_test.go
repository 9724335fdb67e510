package files_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/files"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// TestTreeKinds: every file is an item, under each of its names; what is no
// regular file is one that is never opened nor followed.
func TestTreeKinds(t *testing.T) {
	root := t.TempDir()
	plant(t, root, map[string]string{
		"alice/a": "a", "alice/b/c": "c", "alice/b/.hidden": "h", "alice/b/d/e": "", "alice/b-": "sorts by names, not by paths", "alice/empty/": "",
		"alice/\xff\xfe": "no UTF-8", "secret/s": "secret",
	})
	for from, to := range map[string]string{"alice/b/link": "../../secret/s", "alice/dirlink": "../secret", "alice/gone": "nowhere", "alice/loop": "loop", "alice/up": ".."} {
		if err := os.Symlink(to, filepath.Join(root, from)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "alice/fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(root, "alice/a"), filepath.Join(root, "alice/z")); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", filepath.Join(root, "alice/socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	want := []string{
		"a", "b/.hidden", "b/c", "b/d/e", "b/link symbolic-link", "b-", "dirlink symbolic-link", "fifo no-file", "gone symbolic-link", "loop symbolic-link",
		"socket no-file", "up symbolic-link", "z", "\uFFFD",
	}
	if err := unix.Mknod(filepath.Join(root, "alice/device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))); err == nil {
		want = slices.Insert(want, 6, "device no-file")
	}
	s := opened(t)(files.Tree("t", root+"/{account}"))
	list := items(t, s, "")
	if got := names(list); !slices.Equal(got, want) {
		t.Errorf("items\n%q, want\n%q", got, want)
	}
	identities := map[string]bool{}
	for _, it := range list {
		if identities[it.Identity] {
			t.Errorf("%s has another item's identity", it.Name)
		}
		identities[it.Identity] = true
	}
	if got := list[len(list)-1].Extra["name-bytes"]; got != "fffe" {
		t.Errorf("bytes of a name: %q", got)
	}
	for _, name := range want {
		if name, _, barred := strings.Cut(name, " "); barred {
			dated(t, filepath.Join(root, "alice", name), inside)
		}
	}
	c, h := collected(t, s)
	if c.Unreadable != int64(len(want)-7) || c.In != 7 || c.Containers[0].Vanished+c.Containers[0].Arrived != 0 {
		t.Errorf("%+v", c.Containers[0])
	}
	for _, b := range h.bytes {
		if string(b) == "secret" {
			t.Error("a link was followed")
		}
	}
}

// TestTreeLookup: an account is found by its whole name or not at all.
func TestTreeLookup(t *testing.T) {
	root := t.TempDir()
	plant(t, root, map[string]string{"home/alice/files/a": "", "home/nofiles/": "", "home/plain": "", "home/flat/files": "", "secret/files/s": ""})
	if err := os.Symlink("../secret", filepath.Join(root, "home/carol")); err != nil {
		t.Fatal(err)
	}
	s := opened(t)(files.Tree("t", root+"/home/{account}/files"))
	for _, a := range []vitrine.Account{"Alice", "alic", "", ".", "..", "../secret", "alice/files", "alice\x00", "nofiles"} {
		if cs, err := s.Inventory(t.Context(), a); len(cs) != 0 || err != nil {
			t.Errorf("account %q: %v, %v", a, cs, err)
		}
	}
	for a, text := range map[vitrine.Account]string{"carol": "symbolic link", "plain": "cannot be read", "flat": "cannot be read"} {
		_, err := s.Inventory(t.Context(), a)
		says(t, err, text)
	}
	for _, path := range []string{"/home", "/home/x{account}", "/home/{account}/..", "/{account}/{account}"} {
		if _, err := files.Tree("t", path); err == nil {
			t.Errorf("path %q is accepted", path)
		}
	}
}

// TestTreeTimes: the mtime decides; what contradicts it shows.
func TestTreeTimes(t *testing.T) {
	root := t.TempDir()
	for name, at := range map[string]time.Time{
		"first": time.Date(2002, 8, 1, 0, 0, 0, 0, time.UTC), "last": time.Date(2002, 8, 31, 23, 59, 59, 999999999, time.UTC),
		"before": time.Date(2002, 7, 31, 23, 59, 59, 999999999, time.UTC), "behind": time.Date(2002, 9, 1, 0, 0, 0, 0, time.UTC), "now": time.Now(),
		"ahead": time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), "zero": time.Unix(0, 0), "old": time.Unix(-1e9, 0),
	} {
		plant(t, root, map[string]string{"alice/" + name: name})
		dated(t, filepath.Join(root, "alice", name), at)
	}
	plant(t, root, map[string]string{"alice/untouched": ""})
	if err := os.WriteFile(filepath.Join(root, "alice/untouched"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := opened(t)(files.Tree("t", root+"/{account}"))
	for _, it := range items(t, s, "") {
		if set := slices.Contains(it.Flags, "mtime-set"); it.Name != "now" && set == (it.Name == "untouched") {
			t.Errorf("%s: flags %v, %v", it.Name, it.Flags, it.Extra)
		}
		if it.Received.Rule != "mtime" || it.Extra["modified"] == "" || it.Extra["changed"] == "" {
			t.Errorf("%s: %+v, %v", it.Name, it.Received, it.Extra)
		}
	}
	c, h := collected(t, s)
	got := map[string]string{}
	for _, it := range h.items {
		got[it.Name] = string(it.Decision) + " " + it.Reason
	}
	want := map[string]string{"first": "in received", "last": "in received", "zero": "undeterminable received-unknown", "old": "undeterminable received-unknown"}
	if fmt.Sprint(got) != fmt.Sprint(want) || c.Out != 5 {
		t.Errorf("held %v, want %v; %+v", got, want, c.Counts)
	}
}

// TestTreeChanged: bytes other than those of the version that was enumerated
// are never handed out as if they were.
func TestTreeChanged(t *testing.T) {
	for name, change := range map[string]func(p string) error{
		"unchanged":   func(string) error { return nil },
		"renamed":     func(p string) error { return os.Rename(p, p+"2") },
		"linked":      func(p string) error { return os.Link(p, p+"2") },
		"other bytes": func(p string) error { return os.WriteFile(p, []byte("BODY"), 0o600) },
		"longer":      func(p string) error { return os.WriteFile(p, []byte("body and more"), 0o600) },
		"shorter":     func(p string) error { return os.Truncate(p, 2) },
		"gone":        os.Remove,
		"another file, same in all": func(p string) error {
			os.WriteFile(p+"x", []byte("BODY"), 0o600)
			dated(t, p+"x", inside)
			return os.Rename(p+"x", p)
		},
		"a link":               func(p string) error { os.Rename(p, p+"y"); os.Remove(p + "y"); return os.Symlink("../secret", p) },
		"a FIFO":               func(p string) error { os.Remove(p); return syscall.Mkfifo(p, 0o600) },
		"a directory":          func(p string) error { os.Remove(p); return os.Mkdir(p, 0o700) },
		"its directory a link": func(p string) error { d := filepath.Dir(p); os.Rename(d, d+"2"); return os.Symlink("../secret.d", d) },
		"its directory another": func(p string) error {
			d := filepath.Dir(p)
			os.Rename(d, d+"2")
			plant(t, d, map[string]string{"f": "BODY"})
			return nil
		},
	} {
		root := t.TempDir()
		plant(t, root, map[string]string{"alice/d/f": "body", "secret": "BODY", "secret.d/f": "BODY"})
		s := opened(t)(files.Tree("t", root+"/{account}"))
		c := container(t, s)
		var got []byte
		err := s.Enumerate(t.Context(), c, "", func(it collect.Item) (err error) {
			if err := change(filepath.Join(root, "alice/d/f")); err != nil {
				t.Fatal(err)
			}
			got, err = read(t.Context(), s, c, it, 0)
			return err
		})
		if name == "unchanged" || name == "renamed" || name == "linked" {
			if string(got) != "body" || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		} else if !errors.Is(err, collect.ErrVanished) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestTreeChangesWhileRead: whoever reads a file to its end learns that it
// changed meanwhile.
func TestTreeChangesWhileRead(t *testing.T) {
	for name, change := range map[string]func(p string) error{
		"unchanged": func(string) error { return nil },
		"removed":   os.Remove,
		"grows":     func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("x", 3000)), 0o600) },
		"shrinks":   func(p string) error { return os.Truncate(p, 50) },
		"rewritten, mtime put back": func(p string) error {
			os.WriteFile(p, []byte(strings.Repeat("y", 2000)), 0o600)
			dated(t, p, inside)
			return nil
		},
	} {
		root := t.TempDir()
		path := filepath.Join(root, "alice/f")
		plant(t, root, map[string]string{"alice/f": strings.Repeat("x", 2000)})
		s := opened(t)(files.Tree("t", root+"/{account}"))
		c, it := container(t, s), items(t, s, "")[0]
		r, err := s.Open(t.Context(), c, it, 100)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		var b []byte
		for buffer := make([]byte, 512); err == nil; {
			var n int
			n, err = r.Read(buffer)
			b = append(b, buffer[:n]...)
		}
		r.Close()
		if name == "unchanged" || name == "renamed" || name == "removed" {
			if err.Error() != "EOF" || len(b) != 1800 {
				t.Errorf("%s: %d bytes, %v", name, len(b), err)
			}
			continue
		}
		says(t, err, "changed while it was collected")
	}
}

// TestTreeHostileNames: names from public lists, as they are.
func TestTreeHostileNames(t *testing.T) {
	root := t.TempDir()
	want := map[string]string{}
	plant(t, root, map[string]string{"alice/": ""})
	for _, name := range hostileNames(t) {
		path := filepath.Join(root, "alice", name)
		if os.WriteFile(path, []byte(name), 0o600) != nil {
			continue // longer than this file system allows
		}
		dated(t, path, inside)
		want[name] = collect.Valid(name)
	}
	if len(want) < 300 {
		t.Fatalf("only %d names", len(want))
	}
	_, h := collected(t, opened(t)(files.Tree("t", root+"/{account}")))
	for i, it := range h.items {
		if name := string(h.bytes[i]); want[name] != it.Name {
			t.Errorf("the file %q is called %q", name, it.Name)
		}
		delete(want, string(h.bytes[i]))
	}
	if len(want) > 0 {
		t.Errorf("not found: %q", want)
	}
}

// hostileNames are lines of public lists that can be names.
func hostileNames(t *testing.T) (names []string) {
	b, err := os.ReadFile(need.Shared(t, "hostile/naughty-strings.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &names); err != nil {
		t.Fatal(err)
	}
	lists, err := filepath.Glob(need.Shared(t, "hostile/traversal") + "/*")
	if err != nil || len(lists) == 0 {
		t.Fatalf("%d lists, %v", len(lists), err)
	}
	for _, list := range lists {
		if b, err = os.ReadFile(list); err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.Split(string(b), "\n")...)
	}
	for i, name := range names {
		names[i] = strings.NewReplacer("/", "\\", "\x00", "").Replace(name)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == "" || n == "." || n == ".." || len(n) > 255 })
	slices.Sort(names)
	return slices.Compact(names)
}

// TestTreeFind compares with find(1) on the toolchain's own sources.
func TestTreeFind(t *testing.T) {
	find := need.Tool(t, "find")
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	goroot := strings.TrimSpace(string(out))
	out, err = exec.Command(find, filepath.Join(goroot, "src"), "-xdev", "!", "-type", "d", "-printf", "%P\t%s\t%y\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(want)
	s := opened(t)(files.Tree("t", goroot+"/{account}"))
	cs, err := s.Inventory(t.Context(), "src")
	if err != nil || len(cs) != 1 {
		t.Fatalf("%v, %v", cs, err)
	}
	var got []string
	size := int64(0)
	err = s.Enumerate(t.Context(), cs[0], "", func(it collect.Item) error {
		got = append(got, fmt.Sprintf("%s\t%d\tf", it.Name, it.Size))
		size += it.Size
		return nil
	})
	slices.Sort(got)
	if err != nil || len(got) < 1000 || !slices.Equal(got, want) {
		t.Errorf("%d files, find has %d, %v", len(got), len(want), err)
	}
	if cs[0].Size != size {
		t.Errorf("%d bytes, want %d", cs[0].Size, size)
	}
}
