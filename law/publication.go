package law

import (
	"fmt"
	"slices"

	"github.com/vitrine-project/vitrine"
)

// Structure is one of the ways in which 50 U.S.C. § 1874(a) lets a person that
// is subject to a nondisclosure requirement report national-security process
// with which it was required to comply. A period has one structure, all of its
// rows, zero or not.
type Structure struct {
	ID       string // as in a header
	Article  string
	Width    uint32    // of all its bands, the first of which begins at 0
	Cadences []Cadence // the periods it allows; the first is the usual one
	Rows     []Row
	Deferred int // days from the end of a period to news of process on a new platform; 0 if it waits no longer than others
	Source   string
	Standing Standing // of rows, bands and delays; of calendar halves see Halves
}

// Row is one number of a structure: the total of a field over sheets.
type Row struct {
	Letter  string // within the structure: "A", or "F(i)"
	Title   string
	Article string
	Field   string   // Demand or AccountField
	Table   string   // rows about the same sheets share one
	Sheets  []string // all with one layout
	Delay   int      // days from the end of the period to publication, at least
}

// Delays of 50 U.S.C. § 1874(b), in days. A year is that of (b)(3), and never
// too short.
const (
	fisaDelay = 180
	newDelay  = 540
	yearDelay = 366
)

var (
	semiannual = []Cadence{Halves, Strict180}

	noncontentSheets = []string{noncontentSheet, penSheet, recordsBSheet, recordsCSheet}
	fisaSheets       = append([]string{contentSheet}, noncontentSheets...)
)

// structures is the table.
var structures = []Structure{
	{
		ID: "us/1874-a1", Article: "50 U.S.C. § 1874(a)(1)", Width: 1000, Cadences: semiannual, Deferred: newDelay,
		Rows: slices.Concat(letters("(a)(1)"), contents("(a)(1)"), []Row{
			{"E", "orders for noncontents", "50 U.S.C. § 1874(a)(1)(E), (b)(1)(B)", Demand, noncontentSheet, []string{noncontentSheet}, fisaDelay},
			split("F(i)", "subchapter III (pen registers and trap and trace devices)", penSheet),
			split("F(ii)", "subchapter IV, applications of § 1861(b)(2)(B)", recordsBSheet),
			split("F(iii)", "subchapter IV, applications of § 1861(b)(2)(C)", recordsCSheet),
		}),
		Source: "50 U.S.C. § 1874(a)(1), (b)(1)", Standing: ReadInText,
	},
	{
		ID: "us/1874-a2", Article: "50 U.S.C. § 1874(a)(2)", Width: 500, Cadences: semiannual, Deferred: newDelay,
		Rows: slices.Concat(letters("(a)(2)"), contents("(a)(2)"), []Row{
			{"E", "orders for noncontents", "50 U.S.C. § 1874(a)(2)(E), (b)(1)(B)", Demand, noncontentSheet, noncontentSheets, fisaDelay},
			{"F", "customer selectors targeted under orders for noncontents", "50 U.S.C. § 1874(a)(2)(F), (b)(1)(B)", AccountField, noncontentSheet, noncontentSheets, fisaDelay},
		}),
		Source: "50 U.S.C. § 1874(a)(2), (b)(1)", Standing: ReadInText,
	},
	{
		ID: "us/1874-a3", Article: "50 U.S.C. § 1874(a)(3)", Width: 250, Cadences: semiannual,
		Rows:   combined("(a)(3)", "(b)(2)", 0),
		Source: "50 U.S.C. § 1874(a)(3), (b)(2)", Standing: ReadInText,
	},
	{
		ID: "us/1874-a4", Article: "50 U.S.C. § 1874(a)(4)", Width: 100, Cadences: []Cadence{Years},
		Rows:   combined("(a)(4)", "(b)(3)", yearDelay),
		Source: "50 U.S.C. § 1874(a)(4), (b)(3)", Standing: ReadInText,
	},
}

// letters are the rows of national security letters.
func letters(a string) []Row {
	return []Row{
		{"A", "national security letters received", "50 U.S.C. § 1874" + a + "(A), (b)(1)(A)", Demand, nslSheet, []string{nslSheet}, 0},
		{"B", "customer selectors targeted by national security letters", "50 U.S.C. § 1874" + a + "(B), (b)(1)(A)", AccountField, nslSheet, []string{nslSheet}, 0},
	}
}

