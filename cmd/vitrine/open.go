package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/checking"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/production"
)

func (p program) openCommand() *cobra.Command {
	var identity, out string
	c := &cobra.Command{
		Use:   "open PACKAGE --identity KEY --out DIR",
		Short: "Open a sealed package with the authority's key",
		Long: `Decrypt a package with the age identity it was sealed to and lay its bag out in DIR,
which must not exist. Every item's digest is checked on the way. Then: vitrine verify DIR.`,
		Example: "  vitrine open k3…-1.zip.age --identity key.txt --out opened",
		Args:    exactly("PACKAGE"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := required(c, "identity", "out"); err != nil {
				return err
			}
			return p.openPackage(args[0], identity, out)
		},
	}
	c.Flags().StringVar(&identity, "identity", "", "the age identity file")
	c.Flags().StringVar(&out, "out", "", "directory to lay the bag out in; it must not exist")
	return c
}

func (p program) openPackage(path, identity, out string) error {
	id, err := keyring.OpenIdentity(identity)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return vitrine.Refusef(vitrine.Usage, "%v: check the path", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open package: %w", err)
	}
	plain, size, err := id.Unseal(f, st.Size())
	if err != nil {
		return inFile(path, err)
	}
	r, err := production.NewReader(plain, size)
	if err != nil && !strings.HasSuffix(path, ".zip.age") {
		return checking.Sealed(path) // receipts or promises, which are read as they are
	}
	if err != nil {
		return inFile(path, err)
	}
	b := newBars(p.stderr)
	err = r.Extract(out, func(done, total int64) { b.draw("opening", done, total, true) })
	b.Finish()
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s is laid out in %s. Check it with: vitrine verify %s --trust FILE\n", path, out, out)
	return nil
}
