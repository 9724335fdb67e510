package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/internal/report"
	"github.com/vitrine-project/vitrine/ledger"
)

// auditorCall is a command of the auditor's. It needs no config.
type auditorCall struct {
	program
	report, bundles  string
	list, proof      string
	beside           []string
	randomness       string
	key, out, add    string
	config           string
	procedure, class string
	period           uint64
	passed, failed   bool
}

func (p program) auditSampleCommand() *cobra.Command {
	a := auditorCall{program: p}
	c := &cobra.Command{
		Use:   "sample LIST --report DIR [--randomness HEX]",
		Short: "Draw which papers the auditor looks at",
		Long: `Say which public randomness draws the sample of a list, or, with --randomness, which of
its facts are drawn. The randomness must come after the ledger said the list's digest, so
that nobody could choose the list by it. For each fact that is drawn, the provider shows the
papers of its demand; the auditor compares all facts of that demand with them.`,
		Example: "  vitrine audit sample us.list --report public\n  vitrine audit sample us.list --report public --randomness 9f3c…",
		Args:    exactly("LIST"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := required(c, "report"); err != nil {
				return err
			}
			a.list = args[0]
			return a.sample(c.Context())
		},
	}
	c.Flags().StringVar(&a.report, "report", "", "the published directory")
	c.Flags().StringVar(&a.randomness, "randomness", "", "the public randomness, in hexadecimal")
	return c
}

func (p program) auditKeyCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:     "key NAME --out FILE",
		Short:   "Make the key that an auditor signs statements with",
		Long:    "Write a new key to FILE, readable by its owner alone, and print its public part, by which readers know the auditor: publish it where they look for you.",
		Example: "  vitrine audit key auditor.example --out auditor.key",
		Args:    exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := required(c, "out"); err != nil {
				return err
			}
			if args[0] == "" || strings.ContainsAny(args[0], " +\n") {
				return vitrine.Refusef(vitrine.Usage, "name %q: want a name without blanks such as auditor.example", args[0])
			}
			if err := keyring.NewNoteKey(out, args[0]); err != nil {
				return err
			}
			k, err := keyring.OpenNotary(out)
			if err != nil {
				return err
			}
			fmt.Fprintln(p.stdout, k.Public())
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "the private key's file; it must not exist")
	return c
}

func (p program) auditStatementCommand() *cobra.Command {
	a := auditorCall{program: p}
	c := &cobra.Command{
		Use:   "statement --procedure P --report DIR --key FILE --out FILE | --add FILE --config F",
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
	f.StringVar(&a.report, "report", "", "the published directory")
	f.StringVar(&a.bundles, "bundles", "", "directory with the log of a period whose leaves are not public")
	f.StringVar(&a.class, "class", "restricted", "of procedure bundles: the ledger")
	f.Uint64Var(&a.period, "period", 0, "of procedure bundles: the period's number")
	f.StringVar(&a.list, "list", "", "the list of the cell")
	f.StringVar(&a.proof, "proof", "", "its proof")
	f.StringArrayVar(&a.beside, "earlier", nil, "the list of an earlier period or of another sheet, with demands of this one; repeat it")
	f.StringVar(&a.randomness, "randomness", "", "the public randomness that drew the sample, in hexadecimal")
	f.BoolVar(&a.passed, "passed", false, "the drawn leaves agree with their papers")
	f.BoolVar(&a.failed, "failed", false, "some do not")
	f.StringVar(&a.key, "key", "", "the auditor's key, from vitrine audit key")
	f.StringVar(&a.out, "out", "", "file for the statement")
	return c
}

// audit audits a published directory; leaves that are not in it come from
// another one, if that is named.
func (p program) audit(ctx context.Context, dir, bundles string, progress func(done, total uint64)) (*ledger.Verdict, error) {
	a := ledger.Audit{Fetch: report.Directory(dir), Rand: rand.Reader, Progress: progress}
	if bundles != "" {
		published, given := a.Fetch, report.Directory(bundles)
		a.Entries = true
		a.Fetch = func(path string) ([]byte, error) {
			b, err := published(path)
			if errors.Is(err, fs.ErrNotExist) && strings.Contains(path, "/tile/entries/") {
				return given(path)
			}
			return b, err
		}
	}
	return a.Run(ctx)
}

func (a auditorCall) sample(ctx context.Context) error {
	raw, err := readFile(a.list)
	if err != nil {
		return err
	}
	list, err := ledger.ParseList(raw)
	if err != nil {
		return inFile(a.list, vitrine.Refusef(vitrine.Usage, "%v", err))
	}
	v, err := a.audited(ctx, a.report, "")
	if err != nil {
		return err
	}
	l, ok := v.Ledger(list.Origin)
	if !ok {
		return vitrine.Refusef(vitrine.Unverified, "the list is of the ledger %s, which is not in %s", list.Origin, a.report)
	}
	root, at, err := l.Committed(raw)
	if err != nil {
		return vitrine.Refusef(vitrine.Unverified, "%v", err)
	}
	rule := l.Chain[list.Cell.Period].Audit
	if a.randomness == "" {
		fmt.Fprintf(a.stdout, "The ledger had said the list's digest by %s, under the root %s.\nThe sample is drawn by %s: give it with --randomness.\n", instant(at), root, firstOutput(rule.Randomness, at))
		if now := a.now(); now.Unix() <= int64(at) {
			fmt.Fprintf(a.stdout, "That time is still to come.\n")
		}
		return nil
	}
	randomness, err := a.random()
	if err != nil {
		return err
	}
	return a.tellSample(list, ledger.Sample(raw, root, randomness, len(list.Leaves), int(rule.Sample)))
}

func (a auditorCall) random() ([]byte, error) {
	b, err := hex.DecodeString(strings.ToLower(a.randomness))
	if err != nil || len(b) < 16 {
		return nil, vitrine.Refusef(vitrine.Usage, "--randomness: want at least 32 hexadecimal digits, as the source publishes them")
	}
	return b, nil
}

// tellSample says which facts were drawn, and which others stand beside them.
func (a auditorCall) tellSample(list *ledger.List, drawn []int) error {
	facts := make([]*ledger.Fact, len(list.Leaves))
	for i, leaf := range list.Leaves {
		f, err := leaf.Fact()
		if err != nil {
			return vitrine.Refusef(vitrine.Unverified, "entry %d: %v", leaf.Index, err)
		}
		facts[i] = f
	}
	fmt.Fprintf(a.stdout, "%d of %d facts are drawn. The papers to look at:\n", len(drawn), len(facts))
	for n, i := range drawn {
		fmt.Fprintf(a.stdout, "%3d. entry %d: %s of %s, subject %s\n", n+1, list.Leaves[i].Index, facts[i].Type, facts[i].Day, facts[i].Subject)
		for j, f := range facts {
			if j != i && f.Parent == facts[i].Parent {
				fmt.Fprintf(a.stdout, "     of the same demand: entry %d, %s of %s\n", list.Leaves[j].Index, f.Type, f.Day)
			}
		}
	}
	fmt.Fprintf(a.stdout, "Each demand's subject is that of its authority, reference and paper; each account that the paper specifies is one fact of the demand.\n")
	return nil
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
