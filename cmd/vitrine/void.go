package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
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
		RunE: func(c *cobra.Command, args []string) (err error) {
			if err := required(c, "config", "ground", "why"); err != nil {
				return err
			}
			if ground != "withdrawn" && ground != "set-aside" {
				return vitrine.Refusef(vitrine.Usage, "--ground %q: want withdrawn or set-aside", ground)
			}
			if err := vitrine.Plain("--why", why); err != nil {
				return vitrine.Refusef(vitrine.Usage, "%v", err)
			}
			cfg, base, err := loadConfig(config)
			if err != nil {
				return err
			}
			desk, closeDesk, err := openDesk(c.Context(), deskOptions{config: cfg, base: base, out: ".", now: p.now, reached: p.reached})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, closeDesk()) }()
			id := vitrine.ID(args[0])
			dem, err := desk.Demand(c.Context(), id)
			if err != nil {
				return err
			}
			if dem.Stage == vitrine.New || dem.Stage == vitrine.Rejected {
				return vitrine.Refusef(vitrine.Usage, "demand %s is not one that can be voided: it is unknown, or was refused; check the id, which vitrine answer prints", id)
			}
			if err := desk.Void(c.Context(), id, &vitrine.Refusal{Kind: vitrine.Refused, Ground: ground, Text: why}, operator()); err != nil {
				return err
			}
			fmt.Fprintf(p.stdout, "Demand %s (%s) is void.\n", dem.Submission.Reference, id)
			return nil
		},
	}
	c.Flags().StringVar(&config, "config", "", "the provider's vitrine.toml")
	c.Flags().StringVar(&ground, "ground", "", "withdrawn or set-aside")
	c.Flags().StringVar(&why, "why", "", "which paper says so")
	return c
}
