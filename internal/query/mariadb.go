package query

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/vitrine-project/vitrine"
)

// MariaDB returns the database at address, a mariadb:// URL with a user, a host
// and a database and without a password. authority is the PEM of the one that
// signed the server's certificate, empty for those that the system trusts. From
// another machine than this nothing is read without a checked certificate.
func MariaDB(address, password string, authority []byte) (*DB, error) {
	u, err := checkAddress(address, "mariadb")
	if err != nil {
		return nil, err
	}
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = u.User.Username(), password, strings.Trim(u.Path, "/")
	config.Net, config.Addr = "tcp", u.Host
	if u.Port() == "" {
		config.Addr = net.JoinHostPort(u.Hostname(), "3306")
	}
	config.Timeout, config.ReadTimeout, config.WriteTimeout = dialing, silence, silence
	config.MaxAllowedPacket = maxRow
	config.Logger = quiet{}
	config.Params = map[string]string{
		"time_zone": "'+00:00'", "max_statement_time": strconv.Itoa(int(perPage / time.Second)), "net_write_timeout": strconv.Itoa(int(perPage / time.Second)),
		"sql_select_limit": "18446744073709551615", "lock_wait_timeout": strconv.Itoa(int(lockWaiting / time.Second)), "tx_read_only": "1",
	}
	if !near(u.Hostname()) || len(authority) > 0 {
		config.TLS = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	}
	if len(authority) > 0 {
		config.TLS.RootCAs = x509.NewCertPool()
		if !config.TLS.RootCAs.AppendCertsFromPEM(authority) {
			return nil, vitrine.Refusef(vitrine.Usage, "authority: there is no certificate in it: want a PEM file")
		}
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "url: %v", err)
	}
	return open(sql.OpenDB(connector), mariadb{}), nil
}

// quiet keeps the driver from writing to the standard error.
type quiet struct{}

func (quiet) Print(...any) {}

type mariadb struct{}

func (mariadb) quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func (mariadb) mark(int) string { return "?" }

func (mariadb) begin() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

func (m mariadb) picked(c Column) string { return m.quote(c.Name) }

// value takes what the driver makes of the binary protocol, which is exact.
func (mariadb) value(c Column, v any) (Value, error) {
	switch v := v.(type) {
	case nil:
		return Value{Kind: Null}, nil
	case int64:
		return Value{Kind: Integer, Text: strconv.FormatInt(v, 10)}, nil
	case uint64:
		return Value{Kind: Integer, Text: strconv.FormatUint(v, 10)}, nil
	case float32:
		return Value{Kind: Decimal, Text: strconv.FormatFloat(float64(v), 'g', -1, 32)}, nil
	case float64:
		return Value{Kind: Decimal, Text: strconv.FormatFloat(v, 'g', -1, 64)}, nil
	case string:
		return mariadbText(c, v), nil
	case []byte:
		return mariadbText(c, string(v)), nil
	}
	return Value{}, fmt.Errorf("value of type %T", v)
}

func mariadbText(c Column, text string) Value {
	switch c.Kind {
	case Instant, Local, Date:
		v := moment(c.Kind, text, fraction(text))
		if v.Kind == Instant {
			v.Text += "Z" // the session's zone is UTC
		}
		return v
	}
	return Value{Kind: c.Kind, Text: text}
}

// fraction is how many digits of a second's fraction a time is written with.
func fraction(text string) int {
	_, digits, _ := strings.Cut(text, ".")
	return len(digits)
}

func (mariadb) orders(c Column) bool { return c.Kind != Decimal && c.Kind != Boolean }

func (mariadb) bound(v Value) (any, error) {
	switch v.Kind {
	case Integer:
		if n, err := strconv.ParseInt(v.Text, 10, 64); err == nil {
			return n, nil
		}
		return strconv.ParseUint(v.Text, 10, 64)
	case Bytes:
		return []byte(v.Text), nil
	}
	return v.bound(), nil
}

// matching compares without a collation. The looser comparison that an index
// serves comes first; it holds wherever the exact one does.
func (m mariadb) matching(s *statement, c Column, text string, fold bool) (string, error) {
	const exactly = " USING utf8mb4) COLLATE utf8mb4_nopad_bin"
	name := m.quote(c.Name)
	switch {
	case c.Kind == Integer:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != text {
			return "FALSE", nil
		}
		return name + " = " + s.bind(n), nil
	case c.Kind == Bytes:
		return name + " = " + s.bind([]byte(text)), nil
	case c.Kind != Text:
		return "", vitrine.Refusef(vitrine.Usage, "column %q has the type %s: an account or an identifier is a text or a whole number", c.Name, c.Type)
	case fold:
		return "CONVERT(LOWER(CONVERT(" + name + " USING utf8mb4))" + exactly + " = CONVERT(LOWER(" + s.bind(text) + ")" + exactly, nil
	}
	return "(" + name + " = " + s.bind(text) + " AND CONVERT(" + name + exactly + " = CONVERT(" + s.bind(text) + exactly + ")", nil
}

