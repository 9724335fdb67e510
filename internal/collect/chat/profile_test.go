package chat_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect/chat"
	"github.com/vitrine-project/vitrine/internal/collect/records"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/chatserver"
)

// tables are a profile's, as a source of records takes them.
func tables(t testing.TB, name string) []records.Table {
	t.Helper()
	var p struct {
		Table []records.Table `toml:"table"`
	}
	m, err := toml.Decode(chat.Profile(name), &p)
	if err != nil || len(m.Undecoded()) > 0 || len(p.Table) == 0 {
		t.Fatalf("%s: %v, %v", name, err, m.Undecoded())
	}
	return p.Table
}

func TestProfiles(t *testing.T) {
	for _, name := range chat.Profiles() {
		tables(t, name)
	}
	for _, name := range []string{"", "nothing", "../profile", "prosody.toml"} {
		if chat.Profile(name) != "" {
			t.Errorf("there is a profile %q", name)
		}
	}
}

// TestProsody: of what a running server archived, exactly what one account
// said and was told in the period.
func TestProsody(t *testing.T) {
	p := chatserver.StartProsody(t)
	for _, name := range []string{"alice", "bob", "alice2"} {
		p.User(t, name)
	}
	p.Say(t, "alice", "bob", "edge 0", "edge 1", "edge 2", "edge 3", "gr\u00fc\u00dfe &lt;b&gt; &amp; 受信箱")
	p.Say(t, "bob", "alice", "an answer")
	p.Say(t, "alice2", "bob", "another's")
	db, err := sql.Open("sqlite", p.Archive)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// When each was said: by default in the period, the edges at its edges.
	if _, err := db.Exec(`update "prosodyarchive" set "when" = ?`, from.Unix()+3600); err != nil {
		t.Fatal(err)
	}
	for i, at := range []int64{from.Unix() - 1, from.Unix(), to.Unix() - 1, to.Unix()} {
		if _, err := db.Exec(`update "prosodyarchive" set "when" = ? where "value" like ?`, at, fmt.Sprintf("%%edge %d%%", i)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := records.SQLite{Path: p.Archive, Tables: tables(t, "prosody")}.Open("chat", strings.Clone)
	if err != nil {
		t.Fatal(err)
	}
	account := vitrine.Account("alice@" + p.Host)
	col, h := collected(t, s, account)
	var got []string
	for _, b := range h.bytes {
		var row struct{ With, Value string }
		if err := json.Unmarshal([]byte(b), &row); err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(row.Value, "<body>")
		body, _, _ = strings.Cut(body, "</body>")
		got = append(got, row.With+" "+body)
	}
	bob := "bob@" + p.Host + " "
	if want := []string{bob + "edge 1", bob + "edge 2", bob + "gr\u00fc\u00dfe &lt;b&gt; &amp; 受信箱", bob + "an answer"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// Six rows, each once as traffic, which is not in scope, and once as content.
	if col.Seen != 12 || col.In != 4 || col.Out != 8 {
		t.Errorf("%+v", col.Counts)
	}
	for _, a := range []vitrine.Account{"alice", "ALICE@test.example", "alice@test.exampl", "' or 1=1 or '"} {
		if cs, err := s.Inventory(t.Context(), a); err != nil || len(cs) > 0 {
			t.Errorf("%s: %v, %v", a, cs, err)
		}
	}
}
