package blob_test

import (
	"bytes"
	"crypto/sha256"
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

func TestPlaceNeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	path, digest := filepath.Join(dir, "out"), vitrine.DigestOf(content)
	if err := blob.Place(bytes.NewReader(content[1:]), digest, path, nil); err == nil {
		t.Error("other bytes than announced were placed")
	}
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path+".partial"); err != nil {
		t.Fatal(err)
	}
	if err := blob.Place(bytes.NewReader(content), digest, path, nil); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(victim); string(b) != "untouched" {
		t.Error("a link under the unfinished name was followed")
	}
	// Once more: nothing is written, so not even a broken reader matters.
	broken := io.MultiReader(strings.NewReader("x"), errReader{})
	if err := blob.Place(broken, digest, path, func(p string) { t.Errorf("%s: written again", p) }); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	refusal(t, blob.Place(bytes.NewReader(content), digest, path, nil), "other content")
	if b, _ := os.ReadFile(path); string(b) != "other" {
		t.Error("it was overwritten all the same")
	}
	// Another process is faster: the file appears after the look at the name.
	path = filepath.Join(dir, "race")
	err := blob.Place(bytes.NewReader(content), digest, path, func(point string) {
		if point == "place: synced" {
			os.WriteFile(path, []byte("faster"), 0o600)
		}
	})
	refusal(t, err, "appeared")
	if b, _ := os.ReadFile(path); string(b) != "faster" {
		t.Error("the faster process's file was overwritten")
	}
	if got := names(t, dir); !slices.Equal(got, []string{"out", "race"}) {
		t.Errorf("left behind: %v", got)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

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

// TestPlaceCleansUp is the moment between the new name and the end of the old.
func TestPlaceCleansUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	for _, name := range []string{path, path + ".partial"} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := blob.Place(nil, vitrine.DigestOf(content), path, nil); err != nil {
		t.Fatal(err)
	}
	if got := names(t, filepath.Dir(path)); !slices.Equal(got, []string{"out"}) {
		t.Errorf("left behind: %v", got)
	}
}

// TestDiskFull makes the disk full at ever later moments.
func TestDiskFull(t *testing.T) {
	disk := t.TempDir()
	need.Mount(t, disk)
	full := 0
	for size := 16 << 10; size <= len(content)*2+64<<10; size += 16 << 10 {
		mount(t, disk, 0, fmt.Sprintf("size=%d", size))
		err := keepAndPlace(disk)
		if err != nil {
			full++
			refusal(t, err, "free space in "+disk)
		}
		for _, name := range []string{filepath.Join(disk, "blobs", vitrine.DigestOf(content).Hex()), filepath.Join(disk, "out")} {
			if b, err := os.ReadFile(name); err == nil && !bytes.Equal(b, content) {
				t.Errorf("%d: half a file has its final name %s", size, name)
			}
		}
		mount(t, disk, syscall.MS_REMOUNT, "size=16m")
		if err := keepAndPlace(disk); err != nil {
			t.Errorf("%d: with room again: %v", size, err)
		}
		if got := names(t, disk); !slices.Equal(got, []string{"blobs", "out"}) {
			t.Errorf("%d: left behind: %v", size, got)
		}
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Fatal(err)
		}
	}
	if full < 10 {
		t.Errorf("the disk was full %d times: the test shows too little", full)
	}
}

func mount(t *testing.T, dir string, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, data); err != nil {
		t.Fatal(err)
	}
}

func keepAndPlace(disk string) error {
	d, err := blob.OpenDir(filepath.Join(disk, "blobs"))
	if err != nil {
		return err
	}
	digest, _, err := d.Put(bytes.NewReader(content))
	if err != nil {
		return err
	}
	f, _, err := d.Open(digest)
	if err != nil {
		return err
	}
	defer f.Close()
	return blob.Place(f, digest, filepath.Join(disk, "out"), nil)
}

func TestNoPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("skipped: needs a user other than root")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := blob.OpenDir(filepath.Join(dir, "blobs"))
	refusal(t, err, "permission")
}
