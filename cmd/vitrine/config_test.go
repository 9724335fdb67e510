package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
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

// TestLedgerConfig: a slip in how demands are counted is said when the config is
// read, with its key, and as the caller's.
func TestLedgerConfig(t *testing.T) {
	good := wholeConfig(t)
	ledger := func(lines string) string { return strings.Replace(good, "[ledger]\n", "[ledger]\n"+lines+"\n", 1) }
	witness := func(key string) string {
		return ledger("quorum = 1") + "\n[[ledger.witness]]\norganisation = \"X\"\nkey = \"" + key + "\"\n"
	}
	trial := "\n[[ledger.witness]]\norganisation = \"X\"\ntrial = \"a\"\n"
	for _, text := range []string{
		ledger("period = \"calendar-month\""), ledger("period = \"strict-180\""), ledger("tick = \"1h\"\nlag = \"1h\""),
		ledger("quorum = 2") + trial + strings.Replace(trial, "X", "Y", 1),
		good + "\n[[ledger.slots]]\nsheet = \"us/subpoena\"\nslots = 300\n",
		good + "\n[[ledger.accounts]]\nperiod = \"2026-11-26-36d\"\nnumber = 3\n",
	} {
		if _, err := ParseConfig([]byte(text)); err != nil {
			t.Errorf("%v", err)
		}
	}
	for _, c := range []struct{ says, text string }{
		{`[ledger] sheets: "us/search-warant"`, ledger("sheets = [\"us/search-warant\"]")},
		{`[ledger] period "calendar-week"`, ledger("period = \"calendar-week\"")},
		{"[ledger] period, tick, lag", ledger("period = \"calendar-month\"\nlag = \"672h\"")},
		{"[ledger] quorum = 2, but there are 0", ledger("quorum = 2")},
		{"[ledger] quorum = -1", ledger("quorum = -1")},
		{"[ledger] origin", strings.Replace(good, "example.org/vitrine", "example.org/our ledger", 1)},
		{`[[ledger.witness]] of organisation "X"`, witness("garbage")},
		{`[[ledger.witness]] of organisation "X"`, witness("")},
		{`[[ledger.witness]] of organisation "X"`, ledger("") + trial + trial},
		{`[[ledger.slots]] sheet "us/search-warant"`, good + "\n[[ledger.slots]]\nsheet = \"us/search-warant\"\nslots = 3\n"},
		{"slots = -3", good + "\n[[ledger.slots]]\nsheet = \"us/subpoena\"\nslots = -3\n"},
		{"[[ledger.slots]]", good + "\n[[ledger.slots]]\nsheet = \"us/subpoena\"\nslots = 99999999\n"},
		{"two [[ledger.slots]]", good + strings.Repeat("\n[[ledger.slots]]\nsheet = \"us/subpoena\"\nslots = 3\n", 2)},
		{`[[ledger.comment]] of 2027-H1 has language "xx"`, good + "\n[[ledger.comment]]\nperiod = \"2027-H1\"\nlanguage = \"xx\"\n"},
		{`[[ledger.comment]] period: "2027-Q9"`, good + "\n[[ledger.comment]]\nperiod = \"2027-Q9\"\nlanguage = \"en\"\n"},
		{`[[ledger.accounts]] period: "2027-H3"`, good + "\n[[ledger.accounts]]\nperiod = \"2027-H3\"\nnumber = 3\n"},
	} {
		if _, err := ParseConfig([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.says) || vitrine.ExitCode(err) != 2 {
			t.Errorf("want a usage error that says %q, got exit %d: %v", c.says, vitrine.ExitCode(err), err)
		}
	}
}

// TestEverySetting: the config that vitrine init writes names every setting.
func TestEverySetting(t *testing.T) {
	var look func(typ reflect.Type, table string)
	look = func(typ reflect.Type, table string) {
		_, section, found := strings.Cut(configTemplate, table+"]")
		if section, _, _ = strings.Cut(section, "\n["); table != "" && !found {
			t.Errorf("no %s]", table)
		}
		section, _, _ = strings.Cut(section, "\n# [")
		for _, f := range reflect.VisibleFields(typ) {
			name, in := f.Tag.Get("toml"), f.Type
			bracket := "["
			if in.Kind() == reflect.Slice && in.Elem().Kind() == reflect.Struct {
				in, bracket = in.Elem(), "[["
			}
			switch {
			case in.Kind() == reflect.Pointer: // a kind's own table: TestEveryKind
			case in.Kind() == reflect.Struct && table == "":
				look(in, bracket+name)
			case in.Kind() == reflect.Struct:
				look(in, bracket+strings.TrimLeft(table, "[")+"."+name)
			case demoOnly[strings.TrimLeft(table, "[")+"."+name]:
			case !regexp.MustCompile(`(?m)^(# )?` + name + ` *= `).MatchString(section):
				t.Errorf("%s] does not name %s", table, name)
			}
		}
	}
	look(reflect.TypeFor[Config](), "")
}

// TestEveryKind: docs/sources.md has a section for each kind of source, and
// names every setting of its table.
func TestEveryKind(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "sources.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, kind := range kinds() {
		if !strings.Contains(page, "\n### `"+kind+"`") {
			t.Errorf("no section on %s", kind)
		}
	}
	var look func(typ reflect.Type, table string)
	look = func(typ reflect.Type, table string) {
		_, section, found := strings.Cut(page, "["+table+"]")
		if section, _, _ = strings.Cut(section, "\n["); !found {
			t.Errorf("no [%s]", table)
		}
		section, _, _ = strings.Cut(section, "\n```")
		for _, f := range reflect.VisibleFields(typ) {
			name, in := f.Tag.Get("toml"), f.Type
			switch {
			case name == "" || f.Anonymous:
			case in.Kind() == reflect.Slice && in.Elem().Kind() == reflect.Struct:
				look(in.Elem(), table+"."+name)
			case !regexp.MustCompile(`(?m)^(# )?` + name + ` *= `).MatchString(section):
				t.Errorf("[%s] does not name %s", table, name)
			}
		}
	}
	settings := reflect.TypeFor[settings]()
	for _, f := range reflect.VisibleFields(reflect.TypeFor[SourceConfig]()) {
		if f.Type.Implements(settings) {
			look(f.Type.Elem(), "source."+f.Tag.Get("toml"))
		}
	}
}

// demoOnly are settings for demonstrations, which no provider needs.
var demoOnly = map[string]bool{"ledger.ticks": true, "ledger.demo": true, "ledger.live": true, "ledger.restricted.ticks": true, "ledger.witness.trial": true}

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
