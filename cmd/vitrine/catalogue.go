package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/law"
)

// CatalogueConfig says who signs what the stores hold.
type CatalogueConfig struct {
	Counsel string `toml:"counsel"` // the approver who signs each version; no catalogue if left out; counsel
	Dir     string `toml:"dir"`     // the signed versions, "keys/catalogue" if left out; nobody
}

func (p program) catalogueCommand() *cobra.Command {
	var config, sign string
	c := &cobra.Command{
		Use:   "catalogue --config F [--sign KEY]",
		Short: "Say what is stored, in which form, and which process reaches it",
		Long: `Print the catalogue: what each source stores, in which form, since when, and which process
reaches it. It is the newest signed version, or the next one where the config says otherwise;
until that is signed, nothing is collected. With --sign the next version is signed, or a
signature that was made elsewhere is taken, checked and kept. "vitrine report build" publishes
every version.`,
		Example: `  vitrine catalogue --config vitrine.toml > to-sign.txt
  ssh-keygen -Y sign -n vitrine-mandate -f ~/.ssh/id_ed25519 to-sign.txt     # counsel
  vitrine catalogue --config vitrine.toml --sign to-sign.txt.sig`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := required(c, "config"); err != nil {
				return err
			}
			cfg, base, err := loadConfig(config)
			if err != nil {
				return err
			}
			if cfg.Catalogue.Counsel == "" {
				return vitrine.Refusef(vitrine.Usage, "[catalogue] counsel is missing in %s: name the approver who signs the catalogue", config)
			}
			text, newest, err := cfg.nextCatalogue(base)
			if err != nil {
				return err
			}
			if sign == "" {
				if text.Version > newest {
					fmt.Fprintf(p.stderr, "Version %d is not signed: nothing is collected until it is.\n", text.Version)
				}
				fmt.Fprint(p.stdout, text.Text())
				return nil
			}
			return p.signCatalogue(cfg, base, text, newest, sign)
		},
	}
	c.Flags().StringVar(&config, "config", "", "the provider's vitrine.toml")
	c.Flags().StringVar(&sign, "sign", "", "counsel's private key, agent key (.pub) or signature (.sig)")
	return c
}

// catalogue is what the config says of its stores, as a version.
func (c Config) catalogue(version int, base string) (collect.Catalogue, error) {
	all := collect.Catalogue{Version: version, Provider: c.Provider.Name}
	for _, s := range c.Source {
		source, err := s.open(base)
		if err != nil {
			return all, err
		}
		if s.Encryption == "" || s.Since == "" {
			return all, vitrine.Refusef(vitrine.Usage, "[[source]] %q: the catalogue needs since (a date, or \"unknown\") and encryption (none, at-rest or end-to-end)", s.Name)
		}
		all.Sources = append(all.Sources, collect.Entry{
			Name: s.Name, Kind: s.Kind, Family: source.Family(), Since: s.Since, Encryption: collect.Encryption(s.Encryption), Stores: collect.Describe(source),
		})
	}
	for _, category := range vitrine.Categories {
		for _, i := range law.All() {
			if r := i.Reaches[category]; r.Reached {
				all.Reached = append(all.Reached, fmt.Sprintf("%s; %s; %s", category, i.ID, r.Article))
			}
		}
	}
	return all, nil
}

// checkCatalogue refuses what no catalogue could say.
func (c *Config) checkCatalogue() error {
	c.Catalogue.Dir = cmp.Or(c.Catalogue.Dir, "keys/catalogue")
	if n := c.Catalogue.Counsel; n != "" && !slices.ContainsFunc(c.Approver, func(a ApproverConfig) bool { return a.Name == n }) {
		return vitrine.Refusef(vitrine.Usage, "[catalogue] counsel %q: want the name of the [[approver]] who signs it", n)
	}
	for _, s := range c.Source {
		if s.Since != "" && s.Since != "unknown" {
			if _, err := time.Parse(time.DateOnly, s.Since); err != nil {
				return vitrine.Refusef(vitrine.Usage, "[[source]] %q: since %q: want a date such as \"2019-01-31\", or \"unknown\"", s.Name, s.Since)
			}
		}
		if s.Encryption != "" {
			if _, err := collect.ParseEncryption(s.Encryption); err != nil {
				return vitrine.Refusef(vitrine.Usage, "[[source]] %q: %v", s.Name, err)
			}
		}
	}
	return nil
}

