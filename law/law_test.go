package law_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
)

// matrix was written by hand from the texts, an instrument a row: the article
// under which each category is reached, or with a minus in front, the one that
// is the ground for refusing it.
var matrix = map[vitrine.InstrumentID][4]string{
	// subscriber, identity, traffic, content
	"us/subpoena":          {"18 U.S.C. § 2703(c)(2)", "-" + eu + "Art. 3(10)", "-18 U.S.C. § 2703(c)(1)", "-18 U.S.C. § 2703(a), (b)"},
	"us/court-order-2703d": {"18 U.S.C. § 2703(c)(2)", "-" + eu + "Art. 3(10)", "18 U.S.C. § 2703(c)(1)(B), (d)", "-18 U.S.C. § 2703(a), (b)"},
	"us/search-warrant":    {"18 U.S.C. § 2703(c)(2)", "-" + eu + "Art. 3(10)", "18 U.S.C. § 2703(c)(1)(A)", "18 U.S.C. § 2703(a), (b)(1)(A)"},
	"us/emergency":         {"18 U.S.C. § 2702(c)(4)", "-" + eu + "Art. 3(10)", "18 U.S.C. § 2702(c)(4)", "18 U.S.C. § 2702(b)(8)"},
	"us/preservation":      {"18 U.S.C. § 2703(f)", "-" + eu + "Art. 3(10)", "18 U.S.C. § 2703(f)", "18 U.S.C. § 2703(f)"},
	"eu/epoc-subscriber":   {eu + "Art. 3(9), 4(1), 5(3)", ordered, ordered, ordered},
	"eu/epoc-identity":     {ordered, eu + "Art. 3(10), 4(1), 5(3)", ordered, ordered},
	"eu/epoc-traffic":      {ordered, ordered, eu + "Art. 3(11), 4(2), 5(4)", ordered},
	"eu/epoc-content":      {ordered, ordered, ordered, eu + "Art. 3(12), 4(2), 5(4)"},

	"eu/epoc-pr": {eu + "Art. 4(3), 6, 11", eu + "Art. 4(3), 6, 11", eu + "Art. 4(3), 6, 11", eu + "Art. 4(3), 6, 11"},

	"us/nsl":                 {"18 U.S.C. § 2709(a), (b)", "-" + eu + "Art. 3(10)", "-18 U.S.C. § 2709(a), (b)", "-18 U.S.C. § 2709(a), (b)"},
	"us/fisa-content":        {"50 U.S.C. §§ 1805, 1824, 1881a", "-" + eu + "Art. 3(10)", "50 U.S.C. §§ 1805, 1824, 1881a", "50 U.S.C. §§ 1805, 1824, 1881a"},
	"us/fisa-content-new":    {"50 U.S.C. §§ 1805, 1824, 1881a", "-" + eu + "Art. 3(10)", "50 U.S.C. §§ 1805, 1824, 1881a", "50 U.S.C. §§ 1805, 1824, 1881a"},
	"us/fisa-noncontent":     {"50 U.S.C. §§ 1861, 1862", "-" + eu + "Art. 3(10)", "50 U.S.C. §§ 1861, 1862", "-50 U.S.C. §§ 1861, 1862"},
	"us/fisa-prtt":           {"50 U.S.C. § 1842(d)(2)(C)", "-" + eu + "Art. 3(10)", "50 U.S.C. § 1842", "-50 U.S.C. § 1842"},
	"us/fisa-records-b":      {"50 U.S.C. § 1861", "-" + eu + "Art. 3(10)", "50 U.S.C. § 1861", "-50 U.S.C. § 1861"},
	"us/fisa-records-c":      {"-50 U.S.C. § 1861(k)(3)", "-" + eu + "Art. 3(10)", "50 U.S.C. § 1861(b)(2)(C)", "-50 U.S.C. § 1861(b)(2)(C)"},
	"us/fisa-noncontent-new": {"50 U.S.C. §§ 1861, 1862", "-" + eu + "Art. 3(10)", "50 U.S.C. §§ 1861, 1862", "-50 U.S.C. §§ 1861, 1862"},
	"us/fisa-prtt-new":       {"50 U.S.C. § 1842(d)(2)(C)", "-" + eu + "Art. 3(10)", "50 U.S.C. § 1842", "-50 U.S.C. § 1842"},
	"us/fisa-records-b-new":  {"50 U.S.C. § 1861", "-" + eu + "Art. 3(10)", "50 U.S.C. § 1861", "-50 U.S.C. § 1861"},
	"us/fisa-records-c-new":  {"-50 U.S.C. § 1861(k)(3)", "-" + eu + "Art. 3(10)", "50 U.S.C. § 1861(b)(2)(C)", "-50 U.S.C. § 1861(b)(2)(C)"},
}

const (
	eu      = "Regulation (EU) 2023/1543, "
	ordered = "-" + eu + "Art. 5(5)(d)" // the order itself names its category
)

