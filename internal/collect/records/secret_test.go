package records

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/databases"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
	"github.com/vitrine-project/vitrine/production"
)

// secret is planted as password, hash and key in every source.
const secret = "SECRET-7f3k"

// shown is a hold that keeps the text of everything that it is given.
type shown struct{ strings.Builder }

func (s *shown) Add(it production.Item, r io.Reader) (production.Item, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return it, err
	}
	it.Size, it.SHA256 = int64(len(b)), vitrine.DigestOf(b)
	s.say(it)
	s.Write(b)
	return it, nil
}

func (s *shown) say(v any) {
	b, err := json.Marshal(v)
	fmt.Fprintln(s, string(b), err)
}

// produce runs a mandate over all categories of alice's and returns every text
// that comes out of it, and how many items were held.
func produce(t *testing.T, s collect.Source, accounts ...vitrine.Account) (text string, in int64, err error) {
	t.Helper()
	period, err := vitrine.NewPeriod(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	scope := vitrine.Scope{Accounts: accounts, Categories: vitrine.Categories, Period: period, Clock: vitrine.ClockReceived}
	var out shown
	out.say(s.Declaration())
	out.say(collect.Describe(s))
	job := collect.Job{
		Mandate: signed.Mandate(t, scope, s.Declaration()), Sources: []collect.Configured{{Source: s, MayWrite: "a test"}}, Hold: &out, Dir: t.TempDir(),
		Now: func() time.Time { return signed.Now }, Progress: func(p collect.Progress) { out.say(p) }, Patience: []time.Duration{},
	}
	col, err := job.Run(t.Context())
	out.say(col)
	for e := err; e != nil; e = errors.Unwrap(e) {
		fmt.Fprintf(&out, "%v %+v %#v\n", e, e, e)
	}
	return out.String(), col.In + col.Undeterminable, err
}

// TestSecretsInTables plants secrets beside what is produced.
func TestSecretsInTables(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		d.Exec("create table users (id bigint primary key, account varchar(40), name varchar(40), made varchar(40), password varchar(40), api_key varchar(40))",
			"insert into users values (1, 'alice', 'Alice', '2026-05-01T00:00:00Z', '"+secret+"', '"+secret+"')",
			"create view everything as select * from users")
		names := map[vitrine.Category][]string{vitrine.Subscriber: {"name", "made"}}
		good := Table{Name: "users", From: "users", Account: "account", Order: []string{"id"}, Times: Times{Time: "made"}, Columns: names, Secret: []string{"password", "api_key"}}
		numbers := Resolve{Kind: "device", From: "users", Account: "account", Value: "name"}
		spoiled := func(f func(*Table)) Table {
			table := good
			f(&table)
			return table
		}
		// These cannot be opened.
		for name, table := range map[string]Table{
			"columns": spoiled(func(b *Table) {
				b.Columns = map[vitrine.Category][]string{vitrine.Subscriber: {"name"}, vitrine.Identity: {"password"}}
			}),
			"order":   spoiled(func(b *Table) { b.Order = []string{"id", "password"} }),
			"account": spoiled(func(b *Table) { b.Account = "api_key" }),
			"time":    spoiled(func(b *Table) { b.Times = Times{Time: "password"} }),
			"since":   spoiled(func(b *Table) { b.Times = Times{Since: "password"} }),
		} {
			if _, err := source(t, d, d.Reader(), []Table{table}); vitrine.ExitCode(err) != 2 {
				t.Errorf("a secret column in %s is taken: %v", name, err)
			}
		}
		// These can, and must show nothing.
		cast := d.Type("cast(password as integer)", "extractvalue(1, concat('~', password))", "json_extract(password, '$.x')")
		for name, c := range map[string]struct {
			table Table
			held  int64
		}{
			"declared":    {good, 1},
			"a view":      {spoiled(func(b *Table) { b.From = "everything" }), 1},
			"FROM text":   {spoiled(func(b *Table) { b.From = "(select * from users) as u" }), 1},
			"not named":   {spoiled(func(b *Table) { b.From, b.Secret = "everything", []string{"password"} }), 0},
			"named wrong": {spoiled(func(b *Table) { b.Secret = []string{"password", "API_KEY"} }), 0},
			"in an error": {spoiled(func(b *Table) {
				b.From = "(select id, account, " + cast + " as name, made from users) as u"
				b.Secret = nil
			}), 0},
			"as a time, in an error": {spoiled(func(b *Table) { b.From = "(select id, account, name, nothing(password) as made from users) as u" }), 0},
		} {
			text, held, err := produce(t, mustSource(t, d, []Table{c.table}, numbers), "alice", "device:Alice")
			if strings.Contains(text, secret) {
				t.Errorf("%s: the secret is shown:\n%s", name, text)
			}
			if held != c.held || (held == 0) != (err != nil) {
				t.Errorf("%s: held %d items, want %d; %v", name, held, c.held, err)
			}
			if held > 0 && !strings.Contains(text, `{"name":"Alice","made":"2026-05-01T00:00:00Z"}`) {
				t.Errorf("%s: the row itself is not shown: %s", name, text)
			}
		}
	})
}

