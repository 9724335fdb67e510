package records

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

const ofAll = `[[file]]
path = "calls.csv"
name = "calls"
account = "user"
time = "at"
zone = "Europe/Berlin"
columns = { traffic = ["number", "at"], content = ["note"] }
secret = ["pin"]
`

// csvSource opens a declaration over a directory.
func csvSource(t testing.TB, dir, declaration string) (collect.Source, error) {
	t.Helper()
	var c CSV
	m, err := toml.Decode(declaration, &c)
	if err != nil || len(m.Undecoded()) > 0 {
		t.Fatal(err, m.Undecoded())
	}
	return c.Open("records", func(p string) string { return filepath.Join(dir, p) })
}

func mustCSV(t testing.TB, dir, declaration string) collect.Source {
	t.Helper()
	s, err := csvSource(t, dir, declaration)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// planted is a file of all accounts with every kind of record.
const planted = "\uFEFFuser,number,at,pin,note\r\n" +
	"alice,+491,2026-03-01 12:00:00,SECRET,\"a, \"\"quoted\"\" note\r\non two lines\"\r\n" +
	"bob,+492,2026-03-01 12:00:00,SECRET,bob's\r\n" +
	"alice,+493,2026-03-29 02:30:00,SECRET,\r\n" +
	"alice,+494,2026-03-01,SECRET,too,many\r\n" +
	"alice,+4\"95,2026-03-01,SECRET,bare\r\n" +
	"alice,+4\x0096,2026-03-01,SECRET,nul\r\n" +
	"\"alice\"x,+497,2026-03-01,SECRET,ragged\r\n" +
	"Alice,+498,2026-03-01,SECRET,another\r\n" +
	"alice,+491,2026-03-01 12:00:00,SECRET,\"a, \"\"quoted\"\" note\r\non two lines\"\r\n" +
	"alice,+49\xff,2026-10-25 02:30:00,SECRET,cut of"

var plantedItems = []string{
	`record 1 traffic {"number":"+491","at":"2026-03-01 12:00:00"} column-zone 11:00:00 11:00:00`,
	`record 1 content {"note":"a, \"quoted\" note\non two lines"} column-zone 11:00:00 11:00:00`,
	`record 3 traffic {"number":"+493","at":"2026-03-29 02:30:00"} column-zone-skipped 00:30:00 01:30:00`,
	`record 3 content {"note":""} column-zone-skipped 00:30:00 01:30:00`,
	`record 4: it has 6 cells, and the header 5`, `record 4: it has 6 cells, and the header 5`,
	`record 5: a quotation mark stands in a cell that has none around it`, `record 5: a quotation mark stands in a cell that has none around it`,
	`record 6: it holds a NUL`, `record 6: it holds a NUL`,
	`record 7: a quotation mark is missing or too many`, `record 7: a quotation mark is missing or too many`,
	`record 9 traffic {"number":"+491","at":"2026-03-01 12:00:00"} column-zone 11:00:00 11:00:00`,
	`record 9 content {"note":"a, \"quoted\" note\non two lines"} column-zone 11:00:00 11:00:00`,
	`record 10 traffic {"number":{"base64":"KzQ5/w=="},"at":"2026-10-25 02:30:00"} column-zone-twice 00:30:00 01:30:00 no-line-end`,
	`record 10 content {"note":"cut of"} column-zone-twice 00:30:00 01:30:00 no-line-end`,
}

func told(items []got) (lines []string) {
	for _, it := range items {
		line := it.Name + ": " + it.Unreadable
		if it.Unreadable == "" {
			line = fmt.Sprint(it.Name, " ", it.Category, " ", it.body, " ", it.Received.Rule, " ", it.Received.From.Format("15:04:05"), " ", it.Received.To.Format("15:04:05"))
			line = strings.TrimSpace(line + " " + strings.Join(it.Flags, " "))
		}
		lines = append(lines, line)
	}
	return lines
}

func TestCSV(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "calls.csv"), planted)
	s := mustCSV(t, dir, ofAll)
	items := all(t, s, "alice")["calls"]
	if lines := told(items); !slices.Equal(lines, plantedItems) {
		t.Errorf("want\n%s\ngot\n%s", strings.Join(plantedItems, "\n"), strings.Join(lines, "\n"))
	}
	if cs, err := s.Inventory(t.Context(), "carol"); len(cs) != 0 || err != nil {
		t.Errorf("an account without a record has %v, %v", cs, err)
	}
	cs, err := s.Inventory(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, it := range items {
		if seen[it.Identity] {
			t.Errorf("%s: two items have one identity", it.Name)
		}
		seen[it.Identity] = true
		rest, err := enumerate(t, s, cs[0], it.Position)
		if err != nil || !slices.EqualFunc(rest, items[i+1:], func(a, b got) bool { return a.Identity == b.Identity && a.body == b.body }) {
			t.Errorf("behind item %d: %d items of %d, %v", i, len(rest), len(items)-i-1, err)
		}
		if it.Unreadable != "" {
			continue
		}
		if body, err := read(t, s, cs[0], it.Item, 1); err != nil || body != it.body[1:] {
			t.Errorf("item %d opened later: %q, %v", i, body, err)
		}
	}
	write(t, filepath.Join(dir, "calls.csv"), strings.Replace(planted, "+491", "+4_1", 1))
	if _, err := enumerate(t, s, cs[0], items[0].Position); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("another file is gone on with: %v", err)
	}
	if _, err := read(t, s, cs[0], items[0].Item, 0); err == nil {
		t.Error("another record is opened")
	}
}

