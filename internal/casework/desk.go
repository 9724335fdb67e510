// Package casework is the desk: the only package that changes a demand. Each
// step is one method and ends in one transaction that appends one event and
// queues the machine's next step inside it; no step calls the next, and every
// step does nothing if it was done before, so a killed process loses no work
// and repeats none. People's steps (receive, review, approve, decide, void) are
// called by commands; the machine's (check, acknowledge, promise, collect, seal,
// deliver) only by the queue. An event's facts are queued for the ledger in its
// own transaction; Count has the ledgers take them, and Receipts proves it.
// The collecting step verifies the approvers' signatures itself against the
// policy it was given; a row of the database authorises nothing.
package casework

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/authority"
	"github.com/vitrine-project/vitrine/internal/blob"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/ledger"
	"github.com/vitrine-project/vitrine/mandate"
)

// Desk joins what the steps need. Fields are set once, before the first call.
type Desk struct {
	DB        *store.DB
	Originals *blob.Dir // the papers that came with demands
	Holds     *blob.Dir // collected items, sealed to the provider's hold key
	Packages  *blob.Dir // sealed volumes and their envelopes
	Spool     string    // a directory for what a step needs for its own duration
	// Unfinished is a directory for what a collection in pieces needs from piece
	// to piece.
	Unfinished string
	// Piece is where a piece of a collection ends; zero: UsualPiece.
	Piece     collect.Limit
	Ring      *keyring.Ring
	Provider  string
	Policy    mandate.Policy
	Directory authority.Directory
	Sources   []collect.Configured
	Outbox    string // where Deliver hands volumes over
	Records   string // a directory: what auditors and courts were given and gave
	// Catalogue returns the version that collections run under, or refuses them;
	// nil if the provider has none.
	Catalogue func() (*vitrine.CatalogueVersion, error)
	// Only limits the machine's steps to one demand, so that a command that
	// answers one demand hands over no other's; "" works on all.
	Only vitrine.ID
	Now  func() time.Time
	// Today is the day that a person says it is, where the clock alone is not
	// believed; "" says nothing.
	Today string
	// Books are the ledgers that count; a class without one is not counted.
	Books map[ledger.Class]*Book
	// Counting is told of each tick that is made, and of the present.
	Counting func(h *ledger.Header, tick uint64, now time.Time)
	// Collecting and Sealing are told how far the long steps are.
	Collecting func(collect.Progress)
	Sealing    func(done, total int64)
	// Failed is told of every failure of a machine's step; the queue tries again.
	Failed func(step string, id vitrine.ID, err error)
	// Reached is called at each of Points, for tests that kill the process there.
	Reached func(point string)
}

func (d *Desk) reached(point string) {
	if d.Reached != nil {
		d.Reached(point)
	}
}

// Demand returns the demand as it stands.
func (d *Desk) Demand(ctx context.Context, id vitrine.ID) (vitrine.Demand, error) {
	var dem vitrine.Demand
	err := d.DB.View(ctx, func(tx *store.Tx) (err error) {
		dem, err = tx.Demand(id)
		return err
	})
	return dem, err
}

// Events returns all that happened to a demand, in order.
func (d *Desk) Events(ctx context.Context, id vitrine.ID) ([]vitrine.Event, error) {
	var events []vitrine.Event
	err := d.DB.View(ctx, func(tx *store.Tx) (err error) {
		events, err = tx.Events(id)
		return err
	})
	return events, err
}

// errDone says that a step finds its work done, or void; nothing is appended.
var errDone = errors.New("nothing left to do")

