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

// work starts the steps and returns what stops them, which the test must call.
func work(t testing.TB, db *store.DB, steps map[string]store.Step) func() {
	t.Helper()
	stop, err := db.Work(t.Context(), steps)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := stop(ctx); err != nil {
			t.Error(err)
		}
	}
}

func enqueue(t testing.TB, db *store.DB, step string, id vitrine.ID) {
	t.Helper()
	if err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.Enqueue(step, id) }); err != nil {
		t.Fatal(err)
	}
}

func within[T any](t testing.TB, d time.Duration, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(d):
		t.Fatalf("%s: not within %v", what, d)
	}
	return v
}

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

// TestDuplicates queues the same step many times before anybody works.
func TestDuplicates(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		id, other := receive(t, db, "A", "check"), receive(t, db, "B", "check")
		for range 3 {
			enqueue(t, db, "check", id)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { enqueue(t, db, "seal", id) })
		}
		wg.Wait()
		if n := jobs(t, raw(t, o)); n != 3 {
			t.Errorf("%d jobs are queued, want 3", n)
		}
		calls := make(chan string, 20)
		say := func(step string) store.Step {
			return func(_ context.Context, id vitrine.ID) error { calls <- step + string(id); return nil }
		}
		stop := work(t, db, map[string]store.Step{"check": say("check"), "seal": say("seal")})
		var got []string
		for range 3 {
			got = append(got, within(t, 5*time.Second, calls, "call"))
		}
		time.Sleep(100 * time.Millisecond)
		stop()
		want := []string{"check" + string(id), "check" + string(other), "seal" + string(id)}
		if slices.Sort(got); len(calls) > 0 || !slices.Equal(got, sorted(want)) {
			t.Errorf("called %v, want %v", got, want)
		}
	})
}

func sorted(s []string) []string { slices.Sort(s); return s }

// TestQueuedWhileRunning queues a step again and again while it runs: what was
// queued after it began must run after it, once, and never beside it.
func TestQueuedWhileRunning(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		sub := submission("A")
		began, release := make(chan int, 10), make(chan struct{})
		var beside atomic.Int32
		stop := work(t, db, map[string]store.Step{"check": func(ctx context.Context, id vitrine.ID) error {
			if beside.Add(1) > 1 {
				t.Error("two steps of one demand at once")
			}
			defer beside.Add(-1)
			began <- demand(t, db, id).Seq
			<-release
			return nil
		}, "seal": func(context.Context, vitrine.ID) error {
			if beside.Load() > 0 {
				t.Error("another step of the demand at once")
			}
			return nil
		}})
		receive(t, db, "A", "check")
		if seq := within(t, 5*time.Second, began, "the first call"); seq != 1 {
			t.Errorf("the first call saw %d events", seq)
		}
		for i := range 20 {
			if i == 3 {
				err := db.Update(t.Context(), func(tx *store.Tx) error {
					return errors.Join(tx.Append(sub.ID(), verified(2)), tx.Enqueue("check", sub.ID()))
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			enqueue(t, db, "check", sub.ID())
			enqueue(t, db, "seal", sub.ID())
			time.Sleep(5 * time.Millisecond)
		}
		if n := jobs(t, raw(t, o)); n != 3 {
			t.Errorf("%d jobs, want the running one, one more check and one seal", n)
		}
		release <- struct{}{}
		if seq := within(t, 5*time.Second, began, "the second call"); seq != 2 {
			t.Errorf("the second call saw %d events", seq)
		}
		release <- struct{}{}
		time.Sleep(100 * time.Millisecond)
		stop()
		if len(began) > 0 {
			t.Errorf("called %d times too often", len(began))
		}
	})
}

// TestQueuedBeforeItBegins queues a step that waits to begin, and lets it begin
// before the transaction ends: it must not read the demand until then.
func TestQueuedBeforeItBegins(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		began, release := make(chan int, 10), make(chan struct{})
		stop := work(t, db, map[string]store.Step{"check": func(ctx context.Context, id vitrine.ID) error {
			began <- demand(t, db, id).Seq
			<-release
			return nil
		}})
		id := receive(t, db, "A", "check")
		within(t, 5*time.Second, began, "the first call")
		enqueue(t, db, "check", id)
		outside := raw(t, o)
		for running := 0; running < 2; {
			if err := outside.QueryRow(`select count(*) from river_job where state = 'running'`).Scan(&running); err != nil {
				t.Fatal(err)
			}
		}
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			if err := errors.Join(tx.Append(id, verified(2)), tx.Enqueue("check", id)); err != nil {
				return err
			}
			release <- struct{}{}
			time.Sleep(100 * time.Millisecond)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if seq := within(t, 5*time.Second, began, "the second call"); seq != 2 {
			t.Errorf("the second call saw %d events", seq)
		}
		close(release)
		stop()
	})
}

// TestNoWakeIsLost races queueing against running: whenever something was
// queued, a call must begin after it.
func TestNoWakeIsLost(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		var queued, seen atomic.Int64
		stop := work(t, db, map[string]store.Step{"check": func(context.Context, vitrine.ID) error {
			seen.Store(queued.Load())
			runtime.Gosched()
			return nil
		}})
		sub := submission("A")
		for i := range 150 {
			queued.Add(1)
			enqueue(t, db, "check", sub.ID())
			if i%7 == 0 {
				time.Sleep(time.Duration(i%5) * time.Millisecond)
			}
		}
		deadline := time.Now().Add(5 * time.Second)
		for seen.Load() != queued.Load() && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		if seen.Load() != queued.Load() {
			t.Errorf("%d were queued, the last call saw %d", queued.Load(), seen.Load())
		}
		stop()
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

// TestManyEnded wants queueing to stay quick when many jobs have ended.
func TestManyEnded(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		id := receive(t, db, "A", "check")
		many, now := `with recursive k(i) as (select 1 union all select i + 1 from k where i < 50000)`, "clock_timestamp()"
		if o.URL == "" {
			now = "datetime('now', 'subsec')"
		}
		outside := raw(t, o)
		if _, err := outside.Exec(many + ` insert into river_job (args, kind, max_attempts, queue, state, finalized_at) select (select args from river_job limit 1), 'seal', 100, 'default', 'completed', ` + now + ` from k`); err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		const times = 50
		for range times {
			enqueue(t, db, "seal", id)
		}
		t.Logf("%v for each", time.Since(at)/times)
		if d := time.Since(at) / times; d > 20*time.Millisecond {
			t.Errorf("queueing takes %v", d)
		}
	})
}