// TestCSVOfEach: a file for each account, named exactly.
func TestCSVOfEach(t *testing.T) {
	dir := t.TempDir()
	const head = "id;name\n"
	write(t, filepath.Join(dir, "alice", "who.csv"), head+"1;Alice\n")
	write(t, filepath.Join(dir, "Alice", "who.csv"), head+"2;Other\n")
	write(t, filepath.Join(dir, "secrets.csv"), head+"3;no\n")
	if err := os.Symlink(filepath.Join(dir, "Alice"), filepath.Join(dir, "eve")); err != nil {
		t.Fatal(err)
	}
	s := mustCSV(t, dir, "[[file]]\npath = \"{account}/who.csv\"\nname = \"who\"\ncomma = \";\"\nstanding = true\ncolumns = { subscriber = [\"name\", \"id\"] }\n")
	items := all(t, s, "alice")["who"]
	if len(items) != 1 || items[0].body != `{"name":"Alice","id":"1"}` || !items[0].Lasting || items[0].Received.Known() {
		t.Errorf("got %+v", items)
	}
	if cs, err := s.Inventory(t.Context(), "bob"); len(cs) != 0 || err != nil {
		t.Errorf("nobody has %v, %v", cs, err)
	}
	if cs, err := s.Inventory(t.Context(), "eve"); err == nil {
		t.Errorf("a link is followed: %v", cs)
	}
}

// TestCSVHeader: whatever the header has too much or too little stops the run,
// and shows nothing, since without a header it is data.
func TestCSVHeader(t *testing.T) {
	for name, text := range map[string]string{
		"more":    "user,number,at,pin,note,SECRET\nalice,1,2,3,4,5\n",
		"less":    "user,number,at,note\nalice,1,2,3\n",
		"none":    "alice,SECRET,2026,1,x\n",
		"twice":   "user,number,at,pin,note,note\nalice,1,2,3,4,5\n",
		"empty":   "",
		"ragged":  "user,\"number,at,pin,note\nSECRET",
		"case":    "User,number,at,pin,note\nalice,1,2,3,4\n",
		"utf-16":  "\xff\xfeu\x00s\x00",
		"endless": `user,number,at,pin,note` + "\n" + `alice,"` + strings.Repeat("SECRET", maxRecord/5),
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "calls.csv"), text)
		_, err := mustCSV(t, dir, ofAll).Inventory(t.Context(), "alice")
		if err == nil || vitrine.ExitCode(err) != 1 || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte(planted))
	f.Add([]byte("user,number,at,pin,note\n\n\nalice,1,2026-03-01T12:00:00Z,SECRET,\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "calls.csv"), string(text))
		s := mustCSV(t, dir, ofAll)
		c := collect.Container{Account: "alice", Name: "calls", Key: "calls"}
		var items []got
		list := func(after string) (ids []string, err error) {
			err = s.Enumerate(context.Background(), c, after, func(it collect.Item) error {
				ids = append(ids, it.Identity)
				if after == "" {
					items = append(items, got{it, ""})
				}
				return nil
			})
			return ids, err
		}
		ids, err := list("")
		if err != nil {
			return
		}
		for i := 0; i < len(items); i += 1 + len(items)/8 {
			rest, err := list(items[i].Position)
			if err != nil || !slices.Equal(rest, ids[i+1:]) {
				t.Fatalf("behind item %d of %d: %d, %v", i, len(items), len(rest), err)
			}
		}
	})
}
