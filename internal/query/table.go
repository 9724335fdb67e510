package query

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
)

// Table is a relation and what is read of it.
type Table struct {
	From    string   // a table's or view's name, or what may stand behind FROM
	Columns []string // that are read, and no others
	Order   []string // columns that together are unique and never NULL
}

// Filter picks the rows in which a column is exactly a text.
type Filter struct {
	Column, Text string
	Fold         bool // without regard to case
}

// CheckFrom refuses a FROM text that could end the statement it is put into.
func CheckFrom(from string) error {
	depth := 0
	for _, r := range from {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case 0, ';', '#':
			return fmt.Errorf("from %q has %q in it: write a table's name, a view's, or a SELECT in brackets with an alias", from, r)
		}
		if depth < 0 {
			break
		}
	}
	switch {
	case strings.TrimSpace(from) == "":
		return fmt.Errorf("from is empty: name a table or a view")
	case depth != 0:
		return fmt.Errorf("from %q has brackets that do not match", from)
	case strings.Contains(from, "--") || strings.Contains(from, "/*"):
		return fmt.Errorf("from %q has a comment in it: leave it out", from)
	}
	return nil
}

// plainName is the name of one table or view.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$`)

// everything is a relation with all its columns. A table by name stands for
// itself, so that no right is needed but that to the columns which are read.
func everything(from string) string {
	if plainName.MatchString(from) {
		return from + " AS declared"
	}
	return "(SELECT * FROM " + from + ") AS declared"
}

// statement is SQL with its bound values.
type statement struct {
	d    dialect
	args []any
}

func (s *statement) bind(v any) string {
	s.args = append(s.args, v)
	return s.d.mark(len(s.args))
}

// plan is a table with the columns as the database has them.
type plan struct {
	dialect
	table  Table
	filter Filter
	picked []Column // of each value in a row: Columns, then those of Order that are not among them
	order  []int    // where in picked the key's values are
	by     Column   // of the filter
}

func newPlan(d dialect, t Table, f Filter, columns []Column) (*plan, error) {
	p := &plan{dialect: d, table: t, filter: f}
	find := func(name string) (Column, error) {
		i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })
		if i < 0 {
			return Column{}, vitrine.Refusef(vitrine.Usage, "%s has no column %q: correct the declaration", t.From, name)
		}
		return columns[i], nil
	}
	place := map[string]int{}
	for _, name := range slices.Concat(t.Columns, t.Order) {
		if _, ok := place[name]; ok {
			continue
		}
		c, err := find(name)
		if err != nil {
			return nil, err
		}
		place[name] = len(p.picked)
		p.picked = append(p.picked, c)
	}
	for _, name := range t.Order {
		i := place[name]
		if !d.orders(p.picked[i]) {
			return nil, vitrine.Refusef(vitrine.Usage, "column %q of %s has the type %s, by which rows cannot be told apart for certain: order by whole numbers, texts or times", name, t.From, p.picked[i].Type)
		}
		p.order = append(p.order, i)
	}
	var err error
	p.by, err = find(f.Column)
	return p, err
}

// where is the condition for the filter's rows behind a key, or at it.
func (p *plan) where(s *statement, after Key, at bool) (string, error) {
	cond, err := p.matching(s, p.by, p.filter.Text, p.filter.Fold)
	if err != nil || after == nil {
		return cond, err
	}
	names := make([]string, len(p.order))
	key := make([]any, len(p.order))
	for i, o := range p.order {
		names[i] = p.quote(p.picked[o].Name)
		if key[i], err = p.bound(after[i]); err != nil {
			return "", err
		}
	}
	return cond + " AND " + p.behind(s, names, key, at), nil
}

// rows is the statement for one page, or for all rows where there is no order.
func (p *plan) rows(after Key, at bool) (string, []any, error) {
	s := &statement{d: p.dialect}
	cond, err := p.where(s, after, at)
	if err != nil {
		return "", nil, err
	}
	exprs := make([]string, len(p.picked))
	for i, c := range p.picked {
		exprs[i] = p.dialect.picked(c)
	}
	text := "SELECT " + strings.Join(exprs, ", ") + " FROM " + everything(p.table.From) + " WHERE " + cond
	if len(p.order) > 0 {
		by := make([]string, len(p.order))
		for i, o := range p.order {
			by[i] = "declared." + p.quote(p.picked[o].Name)
		}
		text += " ORDER BY " + strings.Join(by, ", ") + fmt.Sprintf(" LIMIT %d", pageRows)
	}
	return text, s.args, nil
}

// count is the statement that counts the rows, and in how many of them each
// column of the key is there.
func (p *plan) count(after Key, at bool) (string, []any, error) {
	s := &statement{d: p.dialect}
	cond, err := p.where(s, after, at)
	if err != nil {
		return "", nil, err
	}
	text := "SELECT count(*)"
	for _, o := range p.order {
		text += ", count(" + p.quote(p.picked[o].Name) + ")"
	}
	return text + " FROM " + everything(p.table.From) + " WHERE " + cond, s.args, nil
}
