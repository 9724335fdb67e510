package collect

import (
	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

// place is where a time lies, as far as it is known, against a period.
type place int

const (
	nowhere place = iota // nothing is known
	inside
	outside
	astride // partly inside
)

// side returns where all the instants of t lie. The period's end is outside.
func side(p vitrine.Period, t production.Interval) place {
	switch {
	case !t.Known() || t.To.Before(t.From):
		return nowhere
	case t.To.Before(p.From()) || !t.From.Before(p.To()):
		return outside
	case !t.From.Before(p.From()) && t.To.Before(p.To()):
		return inside
	}
	return astride
}

// sidesOf is where several Dates lie together: inside or outside if all do,
// astride if they disagree or any is astride, nowhere if any is unknown.
func sidesOf(p vitrine.Period, dates []production.Interval) place {
	if len(dates) == 0 {
		return nowhere
	}
	all := side(p, dates[0])
	for _, d := range dates[1:] {
		switch at := side(p, d); {
		case at == nowhere || all == nowhere:
			all = nowhere
		case at != all:
			all = astride
		}
	}
	return all
}

func opposed(a, b place) bool { return a == inside && b == outside || a == outside && b == inside }

// lasting decides on what held true over a time that may be open on either
// side: any of the period is enough.
func lasting(p vitrine.Period, t production.Interval) Verdict {
	if !t.From.IsZero() && !t.From.Before(p.To()) || !t.To.IsZero() && t.To.Before(p.From()) {
		return Verdict{Decision: Out, Reason: ReasonLasting}
	}
	return Verdict{Decision: In, Reason: ReasonLasting}
}

func byReceived(p vitrine.Period, it Item) Verdict {
	switch side(p, it.Received) {
	case inside:
		return Verdict{Decision: In, Reason: ReasonReceived}
	case outside:
		return Verdict{Decision: Out, Reason: ReasonReceived}
	case astride:
		return Verdict{Decision: Undeterminable, Reason: ReasonReceivedEdge}
	}
	return Verdict{Decision: Undeterminable, Reason: ReasonReceivedUnknown}
}

// bySent goes by the Date headers, all of them. Where one does not tell, the
// store's own record must tell, and must not contradict one that does.
func bySent(p vitrine.Period, it Item) Verdict {
	var ins, outs, edges, unknown int
	for _, d := range it.Sent {
		switch side(p, d) {
		case inside:
			ins++
		case outside:
			outs++
		case astride:
			edges++
		case nowhere:
			unknown++
		}
	}
	if ins > 0 && outs > 0 {
		return Verdict{Decision: Undeterminable, Reason: ReasonSentConflict}
	}
	if edges+unknown == 0 && ins > 0 {
		return Verdict{Decision: In, Reason: ReasonSent}
	}
	if edges+unknown == 0 && outs > 0 {
		return Verdict{Decision: Out, Reason: ReasonSent}
	}
	return fallBack(side(p, it.Received), ins, outs, edges)
}

// fallBack decides by the time of arrival where the Dates do not tell.
func fallBack(arrival place, ins, outs, edges int) Verdict {
	switch {
	case arrival == inside && outs > 0 || arrival == outside && ins > 0:
		return Verdict{Decision: Undeterminable, Reason: ReasonSentConflict}
	case arrival == inside:
		return Verdict{Decision: In, Reason: ReasonSentFallback}
	case arrival == outside:
		return Verdict{Decision: Out, Reason: ReasonSentFallback}
	case edges > 0:
		return Verdict{Decision: Undeterminable, Reason: ReasonSentEdge}
	}
	return Verdict{Decision: Undeterminable, Reason: ReasonSentUnknown}
}
