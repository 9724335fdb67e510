package law

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
)

// Class is which of a provider's ledgers counts something.
type Class string

// The classes.
const (
	Public     Class = "public"
	Restricted Class = "restricted"
)

// Regime is the body of law under which instruments are counted together. A
// ledger has all sheets of a regime or none: a new one would tell why it came.
type Regime string

// The regimes.
const (
	StoredCommunications Regime = "us/stored-communications" // 18 U.S.C. ch. 121
	NationalSecurity     Regime = "us/national-security"     // 50 U.S.C. § 1874
	EEvidence            Regime = "eu/e-evidence"            // Regulation (EU) 2023/1543
)

// Limits of a sheet, spec/ledger.md section 4.
const (
	maxFields = 8
	maxBits   = 32
	carryBits = 27 // 2^27 leaves may be added up

	smallStates = 10 // what sheets split by State show exactly from
)

// The fields of sheets.
const (
	Demand       = "demand"        // a demand with which the provider was required to comply
	AccountField = "account"       // an account that a demand specifies
	ContentField = "content"       // a demand in answer to which content was disclosed
	Noncontent   = "noncontent"    // one in answer to which only other data was disclosed
	NoData       = "nodata"        // one for which there was nothing to disclose
	Rejected     = "rejected"      // one that was refused
	Voided       = "voided"        // one that turned out to be no demand after it was counted
	BulkAccounts = "bulk_accounts" // the accounts of a demand that specifies very many
)

// Field is one number that a sheet counts, so many bits a leaf, and the rule
// for publishing the total.
type Field struct {
	Name string
	Bits int
	Rule Rule
}

// Sheet is what the facts of one instrument are counted on. Cells of a sheet
// that Joins another one are published in a table of that one, Deferred days or
// more after the end of their own period.
type Sheet struct {
	Name     string
	Class    Class
	Regime   Regime
	Fields   []Field
	Deferred int
	Joins    string
}

// SheetOf returns the sheet that has the instrument's id for a name. Structure
// gives the rules of national-security sheets; the zero Structure hides all.
// The other sheets do not depend on it.
func SheetOf(id vitrine.InstrumentID, s Structure) (Sheet, bool) {
	i, ok := Lookup(id)
	if !ok {
		return Sheet{}, false
	}
	sheet := Sheet{Name: string(id), Class: i.Class, Regime: i.Regime}
	if i.Class == Restricted {
		for _, name := range []string{Demand, AccountField} {
			sheet.Fields = append(sheet.Fields, Field{name, 1, s.rule(sheet.Name, name)})
		}
		if twin, isNew := strings.CutSuffix(sheet.Name, newSuffix); isNew && s.Deferred > 0 {
			sheet.Deferred, sheet.Joins = s.Deferred, twin
		}
		return sheet, true
	}
	for _, name := range []string{Demand, AccountField, ContentField, Noncontent, NoData, Rejected, Voided} {
		sheet.Fields = append(sheet.Fields, Field{name, 1, Rule{Kind: Exact}})
	}
	sheet.Fields = append(sheet.Fields, Field{BulkAccounts, 16, Rule{Kind: Exact}})
	return sheet, true
}

