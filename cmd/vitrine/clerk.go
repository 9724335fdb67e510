package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/intake"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/mandate"
)

// clerk does for one demand what people do: review, approve, decide, and wait
// for the machine in between.
type clerk struct {
	answerCall
	desk   *casework.Desk
	id     vitrine.ID
	papers papers
	failed chan error
	asked  int // the event after which a hand-over was asked for
}

func (c *clerk) stepFailed(step string, _ vitrine.ID, err error) {
	select {
	case c.failed <- fmt.Errorf("%s: %w", step, err):
	default:
	}
}

// advance takes the demand as far as the command line allows.
func (c *clerk) advance(ctx context.Context) (dem vitrine.Demand, err error) {
	// A mandate over another text than today's config gives must not run, so
	// the scope is reviewed before the machine starts.
	if err := c.reviewAgain(ctx); err != nil {
		return vitrine.Demand{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop, err := c.desk.DB.Work(ctx, c.desk.Steps())
	if err != nil {
		return vitrine.Demand{}, err
	}
	defer func() {
		err = errors.Join(err, stop(context.WithoutCancel(ctx)))
		select { // a step that failed after the last event
		case late := <-c.failed:
			err = errors.Join(err, late)
		default:
		}
	}()
	for {
		dem, err = c.desk.Demand(ctx, c.id)
		if err != nil {
			return dem, err
		}
		done, err := c.act(ctx, dem)
		if err != nil || done {
			return dem, err
		}
		select {
		case <-ctx.Done():
			return dem, ctx.Err()
		case err := <-c.failed:
			return dem, err
		case <-time.After(15 * time.Millisecond):
		}
	}
}

func (c *clerk) reviewAgain(ctx context.Context) error {
	dem, err := c.desk.Demand(ctx, c.id)
	if err != nil || dem.Stage != vitrine.Mandated {
		return err
	}
	return c.review(ctx)
}

func (c *clerk) review(ctx context.Context) error {
	err := c.desk.Review(ctx, c.id, c.papers.granted, c.papers.narrowed, operator())
	var r *vitrine.Refusal
	if errors.As(err, &r) && r.Kind == vitrine.Refused {
		return c.desk.Refuse(ctx, c.id, r, operator())
	}
	return err
}

// act does the next thing that people do, and says whether nothing is left to
// wait for.
func (c *clerk) act(ctx context.Context, dem vitrine.Demand) (done bool, err error) {
	if c.refuse != "" && slices.Contains([]vitrine.Stage{vitrine.Verified, vitrine.Reviewed}, dem.Stage) {
		return false, c.desk.Refuse(ctx, c.id, c.refusal(), operator())
	}
	if c.refuse != "" && !slices.Contains([]vitrine.Stage{vitrine.Received, vitrine.Rejected}, dem.Stage) {
		return true, vitrine.Refusef(vitrine.Usage, "demand %s is %s: it is too late to refuse it; see vitrine void", dem.Submission.Reference, dem.Stage)
	}
	switch dem.Stage {
	case vitrine.Verified:
		return false, c.review(ctx)
	case vitrine.Reviewed:
		return c.approveOrWrite(ctx, dem)
	case vitrine.Voided:
		return true, &vitrine.Refusal{Kind: vitrine.Refused, Ground: dem.Refusal.Ground, Text: fmt.Sprintf("demand %s is void since %s (%s): nothing more is done for it", dem.Submission.Reference, dem.UpdatedAt.Format(time.DateOnly), dem.Refusal.Text)}
	case vitrine.Rejected:
		if done, err := c.letterPlaced(ctx, dem); !done || err != nil {
			return false, err
		}
		if c.refuse != "" && *dem.Refusal == *c.refusal() {
			return true, nil
		}
		return true, &vitrine.Refusal{Kind: vitrine.Refused, Ground: dem.Refusal.Ground, Text: "demand " + dem.Submission.Reference + " is refused: " + dem.Refusal.Text + "; send the letter, and what else its sender gets: " + strings.Join(c.papersOf(), ", ")}
	case vitrine.Released:
		return true, &vitrine.Refusal{Kind: vitrine.Refused, Ground: dem.Refusal.Ground, Text: fmt.Sprintf("what demand %s preserved was destroyed on %s (%s): a new request is a new demand, with its own paper", dem.Submission.Reference, dem.UpdatedAt.Format(time.DateOnly), dem.Refusal.Text)}
	case vitrine.Collected, vitrine.Extended:
		if i, ok := law.Lookup(dem.Submission.Instrument); ok && !i.Produces {
			return c.letterPlaced(ctx, dem)
		}
	case vitrine.Delivered:
		return c.afterDelivery(ctx, dem)
	}
	return false, nil
}

// refusal is what a person refuses the demand with.
func (c *clerk) refusal() *vitrine.Refusal {
	return &vitrine.Refusal{Kind: vitrine.Refused, Ground: c.ground, Text: c.refuse}
}

// papersOf are the files of the outbox that the sender of the demand gets.
func (c *clerk) papersOf() []string {
	var list []string
	for _, path := range []string{c.desk.LetterPath(c.id), c.desk.SubmittedPath(c.id), c.desk.PromisesPath(c.id), c.desk.DeclinedPath(c.id)} {
		if _, err := os.Stat(path); err == nil {
			list = append(list, path)
		}
	}
	return list
}

// letterPlaced has the letter handed over if it is not in the outbox yet.
func (c *clerk) letterPlaced(ctx context.Context, dem vitrine.Demand) (bool, error) {
	if _, err := os.Stat(c.desk.LetterPath(c.id)); err != nil {
		return false, c.again(ctx, dem)
	}
	return true, nil
}

// approveOrWrite makes the statement current, then writes it or has it signed.
func (c *clerk) approveOrWrite(ctx context.Context, dem vitrine.Demand) (bool, error) {
	if err := c.review(ctx); err != nil {
		return false, err
	}
	now, err := c.desk.Demand(ctx, c.id)
	if err != nil || now.Seq != dem.Seq {
		return false, err
	}
	if c.statement != "" {
		return true, c.writeStatement(dem.Statement)
	}
	approvals, err := c.sign([]byte(dem.Statement))
	if err != nil {
		return false, err
	}
	return false, c.desk.Approve(ctx, c.id, approvals, operator())
}

func (c *clerk) writeStatement(text string) error {
	if err := replaceFile(c.statement, []byte(text)); err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	fmt.Fprintf(c.stderr, "%s is what is to be signed. Each approver reads it, then:\n  ssh-keygen -Y sign -n %s -f KEY %s\nand the answer goes on with --approve FILE.sig for each, in place of --statement.\n", c.statement, mandate.Namespace, c.statement)
	return nil
}

// sign shows what is signed and collects the signatures of --approve.
func (c *clerk) sign(text []byte) ([]vitrine.Approval, error) {
	var approvals []vitrine.Approval
	for _, path := range c.approve {
		a, err := approve(path, text)
		if err != nil {
			return nil, err
		}
		approvals = append(approvals, a)
	}
	return approvals, nil
}

// afterDelivery decides open items if decisions were given, and hands over
// again if the package is asked for in another place.
func (c *clerk) afterDelivery(ctx context.Context, dem vitrine.Demand) (bool, error) {
	if err := c.sameGrant(dem); err != nil {
		return false, err
	}
	left, err := c.undecided(dem)
	if err != nil {
		return false, err
	}
	if len(left) > 0 {
		return c.decide(ctx, dem, left)
	}
	if c.statement != "" {
		return true, vitrine.Refusef(vitrine.Usage, "demand %s is answered: there is nothing to sign", dem.ID)
	}
	if dem.To != c.desk.Outbox || !c.handedOver(dem) {
		return false, c.again(ctx, dem)
	}
	return true, nil
}

// again asks for one more hand-over, once for each state of the demand.
func (c *clerk) again(ctx context.Context, dem vitrine.Demand) error {
	if c.asked == dem.Seq {
		return nil
	}
	c.asked = dem.Seq
	return c.desk.Redeliver(ctx, dem.ID)
}

func (c *clerk) handedOver(dem vitrine.Demand) bool {
	for _, p := range dem.Packages {
		st, err := os.Stat(c.desk.PackagePath(p))
		if err != nil || st.Size() != p.Size {
			return false
		}
		if _, err := os.Stat(c.desk.PackagePath(p) + ".json"); err != nil {
			return false
		}
	}
	return true
}

// sameGrant refuses another grant once data was collected under the first.
func (c *clerk) sameGrant(dem vitrine.Demand) error {
	ds, err := dem.Granted.Narrowed(c.papers.granted)
	if err == nil && len(ds) == 0 {
		return nil
	}
	if c.grant == "" {
		return nil // the demand alone asks for the package as it was granted
	}
	return vitrine.Refusef(vitrine.Failed, "demand %s was answered under another grant: leave --grant out to have its package again", dem.ID)
}

// undecided are the given decisions that are not recorded yet.
func (c *clerk) undecided(dem vitrine.Demand) ([]intake.Decision, error) {
	var left []intake.Decision
	for _, dec := range c.papers.decisions {
		produced, done := dem.Decided[dec.Number]
		if done && produced != dec.Produce {
			return nil, vitrine.Refusef(vitrine.Refused, "item %d was decided the other way before: a decision is not undone", dec.Number)
		}
		if !done {
			left = append(left, dec)
		}
	}
	return left, nil
}

func (c *clerk) decide(ctx context.Context, dem vitrine.Demand, decisions []intake.Decision) (bool, error) {
	r, err := c.desk.Ruling(dem, decisions)
	if err != nil {
		return false, err
	}
	if c.statement != "" {
		return true, c.writeStatement(r.Text())
	}
	approvals, err := c.sign([]byte(r.Text()))
	if err != nil {
		return false, err
	}
	return false, c.desk.Decide(ctx, c.id, r, approvals, operator())
}

// count brings the ledgers to the present and gives the authority the receipts
// of its demand. What the authority gets otherwise does not wait for it: it is
// called last. A call that failed for a fault counts nothing more.
func (c *clerk) count(ctx context.Context, failed error) error {
	var r *vitrine.Refusal
	if failed != nil && !errors.As(failed, &r) {
		return nil
	}
	if err := c.desk.Count(ctx); err != nil {
		return err
	}
	_, err := c.desk.Receipt(ctx, c.id)
	return err
}
