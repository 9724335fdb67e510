package report

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// site writes every file of a view, as it is published.
func site(t testing.TB, v View) map[string][]byte {
	t.Helper()
	files, err := v.top()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range v.Reports {
		pages, err := Pages(v, r.Statement.Name)
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range pages {
			files["reports/"+r.Statement.Name+"/"+name] = b
		}
	}
	return files
}

// TestWrite leaves the sites in VITRINE_PAGES, for who wants to look at them.
func TestWrite(t *testing.T) {
	dir := os.Getenv("VITRINE_PAGES")
	if dir == "" {
		t.Skip("VITRINE_PAGES names no directory")
	}
	for name, p := range plans(t) {
		for path, b := range site(t, p.view(t)) {
			to := filepath.Join(dir, name, path)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// each runs a check on every file of every plan.
func each(t *testing.T, ending string, check func(t *testing.T, files map[string][]byte, name string)) {
	for plan, p := range plans(t) {
		files := site(t, p.view(t))
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if strings.HasSuffix(name, ending) {
				t.Run(plan+"/"+name, func(t *testing.T) { check(t, files, name) })
			}
		}
	}
}

// TestFirst reads what stands first on each report's page.
func TestFirst(t *testing.T) {
	want := map[string][]string{
		"full":      {"do not show that a number is not too high"},
		"first":     {"Nobody independent watches", "does not speak of national security process, whether or not there was any"},
		"states":    {"Fewer than two of three witnesses", "until then nobody outside can check it"},
		"letters":   {"rests on the auditor’s statement"},
		"demo":      {"This is a demonstration", "public at once"},
		"own-watch": {"it takes 2 of 3", "whether or not"},
		"one-of":    {"it takes 1 of 3", "whether or not"},
		"hostile":   {"Nobody independent"},
	}
	for plan, texts := range want {
		v := plans(t)[plan].view(t)
		name := v.Reports[len(v.Reports)-1].Statement.Name
		doc := parse(t, site(t, v)["reports/"+name+"/index.html"])
		main := elements(doc, "main")[0]
		first := elements(main, "")[0]
		if !classed(first, "first") {
			t.Fatalf("%s: the first element is %s", plan, first.Data)
		}
		for _, text := range texts {
			if !strings.Contains(textOf(first), text) {
				t.Errorf("%s: %q does not say %q", plan, textOf(first), text)
			}
		}
		if !strings.Contains(strings.Join(want["first"], " "), texts[0]) && plan != "demo" && strings.Contains(textOf(first), "Nobody") != (plan == "hostile") {
			t.Errorf("%s: %q", plan, textOf(first))
		}
	}
}

// TestNoMoreThanSaid plants numbers in bands, below the threshold and behind
// hidden fields: they are in no file, and what is in the files does not depend
// on where in its band a number lies.
func TestNoMoreThanSaid(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		names := []string{"states", "letters", "demo", "unknown", "full"}
		p := plans(t)[rapid.SampledFrom(names).Draw(rt, "plan")]
		if len(p.sheets) > 20 {
			p.sheets = append(slices.Clone(p.sheets[:3]), p.sheets[len(p.sheets)-2:]...)
		}
		p.periods = 1 + rapid.IntRange(0, 1).Draw(rt, "periods")
		planted := map[string]uint64{}
		draw := func(shift uint64) func(int, string, string) uint64 {
			return func(period int, sheet, field string) uint64 {
				key := fmt.Sprint(period, sheet, field)
				if _, ok := planted[key]; !ok {
					planted[key] = rapid.Uint64Range(0, 40_000).Draw(rt, key) * 1000
				}
				return planted[key] + shift
			}
		}
		a, b := p, p
		closed := map[string]bool{} // fields that are not exact, by sheet
		for _, s := range p.sheets {
			for _, f := range s.Fields {
				closed[s.Name+f.Name] = f.Rule.Kind != ledger.Exact
			}
		}
		where := func(near, far func(int, string, string) uint64) func(int, string, string) uint64 {
			return func(period int, sheet, field string) uint64 {
				if open, known := closed[sheet+field]; known && !open {
					return counted(period, sheet, field)
				}
				if strings.Contains(sheet, "/epoc-") || sheet == "orders/court" {
					return near(period, sheet, field) % 1000 // below the threshold
				}
				return far(period, sheet, field)
			}
		}
		small := rapid.Uint64Range(0, 9).Draw(rt, "small")
		here, there := rapid.Uint64Range(11, 99).Draw(rt, "here"), rapid.Uint64Range(0, 99).Draw(rt, "there")
		a.counts, b.counts = where(draw(small), draw(here)), where(draw(9-small), draw(there))
		one, two := newest(t, a.view(t)), newest(t, b.view(t))
		alike(rt, one, two)
		for name, content := range one {
			told := numbers(content)
			for key, n := range planted {
				if n += here; n >= 10_000 && told[n] {
					rt.Fatalf("%s says %d, which only its band is to be known of (%s)", name, n, key)
				}
			}
		}
		b.root = 0x3c // another log with the same numbers
		three := newest(t, b.view(t))
		for name := range one {
			if len(three[name]) != len(one[name]) {
				rt.Fatalf("%s has %d bytes, with another log %d", name, len(one[name]), len(three[name]))
			}
		}
	})
}

