package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/keyring"
)

// wholeConfig is the template of vitrine init with keys in it, and an authority.
func wholeConfig(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	text := strings.ReplaceAll(configTemplate, "@origin@", "example.org/vitrine")
	for _, name := range []string{"counsel-a", "counsel-b", "counsel-c"} {
		line, err := keyring.NewSSHKey(dir+"/"+name, name)
		if err != nil {
			t.Fatal(err)
		}
		text = strings.ReplaceAll(text, "@"+name+"@", strings.TrimSpace(line))
	}
	recipient, err := keyring.NewAgeKey(dir + "/age")
	if err != nil {
		t.Fatal(err)
	}
	return text + "\n[[authority]]\nid = \"us-x\"\nname = \"X\"\nseal_to = [\"" + recipient + "\"]\n"
}

func TestConfig(t *testing.T) {
	good := wholeConfig(t)
	c, err := ParseConfig([]byte(good))
	if err != nil || c.Provider != (ProviderConfig{"Example Mail", "keys/provider", "keys/hold"}) {
		t.Fatalf("%+v, %v", c.Provider, err)
	}
	_, parts, _ := strings.Cut(good, "[store]")
	if c, err = ParseConfig([]byte("[store]" + parts)); err != nil || c.Provider != (ProviderConfig{"The provider", "keys/provider", "keys/hold"}) {
		t.Errorf("without [provider]: %+v, %v", c.Provider, err)
	}
	for says, text := range map[string]string{
		"two [[source]] are named": good + "\n[[source]]\nname = \"mail\"\nkind = \"mbox\"\npath = \"m/{account}\"\n",
		"{account}":                strings.Replace(good, "mail/{account}", "mail/all", 1),
		"[store] dir":              strings.Replace(good, "dir      = \"data\"", "", 1),
		"not a postgres://":        strings.Replace(good, "dir      = \"data\"", "dir = \"data\"\ndatabase = \"mysql://x\"", 1),
		"\"secret\" is not known":  "secret = 1\n" + good,
		"could ever be approved":   strings.Replace(good, "need = 2", "need = 4", 1),
		"at least one":             strings.Replace(good, "need = 2", "need = 0", 1),
		"not an SSH public key":    strings.Replace(good, "ssh-ed25519 ", "ssh-ed25519 x", 1),
		"no seal_to":               good[:strings.LastIndex(good, "seal_to")],
	} {
		if _, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), says) || vitrine.ExitCode(err) != 2 {
			t.Errorf("want a usage error that says %q, got %v", says, err)
		}
	}
}

// FuzzConfig wants an accepted config to keep its rules, and to mean the same
// when it is written and read again.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(wholeConfig(f)))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConfig(b)
		if err != nil {
			if vitrine.ExitCode(err) != 2 {
				t.Fatalf("exit %d: %v", vitrine.ExitCode(err), err)
			}
			return
		}
		p, err := c.Policy()
		if err != nil || p.Need < 1 || p.Need > len(p.Approvers) || len(c.Source) == 0 || c.Store.Dir == "" {
			t.Fatalf("accepted: %+v, %v", c, err)
		}
		for _, s := range c.Source {
			if strings.Count(s.Path, "{account}") != 1 {
				t.Fatalf("accepted the source %+v", s)
			}
		}
		var text bytes.Buffer
		if err := toml.NewEncoder(&text).Encode(c); err != nil {
			t.Fatal(err)
		}
		again, err := ParseConfig(text.Bytes())
		if err != nil || len(again.Source) != len(c.Source) || len(again.Authority) != len(c.Authority) || again.Quorum != c.Quorum || again.Provider != c.Provider {
			t.Fatalf("%v: %+v became %+v", err, c, again)
		}
	})
}
