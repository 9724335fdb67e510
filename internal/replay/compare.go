package replay

import (
	"fmt"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// Result is a row beside what was published of it.
type Result struct {
	Line      int    `json:"line"`
	Period    string `json:"period"`
	Sheet     string `json:"sheet"`
	Field     string `json:"field"`
	Said      string `json:"said"`
	Published string `json:"published"` // "" if nothing was
	In        string `json:"in"`        // the field in which it was published
	Report    string `json:"report"`
	Proof     string `json:"proof"` // of what kind
	Equal     bool   `json:"equal"`
}

// Compare reads each row back from what an audit accepted.
func (t *Table) Compare(v *ledger.Verdict) []Result {
	list := []Result{}
	for _, r := range t.Rows {
		list = append(list, r.compare(v))
	}
	return list
}

func (r Row) compare(v *ledger.Verdict) Result {
	out := Result{Line: r.Line, Period: r.Period.Name(), Sheet: r.Sheet, Field: r.Field, Said: r.Said()}
	row, report := r.find(v)
	if row == nil {
		return out
	}
	out.Report = report
	total := field(row, r.Field)
	out.In = r.Field
	if bulk := field(row, law.BulkAccounts); r.Field == law.AccountField && bulk != nil && totalOf(bulk) > 0 && totalOf(total) == 0 {
		total, out.In = bulk, law.BulkAccounts
	}
	switch {
	case total == nil:
		return out
	case total.Total != nil:
		out.Published, out.Proof = fmt.Sprint(*total.Total), "exact"
		out.Equal = !r.banded && *total.Total == r.Low
	case total.Low != nil && total.Width != nil:
		out.Published, out.Proof = fmt.Sprintf("%d-%d", *total.Low, *total.Low+*total.Width-1), "range"
		out.Equal = out.Published == r.Said()
	default:
		out.Published, out.Proof = "hidden", "range"
	}
	return out
}

// find returns the table of the row, and the report that has it. A table stands
// in one report.
func (r Row) find(v *ledger.Verdict) (*ledger.Row, string) {
	for _, report := range v.Reports {
		for i, row := range report.Statement.Tables {
			if row.Class != r.Class() || row.Name != r.Sheet {
				continue
			}
			at := slices.IndexFunc(v.Ledgers, func(l ledger.Ledger) bool { return l.Class == row.Class })
			if at < 0 || row.Header >= uint64(len(v.Ledgers[at].Chain)) {
				continue
			}
			if h := v.Ledgers[at].Chain[row.Header]; r.Period.Equal(law.Period{From: instant(h.From), To: instant(h.To)}) {
				return &report.Statement.Tables[i], report.Statement.Name
			}
		}
	}
	return nil, ""
}

func instant(t uint64) time.Time { return time.Unix(int64(t), 0).UTC() }

func field(row *ledger.Row, name string) *ledger.Total {
	i := slices.IndexFunc(row.Fields, func(t ledger.Total) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return &row.Fields[i]
}

// totalOf is the number that is published of a field, 0 if there is none.
func totalOf(t *ledger.Total) uint64 {
	if t == nil || t.Total == nil {
		return 0
	}
	return *t.Total
}
