package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// unnamed is the origin of a config that names no ledger, or that of a
// template which was not filled in.
const unnamed = "localhost/vitrine"

// originForm is what init takes as a ledger's name.
var originForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.-]*(/[a-zA-Z0-9._-]+)*$`)

func checkOrigin(name string) error {
	if name != "" && !originForm.MatchString(name) {
		return vitrine.Refusef(vitrine.Usage, "--origin %q: want a domain of yours and a word, such as example.org/vitrine", name)
	}
	return nil
}

// named refuses a config whose ledger has no name yet, and one that gives
// another name to the ledger that is there: its name is in every proof.
func (c Config) named(base string) error {
	dir := filepath.Join(resolve(base, c.Store.Dir), "ledger", string(ledger.Public))
	b, err := os.ReadFile(filepath.Join(dir, "headers", "0.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.Ledger.Origin == unnamed && !c.Ledger.Demo:
		return vitrine.Refusef(vitrine.Usage, "[ledger] origin is not set: it names the ledger for good and stands in every proof; "+
			"write a name of your own, such as origin = \"example.org/vitrine\", before the first demand")
	case err != nil:
		return nil // what else is wrong with the ledger is said where it is opened
	}
	h, err := ledger.ParseHeader(b)
	if err != nil || h.Origin == c.Ledger.Origin {
		return nil
	}
	return vitrine.Refusef(vitrine.Usage, "[ledger] origin is %q, but the ledger in %s has begun as %q, for good: nothing was done; write origin = %q; "+
		"a ledger of another name needs another [store] dir and other [ledger] keys", c.Ledger.Origin, dir, h.Origin, h.Origin)
}
