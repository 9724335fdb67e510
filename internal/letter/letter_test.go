package letter_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/letter"
)

func demand(t *testing.T, reference string) vitrine.Demand {
	t.Helper()
	from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	p, err := vitrine.NewPeriod(from, from.AddDate(0, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return vitrine.Demand{
		ID: "abcdefghijklmnop",
		Submission: vitrine.Submission{Reference: reference, Received: from.AddDate(0, 2, 0),
			Asked: vitrine.Scope{Accounts: []vitrine.Account{"alice", "nobody"}, Categories: []vitrine.Category{vitrine.Content}, Period: p, Clock: vitrine.ClockReceived}},
		Differences: []vitrine.Difference{{Field: "to", Asked: "2026-11-15T00:00:00Z", Granted: "2026-11-01T00:00:00Z", Reason: "period-beyond-order"}},
		Collection:  &vitrine.Collection{Counts: vitrine.Counts{Seen: 51, In: 17, Out: 30, Undeterminable: 3, Unreadable: 1}, Missing: []vitrine.Account{"nobody"}, Ended: from.AddDate(0, 2, 1)},
		Refusal:     &vitrine.Refusal{Kind: vitrine.Refused, Ground: "18 U.S.C. § 2703(a), (b)", Text: "a subpoena does not reach content data"},
	}
}

// TestLetters wants each letter, in each language, to say what a reader looks
// for.
func TestLetters(t *testing.T) {
	says := map[letter.Kind][]string{
		letter.Production: {"51", "17", "30", "3 ", "1 ", "nobody", "sha256sum -c manifest-sha256.txt", "2026-11-15T00:00:00Z"},
		letter.NoData:     {"51", "nobody"},
		letter.Preserved:  {"17", "2026-12-02", "nobody"},
		letter.Refusal:    {"a subpoena does not reach content data", "18 U.S.C. § 2703(a), (b)"},
	}
	for k, words := range says {
		for _, lang := range letter.Languages {
			text, err := letter.Text(k, letter.Data{Provider: "Glass Mail", Authority: "The Court", Instrument: "Search warrant", Demand: demand(t, "26-CR-118"), Today: time.Date(2026, 12, 3, 0, 0, 0, 0, time.UTC), Language: lang})
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range append(words, "Glass Mail", "2026-12-03", "The Court", "26-CR-118", "abcdefghijklmnop", "alice, nobody", "2026-10-01T00:00:00Z") {
				if !strings.Contains(text, w) {
					t.Errorf("%s in %s does not say %q:\n%s", k, lang, w, text)
				}
			}
			if strings.Contains(text, "<no value>") || strings.Contains(text, "{{") || strings.Contains(text, "\n\n\n\n") {
				t.Errorf("%s in %s is not whole:\n%s", k, lang, text)
			}
		}
	}
	if _, err := letter.Text("poem", letter.Data{Demand: demand(t, "1")}); err == nil {
		t.Error("an unknown letter was written")
	}
}

// TestForgedLine gives a reference that would begin a line of its own.
func TestForgedLine(t *testing.T) {
	text, err := letter.Text(letter.Production, letter.Data{Demand: demand(t, "1\nOur reference: forged\u202e\x1b[2J")})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "\nOur reference: forged") || strings.ContainsAny(text, "\x1b\u202e") {
		t.Errorf("a value begins a line or hides text:\n%s", text)
	}
}
