package records

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/databases"
)

// source opens tables of a database, as its reader.
func source(t testing.TB, d *databases.Database, address string, list []Table, resolves ...Resolve) (collect.Source, error) {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte(databases.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(address, "//root@") || strings.Contains(address, "//vitrine@") {
		secret = "" // the admin
	}
	same := func(p string) string { return p }
	var s collect.Source
	var err error
	switch d.Kind {
	case databases.Postgres:
		if !strings.Contains(address, "sslmode") {
			address += "?sslmode=disable"
		}
		s, err = Postgres{URL: address, Password: secret, Tables: list, Resolve: resolves}.Open("records", same)
	case databases.MariaDB:
		s, err = MariaDB{URL: address, Password: secret, Tables: list, Resolve: resolves}.Open("records", same)
	default:
		s, err = SQLite{Path: address, Tables: list, Resolve: resolves}.Open("records", same)
	}
	if err == nil {
		t.Cleanup(func() { s.(*tables).db.Close() })
	}
	return s, err
}

func mustSource(t *testing.T, d *databases.Database, tables []Table, resolves ...Resolve) collect.Source {
	t.Helper()
	s, err := source(t, d, d.Reader(), tables, resolves...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// got is an item with its bytes.
type got struct {
	collect.Item
	body string
}

// all enumerates all items of an account and opens each from within.
func all(t *testing.T, s collect.Source, a vitrine.Account) map[string][]got {
	t.Helper()
	containers, err := s.Inventory(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]got{}
	for _, c := range containers {
		items, err := enumerate(t, s, c, "")
		if err != nil {
			t.Fatal(err)
		}
		if c.Count != collect.NoCount && c.Count != int64(len(items)) {
			t.Errorf("%s: the store counts %d and lists %d", c.Name, c.Count, len(items))
		}
		found[c.Name] = items
		if state, err := s.Close(t.Context(), c); state != c.State || err != nil {
			t.Errorf("%s: state %q became %q, %v", c.Name, c.State, state, err)
		}
	}
	return found
}

func enumerate(t *testing.T, s collect.Source, c collect.Container, after string) (items []got, err error) {
	t.Helper()
	err = s.Enumerate(t.Context(), c, after, func(it collect.Item) error {
		if it.Unreadable != "" {
			items = append(items, got{it, ""})
			return nil
		}
		body, err := read(t, s, c, it, 0)
		if int64(len(body)) != it.Size || !it.SHA256.IsZero() && vitrine.DigestOf([]byte(body)) != it.SHA256 {
			t.Errorf("%s: the bytes are not those of the evidence: %q", it.Name, body)
		}
		items = append(items, got{it, body})
		return err
	})
	return items, err
}

func read(t *testing.T, s collect.Source, c collect.Container, it collect.Item, offset int64) (string, error) {
	t.Helper()
	r, err := s.Open(t.Context(), c, it, offset)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

// typed is a column with one value, and how the form writes it.
type typed struct {
	kinds            string // of database, their first letters
	column, sql, row string
}

// cells are values of every type, with the text that spec/production.md gives
// them. What a database stores otherwise than it was told is left to it.
var cells = []typed{
	{"pm", "bigint", "-9223372036854775808", "-9223372036854775808"},
	{"s", "integer", "9223372036854775807", "9223372036854775807"},
	{"m", "bigint unsigned", "18446744073709551615", "18446744073709551615"},
	{"p", "numeric", "12345678901234567890.12345678901234567890", `"12345678901234567890.12345678901234567890"`},
	{"pm", "numeric(8,3)", "1.5", `"1.500"`},
	{"p", "numeric", "'NaN'", `"NaN"`},
	{"p", "double precision", "0.1", `"0.1"`},
	{"m", "double", "0.1", `"0.1"`},
	{"m", "float", "0.1", `"0.1"`},
	{"s", "real", "0.1", `"0.1"`},
	{"p", "double precision", "'-Infinity'", `"-Infinity"`},
	{"p", "boolean", "true", "true"},
	{"m", "boolean", "true", "1"},
	{"pms", "text", "'caf\u00e9 \u263a <&>'", `"café ☺ \u003c\u0026\u003e"`},
	{"pms", "varchar(10)", "''", `""`},
	{"pms", "varchar(10)", "null", "null"},
	{"m", "varchar(9) character set latin1", "'caf\u00e9'", `"café"`},
	{"s", "text", "cast(x'61ff' as text)", `{"base64":"Yf8="}`},
	{"p", "bytea", `'\x00ff'`, `{"base64":"AP8="}`},
	{"m", "blob", "x'00ff'", `{"base64":"AP8="}`},
	{"m", "varbinary(4)", "x'00ff'", `{"base64":"AP8="}`},
	{"s", "blob", "x'00ff'", `{"base64":"AP8="}`},
	{"p", "timestamptz", "'2026-03-01 13:00:00.25+01'", `"2026-03-01T12:00:00.250000Z"`},
	{"p", "timestamptz(3)", "'2026-03-01 12:00:00.25+00'", `"2026-03-01T12:00:00.250Z"`},
	{"p", "timestamptz(0)", "'2026-03-01 12:00:00+00'", `"2026-03-01T12:00:00Z"`},
	{"p", "timestamptz", "'infinity'", `"infinity"`},
	{"p", "timestamp", "'2026-03-01 12:00:00'", `"2026-03-01T12:00:00.000000"`},
	{"m", "datetime", "'2026-03-01 12:00:00'", `"2026-03-01T12:00:00"`},
	{"m", "datetime(6)", "'2026-03-01 12:00:00.25'", `"2026-03-01T12:00:00.250000"`},
	{"m", "timestamp(3) null", "'2026-03-01 12:00:00.25'", `"2026-03-01T12:00:00.250Z"`},
	{"m", "timestamp null", "'0000-00-00 00:00:00'", `"0000-00-00 00:00:00"`},
	{"m", "date", "'0000-00-00'", `"0000-00-00"`},
	{"s", "datetime", "'2026-03-01 12:00:00'", `"2026-03-01 12:00:00"`},
	{"s", "boolean", "1", "1"},
	{"pm", "date", "'2026-03-01'", `"2026-03-01"`},
	{"p", "date", "'0044-03-15 BC'", `"0044-03-15 BC"`},
	{"p", "uuid", "'00112233-4455-6677-8899-aabbccddeeff'", `"00112233-4455-6677-8899-aabbccddeeff"`},
	{"p", "inet", "'192.0.2.7'", `"192.0.2.7/32"`},
	{"p", "jsonb", `'{"a": [1, 2]}'`, `"{\"a\": [1, 2]}"`},
	{"p", "text[]", "array['a', 'b']", `"{a,b}"`},
	{"p", "interval", "'1 day 2 hours'", `"P1DT2H"`},
	{"m", "enum('a','b')", "'b'", `"b"`},
	{"m", "time", "'-838:59:59'", `"-838:59:59"`},
	{"m", "year", "2026", "2026"},
}

// TestEveryType reads one value of every type.
func TestEveryType(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		var columns, values, names, want []string
		for i, c := range cells {
			if !strings.Contains(c.kinds, d.Kind[:1]) {
				continue
			}
			name := fmt.Sprintf("c%d", i)
			names, columns, values = append(names, name), append(columns, name+" "+c.column), append(values, c.sql)
			want = append(want, fmt.Sprintf("%q:%s", name, c.row))
		}
		if d.Kind == databases.MariaDB {
			d.Admin.SetMaxOpenConns(1) // so that this is said to the connection that inserts
			d.Exec("set time_zone = '+00:00', sql_mode = ''")
		}
		d.Exec("create table things (id bigint primary key, account varchar(20), "+strings.Join(columns, ", ")+")", "insert into things values (1, 'alice', "+strings.Join(values, ", ")+")")
		s := mustSource(t, d, []Table{{Name: "things", From: "things", Account: "account", Order: []string{"id"}, Times: Times{Standing: true},
			Columns: map[vitrine.Category][]string{vitrine.Subscriber: names}}})
		items := all(t, s, "alice")["things"]
		if len(items) != 1 {
			t.Fatalf("want one item, got %d", len(items))
		}
		if body := "{" + strings.Join(want, ",") + "}"; items[0].body != body {
			t.Errorf("want %s\n got %s", body, items[0].body)
		}
		if !json.Valid([]byte(items[0].body)) {
			t.Error("that is no JSON")
		}
	})
}

// TestCategories: each category's item has its columns and no others, and a key
// shows only where it is of the category or of none.
func TestCategories(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		d.Exec("create table calls (id bigint, number varchar(20), account varchar(20), at bigint, text varchar(20), primary key (id, number))",
			"insert into calls values (7, '+49301', 'alice', 1772366400, 'hello'), (8, '+49302', 'bob', 1772366400, 'bob'), (9, '+49303', 'alice', null, 'x')")
		s := mustSource(t, d, []Table{{Name: "calls", From: "calls", Account: "account", Order: []string{"id", "number"}, Times: Times{Time: "at", Unit: "s"},
			Columns: map[vitrine.Category][]string{vitrine.Traffic: {"number", "at"}, vitrine.Content: {"text"}}}})
		var lines []string
		for _, it := range all(t, s, "alice")["calls"] {
			lines = append(lines, fmt.Sprint(it.Category, " ", it.body, " ", it.Extra["key"], " ", it.Received.Rule))
		}
		want := []string{
			`traffic {"number":"+49301","at":1772366400} {"id":7,"number":"+49301"} column-unix`, `content {"text":"hello"} {"id":7} column-unix`,
			`traffic {"number":"+49303","at":null} {"id":9,"number":"+49303"} column-null`, `content {"text":"x"} {"id":9} column-null`,
		}
		if !slices.Equal(lines, want) {
			t.Errorf("want\n%s\ngot\n%s", strings.Join(want, "\n"), strings.Join(lines, "\n"))
		}
		if cs, err := s.Inventory(t.Context(), "carol"); len(cs) != 0 || err != nil {
			t.Errorf("an account that nobody knows has %v, %v", cs, err)
		}
	})
}

