package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
)

// TestLatency wants an idle worker to begin within 20 ms of the commit, in the
// median, and stop to take no time.
func TestLatency(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		began := make(chan time.Time, 1)
		stop := work(t, db, map[string]store.Step{"check": func(context.Context, vitrine.ID) error {
			began <- time.Now()
			return nil
		}})
		var took []time.Duration
		for i := range 15 {
			time.Sleep(30 * time.Millisecond)
			receive(t, db, fmt.Sprint(i), "check")
			committed := time.Now()
			took = append(took, within(t, 5*time.Second, began, "begin").Sub(committed))
		}
		slices.Sort(took)
		t.Logf("from commit to begin: median %v, worst %v", took[len(took)/2], took[len(took)-1])
		if took[len(took)/2] > 20*time.Millisecond {
			t.Errorf("from commit to begin: %v", took)
		}
		at := time.Now()
		stop()
		if d := time.Since(at); d > 500*time.Millisecond {
			t.Errorf("stop took %v", d)
		}
	})
}

// TestFailures wants a failing step to be called again, a panic to be told, and
// both to be over once the cause is.
func TestFailures(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		told := make(chan error, 10)
		db.Failed = func(err error) { told <- err }
		calls := make(chan int32, 10)
		var n atomic.Int32
		stop := work(t, db, map[string]store.Step{"check": func(context.Context, vitrine.ID) error {
			calls <- n.Add(1)
			switch n.Load() {
			case 1:
				return errors.New("not yet")
			case 2:
				panic("ouch")
			}
			return nil
		}})
		id := receive(t, db, "A", "check")
		within(t, 5*time.Second, calls, "the first call")
		at := time.Now()
		within(t, 5*time.Second, calls, "the second call")
		if d := time.Since(at); d < 900*time.Millisecond {
			t.Errorf("called again after %v already", d)
		}
		if err := within(t, time.Second, told, "the panic"); !strings.Contains(err.Error(), "ouch") || !strings.Contains(err.Error(), string(id)) {
			t.Errorf("told %v", err)
		}
		time.Sleep(400 * time.Millisecond) // until River has noted the failure
		enqueue(t, db, "check", id)        // a person does not wait for the next try
		within(t, 500*time.Millisecond, calls, "the third call")
		stop()
		if n := jobs(t, raw(t, o)); n != 0 {
			t.Errorf("%d jobs are left", n)
		}
	})
}

// TestStartIsATry wants a new start to take up at once what failed, what was
// put off and what was given up.
func TestStartIsATry(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		calls := make(chan vitrine.ID, 10)
		answer := map[vitrine.ID]error{receive(t, db, "failed", "check"): errors.New("no"), receive(t, db, "later", "check"): fmt.Errorf("wrapped: %w", store.ErrLater)}
		stop := work(t, db, map[string]store.Step{"check": func(_ context.Context, id vitrine.ID) error { calls <- id; return answer[id] }})
		within(t, 5*time.Second, calls, "a call")
		within(t, 5*time.Second, calls, "a call")
		stop()
		outside := raw(t, o)
		var attempts int
		if err := outside.QueryRow(`select sum(attempt) from river_job`).Scan(&attempts); err != nil || attempts != 1 {
			t.Errorf("%d attempts are counted, want only the one that failed: %v", attempts, err)
		}
		id := receive(t, db, "given up", "check")
		now := "clock_timestamp()"
		if o.URL == "" {
			now = "datetime('now', 'subsec')"
		}
		if _, err := outside.Exec(`update river_job set state = 'discarded', attempt = 100, finalized_at = `+now+` where args->>'demand' = $1`, string(id)); err != nil {
			t.Fatal(err)
		}
		answer = nil
		at := time.Now()
		stop = work(t, db, map[string]store.Step{"check": func(_ context.Context, id vitrine.ID) error { calls <- id; return nil }})
		for range 3 {
			within(t, 2*time.Second, calls, "a call after the start")
		}
		t.Logf("taken up after %v", time.Since(at))
		stop()
		if n := jobs(t, outside); n != 0 {
			t.Errorf("%d jobs are left", n)
		}
	})
}

// TestUnknownSteps wants a step that this program does not know to be left to
// one that does.
func TestUnknownSteps(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		receive(t, db, "A", "notice")
		calls := make(chan vitrine.ID, 1)
		step := func(_ context.Context, id vitrine.ID) error { calls <- id; return nil }
		stop := work(t, db, map[string]store.Step{"check": step})
		receive(t, db, "B", "check")
		within(t, 5*time.Second, calls, "the known step")
		stop()
		stop = work(t, db, map[string]store.Step{"notice": step})
		within(t, 5*time.Second, calls, "the step that was not known")
		stop()
	})
}