// Sheets lists all sheets of a regime by name: a ledger has all of them from
// its first header on.
func (r Regime) Sheets(s Structure) []Sheet {
	var all []Sheet
	for _, i := range instruments {
		if i.Regime == r {
			sheet, _ := SheetOf(i.ID, s)
			all = append(all, sheet)
		}
	}
	slices.SortFunc(all, func(a, b Sheet) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// CountsOn is the sheet on which a fact of that field is counted. Only accounts
// of FISA orders for noncontents are counted on another sheet than the demand.
func (i Instrument) CountsOn(field string) string {
	switch {
	case field == AccountField && i.AccountSheet != "":
		return i.AccountSheet
	case i.Sheet != "":
		return i.Sheet
	}
	return string(i.ID)
}

// states are the Member States that Regulation (EU) 2023/1543 binds: all but
// Denmark (recitals 100, 101).
var states = []string{
	"at", "be", "bg", "cy", "cz", "de", "ee", "es", "fi", "fr", "gr", "hr", "hu",
	"ie", "it", "lt", "lu", "lv", "mt", "nl", "pl", "pt", "ro", "se", "si", "sk",
}

// States lists the issuing States of Regulation (EU) 2023/1543.
func States() []string { return slices.Clone(states) }

// ByState splits a sheet of the regime by issuing State, as Art. 28(4) of
// Regulation (EU) 2023/1543 counts: a sheet a State, named eu/epoc-content/de
// and so on, all of them or none. Numbers below 10 are shown as such: one
// demand in a small State could be known for whose it is.
func (s Sheet) ByState() ([]Sheet, error) {
	if s.Regime != EEvidence || strings.Count(s.Name, "/") != 1 {
		return nil, fmt.Errorf("sheet %s is not split by State: only those of %s are, once", s.Name, EEvidence)
	}
	var all []Sheet
	for _, state := range states {
		part := s
		part.Name += "/" + state
		part.Fields = slices.Clone(s.Fields)
		for k := range part.Fields {
			part.Fields[k].Rule = Rule{Small, smallStates}
		}
		all = append(all, part)
	}
	return all, nil
}

var (
	sheetName = regexp.MustCompile(`^[a-z0-9/-]{1,64}$`)
	fieldName = regexp.MustCompile(`^[a-z0-9/_-]{1,64}$`)
)

// Check refuses a sheet that no ledger may have.
func (s Sheet) Check() error {
	switch {
	case !sheetName.MatchString(s.Name):
		return fmt.Errorf("sheet name %q: want 1 to 64 of a-z, 0-9, - and /", s.Name)
	case s.Class != Public && s.Class != Restricted:
		return fmt.Errorf("sheet %s is of class %q: want %s or %s", s.Name, s.Class, Public, Restricted)
	case len(s.Fields) < 1 || len(s.Fields) > maxFields:
		return fmt.Errorf("sheet %s has %d fields: want 1 to %d", s.Name, len(s.Fields), maxFields)
	case (s.Deferred > 0) != (s.Joins != "") || s.Deferred < 0:
		return fmt.Errorf("sheet %s: deferred days and the sheet that it joins stand together", s.Name)
	}
	return s.checkFields()
}

func (s Sheet) checkFields() error {
	bits, banded, open := 0, false, false
	for i, f := range s.Fields {
		switch {
		case !fieldName.MatchString(f.Name) || slices.ContainsFunc(s.Fields[:i], func(g Field) bool { return g.Name == f.Name }):
			return fmt.Errorf("sheet %s: field name %q is malformed, or there twice", s.Name, f.Name)
		case f.Bits < 1 || f.Bits > maxBits:
			return fmt.Errorf("sheet %s: field %s has %d bits: want 1 to %d", s.Name, f.Name, f.Bits, maxBits)
		case f.Rule.Check() != nil:
			return fmt.Errorf("sheet %s: field %s: %w", s.Name, f.Name, f.Rule.Check())
		case uint64(f.Rule.N) > 1<<(f.Bits+carryBits):
			return fmt.Errorf("sheet %s: rule %s is wider than field %s", s.Name, f.Rule, f.Name)
		}
		bits += f.Bits
		banded = banded || f.Rule.Kind == Banded
		open = open || f.Rule.Kind == Exact || f.Rule.Kind == Small
	}
	if bits > maxBits {
		return fmt.Errorf("sheet %s: its fields have %d bits together: want at most %d", s.Name, bits, maxBits)
	}
	if banded && open {
		return fmt.Errorf("sheet %s has a field with a band beside one that is shown: all have bands or are hidden", s.Name)
	}
	return nil
}
