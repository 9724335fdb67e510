package main

import (
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/chat"
	"github.com/vitrine-project/vitrine/internal/collect/records"
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
