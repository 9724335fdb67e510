package records

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/query"
)

// The kinds of source.
const (
	KindPostgres = "postgres"
	KindMariaDB  = "mariadb"
	KindSQLite   = "sqlite"
	KindCSV      = "csv"
)

// maxTables is how many tables a source may declare.
const maxTables = 64

// Postgres is a source of tables in PostgreSQL.
type Postgres struct {
	URL      string    `toml:"url"`      // postgres://user@host/database?sslmode=verify-full, without a password; who administers that host is trusted
	Password string    `toml:"password"` // the file that holds the password, "" for none; whoever reads it reads what the user may
	Tables   []Table   `toml:"table"`    // what is read; whoever writes the declarations is trusted to name each column's category
	Resolve  []Resolve `toml:"resolve"`  // what leads from an identifier to an account; whoever writes them is trusted with whose data is produced
}

// MariaDB is a source of tables in MariaDB.
type MariaDB struct {
	URL       string    `toml:"url"`       // mariadb://user@host/database, without a password; who administers that host is trusted
	Password  string    `toml:"password"`  // the file that holds the password, "" for none; whoever reads it reads what the user may
	Authority string    `toml:"authority"` // the PEM file of the authority that signed the server's certificate, "" for the system's; it is trusted to name the server
	Tables    []Table   `toml:"table"`     // what is read; whoever writes the declarations is trusted to name each column's category
	Resolve   []Resolve `toml:"resolve"`   // what leads from an identifier to an account; whoever writes them is trusted with whose data is produced
}

// SQLite is a source of tables in an SQLite file.
type SQLite struct {
	Path    string    `toml:"path"`    // the database's file; whoever writes it is trusted
	Tables  []Table   `toml:"table"`   // what is read; whoever writes the declarations is trusted to name each column's category
	Resolve []Resolve `toml:"resolve"` // what leads from an identifier to an account; whoever writes them is trusted with whose data is produced
}

// Table declares one table: what of it is read, and as what.
type Table struct {
	Name    string                        `toml:"name"`    // of the container, such as customers; shown to the authority
	From    string                        `toml:"from"`    // a table's or view's name, or SQL that may stand behind FROM; its author is trusted
	Account string                        `toml:"account"` // the column that is compared whole with the account
	Order   []string                      `toml:"order"`   // columns that together are unique and never NULL, best the primary key
	Times                                 // when a row was made, or how long it held true
	Columns map[vitrine.Category][]string `toml:"columns"` // for each category the columns that it reaches, in the order in which they are written
	Secret  []string                      `toml:"secret"`  // columns that hold a password, a hash or a key: they are never selected
}

// Times declares which columns say when. One of time, since or until, and
// standing is given.
type Times struct {
	Time     string `toml:"time"`     // the column that says when the row was made
	Since    string `toml:"since"`    // the column from which on the row held true; NULL: always
	Until    string `toml:"until"`    // the column up to which it did, that instant included; NULL: still
	Standing bool   `toml:"standing"` // the row says nothing of time and holds true at any
	Zone     string `toml:"zone"`     // the IANA zone of columns without one, such as Europe/Berlin
	Unit     string `toml:"unit"`     // of whole numbers since 1970: "s" or "ms"
}

// columns are those that say when.
func (t Times) columns() []string {
	return slices.DeleteFunc([]string{t.Time, t.Since, t.Until}, func(c string) bool { return c == "" })
}

func (t Times) check() error {
	lasting := t.Since != "" || t.Until != ""
	if n := count(t.Time != "", lasting, t.Standing); n != 1 {
		return fmt.Errorf("want one of time (when a row was made), since and until (how long it held true), and standing = true")
	}
	if t.Zone != "" {
		if _, err := vitrine.LoadZone(t.Zone); err != nil {
			return err
		}
	}
	if t.Unit != "" && t.Unit != "s" && t.Unit != "ms" {
		return fmt.Errorf(`unit %q is not known: want "s" or "ms"`, t.Unit)
	}
	return nil
}

