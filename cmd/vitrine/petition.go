package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/intake"
	"github.com/vitrine-project/vitrine/internal/report"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// petitionFile is a petition as counsel writes it, whole each time: a step is
// added below the others.
type petitionFile struct {
	Kind    string            `toml:"kind"`
	Court   string            `toml:"court"`
	Docket  string            `toml:"docket"`
	Office  string            `toml:"office"`
	Step    []petitionStep    `toml:"step"`
	Rule    []petitionRule    `toml:"rule"`
	Opening []petitionOpening `toml:"opening"`
}

type petitionStep struct {
	Step  string `toml:"step"`
	Day   civil  `toml:"day"`
	Paper string `toml:"paper"` // relative to the file; its digest is recorded
}

type petitionRule struct {
	Sheet string `toml:"sheet"`
	Field string `toml:"field"`
	Rule  string `toml:"rule"`
	From  civil  `toml:"from"`
}

type petitionOpening struct {
	Sheet  string `toml:"sheet"`
	Period string `toml:"period"`
}

// civil is a day, written as 2026-01-31 with or without quotes.
type civil struct{ time.Time }

// UnmarshalTOML reads a local date, or a string that is one.
func (d *civil) UnmarshalTOML(v any) (err error) {
	switch v := v.(type) {
	case time.Time:
		if v.Location().String() != "date-local" {
			return fmt.Errorf("want a day such as 2026-01-31, without a time")
		}
		d.Time = time.Date(v.Year(), v.Month(), v.Day(), 0, 0, 0, 0, time.UTC)
	case string:
		d.Time, err = time.Parse(time.DateOnly, v)
	default:
		err = fmt.Errorf("want a day such as 2026-01-31")
	}
	return err
}

// parsePetition reads a petition's file; digest returns that of a paper.
func parsePetition(b []byte, digest func(path string) (vitrine.Digest, error)) (law.Petition, error) {
	var f petitionFile
	if err := intake.Decode(b, &f); err != nil {
		return law.Petition{}, err
	}
	p := law.Petition{Kind: law.PetitionKind(f.Kind), Court: f.Court, Docket: f.Docket, Office: f.Office}
	for _, s := range f.Step {
		if s.Paper == "" {
			return p, vitrine.Refusef(vitrine.Usage, "[[step]] %q: paper is missing: the path of the paper that shows it", s.Step)
		}
		paper, err := digest(s.Paper)
		if err != nil {
			return p, err
		}
		p.Steps = append(p.Steps, law.Dated{Step: law.Step(s.Step), Day: s.Day.Time, Paper: paper})
	}
	for _, r := range f.Rule {
		rule, err := law.ParseRule(r.Rule)
		if err != nil {
			return p, vitrine.Refusef(vitrine.Usage, "[[rule]] %v", err)
		}
		p.Rules = append(p.Rules, law.RuleChange{Sheet: r.Sheet, Field: r.Field, Rule: rule, From: r.From.Time})
	}
	for _, o := range f.Opening {
		period, err := law.ParsePeriod(o.Period)
		if err != nil {
			return p, vitrine.Refusef(vitrine.Usage, "[[opening]] %v", err)
		}
		p.Openings = append(p.Openings, law.Cell{Sheet: o.Sheet, Period: period})
	}
	if err := p.Check(); err != nil {
		return p, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	return p, nil
}

const petitionHelp = `Record a petition to a court, or an agreement under 50 U.S.C. § 1874(c), to publish more of
national-security process than the law has one publish: with each step that it takes, write
it to the same file, and run this command again. Its record (parties, steps, digests of
papers, what was granted) is public with the ledger's next tick. What was granted, and is not
under appeal, changes the rules of the next header that can be announced a week before its
period, and opens past cells with it. Without FILE, the petitions are listed.`

const petitionExample = `  vitrine petition petition.toml --config vitrine.toml
  vitrine petition --config vitrine.toml

A file:
  kind   = "petition"                     # or "agreement", with office in place of court and docket
  court  = "Foreign Intelligence Surveillance Court"
  docket = "Misc. 26-01"
  [[step]]
  step  = "filed"                         # then hearing, granted, denied, appealed, withdrawn
  day   = 2026-01-05
  paper = "petition.pdf"
  [[step]]
  step  = "granted"
  day   = 2026-05-20
  paper = "order.pdf"
  [[rule]]                                # once granted
  sheet = "us/nsl"
  field = "demand"
  rule  = "exact"
  from  = 2026-07-01
  [[opening]]                             # a past cell, to be told once more, exactly
  sheet  = "us/nsl"
  period = "2025-H2"`

func (p program) petitionCommand() *cobra.Command {
	var config string
	c := &cobra.Command{
		Use:     "petition [FILE] --config F",
		Short:   "Record a petition to publish more, or list those that there are",
		Long:    petitionHelp,
		Example: petitionExample,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return exactly()(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := required(c, "config"); err != nil {
				return err
			}
			if len(args) == 1 {
				return p.petition(c.Context(), config, args[0])
			}
			return p.withDesk(c.Context(), config, p.listPetitions)
		},
	}
	c.Flags().StringVar(&config, "config", "", "the provider's vitrine.toml")
	return c
}

func (p program) petition(ctx context.Context, config, path string) error {
	b, err := readFile(path)
	if err != nil {
		return err
	}
	petition, err := parsePetition(b, func(paper string) (vitrine.Digest, error) {
		content, err := readFile(resolve(filepath.Dir(path), paper))
		return vitrine.DigestOf(content), err
	})
	if err != nil {
		return inFile(path, err)
	}
	return p.withDesk(ctx, config, func(d *casework.Desk) error {
		r, err := d.Petition(ctx, petition)
		if err != nil {
			return inFile(path, err)
		}
		p.tellPetition(r)
		fmt.Fprintf(p.stdout, "Its record %s is public with the ledger's next tick.\n", r.Record)
		return nil
	})
}

// listPetitions lists those that were recorded.
func (p program) listPetitions(d *casework.Desk) error {
	all, err := d.Recorded()
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(p.stdout, "No petition was recorded.")
	}
	for _, r := range all {
		p.tellPetition(r)
	}
	return nil
}

