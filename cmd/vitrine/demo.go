package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
)

// demo plays one demand from the envelope to the opened package, among those of
// two half-years that were counted and published. It writes config, demands and
// data, then calls the commands that a user calls; what it tells is read back
// from stored events and written files.
type demo struct {
	program
	mail, dir  string
	once, json bool
	story      bool // the one demand alone
	table      string
	seed       uint64
}

func (p program) demoCommand() *cobra.Command {
	d := demo{program: p}
	c := &cobra.Command{
		Use:   "demo",
		Short: "See the whole job on a small made-up provider",
		Long: `Build a small provider in a temporary directory (users with mail, two of three approvers
needed, an authority with its own key); play two past half-years and the present one, in
which demands were answered and counted, and publish the reports; answer a search warrant for
one account and one month; then play the authority: open the package and verify it, and check
that a demand is counted in the published report. It takes about 15 seconds of processor time,
most of it for the proofs; --story takes one and leaves them out. Nothing outside the
directory is changed; with --mail your own mail is only read.

With --replay, a table of totals that somebody published is counted and published instead.
Its lines are period, sheet, field and value, such as 2013-H1,us/search-warrant,demand,2456
or 2024-H2,us/national-security,demand,750-999 and, behind a band, the number that is
counted. Demands are made up for it; each row is read back from the published report after
its full audit. Rows that no ledger can publish are refused, and the exit code is 4.`,
		Example: "  vitrine demo\n  vitrine demo --mail ~/Maildir --dir ./world\n  vitrine demo --replay table.csv --dir ./replay",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if d.table != "" {
				return d.replayTable(c.Context())
			}
			return d.run(c.Context())
		},
	}
	c.Flags().StringVar(&d.mail, "mail", "", "a Maildir or mbox of yours as the account's mail; its newest month is asked for")
	c.Flags().StringVar(&d.dir, "dir", "", "build the world here, in place of a temporary directory; it must be empty or not exist")
	c.Flags().BoolVar(&d.story, "story", false, "answer the one demand alone: count no others and publish no report")
	c.Flags().BoolVar(&d.once, "once", false, "end after the story")
	c.Flags().StringVar(&d.table, "replay", "", "count and publish the totals of this table, in place of the story")
	c.Flags().Uint64Var(&d.seed, "seed", 0, "with --replay: draws the numbers in bands that the table does not give")
	c.Flags().BoolVar(&d.json, "json", false, "print one JSON object on stdout, the story on stderr")
	return c
}

func (d demo) run(ctx context.Context) error {
	w, err := d.build(ctx)
	if err != nil {
		if d.dir == "" && w.dir != "" {
			err = errors.Join(err, os.RemoveAll(w.dir))
		}
		return err
	}
	story := d.stdout
	if d.json {
		story = d.stderr
	}
	w.introduce(story)
	if !d.story {
		if err := d.past(ctx, &w); err != nil {
			return err
		}
	}
	result, err := d.answer(ctx, w)
	if err != nil {
		return err
	}
	if !d.story {
		if err := d.published(ctx, w, &result); err != nil {
			return err
		}
	}
	for i, volume := range result.Packages {
		if _, err := d.call(ctx, "open", volume, "--identity", w.identity, "--out", w.opened(i+1)); err != nil {
			return err
		}
	}
	if err := d.tellEvents(ctx, story, w, result); err != nil {
		return err
	}
	if !d.json {
		return nil
	}
	result.Dir, result.Identity = w.dir, w.identity
	return json.NewEncoder(d.stdout).Encode(result)
}

// answer calls vitrine answer, and once more with decisions if items are open.
func (d demo) answer(ctx context.Context, w world) (Result, error) {
	args := append([]string{"answer", "--config", w.config, "--demand", w.demand, "--grant", w.grant, "--out", w.outbox, "--json"}, w.approve()...)
	result, err := d.callJSON(ctx, args...)
	if err != nil || result.Open == 0 {
		return result, err
	}
	if err := w.decide(result.Decisions); err != nil {
		return result, err
	}
	return d.callJSON(ctx, append(args, "--decisions", w.decisions)...)
}

// call runs one command as a user would and returns what it prints.
func (d demo) call(ctx context.Context, args ...string) ([]byte, error) {
	var out bytes.Buffer
	p := d.program
	p.stdout = &out
	if err := p.execute(ctx, args); err != nil {
		return nil, fmt.Errorf("vitrine %s: %w", args[0], err)
	}
	return out.Bytes(), nil
}

