package law_test

import (
	"encoding/csv"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/law"
)

func TestBand(t *testing.T) {
	for _, c := range []struct {
		n         uint64
		width     uint32
		low, high uint64
	}{
		{0, 1000, 0, 999}, {999, 1000, 0, 999}, {1000, 1000, 1000, 1999}, {1001, 1000, 1000, 1999},
		{0, 500, 0, 499}, {499, 500, 0, 499}, {500, 500, 500, 999}, {12345, 500, 12000, 12499},
		{0, 250, 0, 249}, {249, 250, 0, 249}, {250, 250, 250, 499}, {2100, 250, 2000, 2249},
		{0, 100, 0, 99}, {99, 100, 0, 99}, {100, 100, 100, 199}, {7, 1, 7, 7},
	} {
		if err := law.CheckBand(c.low, c.high, c.width); err != nil || c.n < c.low || c.n > c.high {
			t.Errorf("%d in bands of %d: %d-%d, %v", c.n, c.width, c.low, c.high, err)
		}
	}
}

// TestOneBand finds the band of a number by trying all bounds around it.
func TestOneBand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.Uint32Range(1, 40).Draw(t, "width")
		n := rapid.Uint64Range(0, 2000).Draw(t, "n")
		low := n - n%uint64(width)
		high := low + uint64(width) - 1
		found := 0
		for a := max(n, 50) - 50; a <= n; a++ {
			for b := n; b < n+50; b++ {
				if law.CheckBand(a, b, width) == nil {
					found++
					if a != low || b != high {
						t.Fatalf("%d lies in %d-%d and in %d-%d", n, a, b, low, high)
					}
				}
			}
		}
		if found != 1 {
			t.Fatalf("%d lies in %d bands of %d", n, found, width)
		}
	})
}

// wrong are bounds that reports must not have, and what is wrong with them.
var wrong = []struct {
	text  string
	width uint32
	says  string
}{
	{"0-250", 250, "does not hold 250 numbers: the first band of this width is 0-249"},
	{"1-250", 250, "does not begin at a multiple of 250"},
	{"100-349", 250, "does not begin at a multiple of 250"},
	{"0-499", 250, "does not hold 250 numbers"},
	{"500-999", 250, "does not hold 250 numbers"},
	{"0-249", 500, "does not hold 500 numbers"},
	{"250-749", 500, "does not begin at a multiple of 500"},
	{"1-999", 1000, "does not hold 1000 numbers"},
	{"0-1000", 1000, "does not hold 1000 numbers"},
	{"0-99", 1000, "does not hold 1000 numbers"},
	{"100-200", 100, "does not hold 100 numbers"},
	{"999-0", 1000, "upper end is below"},
	{"5-5", 250, "does not hold 250 numbers"},
	{"0-0", 0, "a band has a width"},
	{"exact numbers up to 250", 250, "is not a band"},
	{"0–249", 250, "is not a band"},
	{"0 - 249", 250, "is not a band"},
	{"00-249", 250, "is not a band"},
	{"0-249 ", 250, "is not a band"},
	{"249", 250, "is not a band"},
	{"-249", 250, "is not a band"},
	{"0-", 250, "is not a band"},
	{"0-249-499", 250, "is not a band"},
	{"<250", 250, "is not a band"},
	{"1,000-1,999", 1000, "is not a band"},
	{"-250--1", 250, "is not a band"},
	{"9223372036854775808-9223372036854776057", 250, "is not a band"},
}

