package query

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/vitrine-project/vitrine"
)

// Postgres returns the database at address, a postgres:// URL with a user, a
// host and a database and without a password. Of its parameters sslmode,
// sslrootcert and search_path are known.
func Postgres(address, password string) (*DB, error) {
	u, err := checkAddress(address, "postgres", "sslmode", "sslrootcert", "search_path")
	if err != nil {
		return nil, err
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), "5432")
	}
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "url: its parameters are not understood: want sslmode=verify-full, and sslrootcert=PATH where the authority is your own")
	}
	config.Fallbacks = nil
	if config.TLSConfig == nil && !near(config.Host) || config.TLSConfig != nil && config.TLSConfig.InsecureSkipVerify {
		return nil, vitrine.Refusef(vitrine.Usage, "url: customers' data would travel without a checked certificate: add sslmode=verify-full (sslmode=disable is for this machine only)")
	}
	config.Password = password
	config.ConnectTimeout = dialing
	config.ValidateConnect = nil // whatever the environment says
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	config.RuntimeParams = map[string]string{
		"application_name": "vitrine", "client_encoding": "UTF8", "timezone": "UTC", "datestyle": "ISO", "intervalstyle": "iso_8601", "bytea_output": "hex",
		"extra_float_digits": "1", "default_transaction_read_only": "on",
		"row_security":      "off", // an error, rather than rows that are left out in silence
		"statement_timeout": strconv.FormatInt(perPage.Milliseconds(), 10), "lock_timeout": strconv.FormatInt(lockWaiting.Milliseconds(), 10),
	}
	if path := u.Query().Get("search_path"); path != "" {
		config.RuntimeParams["search_path"] = path
	}
	return open(stdlib.OpenDB(*config), postgres{}), nil
}

// checkAddress refuses a URL that leaves anything to the environment.
func checkAddress(address, scheme string, parameters ...string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "url: it is no URL: want %s://user@host/database", scheme)
	}
	if _, secret := u.User.Password(); secret {
		return nil, vitrine.Refusef(vitrine.Usage, "url: a password does not belong into it: write it into a file that only its owner can read, and name that file in password")
	}
	if u.Scheme != scheme || u.User.Username() == "" || u.Hostname() == "" || strings.Contains(u.Host, ",") || len(strings.Trim(u.Path, "/")) == 0 || strings.Contains(strings.Trim(u.Path, "/"), "/") || u.Fragment != "" {
		return nil, vitrine.Refusef(vitrine.Usage, "url: want %s://user@host/database, with one host", scheme)
	}
	for name := range u.Query() {
		if !slices.Contains(parameters, name) {
			return nil, vitrine.Refusef(vitrine.Usage, "url: the parameter %q is not known: want of %s", name, strings.Join(parameters, ", "))
		}
	}
	return u, nil
}

// near reports whether a host is this machine.
func near(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasPrefix(host, "/") || ip != nil && ip.IsLoopback()
}

type postgres struct{}

func (postgres) quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func (postgres) mark(n int) string { return "$" + strconv.Itoa(n) }

func (postgres) begin() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

// picked has the database write every value as text: that form is exact, and
// its own.
func (p postgres) picked(c Column) string { return p.quote(c.Name) + "::text" }

func (postgres) value(c Column, v any) (Value, error) {
	if v == nil {
		return Value{Kind: Null}, nil
	}
	text, ok := v.(string)
	if !ok {
		return Value{}, fmt.Errorf("value of type %T", v)
	}
	switch c.Kind {
	case Bytes:
		b, err := hex.DecodeString(strings.TrimPrefix(text, `\x`))
		return Value{Kind: Bytes, Text: string(b)}, err
	case Instant, Local, Date:
		return moment(c.Kind, text, c.precision), nil
	}
	return Value{Kind: c.Kind, Text: text}, nil
}

func (postgres) orders(c Column) bool {
	return c.Kind != Boolean && c.Type != "real" && c.Type != "double precision"
}

func (postgres) bound(v Value) (any, error) {
	if v.Kind == Bytes {
		return []byte(v.Text), nil
	}
	return v.bound(), nil
}

