package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
	"github.com/vitrine-project/vitrine/production"
)

// verification is one call of verify. What a kind of paper does not take is
// refused.
type verification struct {
	program
	trust                          string
	site, header                   string
	sampled                        bool
	keys, accounts, promises       []string
	document, authority, reference string
	beside                         []string
}

// takes are the flags of each kind of thing that verify checks.
var takes = map[string][]string{
	"report":  {"sampled", "key"},
	"receipt": {"document", "authority", "reference", "account", "promise", "report"},
	"promise": {"report", "header"},
	"tally":   {"report", "beside", "key"},
	"package": {"trust"},
}

func (p program) verifyCommand() *cobra.Command {
	v := verification{program: p}
	c := &cobra.Command{
		Use:   "verify PATH|URL [flags]",
		Short: "Check a package, a published report, a receipt, a promise or a tally",
		Long: `Check what a provider published or handed out. It tells by itself what it was given:

  a sealed package     against the signed .json beside it, or an opened bag file by file:
                       digests, the signed root over the manifest, the sums, and the
                       approvers' signatures. With --trust the keys must be the ones in FILE;
                       without it only that all agrees with itself.
  a published          directory or its address: the full audit of the ledgers and of every
                       report computed from them.
  receipts             one, or several one behind the other: with the document, authority and
                       reference of the demand, with accounts, with promises, and with --report
                       where they are counted. What is not given is said to be unchecked.
  promises             whether they are signed and kept (--report), or signed alone (--header).
  LIST PROOF           an auditor's list of a cell, against the audited ledger (--report).

It needs no config, and no network but for an address. Exit code 3: it did not verify.`,
		Example: `  vitrine verify k3…-1.zip.age --trust trust.toml
  vitrine verify opened --trust trust.toml
  vitrine verify https://transparency.example.org
  vitrine verify receipts.txt --document demand.pdf --authority police/one --reference 2026/17 --report public`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exactly("PATH")(c, args)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return v.run(c, args) },
	}
	f := c.Flags()
	f.StringVar(&v.trust, "trust", "", "package: the provider's and approvers' public keys (trust.toml)")
	f.BoolVar(&v.sampled, "sampled", false, "report: check one range proof in sixteen, which proves little")
	f.StringArrayVar(&v.keys, "key", nil, "report: the log's key that you know, as public=VKEY or restricted=VKEY")
	f.StringVar(&v.site, "report", "", "receipt, promise, tally: the published directory or its address")
	f.StringVar(&v.document, "document", "", "receipt: the very file that was sent")
	f.StringVar(&v.authority, "authority", "", "receipt: who sent it")
	f.StringVar(&v.reference, "reference", "", "receipt: the sender's reference")
	f.StringArrayVar(&v.accounts, "account", nil, "receipt: an account that one of them must be of")
	f.StringArrayVar(&v.promises, "promise", nil, "receipt: the promise that it must keep")
	f.StringVar(&v.header, "header", "", "promise: the header that it was made under")
	f.StringArrayVar(&v.beside, "beside", nil, "tally: another list that was committed to, with demands of this one's facts")
	return c
}

// run checks what was given, by its kind.
func (v verification) run(c *cobra.Command, args []string) error {
	said := ""
	if _, named := takes[args[0]]; named && len(args) > 1 {
		said, args = args[0], args[1:] // as vitrine-verify is called
	}
	kind, err := kindOf(args[0])
	if err != nil {
		return err
	}
	if said != "" && said != kind {
		return vitrine.Refusef(vitrine.Usage, "%s is a %s, no %s: check the path", args[0], kind, said)
	}
	for _, names := range takes {
		for _, n := range names {
			if c.Flags().Changed(n) && !slices.Contains(takes[kind], n) {
				return vitrine.Refusef(vitrine.Usage, "%s is a %s, which takes no --%s: see %s --help", args[0], kind, n, c.CommandPath())
			}
		}
	}
	switch kind {
	case "tally":
		if err := exactly("LIST", "PROOF")(c, args); err != nil {
			return err
		}
		return v.tally(c.Context(), args[0], args[1])
	case "promise":
		return v.promise(c.Context(), args)
	}
	if err := exactly("PATH")(c, args); err != nil {
		return err
	}
	switch kind {
	case "report":
		return v.report(c.Context(), args[0])
	case "receipt":
		return v.receipt(c.Context(), args[0])
	}
	var t trust
	if v.trust != "" {
		if t, err = loadTrust(v.trust); err != nil {
			return err
		}
	}
	return v.verify(args[0], t)
}

// kindOf tells what stands at a path or an address.
func kindOf(path string) (string, error) {
	if isURL(path) {
		return "report", nil
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "%v: check the path", err)
	}
	if st.IsDir() {
		if _, err := os.Stat(filepath.Join(path, "ledger")); err == nil {
			return "report", nil
		}
		return "package", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "%v: check the path", err)
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	return ledger.PaperKind(head), nil
}

// verify checks a package.
func (p program) verify(path string, t trust) error {
	st, err := os.Stat(path)
	if err != nil {
		return vitrine.Refusef(vitrine.Usage, "%v: check the path", err)
	}
	var report production.Report
	if st.IsDir() {
		b := newBars(p.stderr)
		report, err = production.VerifyBag(path, t.production(p.now), func(done, total int64) { b.draw("verifying", done, total, true) })
		b.Finish()
	} else {
		report, err = production.VerifySealed(path, t.production(p.now))
	}
	p.say(report.Lines)
	return err
}

func (p program) say(lines []string) {
	for _, l := range lines {
		fmt.Fprintln(p.stdout, printable(l))
	}
}

// printable keeps what others wrote from moving the cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// report audits a published directory.
func (v verification) report(ctx context.Context, where string) error {
	verdict, err := v.audit(ctx, where)
	if err != nil {
		return err
	}
	v.say(verdict.Lines())
	return nil
}
