package production_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/production"
)

// columns are those of spec/production.md.
var columns = strings.Fields("number path sha256 size source account container name category form received_from received_to received_rule " +
	"sent_from sent_to sent_rule matched flags decision reason unquoted_sha256")

// rows makes the rows of the load files from items.jsonl, as the specification
// has it and without the code under test.
func rows(t testing.TB, jsonl []byte) [][]string {
	t.Helper()
	out := [][]string{columns}
	for line := range bytes.Lines(jsonl) {
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		var it map[string]any
		if err := d.Decode(&it); err != nil {
			t.Fatal(err)
		}
		var row []string
		for _, c := range columns {
			row = append(row, value(it, c))
		}
		out = append(out, row)
	}
	return out
}

func value(it map[string]any, column string) string {
	switch parent, field, nested := strings.Cut(column, "_"); {
	case column == "path":
		ending := "bin"
		if it["category"] == "content" && slices.Contains([]any{"stored", "mbox", "mboxrd", "mboxo", "mboxcl2", "imap-crlf", "blob", "graph-mime"}, it["form"]) {
			ending = "eml"
		}
		return fmt.Sprintf("data/%06s.%s", it["number"], ending)
	case nested:
		inner, _ := it[parent].(map[string]any)
		if inner[field] == nil {
			return ""
		}
		return strings.TrimPrefix(fmt.Sprint(inner[field]), "sha256:")
	case it[column] == nil:
		return ""
	}
	if list, ok := it[column].([]any); ok {
		var parts []string
		for _, p := range list {
			parts = append(parts, fmt.Sprint(p))
		}
		return strings.Join(parts, "; ")
	}
	return strings.TrimPrefix(fmt.Sprint(it[column]), "sha256:")
}

// inCSV is what a cell of items.csv must hold.
func inCSV(v string) string {
	if v != "" && strings.Contains("=+-@\t\r", v[:1]) {
		v = "'" + v
	}
	return strings.NewReplacer("\x00", "\uFFFD", "\r", "\uFFFD").Replace(v)
}

// inDAT is what a value of items.dat must hold, and how much of it is lost.
func inDAT(v string) (string, int) {
	var out []rune
	lost := 0
	for _, r := range strings.ReplaceAll(v, "\r\n", "\n") {
		switch {
		case r == '\n' || r == '\r':
			out = append(out, '®')
		case r == 'þ' || r == '®' || unicode.Is(unicode.Cc, r):
			out, lost = append(out, '?'), lost+1
		default:
			out = append(out, r)
		}
	}
	return string(out), lost
}

// listsHold compares items.csv and items.dat with items.jsonl.
func listsHold(t testing.TB, files map[string][]byte) {
	t.Helper()
	want := rows(t, files["items.jsonl"])
	byStandard, err := csv.NewReader(bytes.NewReader(files["items.csv"])).ReadAll()
	if err != nil {
		t.Fatalf("items.csv: %v", err)
	}
	var csvWant, datWant [][]string
	lost := 0
	for _, row := range want {
		var c, d []string
		for _, v := range row {
			inD, n := inDAT(v)
			c, d, lost = append(c, inCSV(v)), append(d, inD), lost+n
		}
		csvWant, datWant = append(csvWant, c), append(datWant, d)
	}
	same(t, "items.csv, the library's reader", byStandard, csvWant)
	same(t, "items.csv, a strict reader", readCSV(t, string(files["items.csv"])), csvWant)
	same(t, "items.dat, a strict reader", readDAT(t, string(files["items.dat"])), datWant)
	if want := fmt.Sprintf(`"dat_characters_replaced": %d,`, lost); !bytes.Contains(files["production.json"], []byte(want)) {
		t.Errorf("the record does not say %s", want)
	}
}

func same(t testing.TB, what string, got, want [][]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !slices.Equal(got[i], want[i]) {
			t.Fatalf("%s: row %d is %q, want %q", what, i, got[i], want[i])
		}
	}
}

// readCSV reads RFC 4180 with "\n" at line ends, one character at a time, and
// takes nothing else.
func readCSV(t testing.TB, s string) (out [][]string) {
	t.Helper()
	var row []string
	for s != "" {
		var cell string
		if strings.HasPrefix(s, `"`) {
			for s = s[1:]; ; {
				end := strings.IndexByte(s, '"')
				if end < 0 {
					t.Fatal("items.csv: a quote without an end")
				}
				cell, s = cell+s[:end], s[end+1:]
				if !strings.HasPrefix(s, `"`) {
					break
				}
				cell, s = cell+`"`, s[1:]
			}
		} else {
			end := strings.IndexAny(s, ",\n")
			if end < 0 || strings.ContainsAny(s[:end], "\"\r") {
				t.Fatalf("items.csv: a bare cell %q", s[:max(0, end)])
			}
			cell, s = s[:end], s[end:]
		}
		row = append(row, cell)
		switch {
		case strings.HasPrefix(s, ","):
		case strings.HasPrefix(s, "\n"):
			out, row = append(out, row), nil
		default:
			t.Fatalf("items.csv: %.20q follows a cell", s)
		}
		s = s[1:]
	}
	if row != nil {
		t.Fatal("items.csv ends within a row")
	}
	return out
}

