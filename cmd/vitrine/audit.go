package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/checking"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/ledger"
	"github.com/vitrine-project/vitrine/production"
)

func (p program) auditCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "Show an auditor what a cell of the ledger holds",
		Long: `The ledger shows that no demand is left out. That none was made up, it shows to an auditor
who may know the count. The provider commits to the list of a cell's facts, and opens it
once the log has the notice; the auditor checks the list against the published ledger
(vitrine-verify tally), draws a sample, looks at its papers, and signs a statement, which
the provider has the ledger say.`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.auditCommitCommand(), p.auditOpenCommand(), p.auditBundlesCommand(), p.auditSampleCommand(), p.auditKeyCommand(), p.auditStatementCommand())
	return c
}

// cellCall is a provider's command about one cell.
type cellCall struct {
	program
	config, period, sheet, out string
	sealTo                     []string
}

func (a *cellCall) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&a.config, "config", "", "the provider's vitrine.toml")
	f.StringVar(&a.period, "period", "", "the period: its number, or a name such as 2026-H1")
	f.StringVar(&a.sheet, "sheet", "", "the sheet, such as us/search-warrant")
	f.StringVar(&a.out, "out", "", "directory for what is written")
}

func (p program) auditCommitCommand() *cobra.Command {
	a := cellCall{program: p}
	c := &cobra.Command{
		Use:   "commit --config F --period P --sheet S",
		Short: "Commit to the list of the facts in a complete cell",
		Long: `Make the list of the facts that a cell of a past period holds, and have the ledger say
its digest with the next tick. The list itself is shown to nobody yet; with --out it is
written for the provider's own eyes. The same call again commits to nothing new: a cell has
one list.`,
		Example: "  vitrine audit commit --config vitrine.toml --period 2026-H1 --sheet us/search-warrant",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required(c, "config", "period", "sheet"); err != nil {
				return err
			}
			return a.desk(c.Context(), a.commit)
		},
	}
	a.flags(c)
	return c
}

func (p program) auditOpenCommand() *cobra.Command {
	a := cellCall{program: p}
	c := &cobra.Command{
		Use:   "open --config F --period P --sheet S --out DIR",
		Short: "Write the list with its proof, for the auditor",
		Long: `Write the list of a cell and the proof that the cell holds nothing else, once the ledger
has said the list's digest. With --seal-to both are sealed to the auditor's own age key, and
nothing is written in the clear.`,
		Example: "  vitrine audit open --config vitrine.toml --period 2026-H1 --sheet us/search-warrant --out for-auditor --seal-to age1…",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required(c, "config", "period", "sheet", "out"); err != nil {
				return err
			}
			return a.desk(c.Context(), a.open)
		},
	}
	a.flags(c)
	c.Flags().StringArrayVar(&a.sealTo, "seal-to", nil, "an age recipient of the auditor's; repeat it for several")
	return c
}

func (p program) auditBundlesCommand() *cobra.Command {
	a := cellCall{program: p}
	c := &cobra.Command{
		Use:   "bundles --config F --out DIR",
		Short: "Write the leaves that are not public, for the auditor",
		Long: `Where [ledger.restricted] publication is auditor, or after-embargo before the report, the
bundles of the restricted ledger are published without their leaves. This writes all of
them, for the court or the cleared auditor who may have them and on whom the totals then
rest. A leaf shows no fact and no number without its opening.`,
		Example: "  vitrine audit bundles --config vitrine.toml --out for-auditor",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required(c, "config", "out"); err != nil {
				return err
			}
			return a.withDesk(c.Context(), a.config, a.bundles)
		},
	}
	f := c.Flags()
	f.StringVar(&a.config, "config", "", "the provider's vitrine.toml")
	f.StringVar(&a.out, "out", "", "directory for what is written")
	return c
}

// bundles copies the entry bundles of the restricted ledger.
func (a cellCall) bundles(d *casework.Desk) error {
	b := d.Books[ledger.Restricted]
	if b == nil {
		return vitrine.Refusef(vitrine.Usage, "the config has no restricted ledger: [ledger.restricted] publication is off")
	}
	to := filepath.Join(a.out, "ledger", string(ledger.Restricted))
	err := fs.WalkDir(b.Log.Public(), "tile/entries", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(b.Log.Public(), path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		return replaceFile(target, content)
	})
	if err != nil {
		return fmt.Errorf("write bundles: %w", err)
	}
	fmt.Fprintf(a.stdout, "The auditor checks them with: vitrine audit statement --procedure bundles --period N --bundles %s --report URL.\n", a.out)
	return nil
}