// contents are the rows of FISA orders and directives for contents.
func contents(a string) []Row {
	return []Row{
		{"C", "orders or directives for contents, combined", "50 U.S.C. § 1874" + a + "(C), (b)(1)(B)", Demand, contentSheet, []string{contentSheet}, fisaDelay},
		{"D", "customer selectors targeted under orders or directives for contents, combined", "50 U.S.C. § 1874" + a + "(D), (b)(1)(B)", AccountField, contentSheet, []string{contentSheet}, fisaDelay},
	}
}

// split is one of the three rows into which (a)(1)(F) splits selectors.
func split(letter, provision, sheet string) Row {
	return Row{letter, "customer selectors targeted under orders for noncontents, " + provision, "50 U.S.C. § 1874(a)(1)(" + letter[:1] + ")" + letter[1:] + ", (b)(1)(B)", AccountField, sheet, []string{sheet}, fisaDelay}
}

// combined are the two rows of all process together. Process on new platforms is
// in them from the first: the exception of (b)(1)(B) is not repeated in (b)(2)
// and (3). That is how the text reads; counsel may hold otherwise.
func combined(a, b string, delay int) []Row {
	all := append([]string{nslSheet}, fisaSheets...)
	for _, s := range fisaSheets {
		all = append(all, s+newSuffix)
	}
	return []Row{
		{"A", "all national security process received, combined", "50 U.S.C. § 1874" + a + "(A), " + b, Demand, string(NationalSecurity), all, delay},
		{"B", "customer selectors targeted under all national security process, combined", "50 U.S.C. § 1874" + a + "(B), " + b, AccountField, string(NationalSecurity), all, delay},
	}
}

// LookupStructure returns the structure of that id.
func LookupStructure(id string) (Structure, bool) {
	i := slices.IndexFunc(structures, func(s Structure) bool { return s.ID == id })
	if i < 0 {
		return Structure{}, false
	}
	return structures[i].copy(), true
}

// Structures lists all of them, in the order of the law.
func Structures() []Structure {
	all := slices.Clone(structures)
	for i := range all {
		all[i] = all[i].copy()
	}
	return all
}

func (s Structure) copy() Structure {
	s.Cadences = slices.Clone(s.Cadences)
	s.Rows = slices.Clone(s.Rows)
	for i := range s.Rows {
		s.Rows[i].Sheets = slices.Clone(s.Rows[i].Sheets)
	}
	return s
}

// Closing is the structure for a period after which another one is chosen, or
// its rules change. Process on new platforms is in the rows of its own period,
// and these wait 540 days with it, so that no cell is left for a later report
// of this structure. It keeps its id; only structures (1) and (2) change.
func (s Structure) Closing() Structure {
	s = s.copy()
	if s.Deferred == 0 {
		return s
	}
	for i, r := range s.Rows {
		if r.Delay == 0 {
			continue
		}
		for _, sheet := range r.Sheets {
			s.Rows[i].Sheets = append(s.Rows[i].Sheets, sheet+newSuffix)
		}
		s.Rows[i].Delay = s.Deferred
	}
	s.Deferred = 0
	return s
}

// rule is that of a field of a sheet: the structure's band where a row counts
// it, else hidden.
func (s Structure) rule(sheet, field string) Rule {
	for _, r := range s.Rows {
		if r.Field == field && s.feeds(r, sheet) {
			return Rule{Banded, s.Width}
		}
	}
	return Rule{Kind: Hidden}
}

// feeds reports whether a row adds up cells of the sheet, be it later.
func (s Structure) feeds(r Row, sheet string) bool {
	return slices.ContainsFunc(r.Sheets, func(name string) bool {
		return name == sheet || s.Deferred > 0 && name+newSuffix == sheet
	})
}

// CheckPeriod refuses a period that is not a full one of the structure's.
func (s Structure) CheckPeriod(p Period) error {
	if slices.ContainsFunc(s.Cadences, func(c Cadence) bool { return c.Whole(p) }) {
		return nil
	}
	return &vitrine.Refusal{Kind: vitrine.Refused, Ground: s.Article + ", (b)", Text: fmt.Sprintf("%s is not a period of this structure: want one of %v", p, s.Cadences)}
}

// CheckBand refuses bounds that are not a band of the structure.
func (s Structure) CheckBand(low, high uint64) error {
	if err := CheckBand(low, high, s.Width); err != nil {
		return &vitrine.Refusal{Kind: vitrine.Refused, Ground: s.Article, Text: err.Error()}
	}
	return nil
}