func TestWrongBands(t *testing.T) {
	for _, w := range wrong {
		low, high, err := law.ParseBand(w.text)
		if err == nil {
			err = law.CheckBand(low, high, w.width)
		}
		if err == nil || !strings.Contains(err.Error(), w.says) {
			t.Errorf("%q in bands of %d: %v, want %q", w.text, w.width, err, w.says)
		}
	}
	if law.CheckBand(math.MaxUint64-5, 4, 10) == nil {
		t.Error("a band goes over the end of the numbers")
	}
	a3, _ := law.LookupStructure("us/1874-a3")
	var r *vitrine.Refusal
	if err := a3.CheckBand(0, 499); !errors.As(err, &r) || r.Ground != "50 U.S.C. § 1874(a)(3)" {
		t.Errorf("0-499 under (a)(3): %v", err)
	}
	if err := a3.CheckBand(2000, 2249); err != nil {
		t.Error(err)
	}
}

// refusedBands are those of the published file that no tool may accept. There are none:
// who reports under (a)(3) got every one right.
var refusedBands = map[string]string{}

// TestPublishedBands reads the bands that a provider published under (a)(3).
func TestPublishedBands(t *testing.T) {
	f, err := os.Open(need.Shared(t, "github-transparency/data/requests_to_disclose_user_information/national_security_letters_and_orders.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	half := map[string]string{"Jan-Jun": "-H1", "Jul-Dec": "-H2"}
	var all []law.Reported
	kinds := map[string]int{}
	for i := len(rows) - 1; i > 0; i-- { // the newest stand first
		year, months, kind, band := rows[i][0], rows[i][1], rows[i][2], rows[i][3]
		kinds[kind]++
		low, high, err := law.ParseBand(band)
		if err == nil {
			err = law.CheckBand(low, high, 250)
		}
		if _, refused := refusedBands[band]; refused != (err != nil) {
			t.Errorf("%s %s, %s: %s: %v", year, months, kind, band, err)
		}
		if law.CheckBand(low, high, 1000) == nil || law.CheckBand(low, high, 100) == nil {
			t.Errorf("%s is also a band of another width", band)
		}
		if p := period(t, year+half[months]); len(all) == 0 || all[len(all)-1].Period != p {
			all = append(all, law.Reported{Period: p, Structure: "us/1874-a3"})
		}
	}
	if len(kinds) != 2 || kinds["Affected accounts"] != 24 || kinds["National security letters and orders received"] != 24 || len(all) != 24 {
		t.Errorf("%v in %d periods: the file is not the one that was looked at", kinds, len(all))
	}
	if err := law.CheckReported(all); err != nil {
		t.Error(err)
	}
	for i := 1; i < len(all)-1; i++ {
		gap := append(append([]law.Reported{}, all[:i]...), all[i+1:]...)
		if err := law.CheckReported(gap); err == nil || !strings.Contains(err.Error(), all[i].Period.Name()+" is missing") {
			t.Errorf("without %s: %v", all[i].Period, err)
		}
	}
}

// TestMissingHalf reads a published file from which a half-year is missing.
func TestMissingHalf(t *testing.T) {
	f, err := os.Open(need.Shared(t, "github-transparency/data/requests_to_disclose_user_information/by_calendar_year_half/requests_received_and_disclosed_by_calendar_year_half.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []law.Period
	for i := len(rows) - 1; i > 0; i-- {
		if p := period(t, rows[i][0]+"-H"+rows[i][1]); len(all) == 0 || all[len(all)-1] != p {
			all = append(all, p)
		}
	}
	if err := law.CheckPeriods(all); err == nil || !strings.Contains(err.Error(), "2024-H2 is missing between 2024-H1 and 2025-H1") {
		t.Errorf("%v: %v", all, err)
	}
}

func FuzzParseBand(f *testing.F) {
	for _, w := range wrong {
		f.Add(w.text)
	}
	f.Add("750-999")
	f.Fuzz(func(t *testing.T, s string) {
		low, high, err := law.ParseBand(s)
		if err != nil {
			return
		}
		a, b, _ := strings.Cut(s, "-")
		for _, number := range []string{a, b} {
			if strings.Trim(number, "0123456789") != "" || number == "" || number[0] == '0' && number != "0" {
				t.Errorf("%q was read as %d and %d", s, low, high)
			}
		}
	})
}
