package query

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
)

// mariadbReaders are the privileges that change nothing.
var mariadbReaders = []string{"USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROCESS", "REPLICATION CLIENT", "BINLOG MONITOR", "SLAVE MONITOR", "REPLICA MONITOR"}

// maxRoles is how many roles are followed.
const maxRoles = 64

// grant is one line of SHOW GRANTS.
type grant struct {
	writes string // what it lets be changed, without the line's other words
	role   string // the role that it gives
	to     string // the role that it is for, "" for a user
}

// parseGrant reads one line strictly: what it does not know writes. The line
// may bear a password's hash, so that no word of it is handed on but names of
// privileges and the object they are for.
func parseGrant(line string) grant {
	strange := grant{writes: "a grant that is not understood"}
	if strings.HasPrefix(line, "SET DEFAULT ROLE ") {
		return grant{}
	}
	rest, ok := strings.CutPrefix(line, "GRANT ")
	if !ok {
		return strange
	}
	if strings.HasPrefix(rest, "`") {
		role, rest, ok := quoted(rest)
		to, more, named := grantee(rest)
		if !ok || !named {
			return strange
		}
		if more != "" {
			return grant{role: role, to: to, writes: "the right to give a role to others"}
		}
		return grant{role: role, to: to}
	}
	privileges, rest, ok := cutOn(rest)
	if !ok {
		return strange
	}
	object, rest, ok := object(rest)
	to, more, named := grantee(rest)
	if !ok || !named {
		return strange
	}
	var writes []string
	for _, p := range privileges {
		if !slices.Contains(mariadbReaders, p) {
			writes = append(writes, p)
		}
	}
	if strings.Contains(more, " WITH GRANT OPTION") {
		writes = append(writes, "GRANT OPTION")
	}
	if len(writes) == 0 {
		return grant{to: to}
	}
	return grant{writes: strings.Join(writes, ", ") + " on " + object, to: to}
}

// grantee reads " TO `role`" or " TO `user`@`host`", of which it returns "".
func grantee(s string) (role, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, " TO ")
	if !ok {
		return "", "", false
	}
	if rest, public := strings.CutPrefix(s, "PUBLIC"); public {
		return "PUBLIC", rest, true
	}
	if role, rest, ok = quoted(s); !ok {
		return "", "", false
	}
	if host, user := strings.CutPrefix(rest, "@"); user {
		_, rest, ok = quoted(host)
		return "", rest, ok
	}
	return role, rest, true
}

// cutOn splits "SELECT (`a`, `b`), INSERT ON …" at its ON into privileges, the
// columns left out.
func cutOn(s string) (privileges []string, rest string, ok bool) {
	var word strings.Builder
	end := func() bool {
		p := strings.TrimSpace(word.String())
		word.Reset()
		privileges = append(privileges, p)
		return p != "" && strings.Trim(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ _") == ""
	}
	for s != "" {
		switch {
		case strings.HasPrefix(s, " ON "):
			ok = end()
			return privileges, s[len(" ON "):], ok
		case s[0] == ',':
			if !end() {
				return nil, "", false
			}
			s = s[1:]
		case s[0] == '(':
			if s, ok = columns(s[1:]); !ok {
				return nil, "", false
			}
		default:
			word.WriteByte(s[0])
			s = s[1:]
		}
	}
	return nil, "", false
}

// columns returns what follows a list of columns and its bracket.
func columns(s string) (rest string, ok bool) {
	for {
		if _, s, ok = quoted(s); !ok {
			return "", false
		}
		switch {
		case strings.HasPrefix(s, ", "):
			s = s[2:]
		case strings.HasPrefix(s, ")"):
			return s[1:], true
		default:
			return "", false
		}
	}
}

// object reads what a grant is for: *.*, `db`.*, `db`.`table`, or a routine,
// which has its kind before it.
func object(s string) (name, rest string, ok bool) {
	start := s
	for _, kind := range []string{"PROCEDURE ", "FUNCTION ", "PACKAGE BODY ", "PACKAGE ", "TABLE ", "SEQUENCE "} {
		s = strings.TrimPrefix(s, kind)
	}
	for part := range 2 {
		if after, star := strings.CutPrefix(s, "*"); star {
			s = after
		} else if _, s, ok = quoted(s); !ok {
			return "", "", false
		}
		if part == 0 {
			if s, ok = strings.CutPrefix(s, "."); !ok {
				return "", "", false
			}
		}
	}
	return start[:len(start)-len(s)], s, true
}

// quoted reads `name`, in which a ` is doubled.
func quoted(s string) (name, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, "`")
	if !ok {
		return "", "", false
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '`')
		if i < 0 {
			return "", "", false
		}
		b.WriteString(s[:i])
		if s = s[i+1:]; !strings.HasPrefix(s, "`") {
			return b.String(), s, true
		}
		b.WriteByte('`')
		s = s[1:]
	}
}

// probe reads the grants of the user, of the roles that it can take on, and of
// everybody.
func (m mariadb) probe(ctx context.Context, conn *sql.Conn) (Access, error) {
	all, err := m.grants(ctx, conn, "SHOW GRANTS")
	if err != nil {
		return Access{}, err
	}
	public, err := m.grants(ctx, conn, "SHOW GRANTS FOR PUBLIC")
	if err != nil && m.broken(err) {
		return Access{}, err // any answer but grants says that the server has no PUBLIC
	}
	// The connection takes on roles, and is nobody's afterwards.
	defer conn.Raw(func(any) error { return driver.ErrBadConn })
	taken := 0
	for _, g := range slices.Clone(all) {
		if g.role == "" || g.to != "" || taken == maxRoles {
			continue
		}
		taken++
		if _, err := conn.ExecContext(ctx, "SET ROLE "+m.quote(g.role)); err != nil && m.broken(err) {
			return Access{}, err
		} else if err != nil {
			continue // unshown says so
		}
		given, err := m.grants(ctx, conn, "SHOW GRANTS FOR CURRENT_ROLE")
		if err != nil && m.broken(err) {
			return Access{}, err
		}
		all = append(all, given...)
	}
	all = append(all, public...)
	found := unshown(all)
	for _, g := range all {
		if g.writes != "" {
			found = append(found, g.writes)
		}
	}
	slices.Sort(found)
	return Access{Writes: strings.Join(slices.Compact(found), "; "), Shown: "SHOW GRANTS of the user, its roles and PUBLIC"}, nil
}

// unshown names the roles of which no grant is listed: every role has at least
// the one that gives nothing.
func unshown(all []grant) (found []string) {
	for _, g := range all {
		if g.role != "" && !slices.ContainsFunc(all, func(h grant) bool { return h.to == g.role && h.role == "" }) {
			found = append(found, fmt.Sprintf("the role %q, whose grants are not shown", g.role))
		}
	}
	return found
}

func (mariadb) grants(ctx context.Context, conn *sql.Conn, statement string) (all []grant, err error) {
	rows, err := conn.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, fmt.Errorf("scan a grant: %w", err)
		}
		all = append(all, parseGrant(line))
	}
	return all, rows.Err()
}
