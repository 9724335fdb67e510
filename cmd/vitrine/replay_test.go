package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/replay"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/tables"
)

// replayOf replays a table as the command does.
func replayOf(t *testing.T, table string) (out Replayed, code int) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "table.csv")
	if err := os.WriteFile(path, []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	before, began := processorTime(), time.Now()
	p := program{stdout: &stdout, stderr: io.Discard, now: time.Now}
	err := p.execute(t.Context(), []string{"demo", "--replay", path, "--dir", filepath.Join(dir, "world"), "--json"})
	if code = vitrine.ExitCode(err); code == 1 {
		t.Fatal(err)
	}
	if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
		t.Fatalf("%v: %s", err, stdout.Bytes())
	}
	t.Logf("%d rows in %d bundles: %.1f s of processor time, %.1f s", len(out.Replayed), out.Bundles, (processorTime() - before).Seconds(), time.Since(began).Seconds())
	if out.LeftOut != 0 || len(out.Replayed)+len(out.Refused)+len(out.NotTotals) != strings.Count(table, "\n") {
		t.Errorf("%d lines; %d were replayed, %d refused, %d are not totals", strings.Count(table, "\n"), len(out.Replayed), len(out.Refused), len(out.NotTotals))
	}
	return out, code
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// published reads the tables of all reports as a spreadsheet would: what stands
// behind the period's first day, the table and the field.
func published(t *testing.T, public string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(public, "reports", "*", "tables.csv"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	all := map[string]string{}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(f).ReadAll()
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		at := func(name string) int { return slices.Index(records[0], name) }
		for _, r := range records[1:] {
			name := strings.Join([]string{r[at("period_start")], r[at("table")], r[at("field")]}, " ")
			if _, twice := all[name]; twice {
				t.Errorf("%s is published twice", name)
			}
			all[name] = r[at("value")]
		}
	}
	return all
}

