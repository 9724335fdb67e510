package query_test

import (
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/query"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/databases"
)

// TestProbeRoles: rights that come by a detour are seen.
func TestProbeRoles(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		if d.Kind == databases.SQLite {
			t.Skip("not of this kind: there are no roles")
		}
		d.Exec("create table t (id bigint primary key, account varchar(20))", "create table u (id bigint primary key)")
		reader := d.Reader()
		user := d.User(reader)
		inner, outer := "inner_"+user, "outer_"+user
		d.Exec("create role "+inner, "create role "+outer, "grant "+inner+" to "+outer, "grant "+outer+" to "+user)
		t.Cleanup(func() {
			if d.Kind == databases.Postgres {
				d.Exec("drop owned by " + inner + ", " + outer)
			}
			d.Exec("drop role "+inner, "drop role "+outer)
		})
		for name, c := range map[string]struct{ kind, give, take string }{
			"a role's role":      {"", "grant insert on t to " + inner, "revoke insert on t from " + inner},
			"a role's ownership": {databases.Postgres, "alter table u owner to " + inner, "alter table u owner to vitrine"},
			"a sequence":         {databases.Postgres, "create sequence s; grant usage on sequence s to " + user, "drop sequence s"},
			"an owner's function": {databases.Postgres, "create function f() returns void language sql security definer as 'insert into t values (9, null)'",
				"drop function f()"},
			"everybody's":         {"", "grant insert on t to public", "revoke insert on t from public"},
			"a predefined role":   {databases.Postgres, "grant pg_write_all_data to " + user, "revoke pg_write_all_data from " + user},
			"making roles":        {databases.Postgres, "alter role " + inner + " createrole", "alter role " + inner + " nocreaterole"},
			"another's object":    {databases.Postgres, "select lo_from_bytea(4711, ''); grant update on large object 4711 to public", "select lo_unlink(4711)"},
			"handing rights on":   {databases.MariaDB, "grant select on t to " + user + " with grant option", "revoke grant option on t from " + user},
			"a role to hand on":   {databases.MariaDB, "grant " + inner + " to " + user + " with admin option", "revoke admin option for " + inner + " from " + user},
			"reading, by a role":  {"", "grant select on u to " + inner, "revoke select on u from " + inner},
			"reading, everything": {databases.Postgres, "grant pg_read_all_data to " + inner, "revoke pg_read_all_data from " + inner},
		} {
			if c.kind != "" && c.kind != d.Kind {
				continue
			}
			d.Exec(c.give)
			a, err := open(t, d, reader).Probe(t.Context())
			if err != nil || (a.Writes == "") != strings.HasPrefix(name, "reading") {
				t.Errorf("%s: %+v, %v", name, a, err)
			}
			d.Exec(c.take)
			if a, err := open(t, d, reader).Probe(t.Context()); err != nil || a.Writes != "" {
				t.Errorf("%s, taken back: %+v, %v", name, a, err)
			}
		}
	})
}

// TestRowSecurity: rows that a policy hides are not left out in silence.
func TestRowSecurity(t *testing.T) {
	d := databases.New(t, databases.Postgres)
	d.Exec("create table t (id bigint primary key, account text)", "insert into t values (1, 'alice'), (2, 'alice')",
		"alter table t enable row level security", "create policy half on t using (id = 1)")
	s := snapshot(t, open(t, d, d.Reader()))
	n, err := s.Count(query.Table{From: "t", Columns: []string{"id"}, Order: []string{"id"}}, query.Filter{Column: "account", Text: "alice"}, nil, false)
	if err == nil || !strings.Contains(err.Error(), "row-level security") {
		t.Errorf("%d rows, %v", n, err)
	}
}
