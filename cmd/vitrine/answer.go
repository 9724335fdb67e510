package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/authority"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/intake"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/mandate"
	"github.com/vitrine-project/vitrine/production"
)

// answerCall is one call of vitrine answer.
type answerCall struct {
	program
	config, demand, out, grant, decisions, statement string
	approve                                          []string
	json                                             bool
}

func (p program) answerCommand() *cobra.Command {
	a := answerCall{program: p}
	c := &cobra.Command{
		Use:   "answer --config F --demand F --out DIR --approve KEY --approve KEY",
		Short: "Answer one demand: check, approve, collect, seal",
		Long: `Answer one demand on real stores in one call. The demand is recorded, checked against
the law and the directory of authorities, and granted as asked, or less with --grant. With
enough approvers' signatures it is collected, sealed to the authority's key and put into DIR.
The same call again returns the same package and collects nothing; a killed call goes on
where it stopped.`,
		Example: `  vitrine answer --config vitrine.toml --demand demand.toml --out out --statement to-sign.txt
  ssh-keygen -Y sign -n vitrine-mandate -f ~/.ssh/id_ed25519 to-sign.txt     # each approver
  vitrine answer --config vitrine.toml --demand demand.toml --out out --approve a.sig --approve b.sig`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required(c, "config", "demand", "out"); err != nil {
				return err
			}
			return a.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&a.config, "config", "", "the provider's vitrine.toml")
	f.StringVar(&a.demand, "demand", "", "the demand, as TOML")
	f.StringVar(&a.out, "out", "", "directory for the package")
	f.StringVar(&a.grant, "grant", "", "grant less than was asked, with a reason for each difference")
	f.StringVar(&a.decisions, "decisions", "", "produce or withhold undeterminable items")
	f.StringVar(&a.statement, "statement", "", "write what is to be signed to this file, and stop")
	f.StringArrayVar(&a.approve, "approve", nil, "an approver's private key, agent key (.pub) or signature (.sig); repeat it")
	f.BoolVar(&a.json, "json", false, "print one JSON object on stdout")
	return c
}

// papers are the files of one answer, read and parsed before anything else
// happens.
type papers struct {
	submission vitrine.Submission
	document   []byte
	granted    vitrine.Scope
	narrowed   []vitrine.Difference
	decisions  []intake.Decision
}

func (a answerCall) read() (papers, error) {
	var p papers
	b, err := readFile(a.demand)
	if err != nil {
		return p, err
	}
	d, err := intake.ParseDemand(b)
	if err != nil {
		return p, inFile(a.demand, err)
	}
	p.submission = d.Submission
	if p.document, err = readFile(resolve(filepath.Dir(a.demand), d.DocumentPath)); err != nil {
		return p, inFile(a.demand, err)
	}
	p.granted = p.submission.Asked
	if a.grant != "" {
		if b, err = readFile(a.grant); err != nil {
			return p, err
		}
		if p.granted, p.narrowed, err = intake.ParseGrant(b, p.submission.Asked); err != nil {
			return p, inFile(a.grant, err)
		}
	}
	if a.decisions != "" {
		if b, err = readFile(a.decisions); err != nil {
			return p, err
		}
		if p.decisions, err = intake.ParseDecisions(b); err != nil {
			return p, inFile(a.decisions, err)
		}
	}
	return p, nil
}

// sane refuses what is a slip of the person at the keyboard rather than the
// authority's doing, before anything is recorded.
func (a answerCall) sane(config Config, sub vitrine.Submission) error {
	directory, err := config.Directory()
	if err != nil {
		return err
	}
	for _, f := range directory.Check(sub, a.now()) {
		if !f.OK && f.Code != authority.Jurisdiction {
			return inFile(a.demand, vitrine.Refusef(vitrine.Usage, "%s", f.Text))
		}
	}
	switch {
	case a.statement != "" && len(a.approve) > 0:
		return vitrine.Refusef(vitrine.Usage, "--statement writes what is to be signed, --approve goes on with signatures: give one of the two")
	case a.statement != "":
		return ourStatement(a.statement)
	}
	return nil
}

// ourStatement refuses to overwrite anything but an earlier statement.
func ourStatement(path string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return vitrine.Refusef(vitrine.Usage, "--statement: %s is not there: make the directory first", filepath.Dir(path))
		}
		return nil
	}
	if err != nil {
		return vitrine.Refusef(vitrine.Usage, "--statement: %v", err)
	}
	if _, err := mandate.ParseStatement(b); err == nil {
		return nil
	}
	if _, err := mandate.ParseRuling(b); err == nil {
		return nil
	}
	return vitrine.Refusef(vitrine.Usage, "--statement: %s is there already and is no statement: nothing was changed; choose another name", path)
}