// TestResumeAnywhere goes on behind each item and finds exactly the rest.
func TestResumeAnywhere(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		d.Exec("create table t (k varchar(20) primary key, account varchar(20), a varchar(20), b varchar(20))")
		for i := range 9 {
			d.Exec(fmt.Sprintf("insert into t values ('k.%d:é', 'alice', 'a%d', 'b%d')", i*7%9, i, i))
		}
		s := mustSource(t, d, []Table{{Name: "t", From: "t", Account: "account", Order: []string{"k"}, Times: Times{Standing: true},
			Columns: map[vitrine.Category][]string{vitrine.Subscriber: {"a"}, vitrine.Content: {"b"}}}})
		cs, err := s.Inventory(t.Context(), "alice")
		if err != nil || len(cs) != 1 {
			t.Fatal(cs, err)
		}
		whole, err := enumerate(t, s, cs[0], "")
		if err != nil || len(whole) != 18 {
			t.Fatal(len(whole), err)
		}
		for i, it := range whole {
			rest, err := enumerate(t, s, cs[0], it.Position)
			if err != nil || !slices.EqualFunc(rest, whole[i+1:], func(a, b got) bool { return a.Identity == b.Identity && a.body == b.body }) {
				t.Errorf("behind item %d: %d items, %v", i, len(rest), err)
			}
			if body, err := read(t, s, cs[0], it.Item, 3); body != it.body[3:] || err != nil {
				t.Errorf("item %d opened later: %q, %v", i, body, err)
			}
		}
		d.Exec("delete from t where k = 'k.0:é'", "update t set a = 'other' where k = 'k.1:é'")
		if _, err := read(t, s, cs[0], whole[0].Item, 0); err != collect.ErrVanished {
			t.Errorf("a row that is gone: %v", err)
		}
		if _, err := read(t, s, cs[0], whole[2].Item, 0); err == nil || !strings.Contains(err.Error(), "changed") {
			t.Errorf("a row that changed: %v", err)
		}
		if state, err := s.Close(t.Context(), cs[0]); state == cs[0].State || err != nil {
			t.Errorf("the state is still %q, %v", state, err)
		}
	})
}

