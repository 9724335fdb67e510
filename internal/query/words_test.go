package query

import (
	"strings"
	"testing"
)

const hash = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"

// grants are lines of SHOW GRANTS, with whether they write.
var grants = []struct {
	line   string
	writes bool
	role   string
}{
	{"GRANT USAGE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '" + hash + "'", false, ""},
	{"GRANT SELECT ON `db`.* TO `r`@`%`", false, ""},
	{"GRANT SELECT (`a`, `b ON ``x``, INSERT`), SHOW VIEW ON `db`.`t` TO `r`@`%`", false, ""},
	{"GRANT SELECT, SHOW VIEW, PROCESS ON *.* TO `r`@`localhost`", false, ""},
	{"GRANT `reader` TO `r`@`%`", false, "reader"},
	{"GRANT `inner` TO `outer`", false, "inner"},
	{"GRANT USAGE ON *.* TO `outer`", false, ""},
	{"GRANT INSERT ON `db`.`t` TO `PUBLIC`", true, ""},
	{"GRANT `od``d role` TO `r`@`%`", false, "od`d role"},
	{"SET DEFAULT ROLE `reader` FOR `r`@`%`", false, ""},
	{"GRANT SELECT, INSERT ON `db`.* TO `r`@`%`", true, ""},
	{"GRANT SELECT (`a`), UPDATE (`b`) ON `db`.`t` TO `r`@`%`", true, ""},
	{"GRANT ALL PRIVILEGES ON `db`.* TO `r`@`%`", true, ""},
	{"GRANT ALL PRIVILEGES ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '" + hash + "' WITH GRANT OPTION", true, ""},
	{"GRANT SELECT ON `db`.* TO `r`@`%` WITH GRANT OPTION", true, ""},
	{"GRANT EXECUTE ON PROCEDURE `db`.`p` TO `r`@`%`", true, ""},
	{"GRANT EXECUTE ON PACKAGE BODY `db`.`p` TO `r`@`%`", true, ""},
	{"GRANT FILE ON *.* TO `r`@`%`", true, ""},
	{"GRANT LOCK TABLES ON `db`.* TO `r`@`%`", true, ""},
	{"GRANT CREATE TEMPORARY TABLES ON `db`.* TO `r`@`%`", true, ""},
	{"GRANT PROXY ON ``@`%` TO `r`@`%`", true, ""},
	{"GRANT `reader` TO `r`@`%` WITH ADMIN OPTION", true, "reader"},
	{"GRANT SELECT,INSERT ON `db`.* TO `r`@`%`", true, ""},
	{"GRANT NEW THING ON *.* TO `r`@`%`", true, ""},
	{"GRANT SELECT ON `db`.* FROM `r`@`%`", true, ""},
	{"GRANT SELECT ON 'db'.* TO r", true, ""},
	{"GRANT SELECT", true, ""},
	{"grant select on `db`.* to `r`@`%`", true, ""},
	{"", true, ""},
}

func TestParseGrant(t *testing.T) {
	for _, c := range grants {
		g := parseGrant(c.line)
		if (g.writes != "") != c.writes || g.role != c.role {
			t.Errorf("%s: %+v", c.line, g)
		}
		if strings.Contains(g.writes, hash) {
			t.Errorf("%s: the hash is shown: %s", c.line, g.writes)
		}
	}
}

// TestUnshown: a role of which no grant is listed may do anything.
func TestUnshown(t *testing.T) {
	given, inner := parseGrant("GRANT `r` TO `u`@`%`"), parseGrant("GRANT `i` TO `r`")
	if found := unshown([]grant{given, inner, parseGrant("GRANT USAGE ON *.* TO `r`")}); len(found) != 1 || !strings.Contains(found[0], `"i"`) {
		t.Errorf("found %q, want the inner role alone", found)
	}
	if found := unshown([]grant{given, inner, parseGrant("GRANT USAGE ON *.* TO `r`"), parseGrant("GRANT SELECT ON *.* TO `i`")}); len(found) > 0 {
		t.Errorf("found %q", found)
	}
}

