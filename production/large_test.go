package production_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/production"
)

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemory makes and reads a package of many items: what is kept in memory
// must not grow with their number. At 100 bytes an item the bound would break.
func TestMemory(t *testing.T) {
	const items, bound = 120_000, 12 << 20
	p, id := newProvider(t), newIdentity(t)
	f, err := os.Create(filepath.Join(t.TempDir(), "v.age"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before := heap()
	w, err := production.Create(f, t.TempDir(), []age.Recipient{id.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for n := range items {
		if _, err := w.Add(item(int64(n+1)), strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	papers(t, w)
	if now := heap(); now > before+bound {
		t.Errorf("writing %d items keeps %d bytes", items, now-before)
	}
	s, err := w.Close(info(1, vitrine.Counts{Seen: items, In: items}), p.sign)
	if err != nil {
		t.Fatal(err)
	}
	before = heap()
	plain, n, err := age.DecryptReaderAt(f, s.Size, id)
	if err != nil {
		t.Fatal(err)
	}
	r, err := production.NewReader(plain, n)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = r.Items(func(production.Item) error {
		if seen++; seen == items {
			if now := heap(); now > before+bound {
				t.Errorf("reading %d items keeps %d bytes", items, now-before)
			}
		}
		return nil
	})
	if err != nil || seen != items {
		t.Errorf("%d items: %v", seen, err)
	}
}

// zeros is that many zero bytes.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	return int(n), nil
}

// TestFourGiB has an item that 32 bits cannot measure, and one behind it, and
// opens the package with stock tools and with our own reader.
func TestFourGiB(t *testing.T) {
	if os.Getenv("VITRINE_NIGHTLY") == "" {
		t.Skip("skipped: needs VITRINE_NIGHTLY, and 9 GB of disk")
	}
	ageTool, unzip := need.Tool(t, "age"), need.Tool(t, "unzip")
	need.Disk(t, 14<<30)
	p, id, dir := newProvider(t), newIdentity(t), t.TempDir()
	f, err := os.Create(filepath.Join(dir, "v.age"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := production.Create(f, dir, []age.Recipient{id.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for i, body := range []io.Reader{strings.NewReader("before"), &zeros{1<<32 + 5}, strings.NewReader("behind")} {
		if _, err := w.Add(item(int64(i+1)), body); err != nil {
			t.Fatal(err)
		}
	}
	papers(t, w)
	s, err := w.Close(info(1, vitrine.Counts{Seen: 3, In: 3}), p.sign)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]string{{ageTool, "-d", "-i", "key", "-o", "v.zip", "v.age"}, {unzip, "-q", "-t", "v.zip"}} {
		cmd := exec.Command(c[0], c[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c, err, out)
		}
	}
	plain, n, err := age.DecryptReaderAt(f, s.Size, id)
	if err != nil {
		t.Fatal(err)
	}
	r, err := production.NewReader(plain, n)
	if err != nil {
		t.Fatal(err)
	}
	var last bytes.Buffer
	err = r.Items(func(it production.Item) error {
		rc, err := r.Open(it)
		if err != nil {
			return err
		}
		last.Reset()
		out := io.Writer(&last)
		if it.Size > 1<<32 {
			out = io.Discard
		}
		_, err = io.Copy(out, rc)
		return err
	})
	if err != nil || last.String() != "behind" {
		t.Errorf("the last item is %q: %v", last.String(), err)
	}
}
