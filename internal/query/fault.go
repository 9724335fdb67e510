package query

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/vitrine-project/vitrine"
)

// Broken is a failure after which the same question may be asked again.
type Broken struct{ Err error }

func (b *Broken) Error() string { return b.Err.Error() }
func (b *Broken) Unwrap() error { return b.Err }

// torn reports whether a connection broke, rather than the database answered.
func torn(err error) bool {
	var network net.Error
	var op *net.OpError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) || errors.As(err, &op)
}

// said is what a database answered. Its words are shown only where they speak
// of names and not of what is stored.
func said(code, words string, show bool) error {
	if !show {
		words = "its words are left out, since they may show what is stored"
	}
	return vitrine.Refusef(vitrine.Failed, "the database refuses (%s: %s): nothing was kept; correct the declaration or the database", code, words)
}

// unknown is any other failure: its words may show what is stored.
func unknown(err error) error {
	return fmt.Errorf("query database: a failure of type %T", err)
}

// interrupted says of a broken connection what shows nothing that is stored.
func interrupted(err error) error {
	var op *net.OpError
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return &Broken{fmt.Errorf("the database's host is not found: %w", name)}
	case errors.As(err, &op):
		return &Broken{fmt.Errorf("the connection to the database broke: %w", op)}
	}
	return &Broken{fmt.Errorf("the connection to the database broke (%T)", err)}
}
