package blob_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/blob"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// content is what the children of these tests keep and place.
var content = bytes.Repeat([]byte("evidence\n"), 20_000)

func TestMain(m *testing.M) {
	if dir := os.Getenv("VITRINE_BLOB_CHILD"); dir != "" {
		os.Exit(child(dir, os.Getenv("VITRINE_BLOB_KILL_AT")))
	}
	os.Exit(m.Run())
}

// child keeps content and places it, and kills itself at the point.
func child(dir, killAt string) int {
	reached := func(point string) {
		if point == killAt {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	d, err := blob.OpenDir(filepath.Join(dir, "blobs"))
	if err != nil {
		return 1
	}
	d.Reached = reached
	digest, _, err := d.Put(bytes.NewReader(content))
	if err != nil {
		return 1
	}
	f, _, err := d.Open(digest)
	if err != nil {
		return 1
	}
	if err := blob.Place(f, digest, filepath.Join(dir, "out"), reached); err != nil {
		return 1
	}
	return 0
}

func open(t *testing.T) (*blob.Dir, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "blobs")
	d, err := blob.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return d, path
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// refusal wants err to be for people, and to say so.
func refusal(t *testing.T, err error, says string) {
	t.Helper()
	var r *vitrine.Refusal
	if !errors.As(err, &r) || r.Kind != vitrine.Failed || !strings.Contains(r.Text, says) {
		t.Errorf("want a refusal that says %q, got %v", says, err)
	}
}

func TestPutOpenDelete(t *testing.T) {
	d, dir := open(t)
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "content")
		digest, size, err := d.Put(iotestReader(b, rapid.IntRange(1, 50).Draw(t, "chunk")))
		if err != nil {
			t.Fatal(err)
		}
		if want := sha256.Sum256(b); digest != want || size != int64(len(b)) {
			t.Fatalf("Put = %s, %d", digest, size)
		}
		f, n, err := d.Open(digest)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := io.ReadAll(f)
		if err != nil || !bytes.Equal(got, b) || n != size {
			t.Fatalf("Open: %q, %d, %v", got, n, err)
		}
		if rapid.Bool().Draw(t, "delete") {
			if err := d.Delete(digest); err != nil {
				t.Fatal(err)
			}
			if _, _, err := d.Open(digest); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("opened what was deleted: %v", err)
			}
			if err := d.Delete(digest); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("deleted twice: %v", err)
			}
		}
	})
	for _, n := range names(t, dir) {
		if strings.HasSuffix(n, ".partial") {
			t.Errorf("%s is left", n)
		}
	}
}

func iotestReader(b []byte, chunk int) io.Reader {
	var parts []io.Reader
	for c := range slices.Chunk(b, chunk) {
		parts = append(parts, bytes.NewReader(c))
	}
	return io.MultiReader(parts...)
}

func TestDigests(t *testing.T) {
	d, dir := open(t)
	var want []vitrine.Digest
	for _, text := range []string{"", "a", "b"} {
		digest, _, err := d.Put(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, digest)
	}
	if _, err := d.Create(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := d.Digests()
	slices.SortFunc(want, func(a, b vitrine.Digest) int { return bytes.Compare(a[:], b[:]) })
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Digests = %v, %v; want %v", got, err, want)
	}
}

// TestNamesAndModes asks sha256sum(1) and the file system.
func TestNamesAndModes(t *testing.T) {
	d, dir := open(t)
	if _, _, err := d.Put(bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, names(t, dir)[0])
	for path, want := range map[string]fs.FileMode{dir: 0o700, name: 0o600} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, st.Mode().Perm(), want)
		}
	}
	out, err := exec.Command(need.Tool(t, "sha256sum"), name).Output()
	if err != nil || !strings.HasPrefix(string(out), filepath.Base(name)+" ") {
		t.Errorf("sha256sum says %q: %v", out, err)
	}
}

func TestAbort(t *testing.T) {
	d, dir := open(t)
	f, err := d.Create()
	if err != nil {
		t.Fatal(err)
	}
	f.Write(content)
	f.Abort()
	f.Abort()
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, _, err := f.Commit(); err == nil {
		t.Error("an aborted blob was kept")
	}
	if f, err = d.Create(); err != nil {
		t.Fatal(err)
	}
	f.Write(content)
	digest, _, err := f.Commit()
	if err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if got := names(t, dir); !slices.Equal(got, []string{digest.Hex()}) {
		t.Errorf("after Abort: %v", got)
	}
	if _, _, err := f.Commit(); err == nil {
		t.Error("kept twice")
	}
}

// TestReadBack changes the bytes behind the program's back, as a bad disk
// would, between the write and the new name.
func TestReadBack(t *testing.T) {
	d, dir := open(t)
	flip := func(pattern string) {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		f, err := os.OpenFile(found[0], os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte{'X'}, int64(len(content)-1)); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	d.Reached = func(point string) {
		if point == "blob: synced" {
			flip(filepath.Join(dir, "*.partial"))
		}
	}
	if _, _, err := d.Put(bytes.NewReader(content)); err == nil {
		t.Error("a blob with a wrong byte was kept")
	}
	out := filepath.Join(t.TempDir(), "out")
	err := blob.Place(bytes.NewReader(content), vitrine.DigestOf(content), out, func(point string) {
		if point == "place: synced" {
			flip(out + ".partial")
		}
	})
	if err == nil {
		t.Error("a file with a wrong byte was placed")
	}
	if left := append(names(t, dir), names(t, filepath.Dir(out))...); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestKilled kills a child at every point and wants each final name to hold
// the whole content, and a second run to finish.
func TestKilled(t *testing.T) {
	for i, point := range []string{"blob: written", "blob: synced", "blob: renamed", "place: written", "place: synced", "place: renamed"} {
		dir := t.TempDir()
		run := func(killAt string) error {
			c := exec.Command(os.Args[0])
			c.Env = append(os.Environ(), "VITRINE_BLOB_CHILD="+dir, "VITRINE_BLOB_KILL_AT="+killAt)
			return c.Run()
		}
		if err := run(point); err == nil || err.Error() != "signal: killed" {
			t.Fatalf("%s: not killed: %v", point, err)
		}
		digest := vitrine.DigestOf(content)
		final := filepath.Join(dir, "blobs", digest.Hex())
		for path, due := range map[string]bool{final: i >= 2, filepath.Join(dir, "out"): i == 5} {
			b, err := os.ReadFile(path)
			if due != (err == nil) || due && !bytes.Equal(b, content) {
				t.Errorf("%s: %s holds %d bytes, %v", point, path, len(b), err)
			}
		}
		if err := run(""); err != nil {
			t.Errorf("%s: run again: %v", point, err)
		}
		if got := append(names(t, filepath.Join(dir, "blobs")), names(t, dir)...); !slices.Equal(got, []string{digest.Hex(), "blobs", "out"}) {
			t.Errorf("%s: left behind: %v", point, got)
		}
	}
}