// TestSecretsHidden: of a table whose secret columns the user may not read,
// the others are read. PostgreSQL describes a table without that right.
func TestSecretsHidden(t *testing.T) {
	d := databases.New(t, databases.Postgres)
	reader := d.Reader()
	d.Exec("create table users (id bigint primary key, account text, name text, password text)", "insert into users values (1, 'alice', 'Alice', '"+secret+"')",
		"grant select (id, account, name) on users to "+d.User(reader))
	s, err := source(t, d, reader, []Table{{Name: "users", From: "users", Account: "account", Order: []string{"id"}, Times: Times{Standing: true},
		Columns: map[vitrine.Category][]string{vitrine.Subscriber: {"name"}}, Secret: []string{"password"}}})
	if err != nil {
		t.Fatal(err)
	}
	if text, held, err := produce(t, s, "alice"); held != 1 || err != nil || strings.Contains(text, secret) {
		t.Errorf("held %d, %v", held, err)
	}
}

// TestSecretsInCSV: what is read with the rest of a file is dropped.
func TestSecretsInCSV(t *testing.T) {
	const head = "user,number,at,pin,note\n"
	for name, c := range map[string]struct {
		text string
		held int64
	}{
		"declared":      {head + "alice,+491,2026-05-01T00:00:00Z," + secret + ",note\n", 2},
		"too many":      {head + "alice,+491,2026-05-01T00:00:00Z," + secret + ",note," + secret + "\n", 0},
		"ragged":        {head + "alice,+491,2026-05-01T00:00:00Z,\"" + secret + "\"x,note\n", 0},
		"NUL":           {head + "alice,+491,2026-05-01T00:00:00Z," + secret + "\x00,note\n", 0},
		"without head":  {"alice,+491,2026-05-01T00:00:00Z," + secret + ",note\n", 0},
		"another head":  {"user,number,at," + secret + ",note\n", 0},
		"never closed":  {head + "alice,\"" + secret + strings.Repeat(secret, maxRecord/8), 0},
		"other account": {head + secret + ",+491,2026-05-01T00:00:00Z," + secret + "," + secret + "\n", 0},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "calls.csv"), c.text)
		text, held, _ := produce(t, mustCSV(t, dir, ofAll), "alice")
		if strings.Contains(text, secret) {
			t.Errorf("%s: the secret is shown:\n%.2000s", name, text)
		}
		if held != c.held {
			t.Errorf("%s: held %d items, want %d", name, held, c.held)
		}
	}
	for _, role := range []string{`account = "pin"`, `time = "pin"`, `columns = { traffic = ["pin"] }`} {
		field := strings.Fields(role)[0]
		var lines []string
		for line := range strings.Lines(ofAll) {
			if strings.HasPrefix(line, field+" ") {
				line = role + "\n"
			}
			lines = append(lines, line)
		}
		if _, err := csvSource(t, t.TempDir(), strings.Join(lines, "")); vitrine.ExitCode(err) != 2 {
			t.Errorf("a secret column as %s is taken: %v", role, err)
		}
	}
}
