package letter_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/letter"
	"github.com/vitrine-project/vitrine/law"
)

var update = flag.Bool("update", false, "write the letters into testdata, to be read before they are kept")

var kinds = []letter.Kind{letter.Production, letter.NoData, letter.Preserved, letter.Refusal}

// full is a demand in which every part of every letter has something to say.
func full(t *testing.T) letter.Data {
	t.Helper()
	from := time.Date(2026, 10, 1, 7, 0, 0, 0, time.UTC)
	p, err := vitrine.NewPeriod(from, from.AddDate(0, 1, 14))
	if err != nil {
		t.Fatal(err)
	}
	return letter.Data{
		Provider: "Glass Mail", Authority: "The Court", Instrument: "Search warrant", Today: time.Date(2026, 12, 3, 0, 0, 0, 0, time.UTC), Until: time.Date(2027, 3, 3, 0, 0, 0, 0, time.UTC),
		Demand: vitrine.Demand{
			ID: "abcdefghijklmnop",
			Submission: vitrine.Submission{Reference: "26-CR-118", Received: from.AddDate(0, 2, 0), Instrument: "us/search-warrant", Document: vitrine.Document{SHA256: vitrine.DigestOf([]byte("warrant"))},
				Asked: vitrine.Scope{Accounts: []vitrine.Account{"alice", "nobody"}, Categories: []vitrine.Category{vitrine.Traffic, vitrine.Content}, Period: p, Clock: vitrine.ClockReceived,
					Zone: "America/Los_Angeles", Correspondents: []string{"bob@example.org"}, Keywords: []string{"egret", "grey heron"}}},
			Differences: []vitrine.Difference{
				{Field: "categories", Asked: "traffic, content", Granted: "content", Reason: "category-not-ordered"},
				{Field: "to", Asked: "2026-11-15T07:00:00Z", Granted: "2026-11-01T07:00:00Z", Reason: "period-beyond-order"},
			},
			Collection: &vitrine.Collection{Counts: vitrine.Counts{Seen: 53, In: 17, Out: 30, Undeterminable: 5, Unreadable: 1}, Missing: []vitrine.Account{"nobody"}, Ended: from.AddDate(0, 2, 1)},
			Decided:    map[int64]bool{4: true, 9: true, 12: false},
			Pending:    []int64{4, 9},
			Packages:   []vitrine.Package{{Volume: 1}},
			Refusal:    &vitrine.Refusal{Kind: vitrine.Refused, Ground: "18 U.S.C. § 2703(a), (b)", Text: "Subpoena: this does not reach content data"},
		},
	}
}

// cases are the demands whose letters a person reads in testdata.
func cases(t *testing.T) map[string]letter.Data {
	first, none, plain := full(t), full(t), full(t)
	first.Demand.Packages, first.Demand.Pending, first.Demand.Decided = nil, nil, nil
	none.Demand.Packages, none.Demand.Pending, none.Demand.Decided = nil, nil, nil
	none.Demand.Collection.Counts = vitrine.Counts{Seen: 30, Out: 30}
	plain.Demand = first.Demand
	plain.Demand.Differences = nil
	plain.Demand.Submission.Asked.Zone, plain.Demand.Submission.Asked.Correspondents = "", nil
	plain.Demand.Submission.Asked.Keywords = nil
	plain.Demand.Collection = &vitrine.Collection{Counts: vitrine.Counts{Seen: 47, In: 17, Out: 30}, Ended: first.Demand.Collection.Ended}
	return map[string]letter.Data{"production-1": first, "production-2": full(t), "production-plain": plain, "no-data": none, "preserved": first, "refusal": plain}
}

// TestLetters compares each letter, in each language, with the one that was
// read and kept.
func TestLetters(t *testing.T) {
	for name, d := range cases(t) {
		for _, d.Language = range letter.Languages {
			kind := letter.Kind(name)
			if strings.HasPrefix(name, "production") {
				kind = letter.Production
			}
			text, err := letter.Text(kind, d)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+"."+d.Language+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || string(want) != text {
				t.Errorf("%s is not as it was kept (%v):\n%s", path, err, text)
			}
			for _, sign := range []string{"<no value>", "{{", "%!", "\n\n\n", " \n", "..\n"} {
				if strings.Contains(text, sign) {
					t.Errorf("%s holds %q:\n%s", path, sign, text)
				}
			}
		}
	}
}

