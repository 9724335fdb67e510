package law

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
)

// PublicationDays is how long after the first lawful day a table is published
// at the latest. The restricted ledger goes on for 30 days after a period, so
// that what is still disputed at its end can be settled.
const PublicationDays = 60

// Cell is a sheet in a period.
type Cell struct {
	Sheet  string `json:"sheet"`
	Period Period `json:"period"`
}

// Column is a field of a table with the row of the law that it answers. A
// hidden one answers none.
type Column struct {
	Field Field
	Row   Row
}

// Table is cells that are added up and published together, each column as its
// rule says, from NotBefore on and until Due.
type Table struct {
	Name      string // the same in every period of the structure
	Structure string
	Width     uint32
	Columns   []Column // in the order of the sheets' fields
	Cells     []Cell   // those of the period itself first
	NotBefore time.Time
	Due       time.Time
}

// Reported is a period and the structure that its header names; empty if its
// header names none, and then everything in it is hidden.
type Reported struct {
	Period    Period
	Structure string
	Closing   bool // as Structure.Closing
}

// structure is what the header of the period says.
func (r Reported) structure() (Structure, error) {
	if r.Structure == "" {
		return Structure{}, nil
	}
	s, ok := LookupStructure(r.Structure)
	if !ok {
		return s, fmt.Errorf("structure %q is not known: want one of us/1874-a1 to us/1874-a4", r.Structure)
	}
	if r.Closing {
		s = s.Closing()
	}
	return s, nil
}

// CheckReported refuses a sequence of reports that the law does not allow:
// periods with a gap or an overlap, two structures in one period, a period that
// the structure does not have, and a structure that ends while process on new
// platforms still waits for one of its reports.
func CheckReported(all []Reported) error {
	for i, r := range all {
		s, err := r.structure()
		if err != nil {
			return err
		}
		if s.ID != "" {
			if err := s.CheckPeriod(r.Period); err != nil {
				return err
			}
		}
		if i == 0 {
			continue
		}
		last := all[i-1]
		if last.Period.Equal(r.Period) && last.Structure != r.Structure {
			return &vitrine.Refusal{Kind: vitrine.Refused, Ground: "50 U.S.C. § 1874(a)", Text: fmt.Sprintf("%s is reported under %q and under %q: one structure a period", r.Period, last.Structure, r.Structure)}
		}
		if err := CheckPeriods([]Period{last.Period, r.Period}); err != nil {
			return &vitrine.Refusal{Kind: vitrine.Refused, Ground: "50 U.S.C. § 1874(a), (b)", Text: err.Error()}
		}
		if before, _ := last.structure(); before.Deferred > 0 && before.ID != s.ID {
			return &vitrine.Refusal{Kind: vitrine.Refused, Ground: before.Article + ", (b)(1)(B)", Text: fmt.Sprintf("%s ends after %s while process on new platforms waits to be reported under it: make the last period under it a closing one, or agree with the Government on another form under § 1874(c)", before.ID, last.Period)}
		}
	}
	return nil
}

// Tables lists the tables of the last of all reports of a ledger, which are in
// the order of time: for each row of its structure, the cells of its period,
// and those of earlier periods on new platforms that may now be published.
func Tables(all []Reported) ([]Table, error) {
	if err := CheckReported(all); err != nil || len(all) == 0 {
		return nil, err
	}
	now := all[len(all)-1]
	s, err := now.structure()
	if err != nil {
		return nil, err
	}
	if s.ID == "" {
		return s.unreported(now.Period), nil
	}
	var tables []Table
	for _, r := range s.Rows {
		if slices.ContainsFunc(tables, func(t Table) bool { return t.Name == r.Table }) {
			continue // the row before made it
		}
		tables = append(tables, s.table(r, now, all[:len(all)-1]))
	}
	slices.SortFunc(tables, func(a, b Table) int { return strings.Compare(a.Name, b.Name) })
	return tables, nil
}

// unreported is what a header without a structure has: one table, all hidden.
func (s Structure) unreported(p Period) []Table {
	t := Table{Name: string(NationalSecurity), NotBefore: p.To, Due: p.To.AddDate(0, 0, PublicationDays)}
	for _, sheet := range NationalSecurity.Sheets(s) {
		t.Cells = append(t.Cells, Cell{sheet.Name, p})
	}
	t.Columns = s.columns(t.Cells[0].Sheet)
	return []Table{t}
}

// table is that of a row, and of the row about the same sheets.
func (s Structure) table(r Row, now Reported, earlier []Reported) Table {
	t := Table{Name: r.Table, Structure: s.ID, Width: s.Width, Columns: s.columns(r.Sheets[0]), NotBefore: now.Period.To.AddDate(0, 0, r.Delay)}
	t.Due = t.NotBefore.AddDate(0, 0, PublicationDays)
	for _, sheet := range r.Sheets {
		t.Cells = append(t.Cells, Cell{sheet, now.Period})
	}
	if r.Delay == 0 { // national security letters have no twin
		return t
	}
	for i, e := range earlier {
		if !s.joins(e, earlier[i+1:], t.NotBefore) {
			continue
		}
		for _, sheet := range r.Sheets {
			if !strings.HasSuffix(sheet, newSuffix) {
				t.Cells = append(t.Cells, Cell{sheet + newSuffix, e.Period})
			}
		}
	}
	return t
}

// joins reports whether what e holds on new platforms is published with a table
// that is published not before that day, and not with one of those between.
func (s Structure) joins(e Reported, between []Reported, notBefore time.Time) bool {
	of, _ := e.structure()
	if of.Deferred == 0 || of.ID != s.ID {
		return false
	}
	free := e.Period.To.AddDate(0, 0, of.Deferred)
	for _, b := range between {
		if in, _ := b.structure(); !b.Period.To.AddDate(0, 0, in.fisaDelay()).Before(free) {
			return false
		}
	}
	return !notBefore.Before(free)
}

// fisaDelay is that of the rows that cells on new platforms join.
func (s Structure) fisaDelay() int {
	delay := 0
	for _, r := range s.Rows {
		delay = max(delay, r.Delay)
	}
	return delay
}

// columns are those of the tables that a sheet is in.
func (s Structure) columns(sheet string) []Column {
	of, _ := SheetOf(vitrine.InstrumentID(sheet), s)
	var all []Column
	for _, f := range of.Fields {
		c := Column{Field: f}
		for _, r := range s.Rows {
			if r.Field == f.Name && slices.Contains(r.Sheets, sheet) {
				c.Row = r
			}
		}
		all = append(all, c)
	}
	return all
}
