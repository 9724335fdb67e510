package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// bell tells this process's worker that a job was committed, without a row or
// a connection. Other processes find it by polling.
type bell chan struct{}

func (b bell) ring() {
	select {
	case b <- struct{}{}:
	default: // it has not been heard yet, and will be
	}
}

// driver is River's own, but for how it hears of new jobs and for what becomes
// of faults that it would only log.
type driver struct {
	riverdriver.Driver[*sql.Tx]
	db *DB
}

func (db *DB) driver() driver { return driver{db.queue(db.write), db} }

func (d driver) SupportsListener() bool     { return true }
func (d driver) SupportsListenNotify() bool { return false }

func (d driver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return listener{d.db.bell}
}

func (d driver) GetExecutor() riverdriver.Executor { return executor{d.Driver.GetExecutor(), d.db} }

type executor struct {
	riverdriver.Executor
	db *DB
}

// JobGetAvailable is what the queue stands or falls with.
func (e executor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	r, err := e.Executor.JobGetAvailable(ctx, p)
	if err != nil && ctx.Err() == nil {
		e.db.tell(explain("fetch jobs", e.db.Dir, err))
	}
	return r, err
}

// JobSetStateIfRunningMany notes how calls ended. Where that fails, River would
// try for some seconds, hold up a stop for as long, and then forget the jobs;
// the sweep has them called again instead.
func (e executor) JobSetStateIfRunningMany(ctx context.Context, p *riverdriver.JobSetStateIfRunningManyParams) ([]*rivertype.JobRow, error) {
	r, err := e.Executor.JobSetStateIfRunningMany(ctx, p)
	if err != nil {
		e.db.lost.add(p.ID)
		e.db.tell(explain("end jobs", e.db.Dir, err))
		return nil, errors.Join(err, riverdriver.ErrClosedPool) // which is not tried again
	}
	return r, nil
}

// LeaderResign is a courtesy: a leadership that cannot be given back ends by
// itself, and a stop must not wait for the disk.
func (e executor) LeaderResign(ctx context.Context, p *riverdriver.LeaderResignParams) (bool, error) {
	resigned, err := e.Executor.LeaderResign(ctx, p)
	return resigned && err == nil, nil
}

// lost are jobs whose end could not be noted.
type lost struct {
	mu  sync.Mutex
	ids []int64
}

func (l *lost) add(ids []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, ids...)
}

// find makes the lost jobs available again, as many as it can.
func (db *DB) find(ctx context.Context) {
	db.lost.mu.Lock()
	defer db.lost.mu.Unlock()
	for len(db.lost.ids) > 0 {
		if err := db.revive(ctx, `state = 'running' and id = $2`, db.lost.ids[0]); err != nil {
			return // the next sweep tries again
		}
		db.lost.ids = db.lost.ids[1:]
	}
}

// listener hears the bell in place of the database.
type listener struct{ bell bell }

func (listener) Close(context.Context) error            { return nil }
func (listener) Connect(context.Context) error          { return nil }
func (listener) Listen(context.Context, string) error   { return nil }
func (listener) Ping(context.Context) error             { return nil }
func (listener) Schema() string                         { return "" }
func (listener) SetAfterConnectExec(string)             {}
func (listener) Unlisten(context.Context, string) error { return nil }

func (l listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.bell:
		return &riverdriver.Notification{Topic: "river_insert", Payload: `{"queue": "default"}`}, nil
	}
}