// desk opens the provider's desk with its ledgers at the present.
func (a cellCall) desk(ctx context.Context, do func(context.Context, *casework.Desk, *casework.Book, ledger.CellName) error) (err error) {
	return a.withDesk(ctx, a.config, func(d *casework.Desk) error {
		b, cell, err := d.FindCell(a.period, a.sheet)
		if err != nil {
			return err
		}
		return do(ctx, d, b, cell)
	})
}

func (a cellCall) commit(ctx context.Context, d *casework.Desk, b *casework.Book, cell ledger.CellName) error {
	l, err := d.CommitList(ctx, b, cell)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "The list of %s in period %d is committed to: %s.\n", cell.Sheet, cell.Period, l.Digest)
	if _, _, at, ok := b.Log.Next(); ok {
		fmt.Fprintf(a.stdout, "The ledger says so with its next tick, on %s; then: vitrine audit open.\n", at.Format(time.RFC3339))
	}
	a.beside(l)
	if a.out == "" {
		return nil
	}
	return a.write(l, []paper{{"list", l.List}})
}

func (a cellCall) open(ctx context.Context, d *casework.Desk, b *casework.Book, cell ledger.CellName) error {
	l, proof, err := d.OpenList(ctx, b, cell)
	if err != nil {
		return err
	}
	if err := a.write(l, []paper{{"list", l.List}, {"proof", proof}}); err != nil {
		return err
	}
	a.beside(l)
	more := strings.Repeat(" --beside LIST2", len(l.Beside))
	fmt.Fprintf(a.stdout, "The auditor checks them with: vitrine-verify tally LIST PROOF --report URL%s, and draws a sample with: vitrine audit sample LIST --report URL.\n", more)
	return nil
}

// beside says which lists belong with a list.
func (a cellCall) beside(l *casework.Listing) {
	for _, c := range l.Beside {
		fmt.Fprintf(a.stdout, "Its accounts and outcomes are those of demands on %s in period %d: the auditor needs that list too (--period %d --sheet %s), and gives it with --beside.\n", c.Sheet, c.Period, c.Period, c.Sheet)
	}
}

type paper struct {
	name    string
	content []byte
}

// write writes papers about a cell, sealed if it was said to whom.
func (a cellCall) write(l *casework.Listing, papers []paper) error {
	var to []age.Recipient
	for _, s := range a.sealTo {
		r, err := production.ParseRecipient(s)
		if err != nil {
			return vitrine.Refusef(vitrine.Usage, "--seal-to: %v", err)
		}
		to = append(to, r)
	}
	if err := os.MkdirAll(a.out, 0o700); err != nil {
		return vitrine.Refusef(vitrine.Usage, "--out: %v: choose a directory that can be made", err)
	}
	for _, p := range papers {
		path := filepath.Join(a.out, fmt.Sprintf("%s-%d-%s.%s", l.Class, l.Cell.Period, strings.ReplaceAll(l.Cell.Sheet, "/", "_"), p.name))
		if len(to) > 0 {
			sealed, err := keyring.SealTo(p.content, to...)
			if err != nil {
				return err
			}
			path, p.content = path+".age", sealed
		}
		if err := replaceFile(path, p.content); err != nil {
			return fmt.Errorf("write %s: %w", p.name, err)
		}
		fmt.Fprintf(a.stdout, "%s: %s\n", p.name, path)
	}
	return nil
}

// audited runs the full audit of a published directory on this machine.
func (p program) audited(ctx context.Context, where, bundles string) (*ledger.Verdict, error) {
	bars := newBars(p.stderr)
	v, err := p.audit(ctx, where, bundles, func(done, total uint64) { bars.draw("auditing", int64(done), int64(total), false) })
	bars.Finish()
	return v, checking.Why(err)
}

// instant writes a time of the ledger.
func instant(t uint64) string { return time.Unix(int64(t), 0).UTC().Format(time.RFC3339) }

// drand quicknet: the first round's time, and the seconds between two.
const (
	quicknetGenesis = 1692803367
	quicknetPeriod  = 3
)

// firstOutput says which output of a source comes first after a time.
func firstOutput(source string, after uint64) string {
	text := fmt.Sprintf("the first output of %s after %s", source, instant(after))
	if source == "drand quicknet" && after >= quicknetGenesis {
		text += ", which is round " + strconv.FormatUint((after-quicknetGenesis)/quicknetPeriod+2, 10)
	}
	return text
}
