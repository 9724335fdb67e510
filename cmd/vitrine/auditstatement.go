package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/ledger"
)

func (p program) auditStatementCommand() *cobra.Command {
	a := auditorCall{program: p}
	c := &cobra.Command{
		Use:   "statement --procedure P --report DIR|URL --key FILE --out FILE | --add FILE --config F",
		Short: "Sign what an audit showed, or have the ledger say it",
		Long: `For the auditor: sign a statement about the published directory, after its full audit.
Procedure tally checks the list and its proof, and says what came of it; procedure sample
says what --passed or --failed does, of the leaves that --randomness draws; procedure
bundles checks every leaf of a period whose leaves are not public, from --bundles. A
statement says no number.

For the provider: with --add, have the ledger say a statement, and publish it, with the
next tick.`,
		Example: `  vitrine audit statement --procedure tally --list us.list --proof us.proof --report public --key auditor.key --out us.statement
  vitrine audit statement --procedure sample --list us.list --randomness 9f3c… --passed --report public --key auditor.key --out us.sample
  vitrine audit statement --add us.statement --config vitrine.toml`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if a.add != "" {
				return a.adds(c)
			}
			if err := required(c, "procedure", "report", "key", "out"); err != nil {
				return err
			}
			return a.state(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&a.add, "add", "", "an auditor's statement, to be said by the ledger")
	f.StringVar(&a.config, "config", "", "the provider's vitrine.toml")
	f.StringVar(&a.procedure, "procedure", "", "tally, sample or bundles")
	f.StringVar(&a.report, "report", "", "the published directory or its address")
	f.StringVar(&a.bundles, "bundles", "", "directory with the log of a period whose leaves are not public")
	f.StringVar(&a.class, "class", "restricted", "of procedure bundles: the ledger")
	f.Uint64Var(&a.period, "period", 0, "of procedure bundles: the period's number")
	f.StringVar(&a.list, "list", "", "the list of the cell")
	f.StringVar(&a.proof, "proof", "", "its proof")
	f.StringArrayVar(&a.beside, "beside", nil, "the list of an earlier period or of another sheet, with demands of this one; repeat it")
	f.StringVar(&a.randomness, "randomness", "", "the public randomness that drew the sample, in hexadecimal")
	f.BoolVar(&a.passed, "passed", false, "the drawn leaves agree with their papers")
	f.BoolVar(&a.failed, "failed", false, "some do not")
	f.StringVar(&a.key, "key", "", "the auditor's key, from vitrine audit key")
	f.StringVar(&a.out, "out", "", "file for the statement")
	return c
}

// state signs a statement.
func (a auditorCall) state(ctx context.Context) error {
	if _, err := os.Lstat(a.out); err == nil {
		return vitrine.Refusef(vitrine.Usage, "--out: %s is there already: nothing was changed; choose another name", a.out)
	}
	key, err := keyring.OpenNotary(a.key)
	if err != nil {
		return err
	}
	say := map[ledger.Procedure]func(context.Context) (ledger.AuditorStatement, error){ledger.ByTally: a.stateTally, ledger.BySample: a.stateSample, ledger.ByBundles: a.stateBundles}[ledger.Procedure(a.procedure)]
	if say == nil {
		return vitrine.Refusef(vitrine.Usage, "--procedure %q: want tally, sample or bundles", a.procedure)
	}
	s, err := say(ctx)
	if err != nil {
		return err
	}
	s.Auditor, s.Procedure, s.Day = key.Public(), ledger.Procedure(a.procedure), a.now().UTC().Format(time.DateOnly)
	note, err := s.Sign(key)
	if err != nil {
		return err
	}
	if err := replaceFile(a.out, note); err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	result := "failed"
	if s.Passed {
		result = "passed"
	}
	fmt.Fprintf(a.stdout, "%s says that procedure %s of period %d %s. Give it to the provider, and keep a copy.\n", a.out, s.Procedure, s.Period, result)
	return nil
}

// ofList audits the directory and reads the list.
func (a auditorCall) ofList(ctx context.Context) (s ledger.AuditorStatement, v *ledger.Verdict, raw []byte, err error) {
	if a.list == "" {
		return s, nil, nil, vitrine.Refusef(vitrine.Usage, "--list is needed for procedure %s", a.procedure)
	}
	if raw, err = readFile(a.list); err != nil {
		return s, nil, nil, err
	}
	list, err := ledger.ParseList(raw)
	if err != nil {
		return s, nil, nil, inFile(a.list, vitrine.Refusef(vitrine.Usage, "%v", err))
	}
	if v, err = a.audited(ctx, a.report, a.bundles); err != nil {
		return s, nil, nil, err
	}
	l, ok := v.Ledger(list.Origin)
	if !ok {
		return s, nil, nil, vitrine.Refusef(vitrine.Unverified, "the list is of the ledger %s, which is not in %s", list.Origin, a.report)
	}
	if _, _, err := l.Committed(raw); err != nil {
		return s, nil, nil, vitrine.Refusef(vitrine.Unverified, "%v", err)
	}
	s, err = l.At(list.Cell.Period)
	if err != nil {
		return s, nil, nil, vitrine.Refusef(vitrine.Unverified, "%v", err)
	}
	s.Sheet, s.List = list.Cell.Sheet, sha256.Sum256(raw)
	return s, v, raw, nil
}

// stateTally says what the check of a list shows.
func (a auditorCall) stateTally(ctx context.Context) (ledger.AuditorStatement, error) {
	if a.proof == "" || a.passed || a.failed {
		return ledger.AuditorStatement{}, vitrine.Refusef(vitrine.Usage, "procedure tally needs --proof, and says itself whether it passed: leave --passed and --failed out")
	}
	proof, err := readFile(a.proof)
	if err != nil {
		return ledger.AuditorStatement{}, err
	}
	var beside [][]byte
	for _, path := range a.beside {
		b, err := readFile(path)
		if err != nil {
			return ledger.AuditorStatement{}, err
		}
		beside = append(beside, b)
	}
	s, v, raw, err := a.ofList(ctx)
	if err != nil {
		return s, err
	}
	t, err := v.Tally(raw, proof, beside)
	if err != nil {
		fmt.Fprintf(a.stderr, "It does not hold: %v\n", err)
		return s, nil
	}
	for _, line := range t.Lines() {
		fmt.Fprintln(a.stderr, line)
	}
	s.Passed = true
	return s, nil
}

// stateSample says what the auditor says of the papers.
func (a auditorCall) stateSample(ctx context.Context) (ledger.AuditorStatement, error) {
	if a.passed == a.failed {
		return ledger.AuditorStatement{}, vitrine.Refusef(vitrine.Usage, "procedure sample: say what the papers showed, --passed or --failed")
	}
	randomness, err := a.random()
	if err != nil {
		return ledger.AuditorStatement{}, err
	}
	s, _, _, err := a.ofList(ctx)
	s.Randomness, s.Passed = randomness, a.passed
	return s, err
}

// stateBundles says that every leaf of a period was read.
func (a auditorCall) stateBundles(ctx context.Context) (s ledger.AuditorStatement, err error) {
	if a.passed || a.failed || a.list != "" {
		return s, vitrine.Refusef(vitrine.Usage, "procedure bundles says itself whether it passed, and is about no list: leave --passed, --failed and --list out")
	}
	closed, err := a.audited(ctx, a.report, "")
	if err != nil {
		return s, err
	}
	i := slices.IndexFunc(closed.Ledgers, func(l ledger.Ledger) bool { return string(l.Class) == a.class })
	if i < 0 {
		return s, vitrine.Refusef(vitrine.Usage, "--class %q: there is no such ledger in %s", a.class, a.report)
	}
	if s, err = closed.Ledgers[i].At(a.period); err != nil {
		return s, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	v, err := a.audited(ctx, a.report, a.bundles)
	switch {
	case err != nil:
		fmt.Fprintf(a.stderr, "It does not hold: %v\n", err)
	case v.Ledgers[i].Closed[a.period]:
		return s, vitrine.Refusef(vitrine.Usage, "the leaves of period %d are neither in %s nor in --bundles: ask the provider for them (vitrine audit bundles)", a.period, a.report)
	default:
		s.Passed = true
	}
	return s, nil
}

// adds has the provider's ledger say a statement.
func (a auditorCall) adds(c *cobra.Command) error {
	if err := required(c, "config"); err != nil {
		return err
	}
	note, err := readFile(a.add)
	if err != nil {
		return err
	}
	return a.withDesk(c.Context(), a.config, func(d *casework.Desk) error {
		s, err := d.AddStatement(note)
		if err != nil {
			return inFile(a.add, err)
		}
		fmt.Fprintf(a.stdout, "The ledger %s says the statement of %s with its next tick, and publishes it.\n", s.Origin, strings.SplitN(s.Auditor, "+", 2)[0])
		return nil
	})
}
