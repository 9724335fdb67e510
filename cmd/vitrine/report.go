package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/report"
)

func (p program) reportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "report",
		Short: "Publish how many demands there were, with proofs",
		Args:  exactly(),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	b := reportCall{program: p}
	build := &cobra.Command{
		Use:   "build --config F --out DIR",
		Short: "Bring the ledger to the present and write the public directory",
		Long: `Make the ticks that are due, tell each table whose time has come in a new report, and
write the public directory: the log, its headers, and a page for each period. What was
published once is never told again and never changed. The directory is audited as anybody
would audit it before it takes DIR's place; serve it with any web server.`,
		Example: "  vitrine report build --config vitrine.toml --out public\n  vitrine-verify report public",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required(c, "config", "out"); err != nil {
				return err
			}
			return b.run(c.Context())
		},
	}
	build.Flags().StringVar(&b.config, "config", "", "the provider's vitrine.toml")
	build.Flags().StringVar(&b.out, "out", "", "the public directory")
	build.Flags().StringArrayVar(&b.although, "although", nil, "tell what this petition granted although it is not in force: its docket, or the office of an agreement")
	build.Flags().StringVar(&b.today, "today", "", "say what day it is (YYYY-MM-DD, UTC), if the clock alone is not believed since no tick was made for a whole period")
	build.Flags().BoolVar(&b.json, "json", false, "print one JSON object on stdout")
	c.AddCommand(build, p.correctCommand())
	return c
}

func (p program) correctCommand() *cobra.Command {
	b := reportCall{program: p}
	c := &cobra.Command{
		Use:   "correct REPORT --because TEXT --config F --out DIR",
		Short: "Publish a report again with the words that the config has now",
		Long: `Publish a next version of a report, in which the comment, the contact and the numbers of
accounts are those that the config has now, and the text of --because says what was wrong. The
version before stays beside it, and the ledger says the digests of both. Totals are never
corrected: what becomes known late counts in the period that is open then.`,
		Example: "  vitrine report correct 2026-H1 --because 'The number of accounts was that of May.' --config vitrine.toml --out public",
		Args:    exactly("REPORT"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := required(c, "because", "config", "out"); err != nil {
				return err
			}
			if strings.TrimSpace(b.because) == "" {
				return vitrine.Refusef(vitrine.Usage, "--because is empty: say to readers what was wrong")
			}
			b.correct = args[0]
			return b.run(c.Context())
		},
	}
	c.Flags().StringVar(&b.because, "because", "", "what was wrong, as it stands on the page")
	c.Flags().StringVar(&b.config, "config", "", "the provider's vitrine.toml")
	c.Flags().StringVar(&b.out, "out", "", "the public directory")
	c.Flags().BoolVar(&b.json, "json", false, "print one JSON object on stdout")
	return c
}

func (p program) receiptsCommand() *cobra.Command {
	var config, out, demand, account string
	c := &cobra.Command{
		Use:   "receipts --config F --out DIR [--demand ID --account A]",
		Short: "Give each authority the proofs that its demands are counted",
		Long: `Bring the ledger to the present and write, for each demand that stands in it, its
receipts, sealed to the authority's own key. Send each file to its authority, which opens
it with age and checks it with vitrine-verify.`,
		Example: "  vitrine receipts --config vitrine.toml --out outbox",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required(c, "config", "out"); err != nil {
				return err
			}
			return p.withCounted(c.Context(), config, deskOptions{out: out}, func(d *casework.Desk, _ deskOptions) error {
				if demand != "" || account != "" {
					return p.userReceipt(c.Context(), d, vitrine.ID(demand), account, out)
				}
				return p.receipts(c.Context(), d, out)
			})
		},
	}
	c.Flags().StringVar(&config, "config", "", "the provider's vitrine.toml")
	c.Flags().StringVar(&out, "out", "", "directory for the receipts")
	c.Flags().StringVar(&demand, "demand", "", "with --account: the demand")
	c.Flags().StringVar(&account, "account", "", "with --demand: the account whose user gets a receipt")
	return c
}

// receipts writes what authorities do not have yet.
func (p program) receipts(ctx context.Context, d *casework.Desk, out string) error {
	paths, err := d.Receipts(ctx)
	if err != nil {
		return err
	}
	for _, path := range paths {
		fmt.Fprintln(p.stdout, path)
	}
	if len(paths) == 0 {
		fmt.Fprintf(p.stdout, "Nothing new: %s has the receipts of all that the ledger counts; what waits is counted with the next ticks.\n", out)
	}
	return nil
}

