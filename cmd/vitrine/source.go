package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/checking"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// Checked is what vitrine source check finds out of one source, as it prints it
// with --json: names and counts, and nothing of what is stored.
type Checked struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Family string `json:"family"`
	// OK reports whether a collection would read it.
	OK         bool               `json:"ok"`
	Shown      string             `json:"shown,omitempty"`     // by what its access was found out
	Writes     string             `json:"writes,omitempty"`    // what its credentials could change
	MayWrite   string             `json:"may_write,omitempty"` // why that is accepted
	Error      string             `json:"error,omitempty"`
	Containers []CheckedContainer `json:"containers,omitempty"` // of the account that was named
	unknown    bool               // that it has none of them
	refused    vitrine.Kind
}

// CheckedContainer is one container of the account that was named.
type CheckedContainer struct {
	Name  string `json:"name"`
	Items *int64 `json:"items"` // by the store's own count, null if it has none
	Bytes int64  `json:"bytes"`
}

func (p program) sourceCommand() *cobra.Command {
	c := &cobra.Command{Use: "source", Short: "Look at the stores that data is collected from", Args: exactly(), RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(p.sourceCheckCommand())
	return c
}

func (p program) sourceCheckCommand() *cobra.Command {
	var path, account string
	var asJSON bool
	wait := 3 * time.Minute // longer than any source waits for an answer
	c := &cobra.Command{
		Use:   "check --config F",
		Short: "Try each source, and say what is wrong",
		Long: `Try each source of the config: whether it answers, and whether its credentials can only read.
No item is read. With --account, the account's containers are listed, with the store's own counts
where it keeps any; nothing of their content is shown. It exits with 4 if a collection would stop because a source could be written to, and
with 1 or 2 if one cannot be read.`,
		Example: "  vitrine source check --config vitrine.toml --account alice",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required(c, "config"); err != nil {
				return err
			}
			config, base, err := loadConfig(path)
			if err != nil {
				return err
			}
			var who vitrine.Account
			if _, ok := vitrine.Account(account).Identifier(); ok {
				return vitrine.Refusef(vitrine.Usage, "--account %s: want an account's own name; whose an identifier is, is looked up under a mandate only", account)
			}
			if account != "" {
				if who, err = vitrine.ParseAccount(account); err != nil {
					return vitrine.Refusef(vitrine.Usage, "--account: %v", err)
				}
			}
			sources, err := config.Sources(base)
			if err != nil {
				return inFile(path, err)
			}
			var all []Checked
			for _, s := range sources {
				ctx, cancel := context.WithTimeout(c.Context(), wait)
				all = append(all, check(ctx, s, who))
				cancel()
			}
			if err := tellChecked(p.stdout, all, asJSON); err != nil {
				return err
			}
			return verdict(all)
		},
	}
	c.Flags().StringVar(&path, "config", "", "the provider's vitrine.toml")
	c.Flags().StringVar(&account, "account", "", "list this account's containers, with counts")
	c.Flags().DurationVar(&wait, "wait", wait, "how long to wait for each source")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON array on stdout")
	return c
}

// check asks one source what a collection would ask it first.
func check(ctx context.Context, s collect.Configured, account vitrine.Account) Checked {
	d := s.Declaration()
	c := Checked{Name: d.Name, Kind: d.Kind, Family: string(s.Family()), MayWrite: s.MayWrite}
	fail := func(err error) Checked {
		c.OK, c.Error, c.refused = false, err.Error(), vitrine.Failed
		if errors.Is(err, context.DeadlineExceeded) {
			c.Error = "it did not answer in time: see that it runs and can be reached from here, or give --wait more"
		}
		var r *vitrine.Refusal
		if errors.As(err, &r) {
			c.refused = r.Kind
		}
		return c
	}
	access, err := s.Probe(ctx)
	if err != nil {
		return fail(err)
	}
	c.Shown, c.Writes, c.OK = access.Shown, access.Writes, true
	if access.Writes != "" && s.MayWrite == "" {
		c.OK, c.refused = false, vitrine.Refused
	}
	if account == "" {
		return c
	}
	containers, err := s.Inventory(ctx, account)
	if err != nil {
		return fail(err)
	}
	c.unknown = len(containers) == 0
	for _, l := range containers {
		listed := CheckedContainer{Name: l.Name, Bytes: l.Size}
		if l.Count != collect.NoCount {
			listed.Items = &l.Count
		}
		c.Containers = append(c.Containers, listed)
	}
	return c
}

func tellChecked(w io.Writer, all []Checked, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(all)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\n", c.Name, c.Kind, c.says())
		if c.unknown {
			fmt.Fprintf(t, "\t\tit knows no such account\n")
		}
		for _, l := range c.Containers {
			items := "not counted by the store"
			if l.Items != nil {
				items = counted(int(*l.Items), "item")
			}
			fmt.Fprintf(t, "\t%s\t%s, %d bytes\n", checking.Printable(l.Name), items, l.Bytes)
		}
	}
	return t.Flush()
}

func (c Checked) says() string {
	switch {
	case c.Error != "":
		return "cannot be read: " + c.Error
	case !c.OK:
		return "answers, and a collection would stop: it could be written to (" + c.Writes + "). Give it credentials or a mount that can only read, or say why this is accepted: may_write = \"…\""
	case c.Writes != "":
		return "ok, though it could be written to (" + c.Writes + "); accepted: " + c.MayWrite
	}
	return "ok, read-only: " + c.Shown
}

// verdict is the exit of the whole check: the first that is wrong decides.
func verdict(all []Checked) error {
	for _, c := range all {
		if !c.OK {
			return vitrine.Refusef(c.refused, "source %q is not ready: a collection that needs it would stop", c.Name)
		}
	}
	return nil
}