func (c Config) cataloguePath(base string, version int) string {
	return filepath.Join(resolve(base, c.Catalogue.Dir), fmt.Sprintf("%d.txt", version))
}

// signedCatalogues are the texts of all versions, the first at 0, with their
// signatures. Only the newest must be signed by the counsel of today.
func (c Config) signedCatalogues(base string) (texts, signatures [][]byte, err error) {
	for {
		path := c.cataloguePath(base, len(texts)+1)
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		var sig []byte
		if err == nil {
			sig, err = os.ReadFile(path + ".sig")
		}
		if err != nil {
			return nil, nil, vitrine.Refusef(vitrine.Usage, "the catalogue's version %d cannot be read (%v): restore it from a copy", len(texts)+1, err)
		}
		texts, signatures = append(texts, text), append(signatures, sig)
	}
	if n := len(texts); n > 0 {
		policy, err := c.Policy()
		if err != nil {
			return nil, nil, err
		}
		if err := policy.VerifyCounsel(string(texts[n-1]), c.Catalogue.Counsel, vitrine.Approval{Signature: string(signatures[n-1])}); err != nil {
			return nil, nil, vitrine.Refusef(vitrine.Unverified, "the catalogue's version %d is not signed by counsel: %v. Restore %s and its .sig, or move both away and have it signed anew", n, err, c.cataloguePath(base, n))
		}
	}
	return texts, signatures, nil
}

// nextCatalogue is the catalogue as the config has it: of the newest signed
// version if that says the same, else of the next.
func (c Config) nextCatalogue(base string) (now collect.Catalogue, newest int, err error) {
	texts, _, err := c.signedCatalogues(base)
	if err != nil {
		return now, 0, err
	}
	newest = len(texts)
	if newest > 0 {
		now, err = c.catalogue(newest, base)
		if err != nil || now.Text() == string(texts[newest-1]) {
			return now, newest, err
		}
	}
	now, err = c.catalogue(newest+1, base)
	return now, newest, err
}

func (p program) signCatalogue(c Config, base string, text collect.Catalogue, newest int, sign string) error {
	if text.Version == newest {
		return vitrine.Refusef(vitrine.Usage, "version %d of the catalogue is signed, and the config says nothing else", newest)
	}
	a, err := approve(sign, []byte(text.Text()))
	if err != nil {
		return err
	}
	policy, err := c.Policy()
	if err != nil {
		return err
	}
	if err := policy.VerifyCounsel(text.Text(), c.Catalogue.Counsel, a); err != nil {
		return vitrine.Refusef(vitrine.Usage, "version %d of the catalogue is not signed by counsel as it stands: %v", text.Version, err)
	}
	path := c.cataloguePath(base, text.Version)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	// The signature first: a version counts from when its text is there.
	if err := replaceFile(path+".sig", []byte(a.Signature)); err != nil {
		return fmt.Errorf("write signature: %w", err)
	}
	if err := replaceFile(path, []byte(text.Text())); err != nil {
		return fmt.Errorf("write catalogue: %w", err)
	}
	fmt.Fprintf(p.stdout, "Counsel (%s) signed version %d of the catalogue: %s\n", c.Catalogue.Counsel, text.Version, path)
	return nil
}

// answeredUnder is the version under which a collection runs; nil without a
// catalogue. It refuses while the config says otherwise than the newest version.
func (c Config) answeredUnder(base string) (*vitrine.CatalogueVersion, error) {
	if c.Catalogue.Counsel == "" {
		return nil, nil
	}
	now, newest, err := c.nextCatalogue(base)
	if err != nil {
		return nil, err
	}
	if now.Version != newest {
		return nil, vitrine.Refusef(vitrine.Refused, "the config's sources are not those of a signed catalogue: nothing was read; have counsel sign version %d (vitrine catalogue --help)", now.Version)
	}
	return &vitrine.CatalogueVersion{Version: newest, SHA256: vitrine.DigestOf([]byte(now.Text()))}, nil
}

// publishedCatalogue are the files of all versions, as the public directory has
// them.
func (c Config) publishedCatalogue(base string) (map[string][]byte, error) {
	if c.Catalogue.Counsel == "" {
		return nil, nil
	}
	texts, signatures, err := c.signedCatalogues(base)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for i := range texts {
		name := fmt.Sprintf("catalogue/%d.txt", i+1)
		files[name], files[name+".sig"] = texts[i], signatures[i]
	}
	return files, nil
}
