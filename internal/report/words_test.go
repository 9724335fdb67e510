package report

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/law"
)

var verb = regexp.MustCompile(`%\[\d\]s`)

// TestLanguages compares the catalogues: the same sentences with the same
// arguments in each, and words for everything that law has.
func TestLanguages(t *testing.T) {
	for _, l := range languages {
		for key, s := range l.sentences {
			if strings.TrimSpace(s) == "" {
				t.Errorf("%s: %s is empty", l.code, key)
			}
			want, got := verb.FindAllString(english.sentences[key], -1), verb.FindAllString(s, -1)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) || strings.Count(s, "%") != len(got) {
				t.Errorf("%s: %s takes %v, in English %v", l.code, key, got, want)
			}
		}
		if missing, more := apart(english.sentences, l.sentences); len(missing)+len(more) > 0 {
			t.Errorf("%s lacks %v and has %v of its own", l.code, missing, more)
		}
		if !reflect.DeepEqual(slices.Sorted(maps.Keys(l.fields)), slices.Sorted(maps.Keys(english.fields))) {
			t.Errorf("%s has other fields", l.code)
		}
		for _, state := range law.States() {
			if l.states[state] == "" {
				t.Errorf("%s has no name for State %s", l.code, state)
			}
		}
		sheet, _ := law.SheetOf("us/subpoena", law.Structure{})
		for _, f := range sheet.Fields {
			if l.fields[f.Name].Head == "" || l.fields[f.Name].Means == "" {
				t.Errorf("%s has no words for field %s", l.code, f.Name)
			}
		}
		for _, in := range law.All() {
			if l.instruments[string(in.ID)] == "" && l != english {
				t.Errorf("%s has no name for %s", l.code, in.ID)
			}
			if l.regimes[string(in.Regime)] == "" {
				t.Errorf("%s has no name for %s", l.code, in.Regime)
			}
		}
		for _, s := range law.Structures() {
			for _, r := range s.Rows {
				if l.rows[r.Title] == "" && l != english {
					t.Errorf("%s has no words for row %q", l.code, r.Title)
				}
			}
		}
	}
}

func apart(a, b map[string]string) (missing, more []string) {
	for k := range a {
		if _, ok := b[k]; !ok {
			missing = append(missing, k)
		}
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			more = append(more, k)
		}
	}
	return missing, more
}

func TestNumbersAndDays(t *testing.T) {
	day := time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	half, _ := law.ParsePeriod("2026-H2")
	odd, _ := law.ParsePeriod("2026-03-15-180d")
	for _, c := range []struct {
		l                                   *language
		number, day, share, small, half, od string
	}{
		{english, "4,186,000", "1 February 2027", "0.0043%", "fewer than 10", "July – December 2026", "15 March 2026 – 10 September 2026"},
		{french, "4\u202f186\u202f000", "1er février 2027", "0,0043\u00a0%", "moins de 10", "juillet – décembre 2026", "15 mars 2026 – 10 septembre 2026"},
		{german, "4.186.000", "1. Februar 2027", "0,0043\u00a0%", "weniger als 10", "Juli – Dezember 2026", "15. März 2026 – 10. September 2026"},
	} {
		for got, want := range map[string]string{
			c.l.number(4186000): c.number, c.l.date(day): c.day, c.l.share(180, 4186000, false): c.share, c.l.value(value{small, 0, 9}): c.small, c.l.period(half): c.half, c.l.period(odd): c.od,
		} {
			if got != want {
				t.Errorf("%s: %q, want %q", c.l.code, got, want)
			}
		}
	}
}
