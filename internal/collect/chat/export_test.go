package chat

import (
	"time"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// Hurry shortens how long a homeserver may take.
func Hurry(s collect.Source, d time.Duration) {
	c := s.(*matrix).client
	c.answer, c.idle = d, d
	c.waits = []time.Duration{time.Millisecond, time.Millisecond}
}