func (p postgres) matching(s *statement, c Column, text string, fold bool) (string, error) {
	name := p.quote(c.Name)
	if strings.ContainsRune(text, 0) {
		return "false", nil
	}
	if fold {
		return "lower(" + name + "::text) COLLATE \"C\" = lower(" + s.bind(text) + "::text) COLLATE \"C\"", nil
	}
	whole := name + "::text"
	if c.oid == pgtype.InetOID {
		whole = "pg_catalog.abbrev(" + name + ")" // ::text would write 192.0.2.7/32
	}
	exact := whole + ` COLLATE "C" = ` + s.bind(text) + "::text"
	switch c.oid { // what an index serves comes first
	case pgtype.TextOID, pgtype.VarcharOID:
		return "(" + name + " = " + s.bind(text) + "::text AND " + exact + ")", nil
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return exact, nil
		}
		return "(" + name + " = " + s.bind(n) + "::bigint AND " + exact + ")", nil
	}
	return exact, nil
}

func (postgres) behind(s *statement, order []string, key []any, at bool) string {
	marks := make([]string, len(key))
	for i, k := range key {
		marks[i] = s.bind(k)
	}
	op := ">"
	if at {
		op = ">="
	}
	return "(" + strings.Join(order, ", ") + ") " + op + " (" + strings.Join(marks, ", ") + ")"
}

func (postgres) describe(ctx context.Context, conn *sql.Conn, relation string) (columns []Column, err error) {
	err = conn.Raw(func(c any) error {
		d, err := c.(*stdlib.Conn).Conn().Prepare(ctx, "", "SELECT * FROM "+relation)
		if err != nil {
			return err
		}
		for _, f := range d.Fields {
			columns = append(columns, postgresColumn(f))
		}
		return nil
	})
	return columns, err
}

func postgresColumn(f pgconn.FieldDescription) Column {
	c := Column{Name: f.Name, Kind: Text, Type: "text", oid: f.DataTypeOID}
	switch f.DataTypeOID {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID:
		c.Kind, c.Type = Integer, "integer"
	case pgtype.NumericOID:
		c.Kind, c.Type = Decimal, "numeric"
	case pgtype.Float4OID:
		c.Kind, c.Type = Decimal, "real"
	case pgtype.Float8OID:
		c.Kind, c.Type = Decimal, "double precision"
	case pgtype.BoolOID:
		c.Kind, c.Type = Boolean, "boolean"
	case pgtype.ByteaOID:
		c.Kind, c.Type = Bytes, "bytea"
	case pgtype.TimestamptzOID:
		c.Kind, c.Type = Instant, "timestamp with time zone"
	case pgtype.TimestampOID:
		c.Kind, c.Type = Local, "timestamp"
	case pgtype.DateOID:
		c.Kind, c.Type = Date, "date"
	}
	if c.precision = 6; f.TypeModifier >= 0 && f.TypeModifier <= 6 {
		c.precision = int(f.TypeModifier)
	}
	return c
}

// fault sorts what PostgreSQL says by its SQLSTATE.
func (postgres) fault(err error) error {
	var pg *pgconn.PgError
	var refusal *vitrine.Refusal
	switch {
	case errors.As(err, &refusal):
		return err
	case errors.As(err, &pg):
		return postgresSaid(pg)
	case torn(err):
		return interrupted(err)
	}
	var connecting *pgconn.ConnectError
	if errors.As(err, &connecting) {
		return vitrine.Refusef(vitrine.Failed, "no connection to the database: %v", connecting.Unwrap())
	}
	return unknown(err)
}

func postgresSaid(pg *pgconn.PgError) error {
	for _, transient := range []string{"08", "57", "53", "40", "55P03", "25P0"} {
		if strings.HasPrefix(pg.Code, transient) {
			return &Broken{fmt.Errorf("the database broke off (SQLSTATE %s)", pg.Code)}
		}
	}
	class := pg.Code[:min(2, len(pg.Code))]
	if class == "28" || pg.Code == "3D000" {
		return vitrine.Refusef(vitrine.Failed, "the database does not let us in (SQLSTATE %s: %s): check user, password and database", pg.Code, pg.Message)
	}
	if pg.Code == "42501" && strings.Contains(pg.Message, "row-level security") {
		return vitrine.Refusef(vitrine.Failed, "%s: rows would be left out in silence; give the reading role BYPASSRLS, or declare a view without row-level security", pg.Message)
	}
	return said("SQLSTATE "+pg.Code, pg.Message, class == "42" || class == "3F" || class == "25")
}
