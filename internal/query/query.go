// Package query reads a provider's own PostgreSQL, MariaDB or SQLite database
// by declared SQL. It promises the rows of one read-only snapshot, in the order
// of a declared key, each value exactly as stored and none that was not asked
// for, in bounded memory; that every value from a demand is bound and compared
// whole; that no wait is endless; and that no error shows a stored value. It
// never writes, and says what the credentials could write. It reads what the
// database shows to them: a row that a view leaves out is not there.
package query

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Limits and deadlines.
const (
	pageRows    = 512              // rows a statement
	maxRow      = 64 << 20         // bytes of one row's values
	dialing     = 15 * time.Second // to be connected and logged in
	silence     = 2 * time.Minute  // without a sign of the database
	perPage     = 10 * time.Minute // for one statement, by the database's own clock
	lockWaiting = 30 * time.Second
	idleFor     = 30 * time.Second // a connection that nobody uses is closed
)

// Column is a column of a relation as the database describes it.
type Column struct {
	Name string
	Kind Kind
	Type string // the database's own name of its type

	precision int    // digits of a fraction of a second
	oid       uint32 // of its type, in PostgreSQL
}

// dialect is all that the three databases do not write alike.
type dialect interface {
	quote(name string) string
	mark(n int) string // the nth bound value
	// picked is the expression that reads a column so that value understands it.
	picked(c Column) string
	value(c Column, v any) (Value, error)
	// key says whether a column of this kind can order a table without loss, and
	// binds one of its values.
	orders(c Column) bool
	bound(v Value) (any, error)
	// matching is the condition under which a column is exactly a text.
	matching(s *statement, c Column, text string, fold bool) (string, error)
	// behind is the condition under which a row comes behind a key, or at it.
	behind(s *statement, order []string, key []any, at bool) string
	describe(ctx context.Context, conn *sql.Conn, from string) ([]Column, error)
	begin() *sql.TxOptions
	fault(err error) error
	probe(ctx context.Context, conn *sql.Conn) (Access, error)
}

// Access is what the credentials may do besides reading.
type Access struct {
	Writes string // what they could change, or why it cannot be told; else empty
	Shown  string // by what
}

// DB is a database, connected to when it is first asked something.
type DB struct {
	pool    *sql.DB
	silence time.Duration
	dialect
}

func open(pool *sql.DB, d dialect) *DB {
	pool.SetMaxOpenConns(4)
	pool.SetMaxIdleConns(1)
	pool.SetConnMaxIdleTime(idleFor)
	return &DB{pool, silence, d}
}

// Close ends all connections.
func (d *DB) Close() error { return d.pool.Close() }

// Probe finds out by introspection what the credentials may write.
func (d *DB) Probe(ctx context.Context) (access Access, err error) {
	w := watching(ctx, d.silence)
	defer w.end()
	conn, err := d.connect(w)
	if err != nil {
		return access, err
	}
	defer conn.Close()
	w.wait()
	access, err = d.probe(w.ctx, conn)
	return access, w.fault(d, err)
}

func (d *DB) connect(w *watch) (*sql.Conn, error) {
	w.wait()
	conn, err := d.pool.Conn(w.ctx)
	if err != nil {
		return nil, w.fault(d, err)
	}
	return conn, nil
}

// Snapshot is one state of a database, in which all that is asked agrees. It
// is for one goroutine, and ends with the context it was begun with.
type Snapshot struct {
	db      *DB
	w       *watch
	conn    *sql.Conn
	tx      *sql.Tx
	columns map[string][]Column
}

// Snapshot begins a read-only transaction that sees one state. It must be
// closed.
func (d *DB) Snapshot(ctx context.Context) (*Snapshot, error) {
	w := watching(ctx, d.silence)
	conn, err := d.connect(w)
	if err != nil {
		w.end()
		return nil, err
	}
	w.wait()
	tx, err := conn.BeginTx(w.ctx, d.begin())
	w.rest()
	if err != nil {
		err = w.fault(d, err)
		w.end()
		conn.Close()
		return nil, err
	}
	return &Snapshot{db: d, w: w, conn: conn, tx: tx, columns: map[string][]Column{}}, nil
}

// Close lets go of the snapshot.
func (s *Snapshot) Close() {
	s.w.wait()
	s.tx.Rollback() // nothing was written: there is nothing to lose
	s.w.end()
	s.conn.Close()
}

// Columns describes a relation without reading a row of it.
func (s *Snapshot) Columns(from string) ([]Column, error) {
	if cs, ok := s.columns[from]; ok {
		return cs, nil
	}
	s.w.wait()
	defer s.w.rest()
	cs, err := s.db.describe(s.w.ctx, s.conn, everything(from))
	if err != nil {
		return nil, s.w.fault(s.db, err)
	}
	s.columns[from] = cs
	return cs, nil
}

// errSilent ends a wait for a database that says nothing.
var errSilent = errors.New("the database did not answer in time")

// watch ends a context when the database is silent for too long. The time
// that others take for a row does not count.
type watch struct {
	ctx   context.Context
	quit  context.CancelCauseFunc
	timer *time.Timer
	limit time.Duration
}

func watching(ctx context.Context, limit time.Duration) *watch {
	w := &watch{limit: limit}
	w.ctx, w.quit = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(limit, func() { w.quit(errSilent) })
	return w
}

func (w *watch) wait() { w.timer.Reset(w.limit) }
func (w *watch) rest() { w.timer.Stop() }

func (w *watch) end() {
	w.timer.Stop()
	w.quit(nil)
}

// fault says what a failure of the database means.
func (w *watch) fault(d *DB, err error) error {
	if err == nil {
		return nil
	}
	if context.Cause(w.ctx) == errSilent {
		return &Broken{fmt.Errorf("%w (%v)", errSilent, w.limit)}
	}
	if cause := w.ctx.Err(); cause != nil {
		return cause
	}
	return d.dialect.fault(err)
}
