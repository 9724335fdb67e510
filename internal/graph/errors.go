package graph

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/vitrine-project/vitrine"
)

// Broken is a failure after which the same request may be made again.
type Broken struct{ Err error }

func (b *Broken) Error() string { return b.Err.Error() }
func (b *Broken) Unwrap() error { return b.Err }

func brokenf(format string, args ...any) error { return &Broken{fmt.Errorf(format, args...)} }

// Status is a request that Graph refused.
type Status struct {
	Code   int    // of HTTP
	Reason string // Graph's own code, such as "ErrorItemNotFound"
	Text   string // Graph's own words
}

func (s *Status) Error() string {
	return fmt.Sprintf("Microsoft Graph answers %d %s (%s: %q)", s.Code, http.StatusText(s.Code), s.Reason, s.Text)
}

// Refused reports whether err is a refusal with that code of HTTP, and returns
// it.
func Refused(err error, code int) (*Status, bool) {
	var s *Status
	if errors.As(err, &s) && s.Code == code {
		return s, true
	}
	return nil, false
}

// nonsense is what Graph never says. It is final: an answer that makes no sense
// makes none the second time, either, and what is in it cannot be relied on.
func nonsense(format string, args ...any) error {
	return vitrine.Refusef(vitrine.Failed, "Microsoft Graph answers what makes no sense (%s): nothing was kept; see that the address in the config is Graph's", fmt.Sprintf(format, args...))
}
