package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine/internal/casework"
)

// Listed is one demand as vitrine list prints it with --json.
type Listed struct {
	ID         string    `json:"id"`
	Authority  string    `json:"authority"`
	Reference  string    `json:"reference"`
	Instrument string    `json:"instrument"`
	Received   time.Time `json:"received"`
	Stage      string    `json:"stage"`
	Open       int64     `json:"open"` // items that nobody decided
}

func (p program) listCommand() *cobra.Command {
	var config string
	var asJSON bool
	c := &cobra.Command{
		Use:     "list --config F",
		Short:   "List the demands, with their ids and where each stands",
		Example: "  vitrine list --config vitrine.toml",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required(c, "config"); err != nil {
				return err
			}
			return p.withConfig(c.Context(), config, deskOptions{out: "."}, func(d *casework.Desk, _ deskOptions) error {
				all, err := d.Demands(c.Context())
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
				if !asJSON {
					fmt.Fprintln(w, "ID\tRECEIVED\tAUTHORITY\tREFERENCE\tINSTRUMENT\tSTAGE")
				}
				for _, dem := range all {
					s := dem.Submission
					l := Listed{string(dem.ID), string(s.Authority), s.Reference, string(s.Instrument), s.Received, string(dem.Stage), dem.Open()}
					if asJSON {
						err = json.NewEncoder(p.stdout).Encode(l)
					} else {
						_, err = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Received.UTC().Format(time.DateOnly), l.Authority, l.Reference, l.Instrument, l.Stage)
					}
					if err != nil {
						return err
					}
				}
				return w.Flush()
			})
		},
	}
	c.Flags().StringVar(&config, "config", "", "the provider's vitrine.toml")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line on stdout")
	return c
}
