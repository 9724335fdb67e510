package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine/internal/checking"
)

func (p program) verifyCommand() *cobra.Command {
	var o checking.Options
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
  a submission receipt or the answer that it was no demand, or both: signed (--report or
                       --header), and answered in time; the promise or the answer that came
                       for it is given with --promise.
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
		RunE: func(c *cobra.Command, args []string) error { return p.verify(c, o, args) },
	}
	f := c.Flags()
	f.StringVar(&o.Trust, "trust", "", "package: the provider's and approvers' public keys (trust.toml)")
	f.BoolVar(&o.Sampled, "sampled", false, "report: check one range proof in sixteen, which proves little")
	f.StringArrayVar(&o.Keys, "key", nil, "report, tally: the log's key that you know, as public=VKEY or restricted=VKEY")
	f.StringVar(&o.Site, "report", "", "receipt, promise, submission, tally: the published directory or its address")
	f.StringVar(&o.Document, "document", "", "receipt, submission: the very file that was sent")
	f.StringVar(&o.Authority, "authority", "", "receipt, submission: who sent it")
	f.StringVar(&o.Reference, "reference", "", "receipt, submission: the sender's reference")
	f.StringArrayVar(&o.Accounts, "account", nil, "receipt: an account that one of them must be of")
	f.StringArrayVar(&o.Promises, "promise", nil, "receipt: the promise that it must keep; submission: the promise, or the answer, that came for it")
	f.StringVar(&o.Header, "header", "", "promise, submission: the header that it was made under")
	f.StringArrayVar(&o.Beside, "beside", nil, "tally: another list that was committed to, with demands of this one's facts")
	return c
}

// verify checks what was given, by its kind.
func (p program) verify(c *cobra.Command, o checking.Options, args []string) error {
	said := ""
	if _, named := checking.Takes()[args[0]]; named && len(args) > 1 {
		said, args = args[0], args[1:] // as vitrine-verify is called
	}
	var given []string
	for _, names := range checking.Takes() {
		for _, n := range names {
			if c.Flags().Changed(n) {
				given = append(given, n)
			}
		}
	}
	kind, err := checking.Kind(said, args, given)
	if err != nil {
		return err
	}
	b := newBars(p.stderr)
	o.Now = p.now
	o.Auditing = func(done, total uint64) { b.draw("checking", int64(done), int64(total), false) }
	o.Verifying = func(done, total int64) { b.draw("verifying", done, total, true) }
	r, err := o.Check(c.Context(), kind, args)
	b.Finish()
	p.say(r.Lines)
	return err
}

func (p program) say(lines []string) {
	for _, l := range lines {
		fmt.Fprintln(p.stdout, checking.Printable(l))
	}
}
