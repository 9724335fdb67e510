package blob_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/blob"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

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
