package query_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/query"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/databases"
)

func open(t *testing.T, d *databases.Database, address string) *query.DB {
	t.Helper()
	var db *query.DB
	var err error
	switch d.Kind {
	case databases.Postgres:
		if !strings.Contains(address, "sslmode") {
			address += "?sslmode=disable"
		}
		db, err = query.Postgres(address, databases.Password)
	case databases.MariaDB:
		password := databases.Password
		if strings.Contains(address, "//root@") {
			password = ""
		}
		db, err = query.MariaDB(address, password, nil)
	case databases.SQLite:
		db, err = query.SQLite(address, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func snapshot(t *testing.T, db *query.DB) *query.Snapshot {
	t.Helper()
	s, err := db.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestExactlyTheAccount plants accounts that a loose comparison takes for one.
func TestExactlyTheAccount(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		d.Exec("create table calls (id bigint primary key, account varchar(100), number varchar(40))")
		others := []string{"alice", "Alice", "alice ", "alic\u00e9", "ali", "alice%", "a_ice", "' or 1=1 --", "12", "012", "12abc", "\u00e4lice"}
		for i, a := range others {
			if _, err := d.Admin.Exec(map[string]string{databases.Postgres: "insert into calls values ($1, $2, 'n')"}[d.Kind]+map[string]string{databases.MariaDB: "insert into calls values (?, ?, 'n')", databases.SQLite: "insert into calls values (?, ?, 'n')"}[d.Kind], i, a); err != nil {
				t.Fatal(err)
			}
		}
		s := snapshot(t, open(t, d, d.Reader()))
		for i, a := range others {
			var ids []string
			table := query.Table{From: "calls", Columns: []string{"id"}, Order: []string{"id"}}
			f := query.Filter{Column: "account", Text: a}
			if err := s.Each(table, f, nil, false, func(r query.Row) error {
				ids = append(ids, r.Values[0].Text)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(ids, []string{fmt.Sprint(i)}) {
				t.Errorf("account %q: want row %d, got %v", a, i, ids)
			}
			if n, err := s.Count(table, f, nil, false); n != 1 || err != nil {
				t.Errorf("account %q: count %d, %v", a, n, err)
			}
		}
	})
}

// TestWholeNumbersAsAccounts: texts that a database would take for the number.
func TestWholeNumbersAsAccounts(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		d.Exec("create table t (id bigint primary key, account bigint)", "insert into t values (1, 12), (2, 9007199254740993), (3, 9007199254740992)")
		s := snapshot(t, open(t, d, d.Reader()))
		for text, want := range map[string]int64{"12": 1, "012": 0, "12abc": 0, " 12": 0, "+12": 0, "12.0": 0, "9007199254740993": 1, "x": 0, "99999999999999999999": 0} {
			n, err := s.Count(query.Table{From: "t", Columns: []string{"id"}, Order: []string{"id"}}, query.Filter{Column: "account", Text: text}, nil, false)
			if n != want || err != nil {
				t.Errorf("%q: want %d, got %d, %v", text, want, n, err)
			}
		}
	})
}

// TestPages reads more rows than a page has, by a key of two columns, from the
// beginning and behind every seventh row, through a key's text.
func TestPages(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		d.Exec("create table t (a varchar(20) not null, b bigint not null, account varchar(20), primary key (a, b))")
		var want []string
		for i := range 1200 {
			want = append(want, fmt.Sprintf("%03d/%d", i/7, i))
		}
		values := make([]string, len(want))
		for i, p := range rand.New(rand.NewPCG(1, 2)).Perm(len(want)) {
			values[i] = fmt.Sprintf("('%03d', %d, 'alice')", p/7, p)
		}
		d.Exec("insert into t values " + strings.Join(values, ", "))
		s := snapshot(t, open(t, d, d.Reader()))
		table := query.Table{From: "t", Columns: []string{"a", "b"}, Order: []string{"a", "b"}}
		f := query.Filter{Column: "account", Text: "alice"}
		var keys []string
		read := func(after query.Key, at bool) (got []string) {
			t.Helper()
			if err := s.Each(table, f, after, at, func(r query.Row) error {
				got = append(got, r.Values[0].Text+"/"+r.Values[1].Text)
				if after == nil {
					keys = append(keys, r.Key.String())
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			return got
		}
		if got := read(nil, false); !slices.Equal(got, want) {
			t.Fatalf("want %d rows in order, got %d: %v", len(want), len(got), got[:min(20, len(got))])
		}
		for i := 0; i < len(want); i += 170 {
			k, err := query.ParseKey(keys[i], 2)
			if err != nil {
				t.Fatal(err)
			}
			if got := read(k, false); !slices.Equal(got, want[i+1:]) {
				t.Errorf("behind row %d: want %d rows, got %d", i, len(want)-i-1, len(got))
			}
			if got := read(k, true); !slices.Equal(got, want[i:]) {
				t.Errorf("from row %d: want %d rows, got %d", i, len(want)-i, len(got))
			}
			if n, err := s.Count(table, f, k, false); n != int64(len(want)-i-1) || err != nil {
				t.Errorf("count behind row %d: %d, %v", i, n, err)
			}
		}
	})
}

// TestSnapshot: what is written while it is read is not seen.
func TestSnapshot(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		if d.Kind == databases.SQLite {
			d.Exec("pragma journal_mode=wal")
		}
		d.Exec("create table t (id bigint primary key, account varchar(20))", "insert into t values (1, 'alice'), (2, 'alice')")
		s := snapshot(t, open(t, d, d.Reader()))
		table, f := query.Table{From: "t", Columns: []string{"id"}, Order: []string{"id"}}, query.Filter{Column: "account", Text: "alice"}
		if n, err := s.Count(table, f, nil, false); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		d.Exec("delete from t where id = 1", "insert into t values (3, 'alice')")
		var got []string
		if err := s.Each(table, f, nil, false, func(r query.Row) error { got = append(got, r.Values[0].Text); return nil }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("want rows 1 and 2, got %v", got)
		}
	})
}

// TestKeysThatAreNone: NULL in a key, and two rows with one key.
func TestKeysThatAreNone(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		d.Exec("create table t (id bigint, account varchar(20))", "insert into t values (1, 'null'), (null, 'null'), (7, 'twice'), (7, 'twice')")
		s := snapshot(t, open(t, d, d.Reader()))
		table := query.Table{From: "t", Columns: []string{"id"}, Order: []string{"id"}}
		if _, err := s.Count(table, query.Filter{Column: "account", Text: "null"}, nil, false); err == nil || !strings.Contains(err.Error(), "NULL in 1 rows") {
			t.Errorf("want NULL refused, got %v", err)
		}
		err := s.Each(table, query.Filter{Column: "account", Text: "twice"}, nil, false, func(query.Row) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "one key") {
			t.Errorf("want one key refused, got %v", err)
		}
	})
}