// newest makes the files of the newest report, and those of the site every
// fourth time, as they take longer.
func newest(t testing.TB, v View) map[string][]byte {
	files, err := Pages(v, v.newest())
	if err != nil {
		t.Fatal(err)
	}
	if len(files["tables.csv"])%4 == 0 {
		site, err := v.top()
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range site {
			files["../../"+name] = b
		}
	}
	return files
}

var figures = regexp.MustCompile(`[0-9a-zA-Z]+(?:[,.\x{202f}][0-9]{3})*`)

// numbers are all that a file has, in whatever language they are written. The
// digits of a digest are none.
func numbers(b []byte) map[uint64]bool {
	all := map[uint64]bool{}
	for _, f := range figures.FindAll(b, -1) {
		if n, err := strconv.ParseUint(strings.NewReplacer(",", "", ".", "", "\u202f", "").Replace(string(f)), 10, 64); err == nil {
			all[n] = true
		}
	}
	return all
}

func alike(t interface{ Fatalf(string, ...any) }, one, two map[string][]byte) {
	if len(one) != len(two) {
		t.Fatalf("%d files, then %d", len(one), len(two))
	}
	for name, b := range one {
		if !bytes.Equal(b, two[name]) {
			t.Fatalf("%s differs", name)
		}
	}
}

// TestSame makes every site twice.
func TestSame(t *testing.T) {
	for name, p := range plans(t) {
		t.Run(name, func(t *testing.T) { alike(t, site(t, p.view(t)), site(t, p.view(t))) })
	}
}

// TestEarlier wants a report's files not to change when later reports come.
func TestEarlier(t *testing.T) {
	for name, p := range plans(t) {
		v := p.view(t)
		all := site(t, v)
		for k := 1; k < len(v.Reports); k++ {
			early := v
			early.Reports = v.Reports[:k]
			// What a later header says is not known yet.
			early.Reports = slices.Clone(early.Reports)
			early.Reports[k-1].Words.Comment = map[string]string{"en": "Said of the last one only."}
			for path, b := range site(t, early) {
				if strings.HasPrefix(path, "reports/") && !strings.HasPrefix(path, "reports/"+v.Reports[k-1].Statement.Name+"/") && !bytes.Equal(b, all[path]) {
					t.Errorf("%s: %s changes when a report follows, or when another one's words do", name, path)
				}
			}
			early.Reports[k-1] = v.Reports[k-1]
			for path, b := range site(t, early) {
				if strings.HasPrefix(path, "reports/") && !bytes.Equal(b, all[path]) {
					t.Errorf("%s: %s changes when a report follows", name, path)
				}
			}
		}
	}
}

