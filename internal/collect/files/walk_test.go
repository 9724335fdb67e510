package files

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// source is a tree whose names are listed so many at once.
func source(t *testing.T, root string, span int) (*trees, collect.Container) {
	t.Helper()
	s, err := Tree("t", root+"/{account}")
	if err != nil {
		t.Fatal(err)
	}
	s.(*trees).span = span
	cs, err := s.Inventory(t.Context(), "alice")
	if err != nil || len(cs) != 1 {
		t.Fatalf("%v, %v", cs, err)
	}
	return s.(*trees), cs[0]
}

// grown makes a random tree and returns the paths of its files.
func grown(t *testing.T, dir string, n int) (paths []string) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 1))
	for range n {
		var path []string
		for range 1 + random.IntN(4) {
			name := string(rune('a' + random.IntN(4)))
			switch random.IntN(8) {
			case 0:
				name = strings.Repeat(name, 200+random.IntN(55)) + string(rune('a'+random.IntN(3)))
			case 1:
				name += "\xff"
			}
			path = append(path, name)
		}
		p := strings.Join(path, "/")
		if os.MkdirAll(filepath.Join(dir, filepath.Dir(p)), 0o700) != nil {
			continue // a file is in the way
		}
		if f, err := os.OpenFile(filepath.Join(dir, p), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			paths = append(paths, p)
			f.Close()
		}
	}
	slices.SortFunc(paths, func(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) })
	return paths
}

// TestWalkSpans: what is found, its order and the state do not depend on how
// many names are listed at once; and a walk goes on behind any position.
func TestWalkSpans(t *testing.T) {
	root := t.TempDir()
	want := grown(t, root+"/alice", 300)
	if len(want) < 100 {
		t.Fatalf("only %d files", len(want))
	}
	state := ""
	forms := map[byte]int{}
	for _, span := range []int{usualSpan, 1, 2, 7} {
		s, c := source(t, root, span)
		if state == "" {
			state = c.State
		}
		var got, positions []string
		err := s.Enumerate(t.Context(), c, "", func(it collect.Item) error {
			k, err := parseKey(it.Key)
			got, positions = append(got, strings.Join(k.path, "/")), append(positions, it.Position)
			forms[it.Position[0]]++
			return err
		})
		if err != nil || !slices.Equal(got, want) || c.State != state {
			t.Fatalf("span %d: %d files, want %d; state %s, want %s; %v", span, len(got), len(want), c.State, state, err)
		}
		for i := 0; i < len(positions); i += 1 + span%5 {
			rest := i + 1
			err := s.Enumerate(t.Context(), c, positions[i], func(it collect.Item) error {
				if it.Position != positions[rest] {
					return fmt.Errorf("%q comes, want %q", it.Name, want[rest])
				}
				rest++
				return nil
			})
			if err != nil || rest != len(want) {
				t.Fatalf("span %d, behind %q: up to %d of %d, %v", span, want[i], rest, len(want), err)
			}
		}
	}
	if forms['/'] == 0 || forms['='] == 0 {
		t.Errorf("forms of positions: %v", forms)
	}
}

// TestWalkDeep: a tree that is deeper than any path can name ends in one item
// that cannot be read; what lies above is found, and behind each position but
// those that cannot be told the walk goes on.
func TestWalkDeep(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(root+"/alice", 0o700); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(root + "/alice")
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("d", 100)
	for range 300 {
		fd, err := unix.Openat(int(dir.Fd()), "f", unix.O_CREAT|unix.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		if err := unix.Mkdirat(int(dir.Fd()), name, 0o700); err != nil {
			t.Fatal(err)
		}
		next, err := collect.OpenDir(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		dir.Close()
		dir = next
	}
	dir.Close()
	s, c := source(t, root, usualSpan)
	var barredItems, hashed, nowhere int
	var all []string
	err = s.Enumerate(t.Context(), c, "", func(it collect.Item) error {
		if it.Unreadable == barredDepth {
			barredItems++
		}
		if it.Position == "" {
			nowhere++
		} else if it.Position[0] == '#' {
			hashed++
		}
		all = append(all, it.Position)
		return nil
	})
	if err != nil || len(all) != maxDepth+1+1 || barredItems != 1 || hashed < 20 || nowhere == 0 {
		t.Errorf("%d items, %d too deep, %d by digests, %d nowhere, %v", len(all), barredItems, hashed, nowhere, err)
	}
	for i, p := range all {
		if p == "" || p[0] != '#' {
			continue
		}
		n := 0
		if err := s.Enumerate(t.Context(), c, p, func(collect.Item) error { n++; return nil }); err != nil || n != len(all)-1-i {
			t.Errorf("behind %d: %d items, %v", i, n, err)
		}
	}
}

func FuzzPosition(f *testing.F) {
	f.Add("/a/b")
	f.Add("=/w")
	f.Add(positionOf(slices.Repeat([]string{strings.Repeat("x", 100), "y"}, 10)))
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePosition(s)
		if err != nil || s == "" {
			return
		}
		var path []string
		for _, e := range p {
			if e.digest != "" {
				return
			}
			path = append(path, e.name)
		}
		again, err := parsePosition(positionOf(path))
		if err != nil || s[0] != '#' && len(s) < 500 && !slices.Equal(again, p) {
			t.Errorf("%q is %q and then %q, %v", s, p, again, err)
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add("1/2/3/etag/x\x00a/b")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := parseKey(s)
		if err != nil {
			return
		}
		if again, err := parseKey(k.String()); err != nil || again.String() != k.String() {
			t.Errorf("%q is %+v and then %+v, %v", s, k, again, err)
		}
	})
}
