package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/intake"
	"github.com/vitrine-project/vitrine/law"
)

// Held is one preserved demand as vitrine hold list prints it with --json.
type Held struct {
	ID         string    `json:"id"`
	Authority  string    `json:"authority"`
	Reference  string    `json:"reference"`
	Instrument string    `json:"instrument"`
	Accounts   []string  `json:"accounts"`
	Items      int64     `json:"items"`
	Since      time.Time `json:"since"` // receipt of the request
	Until      time.Time `json:"until"` // the first instant at which it need not be kept
	Renewals   int       `json:"renewals"`
	Expired    bool      `json:"expired"`
}

func held(p casework.Preserved, now time.Time) Held {
	s := p.Submission
	h := Held{ID: string(p.ID), Authority: string(s.Authority), Reference: s.Reference, Instrument: string(s.Instrument), Items: p.Collection.In + p.Collection.Undeterminable,
		Since: s.Received.UTC(), Until: p.Until, Renewals: len(p.Renewals), Expired: p.Expired(now)}
	for _, a := range p.Granted.Accounts {
		h.Accounts = append(h.Accounts, string(a))
	}
	return h
}

func (p program) holdCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "hold",
		Short: "Preserve data for a later order, and say how long it is kept",
		Long: `Preserve data before an order for it comes (18 U.S.C. § 2703(f); Regulation (EU) 2023/1543,
Art. 11). What is preserved is sealed to the provider's hold key, changes nothing that its user
could see, and is read again only under a later mandate, whose statement names the hold.`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.holdAddCommand(), p.holdExtendCommand(), p.holdReleaseCommand(), p.holdListCommand())
	return c
}

// holdAddCommand is answer, for instruments that preserve.
func (p program) holdAddCommand() *cobra.Command {
	c := p.answerCommand()
	c.Use, c.Short = "add --config F --demand F --out DIR --approve KEY --approve KEY", "Preserve what a request asks for"
	c.Long = `Record a request to preserve data, and carry it out: as vitrine answer does, with the same
checks and signatures, for an instrument under which nothing is handed over.`
	c.Example = "  vitrine hold add --config vitrine.toml --demand preserve.toml --out out --approve a.sig --approve b.sig"
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := required(c, "config", "demand", "out"); err != nil {
			return err
		}
		path, err := c.Flags().GetString("demand")
		if err != nil {
			return err
		}
		b, err := readFile(path)
		if err != nil {
			return err
		}
		d, err := intake.ParseDemand(b)
		if err != nil {
			return inFile(path, err)
		}
		if i, ok := law.Lookup(d.Submission.Instrument); ok && i.Produces {
			return inFile(path, vitrine.Refusef(vitrine.Usage, "instrument %q is for handing data over: use vitrine answer", d.Submission.Instrument))
		}
		return run(c, args)
	}
	return c
}

func (p program) holdExtendCommand() *cobra.Command {
	var config, document, reference string
	c := &cobra.Command{
		Use:     "extend ID --config F --document F --reference TEXT",
		Short:   "Keep what is preserved for longer, on a renewed request",
		Example: "  vitrine hold extend k3q…7a --config vitrine.toml --document renewal.pdf --reference \"26-CR-118, letter of 3 March\"",
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := required(c, "config", "document", "reference"); err != nil {
				return err
			}
			if _, err := vitrine.ParseReference(reference); err != nil {
				return vitrine.Refusef(vitrine.Usage, "--reference: %v", err)
			}
			paper, err := readFile(document)
			if err != nil {
				return err
			}
			return p.withConfig(c.Context(), config, deskOptions{out: "."}, func(d *casework.Desk, _ deskOptions) error {
				kept, err := d.Extend(c.Context(), vitrine.ID(args[0]), reference, filepath.Base(document), paper, operator())
				if err != nil {
					return err
				}
				fmt.Fprintf(p.stdout, "Demand %s (%s) is kept until %s (%s).\n", kept.Submission.Reference, kept.ID, kept.Until.Format(time.RFC3339), kept.Rule.Article)
				return nil
			})
		},
	}
	c.Flags().StringVar(&config, "config", "", "the provider's vitrine.toml")
	c.Flags().StringVar(&document, "document", "", "the paper that renews the request")
	c.Flags().StringVar(&reference, "reference", "", "what the paper calls itself")
	return c
}

