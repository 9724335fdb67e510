package query

import (
	"context"
	"database/sql"
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
		if !ok || !strings.HasPrefix(rest, " TO ") {
			return strange
		}
		if strings.HasSuffix(rest, " WITH ADMIN OPTION") {
			return grant{role: role, writes: "the right to give a role to others"}
		}
		return grant{role: role}
	}
	privileges, rest, ok := cutOn(rest)
	if !ok {
		return strange
	}
	object, rest, ok := object(rest)
	if !ok || !strings.HasPrefix(rest, " TO ") {
		return strange
	}
	var writes []string
	for _, p := range privileges {
		if !slices.Contains(mariadbReaders, p) {
			writes = append(writes, p)
		}
	}
	if strings.Contains(rest, " WITH GRANT OPTION") {
		writes = append(writes, "GRANT OPTION")
	}
	if len(writes) == 0 {
		return grant{}
	}
	return grant{writes: strings.Join(writes, ", ") + " on " + object}
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

// probe reads the grants of the user, of the roles that it has, and of
// everybody.
func (m mariadb) probe(ctx context.Context, conn *sql.Conn) (Access, error) {
	found, roles, err := m.grants(ctx, conn, "SHOW GRANTS")
	if err != nil {
		return Access{}, err
	}
	public, more, err := m.grants(ctx, conn, "SHOW GRANTS FOR PUBLIC")
	if err == nil { // older servers have no PUBLIC
		found, roles = append(found, public...), append(roles, more...)
	} else if m.broken(err) {
		return Access{}, err
	}
	for i := 0; i < len(roles); i++ {
		if i == maxRoles {
			found = append(found, "more roles than are followed")
			break
		}
		given, more, err := m.grants(ctx, conn, "SHOW GRANTS FOR "+m.quote(roles[i]))
		if err != nil {
			if m.broken(err) {
				return Access{}, err
			}
			found = append(found, fmt.Sprintf("the role %q, whose grants are not shown", roles[i]))
		}
		found = append(found, given...)
		for _, r := range more {
			if !slices.Contains(roles, r) {
				roles = append(roles, r)
			}
		}
	}
	slices.Sort(found)
	return Access{Writes: strings.Join(slices.Compact(found), "; "), Shown: "SHOW GRANTS of the user, its roles and PUBLIC"}, nil
}

func (mariadb) grants(ctx context.Context, conn *sql.Conn, statement string) (writes, roles []string, err error) {
	rows, err := conn.QueryContext(ctx, statement)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, nil, fmt.Errorf("scan a grant: %w", err)
		}
		g := parseGrant(line)
		if g.writes != "" {
			writes = append(writes, g.writes)
		}
		if g.role != "" && !slices.Contains(roles, g.role) {
			roles = append(roles, g.role)
		}
	}
	return writes, roles, rows.Err()
}
