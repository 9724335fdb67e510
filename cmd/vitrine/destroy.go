package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/report"
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
key as well. The period's tables must stand in a report, and its demands must be answered.`,
		Example: "  vitrine destroy-key 2026-H1 --because 'limitation ended on 31 December 2032' --config vitrine.toml",
		Args:    exactly("PERIOD"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if err := required(c, "because", "config"); err != nil {
				return err
			}
			if err := vitrine.Plain("--because", because); err != nil || because == "" {
				return vitrine.Refusef(vitrine.Usage, "--because: want a line that says why (%v)", err)
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
			b := desk.Books[ledger.Class(class)]
			if b == nil {
				return vitrine.Refusef(vitrine.Usage, "--class %q: want public or restricted, and a ledger that has begun", class)
			}
			period, err := b.Period(args[0])
			if err != nil {
				return err
			}
			kept := report.Builder{State: filepath.Join(resolve(base, cfg.Store.Dir), "reports")}
			for _, book := range desk.Books {
				kept.Logs = append(kept.Logs, book.Log)
			}
			told, err := kept.Told()
			if err != nil {
				return err
			}
			_, err = desk.DestroyKey(c.Context(), b, period, because, func(sheet string) bool {
				return told(b.Class, ledger.CellName{Period: period.Number, Sheet: sheet})
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(p.stdout, "The key of period %s of the %s ledger is destroyed here; delete its copies too. The ledger says so with its next tick.\n", args[0], class)
			return nil
		},
	}
	c.Flags().StringVar(&config, "config", "", "the provider's vitrine.toml")
	c.Flags().StringVar(&class, "class", string(ledger.Public), "of the ledger: public or restricted")
	c.Flags().StringVar(&because, "because", "", "why, as the public record says it")
	return c
}
