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
	return &cobra.Command{
		Use:   "init DIR",
		Short: "Write a commented config and keys to start from",
		Long: `Write into DIR a commented vitrine.toml, a commented demand.toml, the provider's two
keys, and three approvers' keys to try things with. No file is ever overwritten.`,
		Example: "  vitrine init ~/vitrine",
		Args:    exactly("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := initialise(args[0]); err != nil {
				return err
			}
			fmt.Fprintf(p.stdout, "%s is ready. Next:\n", args[0])
			fmt.Fprintf(p.stdout, "  1. edit %s: your sources, the authority and its key, each approver's own public key\n", filepath.Join(args[0], "vitrine.toml"))
			fmt.Fprintf(p.stdout, "  2. edit %s\n", filepath.Join(args[0], "demand.toml"))
			fmt.Fprintf(p.stdout, "  3. vitrine answer --help\n")
			return nil
		},
	}
}

// initialise writes the files; the config goes last, so that an interrupted
// call leaves nothing that looks finished.
func initialise(dir string) error {
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
	config := configTemplate
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