// location is the declared zone, nil if none is.
func (t Times) location() *time.Location {
	if t.Zone == "" {
		return nil
	}
	zone, err := vitrine.LoadZone(t.Zone)
	if err != nil {
		return nil // check refused it
	}
	return zone
}

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

// categories lists the categories of which the table holds anything.
func (t Table) categories() []vitrine.Category {
	return slices.DeleteFunc(slices.Clone(vitrine.Categories), func(c vitrine.Category) bool { return len(t.Columns[c]) == 0 })
}

// read lists all columns that are read, each once, in a fixed order.
func (t Table) read() []string {
	var names []string
	for _, c := range t.categories() {
		names = append(names, t.Columns[c]...)
	}
	names = append(names, t.Times.columns()...)
	var once []string
	for _, n := range names {
		if !slices.Contains(once, n) {
			once = append(once, n)
		}
	}
	return once
}

// check refuses a declaration that contradicts itself.
func (t Table) check(ordered bool) error {
	if _, err := vitrine.ParseName(t.Name); err != nil {
		return err
	}
	if ordered {
		if err := query.CheckFrom(t.From); err != nil {
			return err
		}
		if len(t.Order) == 0 {
			return fmt.Errorf("order is empty: name the columns of the primary key, by which rows are told apart")
		}
		if t.Account == "" {
			return fmt.Errorf("account is empty: name the column that holds the account")
		}
	}
	if err := t.Times.check(); err != nil {
		return err
	}
	if len(t.categories()) == 0 {
		return fmt.Errorf(`columns is empty: name for each category its columns, as in columns = { subscriber = ["name"] }`)
	}
	for c, names := range t.Columns {
		if _, err := vitrine.ParseCategory(string(c)); err != nil {
			return err
		}
		if twice(names) != "" || slices.Contains(names, "") {
			return fmt.Errorf("columns of %s: %q stands there twice, or is empty", c, twice(names))
		}
	}
	for _, name := range slices.Concat(t.read(), t.Order, []string{t.Account}) {
		if slices.Contains(t.Secret, name) {
			return fmt.Errorf("column %q is declared secret and is to be read too: a password, hash or key is never produced; take it out of the one list or the other", name)
		}
	}
	return nil
}

// twice is the first name that occurs a second time.
func twice(names []string) string {
	for i, n := range names {
		if slices.Contains(names[:i], n) {
			return n
		}
	}
	return ""
}

// checkTables refuses declarations that contradict themselves or each other.
func checkTables(source string, tables []Table, ordered bool) error {
	if len(tables) > maxTables {
		return vitrine.Refusef(vitrine.Usage, "source %q declares %d tables: at most %d; make two sources of it", source, len(tables), maxTables)
	}
	names := map[string]bool{}
	for _, t := range tables {
		if err := t.check(ordered); err != nil {
			return vitrine.Refusef(vitrine.Usage, "source %q, table %q: %v", source, t.Name, err)
		}
		if names[t.Name] {
			return vitrine.Refusef(vitrine.Usage, "source %q declares table %q twice", source, t.Name)
		}
		names[t.Name] = true
	}
	return nil
}

