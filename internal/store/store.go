// Package store remembers the events of every demand and the work that is
// queued: an event and the job that follows from it are in the disk or neither
// is. Events are chained by hash (row.sum has the bytes) and only ever appended; a
// demand is always folded anew from its events, each checked as it is read,
// and a row that was changed is an error, never an answer. One SQL text serves
// SQLite (in the data directory, whose lock it takes) and PostgreSQL; jobs are
// River's.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/dirlock"
)

// Options say where the store is.
type Options struct {
	Dir string // the data directory; one process at a time
	URL string // postgres://… in place of SQLite in Dir
	// Now is the clock that events are held against; nil: the system's.
	Now func() time.Time
	// Reached is called at "store: before commit" and "store: after commit",
	// for tests that kill the process there.
	Reached func(point string)
}

// DB is an open store.
type DB struct {
	// Failed, if set before Work, is told what keeps the queue from working: a
	// full disk, a lost database, a step that panicked. The queue tries again.
	Failed func(error)

	Options
	dialect
	lock   *os.File
	write  *sql.DB // SQLite: one connection, shared with River
	read   *sql.DB
	insert *river.Client[*sql.Tx] // queues jobs, works none
	bell   bell
	lost   lost
	turns  turns

	working sync.Mutex // held from Work to its stop
}

// Open opens or makes the store. A Refusal of kind Busy says that another
// process has it.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Dir == "" {
		return nil, vitrine.Refusef(vitrine.Usage, "no data directory is given: name one")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Reached == nil {
		o.Reached = func(string) {}
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, explain("open store", o.Dir, err)
	}
	db := &DB{Options: o, lock: lock, bell: make(bell, 1)}
	if err := db.open(ctx); err != nil {
		return nil, errors.Join(explain("open store", o.Dir, err), db.Close())
	}
	return db, nil
}

func (db *DB) open(ctx context.Context) (err error) {
	if db.URL != "" {
		db.dialect = postgres
		db.write, err = openPostgres(ctx, db.URL)
		db.read = db.write
	} else {
		db.dialect = sqlite
		db.write, db.read, err = openSQLite(ctx, filepath.Join(db.Dir, "vitrine.db"))
	}
	if err != nil {
		return err
	}
	if err := db.migrate(ctx); err != nil {
		return err
	}
	db.insert, err = river.NewClient(db.driver(), &river.Config{Logger: slog.New(slog.DiscardHandler)})
	return err
}

// lockDir makes the directory, for its owner only, and takes its lock.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	return dirlock.Take(dir)
}

// Close lets go of the database and of the directory. Work must be stopped.
func (db *DB) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.read, db.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	errs = append(errs, db.lock.Close())
	if err := errors.Join(errs...); err != nil {
		return explain("close store", db.Dir, err)
	}
	return nil
}

// Update runs f in one transaction; none other writes at the same time. What f
// appended and queued is on the disk when Update returns nil, and nothing of it
// if it returns an error. f's own error is returned as it is.
func (db *DB) Update(ctx context.Context, f func(*Tx) error) error {
	return db.within(ctx, db.write, nil, func(tx *Tx) error {
		tx.writes = true
		if db.lockHead != "" {
			if _, err := tx.sql.ExecContext(ctx, db.lockHead); err != nil {
				return explain("begin", db.Dir, err)
			}
		}
		if err := f(tx); err != nil {
			return err
		}
		db.Reached("store: before commit")
		if err := tx.sql.Commit(); err != nil {
			return explain("commit", db.Dir, err)
		}
		db.Reached("store: after commit")
		if tx.queued {
			db.bell.ring()
		}
		return nil
	})
}

// View runs f on the store as it is at one moment.
func (db *DB) View(ctx context.Context, f func(*Tx) error) error {
	return db.within(ctx, db.read, db.viewOptions, f)
}

func (db *DB) within(ctx context.Context, pool *sql.DB, o *sql.TxOptions, f func(*Tx) error) error {
	tx, err := pool.BeginTx(ctx, o)
	if err != nil {
		return explain("begin", db.Dir, err)
	}
	defer tx.Rollback() // nothing after a commit; also where f panics
	return f(&Tx{sql: tx, ctx: ctx, db: db})
}

// Tx is a transaction; it is over when the function that got it returns.
type Tx struct {
	sql    *sql.Tx
	ctx    context.Context
	db     *DB
	writes bool
	queued bool
}

func (tx *Tx) mustWrite(what string) error {
	if !tx.writes {
		return fmt.Errorf("%s: only Update writes", what)
	}
	return nil
}
