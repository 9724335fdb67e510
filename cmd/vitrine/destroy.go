package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/ledger"
)

func (p program) destroyKeyCommand() *cobra.Command {
	var config, class, because string
	c := &cobra.Command{
		Use:   "destroy-key PERIOD --because TEXT --config F",
		Short: "Destroy the key of a period whose numbers are published, and say so",
		Long: `Delete the key that opens what the ledger counted in a period, such as 2026-H1, and have
the ledger say so with its next tick. After that nobody can learn from this machine which
leaf was whose: no receipt of the period can be made, and no list for an auditor. Do it when
the last user was notified and the limitation period is over, and delete every copy of the
key as well. The period's tables must stand in a report, its demands must be answered, and a
tick of the period behind it must be made.`,
		Example: "  vitrine destroy-key 2026-H1 --because 'limitation ended on 31 December 2032' --config vitrine.toml",
		Args:    exactly("PERIOD"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := required(c, "because", "config"); err != nil {
				return err
			}
			if because == "" {
				return vitrine.Refusef(vitrine.Usage, "--because is empty: want a line that says why")
			}
			if err := vitrine.Plain("--because", because); err != nil {
				return vitrine.Refusef(vitrine.Usage, "%v", err)
			}
			return p.withConfig(c.Context(), config, deskOptions{out: "."}, func(d *casework.Desk, o deskOptions) error {
				return p.destroyKey(c.Context(), d, o.data(), ledger.Class(class), args[0], because)
			})
		},
	}
	c.Flags().StringVar(&config, "config", "", "the provider's vitrine.toml")
	c.Flags().StringVar(&class, "class", string(ledger.Public), "of the ledger: public or restricted")
	c.Flags().StringVar(&because, "because", "", "why, as the public record says it")
	return c
}

// destroyKey destroys the key of a period, named as people name it, if the
// reports that are kept in data tell all that it opens.
func (p program) destroyKey(ctx context.Context, d *casework.Desk, data string, class ledger.Class, named, because string) error {
	b := d.Books[class]
	if b == nil {
		return vitrine.Refusef(vitrine.Usage, "--class %q: want public or restricted, and a ledger that has begun", class)
	}
	period, err := b.Period(named)
	if err != nil {
		return err
	}
	told, err := kept(d, data).Told()
	if err != nil {
		return err
	}
	_, err = d.DestroyKey(ctx, b, period, because, func(sheet string) bool {
		return told(class, ledger.CellName{Period: period.Number, Sheet: sheet})
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "The key of period %s of the %s ledger is destroyed here; delete its copies too. The ledger says so with its next tick.\n", named, class)
	return nil
}