// holds lists the categories that any of the tables has.
func holds(tables []Table) []vitrine.Category {
	all := map[vitrine.Category]bool{}
	for _, t := range tables {
		for _, c := range t.categories() {
			all[c] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(vitrine.Categories), func(c vitrine.Category) bool { return !all[c] })
}

// declared is what the mandate's statement says of a source: where it is, and a
// digest of all that is declared.
func declared(name, kind, where string, config any) (vitrine.Source, error) {
	b, err := json.Marshal(config)
	if err != nil {
		return vitrine.Source{}, fmt.Errorf("write declaration: %w", err)
	}
	sum := sha256.Sum256(b)
	s := vitrine.Source{Name: name, Kind: kind, Path: where + "#" + hex.EncodeToString(sum[:8])}
	if err := vitrine.Plain("path", s.Path); err != nil {
		return s, vitrine.Refusef(vitrine.Usage, "source %q: %v", name, err)
	}
	return s, nil
}

// Open returns the source that c declares.
func (c Postgres) Open(name string, resolve func(path string) string) (collect.Source, error) {
	password, err := password(c.Password, resolve)
	if err != nil {
		return nil, err
	}
	db, err := query.Postgres(c.URL, password)
	if err != nil {
		return nil, inSource(name, err)
	}
	c.Password = ""
	return newTables(name, KindPostgres, c.URL, c, db, c.Tables, c.Resolve)
}

// Open returns the source that c declares.
func (c MariaDB) Open(name string, resolve func(path string) string) (collect.Source, error) {
	password, err := password(c.Password, resolve)
	if err != nil {
		return nil, err
	}
	var authority []byte
	if c.Authority != "" {
		if authority, err = os.ReadFile(resolve(c.Authority)); err != nil {
			return nil, vitrine.Refusef(vitrine.Usage, "source %q: authority cannot be read: %v", name, err)
		}
	}
	db, err := query.MariaDB(c.URL, password, authority)
	if err != nil {
		return nil, inSource(name, err)
	}
	c.Password, c.Authority = "", vitrine.DigestOf(authority).String()
	return newTables(name, KindMariaDB, c.URL, c, db, c.Tables, c.Resolve)
}

// Open returns the source that c declares.
func (c SQLite) Open(name string, resolve func(path string) string) (collect.Source, error) {
	c.Path = filepath.Clean(resolve(c.Path))
	access, err := collect.Mounted(filepath.Dir(c.Path))
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: path: %v", name, err)
	}
	db, err := query.SQLite(c.Path, access.Writes == "")
	if err != nil {
		return nil, inSource(name, err)
	}
	s, err := newTables(name, KindSQLite, (&url.URL{Path: c.Path}).EscapedPath(), c, db, c.Tables, c.Resolve)
	if err != nil {
		return nil, err
	}
	s.(*tables).file = c.Path
	return s, nil
}

func password(path string, resolve func(string) string) (string, error) {
	if path == "" {
		return "", nil
	}
	return collect.Secret(resolve(path))
}

func inSource(name string, err error) error {
	return vitrine.Refusef(vitrine.Usage, "source %q: %v", name, err)
}

func newTables(name, kind, where string, config any, db *query.DB, list []Table, resolves []Resolve) (collect.Source, error) {
	if len(list) == 0 && len(resolves) == 0 {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q declares no table: add [[source.%s.table]]", name, kind)
	}
	if err := checkTables(name, list, true); err != nil {
		return nil, err
	}
	for _, r := range resolves {
		if err := r.check(); err != nil {
			return nil, vitrine.Refusef(vitrine.Usage, "source %q, resolve %q: %v", name, r.Kind, err)
		}
	}
	d, err := declared(name, kind, where, config)
	if err != nil {
		return nil, err
	}
	return &tables{declaration: d, db: db, tables: list, resolves: resolves}, nil
}

// known lists every column that a table's declaration names.
func (t Table) known() map[string]bool {
	known := map[string]bool{}
	for names := range maps.Values(t.Columns) {
		for _, n := range names {
			known[n] = true
		}
	}
	for _, n := range slices.Concat(t.Order, t.Secret, t.Times.columns(), []string{t.Account}) {
		known[n] = true
	}
	delete(known, "")
	return known
}

// agree compares what a store has with what is declared: a column of which
// nobody said what it is stops the run. Where
// the store hides columns, a secret one may be missing.
func (t Table) agree(stored []string, hides bool) error {
	known := t.known()
	for _, name := range stored {
		if !known[name] {
			return vitrine.Refusef(vitrine.Failed, "table %q has the column %q, and no declaration says what it holds: nothing was read; add it to columns under its category, or to secret if it holds a password, a hash or a key", t.Name, name)
		}
	}
	if name := twice(stored); name != "" {
		return vitrine.Refusef(vitrine.Failed, "table %q has two columns %q: give them different names in a view", t.Name, name)
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if !slices.Contains(stored, name) && !(hides && slices.Contains(t.Secret, name)) {
			return vitrine.Refusef(vitrine.Failed, "table %q has no column %q, which is declared: nothing was read; correct the declaration", t.Name, name)
		}
	}
	return nil
}
