package collect

import (
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

// Decision is what becomes of an item that was seen.
type Decision string

// The decisions: every item that is seen gets exactly one.
const (
	In             = Decision(production.In)
	Out            = Decision("out")
	Undeterminable = Decision(production.Undeterminable)
	Unreadable     = Decision("unreadable")
)

// Reason is a code: why an item is in, out, or for people to decide.
type Reason string

// The reasons; spec/production.md explains each.
const (
	ReasonReceived        Reason = "received"               // in or out by the store's own record
	ReasonLasting         Reason = "lasting"                // in or out by how long it held true
	ReasonSent            Reason = "sent"                   // in or out by the Date header
	ReasonSentFallback    Reason = "sent-fallback-received" // the Date header does not tell, the store's record does
	ReasonReceivedUnknown Reason = "received-unknown"       // the store keeps no time of arrival
	ReasonReceivedEdge    Reason = "received-straddles"     // the record is an interval over an edge of the period
	ReasonSentUnknown     Reason = "sent-unknown"           // no Date header tells, nor does the store's record
	ReasonSentEdge        Reason = "sent-straddles"         // the same, with a Date over an edge of the period
	ReasonSentConflict    Reason = "sent-conflict"          // several times, some inside and some outside
	ReasonCategory        Reason = "category"               // the item is of a category that is not in scope
	ReasonNoCorrespondent Reason = "no-correspondent"       // none of the demanded correspondents occurs
	ReasonCorrespondents  Reason = "correspondents-doubtful"
	ReasonUncertain       Reason = "boundary-uncertain" // nobody can tell where the item begins or ends
	ReasonNotMember       Reason = "not-member"         // the account was not in the conversation then
	ReasonMembership      Reason = "membership-unknown" // nobody can tell whether it was
	ReasonEndToEnd        Reason = "e2ee-no-provider-key"
	ReasonNoKeyword       Reason = "no-keyword"           // all of it was searched, and says none of the demanded keywords
	ReasonNotSearched     Reason = "keyword-not-searched" // what could be searched says none, and not all could
	ReasonUnreadable      Reason = "unreadable"
	ReasonIdentifier      Reason = "identifier-ambiguous" // it would be in, if the account is the one meant
)

// Flags that the comparison adds to an item's own.
const (
	FlagClockConflict = "clock-conflict"   // in by one clock and out by the other
	FlagMultipleDate  = "multiple-date"    // more than one Date header
	FlagImplausible   = "implausible-date" // the Date lies long after the arrival
)

// afterArrival is how far a sender's clock may be ahead of the store's.
const afterArrival = 48 * time.Hour

// Verdict is the decision on one item, with what it rests on.
type Verdict struct {
	Decision Decision
	Reason   Reason
	Matched  []string            // header fields in which a demanded correspondent occurs
	Sent     production.Interval // the Date that decided, or the first
	Flags    []string            // sorted; the item's own and those of the comparison
}

// Decide compares one item with a scope. It is a function of its arguments
// alone. Whatever excludes an item must do so for certain: an account, a
// category, a time or a correspondent that is in doubt excludes nothing.
func Decide(s vitrine.Scope, it Item) Verdict {
	v := Verdict{Flags: flags(it), Sent: first(it.Sent)}
	if !slices.Contains(s.Categories, it.Category) {
		v.Decision, v.Reason = Out, ReasonCategory
		return v
	}
	if it.Membership == NotMember {
		v.Decision, v.Reason = Out, ReasonNotMember
		return v
	}
	received, sent := byReceived(s.Period, it), bySent(s.Period, it)
	when := received
	switch {
	case it.Lasting:
		when = lasting(s.Period, it.Received)
	case s.Clock == vitrine.ClockSent:
		when = sent
		v.Sent = decisive(s.Period, it.Sent, sent.Decision)
	}
	v.Decision, v.Reason = when.Decision, when.Reason
	if opposed(side(s.Period, it.Received), sidesOf(s.Period, it.Sent)) {
		v.Flags = append(v.Flags, FlagClockConflict)
	}
	v.correspondents(s, it)
	v.doubts(s, it)
	v.conversation(it)
	slices.Sort(v.Flags)
	v.Flags = slices.Compact(v.Flags)
	return v
}

// correspondents narrows a verdict by time to the demanded correspondents.
func (v *Verdict) correspondents(s vitrine.Scope, it Item) {
	if len(s.Correspondents) == 0 || it.Unreadable != "" {
		return
	}
	matched, doubtful := match(s.Correspondents, it)
	v.Matched = matched
	switch {
	case v.Decision == Out || len(matched) > 0:
	case doubtful && v.Decision == In:
		v.Decision, v.Reason = Undeterminable, ReasonCorrespondents
	case !doubtful:
		v.Decision, v.Reason = Out, ReasonNoCorrespondent
	}
}

// doubts takes back what an unreadable or unbounded item cannot bear: only a
// record that the store keeps beside the bytes can still put it outside.
func (v *Verdict) doubts(s vitrine.Scope, it Item) {
	excluded := s.Clock == vitrine.ClockReceived && side(s.Period, it.Received) == outside
	switch {
	case it.Uncertain != "":
		// What lies inside may be another item with another time.
		v.Decision, v.Reason = Undeterminable, ReasonUncertain
	case it.Unreadable != "" && !excluded:
		v.Decision, v.Reason, v.Matched = Unreadable, ReasonUnreadable, nil
	}
}

// conversation leaves to people what is in by its time and was perhaps said
// without the account, and says of ciphertext that it is one.
func (v *Verdict) conversation(it Item) {
	switch {
	case v.Decision != In:
	case it.Membership == MembershipUnknown:
		v.Decision, v.Reason = Undeterminable, ReasonMembership
	case it.EndToEnd:
		v.Reason = ReasonEndToEnd
	}
}

func flags(it Item) []string {
	flags := slices.Clone(it.Flags)
	if len(it.Sent) > 1 {
		flags = append(flags, FlagMultipleDate)
	}
	for _, d := range it.Sent {
		if d.Known() && it.Received.Known() && d.From.After(it.Received.To.Add(afterArrival)) {
			flags = append(flags, FlagImplausible)
		}
	}
	return flags
}

func first(dates []production.Interval) production.Interval {
	if len(dates) == 0 {
		return production.Interval{}
	}
	return dates[0]
}

// decisive is the first Date that lies where the decision puts the item.
func decisive(p vitrine.Period, dates []production.Interval, d Decision) production.Interval {
	for _, t := range dates {
		if at := side(p, t); d == In && at == inside || d == Out && at == outside {
			return t
		}
	}
	return first(dates)
}
