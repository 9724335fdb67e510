package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// TestTickOnFullDisk makes a due tick on a disk that is full at ever later
// moments: it says so, loses nothing, and the same call goes on when there is
// room.
func TestTickOnFullDisk(t *testing.T) {
	disk := t.TempDir()
	need.Mount(t, disk)
	s, commands := countStage(t)
	kept := filepath.Join(s.dir, "kept")
	copied(t, s.data(), kept)
	edit(t, s.config, `dir = "data"`, fmt.Sprintf("dir = %q", filepath.Join(disk, "data")))
	mount := func(size uint64, flags uintptr) {
		t.Helper()
		if err := syscall.Mount("tmpfs", disk, "tmpfs", flags, fmt.Sprintf("size=%d", size)); err != nil {
			t.Fatal(err)
		}
	}
	full := 0
	want := ""
	for _, more := range []uint64{8 << 20, 32 << 10, 96 << 10, 224 << 10} { // the first has room for all
		t.Run(fmt.Sprintf("%d KiB", more>>10), func(t *testing.T) {
			mount(64<<20, 0)
			defer func() {
				if err := syscall.Unmount(disk, 0); err != nil {
					t.Error(err)
				}
			}()
			copied(t, kept, filepath.Join(disk, "data"))
			var st syscall.Statfs_t
			if err := syscall.Statfs(disk, &st); err != nil {
				t.Fatal(err)
			}
			mount((st.Blocks-st.Bfree)*uint64(st.Bsize)+more, syscall.MS_REMOUNT)
			if err := os.RemoveAll(s.public); err != nil { // it knows of what comes of the ticks
				t.Fatal(err)
			}
			o := call{args: commands["report build"], env: at(due)}.run(t)
			if o.code != 0 {
				full++
				if o.code != 1 || !strings.Contains(o.stderr, "free space") {
					t.Errorf("exit %d: %s", o.code, o.stderr)
				}
			}
			mount(64<<20, syscall.MS_REMOUNT)
			call{args: commands["report build"], env: at(due)}.ok(t)
			call{args: commands["report build"], env: at(later)}.ok(t)
			got := s.counted()
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("it ended as\n%s\nwant\n%s", got, want)
			}
		})
	}
	if full < 2 {
		t.Errorf("the disk was full %d times: the test shows too little", full)
	}
}
