package vitrine

import (
	"fmt"
	"maps"
	"slices"
)

// Stage is where a demand stands.
type Stage string

// The stages. A demand without events is New.
const (
	New       Stage = ""
	Received  Stage = "received"
	Verified  Stage = "verified"
	Reviewed  Stage = "reviewed"
	Mandated  Stage = "mandated"
	Collected Stage = "collected"
	Decided   Stage = "decided"
	Produced  Stage = "produced"
	Delivered Stage = "delivered"
	Rejected  Stage = "refused"
	Voided    Stage = "voided"
	Extended  Stage = "extended"
	Released  Stage = "released"
)

// Step is one row of the lifecycle: from which stages an event may come, what
// it says, and which of the machine's steps is queued in the same transaction;
// none where people act next.
type Step struct {
	Stage  Stage
	From   []Stage
	Says   string
	Queues []string
	fold   func(*Demand, Event) error
}

// Steps is the lifecycle, the only place where the order of things is written
// down. docs/lifecycle.md is generated from it.
var Steps = []Step{
	{Received, []Stage{New, Rejected}, "the demand was received and its document kept; again, if its sender was refused as a stranger", []string{"check", "acknowledge"}, foldReceived},
	{Verified, []Stage{Received}, "who asks was checked against the directory of authorities", []string{"promise"}, foldNothing},
	{Reviewed, []Stage{Verified, Reviewed, Mandated}, "the scope was fixed, as asked or narrowed; earlier signatures are void", nil, foldReviewed},
	{Mandated, []Stage{Reviewed}, "enough approvers signed exactly that scope", []string{"collect"}, foldMandated},
	{Collected, []Stage{Mandated}, "the collector ran the mandate; what is in or undeterminable is held", []string{"seal"}, foldCollected},
	{Decided, []Stage{Collected, Produced, Delivered}, "undeterminable items were produced or withheld under signatures", []string{"seal"}, foldDecided},
	{Produced, []Stage{Collected, Decided}, "a volume was sealed to the authority's key", []string{"deliver"}, foldProduced},
	{Delivered, []Stage{Produced, Delivered}, "the volumes were handed over", nil, foldDelivered},
	{Rejected, []Stage{Received, Verified, Reviewed, Mandated}, "the demand was refused, with the ground", []string{"deliver"}, foldRefused},
	{Extended, []Stage{Collected, Extended}, "what is preserved is kept for longer, on a renewed request", nil, foldExtended},
	{Released, []Stage{Collected, Extended}, "what was preserved was destroyed: its time was over, or the request was withdrawn", nil, foldReleased},
	{Voided, []Stage{Received, Verified, Reviewed, Mandated, Collected, Extended, Decided, Produced, Delivered}, "the authority withdrew the demand, or a court set it aside", nil, foldRefused},
}

// Apply returns the demand after e, or says why e cannot follow.
func (d Demand) Apply(e Event) (Demand, error) {
	i := slices.IndexFunc(Steps, func(s Step) bool { return s.Stage == e.Stage })
	if i < 0 {
		return d, fmt.Errorf("stage %q is not in the lifecycle", e.Stage)
	}
	if !slices.Contains(Steps[i].From, d.Stage) {
		return d, fmt.Errorf("%q cannot follow %q", e.Stage, d.Stage)
	}
	if e.Seq != d.Seq+1 {
		return d, fmt.Errorf("event %d follows event %d", e.Seq, d.Seq)
	}
	if e.At.IsZero() || e.By == "" {
		return d, fmt.Errorf("event %d does not say when and by whom", e.Seq)
	}
	next := d
	if err := Steps[i].fold(&next, e); err != nil {
		return d, err
	}
	next.Seq, next.Stage, next.UpdatedAt = e.Seq, e.Stage, e.At
	return next, nil
}

func foldNothing(*Demand, Event) error { return nil }

// UnknownAuthority is the ground of a demand that is none, since nobody in the
// directory of authorities sent it. Once its sender is in there, the same paper
// is received again, as a demand.
const UnknownAuthority = "authority-known"

func foldReceived(d *Demand, e Event) error {
	if e.Submission == nil {
		return fmt.Errorf("received nothing")
	}
	if id := e.Submission.ID(); id != d.ID {
		return fmt.Errorf("submission %s received as demand %s", id, d.ID)
	}
	if d.Stage == Rejected && d.Refusal.Ground != UnknownAuthority {
		return fmt.Errorf("received again after it was refused")
	}
	*d = Demand{ID: d.ID, Submission: *e.Submission}
	return nil
}

