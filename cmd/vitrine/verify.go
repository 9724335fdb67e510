package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

func (p program) verifyCommand() *cobra.Command {
	var trustPath string
	c := &cobra.Command{
		Use:   "verify PATH [--trust FILE]",
		Short: "Check a sealed package (its outer form) or an opened bag",
		Long: `Check a sealed package against the signed .json beside it, or an opened bag file by file:
digests, the signed root over the manifest, the sums, and the approvers' signatures. With
--trust the keys must be the ones in FILE; without it only that all agrees with itself.
It needs no config and no network. Exit code 3: it did not verify.`,
		Example: "  vitrine verify k3…-1.zip.age --trust trust.toml\n  vitrine verify opened --trust trust.toml",
		Args:    exactly("PATH"),
		RunE: func(_ *cobra.Command, args []string) error {
			var t trust
			if trustPath != "" {
				var err error
				if t, err = loadTrust(trustPath); err != nil {
					return err
				}
			}
			return p.verify(args[0], t)
		},
	}
	c.Flags().StringVar(&trustPath, "trust", "", "the provider's and approvers' public keys (trust.toml)")
	return c
}

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
	for _, line := range report.Lines {
		fmt.Fprintln(p.stdout, line)
	}
	return err
}
