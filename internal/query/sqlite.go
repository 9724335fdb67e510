package query

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"modernc.org/sqlite"

	"github.com/vitrine-project/vitrine"
)

// SQLite returns the database in a file. still says that nobody writes it: then
// not even a lock is taken. A journal beside the file means that somebody does,
// or died while writing, and is never ignored.
func SQLite(path string, still bool) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find database: %w", err)
	}
	if st, err := os.Stat(abs); err != nil || !st.Mode().IsRegular() {
		return nil, vitrine.Refusef(vitrine.Usage, "path: %s is no file that can be read: name the database's file", path)
	}
	options := url.Values{"mode": {"ro"}, "_pragma": {"query_only(1)", "busy_timeout(" + strconv.FormatInt(lockWaiting.Milliseconds(), 10) + ")", "trusted_schema(0)", "cell_size_check(1)"}}
	if still && !pending(abs) {
		options.Set("immutable", "1")
	}
	pool, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: abs, RawQuery: options.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return open(pool, lite{}), nil
}

// pending reports whether a journal of the database holds anything.
func pending(path string) bool {
	for _, suffix := range []string{"-wal", "-journal"} {
		if st, err := os.Stat(path + suffix); err == nil && st.Size() > 0 {
			return true
		}
	}
	return false
}

// lite is the dialect of SQLite, in which each value has a kind of its own.
type lite struct{}

func (lite) quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (lite) mark(int) string { return "?" }

func (lite) begin() *sql.TxOptions { return nil }

// picked hides the declared type from the driver, which would make times and
// booleans of texts and numbers; + changes no value.
func (l lite) picked(c Column) string { return "+" + l.quote(c.Name) }

func (lite) value(_ Column, v any) (Value, error) {
	switch v := v.(type) {
	case nil:
		return Value{Kind: Null}, nil
	case int64:
		return Value{Kind: Integer, Text: strconv.FormatInt(v, 10)}, nil
	case float64:
		return Value{Kind: Decimal, Text: strconv.FormatFloat(v, 'g', -1, 64)}, nil
	case string:
		return Value{Kind: Text, Text: v}, nil
	case []byte:
		return Value{Kind: Bytes, Text: string(v)}, nil
	}
	return Value{}, fmt.Errorf("value of type %T", v)
}

func (lite) orders(Column) bool { return true }

func (lite) bound(v Value) (any, error) {
	switch v.Kind {
	case Integer:
		return strconv.ParseInt(v.Text, 10, 64)
	case Decimal:
		return strconv.ParseFloat(v.Text, 64)
	case Bytes:
		return []byte(v.Text), nil
	}
	return v.Text, nil
}

func (l lite) matching(s *statement, c Column, text string, fold bool) (string, error) {
	name := l.quote(c.Name)
	if fold {
		return "lower(CAST(" + name + " AS TEXT)) COLLATE BINARY = lower(" + s.bind(text) + ")", nil
	}
	exact := "CAST(" + name + " AS TEXT) COLLATE BINARY = " + s.bind(text)
	for _, affinity := range []string{"CHAR", "CLOB", "TEXT"} { // an index serves the looser comparison
		if strings.Contains(strings.ToUpper(c.Type), affinity) {
			return "(" + name + " = " + s.bind(text) + " AND " + exact + ")", nil
		}
	}
	return exact, nil
}

func (lite) behind(s *statement, order []string, key []any, at bool) string {
	return postgres{}.behind(s, order, key, at)
}

func (lite) describe(ctx context.Context, conn *sql.Conn, relation string) ([]Column, error) {
	types, err := describe(ctx, conn, relation)
	var columns []Column
	for _, t := range types {
		columns = append(columns, Column{Name: t.Name(), Kind: Dynamic, Type: t.DatabaseTypeName()})
	}
	return columns, err
}

// The primary result codes of SQLite that are told apart.
const (
	liteError, liteBusy, liteLocked, liteCorrupt, liteCannotOpen, liteNotADatabase = 1, 5, 6, 11, 14, 26
)

func (lite) fault(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return unknown(err)
	}
	code := e.Code() & 0xff
	switch code {
	case liteBusy, liteLocked:
		return &Broken{fmt.Errorf("the database is busy (code %d)", e.Code())}
	case liteCannotOpen, liteCorrupt, liteNotADatabase:
		return vitrine.Refusef(vitrine.Failed, "the database cannot be read (code %d): if it is in use and lies where nothing can be written, collect from a copy made by sqlite3's .backup; if it is damaged, restore it", e.Code())
	}
	return said(fmt.Sprintf("code %d", e.Code()), e.Error(), code == liteError)
}

// probe leaves the answer to the file system.
func (lite) probe(context.Context, *sql.Conn) (Access, error) {
	return Access{Writes: "the file, as far as its mount lets it be written", Shown: "nothing: SQLite has no users"}, nil
}
