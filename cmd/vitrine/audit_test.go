package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// stage is a small provider whose clock the test sets. Its periods are calendar
// halves; half 0 is the second of 2025.
type stage struct {
	world
	t *testing.T
	n int // demands so far
}

var halves = []time.Time{
	time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC),
	time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC),
}

// on is so many days after the beginning of a half.
func on(half, days int) time.Time { return halves[half].AddDate(0, 0, days).Add(3 * time.Hour) }

// newStage builds the provider; settings are lines of [ledger.restricted]. Its
// ledgers begin before half 0.
func newStage(t *testing.T, settings ...string) *stage {
	t.Helper()
	s := &stage{world: newWorld(t, ""), t: t}
	edit(t, s.config, quotedList(demoSheets), `"us/search-warrant", "us/subpoena"`)
	edit(t, s.config, "publication = \"live\"\nstructure = \"us/1874-a3\"\nlag = \"24h\"\n", "lag = \"24h\"\n"+strings.Join(settings, "\n")+"\n")
	if len(settings) > 0 {
		s.signed()
	}
	s.build(halves[0].Add(-12 * time.Hour))
	return s
}

// signed has counsel sign the restricted class as the config has it.
func (s *stage) signed() {
	s.t.Helper()
	s.ok(halves[0], "restricted", "--config", s.config, "--sign", s.keys[0])
}

// call runs one command at a time; what it says to people is kept.
func (s *stage) call(now time.Time, args ...string) (string, error) {
	var said bytes.Buffer
	p := program{stdout: &said, stderr: &said, now: func() time.Time { return now }}
	err := p.execute(s.t.Context(), args)
	return said.String(), err
}

// ok fails the test unless the command succeeds.
func (s *stage) ok(now time.Time, args ...string) string {
	s.t.Helper()
	out, err := s.call(now, args...)
	if err != nil {
		s.t.Fatalf("vitrine %s at %s: %v\n%s", strings.Join(args, " "), now.Format(time.DateOnly), err, out)
	}
	return out
}

// refuses fails the test unless the command is refused with a kind, in words.
func (s *stage) refuses(now time.Time, kind vitrine.Kind, words string, args ...string) {
	s.t.Helper()
	out, err := s.call(now, args...)
	var r *vitrine.Refusal
	if !errors.As(err, &r) || r.Kind != kind || !strings.Contains(r.Text, words) {
		s.t.Errorf("vitrine %s: %v, want kind %v with %q\n%s", strings.Join(args, " "), err, kind, words, out)
	}
}

// build brings the public directory to a time.
func (s *stage) build(now time.Time) string {
	s.t.Helper()
	return s.ok(now, "report", "build", "--config", s.config, "--out", s.public)
}

// demand has one demand come to the provider, who answers or refuses it.
func (s *stage) demand(at time.Time, instrument string, accounts ...string) {
	s.t.Helper()
	who := "us-dc-wawd"
	if strings.HasPrefix(instrument, "us/fisa") || instrument == "us/nsl" {
		who = "us-fbi"
	}
	first := law.Period{From: halves[0], To: halves[1]}
	d := demo{program: program{stdout: io.Discard, stderr: io.Discard, now: func() time.Time { return at }}}
	w := s.world
	err := d.answerPast(s.t.Context(), &w, s.n, pastDemand{instrument: instrument, authority: who, accounts: accounts, at: at, from: first.From.AddDate(0, -2, 0), to: first.From.AddDate(0, -1, 0)})
	s.n++
	var r *vitrine.Refusal
	if err != nil && (!errors.As(err, &r) || r.Kind != vitrine.Refused || r.Ground == "") {
		s.t.Fatalf("demand %d, %s: %v", s.n, instrument, err)
	}
}

