package query

import (
	"fmt"

	"github.com/vitrine-project/vitrine"
)

// Row is one row: its key, and the values of the table's Columns. It is
// yield's only until that returns.
type Row struct {
	Key    Key
	Values []Value
}

func (s *Snapshot) plan(t Table, f Filter) (*plan, error) {
	columns, err := s.Columns(t.From)
	if err != nil {
		return nil, err
	}
	return newPlan(s.db.dialect, t, f, columns)
}

// Count is the database's own count of the filter's rows behind the key after,
// with the row of that key if at is set; of all its rows if after is nil.
func (s *Snapshot) Count(t Table, f Filter, after Key, at bool) (int64, error) {
	p, err := s.plan(t, f)
	if err != nil {
		return 0, err
	}
	text, args, err := p.count(after, at)
	if err != nil {
		return 0, err
	}
	s.w.wait()
	defer s.w.rest()
	counts := make([]int64, 1+len(p.order))
	into := make([]any, len(counts))
	for i := range counts {
		into[i] = &counts[i]
	}
	if err := s.tx.QueryRowContext(s.w.ctx, text, args...).Scan(into...); err != nil {
		return 0, s.w.fault(s.db, err)
	}
	for i, n := range counts[1:] {
		if n != counts[0] {
			return 0, vitrine.Refusef(vitrine.Failed, "column %q, by which %s is ordered, is NULL in %d rows: order by columns that are always there", t.Order[i], t.From, counts[0]-n)
		}
	}
	return counts[0], nil
}

// Each calls yield for the filter's rows behind the key after, with the row of
// that key if at is set, in the table's order; for all if after is nil. Where
// the table declares no order the rows come in any, in one statement.
func (s *Snapshot) Each(t Table, f Filter, after Key, at bool, yield func(Row) error) error {
	p, err := s.plan(t, f)
	if err != nil {
		return err
	}
	for {
		last, n, err := s.page(p, after, at, yield)
		if err != nil {
			return err
		}
		if n < pageRows || len(p.order) == 0 {
			return nil
		}
		after, at = last, false
	}
}

// page reads one statement's rows and returns the last one's key.
func (s *Snapshot) page(p *plan, after Key, at bool, yield func(Row) error) (last Key, n int, err error) {
	text, args, err := p.rows(after, at)
	if err != nil {
		return nil, 0, err
	}
	s.w.wait()
	defer s.w.rest()
	rows, err := s.tx.QueryContext(s.w.ctx, text, args...)
	if err != nil {
		return nil, 0, s.w.fault(s.db, err)
	}
	defer rows.Close()
	raw := make([]any, len(p.picked))
	into := make([]any, len(raw))
	for i := range raw {
		into[i] = &raw[i]
	}
	if !at {
		last = after
	}
	for ; rows.Next(); n++ {
		s.w.rest()
		if err := rows.Scan(into...); err != nil {
			return nil, 0, fmt.Errorf("scan a row of %s: unexpected type", p.table.From)
		}
		row, err := p.row(raw)
		if err != nil {
			return nil, 0, err
		}
		if last != nil && row.Key.Equal(last) {
			return nil, 0, vitrine.Refusef(vitrine.Failed, "two rows of %s have one key: order by columns that together are unique", p.table.From)
		}
		if err := yield(row); err != nil {
			return nil, 0, err
		}
		last = row.Key
		s.w.wait()
	}
	if err := rows.Err(); err != nil {
		return nil, 0, s.w.fault(s.db, err)
	}
	return last, n, nil
}

func (p *plan) row(raw []any) (Row, error) {
	values := make([]Value, len(raw))
	size := 0
	for i, v := range raw {
		var err error
		if values[i], err = p.value(p.picked[i], v); err != nil {
			return Row{}, fmt.Errorf("column %q of %s: %w", p.picked[i].Name, p.table.From, err)
		}
		size += len(values[i].Text)
	}
	if size > maxRow {
		return Row{}, vitrine.Refusef(vitrine.Failed, "a row of %s has %d bytes: at most %d are read", p.table.From, size, maxRow)
	}
	row := Row{Values: values[:len(p.table.Columns)]}
	if len(p.order) == 0 {
		return row, nil
	}
	row.Key = make(Key, len(p.order))
	for i, o := range p.order {
		if row.Key[i] = values[o]; values[o].Kind == Null {
			return Row{}, vitrine.Refusef(vitrine.Failed, "column %q, by which %s is ordered, is NULL in a row: order by columns that are always there", p.picked[o].Name, p.table.From)
		}
	}
	if n := len(row.Key.String()); n > MaxKey {
		return Row{}, vitrine.Refusef(vitrine.Failed, "a key of %s has %d bytes: at most %d; order by a shorter column", p.table.From, n, MaxKey)
	}
	return row, nil
}