// withPetitions has the page of a report tell the petitions as they stand when it
// is made.
func withPetitions(words func(law.Period) report.Words, all []casework.Permission) func(law.Period) report.Words {
	return func(p law.Period) report.Words {
		w := words(p)
		for _, q := range all {
			w.Petitions = append(w.Petitions, q.Petition)
		}
		return w
	}
}

// stayed refuses a report that would tell what a petition granted that is not in
// force, unless that is what is wanted.
func stayed(d *casework.Desk, reports string, although []string) error {
	type row struct {
		header uint64
		table  string
	}
	told := map[row]bool{}
	files, err := filepath.Glob(filepath.Join(reports, "*", "report.json"))
	if err != nil {
		return fmt.Errorf("list reports: %w", err)
	}
	for _, path := range files {
		raw, err := readFile(path)
		if err != nil {
			return err
		}
		r, err := ledger.ParseReport(raw)
		if err != nil {
			return fmt.Errorf("read report: %w", err)
		}
		for _, t := range r.Statement.Tables {
			if t.Class == ledger.Restricted {
				told[row{t.Header, t.Name}] = true
			}
		}
	}
	found, err := d.Stayed(func(header uint64, table string) bool { return told[row{header, table}] })
	for who, tables := range found {
		if !slices.Contains(although, who) {
			return vitrine.Refusef(vitrine.Refused, "the next report would tell %s by what %s granted, which is not in force: the ledger's ticks were made, no report was built. Wait, or, if counsel says that it may be told, give --although %q; %s", strings.Join(tables, ", "), who, who, "what is due and not told makes the audit fail")
		}
	}
	return err
}

// tellPetition says how a petition stands, and what follows from it.
func (p program) tellPetition(r casework.Recorded) {
	who := r.Court + ", " + r.Docket
	if r.Kind == law.Agreement {
		who = "agreement with " + r.Office
	}
	var steps []string
	for _, s := range r.Steps {
		steps = append(steps, fmt.Sprintf("%s on %s", s.Step, s.Day.Format(time.DateOnly)))
	}
	fmt.Fprintf(p.stdout, "%s: %s.\n", who, strings.Join(steps, ", "))
	_, inForce := r.InForce()
	for _, c := range r.Rules {
		fmt.Fprintf(p.stdout, "  %s of %s: %s in periods from %s on\n", c.Field, c.Sheet, c.Rule, c.From.Format(time.DateOnly))
	}
	for _, o := range r.Openings {
		fmt.Fprintf(p.stdout, "  %s in %s: opened\n", o.Sheet, o.Period)
	}
	switch {
	case len(r.Standing) > 0:
		fmt.Fprintf(p.stdout, "  It is not in force, but header %d, which can no longer be changed, says what it granted: no report tells it unless counsel says so (vitrine report build --although).\n", r.Standing[0])
	case !inForce:
		fmt.Fprintf(p.stdout, "  It changes nothing now.\n")
	case r.OK:
		fmt.Fprintf(p.stdout, "  In force: header %d says so.\n", r.Header)
	case r.Why != "":
		fmt.Fprintf(p.stdout, "  In force, but no header can say so: %s\n", r.Why)
	case len(r.Rules)+len(r.Openings) == 0:
		fmt.Fprintf(p.stdout, "  In force; nothing that was granted is written down: no header changes.\n")
	default:
		fmt.Fprintf(p.stdout, "  In force: the next header that is made says so.\n")
	}
}