// TestSums adds up by itself what the page of the full plan adds up, and wants
// no sum where a number is not exact.
func TestSums(t *testing.T) {
	v := plans(t)["full"].view(t)
	doc := parse(t, site(t, v)["reports/2026-H2/index.html"])
	accounts := uint64(0)
	for _, id := range ordinarySheets {
		accounts += counted(5, id, law.AccountField)
	}
	stated := uint64(3_910_000 + 5*92_000)
	if h1 := textOf(elements(doc, "h1")[0]); !strings.Contains(h1, fmt.Sprintf(": %d of %s.", accounts, english.number(stated))) || !strings.HasPrefix(h1, fmt.Sprintf("%.2g%%", 100*float64(accounts)/float64(stated))) {
		t.Errorf("the title is %q; %d of %d accounts were named", h1, accounts, stated)
	}
	sums := 0
	for _, row := range elements(doc, "tr") {
		if !classed(row, "sum") {
			continue
		}
		sums++
		body, ids := row.Parent, []string{}
		for _, id := range ordinarySheets {
			title := english.instruments[id]
			if strings.Contains(textOf(body), title) {
				ids = append(ids, id)
			}
		}
		want := uint64(0)
		for _, id := range ids {
			want += counted(5, id, law.Demand)
		}
		if got := textOf(elements(row, "td")[0]); got != english.number(want) {
			t.Errorf("%v: %s demands, want %d", ids, got, want)
		}
	}
	if sums != 2 {
		t.Errorf("%d sums, want one a regime", sums)
	}
	each(t, ".html", func(t *testing.T, files map[string][]byte, name string) {
		for _, table := range elements(parse(t, files[name]), "table") {
			hidden, sum := false, false
			for _, n := range elements(table, "") {
				if classed(n, "is-band") && !slices.ContainsFunc(elements(n, "span"), func(s *html.Node) bool { return classed(s, "band") }) {
					t.Errorf("a band looks like a number: %s", textOf(n))
				}
				hidden = hidden || classed(n, "small") || classed(n, "band") || classed(n, "is-hidden")
				sum = sum || classed(n, "sum")
			}
			if hidden && sum {
				t.Errorf("a sum stands over a number that is not exact: %s", textOf(table))
			}
		}
	})
}

// TestBands reads how a band, a small number and a permission are told.
func TestBands(t *testing.T) {
	for _, c := range []struct {
		plan, page string
		says       []string
		not        []string
	}{
		{"full", "reports/2026-H2/index.html", []string{"250–499", "band of 250 under 50 U.S.C. § 1874(a)(3)", "National security process comes on top, in a band of the law: 250–499 accounts, which is at most 0.012% of all."}, []string{"317"}},
		{"states", "reports/2026-H1/index.html", []string{"fewer than 10", "No sum is given", "Not in this number: Electronic evidence in the European Union", "FISA"}, nil},
		{"letters", "reports/2026-H1/index.html", []string{"band of 500 under 50 U.S.C. § 1874(a)(2)", "with what was held back from: July – December 2024", "Version 2, 3 February 2027", "which may be published only now"}, []string{"in a band of the law: "}},
		{"permitted", "reports/2026-H1/index.html", []string{"87 told once more, exactly, by permission", strings.Repeat("0", 62)}, nil},
		{"unknown", "reports/2026-H1/index.html", []string{"Users notified", "band of 250, fixed in the header of the period", "not published"}, nil},
		{"nothing", "reports/2026-H2/index.html", []string{"0% of all accounts were named"}, nil},
		{"demo", "reports/2026-H1/index.html", []string{"only while something waits to be counted"}, nil},
	} {
		doc := parse(t, site(t, plans(t)[c.plan].view(t))[c.page])
		text := " " + strings.NewReplacer("\u00a0", " ", "\u2060", "").Replace(textOf(elements(doc, "body")[0])) + " "
		for _, s := range c.says {
			if !strings.Contains(text, s) {
				t.Errorf("%s does not say %q", c.plan, s)
			}
		}
		for _, s := range c.not {
			if strings.Contains(text, s) {
				t.Errorf("%s says %q", c.plan, s)
			}
		}
	}
}

