// Package replay reads a table of totals that somebody published, says which of
// its rows a ledger could never publish and why, plans the ledgers that count
// the others, and compares what these published with the table. It makes no
// demand, touches no file and knows no clock. What a row may say follows from
// package law and spec/report.md.
package replay

import (
	"fmt"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// Row is one total of a table: a number, or a band with the number in it that
// is counted.
type Row struct {
	Line   int
	Period law.Period
	Sheet  string
	Field  string
	Low    uint64
	High   uint64 // as Low, if the row is a number
	Actual uint64 // what is counted

	banded    bool
	structure law.Structure // of a row of 50 U.S.C. § 1874
	answers   law.Row       // in it
}

// Class is the ledger that the row is counted in.
func (r Row) Class() ledger.Class {
	if r.structure.ID != "" {
		return ledger.Restricted
	}
	return ledger.Public
}

// Said is what the row says, as the table writes it.
func (r Row) Said() string {
	if r.banded {
		return fmt.Sprintf("%d-%d", r.Low, r.High)
	}
	return fmt.Sprint(r.Low)
}

// Name is the row without what it says.
func (r Row) Name() string { return fmt.Sprintf("%s %s %s", r.Period, r.Sheet, r.Field) }

// Remark is what there is to say of a line of the table.
type Remark struct {
	Line int    `json:"line"`
	Row  string `json:"row"` // the line as it stands
	Why  string `json:"why"`
	Law  string `json:"law,omitempty"` // or the rule
}

// Because is why, with the law behind it.
func (m Remark) Because() string { return (&vitrine.Refusal{Ground: m.Law, Text: m.Why}).Error() }

// Table is a table that was read: every line with a row stands in one of Rows,
// Refused and NotTotals.
type Table struct {
	Rows      []Row
	Refused   []Remark // what no ledger can publish
	NotTotals []Remark // percentages, and blanks
	Flagged   []Remark // rows that are replayed, and are strange
	Lines     int      // with a row

	periods map[ledger.Class][]law.Period // that any line names, in order
}
