package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/authority"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/intake"
	"github.com/vitrine-project/vitrine/mandate"
)

// Config is vitrine.toml. Paths are relative to the file's own directory.
// Each field's comment ends with who must be trusted with it.
type Config struct {
	Provider  ProviderConfig    `toml:"provider"`
	Store     StoreConfig       `toml:"store"`
	Source    []SourceConfig    `toml:"source"`
	Quorum    QuorumConfig      `toml:"quorum"`
	Approver  []ApproverConfig  `toml:"approver"`
	Authority []AuthorityConfig `toml:"authority"`
	Catalogue CatalogueConfig   `toml:"catalogue"`
	Ledger    LedgerConfig      `toml:"ledger"`
}

// ProviderConfig says who answers.
type ProviderConfig struct {
	Name    string `toml:"name"`     // as it stands in letters, "The provider" if left out; nobody
	Key     string `toml:"key"`      // SSH private key that signs packages, "keys/provider" if left out; the worker's operator
	HoldKey string `toml:"hold_key"` // age identity that holds are sealed to, "keys/hold" if left out; the worker's operator
}

// StoreConfig says where Vitrine remembers.
type StoreConfig struct {
	Dir      string `toml:"dir"`      // database, blobs, lock; whoever can read it sees sealed data and events
	Database string `toml:"database"` // postgres://… in place of SQLite in dir; the same
}

// QuorumConfig says how many approvers must sign.
type QuorumConfig struct {
	Need int `toml:"need"` // whoever can lower it can collect with fewer; counsel
}

// ApproverConfig pins one approver's public key.
type ApproverConfig struct {
	Name string `toml:"name"` // stands in mandates; nobody
	Key  string `toml:"key"`  // an authorized_keys line; whoever can change it can approve; counsel
}

// AuthorityConfig is one entry of the directory of authorities.
type AuthorityConfig struct {
	ID           string   `toml:"id"`           // as demands name it; nobody
	Name         string   `toml:"name"`         // as letters name it; nobody
	Jurisdiction string   `toml:"jurisdiction"` // us, eu or a member state, what its id begins with if left out; whoever can change it changes what it may ask by; counsel
	Language     string   `toml:"language"`     // of letters: en, fr or de; nobody
	PreservedBy  []string `toml:"preserved_by"` // other authorities, whose preserved data its demands are answered from; counsel
	SealTo       []string `toml:"seal_to"`      // age recipients; whoever can change it can read productions; counsel
}

// ParseConfig reads a config and checks all that can be checked without
// touching a file.
func ParseConfig(b []byte) (Config, error) {
	var c Config
	if err := intake.Decode(b, &c); err != nil {
		return c, err
	}
	c.Provider.Name = cmp.Or(c.Provider.Name, "The provider")
	c.Provider.Key, c.Provider.HoldKey = cmp.Or(c.Provider.Key, "keys/provider"), cmp.Or(c.Provider.HoldKey, "keys/hold")
	if err := c.Ledger.fill(); err != nil {
		return c, err
	}
	switch {
	case c.Store.Dir == "":
		return c, vitrine.Refusef(vitrine.Usage, "[store] dir is missing: the directory where vitrine remembers")
	case c.Store.Database != "" && !strings.HasPrefix(c.Store.Database, "postgres://") && !strings.HasPrefix(c.Store.Database, "postgresql://"):
		return c, vitrine.Refusef(vitrine.Usage, "[store] database is not a postgres:// address: leave it out for SQLite in dir")
	case len(c.Source) == 0:
		return c, vitrine.Refusef(vitrine.Usage, "no [[source]] is given: name at least one store to collect from")
	}
	seen := map[string]bool{}
	for _, s := range c.Source {
		if _, err := vitrine.ParseName(s.Name); err != nil {
			return c, vitrine.Refusef(vitrine.Usage, "[[source]] %v", err)
		}
		if casework.PreservedName(s.Name) {
			return c, vitrine.Refusef(vitrine.Usage, "[[source]] %q: names that begin so are those of what is preserved: choose another", s.Name)
		}
		if seen[s.Name] {
			return c, vitrine.Refusef(vitrine.Usage, "two [[source]] are named %q: each needs a name of its own", s.Name)
		}
		seen[s.Name] = true
		if _, err := s.open(""); err != nil {
			return c, err
		}
	}
	if _, err := c.Policy(); err != nil {
		return c, err
	}
	if err := c.hasCounsel(); err != nil {
		return c, err
	}
	if err := c.checkCatalogue(); err != nil {
		return c, err
	}
	_, err := c.Directory()
	return c, err
}

