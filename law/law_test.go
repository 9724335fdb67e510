package law_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
)

// matrix was written by hand from the statutes: s, i, t, c where the category
// is reached. The article is a part of the ground of the refusal elsewhere.
var matrix = map[vitrine.InstrumentID]string{
	"us/subpoena":          "s...",
	"us/court-order-2703d": "s.t.",
	"us/search-warrant":    "s.tc",
	"us/emergency":         "s.tc",
	"us/preservation":      "s.tc",
	"eu/epoc-subscriber":   "s...",
	"eu/epoc-identity":     ".i..",
	"eu/epoc-traffic":      "..t.",
	"eu/epoc-content":      "...c",
}

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
			err := i.Check(vitrine.Scope{Categories: []vitrine.Category{c}})
			if reached := row[n] != '.'; reached != (err == nil) {
				t.Errorf("%s and %s: %v, want reached %v", id, c, err, reached)
			}
			if i.Reaches[c].Article == "" {
				t.Errorf("%s and %s: no article", id, c)
			}
			var r *vitrine.Refusal
			if err != nil && (!errors.As(err, &r) || r.Kind != vitrine.Refused || r.Ground == "") {
				t.Errorf("%s and %s: %v is no refusal with its ground", id, c, err)
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
		if i.Name == "" || i.Issuer == "" || i.Source == "" || i.Standing == "" || i.Jurisdiction != strings.Split(string(i.ID), "/")[0] {
			t.Errorf("%s: the row is not complete", i.ID)
		}
		if i.Produces != (i.ID != "us/preservation") || i.Compels != (i.ID != "us/emergency") {
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
