package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// lockClass is the class of our advisory locks: "vitr". Number 0 is held
// while tables are made, any other by the worker "vitrine-<number>".
const lockClass = "1986622578"

// alive is a worker's sign of life. On PostgreSQL it is an advisory lock of a
// session, which ends with the process; on SQLite it is the directory's lock.
type alive struct {
	db      *DB
	number  int32
	session *sql.Conn // nil on SQLite, or while the connection is lost
}

func (db *DB) live(ctx context.Context) (*alive, error) {
	a := &alive{db: db, number: int32(os.Getpid())}
	if db.URL == "" {
		return a, nil
	}
	for {
		a.number = 1 + rand.Int32N(1<<31-2)
		if got, err := a.hold(ctx); err != nil || got {
			return a, err
		}
	}
}

func (a *alive) name() string { return fmt.Sprintf("vitrine-%d", a.number) }

// hold takes the lock on a new session.
func (a *alive) hold(ctx context.Context) (got bool, err error) {
	session, err := a.db.write.Conn(ctx)
	if err != nil {
		return false, err
	}
	if err := session.QueryRowContext(ctx, `select pg_try_advisory_lock(`+lockClass+`, $1)`, a.number).Scan(&got); err != nil || !got {
		return false, errors.Join(err, session.Close())
	}
	a.session = session
	return true, nil
}

// sweep looks after jobs that nobody works on any more, until ctx ends.
func (a *alive) sweep(ctx context.Context) {
	tick := time.NewTicker(sweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		a.db.find(ctx)
		if a.db.URL == "" || !a.stay(ctx) {
			continue
		}
		if err := a.db.revive(ctx, a.db.dead()); err != nil && ctx.Err() == nil {
			a.db.tell(explain("look for dead workers", a.db.Dir, err))
		}
	}
}

// stay takes the lock again where the connection was lost. A step that another
// worker has begun meanwhile finds at its end that the demand went on.
func (a *alive) stay(ctx context.Context) bool {
	if a.session != nil && a.session.PingContext(ctx) == nil {
		return true
	}
	if ctx.Err() != nil {
		return false
	}
	if a.session != nil {
		a.session.Close()
		a.session = nil
	}
	got, err := a.hold(ctx)
	return got && err == nil
}

func (a *alive) end() error {
	if a.session == nil {
		return nil
	}
	// Closing hands the connection back to the pool, with its locks.
	_, err := a.session.ExecContext(context.Background(), `select pg_advisory_unlock(`+lockClass+`, $1)`, a.number)
	return errors.Join(err, a.session.Close())
}

// holdSchema lets one process at a time make tables.
func (db *DB) holdSchema(ctx context.Context) (release func(), err error) {
	if db.URL == "" {
		return func() {}, nil
	}
	session, err := db.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := session.ExecContext(ctx, `select pg_advisory_lock(`+lockClass+`, 0)`); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return func() {
		session.ExecContext(context.WithoutCancel(ctx), `select pg_advisory_unlock(`+lockClass+`, 0)`)
		session.Close()
	}, nil
}