// TestUndeclaredColumn: a column of which nobody said what it is stops the run.
func TestUndeclaredColumn(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		d.Exec("create table t (id bigint primary key, account varchar(20), name varchar(20))", "insert into t values (1, 'alice', 'A')")
		table := Table{Name: "t", From: "t", Account: "account", Order: []string{"id"}, Times: Times{Standing: true}, Columns: map[vitrine.Category][]string{vitrine.Subscriber: {"name"}}}
		s := mustSource(t, d, []Table{table})
		cs, err := s.Inventory(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		d.Exec("alter table t add column shoe varchar(5)")
		for what, ask := range map[string]func() error{
			"inventory": func() error { _, err := s.Inventory(t.Context(), "alice"); return err },
			"enumerate": func() error { _, err := enumerate(t, s, cs[0], ""); return err },
		} {
			if err := ask(); err == nil || !strings.Contains(err.Error(), `"shoe"`) || vitrine.ExitCode(err) != 1 {
				t.Errorf("%s: want the column named, got %v", what, err)
			}
		}
	})
}

// TestTimes reads when rows were made, and how long they held true, from the
// columns of each database.
func TestTimes(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		d.Exec("create table names (id bigint primary key, account varchar(20), name varchar(20), since " + d.Type("timestamp", "datetime(6)", "text") + ", until " + d.Type("timestamp", "datetime(6)", "text") + ")")
		rows := []string{
			"(1, 'alice', 'a', '2026-01-01 00:00:00', '2026-07-01 00:00:00.5')", "(2, 'alice', 'b', '2026-07-01 00:00:00.5', null)", "(3, 'alice', 'c', null, null)",
			"(4, 'alice', 'd', '2026-10-25 02:30:00', '2026-10-25 02:30:00')", "(5, 'alice', 'e', '2026-07-01 00:00:00', '2026-06-01 00:00:00')",
		}
		want := []string{
			"2025-12-31T23:00:00Z 2026-06-30T22:00:00.5Z ", "2026-06-30T22:00:00.5Z  ", "  ",
			"2026-10-25T00:30:00Z 2026-10-25T01:30:00Z ", "  it ends before it begins",
		}
		if d.Kind == databases.Postgres {
			rows, want = append(rows, "(6, 'alice', 'f', '-infinity', 'infinity')", "(7, 'alice', 'g', 'infinity', null)"), append(want, "  ", "  how long it held true cannot be read")
		}
		d.Exec("insert into names values " + strings.Join(rows, ", "))
		s := mustSource(t, d, []Table{{Name: "names", From: "names", Account: "account", Order: []string{"id"}, Times: Times{Since: "since", Until: "until", Zone: "Europe/Berlin"},
			Columns: map[vitrine.Category][]string{vitrine.Subscriber: {"name"}}}})
		var got []string
		for _, it := range all(t, s, "alice")["names"] {
			got = append(got, strings.Join([]string{stamp(it.Received.From), stamp(it.Received.To), it.Uncertain}, " "))
			if !it.Lasting || it.Received.Rule != "column-since-until" {
				t.Errorf("%+v", it.Item)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("want\n%s\ngot\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
		if d.Kind == databases.SQLite {
			return
		}
		for _, spoil := range []func(*Times){func(t *Times) { t.Zone = "" }, func(t *Times) { *t = Times{Time: "id"} }} {
			times := Times{Since: "since", Until: "until", Zone: "Europe/Berlin"}
			spoil(&times)
			s := mustSource(t, d, []Table{{Name: "names", From: "names", Account: "account", Order: []string{"id"}, Times: times,
				Columns: map[vitrine.Category][]string{vitrine.Subscriber: {"name", "since", "until"}}}})
			if _, err := s.Inventory(t.Context(), "alice"); vitrine.ExitCode(err) != 1 || !strings.Contains(err.Error(), "say") {
				t.Errorf("%+v is taken: %v", times, err)
			}
		}
	})
}
