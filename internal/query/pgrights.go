package query

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// The roles that come with PostgreSQL and only read; all others may do more.
const postgresReaders = `'pg_read_all_data', 'pg_read_all_settings', 'pg_read_all_stats', 'pg_stat_scan_tables', 'pg_monitor', 'pg_read_server_files', 'pg_database_owner', 'pg_use_reserved_connections'`

// postgresRights asks, for the user and every role that it can act as, what may
// be changed: each part lists at most one example. What changes nothing that is
// there (temporary tables, new large objects, notifications) is left out.
const postgresRights = `
with me as (select oid, rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication from pg_catalog.pg_roles r where pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER'))
(select 'role ' || rolname || ' is a superuser, or makes roles or databases, or replicates' from me where rolsuper or rolcreatedb or rolcreaterole or rolreplication limit 1)
union all (select 'role ' || rolname || ' may more than read' from me where rolname like 'pg\_%' and rolname not in (` + postgresReaders + `) limit 1)
union all (select 'database ' || d.datname || ' belongs to ' || me.rolname from pg_catalog.pg_database d, me where d.datdba = me.oid limit 1)
union all (select 'CREATE in database ' || d.datname from pg_catalog.pg_database d, me where pg_catalog.has_database_privilege(me.oid, d.oid, 'CREATE') limit 1)
union all (select 'CREATE in schema ' || n.nspname from pg_catalog.pg_namespace n, me where n.nspowner = me.oid or pg_catalog.has_schema_privilege(me.oid, n.oid, 'CREATE') limit 1)
union all (select 'table ' || c.oid::regclass || ' belongs to ' || me.rolname from pg_catalog.pg_class c, me where c.relowner = me.oid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') limit 1)
union all (select 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES or TRIGGER on ' || c.oid::regclass from pg_catalog.pg_class c, me where c.relkind in ('r', 'p', 'v', 'm', 'f')
	and (pg_catalog.has_table_privilege(me.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') or pg_catalog.has_any_column_privilege(me.oid, c.oid, 'INSERT, UPDATE, REFERENCES'))
	and not (c.oid = 'pg_catalog.pg_settings'::regclass) limit 1)
union all (select 'USAGE or UPDATE on sequence ' || c.oid::regclass from pg_catalog.pg_class c, me where c.relkind = 'S' and pg_catalog.has_sequence_privilege(me.oid, c.oid, 'USAGE, UPDATE') limit 1)
union all (select 'function ' || p.oid::regprocedure || ' runs with the rights of its owner, or belongs to ' || me.rolname from pg_catalog.pg_proc p, me
	where p.proowner = me.oid or p.prosecdef and pg_catalog.has_function_privilege(me.oid, p.oid, 'EXECUTE') limit 1)
union all (select 'large object ' || l.oid from pg_catalog.pg_largeobject_metadata l, me where l.lomowner = me.oid
	or exists (select from pg_catalog.aclexplode(l.lomacl) a where a.grantee in (0, me.oid) and a.privilege_type = 'UPDATE') limit 1)`

// probe lists what the user could change in this database, by example.
func (postgres) probe(ctx context.Context, conn *sql.Conn) (Access, error) {
	rows, err := conn.QueryContext(ctx, postgresRights)
	if err != nil {
		return Access{}, err
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return Access{}, fmt.Errorf("scan a right: %w", err)
		}
		found = append(found, one)
	}
	return Access{Writes: strings.Join(found, "; "), Shown: "the rights in the catalogs of PostgreSQL, of the user and its roles"}, rows.Err()
}
