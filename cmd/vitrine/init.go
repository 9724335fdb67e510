package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/keyring"

	_ "embed"
)

//go:embed vitrine.toml
var configTemplate string

//go:embed demand.toml
var demandTemplate string

func (p program) initCommand() *cobra.Command {
	var origin string
	c := &cobra.Command{
		Use:   "init DIR [--origin NAME]",
		Short: "Write a commented config and keys to start from",
		Long: `Write into DIR a commented vitrine.toml, a commented demand.toml, the provider's two
keys, and three approvers' keys to try things with. No file is ever overwritten. NAME names
the public ledger, for good; without it the config is to be given one before the first demand.`,
		Example: "  vitrine init ~/vitrine --origin example.org/vitrine",
		Args:    exactly("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := checkOrigin(origin); err != nil {
				return err
			}
			if err := initialise(args[0], origin); err != nil {
				return err
			}
			p.nextSteps(args[0], origin)
			return nil
		},
	}
	c.Flags().StringVar(&origin, "origin", "", "the public ledger's name, for good: a domain of yours and a word, such as example.org/vitrine")
	return c
}

// nextSteps says what leads from a new directory to a published report.
func (p program) nextSteps(dir, origin string) {
	config := filepath.Join(dir, "vitrine.toml")
	name := fmt.Sprintf("the ledger is %s, for good", origin)
	if origin == "" {
		name = "origin, the ledger's name for good, before the first demand"
	}
	for _, line := range []string{
		dir + " is ready. Next:",
		"  1. edit " + config,
		"       [[source]]     your stores, mounted read-only; " + filepath.Join(dir, "mail") + " is empty",
		"       [[authority]]  who may ask, and the key that answers are sealed to: take out the # of the example",
		"       [[approver]]   each approver's own public key, in place of the three made to try things with",
		"       [ledger]       " + name + "; contact, url and witnesses for the report",
		"  2. edit " + filepath.Join(dir, "demand.toml") + ", put the paper beside it, and answer:",
		fmt.Sprintf("       vitrine answer --config %s --demand %s --out out --approve %s --approve %s", config, filepath.Join(dir, "demand.toml"), filepath.Join(dir, "keys", "counsel-a"), filepath.Join(dir, "keys", "counsel-b")),
		"  3. every day from then on, from cron or a timer:",
		fmt.Sprintf("       vitrine report build --config %s --out public      # then serve public/", config),
		fmt.Sprintf("       vitrine receipts --config %s --out out             # then send them", config),
		"     The first report comes after the end of the half-year in which the ledger began; try it all now with: vitrine demo",
	} {
		fmt.Fprintln(p.stdout, line)
	}
}

// initialise writes the files; the config goes last, so that an interrupted
// call leaves nothing that looks finished.
func initialise(dir, origin string) error {
	if _, err := os.Stat(filepath.Join(dir, "vitrine.toml")); !errors.Is(err, fs.ErrNotExist) {
		return vitrine.Refusef(vitrine.Usage, "%s is there already: nothing was changed; choose another directory", filepath.Join(dir, "vitrine.toml"))
	}
	for _, sub := range []string{"keys", "mail"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
	}
	if _, err := keyring.NewSSHKey(filepath.Join(dir, "keys", "provider"), "provider"); err != nil {
		return err
	}
	if _, err := keyring.NewAgeKey(filepath.Join(dir, "keys", "hold")); err != nil {
		return err
	}
	config := strings.ReplaceAll(configTemplate, "@origin@", origin)
	for _, name := range []string{"counsel-a", "counsel-b", "counsel-c"} {
		line, err := keyring.NewSSHKey(filepath.Join(dir, "keys", name), name)
		if err != nil {
			return err
		}
		config = strings.ReplaceAll(config, "@"+name+"@", strings.TrimSpace(line))
	}
	if err := writeNew(filepath.Join(dir, "demand.toml"), demandTemplate); err != nil {
		return err
	}
	return writeNew(filepath.Join(dir, "vitrine.toml"), config)
}
