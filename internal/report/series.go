package report

import (
	"slices"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// maxPeriods is how many periods a chart shows, the newest ones.
const maxPeriods = 8

// maxPanels is how many kinds of demand have a panel of their own.
const maxPanels = 12

// series is the rows of all reports so far, by period.
type series struct {
	periods []law.Period // oldest first
	rows    map[law.Period][]row
	stated  map[string]Accounts // of which shares are, by period
}

// series is that of a view's reports: their rows, and the numbers of accounts
// that the last of them states, or else an earlier one.
func (v View) series(rows [][]row) series {
	s := seriesOf(rows)
	for _, p := range v.Reports {
		for _, a := range p.Words.Accounts {
			s.stated[a.Period] = a
		}
	}
	return s
}

// seriesOf takes the rows of each report in the order of time.
func seriesOf(reports [][]row) series {
	s := series{rows: map[law.Period][]row{}, stated: map[string]Accounts{}}
	for _, rows := range reports {
		for _, r := range rows {
			if !slices.Contains(s.periods, r.period) {
				s.periods = append(s.periods, r.period)
			}
			s.rows[r.period] = append(s.rows[r.period], r)
		}
	}
	slices.SortFunc(s.periods, func(a, b law.Period) int { return a.From.Compare(b.From) })
	return s
}

// last are the newest periods that have a row of which keep holds.
func (s series) last(keep func(row) bool) []law.Period {
	var some []law.Period
	for _, p := range s.periods {
		if slices.ContainsFunc(s.rows[p], keep) {
			some = append(some, p)
		}
	}
	return some[max(0, len(some)-maxPeriods):]
}

// countable are the rows of a period in those regimes of which every row is
// exact, so that they may be added up; left are the other regimes of the public
// ledger.
func (s series) countable(p law.Period) (rows []row, left []string) {
	for _, r := range s.rows[p] {
		if r.class != ledger.Public || !r.petition.IsZero() {
			continue
		}
		if slices.ContainsFunc(s.rows[p], func(o row) bool { return o.class == ledger.Public && o.regime == r.regime && !o.exact() }) {
			if !slices.Contains(left, r.regime) {
				left = append(left, r.regime)
			}
			continue
		}
		rows = append(rows, r)
	}
	return rows, left
}

// sum adds up a field of rows that may be added up. Ok is false if none has it.
func sum(rows []row, field string) (n uint64, ok bool) {
	for _, r := range rows {
		if v, has := r.value(field); has {
			n, ok = n+v.low, true
		}
	}
	return n, ok
}

// named is how many accounts the demands of rows specify.
func named(rows []row) (n uint64, ok bool) {
	for _, r := range rows {
		if a, has := r.accounts(); has {
			n, ok = n+a, true
		}
	}
	return n, ok
}

// row returns the row of a name in a period.
func (s series) row(p law.Period, name string, class ledger.Class) (row, bool) {
	i := slices.IndexFunc(s.rows[p], func(r row) bool { return r.name == name && r.class == class })
	if i < 0 {
		return row{}, false
	}
	return s.rows[p][i], true
}