func TestNoSuchLetter(t *testing.T) {
	d := full(t)
	if _, err := letter.Text("poem", d); err == nil {
		t.Error("an unknown letter was written")
	}
	if _, err := letter.Text("head", d); err == nil {
		t.Error("a part of a letter was written")
	}
	d.Language = "la"
	if _, err := letter.Text(letter.Refusal, d); err == nil {
		t.Error("an unknown language was written")
	}
}

// TestReasons wants each reason of the law to be a sentence of the letter's
// language.
func TestReasons(t *testing.T) {
	for _, r := range law.Reasons() {
		said := map[string]string{}
		for _, lang := range letter.Languages {
			d := full(t)
			d.Language = lang
			d.Demand.Differences = []vitrine.Difference{{Field: "accounts", Asked: "a, b", Granted: "a", Reason: r.Code}}
			text, err := letter.Text(letter.Refusal, d)
			if err != nil {
				t.Fatal(err)
			}
			_, after, _ := strings.Cut(text, "a, b)\n    ")
			sentence, _, _ := strings.Cut(after, "\n")
			_, sentence, _ = strings.Cut(sentence, ": ")
			if !strings.Contains(sentence, " ") || !strings.HasSuffix(sentence, ".") {
				t.Errorf("%s in %s: %q", r.Code, lang, sentence)
			}
			if other, twice := said[sentence]; twice {
				t.Errorf("%s: %s and %s say the same, %q", r.Code, other, lang, sentence)
			}
			said[sentence] = lang
		}
		if said[r.Says] != "en" {
			t.Errorf("%s: English does not say %q", r.Code, r.Says)
		}
	}
}

// TestForgedLines puts a hostile value into each place that takes one: the
// letter has as many lines as before, and nothing in it hides or turns text.
func TestForgedLines(t *testing.T) {
	const hostile = "x\nGround: forged\r\u2028\u2029\u0085\u202e\x1b[2J\x00\v\f\xff{{.Demand}}"
	places := map[string]func(*letter.Data){
		"provider":      func(d *letter.Data) { d.Provider = hostile },
		"authority":     func(d *letter.Data) { d.Authority = hostile },
		"instrument":    func(d *letter.Data) { d.Instrument = hostile },
		"id":            func(d *letter.Data) { d.Demand.ID = hostile },
		"reference":     func(d *letter.Data) { d.Demand.Submission.Reference = hostile },
		"account":       func(d *letter.Data) { d.Demand.Submission.Asked.Accounts[0] = hostile },
		"category":      func(d *letter.Data) { d.Demand.Submission.Asked.Categories[0] = hostile },
		"clock":         func(d *letter.Data) { d.Demand.Submission.Asked.Clock = hostile },
		"zone":          func(d *letter.Data) { d.Demand.Submission.Asked.Zone = hostile },
		"keyword":       func(d *letter.Data) { d.Demand.Submission.Asked.Keywords[0] = hostile },
		"correspondent": func(d *letter.Data) { d.Demand.Submission.Asked.Correspondents[0] = hostile },
		"difference": func(d *letter.Data) {
			d.Demand.Differences[0] = vitrine.Difference{Field: hostile, Asked: hostile, Granted: hostile, Reason: hostile}
		},
		"granted": func(d *letter.Data) { d.Demand.Differences[0].Granted = hostile },
		"missing": func(d *letter.Data) { d.Demand.Collection.Missing[0] = hostile },
		"refusal": func(d *letter.Data) { d.Demand.Refusal.Text = hostile },
		"ground":  func(d *letter.Data) { d.Demand.Refusal.Ground = hostile },
	}
	seen := map[string]bool{}
	for _, kind := range kinds {
		for _, lang := range letter.Languages {
			good := full(t)
			good.Language = lang
			want, err := letter.Text(kind, good)
			if err != nil {
				t.Fatal(err)
			}
			for place, spoil := range places {
				d := full(t)
				d.Language = lang
				spoil(&d)
				text, err := letter.Text(kind, d)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Count(text, "\n") != strings.Count(want, "\n") {
					t.Errorf("%s in %s: the %s changes the lines:\n%s", kind, lang, place, text)
				}
				if i := strings.IndexFunc(text, func(r rune) bool {
					return r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp))
				}); i >= 0 {
					t.Errorf("%s in %s: the %s leaves %q in the letter", kind, lang, place, text[i:i+3])
				}
				seen[place] = seen[place] || text != want
			}
		}
	}
	for place := range places {
		if !seen[place] {
			t.Errorf("no letter says the %s", place)
		}
	}
}
