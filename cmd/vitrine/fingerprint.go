package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/production"
)

func (p program) fingerprintCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fingerprint RECIPIENT|IDENTITY",
		Short: "Print the short name of an age key, as statements and packages have it",
		Long: `Print the fingerprint of an age recipient (age1…), or of the recipient that belongs to an
age identity file. Two people compare it aloud before a key goes into seal_to, and each
approver compares it with the line "seal to" of what they sign.`,
		Example: "  vitrine fingerprint age1…\n  vitrine fingerprint key.txt",
		Args:    exactly("RECIPIENT|IDENTITY"),
		RunE: func(_ *cobra.Command, args []string) error {
			recipient := args[0]
			if !strings.HasPrefix(recipient, "age1") {
				id, err := keyring.OpenIdentity(recipient)
				if err != nil {
					return err
				}
				if recipient, err = id.Recipient(); err != nil {
					return err
				}
			}
			if _, err := production.ParseRecipient(recipient); err != nil {
				return vitrine.Refusef(vitrine.Usage, "%v", err)
			}
			fmt.Fprintln(p.stdout, production.Fingerprint(recipient))
			return nil
		},
	}
}