// foldReviewed voids whatever was signed before: a new scope needs new
// signatures.
func foldReviewed(d *Demand, e Event) error {
	if e.Scope == nil || e.Statement == "" {
		return fmt.Errorf("reviewed without a scope and the statement to be signed")
	}
	differences, err := d.Submission.Asked.Narrowed(*e.Scope)
	if err != nil {
		return err
	}
	if len(differences) != len(e.Differences) {
		return fmt.Errorf("%d differences between grant and demand, %d of them with a reason", len(differences), len(e.Differences))
	}
	for _, r := range e.Differences {
		if r.Reason == "" {
			return fmt.Errorf("the difference in %s has no reason", r.Field)
		}
	}
	d.Granted, d.Differences, d.Statement = *e.Scope, e.Differences, e.Statement
	d.Mandate, d.Approvals, d.Approvers = Digest{}, nil, nil
	return nil
}

func foldMandated(d *Demand, e Event) error {
	if e.Mandate != DigestOf([]byte(d.Statement)) {
		return fmt.Errorf("the signatures are over another statement than the reviewed one")
	}
	if len(e.Approvals) == 0 || len(e.Approvers) == 0 {
		return fmt.Errorf("mandated without signatures")
	}
	d.Mandate, d.Approvals, d.Approvers = e.Mandate, e.Approvals, e.Approvers
	return nil
}

func (d *Demand) underMandate(e Event) error {
	if d.Mandate.IsZero() || e.Mandate != d.Mandate {
		return fmt.Errorf("%q without a mandate on the granted scope", e.Stage)
	}
	return nil
}

func foldCollected(d *Demand, e Event) error {
	if err := d.underMandate(e); err != nil {
		return err
	}
	if e.Collection == nil || !e.Collection.Closed() {
		return fmt.Errorf("collected without closed sums")
	}
	var sum Counts
	for _, c := range e.Collection.Containers {
		if !c.Closed() {
			return fmt.Errorf("the sums of container %q do not close", c.Name)
		}
		sum = sum.Add(c.Counts)
	}
	if sum != e.Collection.Counts {
		return fmt.Errorf("the containers do not add up to the collection")
	}
	d.Collection = e.Collection
	return nil
}

func foldDecided(d *Demand, e Event) error {
	if err := d.underMandate(e); err != nil {
		return err
	}
	if e.Decisions == nil || len(e.Approvers) == 0 || e.Statement == "" {
		return fmt.Errorf("decided without a signed statement")
	}
	decided := maps.Clone(d.Decided)
	if decided == nil {
		decided = map[int64]bool{}
	}
	for i, numbers := range [][]int64{e.Decisions.Produced, e.Decisions.Withheld} {
		for _, n := range numbers {
			if _, twice := decided[n]; twice {
				return fmt.Errorf("item %d is decided twice", n)
			}
			decided[n] = i == 0
		}
	}
	if int64(len(decided)) > d.Collection.Undeterminable {
		return fmt.Errorf("%d items decided, %d undeterminable", len(decided), d.Collection.Undeterminable)
	}
	d.Decided = decided
	d.Pending = append(slices.Clone(d.Pending), e.Decisions.Produced...)
	return nil
}

// foldProduced accepts a volume that holds exactly what is due: first all
// items in scope, later only what was decided.
func foldProduced(d *Demand, e Event) error {
	if err := d.underMandate(e); err != nil {
		return err
	}
	if e.Package == nil || e.Package.Volume != len(d.Packages)+1 {
		return fmt.Errorf("produced volumes out of order")
	}
	due := int64(len(d.Pending))
	if len(d.Packages) == 0 {
		due += d.Collection.In
	}
	if e.Package.Items != due {
		return fmt.Errorf("the volume holds %d items, %d are due", e.Package.Items, due)
	}
	if e.Package.Open != d.Open() {
		return fmt.Errorf("the volume says %d items are open, %d are", e.Package.Open, d.Open())
	}
	d.Packages = append(slices.Clone(d.Packages), *e.Package)
	d.Pending = nil
	return nil
}

func foldDelivered(d *Demand, e Event) error {
	if e.To == "" {
		return fmt.Errorf("delivered nowhere")
	}
	d.To = e.To
	return d.underMandate(e)
}

func foldExtended(d *Demand, e Event) error {
	if e.Renewal == nil || e.Renewal.Document.SHA256.IsZero() {
		return fmt.Errorf("extended without the paper that renews it")
	}
	d.Renewals = append(slices.Clone(d.Renewals), *e.Renewal)
	return d.underMandate(e)
}

func foldReleased(d *Demand, e Event) error {
	if err := d.underMandate(e); err != nil {
		return err
	}
	return foldRefused(d, e)
}

func foldRefused(d *Demand, e Event) error {
	if e.Refusal == nil || e.Refusal.Text == "" {
		return fmt.Errorf("refused without a reason")
	}
	d.Refusal = e.Refusal
	return nil
}