// TestRefused changes a good view so that it may not be shown.
func TestRefused(t *testing.T) {
	for name, break_ := range map[string]func(*View){
		"no provider":         func(v *View) { v.Provider = "" },
		"a hidden character":  func(v *View) { v.Provider = "Havre\u202eliam" },
		"another number":      func(v *View) { v.Reports[1].Statement.Number = 4 },
		"a name twice":        func(v *View) { v.Reports[1].Statement.Name = v.Reports[0].Statement.Name },
		"a way out":           func(v *View) { v.Reports[0].Statement.Name = "../../x" },
		"a band opened":       func(v *View) { open(v.Reports[0].Statement.Tables) },
		"another header":      func(v *View) { v.Reports[0].Statement.Ledgers[0].Headers[0][0] ^= 1 },
		"no header":           func(v *View) { v.Reports[0].Ledgers = nil },
		"no ledger":           func(v *View) { v.Reports[0].Statement.Ledgers = nil },
		"a silent correction": func(v *View) { v.Reports[0].Version = 2 },
		"no accounts":         func(v *View) { v.Reports[0].Words.Accounts = []Accounts{{Period: "2026-H1"}} },
		"no such day": func(v *View) {
			v.Reports[0].Words.Corrections, v.Reports[0].Version = []Correction{{2, "31 January", "x"}}, 2
		},
		"a strange language": func(v *View) { v.Reports[0].Words.Comment = map[string]string{"tlh": "x"} },
		"an empty period":    func(v *View) { v.Reports[0].Period = law.Period{} },
	} {
		v := plans(t)["full"].view(t)
		break_(&v)
		if _, err := Pages(v, v.Reports[0].Statement.Name); err == nil {
			t.Errorf("%s: pages are made", name)
		}
		if _, err := v.top(); err == nil {
			t.Errorf("%s: a site is made", name)
		}
	}
	if _, err := Pages(plans(t)["full"].view(t), "2031-H1"); err == nil {
		t.Error("pages of a report that is not there")
	}
}

func open(tables []ledger.Row) {
	for i := range tables {
		if tables[i].Class == ledger.Restricted {
			tables[i].Fields[0] = ledger.Total{Name: "demand", Total: n(317)}
		}
	}
}

// TestEmpty makes the site of a provider that has not reported yet.
func TestEmpty(t *testing.T) {
	files, err := View{Provider: "Havre Mail"}.top()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(files["index.html"], []byte("No report has been published yet.")) || !bytes.Contains(files["index.fr.html"], []byte("Aucun rapport")) {
		t.Error("it does not say that there is no report")
	}
}

// TestHostile wants words to stay words.
func TestHostile(t *testing.T) {
	files := site(t, plans(t)["hostile"].view(t))
	for name, b := range files {
		for _, bad := range []string{"<script>", "<img", "<svg/onload", "<style"} {
			if strings.HasSuffix(name, ".html") && bytes.Contains(b, []byte(bad)) {
				t.Errorf("%s has %s", name, bad)
			}
		}
	}
	for name, b := range files {
		if strings.HasSuffix(name, ".csv") {
			for _, line := range strings.Split(string(b), "\n") {
				for _, cell := range strings.Split(line, ",") {
					if strings.HasPrefix(strings.TrimPrefix(cell, `"`), "=") {
						t.Errorf("%s: a cell begins with =: %s", name, cell)
					}
				}
			}
		}
	}
	if !bytes.Contains(files["reports/2026-H1/aggregator.csv"], []byte(`"'=HYPERLINK(`)) {
		t.Error("the provider's name is not in the aggregator's lines")
	}
}