// behind writes the comparison of rows out, so that the index is used.
func (mariadb) behind(s *statement, order []string, key []any, at bool) string {
	last := len(order) - 1
	op := " > "
	if at {
		op = " >= "
	}
	if last == 0 {
		return order[0] + op + s.bind(key[0])
	}
	from := order[0] + " >= " + s.bind(key[0])
	var either []string
	for i := range order {
		var all []string
		for j := range i {
			all = append(all, order[j]+" = "+s.bind(key[j]))
		}
		by := " > "
		if i == last {
			by = op
		}
		either = append(either, strings.Join(append(all, order[i]+by+s.bind(key[i])), " AND "))
	}
	return from + " AND (" + strings.Join(either, " OR ") + ")"
}

func (mariadb) describe(ctx context.Context, conn *sql.Conn, relation string) ([]Column, error) {
	types, err := describe(ctx, conn, relation)
	var columns []Column
	for _, t := range types {
		columns = append(columns, Column{Name: t.Name(), Kind: mariadbKind(t.DatabaseTypeName()), Type: strings.ToLower(t.DatabaseTypeName())})
	}
	return columns, err
}

// describe asks for a relation's columns and for none of its rows.
func describe(ctx context.Context, conn *sql.Conn, relation string) ([]*sql.ColumnType, error) {
	rows, err := conn.QueryContext(ctx, "SELECT * FROM "+relation+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	return types, errors.Join(err, rows.Err())
}

func mariadbKind(name string) Kind {
	name = strings.TrimPrefix(name, "UNSIGNED ")
	switch {
	case slices.Contains([]string{"TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "YEAR"}, name):
		return Integer
	case slices.Contains([]string{"DECIMAL", "FLOAT", "DOUBLE"}, name):
		return Decimal
	case strings.HasSuffix(name, "BLOB") || strings.HasSuffix(name, "BINARY") || name == "BIT" || name == "GEOMETRY":
		return Bytes
	case name == "TIMESTAMP":
		return Instant
	case name == "DATETIME":
		return Local
	case name == "DATE":
		return Date
	}
	return Text
}

// fault sorts what MariaDB says by its number.
func (mariadb) fault(err error) error {
	var answer *mysql.MySQLError
	var refusal *vitrine.Refusal
	switch {
	case errors.As(err, &refusal):
		return err
	case errors.As(err, &answer):
		return mariadbSaid(answer)
	case torn(err) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, mysql.ErrMalformPkt) || errors.Is(err, mysql.ErrPktSync):
		return interrupted(err)
	case errors.Is(err, mysql.ErrNoTLS):
		return vitrine.Refusef(vitrine.Failed, "the database has no TLS: have it set up, or read from this machine")
	}
	return certificate(err)
}

// certificate names a failure of TLS, which shows nothing that is stored.
func certificate(err error) error {
	var wrong *tls.CertificateVerificationError
	if errors.As(err, &wrong) {
		return vitrine.Refusef(vitrine.Failed, "the database's certificate does not verify: %v", wrong.Err)
	}
	return unknown(err)
}

func mariadbSaid(e *mysql.MySQLError) error {
	code := fmt.Sprintf("error %d", e.Number)
	switch {
	case slices.Contains([]uint16{1040, 1053, 1158, 1159, 1160, 1161, 1205, 1213, 1927, 1969, 4031}, e.Number):
		return &Broken{fmt.Errorf("the database broke off (%s)", code)}
	case slices.Contains([]uint16{1044, 1045, 1049, 1698}, e.Number):
		return vitrine.Refusef(vitrine.Failed, "the database does not let us in (%s: %s): check user, password and database", code, e.Message)
	}
	return said(code, e.Message, slices.Contains([]uint16{1052, 1054, 1060, 1064, 1142, 1143, 1146, 1248, 1267, 1345, 1356}, e.Number))
}

// broken reports whether err is no answer of the database's.
func (m mariadb) broken(err error) bool {
	var answer *mysql.MySQLError
	return !errors.As(err, &answer)
}
