package truth

import (
	"slices"
	"time"
)

// Verdict is what must become of an item: "in", "out", "undeterminable" or
// "unreadable", and the code of the reason where one is recorded.
type Verdict struct{ Decision, Reason string }

const (
	in   = "in"
	out  = "out"
	open = "undeterminable"
)

// fields are those in which an address makes somebody a correspondent.
var fields = []string{"From", "Sender", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Bcc"}

// Judge says what must become of an item, from what was planted alone.
// spec/production.md, "How an item is decided", has the rules. Times are judged
// by asking of the seconds that a time can be whether all, none or some of them
// lie in the period.
func (s Scope) Judge(it Item) Verdict {
	if !slices.Contains(s.Categories, it.Category) {
		return Verdict{out, ""}
	}
	if it.Unbounded {
		return Verdict{open, "boundary-uncertain"}
	}
	v := s.when(it)
	if it.Broken {
		if !s.Sent && v.Decision == out {
			return v
		}
		return Verdict{"unreadable", ""}
	}
	if v = s.who(it, v); v.Decision == in && it.Sealed {
		v.Reason = "e2ee-no-provider-key"
	}
	return v
}

func (s Scope) when(it Item) Verdict {
	switch {
	case it.Lasting:
		return s.held(it.Received)
	case s.Sent:
		return s.sent(it)
	}
	switch d := s.covers(it.Received); {
	case d != open:
		return Verdict{d, "received"}
	case it.Received.From.IsZero():
		return Verdict{open, "received-unknown"}
	}
	return Verdict{open, "received-straddles"}
}

// held judges what held true over a time: one second in the period is enough.
func (s Scope) held(t Span) Verdict {
	first, last := t.From, t.To
	if first.IsZero() {
		first = s.From.Add(-time.Second)
	}
	if last.IsZero() {
		last = s.To
	}
	if s.contains(first) || s.contains(last) || first.Before(s.From) && !last.Before(s.To) {
		return Verdict{in, "lasting"}
	}
	return Verdict{out, ""}
}

// sent judges by all Dates, and by the record where one of them does not tell.
func (s Scope) sent(it Item) Verdict {
	said := map[string]int{}
	edge := false
	for _, d := range it.Sent {
		c := s.covers(d)
		said[c]++
		edge = edge || c == open && !d.From.IsZero()
	}
	if said[in] > 0 && said[out] > 0 {
		return Verdict{open, "sent-conflict"}
	}
	if len(it.Sent) > 0 && said[open] == 0 {
		for _, d := range []string{in, out} {
			if said[d] > 0 {
				return Verdict{d, "sent"}
			}
		}
	}
	record := s.covers(it.Received)
	switch {
	case record == in && said[out] > 0 || record == out && said[in] > 0:
		return Verdict{open, "sent-conflict"}
	case record != open:
		return Verdict{record, "sent-fallback-received"}
	case edge:
		return Verdict{open, "sent-straddles"}
	}
	return Verdict{open, "sent-unknown"}
}

// who narrows a verdict to the correspondents.
func (s Scope) who(it Item, v Verdict) Verdict {
	if len(s.Correspondents) == 0 || v.Decision == out {
		return v
	}
	hidden := false
	for _, f := range fields {
		for _, a := range it.Fields[f] {
			if slices.Contains(s.Correspondents, a) {
				return v
			}
		}
		hidden = hidden || it.Hidden[f]
	}
	switch {
	case !hidden:
		return Verdict{out, ""}
	case v.Decision == in:
		return Verdict{open, "correspondents-doubtful"}
	}
	return v
}

func (s Scope) contains(t time.Time) bool {
	return t.Unix() >= s.From.Unix() && t.Unix() <= s.To.Unix()-1
}

// covers counts seconds instead of comparing ends. Of long times it looks at
// the seconds beside an edge only: between two edges all are alike.
func (s Scope) covers(t Span) string {
	if t.From.IsZero() {
		return open
	}
	inside, all := 0, 0
	for _, at := range append([]time.Time{t.From, t.To}, s.beside(t)...) {
		all++
		if s.contains(at) {
			inside++
		}
	}
	switch inside {
	case 0:
		return out
	case all:
		return in
	}
	return open
}

// beside are the seconds of t on both sides of each edge.
func (s Scope) beside(t Span) (seconds []time.Time) {
	for _, e := range []time.Time{s.From.Add(-time.Second), s.From, s.To.Add(-time.Second), s.To} {
		if e.After(t.From) && e.Before(t.To) {
			seconds = append(seconds, e)
		}
	}
	return seconds
}