// FuzzParseGrant: only a line in which nothing but reading is granted reads,
// and nothing behind TO is shown.
func FuzzParseGrant(f *testing.F) {
	for _, c := range grants {
		f.Add(c.line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		g := parseGrant(line)
		if g.writes == "" && g.role == "" && !strings.HasPrefix(line, "SET DEFAULT ROLE ") {
			head, _, ok := strings.Cut(line, " ON ")
			reads := false
			for _, r := range mariadbReaders {
				reads = reads || strings.HasPrefix(head, "GRANT "+r)
			}
			if !ok || !reads {
				t.Errorf("%q reads only", line)
			}
		}
	})
}

func FuzzParseKey(f *testing.F) {
	f.Add("i"+"MTI", 1)
	f.Add(Key{{Kind: Text, Text: "a.b"}, {Kind: Bytes, Text: "\x00\xff"}, {Kind: Instant, Text: "2026-03-01T12:00:00Z", key: "2026-03-01 12:00:00+00"}}.String(), 3)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, s string, n int) {
		k, err := ParseKey(s, n)
		if err == nil && (k.String() != s || len(k) != n || len(s) > MaxKey) {
			t.Errorf("%q is read as %q", s, k)
		}
	})
}

func TestCheckFrom(t *testing.T) {
	for _, from := range []string{"t", "s.t", "a JOIN b USING (id)", "(SELECT a, b FROM t WHERE x IN (1, 2)) AS x", `"Odd Name"`} {
		if err := CheckFrom(from); err != nil {
			t.Errorf("%s: %v", from, err)
		}
	}
	for _, from := range []string{"", " ", "t; drop table t", "t) AS x, (SELECT 1", "(t", "t -- x", "t /* x", "t # x", "t\x00"} {
		if CheckFrom(from) == nil {
			t.Errorf("%s is taken", from)
		}
	}
}

// TestAddress: nothing is left to the environment, and nothing travels without
// a certificate that is checked.
func TestAddress(t *testing.T) {
	t.Setenv("PGHOST", "elsewhere.example")
	t.Setenv("PGUSER", "root")
	t.Setenv("PGSSLMODE", "disable")
	t.Setenv("PGPORT", "1")
	t.Setenv("PGOPTIONS", "-c search_path=elsewhere")
	for address, ok := range map[string]bool{
		"postgres://u@127.0.0.1/db?sslmode=disable":              true,
		"postgres://u@[::1]:5433/db?sslmode=disable":             true,
		"postgres://u@db.example/db?sslmode=verify-full":         true,
		"postgres://u@db.example/db?sslmode=disable":             false,
		"postgres://u@db.example/db?sslmode=require":             false,
		"postgres://u@db.example/db?sslmode=prefer":              false,
		"postgres://u@db.example/db":                             false,
		"postgres://u@a.example,127.0.0.1/db?sslmode=disable":    false,
		"postgres://u:secret@127.0.0.1/db?sslmode=disable":       false,
		"postgres://127.0.0.1/db?sslmode=disable":                false,
		"postgres://u@127.0.0.1?sslmode=disable":                 false,
		"postgres:///db?user=u&host=/tmp":                        false,
		"postgres://u@127.0.0.1/db?sslmode=disable&options=-cx":  false,
		"postgres://u@127.0.0.1/db?sslmode=disable&service=else": false,
		"mysql://u@127.0.0.1/db":                                 false,
		"host=127.0.0.1 user=u":                                  false,
	} {
		db, err := Postgres(address, "secret")
		if (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the password is shown: %v", address, err)
		}
		if db != nil {
			db.Close()
		}
	}
	for address, ok := range map[string]bool{
		"mariadb://u@127.0.0.1/db": true, "mariadb://u@db.example:3307/db": true, "mariadb://u:secret@127.0.0.1/db": false, "mariadb://u@127.0.0.1/": false,
		"mariadb://u@127.0.0.1/db?tls=skip-verify": false, "mariadb://u@127.0.0.1/db?allowAllFiles=true": false, "postgres://u@127.0.0.1/db": false,
	} {
		db, err := MariaDB(address, "secret", nil)
		if (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
		if db != nil {
			db.Close()
		}
	}
	if _, err := MariaDB("mariadb://u@127.0.0.1/db", "", []byte("no certificate")); err == nil {
		t.Error("a file without a certificate is taken for an authority")
	}
}
