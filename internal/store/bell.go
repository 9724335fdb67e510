package store

import (
	"context"
	"database/sql"

	"github.com/riverqueue/river/riverdriver"
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

// driver is River's own, but for how it hears of new jobs and for telling of
// what it otherwise only logs.
type driver struct {
	riverdriver.Driver[*sql.Tx]
	bell bell
	tell func(error)
}

func (db *DB) driver() driver {
	return driver{db.queue(db.write), db.bell, func(err error) { db.tell(explain("fetch jobs", db.Dir, err)) }}
}

func (d driver) SupportsListener() bool     { return true }
func (d driver) SupportsListenNotify() bool { return false }

func (d driver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return listener{d.bell}
}

func (d driver) GetExecutor() riverdriver.Executor {
	return executor{d.Driver.GetExecutor(), d.tell}
}

type executor struct {
	riverdriver.Executor
	tell func(error)
}

// JobGetAvailable is what the queue stands or falls with.
func (e executor) JobGetAvailable(ctx context.Context, p *riverdriver.JobGetAvailableParams) (*riverdriver.JobGetAvailableResult, error) {
	r, err := e.Executor.JobGetAvailable(ctx, p)
	if err != nil && ctx.Err() == nil {
		e.tell(err)
	}
	return r, err
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