// verdict is the full audit of what is published, by the ledger's own reader.
func (s *stage) verdict() *ledger.Verdict {
	s.t.Helper()
	v, err := s.audited()
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (s *stage) audited() (*ledger.Verdict, error) {
	return program{}.audit(context.Background(), s.public, "", nil)
}

// row is what the newest report that has a table says of a field: "3", "0-249"
// or "hidden".
func (s *stage) row(v *ledger.Verdict, class ledger.Class, header uint64, table, field string) string {
	said := "nothing"
	for _, r := range v.Reports {
		for _, row := range r.Statement.Tables {
			if row.Class != class || row.Header != header || row.Name != table {
				continue
			}
			for _, f := range row.Fields {
				switch {
				case f.Name != field:
				case f.Total != nil:
					said = fmt.Sprint(*f.Total)
				case f.Low != nil:
					said = fmt.Sprintf("%d-%d", *f.Low, *f.Low+*f.Width-1)
				default:
					said = "hidden"
				}
			}
		}
	}
	return said
}

// files are the sizes of all public files by their names.
func filesBelow(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	sizes := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		st, err := e.Info()
		name, _ := filepath.Rel(dir, path)
		if err == nil {
			sizes[name] = st.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sizes
}

func readAll(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAudit plays a provider and an auditor through two periods: lists, tallies,
// a sample, statements, and what goes wrong.
func TestAudit(t *testing.T) {
	t.Parallel()
	s := newStage(t, `publication = "live"`, `structure = "us/1874-a3"`)
	s.demand(on(0, 10), "us/search-warrant", "dora")
	s.demand(on(0, 11), "us/search-warrant", "dora", "emil")
	s.demand(on(0, 12), "us/subpoena", "emil", "frieda") // content: refused
	s.demand(on(0, 13), "us/fisa-content", "dora")
	s.demand(on(0, 14), "us/fisa-prtt", "dora", "emil") // accounts stand on a sheet of their own

	cell := func(sheet string, more ...string) []string {
		return append([]string{"--config", s.config, "--period", "2025-H2", "--sheet", sheet}, more...)
	}
	audit := func(name string, args []string) []string { return append([]string{"audit", name}, args...) }
	s.refuses(on(0, 20), vitrine.Refused, "is not complete", audit("commit", cell("us/search-warrant"))...)
	s.build(on(0, 100)) // before half 1 begins, or its header would not have been announced
	s.build(on(1, 3))

	out := filepath.Join(s.dir, "auditor")
	sheets := []string{"us/search-warrant", "us/subpoena", "us/fisa-content", "us/fisa-noncontent", "us/fisa-prtt", "us/nsl"}
	for _, sheet := range sheets {
		s.refuses(on(1, 4), vitrine.Usage, "nobody committed", audit("open", cell(sheet, "--out", out))...)
		first := s.ok(on(1, 4), audit("commit", cell(sheet))...)
		if again := s.ok(on(1, 5), audit("commit", cell(sheet))...); again != first {
			t.Errorf("%s: a second commitment says\n%s\nnot\n%s", sheet, again, first)
		}
		s.refuses(on(1, 5), vitrine.Busy, "with the next tick, on 2026-04-02T12:00:00Z", audit("open", cell(sheet, "--out", out))...)
	}
	s.refuses(on(1, 5), vitrine.Usage, "no ledger has a sheet", audit("commit", []string{"--config", s.config, "--period", "2025-H2", "--sheet", "us/wiretap"})...)
	s.build(on(1, 100))

	eyes := filepath.Join(s.dir, "auditor.age")
	to, err := keyring.NewAgeKey(eyes)
	if err != nil {
		t.Fatal(err)
	}
	for _, sheet := range sheets {
		s.ok(on(1, 101), audit("open", cell(sheet, "--out", out, "--seal-to", to))...)
	}
	path := func(sheet, what string) string {
		class := "public"
		if strings.HasPrefix(sheet, "us/fisa") || sheet == "us/nsl" {
			class = "restricted"
		}
		return filepath.Join(out, class+"-0-"+strings.ReplaceAll(sheet, "/", "_")+"."+what)
	}
	for _, sheet := range sheets {
		for _, what := range []string{"list", "proof"} {
			if _, err := os.Stat(path(sheet, what)); err == nil {
				t.Fatalf("%s lies open beside its sealed form", path(sheet, what))
			}
			unsealTo(t, eyes, path(sheet, what))
		}
	}
	v := s.verdict()
	for _, c := range []struct {
		sheet  string
		beside []string
		leaves int
		totals string
	}{
		{"us/search-warrant", nil, 7, `{"account":3,"bulk_accounts":0,"content":2,"demand":2,"nodata":0,"noncontent":0,"rejected":0,"voided":0}`},
		{"us/subpoena", nil, 4, `{"account":2,"bulk_accounts":0,"content":0,"demand":1,"nodata":0,"noncontent":0,"rejected":1,"voided":0}`},
		{"us/fisa-content", nil, 2, `{"account":1,"demand":1}`},
		{"us/fisa-noncontent", nil, 1, `{"account":0,"demand":1}`},
		{"us/fisa-prtt", []string{"us/fisa-noncontent"}, 2, `{"account":2,"demand":0}`},
		{"us/nsl", nil, 0, `{"account":0,"demand":0}`},
	} {
		var beside [][]byte
		for _, b := range c.beside {
			beside = append(beside, readAll(t, path(b, "list")))
		}
		got, err := v.Tally(readAll(t, path(c.sheet, "list")), readAll(t, path(c.sheet, "proof")), beside)
		if err != nil {
			t.Errorf("%s: %v", c.sheet, err)
			continue
		}
		if totals, _ := json.Marshal(got.Totals); string(totals) != c.totals || got.Leaves != c.leaves {
			t.Errorf("%s: %d leaves, %s, want %d, %s", c.sheet, got.Leaves, totals, c.leaves, c.totals)
		}
	}
	says := s.ok(on(1, 101), audit("open", cell("us/fisa-prtt", "--out", filepath.Join(s.dir, "clear")))...)
	if !strings.Contains(says, "--period 0 --sheet us/fisa-noncontent") {
		t.Error("nothing says that the list of the demands is needed")
	}
	// The printed line is one that the auditor can run.
	_, line, _ := strings.Cut(says, "vitrine-verify ")
	line, _, _ = strings.Cut(line, ", and")
	given := map[string]string{"LIST": path("us/fisa-prtt", "list"), "PROOF": path("us/fisa-prtt", "proof"), "URL": s.public, "LIST2": path("us/fisa-noncontent", "list")}
	run := []string{"verify"}
	for _, word := range strings.Fields(line) {
		run = append(run, cmp.Or(given[word], word))
	}
	if checked := s.ok(on(1, 101), run...); !strings.Contains(line, "--beside LIST2") || !strings.Contains(checked, "us/fisa-prtt") {
		t.Errorf("vitrine-verify %s:\n%s", line, checked)
	}
	s.sample(path("us/search-warrant", "list"), 7)
	s.statements(path)
}

// sample draws, and draws once more by the words of the specification.
func (s *stage) sample(list string, n int64) {
	t := s.t
	t.Helper()
	says := s.ok(on(1, 102), "audit", "sample", list, "--report", s.public)
	if !strings.Contains(says, "drand quicknet after "+on(1, 100).Format(time.RFC3339)) {
		t.Errorf("%s\nwant the randomness of after that", says)
	}
	raw := readAll(t, list)
	randomness := bytes.Repeat([]byte{7}, 32)
	says = s.ok(on(1, 102), "audit", "sample", list, "--report", s.public, "--randomness", hex.EncodeToString(randomness))
	server := httptest.NewServer(http.FileServer(http.Dir(s.public)))
	defer server.Close()
	if far := s.ok(on(1, 102), "audit", "sample", list, "--report", server.URL, "--randomness", hex.EncodeToString(randomness)); far != says {
		t.Errorf("from an address:\n%s\nfrom the directory:\n%s", far, says)
	}
	var parsed struct {
		Leaves []struct {
			Index uint64 `json:"index"`
		} `json:"leaves"`
	}
	if err := json.Unmarshal(raw, &parsed); err != nil {
		t.Fatal(err)
	}
	// the root under which the notice was cosigned, from the checkpoint itself
	fields := strings.Split(string(readAll(t, filepath.Join(s.public, "ledger/public/checkpoint"))), "\n")
	root, err := base64Std(fields[2])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	seed := sha512.Sum512(append(append(sum[:], root...), randomness...))
	first := sha512.Sum512(binary.BigEndian.AppendUint32(seed[:], 0))
	want := new(big.Int).Mod(new(big.Int).SetBytes(first[:]), big.NewInt(n)).Int64()
	if !strings.Contains(says, fmt.Sprintf("7 of 7 facts are drawn. The papers to look at:\n  1. entry %d:", parsed.Leaves[want].Index)) {
		t.Errorf("%s\nwant entry %d first", says, parsed.Leaves[want].Index)
	}
	for _, l := range parsed.Leaves {
		if !strings.Contains(says, fmt.Sprintf(". entry %d: ", l.Index)) {
			t.Errorf("entry %d was not drawn, of fewer than 60", l.Index)
		}
	}
	s.refuses(on(1, 102), vitrine.Usage, "32 hexadecimal digits", "audit", "sample", list, "--report", s.public, "--randomness", "7")
}