func (a answerCall) run(ctx context.Context) (err error) {
	config, base, err := loadConfig(a.config)
	if err != nil {
		return err
	}
	p, err := a.read()
	if err != nil {
		return err
	}
	if err := a.sane(config, p.submission); err != nil {
		return err
	}
	bars := newBars(a.stderr)
	desk, closeDesk, err := openDesk(ctx, deskOptions{config: config, base: base, out: a.out, bars: bars, now: a.now, reached: a.reached})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDesk()) }()
	id, err := desk.Receive(ctx, p.submission, p.document, operator())
	if err != nil {
		return err
	}
	desk.Only = id
	c := clerk{answerCall: a, desk: desk, id: id, papers: p, failed: make(chan error, 1)}
	desk.Failed = c.stepFailed
	desk.DB.Failed = func(err error) { c.stepFailed("queue", id, err) }
	dem, err := c.advance(ctx)
	bars.Finish()
	if err != nil || a.statement != "" {
		return err
	}
	return c.report(ctx, config, dem)
}

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
	switch dem.Stage {
	case vitrine.Verified:
		return false, c.review(ctx)
	case vitrine.Reviewed:
		return c.approveOrWrite(ctx, dem)
	case vitrine.Rejected:
		if done, err := c.letterPlaced(ctx, dem); !done || err != nil {
			return false, err
		}
		return true, &vitrine.Refusal{Kind: vitrine.Refused, Ground: dem.Refusal.Ground, Text: "the letter is " + c.desk.LetterPath(c.id) + "; demand " + dem.Submission.Reference + " is refused: " + dem.Refusal.Text}
	case vitrine.Collected:
		if i, ok := law.Lookup(dem.Submission.Instrument); ok && !i.Produces {
			return c.letterPlaced(ctx, dem)
		}
	case vitrine.Delivered:
		return c.afterDelivery(ctx, dem)
	}
	return false, nil
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
	if err := os.WriteFile(c.statement, []byte(text), 0o600); err != nil {
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

// Result is what answer and demo print with --json. Keys are added, never
// removed.
type Result struct {
	Dir            string   `json:"dir"`
	Config         string   `json:"config"`
	Package        string   `json:"package"`
	Identity       string   `json:"identity"`
	Trust          string   `json:"trust"`
	Seen           int64    `json:"items_seen"`
	In             int64    `json:"items_in"`
	Out            int64    `json:"items_out"`
	Undeterminable int64    `json:"items_undeterminable"`
	Unreadable     int64    `json:"items_unreadable"`
	Verified       bool     `json:"verified"`
	Demand         string   `json:"demand"`
	Packages       []string `json:"packages"` // every volume; package is the first
	Open           int64    `json:"items_open"`
	Letter         string   `json:"letter,omitempty"`
	Decisions      string   `json:"decisions,omitempty"` // the list of open items
}

// report says what was done, from what is stored and written.
func (c *clerk) report(ctx context.Context, config Config, dem vitrine.Demand) error {
	r := Result{Dir: c.desk.Outbox, Demand: string(dem.ID), Packages: []string{}, Open: dem.Open()}
	var err error
	if r.Config, err = filepath.Abs(c.config); err != nil {
		return fmt.Errorf("find config: %w", err)
	}
	k := dem.Collection.Counts
	r.Seen, r.In, r.Out, r.Undeterminable, r.Unreadable = k.Seen, k.In, k.Out, k.Undeterminable, k.Unreadable
	if len(dem.Packages) == 0 {
		r.Letter = c.desk.LetterPath(dem.ID)
	} else if err := c.checkVolumes(config, dem, &r); err != nil {
		return err
	}
	if dem.Open() > 0 && len(dem.Packages) > 0 {
		r.Decisions = c.desk.DecisionsPath(dem)
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(r)
	}
	c.tell(dem, r)
	return nil
}

// checkVolumes writes the trust file and verifies each volume's outer form as
// it lies in the outbox.
func (c *clerk) checkVolumes(config Config, dem vitrine.Demand, r *Result) error {
	r.Trust = filepath.Join(c.desk.Outbox, "trust.toml")
	if err := writeTrust(r.Trust, config, c.desk.Ring.Public()); err != nil {
		return err
	}
	trust, err := loadTrust(r.Trust)
	if err != nil {
		return err
	}
	for _, p := range dem.Packages {
		path := c.desk.PackagePath(p)
		if _, err := production.VerifySealed(path, trust.production(c.now)); err != nil {
			return err
		}
		r.Packages = append(r.Packages, path)
	}
	r.Package, r.Verified = r.Packages[0], true
	return nil
}

func (c *clerk) tell(dem vitrine.Demand, r Result) {
	w := c.stdout
	fmt.Fprintf(w, "Demand %s (%s): %d items seen, %d in scope, %d out, %d undeterminable, %d unreadable.\n",
		dem.Submission.Reference, dem.ID, r.Seen, r.In, r.Out, r.Undeterminable, r.Unreadable)
	for _, a := range dem.Collection.Missing {
		fmt.Fprintf(w, "No source knows account %q: the answer for it is \"no data found\".\n", a)
	}
	if r.Letter != "" {
		fmt.Fprintf(w, "The data is preserved; nothing is produced under this instrument. Letter: %s\n", r.Letter)
		return
	}
	for _, p := range dem.Packages {
		fmt.Fprintf(w, "Volume %d, %s: %s\n", p.Volume, counted(int(p.Items), "item"), c.desk.PackagePath(p))
	}
	if r.Open > 0 {
		fmt.Fprintf(w, "Open: %s. Fill in %s, then call again with --decisions and --statement, and once more with --decisions and --approve.\n", counted(int(r.Open), "item"), r.Decisions)
	}
	fmt.Fprintf(w, "Send each volume with its .json. The authority checks with: vitrine verify VOLUME --trust %s\n", r.Trust)
}