// Policy is the quorum that mandates need.
func (c Config) Policy() (mandate.Policy, error) {
	p := mandate.Policy{Need: c.Quorum.Need}
	for _, a := range c.Approver {
		approver, err := mandate.ParseApprover(a.Name, a.Key)
		if err != nil {
			return p, vitrine.Refusef(vitrine.Usage, "[[approver]] %q: %v", a.Name, err)
		}
		p.Approvers = append(p.Approvers, approver)
	}
	if err := p.Check(); err != nil {
		return p, vitrine.Refusef(vitrine.Usage, "[quorum]: %v", err)
	}
	return p, nil
}

func authorities(names []string) (ids []vitrine.AuthorityID) {
	for _, n := range names {
		ids = append(ids, vitrine.AuthorityID(n))
	}
	return ids
}

// Directory is the directory of authorities.
func (c Config) Directory() (authority.Directory, error) {
	var entries []authority.Entry
	for _, a := range c.Authority {
		entries = append(entries, authority.Entry{ID: vitrine.AuthorityID(a.ID), Name: a.Name, Jurisdiction: a.Jurisdiction, SealTo: a.SealTo, Language: a.Language, PreservedBy: authorities(a.PreservedBy)})
	}
	d, err := authority.NewDirectory(entries)
	if err != nil {
		return d, vitrine.Refusef(vitrine.Usage, "[[authority]]: %v", err)
	}
	return d, nil
}

// loadConfig reads the config at path; base is the directory its paths are
// relative to.
func loadConfig(path string) (c Config, base string, err error) {
	b, err := readFile(path)
	if err != nil {
		return c, "", err
	}
	if c, err = ParseConfig(b); err != nil {
		return c, "", inFile(path, err)
	}
	base, err = filepath.Abs(filepath.Dir(path))
	if err != nil {
		return c, "", fmt.Errorf("find config: %w", err)
	}
	if err := c.named(base); err != nil {
		return c, "", inFile(path, err)
	}
	if _, err := c.Sources(base); err != nil {
		return c, "", inFile(path, err)
	}
	for _, s := range c.Source {
		if s.Path == "" {
			continue
		}
		root, _, _ := strings.Cut(resolve(base, s.Path), "{account}")
		if _, err := os.Stat(filepath.Dir(root + "x")); err != nil {
			return c, "", inFile(path, vitrine.Refusef(vitrine.Usage, "[[source]] %q: %s is not there: correct path, or mount the store", s.Name, filepath.Dir(root+"x")))
		}
	}
	return c, base, nil
}

// resolve makes path absolute, from base if it is relative.
func resolve(base, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(base, path)
}

// maxPaper bounds a document, config or other file that is read whole, in bytes.
const maxPaper = 64 << 20

// readFile reads a file that the caller named on the command line.
func readFile(path string) ([]byte, error) {
	b, err := readSome(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, vitrine.Refusef(vitrine.Usage, "%s is not there: check the path", path)
	}
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	return b, nil
}

func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPaper+1))
	if err == nil && len(b) > maxPaper {
		err = fmt.Errorf("%s is longer than %d MiB: give a shorter file", path, maxPaper>>20)
	}
	return b, err
}

// replaceFile gives a file new content at once, and whatever stood at its path
// goes; a link there is replaced, not followed.
func replaceFile(path string, content []byte) error {
	partial := path + ".partial"
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a call that was killed
		return err
	}
	f, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(partial, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return nil
}

// inFile says in which file a person must look.
func inFile(path string, err error) error {
	var m *intake.Misread
	if errors.As(err, &m) {
		return &vitrine.Refusal{Kind: m.Why.Kind, Ground: m.Why.Ground, Text: path + ":" + m.Error()}
	}
	var r *vitrine.Refusal
	if errors.As(err, &r) {
		in := *r
		in.Text = path + ": " + r.Text
		return &in
	}
	return fmt.Errorf("%s: %w", path, err)
}
