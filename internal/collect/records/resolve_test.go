package records

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/databases"
)

// TestResolve asks for identifiers among near misses.
func TestResolve(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		d.Exec("create table leases (id bigint primary key, account varchar(20), ip "+d.Type("inet", "varchar(40)", "text")+", first int, last int, since "+d.Type("timestamptz", "timestamp null", "text")+", until "+d.Type("timestamptz", "timestamp null", "text")+", mac varchar(20), psk varchar(20))",
			"create table addresses (account varchar(20), address varchar(60))")
		if d.Kind == databases.MariaDB {
			d.Exec("set time_zone = '+00:00'")
		}
		zone := d.Type("+00", "", "+00")
		lease := func(id int, account, ip, first, last, since, until string) {
			d.Exec(fmt.Sprintf("insert into leases values (%d, '%s', '%s', %s, %s, '%s%s', %s, 'x', 'SECRET')", id, account, ip, first, last, since, zone,
				map[bool]string{true: "null", false: "'" + until + zone + "'"}[until == ""]))
		}
		lease(1, "alice", "192.0.2.7", "1024", "2047", "2026-03-01 11:00:00", "2026-03-01 13:00:00")
		lease(2, "bob", "192.0.2.7", "2048", "4095", "2026-03-01 11:00:00", "")
		lease(3, "carol", "192.0.2.70", "1024", "2047", "2026-03-01 11:00:00", "2026-03-01 13:00:00")
		lease(4, "dan", "2001:db8::7", "null", "null", "2026-03-01 11:00:00", "2026-03-01 13:00:00")
		d.Exec("insert into addresses values ('alice', 'Alice@Example.org'), ('bob', 'alice@example.org.evil.net'), ('carol', 'xalice@example.org'), ('dan', 'alice@example_org'), (null, 'alice@example.org')")
		s := mustSource(t, d, nil,
			Resolve{Kind: "ip", From: "leases", Account: "account", Value: "ip", PortFrom: "first", PortTo: "last", Since: "since", Until: "until"},
			Resolve{Kind: "address", From: "addresses", Account: "account", Value: "address"})
		for text, want := range map[string][]string{
			"ip:192.0.2.7:1500@2026-03-01T12:00:00Z":       {"alice 1024-2047 true 11:00:00 13:00:00 false", "bob 2048-4095 true 11:00:00 00:00:00 false"},
			"ip:192.0.2.8:1500@2026-03-01T12:00:00Z":       nil,
			"ip:[2001:db8::7]:1500@2026-03-01T12:00:00Z":   {"dan 0-0 false 11:00:00 13:00:00 false"},
			"ip:[2001:db8::7:0]:1500@2026-03-01T12:00:00Z": nil,
			"address:alice@example.org":                    {"alice always true"},
			"address:alice@example.net":                    nil,
		} {
			id, ok := vitrine.Account(text).Identifier()
			if !ok {
				t.Fatal(text)
			}
			var got []string
			err := s.(collect.Resolver).Resolve(t.Context(), id, func(m collect.Match) error {
				line := string(m.Account) + " always " + fmt.Sprint(m.Still)
				if m.Ports != nil {
					line = fmt.Sprint(m.Account, " ", m.Ports.From, "-", m.Ports.To, " ", m.Ports.Known, " ", m.Since.From.Format("15:04:05"), " ", m.Until.To.Format("15:04:05"), " ", m.Still)
				}
				got = append(got, line)
				return nil
			})
			slices.Sort(got)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: want %q, got %q, %v", text, want, got, err)
			}
		}
		if kinds := s.(collect.Resolver).Resolves(); len(kinds) != 2 || len(s.Holds()) != 0 {
			t.Errorf("resolves %v, holds %v", kinds, s.Holds())
		}
	})
}