// TestStop wants stop to wait for a running step, its context's end to cancel
// the step, and nothing to be left running.
func TestStop(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		before := runtime.NumGoroutine()
		began, release := make(chan bool), make(chan struct{})
		var ended, cancelled atomic.Int32
		steps := map[string]store.Step{"check": func(ctx context.Context, _ vitrine.ID) error {
			began <- true
			select {
			case <-release:
			case <-ctx.Done():
				cancelled.Add(1)
			}
			time.Sleep(20 * time.Millisecond)
			ended.Add(1)
			return ctx.Err()
		}}
		stop, err := db.Work(t.Context(), steps)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Work(t.Context(), steps); err == nil {
			t.Error("two workers in one process")
		}
		receive(t, db, "A", "check")
		<-began
		go func() { time.Sleep(50 * time.Millisecond); close(release) }()
		if err := stop(t.Context()); err != nil || ended.Load() != 1 || cancelled.Load() != 0 {
			t.Errorf("stop did not wait: %v, %d ended, %d cancelled", err, ended.Load(), cancelled.Load())
		}
		if err := stop(t.Context()); err != nil {
			t.Errorf("stopped twice: %v", err)
		}
		release = make(chan struct{})
		for i, how := range []string{"stop's context", "work's context"} {
			ctx, cancel := context.WithCancel(t.Context())
			if stop, err = db.Work(ctx, steps); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				receive(t, db, "B", "check")
			}
			<-began
			if i == 0 {
				short, end := context.WithTimeout(t.Context(), 20*time.Millisecond)
				if err := stop(short); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v", how, err)
				}
				end()
			} else {
				cancel()
			}
			if err := stop(t.Context()); err != nil || cancelled.Load() != int32(i+1) || ended.Load() != int32(i+2) {
				t.Errorf("%s: %v, %d ended, %d cancelled", how, err, ended.Load(), cancelled.Load())
			}
			cancel()
		}
		deadline := time.Now().Add(3 * time.Second)
		for runtime.NumGoroutine() > before+3 && time.Now().Before(deadline) { // pools may keep a few
			time.Sleep(5 * time.Millisecond)
		}
		if n := runtime.NumGoroutine(); n > before+3 {
			buf := make([]byte, 1<<16)
			t.Errorf("%d goroutines, %d before\n%s", n, before, buf[:runtime.Stack(buf, true)])
		}
		if n := jobs(t, raw(t, o)); n != 1 {
			t.Errorf("%d jobs are left, want the cancelled one", n)
		}
	})
}

// TestReadsWhileWorking wants readers, writers and steps not to wait for each
// other for long.
func TestReadsWhileWorking(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		done := make(chan vitrine.ID, 100)
		stop := work(t, db, map[string]store.Step{"check": verify(db), "after": func(_ context.Context, id vitrine.ID) error { done <- id; return nil }})
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 10 {
					id := receive(t, db, fmt.Sprint(g, " ", i), "check")
					demand(t, db, id)
				}
			})
		}
		wg.Wait()
		for range 40 {
			within(t, 10*time.Second, done, "the last step")
		}
		stop()
		if n, _, err := db.Audit(t.Context()); n != 80 || err != nil {
			t.Errorf("%d events: %v", n, err)
		}
	})
}

// TestEndNotNoted has the database refuse to note that a job ended: it is told,
// and once the cause is gone the job is called again and ends, with no restart.
func TestEndNotNoted(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		refuse, allow := `create trigger no_end before update on river_job when new.state = 'completed' begin select raise(abort, 'no end'); end`, `drop trigger no_end`
		if o.URL != "" {
			refuse, allow = `alter table river_job add constraint no_end check (state <> 'completed')`, `alter table river_job drop constraint no_end`
		}
		outside := raw(t, o)
		if _, err := outside.Exec(refuse); err != nil {
			t.Fatal(err)
		}
		told, calls := make(chan error, 100), make(chan vitrine.ID, 100)
		db.Failed = func(err error) { told <- err }
		stop := work(t, db, map[string]store.Step{"check": func(_ context.Context, id vitrine.ID) error { calls <- id; return nil }})
		receive(t, db, "A", "check")
		within(t, 5*time.Second, calls, "the first call")
		if err := within(t, 5*time.Second, told, "the fault"); !strings.Contains(err.Error(), "no_end") && !strings.Contains(err.Error(), "no end") {
			t.Errorf("told %v", err)
		}
		if _, err := outside.Exec(allow); err != nil {
			t.Fatal(err)
		}
		within(t, 5*time.Second, calls, "the second call")
		at := time.Now()
		stop()
		if d := time.Since(at); d > time.Second {
			t.Errorf("stop took %v", d)
		}
		if n := jobs(t, outside); n != 0 {
			t.Errorf("%d jobs are left", n)
		}
	})
}
