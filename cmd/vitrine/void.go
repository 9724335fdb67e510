package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
)

func (p program) voidCommand() *cobra.Command {
	var config, ground, why string
	c := &cobra.Command{
		Use:   "void ID --config F --ground WORD --why TEXT",
		Short: "Record that a demand was withdrawn, or set aside by a court",
		Long: `Record that the authority withdrew a demand or a court set it aside. Nothing more is done
for it; what was handed over stays handed over. Its facts leave the queue of the ledger if
none is in the log yet; else the demand is counted as void too, since nothing is ever taken
out of the log. The authority's withdrawal or the court's order answers the promise: keep it.`,
		Example: "  vitrine void k3q…7a --config vitrine.toml --ground withdrawn --why \"letter of 3 March 2027\"",
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := required(c, "config", "ground", "why"); err != nil {
				return err
			}
			if ground != "withdrawn" && ground != "set-aside" {
				return vitrine.Refusef(vitrine.Usage, "--ground %q: want withdrawn or set-aside", ground)
			}
			if err := vitrine.Plain("--why", why); err != nil {
				return vitrine.Refusef(vitrine.Usage, "%v", err)
			}
			return p.withConfig(c.Context(), config, deskOptions{out: "."}, func(d *casework.Desk, _ deskOptions) error {
				return p.void(c.Context(), d, vitrine.ID(args[0]), &vitrine.Refusal{Kind: vitrine.Refused, Ground: ground, Text: why})
			})
		},
	}
	c.Flags().StringVar(&config, "config", "", "the provider's vitrine.toml")
	c.Flags().StringVar(&ground, "ground", "", "withdrawn or set-aside")
	c.Flags().StringVar(&why, "why", "", "which paper says so")
	return c
}

func (p program) void(ctx context.Context, d *casework.Desk, id vitrine.ID, why *vitrine.Refusal) error {
	dem, err := d.Demand(ctx, id)
	if err != nil {
		return err
	}
	if dem.Stage == vitrine.New || dem.Stage == vitrine.Rejected {
		return vitrine.Refusef(vitrine.Usage, "demand %s is not one that can be voided: it is unknown, or was refused; check the id, which vitrine answer prints", id)
	}
	if err := d.Void(ctx, id, why, operator()); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "Demand %s (%s) is void.\n", dem.Submission.Reference, id)
	return nil
}