func (p program) userReceipt(ctx context.Context, desk *casework.Desk, demand vitrine.ID, account, out string) error {
	if demand == "" || account == "" {
		return vitrine.Refusef(vitrine.Usage, "--demand and --account are given together")
	}
	name, err := vitrine.ParseAccount(account)
	if err != nil {
		return vitrine.Refusef(vitrine.Usage, "--account: %v", err)
	}
	b, err := desk.UserReceipt(ctx, demand, name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	path := filepath.Join(out, string(demand)+"."+string(name)+".receipt.txt")
	if err := replaceFile(path, b); err != nil {
		return fmt.Errorf("write receipt: %w", err)
	}
	fmt.Fprintln(p.stdout, path)
	return nil
}

type reportCall struct {
	program
	config, out      string
	today            string // as a person says it
	correct, because string // a report whose words are corrected
	although         []string
	json             bool
}

// Publication is what report build prints with --json.
type Publication struct {
	Public  string   `json:"public"`
	New     string   `json:"new,omitempty"` // the report that was added
	Reports []string `json:"reports"`
	Bundles uint64   `json:"bundles"` // that were audited, over all ledgers
}

func (r reportCall) run(ctx context.Context) error {
	out, err := publicDir(r.out)
	if err != nil {
		return err
	}
	return r.withCounted(ctx, r.config, deskOptions{out: filepath.Dir(out), public: out, today: r.today}, func(d *casework.Desk, o deskOptions) error {
		return r.publish(ctx, d, o, out)
	})
}

// publicDir is where the public directory lies: behind a link, what it leads to,
// since that is what is served.
func publicDir(path string) (string, error) {
	out, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", path, err)
	}
	if _, err := os.Lstat(out); errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	real, err := filepath.EvalSymlinks(out)
	if err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "--out: %v: mend the link, or choose another directory", err)
	}
	return real, nil
}

func (r reportCall) publish(ctx context.Context, d *casework.Desk, o deskOptions, out string) error {
	if err := stayed(d, filepath.Join(o.data(), "reports"), r.although); err != nil {
		return err
	}
	b, err := r.builder(d, o)
	if err != nil {
		return err
	}
	var built report.Built
	if r.correct != "" {
		built, err = b.Correct(ctx, out, r.correct, r.because, r.now())
	} else {
		built, err = b.Build(ctx, out)
	}
	o.bars.Finish()
	if err != nil {
		return err
	}
	return r.tell(out, built)
}

func (r reportCall) builder(d *casework.Desk, o deskOptions) (report.Builder, error) {
	b := kept(d, o.data())
	b.Provider, b.URL = o.config.Provider.Name, o.config.Ledger.URL
	b.Checking = func(done, total uint64) { o.bars.draw("checking", int64(done), int64(total), false) }
	var err error
	if b.Catalogue, err = o.config.publishedCatalogue(o.base); err != nil {
		return b, err
	}
	petitions, err := d.Petitions()
	if err != nil {
		return b, err
	}
	b.Words = withPetitions(o.config.Ledger.words, petitions)
	return b, nil
}

func (r reportCall) tell(out string, built report.Built) error {
	p := Publication{Public: out, New: built.New, Reports: built.Reports}
	if p.Reports == nil {
		p.Reports = []string{}
	}
	for _, l := range built.Verdict.Ledgers {
		p.Bundles += l.Bundles
	}
	if r.json {
		return json.NewEncoder(r.stdout).Encode(p)
	}
	if r.correct != "" {
		fmt.Fprintf(r.stdout, "Report %s has a next version, which says what was corrected.\n", r.correct)
	} else if built.New == "" {
		fmt.Fprintf(r.stdout, "No table was due: no report was added.\n")
	} else {
		fmt.Fprintf(r.stdout, "Report %s was added.\n", built.New)
	}
	reports := counted(len(p.Reports), "report")
	if len(p.Reports) == 0 {
		reports = "no report yet"
	}
	fmt.Fprintf(r.stdout, "%s holds %s; the full audit accepts (%s).\nAnybody checks it with: vitrine-verify report %s\n", out, reports, counted(int(p.Bundles), "bundle"), out)
	return nil
}
