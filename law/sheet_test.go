package law_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
)

// layout writes a sheet's fields.
func layout(s law.Sheet) string {
	var parts []string
	for _, f := range s.Fields {
		parts = append(parts, fmt.Sprintf("%s/%d/%s", f.Name, f.Bits, f.Rule))
	}
	return strings.Join(parts, " ")
}

const (
	ordinary = "demand/1/exact account/1/exact content/1/exact noncontent/1/exact nodata/1/exact rejected/1/exact voided/1/exact bulk_accounts/16/exact"
	byState  = "demand/1/small:10 account/1/small:10 content/1/small:10 noncontent/1/small:10 nodata/1/small:10 rejected/1/small:10 voided/1/small:10 bulk_accounts/16/small:10"
)

var regimes = map[law.Regime][]string{
	law.StoredCommunications: {"us/court-order-2703d", "us/emergency", "us/preservation", "us/search-warrant", "us/subpoena"},
	law.EEvidence:            {"eu/epoc-content", "eu/epoc-identity", "eu/epoc-pr", "eu/epoc-subscriber", "eu/epoc-traffic"},
	law.NationalSecurity: {
		"us/fisa-content", "us/fisa-content-new", "us/fisa-noncontent", "us/fisa-noncontent-new", "us/fisa-prtt", "us/fisa-prtt-new",
		"us/fisa-records-b", "us/fisa-records-b-new", "us/fisa-records-c", "us/fisa-records-c-new", "us/nsl",
	},
}

// everything lists each structure, closing or not, and the one that hides all.
func everything() []law.Structure {
	all := []law.Structure{{}}
	for _, s := range law.Structures() {
		all = append(all, s, s.Closing())
	}
	return all
}

func TestSheets(t *testing.T) {
	count := 0
	for regime, want := range regimes {
		for _, s := range everything() {
			var names []string
			for _, sheet := range regime.Sheets(s) {
				names = append(names, sheet.Name)
				if err := sheet.Check(); err != nil {
					t.Errorf("%s: %v", s.ID, err)
				}
				if sheet.Regime != regime || (sheet.Class == law.Restricted) != (regime == law.NationalSecurity) {
					t.Errorf("%s is of %s and %s", sheet.Name, sheet.Regime, sheet.Class)
				}
				if regime != law.NationalSecurity && layout(sheet) != ordinary {
					t.Errorf("%s: %s", sheet.Name, layout(sheet))
				}
			}
			if !slices.Equal(names, want) {
				t.Errorf("%s with %q has the sheets %v", regime, s.ID, names)
			}
		}
		count += len(want)
	}
	if count != len(law.All()) {
		t.Errorf("%d sheets, %d instruments", count, len(law.All()))
	}
	if s, ok := law.SheetOf("us/writ-of-assistance", law.Structure{}); ok {
		t.Errorf("an unknown instrument has the sheet %v", s)
	}
}

// securityRules are demand and account of each sheet under each structure, by hand.
var securityRules = map[string]map[string]string{
	"": {"*": "demand/1/hidden account/1/hidden"},
	"us/1874-a1": {
		"us/nsl": "demand/1/band:1000 account/1/band:1000", "us/fisa-content": "demand/1/band:1000 account/1/band:1000",
		"us/fisa-noncontent": "demand/1/band:1000 account/1/hidden", // row E
		"*":                  "demand/1/hidden account/1/band:1000", // rows F(i) to F(iii)
	},
	"us/1874-a2": {"*": "demand/1/band:500 account/1/band:500"},
	"us/1874-a3": {"*": "demand/1/band:250 account/1/band:250"},
	"us/1874-a4": {"*": "demand/1/band:100 account/1/band:100"},
}

func TestSecuritySheets(t *testing.T) {
	for _, s := range everything() {
		for _, sheet := range law.NationalSecurity.Sheets(s) {
			twin, isNew := strings.CutSuffix(sheet.Name, "-new")
			want, ok := securityRules[s.ID][twin]
			if !ok {
				want = securityRules[s.ID]["*"]
			}
			if layout(sheet) != want {
				t.Errorf("%s under %q: %s, want %s", sheet.Name, s.ID, layout(sheet), want)
			}
			waits := isNew && s.Deferred > 0
			if waits && (sheet.Deferred != 540 || sheet.Joins != twin) || !waits && (sheet.Deferred != 0 || sheet.Joins != "") {
				t.Errorf("%s under %q joins %q after %d days", sheet.Name, s.ID, sheet.Joins, sheet.Deferred)
			}
		}
	}
}

