package mail

import (
	"net/http"
	"time"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// Impatient has a source wait for a silent server no longer than that.
func Impatient(s collect.Source, wait time.Duration) collect.Source {
	switch s := s.(type) {
	case *imaps:
		s.dial.wait = wait
	case *jmaps:
		s.caller.wait = wait
		s.caller.client.Transport.(*http.Transport).ResponseHeaderTimeout = wait
	}
	return s
}
