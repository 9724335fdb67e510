package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
	"github.com/vitrine-project/vitrine/mandate"
)

func (p program) restrictedCommand() *cobra.Command {
	var config, sign string
	c := &cobra.Command{
		Use:   "restricted --config F [--sign KEY]",
		Short: "Have counsel sign how national security process is counted",
		Long: `Print the text that counsel signs of [ledger.restricted]: how all process of the class is
counted and published. The ledger of the class runs under that signature alone, so that
nobody changes it in answer to a demand. With --sign, the signature is made, or one that
was made elsewhere is taken, checked and kept where the config says.`,
		Example: `  vitrine restricted --config vitrine.toml > to-sign.txt
  ssh-keygen -Y sign -n vitrine-mandate -f ~/.ssh/id_ed25519 to-sign.txt     # counsel
  vitrine restricted --config vitrine.toml --sign to-sign.txt.sig`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required(c, "config"); err != nil {
				return err
			}
			cfg, base, err := loadConfig(config)
			if err != nil {
				return err
			}
			if cfg.Ledger.Restricted.Publication == "off" {
				return vitrine.Refusef(vitrine.Usage, "[ledger.restricted] publication is off: there is nothing to sign")
			}
			text := cfg.Ledger.class().Text()
			if sign == "" {
				fmt.Fprint(p.stdout, text)
				return nil
			}
			a, err := approve(sign, []byte(text))
			if err != nil {
				return err
			}
			if err := cfg.signedClass(a); err != nil {
				return err
			}
			path := resolve(base, cfg.Ledger.Restricted.Signature)
			if err := replaceFile(path, []byte(a.Signature)); err != nil {
				return fmt.Errorf("write signature: %w", err)
			}
			fmt.Fprintf(p.stdout, "Counsel (%s) signed; the signature is %s.\n", cfg.Ledger.Restricted.Counsel, path)
			return nil
		},
	}
	c.Flags().StringVar(&config, "config", "", "the provider's vitrine.toml")
	c.Flags().StringVar(&sign, "sign", "", "counsel's private key, agent key (.pub) or signature (.sig)")
	return c
}

// class is what counsel signs.
func (c LedgerConfig) class() mandate.Class {
	n := c.counting(ledger.Restricted, ledger.Keys{})
	return mandate.Class{Origin: n.Origin, Publication: string(n.Publication), Structure: n.Structure, Period: string(n.Cadence), Lag: n.Lag.String()}
}

func (c Config) signedClass(a vitrine.Approval) error {
	policy, err := c.Policy()
	if err != nil {
		return err
	}
	if err := policy.VerifyClass(c.Ledger.class(), c.Ledger.Restricted.Counsel, a); err != nil {
		return vitrine.Refusef(vitrine.Usage, "[ledger.restricted] is not signed by counsel as it stands: %v. See vitrine restricted --help; nothing was done", err)
	}
	return nil
}

// counselSigned refuses a restricted class that counsel did not sign as it is.
func (c Config) counselSigned(base string) error {
	r := c.Ledger.Restricted
	if r.Publication == "off" {
		return nil
	}
	a, err := approve(resolve(base, r.Signature), nil)
	if err != nil {
		return vitrine.Refusef(vitrine.Usage, "[ledger.restricted] is not signed by counsel: %v. Have counsel sign it (vitrine restricted --help); nothing was done", err)
	}
	return c.signedClass(a)
}

// hasCounsel refuses a class whose counsel is none of the approvers.
func (c Config) hasCounsel() error {
	r := c.Ledger.Restricted
	if r.Publication != "off" && !slices.ContainsFunc(c.Approver, func(a ApproverConfig) bool { return a.Name == r.Counsel }) {
		return vitrine.Refusef(vitrine.Usage, "[ledger.restricted] counsel %q: want the name of the [[approver]] who signs how this class is counted (vitrine restricted)", r.Counsel)
	}
	return nil
}
