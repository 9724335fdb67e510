package main

import (
	"context"
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
	"github.com/vitrine-project/vitrine/mandate"
)

// answerCall is one call of vitrine answer.
type answerCall struct {
	program
	config, demand, out, grant, decisions, statement string
	refuse, ground                                   string
	approve                                          []string
	json, decline                                    bool
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
	f.StringVar(&a.refuse, "refuse", "", "refuse the demand, with this reason, which stands in the letter")
	f.StringVar(&a.ground, "ground", "other", "with --refuse: the ground in a word, such as data-not-held, which is counted as no data")
	f.BoolVar(&a.decline, "decline", false, "answer a sender who is not in the directory of authorities: a signed \"no demand\", and why")
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
	findings := directory.Check(sub, a.now())
	if known := findings[0].OK; a.decline && known {
		return inFile(a.demand, vitrine.Refusef(vitrine.Usage, "%s is in the directory of authorities: what it sent is a demand, which is answered or refused by law; leave out --decline", sub.Authority))
	} else if !known && !a.decline {
		return inFile(a.demand, vitrine.Refusef(vitrine.Usage, "%s; or answer with --decline, which says so to the sender under a signature", findings[0].Text))
	}
	for _, f := range findings[1:] {
		if !f.OK && f.Code != authority.Jurisdiction {
			return inFile(a.demand, vitrine.Refusef(vitrine.Usage, "%s", f.Text))
		}
	}
	switch {
	case a.refuse != "" && (a.statement != "" || len(a.approve) > 0 || a.decline):
		return vitrine.Refusef(vitrine.Usage, "--refuse ends the demand: leave out --approve, --statement and --decline")
	case a.refuse != "" && (vitrine.Plain("--refuse", a.refuse) != nil || vitrine.Plain("--ground", a.ground) != nil || a.ground == ""):
		return vitrine.Refusef(vitrine.Usage, "--refuse and --ground: want one line of plain text each")
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

// recorded says that a time of receipt, once it was signed, is not changed by
// another one in the demand's file.
func (a answerCall) recorded(ctx context.Context, desk *casework.Desk, id vitrine.ID, given vitrine.Submission) error {
	dem, err := desk.Demand(ctx, id)
	if was := dem.Submission.Received; err == nil && !was.Equal(given.Received) {
		fmt.Fprintf(a.stderr, "Demand %s was recorded and acknowledged as received at %s: that stays, whatever the file says now.\n", given.Reference, was.UTC().Format(time.RFC3339))
	}
	return err
}

// hint says that the reference is one of an earlier demand with another
// document: if that was the wrong one, two demands are counted where one came.
func (a answerCall) hint(ctx context.Context, desk *casework.Desk, id vitrine.ID) error {
	others, err := desk.Besides(ctx, id)
	for _, o := range others {
		fmt.Fprintf(a.stderr, "%s sent %s with another document too (demand %s, %s): both are counted. If this document takes its place:\n"+
			"  vitrine void %s --config %s --ground withdrawn --why \"WHICH PAPER SAYS SO\"\n", o.Submission.Authority, o.Submission.Reference, o.ID, o.Stage, o.ID, a.config)
	}
	return err
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
	desk, closeDesk, err := openDesk(ctx, deskOptions{config: config, base: base, out: a.out, bars: bars, now: a.now, reached: a.reached, piece: a.piece})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDesk()) }()
	id, err := desk.Receive(ctx, p.submission, p.document, operator())
	if err != nil {
		return err
	}
	if err := errors.Join(a.recorded(ctx, desk, id, p.submission), a.hint(ctx, desk, id)); err != nil {
		return err
	}
	desk.Only = id
	c := clerk{answerCall: a, desk: desk, id: id, papers: p, failed: make(chan error, 1)}
	desk.Failed = c.stepFailed
	desk.DB.Failed = func(err error) { c.stepFailed("queue", id, err) }
	dem, err := c.advance(ctx)
	bars.Finish()
	if err != nil || a.statement != "" {
		return errors.Join(err, c.count(ctx, err))
	}
	return errors.Join(c.report(ctx, config, dem), c.count(ctx, nil))
}
