package report

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// TestIndexSums wants the list of all reports to add up what the data has
// exactly, of those laws of which it has every number, and to name the others.
func TestIndexSums(t *testing.T) {
	for name, p := range plans(t) {
		v := p.view(t)
		files := site(t, v)
		table := elements(elements(parse(t, files["index.html"]), "tbody")[0], "tr")
		for i, published := range v.Reports {
			sums, left := added(t, files["reports/"+published.Statement.Name+"/tables.csv"], published.Period.Name())
			row := table[len(v.Reports)-1-i]
			got := strings.NewReplacer(",", "").Replace(textOf(elements(row, "td")[0]))
			want := "–"
			if len(sums) > 0 {
				want = fmt.Sprint(sums["demand"])
			}
			if got != want && !(want == "–" && strings.Trim(got, "–—-") == "") {
				t.Errorf("%s, %s: %s demands, want %s", name, published.Statement.Name, got, want)
			}
			if says := strings.Contains(textOf(row), "Not in these sums"); says != (len(sums) > 0 && left) {
				t.Errorf("%s, %s: %q; something is left out: %v", name, published.Statement.Name, textOf(row), left)
			}
		}
	}
}

// added adds up the public ledger's rows of a period by field, but those of a
// law with a number that is not exact.
func added(t *testing.T, csv []byte, period string) (sums map[string]uint64, left bool) {
	t.Helper()
	open := map[string]bool{}
	rows := readCSV(t, csv)
	counts := func(r map[string]string) bool {
		return r["ledger"] == "public" && r["cells"] != "" && strings.HasSuffix(r["cells"], "@"+period) && !strings.Contains(r["rule"], "petition")
	}
	for _, r := range rows {
		if counts(r) && r["kind"] != "exact" {
			open[r["regime"]], left = true, true
		}
	}
	sums = map[string]uint64{}
	for _, r := range rows {
		if !counts(r) || open[r["regime"]] {
			continue
		}
		n, err := strconv.ParseUint(r["value"], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sums[r["field"]] += n
	}
	return sums, left
}

// TestIndexLimits wants the first page to say what the proofs do not show, in
// each language, as the reports do, once there is a report.
func TestIndexLimits(t *testing.T) {
	files := site(t, plans(t)["full"].view(t))
	for _, l := range languages {
		doc := parse(t, files["index"+l.file+".html"])
		text := textOf(elements(doc, "main")[0])
		for _, key := range []string{"limits.upper", "limits.nobody.says", "limits.view"} {
			if plain := strings.Join(strings.Fields(l.say(key)), " "); !strings.Contains(text, plain) {
				t.Errorf("%s: it does not say %q", l.code, plain)
			}
		}
	}
	none, err := View{Provider: "Havre Mail"}.top()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(none["index.html"]), `id="limits"`) {
		t.Error("limits of proofs that there are not")
	}
}

// TestMeans wants what accounts are in the page's language, and the provider's
// own words in quotes where they are in another one.
func TestMeans(t *testing.T) {
	files := site(t, plans(t)["full"].view(t))
	for file, want := range map[string]string{
		"index.html":    "(open on the last day of the period)",
		"index.fr.html": "(ouverts le dernier jour de la période)",
		"index.de.html": "(„open on the last day of the period“)",
	} {
		if text := textOf(elements(parse(t, files["reports/2026-H2/"+file]), "main")[0]); !strings.Contains(text, want) {
			t.Errorf("%s does not say %s", file, want)
		}
	}
	v := plans(t)["full"].view(t)
	v.Reports[0].Words.Accounts = []Accounts{{Period: "2026-H1", Number: 5, Means: "open", MeansIn: map[string]string{"tlh": "poS"}}}
	if _, err := v.top(); err == nil {
		t.Error("a language that no page is in was taken")
	}
}

// TestOne wants one account to be spoken of as one.
func TestOne(t *testing.T) {
	p := plan{provider: "Havre Mail", first: "2026-H1", periods: 1, sheets: sheetsOf(t, "us/subpoena"), counts: func(_ int, _, field string) uint64 {
		if field == "demand" || field == "account" {
			return 1
		}
		return 0
	}}
	files := site(t, p.view(t))
	for file, want := range map[string]string{
		"index.html":    "1 account was named in the demands that the law lets us count one by one (1 in all).",
		"index.fr.html": "1 compte a été nommé dans les demandes que la loi nous laisse compter une à une (1 en tout).",
		"index.de.html": "1 Konto wurde in den Verlangen genannt, die das Gesetz uns einzeln zählen lässt (insgesamt 1).",
	} {
		for _, page := range []string{file, "reports/2026-H1/" + file} {
			if text := textOf(elements(parse(t, files[page]), "h1")[0]); text != want {
				t.Errorf("%s: %q, want %q", page, text, want)
			}
		}
	}
}