// record appends the event that step makes of the demand as it stands, and
// queues what the lifecycle says follows, in one transaction. A step that
// returns errDone leaves everything as it is.
func (d *Desk) record(ctx context.Context, id vitrine.ID, by string, step func(vitrine.Demand) (vitrine.Event, error)) error {
	err := d.DB.Update(ctx, func(tx *store.Tx) error {
		dem, err := tx.Demand(id)
		if err != nil {
			return err
		}
		e, err := step(dem)
		if err != nil {
			return err
		}
		e.Seq, e.At, e.By = dem.Seq+1, d.Now().UTC(), by
		if err := tx.Append(id, e); err != nil {
			return err
		}
		if err := d.count(tx, dem, e); err != nil {
			return err
		}
		for _, s := range vitrine.Steps {
			if s.Stage != e.Stage {
				continue
			}
			for _, next := range s.Queues {
				if err := tx.Enqueue(next, id); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// Receive keeps the document and records the demand. The same demand again
// returns its id and changes nothing. A demand that differs from an earlier
// one only in how its paper was read takes that one's place, unless data was
// collected for it.
func (d *Desk) Receive(ctx context.Context, sub vitrine.Submission, document []byte, by string) (vitrine.ID, error) {
	digest, size, err := d.Originals.Put(bytes.NewReader(document))
	if err != nil {
		return "", fmt.Errorf("keep document: %w", err)
	}
	d.reached("receive: document kept")
	sub.Document.SHA256, sub.Document.Size = digest, size
	id := sub.ID()
	if err := d.replace(ctx, id, sub, by); err != nil {
		return "", err
	}
	return id, d.record(ctx, id, by, func(dem vitrine.Demand) (vitrine.Event, error) {
		if dem.Stage != vitrine.New && !d.introduced(dem) {
			return vitrine.Event{}, errDone
		}
		return vitrine.Event{Stage: vitrine.Received, Submission: &sub}, nil
	})
}

// introduced reports whether a demand was refused as a stranger's, who is in the
// directory of authorities now.
func (d *Desk) introduced(dem vitrine.Demand) bool {
	_, known := d.Directory.Find(dem.Submission.Authority)
	return known && dem.Stage == vitrine.Rejected && dem.Refusal.Ground == vitrine.UnknownAuthority
}

// Replaced is the ground of a demand that ended because its paper was read
// anew. No letter goes out for it: the authority sent one demand.
const Replaced = "replaced"

// replace ends earlier readings of the same paper.
func (d *Desk) replace(ctx context.Context, id vitrine.ID, sub vitrine.Submission, by string) error {
	var earlier []vitrine.Demand
	err := d.DB.View(ctx, func(tx *store.Tx) error {
		others, err := tx.BySubject(sub.Subject())
		if err != nil {
			return err
		}
		for _, other := range others {
			dem, err := tx.Demand(other)
			if err != nil {
				return err
			}
			if other != id && dem.Stage != vitrine.Rejected {
				earlier = append(earlier, dem)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, dem := range earlier {
		if dem.Collection != nil {
			return vitrine.Refusef(vitrine.Usage, "demand %q of %s with this very document was answered before with other particulars (as %s, now %s): "+
				"restore the demand file it was answered by, or, if the authority amended the demand, name the amended document", sub.Reference, sub.Authority, dem.ID, dem.Stage)
		}
		why := &vitrine.Refusal{Kind: vitrine.Refused, Ground: Replaced, Text: "its paper was read anew, as demand " + string(id)}
		if err := d.Refuse(ctx, dem.ID, why, by); err != nil {
			return err
		}
	}
	return nil
}

// Refuse ends a demand with a ground. The refusal's letter follows by the queue.
func (d *Desk) Refuse(ctx context.Context, id vitrine.ID, why *vitrine.Refusal, by string) error {
	return d.record(ctx, id, by, func(dem vitrine.Demand) (vitrine.Event, error) {
		if dem.Stage == vitrine.Rejected {
			return vitrine.Event{}, errDone
		}
		return vitrine.Event{Stage: vitrine.Rejected, Refusal: why}, nil
	})
}

// Void ends a demand that its authority withdrew or a court set aside. What was
// handed over before stays handed over; what was counted stays counted, as void.
func (d *Desk) Void(ctx context.Context, id vitrine.ID, why *vitrine.Refusal, by string) error {
	return d.record(ctx, id, by, func(dem vitrine.Demand) (vitrine.Event, error) {
		if dem.Stage == vitrine.Voided {
			return vitrine.Event{}, errDone
		}
		return vitrine.Event{Stage: vitrine.Voided, Refusal: why}, nil
	})
}

// Review fixes the scope, and with it the text that approvers sign. A demand
// that was already mandated falls back to reviewed: a new scope needs new
// signatures. If the text stays the same, nothing happens.
func (d *Desk) Review(ctx context.Context, id vitrine.ID, granted vitrine.Scope, differences []vitrine.Difference, by string) error {
	before, err := d.Demand(ctx, id)
	if err != nil {
		return err
	}
	held, err := d.preservedSources(ctx, granted, before.Submission)
	if err != nil {
		return err
	}
	return d.record(ctx, id, by, func(dem vitrine.Demand) (vitrine.Event, error) {
		st, err := d.Statement(dem, granted, held...)
		if err != nil {
			return vitrine.Event{}, err
		}
		text := st.Text()
		if dem.Statement == text && (dem.Stage == vitrine.Reviewed || dem.Stage == vitrine.Mandated) {
			return vitrine.Event{}, errDone
		}
		return vitrine.Event{Stage: vitrine.Reviewed, Scope: &granted, Differences: differences, Statement: text}, nil
	})
}

// Approve turns signatures over the reviewed statement into a mandate, if they
// are enough under the policy.
func (d *Desk) Approve(ctx context.Context, id vitrine.ID, approvals []vitrine.Approval, by string) error {
	return d.record(ctx, id, by, func(dem vitrine.Demand) (vitrine.Event, error) {
		if dem.Stage == vitrine.Mandated {
			return vitrine.Event{}, errDone
		}
		m, err := d.verify(dem, approvals)
		if err != nil {
			return vitrine.Event{}, err
		}
		return vitrine.Event{Stage: vitrine.Mandated, Mandate: m.Digest(), Approvals: approvals, Approvers: m.Approvers()}, nil
	})
}

// verify turns signatures over a demand's statement into its mandate. The
// statement must be about that demand, paper and scope: another demand's, with
// its good signatures, is no mandate here.
func (d *Desk) verify(dem vitrine.Demand, approvals []vitrine.Approval) (mandate.Mandate, error) {
	st, err := mandate.ParseStatement([]byte(dem.Statement))
	if err != nil {
		return mandate.Mandate{}, fmt.Errorf("read statement: %w", err)
	}
	ds, err := dem.Granted.Narrowed(st.Scope)
	sub := dem.Submission
	if err != nil || len(ds) > 0 || st.Demand != dem.ID || st.Document != sub.Document.SHA256 || st.Authority != sub.Authority ||
		st.Reference != sub.Reference || st.Instrument != sub.Instrument {
		return mandate.Mandate{}, &vitrine.Refusal{Kind: vitrine.Refused, Ground: "mandate", Text: fmt.Sprintf("the signed statement is not about demand %s as it was received and reviewed", dem.ID)}
	}
	return d.Policy.Verify(st, approvals, d.Now())
}

// Decide records a signed ruling on undeterminable items; a further volume
// with those to be produced follows by the queue.
func (d *Desk) Decide(ctx context.Context, id vitrine.ID, r mandate.Ruling, approvals []vitrine.Approval, by string) error {
	names, err := d.Policy.VerifyRuling(r, approvals)
	if err != nil {
		return err
	}
	decisions := vitrine.Decisions{}
	for _, it := range r.Items {
		if it.Produce {
			decisions.Produced = append(decisions.Produced, it.Number)
		} else {
			decisions.Withheld = append(decisions.Withheld, it.Number)
		}
	}
	return d.record(ctx, id, by, func(dem vitrine.Demand) (vitrine.Event, error) {
		if preserves(dem) {
			return vitrine.Event{}, vitrine.Refusef(vitrine.Usage, "demand %s preserves, and hands nothing over: its items are decided under the later demand that they are asked for with", id)
		}
		if dem.Collection == nil || r.Mandate != dem.Mandate || r.Hold != dem.Collection.Hold {
			return vitrine.Event{}, vitrine.Refusef(vitrine.Refused, "the decisions are about another collection than the one held for demand %s", id)
		}
		return vitrine.Event{Stage: vitrine.Decided, Mandate: dem.Mandate, Statement: r.Text(), Approvals: approvals, Approvers: names, Decisions: &decisions}, nil
	})
}
