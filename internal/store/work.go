package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"golang.org/x/sync/errgroup"

	"github.com/vitrine-project/vitrine"
)

// How the queue runs. Nothing is given up for good: after maxAttempts, about a
// day, a job rests until the next start.
const (
	maxAttempts = 100
	maxSteps    = 8                // at the same time
	later       = 30 * time.Second // for ErrLater
	poll        = 250 * time.Millisecond
	cooldown    = 2 * time.Millisecond
	sweep       = time.Second // between looks for dead workers
	keep        = 90 * 24 * time.Hour
	// A step may take as long as a collection does. A job whose worker lives
	// is rescued only where even the word of its end was lost.
	rescue = 24 * time.Hour
)

var delays = backoff{time.Second, 2 * time.Second, 4 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute}

// backoff is how long to wait after each failure; the last for all further.
type backoff []time.Duration

// NextRetry is when River tries again.
func (b backoff) NextRetry(j *rivertype.JobRow) time.Time {
	return time.Now().Add(b[max(0, min(j.Attempt, len(b))-1)])
}

// Work calls the steps that are queued, until stop. Steps of one demand are
// called one after another. What a killed process was at is taken up at once.
// Cancelling ctx cancels the running steps; stop waits for them. If stop's own
// context ends first it cancels them and says so, and is to be called again.
func (db *DB) Work(ctx context.Context, steps map[string]Step) (stop func(context.Context) error, err error) {
	if !db.working.TryLock() {
		return nil, errors.New("work: it goes on already")
	}
	stop, err = db.work(ctx, steps)
	if err != nil {
		db.working.Unlock()
		return nil, explain("work", db.Dir, err)
	}
	return stop, nil
}

func (db *DB) work(ctx context.Context, steps map[string]Step) (func(context.Context) error, error) {
	alive, err := db.live(ctx)
	if err != nil {
		return nil, err
	}
	client, err := db.start(ctx, alive.name(), steps)
	if err != nil {
		return nil, errors.Join(err, alive.end())
	}
	sweepCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var sweeping errgroup.Group
	sweeping.Go(func() error { alive.sweep(sweepCtx); return nil })
	stopped := client.Stopped()
	end := sync.OnceValue(func() error {
		cancel()
		defer db.working.Unlock()
		return errors.Join(sweeping.Wait(), alive.end())
	})
	return func(ctx context.Context) error {
		if err := client.Stop(ctx); err != nil {
			// Its context is over already: this cancels, and does not wait.
			client.StopAndCancel(ctx)
			return fmt.Errorf("stop work: %w", err)
		}
		select {
		case <-stopped:
			return end()
		case <-ctx.Done():
			return fmt.Errorf("stop work: %w", ctx.Err())
		}
	}, nil
}

func (db *DB) start(ctx context.Context, name string, steps map[string]Step) (*river.Client[*sql.Tx], error) {
	workers := river.NewWorkers()
	for step, f := range steps {
		river.AddWorkerArgs(workers, job{Step: step}, river.WorkFunc(func(ctx context.Context, j *river.Job[job]) error {
			return db.call(ctx, j, f)
		}))
	}
	client, err := river.NewClient(db.driver(), &river.Config{
		ID: name, Workers: workers, Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: maxSteps}},
		Logger: slog.New(slog.DiscardHandler), RetryPolicy: delays, FetchOnlyKnownKinds: true,
		FetchCooldown: cooldown, FetchPollInterval: poll,
		JobTimeout: -1, RescueStuckJobsAfter: rescue,
		CompletedJobRetentionPeriod: keep, CancelledJobRetentionPeriod: keep, DiscardedJobRetentionPeriod: -1,
	})
	if err != nil {
		return nil, err
	}
	if err := db.revive(ctx, db.dead()+" or "+db.resting()); err != nil {
		return nil, err
	}
	return client, client.Start(ctx)
}

// call runs one step when it is the demand's turn.
func (db *DB) call(ctx context.Context, j *river.Job[job], step Step) error {
	release, err := db.turns.take(ctx, j.Args.Demand)
	if err != nil {
		return err
	}
	defer release()
	mine, err := db.begin(ctx, j.ID)
	if err != nil {
		err = explain("begin "+j.Args.Step, db.Dir, err)
		db.tell(err)
		return err
	}
	if !mine {
		return nil
	}
	err = db.caught(ctx, j.Args, step)
	if errors.Is(err, ErrLater) {
		return river.JobSnooze(later)
	}
	return err
}

func (db *DB) caught(ctx context.Context, j job, step Step) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("step %s of demand %s panicked: %v\n%s", j.Step, j.Demand, p, debug.Stack())
			db.tell(err)
		}
	}()
	return step(ctx, j.Demand)
}

func (db *DB) tell(err error) {
	if db.Failed != nil {
		db.Failed(err)
	}
}

// turns lets the steps of one demand go one after another.
type turns struct {
	mu    sync.Mutex
	taken map[vitrine.ID]chan struct{} // closed when the turn is over
}

func (t *turns) take(ctx context.Context, id vitrine.ID) (release func(), err error) {
	for {
		over, taken := t.try(id)
		if !taken {
			return func() { t.end(id, over) }, nil
		}
		select {
		case <-over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (t *turns) try(id vitrine.ID) (over chan struct{}, taken bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if over, taken = t.taken[id]; taken {
		return over, true
	}
	if t.taken == nil {
		t.taken = map[vitrine.ID]chan struct{}{}
	}
	over = make(chan struct{})
	t.taken[id] = over
	return over, false
}

func (t *turns) end(id vitrine.ID, over chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.taken, id)
	close(over)
}