func TestMatrix(t *testing.T) {
	if len(law.All()) != len(matrix) {
		t.Errorf("%d instruments, %d rows in the test", len(law.All()), len(matrix))
	}
	for id, row := range matrix {
		i, ok := law.Lookup(id)
		if !ok {
			t.Errorf("%s is missing", id)
			continue
		}
		for n, c := range []vitrine.Category{"subscriber", "identity", "traffic", "content"} {
			article, refused := strings.CutPrefix(row[n], "-")
			if i.Reaches[c].Article != article {
				t.Errorf("%s and %s: article %q, want %q", id, c, i.Reaches[c].Article, article)
			}
			err := i.Check(vitrine.Scope{Categories: []vitrine.Category{c}})
			var r *vitrine.Refusal
			switch {
			case !refused && err != nil:
				t.Errorf("%s and %s: %v, want it reached", id, c, err)
			case refused && (!errors.As(err, &r) || r.Kind != vitrine.Refused || r.Ground != article):
				t.Errorf("%s and %s: %v, want a refusal on the ground of %s", id, c, err, article)
			}
		}
	}
}

// TestSets checks every set of categories: one that is not reached refuses it.
func TestSets(t *testing.T) {
	for id, row := range matrix {
		i, _ := law.Lookup(id)
		for set := 1; set < 16; set++ {
			var s vitrine.Scope
			refused := false
			for n, c := range vitrine.Categories {
				if set&(1<<n) != 0 {
					s.Categories = append(s.Categories, c)
					refused = refused || row[n][0] == '-'
				}
			}
			if err := i.Check(s); refused != (err != nil) {
				t.Errorf("%s and %v: %v, want refused %v", id, s.Categories, err, refused)
			}
		}
	}
	i, _ := law.Lookup("us/search-warrant")
	if err := i.Check(vitrine.Scope{Categories: []vitrine.Category{"location"}}); err == nil {
		t.Error("a category that nobody knows was reached")
	}
}

// TestTableIsKept writes into what it was given.
func TestTableIsKept(t *testing.T) {
	i, _ := law.Lookup("us/subpoena")
	i.Reaches[vitrine.Content] = law.Reach{Reached: true}
	law.All()[0].Reaches[vitrine.Content] = law.Reach{Reached: true}
	if again, _ := law.Lookup("us/subpoena"); again.Reaches[vitrine.Content].Reached {
		t.Error("a caller widened the table")
	}
}

// TestPreservation has the days by hand: 90 and 90 under 18 U.S.C. § 2703(f)(2),
// 60 and 30 under Art. 11 of Regulation (EU) 2023/1543.
func TestPreservation(t *testing.T) {
	since := time.Date(2027, 1, 31, 9, 30, 0, 0, time.UTC)
	for id, want := range map[vitrine.InstrumentID][2]string{
		"us/preservation": {"2027-05-01T09:30:00Z", "2027-07-30T09:30:00Z"},
		"eu/epoc-pr":      {"2027-04-01T09:30:00Z", "2027-05-01T09:30:00Z"},
	} {
		i, _ := law.Lookup(id)
		for renewals, until := range want {
			if got := i.Preserves.Until(since, renewals).Format(time.RFC3339); got != until {
				t.Errorf("%s, %d renewals: until %s, want %s", id, renewals, got, until)
			}
		}
	}
}

// TestWiderScope wants one unreachable category to refuse the whole.
func TestWiderScope(t *testing.T) {
	i, _ := law.Lookup("us/subpoena")
	err := i.Check(vitrine.Scope{Categories: []vitrine.Category{vitrine.Subscriber, vitrine.Content}})
	if err == nil || !strings.Contains(err.Error(), "Warshak") || !strings.Contains(err.Error(), "2703") {
		t.Errorf("subpoena for content: %v", err)
	}
}

func TestRows(t *testing.T) {
	for _, i := range law.All() {
		if i.Name == "" || i.Issuer == "" || i.Source == "" || i.Standing == "" || i.Secrecy == "" || i.Publication == "" || i.Regime == "" || i.Jurisdiction != strings.Split(string(i.ID), "/")[0] {
			t.Errorf("%s: the row is not complete", i.ID)
		}
		preserves := i.ID == "us/preservation" || i.ID == "eu/epoc-pr"
		if preserves != (i.Preserves.Days > 0 && i.Preserves.Renewed > 0 && i.Preserves.Article != "") {
			t.Errorf("%s: preserves %+v", i.ID, i.Preserves)
		}
		if i.Produces == preserves || i.Compels != (i.ID != "us/emergency") {
			t.Errorf("%s: produces %v, compels %v", i.ID, i.Produces, i.Compels)
		}
	}
	if _, ok := law.Lookup("us/writ-of-assistance"); ok {
		t.Error("an unknown instrument was found")
	}
	for _, r := range law.Reasons() {
		if says, ok := law.Says(r.Code); !ok || says == "" || !strings.HasSuffix(says, ".") {
			t.Errorf("reason %s says %q", r.Code, says)
		}
	}
}