func (d demo) callJSON(ctx context.Context, args ...string) (Result, error) {
	var r Result
	b, err := d.call(ctx, args...)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("read what vitrine %s printed: %w", args[0], err)
	}
	return r, nil
}

// tellEvents opens the provider's store as any command does and tells what is
// recorded there.
func (d demo) tellEvents(ctx context.Context, out io.Writer, w world, r Result) error {
	err := d.withConfig(ctx, w.config, deskOptions{out: w.outbox}, func(desk *casework.Desk, _ deskOptions) error {
		events, err := desk.Events(ctx, vitrine.ID(r.Demand))
		if err != nil {
			return err
		}
		tell(out, desk.Directory, events)
		return nil
	})
	if err != nil {
		return err
	}
	verdicts, err := d.verdicts(ctx, w, r)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe authority opened what it got with its own key and checked it:\n%s", verdicts)
	if err := d.tellCount(ctx, out, w, r); err != nil {
		return err
	}
	w.whereabouts(out, r)
	return nil
}

// tellCount tells what checking the published report and the receipts printed.
func (d demo) tellCount(ctx context.Context, out io.Writer, w world, r Result) error {
	if r.Public == "" {
		return nil
	}
	audit, err := d.call(ctx, "verify", r.Public)
	if err != nil {
		return err
	}
	receipt, err := d.call(ctx, "verify", w.receipts, "--document", r.Document, "--authority", w.firstAuthority, "--reference", w.firstReference, "--report", r.Public)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThis demand is one of many. Each was counted as it came, in a public ledger that shows nothing until a report opens its totals.\nAnybody checks the reports:\n%s", indented(audit))
	fmt.Fprintf(out, "\nThe authority of an earlier demand, %s, checks with its receipts that it is counted:\n%s", w.firstReference, indented(receipt))
	return nil
}

func indented(b []byte) string {
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		out.WriteString("    " + line)
	}
	return out.String()
}

// verdicts are the first lines that vitrine verify prints for each opened bag.
func (d demo) verdicts(ctx context.Context, w world, r Result) (string, error) {
	var b strings.Builder
	for i := range r.Packages {
		out, err := d.call(ctx, "verify", w.opened(i+1), "--trust", r.Trust)
		if err != nil {
			return "", err
		}
		b.WriteString(indented(out))
	}
	return b.String(), nil
}

func (w world) whereabouts(out io.Writer, r Result) {
	fmt.Fprintf(out, "\nWhere everything lies:\n")
	rows := [][2]string{{"the provider", w.config}, {"the demand", w.demand}, {"the grant", w.grant}}
	for _, p := range r.Packages {
		rows = append(rows, [2]string{"sealed", p})
	}
	for i := range r.Packages {
		rows = append(rows, [2]string{"opened", w.opened(i + 1)})
	}
	rows = append(rows, [2]string{"authority's key", w.identity}, [2]string{"public keys", r.Trust})
	if r.Public != "" {
		rows = append(rows, [2]string{"the report", filepath.Join(r.Public, "index.html")}, [2]string{"receipts", w.receipts})
	}
	for _, row := range rows {
		fmt.Fprintf(out, "    %-16s %s\n", row[0], row[1])
	}
	fmt.Fprintf(out, "\nTry it:\n    vitrine verify %s --trust %s\n", w.opened(1), r.Trust)
	if r.Public != "" {
		fmt.Fprintf(out, "    vitrine verify %s\n", r.Public)
		fmt.Fprintf(out, "    vitrine verify %s --document %s --authority %s --reference %s --report %s\n", w.receipts, r.Document, w.firstAuthority, w.firstReference, r.Public)
		fmt.Fprintf(out, "    python3 -m http.server -d %s 8000      # or any other web server; then http://localhost:8000 checks itself in the browser\n", r.Public)
	}
	fmt.Fprintf(out, "\nWhen you are done: rm -r %s\n", w.dir)
}

func (d demo) makeDir() (string, error) {
	if d.dir == "" {
		dir, err := os.MkdirTemp("", "vitrine-demo-")
		if err != nil {
			return "", fmt.Errorf("make directory: %w", err)
		}
		return dir, nil
	}
	dir, err := filepath.Abs(d.dir)
	if err != nil {
		return "", fmt.Errorf("find directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "%v: choose a directory that can be made", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("read directory: %w", err)
	}
	if len(entries) > 0 {
		return "", vitrine.Refusef(vitrine.Usage, "%s is not empty: nothing was changed; choose another --dir", dir)
	}
	return dir, nil
}
