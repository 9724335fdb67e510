package store_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
)

// children are what this test program is when it is started again.
var children = map[string]func() int{
	"open": func() int {
		_, err := store.Open(context.Background(), childOptions())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return vitrine.ExitCode(err)
	},
	"work": workAndDie,
}

func childOptions() store.Options {
	return store.Options{Dir: os.Getenv("STORE_DIR"), URL: os.Getenv("STORE_URL")}
}

// verify is a step whose one effect is an event.
func verify(db *store.DB) store.Step {
	return func(ctx context.Context, id vitrine.ID) error {
		return db.Update(ctx, func(tx *store.Tx) error {
			d, err := tx.Demand(id)
			if err != nil || d.Stage != vitrine.Received {
				return err
			}
			if err := tx.Append(id, verified(d.Seq+1)); err != nil {
				return err
			}
			return tx.Enqueue("after", id)
		})
	}
}

// workAndDie works until it is at STORE_KILL_AT, and is killed there.
func workAndDie() int {
	die := func() {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	var inStep atomic.Bool
	killAt := os.Getenv("STORE_KILL_AT")
	o := childOptions()
	o.Reached = func(point string) {
		if inStep.Load() && point == killAt {
			die()
		}
	}
	db, err := store.Open(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	step := verify(db)
	_, err = db.Work(context.Background(), map[string]store.Step{"check": func(ctx context.Context, id vitrine.ID) error {
		inStep.Store(true)
		if killAt == "step" {
			die()
		}
		err := step(ctx, id)
		if killAt == "end" {
			die()
		}
		return err
	}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	select {}
}

// TestKilledWork kills a process while it works on a demand, at the ways in
// which that can be, and wants the next one to finish in under 2 s with each
// effect there once.
func TestKilledWork(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		for _, killAt := range []string{"step", "store: before commit", "store: after commit", "end"} {
			db, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			id := receive(t, db, killAt, "check")
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			killChild(t, o, killAt)
			began := time.Now()
			if db, err = store.Open(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			after := make(chan vitrine.ID, 10)
			stop, err := db.Work(t.Context(), map[string]store.Step{"check": verify(db), "after": func(_ context.Context, id vitrine.ID) error {
				after <- id
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			select {
			case <-after:
			case <-time.After(10 * time.Second):
				t.Errorf("%s: nothing goes on", killAt)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%s: went on after %v", killAt, took)
			}
			if err := stop(t.Context()); err != nil {
				t.Error(err)
			}
			if len(after) > 0 {
				t.Errorf("%s: the next step was called %d times", killAt, 1+len(after))
			}
			if d := demand(t, db, id); d.Seq != 2 || d.Stage != vitrine.Verified {
				t.Errorf("%s: stands at %d %s", killAt, d.Seq, d.Stage)
			}
			if n := jobs(t, raw(t, o)); n != 0 {
				t.Errorf("%s: %d jobs are left", killAt, n)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func killChild(t *testing.T, o store.Options, killAt string) {
	t.Helper()
	c := exec.Command(os.Args[0])
	var out strings.Builder
	c.Stderr = &out
	c.Env = append(os.Environ(), "VITRINE_STORE_CHILD=work", "STORE_DIR="+o.Dir, "STORE_URL="+o.URL, "STORE_KILL_AT="+killAt)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(20*time.Second, func() { c.Process.Signal(syscall.SIGTERM) })
	defer guard.Stop()
	if err := c.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Fatalf("%s: not killed: %v %s", killAt, err, out.String())
	}
}

// TestLiveWorkerTakesOver has two processes on one PostgreSQL and kills one:
// the other takes its job, and takes none from the living.
func TestLiveWorkerTakesOver(t *testing.T) {
	o := databases["postgres"](t)
	db := open(t, o)
	release, calls := make(chan struct{}), make(chan string, 100)
	stop := work(t, db, map[string]store.Step{
		"check": func(_ context.Context, id vitrine.ID) error { calls <- string(id); return nil },
		"long":  func(context.Context, vitrine.ID) error { calls <- "long"; <-release; return nil },
	})
	const slots = 8 // all that this process works on at a time
	for i := range slots {
		receive(t, db, fmt.Sprint("long ", i), "long")
		within(t, 5*time.Second, calls, "a long step")
	}
	id := receive(t, db, "killed", "check")
	killChild(t, store.Options{Dir: t.TempDir(), URL: o.URL}, "step")
	if len(calls) > 0 {
		t.Fatalf("called %s, with all hands full", <-calls)
	}
	release <- struct{}{}
	if got := within(t, 5*time.Second, calls, "the dead worker's job"); got != string(id) {
		t.Errorf("called %s: a job was taken from the living", got)
	}
	time.Sleep(1200 * time.Millisecond) // one more look for dead workers
	close(release)
	stop()
	if len(calls) > 0 {
		t.Errorf("called %s once more", <-calls)
	}
}