// holds checks the published tables against lines of the table, which the test
// takes apart itself.
func holds(t *testing.T, public, table string, but ...replay.Remark) {
	t.Helper()
	got := published(t, public)
	compared := 0
	for n, line := range strings.Split(strings.TrimSpace(table), "\n") {
		c := strings.Split(line, ",")
		if c[3] == "" || c[2] == "percent" || slices.ContainsFunc(but, func(r replay.Remark) bool { return r.Line == n+1 }) {
			continue
		}
		year, half, _ := strings.Cut(c[0], "-H")
		day := year + map[string]string{"": "-01-01", "1": "-01-01", "2": "-07-01"}[half]
		value := got[day+" "+c[1]+" "+c[2]]
		if c[2] == "account" && value == "0" {
			value = got[day+" "+c[1]+" bulk_accounts"]
		}
		if value != c[3] {
			t.Errorf("line %d, %s: %q is published", n+1, line, value)
		}
		compared++
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

// TestReplayHidesActual: two replays whose numbers differ inside one band differ
// in no public file's name or size.
func TestReplayHidesActual(t *testing.T) {
	const table = "2024-H1,us/national-security,demand,0-249,%d\n2024-H1,us/subpoena,demand,2\n"
	var first []string
	for _, actual := range []int{0, 249} {
		table := fmt.Sprintf(table, actual)
		out, code := replayOf(t, table)
		if code != 0 || !out.Equal || len(out.Replayed) != 2 {
			t.Fatalf("exit %d: %+v", code, out)
		}
		holds(t, out.Public, table)
		files := namesAndSizes(t, out.Public)
		if first == nil {
			first = files
		}
		if !slices.Equal(first, files) {
			t.Errorf("%d shows: %v", actual, difference(first, files))
		}
	}
	if len(first) < 40 {
		t.Errorf("a public directory of %d files", len(first))
	}
}

func namesAndSizes(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		i, err := e.Info()
		if err == nil {
			all = append(all, fmt.Sprint(path, " ", i.Size()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func difference(a, b []string) []string {
	var all []string
	for _, s := range slices.Concat(a, b) {
		if slices.Contains(a, s) != slices.Contains(b, s) {
			all = append(all, s)
		}
	}
	return all
}

// TestReplayExits: what was refused exits with 4 and what is no table with 2, and
// neither makes anything. What was published otherwise exits with 3.
func TestReplayExits(t *testing.T) {
	for name, c := range map[string]struct {
		table string
		code  int
	}{
		"refused":                {"2021,us/subpoena,demand,183\n2021,us/subpoena,noncontent,269\n", 4},
		"carriage returns alone": {"2021,us/subpoena,demand,183\r2022,us/subpoena,demand,1\r", 2},
		"empty":                  {"", 2},
	} {
		dir := t.TempDir()
		path, world := filepath.Join(dir, "table.csv"), filepath.Join(dir, "world")
		if err := os.WriteFile(path, []byte(c.table), 0o600); err != nil {
			t.Fatal(err)
		}
		p := program{stdout: io.Discard, stderr: io.Discard, now: time.Now}
		if code := p.run(t.Context(), []string{"demo", "--replay", path, "--dir", world}); code != c.code {
			t.Errorf("%s: exit %d, want %d", name, code, c.code)
		}
		if _, err := os.Stat(world); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %s was made (%v)", name, world, err)
		}
	}
	table, err := replay.Parse([]byte("2021,us/subpoena,demand,183\n2021,us/subpoena,demand,1x\n"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		out  Replayed
		code int
	}{
		{Replayed{Equal: true, Replayed: []replay.Result{{Equal: true}}}, 0},
		{Replayed{Equal: true, Replayed: []replay.Result{{Equal: true}}, Refused: table.Refused}, 4},
		{Replayed{Equal: false, Replayed: []replay.Result{{}}, Refused: table.Refused}, 3},
		{Replayed{Equal: true, Replayed: []replay.Result{{Equal: true}}, LeftOut: 1}, 3},
		{Replayed{Equal: true}, 3},
	} {
		if code := vitrine.ExitCode(c.out.verdict(table)); code != c.code {
			t.Errorf("%+v: exit %d, want %d", c.out, code, c.code)
		}
	}
}

// TestReplayEmbargo: what the law keeps back is published once it may be.
func TestReplayEmbargo(t *testing.T) {
	all := []string{"2024-H1,us/fisa-content,demand,0-499,1\n"}
	if os.Getenv("VITRINE_NIGHTLY") != "" {
		all = append(all,
			"2024-H1,us/nsl,demand,0-999,3\n2024-H1,us/nsl,account,0-999,9\n2024-H1,us/fisa-prtt,account,1000-1999,1000\n2024-H1,us/fisa-noncontent,demand,0-999,0\n",
			"2024,us/national-security,demand,0-99,3\n2024,us/national-security,account,100-199,110\n")
	}
	for _, table := range all {
		out, code := replayOf(t, table)
		if code != 0 || !out.Equal {
			t.Fatalf("exit %d: %+v", code, out)
		}
		holds(t, out.Public, table)
	}
}

// half takes the lines of one period.
func half(table, period string) string {
	var b strings.Builder
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, period+",") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func googleTable(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(need.Shared(t, "google/google-user-data-requests-2009H2-2013H2.csv"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := tables.Google(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func githubTable(t *testing.T, halves bool) string {
	t.Helper()
	s, err := tables.GitHub(os.DirFS(need.Shared(t, "github-transparency/data")), halves, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestReplayGoogle replays the smallest half-year of which Google published both
// requests and accounts, of all countries.
func TestReplayGoogle(t *testing.T) {
	table := googleTable(t)
	if testing.Short() {
		t.Skip("a minute of processor time")
	}
	table = half(table, "2011-H1")
	out, code := replayOf(t, table)
	if code != 0 || !out.Equal || len(out.Replayed) != 2*27 || len(out.NotTotals) != 27 {
		t.Fatalf("exit %d, %d replayed, refused: %+v", code, len(out.Replayed), out.Refused)
	}
	holds(t, out.Public, table)
}

// TestReplayGitHub replays a half-year of GitHub's: exact numbers through the
// desk, and bands.
func TestReplayGitHub(t *testing.T) {
	table := githubTable(t, true)
	if testing.Short() {
		t.Skip("half a minute of processor time")
	}
	table = half(table, "2024-H1")
	out, code := replayOf(t, table)
	if code != 0 || !out.Equal {
		t.Fatalf("exit %d: %+v", code, out)
	}
	holds(t, out.Public, table)
}

// TestReplayAll replays everything that both published.
func TestReplayAll(t *testing.T) {
	all := map[string]string{"google": googleTable(t), "github by years": githubTable(t, false), "github by half-years": githubTable(t, true)}
	if os.Getenv("VITRINE_NIGHTLY") == "" {
		t.Skip("skipped: it takes half an hour; set VITRINE_NIGHTLY")
	}
	for name, table := range all {
		t.Run(name, func(t *testing.T) {
			out, code := replayOf(t, table)
			want := 4 // GitHub's have rows that cannot be true, or a name with a space
			if name == "google" {
				want = 0
			}
			if code != want || !out.Equal {
				t.Errorf("exit %d, want %d", code, want)
			}
			holds(t, out.Public, table, out.Refused...)
		})
	}
}
