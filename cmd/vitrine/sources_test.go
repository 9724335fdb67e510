package main

import (
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/chat"
	"github.com/vitrine-project/vitrine/internal/collect/records"
	"github.com/vitrine-project/vitrine/internal/intake"
)

// TestProfiles: a chat server's tables need nothing but where the database is.
func TestProfiles(t *testing.T) {
	for _, name := range chat.Profiles() {
		s := SourceConfig{Name: "chat", Kind: records.KindPostgres, Profile: name, Postgres: &records.Postgres{URL: "postgres://vitrine@localhost/chat?sslmode=disable"}}
		source, err := s.open("/")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if source.Family() != collect.Chat || len(collect.Describe(source)) < 2 || len(s.Postgres.Tables) > 0 {
			t.Errorf("%s: family %s, stores %+v", name, source.Family(), collect.Describe(source))
		}
	}
	for says, s := range map[string]SourceConfig{
		`profile "telex" is not known: want one of mattermost, prosody`: {Kind: records.KindPostgres, Profile: "telex", Postgres: &records.Postgres{URL: "postgres://vitrine@localhost/chat?sslmode=disable"}},
		"want kind postgres or sqlite":                                  {Kind: "maildir", Profile: "prosody", Path: "mail/{account}"},
	} {
		if _, err := s.open("/"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// TestOrganisation: what two kinds share is read from either's own table.
func TestOrganisation(t *testing.T) {
	for kind, extra := range map[string]string{"graph-mail": "", "onedrive": "downloads = [\"files.example.org\"]\n"} {
		var c struct {
			Source []SourceConfig `toml:"source"`
		}
		text := "[[source]]\nname = \"cloud\"\nkind = \"" + kind + "\"\n[source." + kind + "]\ntenant = \"example-tenant\"\nclient = \"example-client\"\nuser = \"{account}@example.org\"\nsecret = \"secret\"\n" + extra
		if err := intake.Decode([]byte(text), &c); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		source, err := c.Source[0].open("/")
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if path := source.Declaration().Path; !strings.Contains(path, "example-tenant") || !strings.Contains(path, "user={account}@example.org") {
			t.Errorf("%s: %q", kind, path)
		}
	}
}