// TestResolveRefused: declarations that contradict themselves.
func TestResolveRefused(t *testing.T) {
	good := Resolve{Kind: "ip", From: "leases", Account: "account", Value: "ip", Since: "since", Until: "until"}
	for name, spoil := range map[string]func(*Resolve){
		"kind":         func(r *Resolve) { r.Kind = "name" },
		"from":         func(r *Resolve) { r.From = "leases; drop table leases" },
		"account":      func(r *Resolve) { r.Account = "" },
		"value":        func(r *Resolve) { r.Value = "" },
		"half a range": func(r *Resolve) { r.PortFrom = "first" },
		"no time":      func(r *Resolve) { r.Since, r.Until = "", "" },
		"phone's port": func(r *Resolve) { r.Kind, r.PortFrom, r.PortTo = "phone", "a", "b" },
		"zone":         func(r *Resolve) { r.Zone = "Mars" },
		"unit":         func(r *Resolve) { r.Unit = "min" },
	} {
		r := good
		if err := r.check(); err != nil {
			t.Fatal(err)
		}
		if spoil(&r); r.check() == nil {
			t.Errorf("%s: %+v is taken", name, r)
		}
	}
	if _, err := (SQLite{Path: "/dev/null"}).Open("x", strings.Clone); vitrine.ExitCode(err) != 2 {
		t.Errorf("a device is taken for a database: %v", err)
	}
}

// TestResolveCSV asks the same of files.
func TestResolveCSV(t *testing.T) {
	dir := t.TempDir()
	const leases = "account,ip,first,last,since,until,psk\nalice,192.0.2.7,1024,2047,2026-03-01 11:00:00,2026-03-01 13:00:00,SECRET\nbob,192.0.2.7,2048,4095,2026-03-01 11:00:00,,SECRET\ncarol,192.0.2.70,1,2,,,SECRET\n,192.0.2.7,1,2,,,SECRET\n"
	write(t, filepath.Join(dir, "leases.csv"), leases)
	write(t, filepath.Join(dir, "addresses.csv"), "a;b\nAlice@Example.org;alice\nxalice@example.org;bob\n")
	s := mustCSV(t, dir, `[[resolve]]
path = "leases.csv"
kind = "ip"
account = "account"
value = "ip"
port_from = "first"
port_to = "last"
since = "since"
until = "until"
zone = "UTC"
[[resolve]]
path = "addresses.csv"
comma = ";"
kind = "address"
account = "b"
value = "a"
`)
	ask := func(text string) (got []string, err error) {
		id, ok := vitrine.Account(text).Identifier()
		if !ok {
			t.Fatal(text)
		}
		err = s.(collect.Resolver).Resolve(t.Context(), id, func(m collect.Match) error {
			got = append(got, fmt.Sprint(m.Account, " ", m.Row, " ", m.Ports, " ", stamp(m.Since.From), " ", stamp(m.Until.To), " ", m.Still))
			return nil
		})
		return got, err
	}
	for text, want := range map[string][]string{
		"ip:192.0.2.7:1500@2026-03-01T12:00:00Z": {"alice resolve ip 1, record 1 &{1024 2047 true} 2026-03-01T11:00:00Z 2026-03-01T13:00:00Z false", "bob resolve ip 1, record 2 &{2048 4095 true} 2026-03-01T11:00:00Z  false"},
		"ip:192.0.2.8:1500@2026-03-01T12:00:00Z": nil,
		"address:alice@example.org":              {"alice resolve address 2, record 1 <nil>   true"},
		"phone:+4930123456":                      nil,
	} {
		if got, err := ask(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: want %q, got %q, %v", text, want, got, err)
		}
	}
	for name, text := range map[string]string{"ragged": leases + "alice,\"192.0.2.7\"x,1,2,,,SECRET\n", "short": leases + "alice,SECRET\n", "no column": strings.Replace(leases, "until", "SECRET", 1)} {
		write(t, filepath.Join(dir, "leases.csv"), text)
		if got, err := ask("ip:192.0.2.8@2026-03-01T12:00:00Z"); vitrine.ExitCode(err) != 1 || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
