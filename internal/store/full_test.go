package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// TestDiskFull fills the disk at ever later moments: what was acknowledged is
// there afterwards, the rest says what to do, and nothing waits for ever.
func TestDiskFull(t *testing.T) {
	disk := t.TempDir()
	need.Mount(t, disk)
	full := map[string]int{}
	for size := 32 << 10; size <= 1<<20; size += 32 << 10 {
		mount(t, disk, 0, fmt.Sprintf("size=%d", size))
		o := store.Options{Dir: filepath.Join(disk, "data")}
		kept, where, err := fill(t, o)
		if err == nil {
			t.Errorf("%d: never full", size)
		} else {
			full[where]++
			wants(t, err, vitrine.Failed, "free space in "+o.Dir)
		}
		mount(t, disk, syscall.MS_REMOUNT, "size=64m")
		checkKept(t, o, kept)
		unmount(t, disk)
	}
	t.Logf("the disk was full at: %v", full)
	if full["open"] == 0 || full["update"]+full["queue"] == 0 {
		t.Error("the disk was not full in enough places: the test shows too little")
	}
}

// unmount waits for connections that end a little after their pool.
func unmount(t *testing.T, dir string) {
	t.Helper()
	err := syscall.Unmount(dir, 0)
	for deadline := time.Now().Add(2 * time.Second); err != nil && time.Now().Before(deadline); err = syscall.Unmount(dir, 0) {
		time.Sleep(5 * time.Millisecond)
	}
	if err != nil {
		syscall.Unmount(dir, syscall.MNT_DETACH)
		t.Fatal(err)
	}
}

func mount(t *testing.T, dir string, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, data); err != nil {
		t.Fatal(err)
	}
}

// fill receives demands and works on them until the disk is full, and says
// which were acknowledged and where it ended.
func fill(t *testing.T, o store.Options) (kept []vitrine.ID, where string, err error) {
	t.Helper()
	db, err := store.Open(t.Context(), o)
	if err != nil {
		return nil, "open", err
	}
	defer db.Close() // on a full disk even that may fail
	told := make(chan error, 100)
	db.Failed = func(err error) { told <- err }
	after := make(chan vitrine.ID, 1)
	step := verify(db)
	stop, err := db.Work(t.Context(), map[string]store.Step{
		"check": func(ctx context.Context, id vitrine.ID) error {
			err := step(ctx, id)
			if err != nil {
				told <- err
			}
			return err
		},
		"after": func(_ context.Context, id vitrine.ID) error { after <- id; return nil },
	})
	if err != nil {
		return nil, "work", err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := stop(ctx); err != nil {
			buf := make([]byte, 1<<20)
			t.Errorf("stop: %v\n%s", err, buf[:runtime.Stack(buf, true)])
		}
	}()
	for i := range 300 {
		sub := submission(fmt.Sprint(i))
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			return errors.Join(tx.Append(sub.ID(), received(sub)), tx.Enqueue("check", sub.ID()))
		})
		if err != nil {
			return kept, "update", err
		}
		kept = append(kept, sub.ID())
		select {
		case <-after:
		case err := <-told:
			return kept, "queue", err
		case <-time.After(8 * time.Second):
			return kept, "nowhere", errors.New("nothing goes on, and nobody says why")
		}
	}
	return kept, "", nil
}

// checkKept goes on with room again.
func checkKept(t *testing.T, o store.Options, kept []vitrine.ID) {
	t.Helper()
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	after := make(chan vitrine.ID, 1000)
	stop := work(t, db, map[string]store.Step{"check": verify(db), "after": func(_ context.Context, id vitrine.ID) error { after <- id; return nil }})
	deadline := time.Now().Add(5 * time.Second)
	for _, id := range kept {
		for demand(t, db, id).Stage != vitrine.Verified && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		if d := demand(t, db, id); d.Seq != 2 {
			t.Errorf("an acknowledged demand stands at %d %s", d.Seq, d.Stage)
		}
	}
	stop()
	if n, _, err := db.Audit(t.Context()); n != int64(2*len(kept)) || err != nil {
		t.Errorf("%d events of %d demands: %v", n, len(kept), err)
	}
}
