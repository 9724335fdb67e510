package authority_test

import (
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/authority"
)

func recipient(t *testing.T) string {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id.Recipient().String()
}

func TestDirectoryRefuses(t *testing.T) {
	a, b := recipient(t), recipient(t)
	good := authority.Entry{ID: "us-x", Name: "X", SealTo: []string{a}}
	for says, entries := range map[string][]authority.Entry{
		"two entries":         {good, {ID: "us-x", Name: "Y", SealTo: []string{b}}},
		"same key":            {good, {ID: "us-y", Name: "Y", SealTo: []string{a}}},
		"a key twice":         {{ID: "us-x", Name: "X", SealTo: []string{a, a}}},
		"jurisdiction \"US\"": {good, {ID: "y", Name: "Y", Jurisdiction: "US", SealTo: []string{b}}},
		"language \"it\"":     {{ID: "it-x", Name: "X", Language: "it", SealTo: []string{a}}},
		"no name":             {{ID: "us-x", SealTo: []string{a}}},
		"no seal_to":          {{ID: "us-x", Name: "X"}},
		"name":                {{ID: "US X", Name: "X", SealTo: []string{a}}},
		"secret key":          {{ID: "us-x", Name: "X", SealTo: []string{"AGE-SECRET-KEY-1QQQQ"}}},
		"age1":                {{ID: "us-x", Name: "X", SealTo: []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ"}}},
		"cannot be se":        {{ID: "us-x", Name: "X\n", SealTo: []string{a}}},
	} {
		if _, err := authority.NewDirectory(entries); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want an error about %q, got %v", says, err)
		}
	}
}

func TestCheck(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	d, err := authority.NewDirectory([]authority.Entry{
		{ID: "us-x", Name: "X", SealTo: []string{recipient(t)}},
		{ID: "de-y", Name: "Y", SealTo: []string{recipient(t)}},
		{ID: "z", Name: "Z", Jurisdiction: "eu", SealTo: []string{recipient(t)}},
		{ID: "dk-k", Name: "K", SealTo: []string{recipient(t)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		authority vitrine.AuthorityID
		what      vitrine.InstrumentID
		received  time.Time
		ground    string
	}{
		{"us-x", "us/subpoena", now, ""},
		{"de-y", "eu/epoc-content", now, ""},
		{"z", "eu/epoc-traffic", now, ""},
		{"us-x", "us/subpoena", now.Add(4 * time.Minute), ""},
		{"us-x", "us/subpoena", now.Add(6 * time.Minute), authority.Received},
		{"us-x", "eu/epoc-content", now, authority.Jurisdiction},
		{"de-y", "us/search-warrant", now, authority.Jurisdiction},
		{"dk-k", "eu/epoc-content", now, authority.Jurisdiction}, // the regulation does not bind Denmark
		{"us-x", "us/nothing", now, authority.Jurisdiction},
		{"us-nobody", "us/subpoena", now, authority.Known},
	} {
		got := authority.Ground(d.Check(vitrine.Submission{Authority: c.authority, Instrument: c.what, Received: c.received}, now))
		switch {
		case c.ground == "" && got != nil, c.ground != "" && (got == nil || got.Ground != c.ground || got.Kind != vitrine.Refused):
			t.Errorf("%s, %s: ground %v, want %q", c.authority, c.what, got, c.ground)
		}
	}
}