func (p program) holdReleaseCommand() *cobra.Command {
	var config, why string
	var expired bool
	c := &cobra.Command{
		Use:   "release ID --config F --why TEXT | release --expired --config F",
		Short: "Destroy what is preserved",
		Long: `Destroy what a demand preserved, because the request was withdrawn; or with --expired, all
that need not be kept any longer. Nothing is destroyed by itself: have this run every day.`,
		Example: "  vitrine hold release --expired --config vitrine.toml",
		RunE: func(c *cobra.Command, args []string) error {
			if err := required(c, "config"); err != nil {
				return err
			}
			if expired == (len(args) == 1) || len(args) > 1 || expired == (why != "") {
				return vitrine.Refusef(vitrine.Usage, "want either ID and --why, or --expired: see vitrine hold release --help")
			}
			if why != "" && vitrine.Plain("--why", why) != nil {
				return vitrine.Refusef(vitrine.Usage, "--why: want one line of plain text")
			}
			return p.withConfig(c.Context(), config, deskOptions{out: "."}, func(d *casework.Desk, _ deskOptions) error {
				var ids []vitrine.ID
				ground := "withdrawn"
				if expired {
					all, err := d.Preserved(c.Context())
					if err != nil {
						return err
					}
					for _, kept := range all {
						if kept.Expired(d.Now()) {
							ids = append(ids, kept.ID)
						}
					}
					ground, why = "expired", "the time for which the law has it kept is over"
				} else {
					ids = []vitrine.ID{vitrine.ID(args[0])}
				}
				for _, id := range ids {
					if err := d.Release(c.Context(), id, &vitrine.Refusal{Kind: vitrine.Refused, Ground: ground, Text: why}, operator()); err != nil {
						return err
					}
					fmt.Fprintf(p.stdout, "What demand %s preserved is destroyed.\n", id)
				}
				if len(ids) == 0 {
					fmt.Fprintln(p.stdout, "Nothing has expired.")
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&config, "config", "", "the provider's vitrine.toml")
	c.Flags().StringVar(&why, "why", "", "which paper says so")
	c.Flags().BoolVar(&expired, "expired", false, "all that need not be kept any longer")
	return c
}

func (p program) holdListCommand() *cobra.Command {
	var config string
	var asJSON bool
	c := &cobra.Command{
		Use:     "list --config F",
		Short:   "List what is preserved, and until when",
		Example: "  vitrine hold list --config vitrine.toml",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required(c, "config"); err != nil {
				return err
			}
			return p.withConfig(c.Context(), config, deskOptions{out: "."}, func(d *casework.Desk, _ deskOptions) error {
				all, err := d.Preserved(c.Context())
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
				if !asJSON {
					fmt.Fprintln(w, "ID\tAUTHORITY\tREFERENCE\tINSTRUMENT\tITEMS\tKEPT UNTIL\tRENEWED")
				}
				for _, kept := range all {
					h := held(kept, d.Now())
					if asJSON {
						if err := json.NewEncoder(p.stdout).Encode(h); err != nil {
							return err
						}
						continue
					}
					until := h.Until.Format(time.DateOnly)
					if h.Expired {
						until += " (over: vitrine hold release --expired)"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%d\n", h.ID, h.Authority, h.Reference, h.Instrument, h.Items, until, h.Renewals)
				}
				return w.Flush()
			})
		},
	}
	c.Flags().StringVar(&config, "config", "", "the provider's vitrine.toml")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line on stdout")
	return c
}
