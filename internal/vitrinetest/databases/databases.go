// Package databases makes databases of a provider's for tests: on the real
// servers that a machine has, with a user who may only read and one who may do
// everything. It imports nothing that it is to test.
package databases

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// The kinds of database.
const (
	Postgres = "postgres"
	MariaDB  = "mariadb"
	SQLite   = "sqlite"
)

// Database is a fresh one, with the connection of somebody who may do
// everything in it.
type Database struct {
	Kind    string
	Admin   *sql.DB
	Address string // a URL of the admin's, or a file
	t       testing.TB
}

// Each runs a test on a fresh database of each kind.
func Each(t *testing.T, f func(t *testing.T, d *Database)) {
	for _, kind := range []string{Postgres, MariaDB, SQLite} {
		t.Run(kind, func(t *testing.T) { f(t, New(t, kind)) })
	}
}

// New makes a database, dropped when the test ends.
func New(t testing.TB, kind string) *Database {
	t.Helper()
	d := &Database{Kind: kind, t: t}
	var err error
	switch kind {
	case Postgres:
		d.Address = need.Postgres(t)
		d.Admin, err = sql.Open("pgx", d.Address)
	case MariaDB:
		d.Address, d.Admin = need.MariaDB(t)
	case SQLite:
		d.Address = filepath.Join(t.TempDir(), "provider.db")
		d.Admin, err = sql.Open("sqlite", d.Address)
	}
	if err != nil {
		t.Fatal(err)
	}
	if kind != MariaDB {
		t.Cleanup(func() { d.Admin.Close() })
	}
	return d
}

// Exec runs statements as the admin.
func (d *Database) Exec(statements ...string) {
	d.t.Helper()
	for _, s := range statements {
		if _, err := d.Admin.Exec(s); err != nil {
			d.t.Fatalf("%s: %s: %v", d.Kind, s, err)
		}
	}
}

// Password is the one of every user that Reader makes.
const Password = "correct horse"

// Reader makes a user who may read every table that is there now and nothing
// else, and returns the address with the user's name; of SQLite, the file.
func (d *Database) Reader() string {
	d.t.Helper()
	name := "reader_" + strings.ToLower(rand.Text())[:12]
	switch d.Kind {
	case Postgres:
		d.Exec("create role "+name+" login password '"+Password+"'", "revoke create on schema public from public", "grant usage on schema public to "+name, "grant select on all tables in schema public to "+name)
		d.t.Cleanup(func() { d.Exec("drop owned by "+name, "drop role "+name) })
	case MariaDB:
		d.Exec("create user "+name+" identified by '"+Password+"'", "grant select on `"+d.name()+"`.* to "+name)
		d.t.Cleanup(func() { d.Exec("drop user " + name) })
	default:
		return d.Address
	}
	return d.as(name)
}

func (d *Database) name() string {
	u, err := url.Parse(d.Address)
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

func (d *Database) as(user string) string {
	u, err := url.Parse(d.Address)
	if err != nil {
		d.t.Fatal(err)
	}
	u.User = url.User(user)
	return u.String()
}

// Type is a column's type in the words of the database.
func (d *Database) Type(postgres, mariadb, sqlite string) string {
	return map[string]string{Postgres: postgres, MariaDB: mariadb, SQLite: sqlite}[d.Kind]
}

// User is the user's name in an address.
func (d *Database) User(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		d.t.Fatal(err)
	}
	return u.User.Username()
}

// Marks are the marks of n bound values.
func (d *Database) Marks(n int) string {
	marks := make([]string, n)
	for i := range marks {
		if marks[i] = "?"; d.Kind == Postgres {
			marks[i] = fmt.Sprintf("$%d", i+1)
		}
	}
	return strings.Join(marks, ", ")
}