// readDAT reads a Concordance load file and takes nothing else.
func readDAT(t testing.TB, s string) (out [][]string) {
	t.Helper()
	s, ok := strings.CutPrefix(s, "\uFEFF")
	if !ok || !utf8.ValidString(s) || !strings.HasSuffix(s, "\r\n") {
		t.Fatal("items.dat: no byte order mark, no UTF-8 or no end")
	}
	for _, line := range strings.Split(strings.TrimSuffix(s, "\r\n"), "\r\n") {
		var row []string
		for _, c := range strings.Split(line, "\x14") {
			v, begins := strings.CutPrefix(c, "þ")
			v, ends := strings.CutSuffix(v, "þ")
			if !begins || !ends || strings.Contains(v, "þ") || strings.ContainsFunc(v, unicode.IsControl) {
				t.Fatalf("items.dat: a value %q", c)
			}
			row = append(row, v)
		}
		out = append(out, row)
	}
	return out
}

// filesOf reads an archive with the standard library.
func filesOf(t testing.TB, zipped []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range z.File {
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if out[f.Name], err = io.ReadAll(rc); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestLists puts whatever delimits, quotes, ends lines or starts formulas into
// every text of an item.
func TestLists(t *testing.T) {
	p, id := newProvider(t), newIdentity(t)
	text := rapid.StringOfN(rapid.SampledFrom([]rune("aé\"',;=+-@\t\r\n\x00\x14\x1bþ®\u00a0\u0085\u2028\u202e\ufeff\ufffd\\<&𝄞")), 0, 6, -1)
	rapid.Check(t, func(rt *rapid.T) {
		var items []production.Item
		var bodies [][]byte
		for n := range rapid.IntRange(1, 4).Draw(rt, "items") {
			it := item(int64(n + 1))
			it.Source, it.Account, it.Container, it.Name = text.Draw(rt, "source"), vitrine.Account(text.Draw(rt, "account")), text.Draw(rt, "container"), text.Draw(rt, "name")
			it.Form, it.Reason, it.Received.Rule = text.Draw(rt, "form"), text.Draw(rt, "reason"), text.Draw(rt, "rule")
			it.Category = rapid.SampledFrom([]vitrine.Category{vitrine.Content, vitrine.Traffic}).Draw(rt, "category")
			it.Matched, it.Flags = rapid.SliceOfN(text, 0, 3).Draw(rt, "matched"), rapid.SliceOfN(text, 0, 3).Draw(rt, "flags")
			if rapid.Bool().Draw(rt, "unquoted") {
				it.Unquoted = &production.Unquoted{Size: 3, SHA256: vitrine.DigestOf([]byte("abc"))}
			}
			items, bodies = append(items, it), append(bodies, []byte("x"))
		}
		sealed, _ := seal(t, p, id.Recipient(), items, bodies)
		listsHold(t, filesOf(t, plain(t, id, sealed)))
	})
}

// TestListsElsewhere has Python read both load files.
func TestListsElsewhere(t *testing.T) {
	python := need.Tool(t, "python3")
	p, id := newProvider(t), newIdentity(t)
	names := hostileNames(t)
	if len(names) > 3000 {
		names = slices.Concat(names[:15], names[len(names)-2000:]) // ours and the naughty ones
	}
	items, bodies := sample(len(names))
	for i, n := range names {
		items[i].Name, items[i].Form = n, n
	}
	sealed, _ := seal(t, p, id.Recipient(), items, bodies)
	files, dir := filesOf(t, plain(t, id, sealed)), t.TempDir()
	for name, b := range files {
		if strings.HasPrefix(name, "items.") {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	script := `import csv, json, sys
c = list(csv.reader(open("items.csv", newline="", encoding="utf-8"), strict=True))
d = list(csv.reader(open("items.dat", newline="", encoding="utf-8-sig"), delimiter="\x14", quotechar="þ", strict=True))
json.dump([c, d], sys.stdout)`
	cmd := exec.Command(python, "-c", script)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got [2][][]string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	same(t, "items.csv, Python", got[0], readCSV(t, string(files["items.csv"])))
	same(t, "items.dat, Python", got[1], readDAT(t, string(files["items.dat"])))
}
