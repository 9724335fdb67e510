package store_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
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
