package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// dialect is all that SQLite and PostgreSQL do not write alike.
type dialect struct {
	goose goose.Dialect
	queue func(*sql.DB) riverdriver.Driver[*sql.Tx]
	bytes string // the column type for bytes
	now   string // the moment, as River stores it
	// lockHead makes one update wait for the other; "" where they do anyway.
	lockHead    string
	lockRows    string // ends a select whose rows must stay as they are
	guards      []string
	viewOptions *sql.TxOptions
	// deadWorker is true of a job that a worker began which is no more.
	deadWorker string
}

var sqlite = dialect{
	goose: goose.DialectSQLite3,
	queue: func(db *sql.DB) riverdriver.Driver[*sql.Tx] { return riversqlite.New(db) },
	bytes: "blob",
	now:   "datetime('now', 'subsec')",
	guards: []string{
		`create trigger vitrine_event_stays before update on vitrine_event begin select raise(abort, 'events are only appended'); end`,
		`create trigger vitrine_event_remains before delete on vitrine_event begin select raise(abort, 'events are only appended'); end`,
		`create trigger vitrine_head_remains before delete on vitrine_head begin select raise(abort, 'the head only moves on'); end`,
		`create trigger vitrine_head_moves_on before update on vitrine_head when new.n <> old.n + 1 begin select raise(abort, 'the head only moves on'); end`,
	},
	// One process has the directory, so whatever ran at its start is dead.
	deadWorker: "true",
}

var postgres = dialect{
	goose:    goose.DialectPostgres,
	queue:    func(db *sql.DB) riverdriver.Driver[*sql.Tx] { return riverdatabasesql.New(db) },
	bytes:    "bytea",
	now:      "clock_timestamp()",
	lockHead: "select n from vitrine_head for update",
	lockRows: " for update",
	guards: []string{
		`create function vitrine_stays() returns trigger language plpgsql as $$ begin raise exception 'events are only appended'; end $$`,
		`create trigger vitrine_event_stays before update or delete on vitrine_event for each row execute function vitrine_stays()`,
		`create trigger vitrine_event_remains before truncate on vitrine_event for each statement execute function vitrine_stays()`,
		`create trigger vitrine_head_remains before delete on vitrine_head for each row execute function vitrine_stays()`,
		`create trigger vitrine_head_moves_on before update on vitrine_head for each row when (new.n <> old.n + 1) execute function vitrine_stays()`,
	},
	viewOptions: &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	deadWorker: `not exists (select 1 from pg_locks l where l.locktype = 'advisory' and l.granted and l.objsubid = 2
		and l.database = (select oid from pg_database where datname = current_database())
		and l.classid = ` + lockClass + ` and 'vitrine-' || l.objid = attempted_by[array_upper(attempted_by, 1)])`,
}

// openSQLite opens the pool that writes, of one connection, and the one that
// reads.
func openSQLite(ctx context.Context, path string) (write, read *sql.DB, err error) {
	if err := makePrivate(path); err != nil {
		return nil, nil, err
	}
	if write, err = openPool(ctx, path, 1, url.Values{"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(5000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)"}}); err != nil {
		return nil, nil, err
	}
	if read, err = openPool(ctx, path, 4, url.Values{"_pragma": {"busy_timeout(5000)", "query_only(1)"}}); err != nil {
		return nil, nil, errors.Join(err, write.Close())
	}
	return write, read, nil
}

// makePrivate has the file there before SQLite makes it, readable by its owner
// alone; the journals inherit that.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Close(), dir.Sync(), dir.Close())
}

func openPool(ctx context.Context, path string, size int, options url.Values) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: abs, RawQuery: options.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func openPostgres(ctx context.Context, address string) (*sql.DB, error) {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(12)
	db.SetMaxIdleConns(6)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