func TestCancelled(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		d.Exec("create table t (id bigint primary key, account varchar(20))", "insert into t values (1, 'alice'), (2, 'alice')")
		ctx, cancel := context.WithCancel(t.Context())
		s, err := open(t, d, d.Reader()).Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		cancel()
		_, err = s.Count(query.Table{From: "t", Columns: []string{"id"}, Order: []string{"id"}}, query.Filter{Column: "account", Text: "alice"}, nil, false)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("want the context's end, got %v", err)
		}
	})
}

// TestProbe: a reader writes nothing, an admin does, and one right more shows.
func TestProbe(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		if d.Kind == databases.SQLite {
			t.Skip("not of this kind: the file system says who writes")
		}
		d.Exec("create table t (id bigint primary key, account varchar(20))")
		probe := func(address string) query.Access {
			t.Helper()
			a, err := open(t, d, address).Probe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		reader := d.Reader()
		if a := probe(reader); a.Writes != "" || a.Shown == "" {
			t.Errorf("a reader is said to write: %+v", a)
		}
		if a := probe(d.Address); a.Writes == "" {
			t.Errorf("an admin is said to read only: %+v", a)
		}
		for _, right := range map[string][]string{
			databases.Postgres: {"insert on t", "update (account) on t", "truncate on t", "create on schema public"},
			databases.MariaDB:  {"insert on t", "update (account) on t", "drop on t", "execute on *", "create on *", "create temporary tables on *"},
		}[d.Kind] {
			user := d.User(reader)
			d.Exec("grant " + right + " to " + user)
			if a := probe(reader); a.Writes == "" || strings.Contains(a.Writes, "understood") {
				t.Errorf("%s is not seen: %+v", right, a)
			}
			d.Exec("revoke " + right + " from " + user)
		}
		if a := probe(reader); a.Writes != "" {
			t.Errorf("a reader again is said to write: %+v", a)
		}
	})
}

// TestSilentServer: a server that says nothing any more, at any byte, is given
// up in time, as something to be tried again.
func TestSilentServer(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		if d.Kind == databases.SQLite {
			t.Skip("not of this kind: there is no server")
		}
		d.Exec("create table t (id bigint primary key, account varchar(20))", "insert into t values (1, 'alice'), (2, 'alice')")
		proxy, address := databases.Through(t, d.Reader())
		ask := func() error {
			db := open(t, d, address)
			db.Hush(400 * time.Millisecond)
			s, err := db.Snapshot(t.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			return s.Each(query.Table{From: "t", Columns: []string{"id"}, Order: []string{"id"}}, query.Filter{Column: "account", Text: "alice"}, nil, false, func(query.Row) error { return nil })
		}
		proxy.FailOnce(-1, false)
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		total := proxy.Passed()
		for after := int64(0); after < total-20; after += total / 6 {
			proxy.FailOnce(after, true)
			began := time.Now()
			err := ask()
			var broken *query.Broken
			if !errors.As(err, &broken) || time.Since(began) > 10*time.Second {
				t.Errorf("silent behind byte %d of %d: %v after %v", after, total, err, time.Since(began))
			}
		}
	})
}
