package replay

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// check compares the lines with one another, and sorts them.
func check(lines []line) *Table {
	twice(lines)
	contradictions(lines)
	t := &Table{Lines: len(lines), periods: map[ledger.Class][]law.Period{}}
	for _, class := range []ledger.Class{ledger.Public, ledger.Restricted} {
		t.periods[class] = sequence(lines, class)
		gaps(lines, class, t.periods[class])
	}
	for _, l := range lines {
		about := Remark{Line: l.Line, Row: l.text}
		switch {
		case l.why != nil:
			about.Why, about.Law = l.why.Text, l.why.Ground
			t.Refused = append(t.Refused, about)
		case l.blank != "":
			about.Why = l.blank
			t.NotTotals = append(t.NotTotals, about)
		default:
			t.Rows = append(t.Rows, l.Row)
			if about.Why = l.flag; l.flag != "" {
				t.Flagged = append(t.Flagged, about)
			}
		}
	}
	return t
}

// good are the lines that still are rows, by what key says of them.
func good(lines []line, key func(*line) string) map[string][]*line {
	all := map[string][]*line{}
	for i := range lines {
		if l := &lines[i]; l.why == nil && l.blank == "" {
			all[key(l)] = append(all[key(l)], l)
		}
	}
	return all
}

// twice refuses every row of which there is another: which of them is right,
// the table does not say.
func twice(lines []line) {
	for _, same := range good(lines, func(l *line) string { return l.Name() }) {
		for _, l := range same {
			if len(same) > 1 {
				l.refuse("", "%s is there %d times, in lines %s: keep one", l.Name(), len(same), numbers(same))
			}
		}
	}
}

func numbers(lines []*line) string {
	var all []string
	for _, l := range lines {
		all = append(all, fmt.Sprint(l.Line))
	}
	return strings.Join(all, ", ")
}

// contradictions refuses all rows of a sheet in a period that cannot be true
// together.
func contradictions(lines []line) {
	for _, group := range good(lines, func(l *line) string { return string(l.Class()) + l.Period.Name() + " " + l.Sheet }) {
		if group[0].Class() == ledger.Restricted {
			continue // bands that the law does not compare
		}
		of := map[string]*line{}
		for _, l := range group {
			of[l.Field] = l
		}
		if ground, why := contradiction(of); why != "" {
			for _, l := range group {
				l.refuse(ground, "%s", why)
			}
		}
		if a, d := of[law.AccountField], of[law.Demand]; a != nil && d != nil && a.Actual < d.Actual {
			a.strange("%d accounts are fewer than the %d demands that specify them", a.Actual, d.Actual)
		}
	}
}

// contradiction says why the rows of a sheet in a period cannot all be true.
func contradiction(of map[string]*line) (rule, why string) {
	value := func(field string) uint64 {
		if l := of[field]; l != nil {
			return l.Actual
		}
		return 0
	}
	demands, accounts := of[law.Demand], value(law.AccountField)
	disclosed := value(law.ContentField) + value(law.Noncontent)
	switch {
	case demands == nil:
		for _, outcome := range countable[2:] {
			if of[outcome] != nil {
				return "disclosed ≤ received", fmt.Sprintf("%s is what became of demands, and there is no row that says how many were received", outcome)
			}
		}
		if accounts >= maxTotal {
			return "", fmt.Sprintf("%d accounts are more than a replay counts without a row of demands: at most %d", accounts, maxTotal)
		}
		return "", ""
	case disclosed > demands.Actual:
		return "disclosed ≤ received", fmt.Sprintf("data was disclosed in answer to %d demands, and %d were received", disclosed, demands.Actual)
	case accounts > 0 && demands.Actual == 0:
		return "", fmt.Sprintf("%d accounts, and no demand that specifies them", accounts)
	case accounts > demands.Actual*maxBulk:
		return "", fmt.Sprintf("%d accounts are more than %d demands can hold: %d each", accounts, demands.Actual, maxBulk)
	}
	for _, outcome := range []string{law.NoData, law.Rejected, law.Voided} {
		if n := value(outcome); n > demands.Actual {
			return "disclosed ≤ received", fmt.Sprintf("%d demands are %s, and %d were received", n, outcome, demands.Actual)
		}
	}
	return "", ""
}

// sequence refuses all rows of a ledger whose periods do not follow one another,
// or that the law does not let one publish in a row. It returns the periods.
func sequence(lines []line, class ledger.Class) []law.Period {
	mine := func(l *line) bool {
		return l.named && (class == ledger.Restricted) == restricted(l.Sheet)
	}
	var periods []law.Period
	for i := range lines {
		if l := &lines[i]; mine(l) && !slices.ContainsFunc(periods, l.Period.Equal) {
			periods = append(periods, l.Period)
		}
	}
	slices.SortFunc(periods, func(a, b law.Period) int {
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		return a.To.Compare(b.To)
	})
	err := law.CheckPeriods(periods)
	if err == nil && class == ledger.Restricted {
		err = law.CheckReported(reported(lines, periods))
	}
	for i := range lines {
		if l := &lines[i]; err != nil && mine(l) && l.blank == "" {
			l.because(sequenceError(err))
		}
	}
	return periods
}

func sequenceError(err error) error {
	var r *vitrine.Refusal
	if errors.As(err, &r) {
		return r
	}
	return &vitrine.Refusal{Kind: vitrine.Refused, Ground: "periods follow one another without a gap", Text: err.Error()}
}

// reported lists the structures of each period; two of them overlap.
func reported(lines []line, periods []law.Period) []law.Reported {
	var all []law.Reported
	for _, p := range periods {
		var of []string
		for i := range lines {
			if l := &lines[i]; l.structure.ID != "" && l.Period.Equal(p) && l.blank == "" && !slices.Contains(of, l.structure.ID) {
				of = append(of, l.structure.ID)
			}
		}
		if len(of) == 0 && len(all) > 0 {
			of = []string{goesOn(all[len(all)-1].Structure, p)}
		}
		for _, s := range of {
			all = append(all, law.Reported{Period: p, Structure: s})
		}
	}
	return all
}

// goesOn is the structure of the period before p, if p may have it too: no row
// of p says which one it has.
func goesOn(before string, p law.Period) string {
	s, ok := law.LookupStructure(before)
	if !ok || s.CheckPeriod(p) != nil {
		return ""
	}
	return s.ID
}

// gaps flags the rows of a sheet that has none in the period before, but in an
// earlier one: there were no demands, or somebody forgot them.
func gaps(lines []line, class ledger.Class, periods []law.Period) {
	for _, sheet := range good(lines, func(l *line) string { return string(l.Class()) + " " + l.Sheet }) {
		if sheet[0].Class() != class {
			continue
		}
		last := -1
		for i, p := range periods {
			at := slices.IndexFunc(sheet, func(l *line) bool { return l.Period.Equal(p) })
			if at >= 0 && last >= 0 && last < i-1 {
				sheet[at].strange("%s has no rows in %s", sheet[at].Sheet, periods[i-1])
			}
			if at >= 0 {
				last = i
			}
		}
	}
}

// strange flags a row.
func (l *line) strange(format string, args ...any) {
	if l.flag != "" {
		l.flag += "; "
	}
	l.flag += fmt.Sprintf(format, args...)
}