func TestCountsOn(t *testing.T) {
	for id, want := range map[vitrine.InstrumentID][2]string{ // demand and account
		"us/search-warrant":     {"us/search-warrant", "us/search-warrant"},
		"eu/epoc-content":       {"eu/epoc-content", "eu/epoc-content"},
		"us/nsl":                {"us/nsl", "us/nsl"},
		"us/fisa-content":       {"us/fisa-content", "us/fisa-content"},
		"us/fisa-content-new":   {"us/fisa-content-new", "us/fisa-content-new"},
		"us/fisa-noncontent":    {"us/fisa-noncontent", "us/fisa-noncontent"},
		"us/fisa-prtt":          {"us/fisa-noncontent", "us/fisa-prtt"},
		"us/fisa-prtt-new":      {"us/fisa-noncontent-new", "us/fisa-prtt-new"},
		"us/fisa-records-b":     {"us/fisa-noncontent", "us/fisa-records-b"},
		"us/fisa-records-c-new": {"us/fisa-noncontent-new", "us/fisa-records-c-new"},
	} {
		i, _ := law.Lookup(id)
		if i.CountsOn(law.Demand) != want[0] || i.CountsOn(law.AccountField) != want[1] || i.CountsOn(law.Rejected) != want[0] {
			t.Errorf("%s counts on %s and %s", id, i.CountsOn(law.Demand), i.CountsOn(law.AccountField))
		}
	}
	for _, i := range law.All() {
		for _, field := range []string{law.Demand, law.AccountField} {
			of, ok := law.Lookup(vitrine.InstrumentID(i.CountsOn(field)))
			if !ok || of.Regime != i.Regime || strings.HasSuffix(string(of.ID), "-new") != strings.HasSuffix(string(i.ID), "-new") {
				t.Errorf("%s of %s is counted on %q", field, i.ID, i.CountsOn(field))
			}
		}
	}
}

func TestByState(t *testing.T) {
	whole, _ := law.SheetOf("eu/epoc-content", law.Structure{})
	parts, err := whole.ByState()
	if err != nil || len(parts) != 26 || len(law.States()) != 26 { // 27 without Denmark
		t.Fatalf("%d sheets, %v", len(parts), err)
	}
	for i, p := range parts {
		if p.Name != "eu/epoc-content/"+law.States()[i] || layout(p) != byState || p.Check() != nil || p.Name == "eu/epoc-content/dk" {
			t.Errorf("%s: %s, %v", p.Name, layout(p), p.Check())
		}
	}
	if layout(whole) != ordinary {
		t.Error("splitting a sheet changed it")
	}
	if _, err := parts[0].ByState(); err == nil {
		t.Error("a part was split again")
	}
	nsl, _ := law.SheetOf("us/nsl", law.Structure{})
	if _, err := nsl.ByState(); err == nil {
		t.Error("national security letters were split by State")
	}
}

func TestSheetCheck(t *testing.T) {
	good := func() law.Sheet {
		s, _ := law.SheetOf("us/search-warrant", law.Structure{})
		return s
	}
	for name, spoil := range map[string]func(*law.Sheet){
		"no name":    func(s *law.Sheet) { s.Name = "" },
		"upper case": func(s *law.Sheet) { s.Name = "us/NSL" },
		"long name":  func(s *law.Sheet) { s.Name = strings.Repeat("a", 65) },
		"no class":   func(s *law.Sheet) { s.Class = "" },
		"no fields":  func(s *law.Sheet) { s.Fields = nil },
		"nine fields": func(s *law.Sheet) {
			s.Fields = append(s.Fields, law.Field{Name: "x", Bits: 1, Rule: law.Rule{Kind: law.Exact}})
		},
		"33 bits":            func(s *law.Sheet) { s.Fields[7].Bits = 26 },
		"no bits":            func(s *law.Sheet) { s.Fields[0].Bits = 0 },
		"field twice":        func(s *law.Sheet) { s.Fields[1].Name = "demand" },
		"field name":         func(s *law.Sheet) { s.Fields[1].Name = "an account" },
		"no rule":            func(s *law.Sheet) { s.Fields[1].Rule = law.Rule{} },
		"band beside exact":  func(s *law.Sheet) { s.Fields[1].Rule = law.Rule{Kind: law.Banded, N: 250} },
		"joins without days": func(s *law.Sheet) { s.Joins = "us/nsl" },
		"days without sheet": func(s *law.Sheet) { s.Deferred = 540 },
		"negative days":      func(s *law.Sheet) { s.Deferred = -1 },
	} {
		s := good()
		spoil(&s)
		if s.Check() == nil {
			t.Errorf("%s: nothing is wrong with it", name)
		}
	}
	edge := good()
	edge.Fields[7].Bits = 25 // 32 in all
	edge.Fields[7].Rule = law.Rule{Kind: law.Hidden}
	if err := edge.Check(); err != nil {
		t.Error(err)
	}
}
