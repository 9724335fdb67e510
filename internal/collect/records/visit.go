package records

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/query"
	"github.com/vitrine-project/vitrine/production"
)

// visit is one account's part of a table in a snapshot.
type visit struct {
	snap    *query.Snapshot
	t       Table
	account vitrine.Account
}

func (v visit) table() query.Table {
	return query.Table{From: v.t.From, Columns: v.t.read(), Order: v.t.Order}
}

func (v visit) filter() query.Filter {
	return query.Filter{Column: v.t.Account, Text: string(v.account)}
}

// agree stops where the table is not as it is declared.
func (v visit) agree() error {
	columns, err := v.snap.Columns(v.t.From)
	if err != nil {
		return err
	}
	names := make([]string, len(columns))
	kinds := map[string]query.Column{}
	for i, c := range columns {
		names[i] = c.Name
		kinds[c.Name] = c
	}
	if err := v.t.agree(names, true); err != nil {
		return err
	}
	return v.t.Times.agree(v.t.Name, kinds)
}

// agree refuses a column that cannot say when, or not without what was left
// out of the declaration.
func (t Times) agree(table string, kinds map[string]query.Column) error {
	for _, name := range t.columns() {
		switch c := kinds[name]; {
		case (c.Kind == query.Local || c.Kind == query.Date) && t.Zone == "":
			return vitrine.Refusef(vitrine.Failed, "table %q: column %q has the type %s, which has no zone: say which it is, as in zone = \"UTC\"", table, name, c.Type)
		case (c.Kind == query.Integer || c.Kind == query.Decimal) && t.Unit == "":
			return vitrine.Refusef(vitrine.Failed, "table %q: column %q is a number: say what it counts since 1970, unit = \"s\" or \"ms\"", table, name)
		case c.Kind == query.Bytes || c.Kind == query.Boolean:
			return vitrine.Refusef(vitrine.Failed, "table %q: column %q has the type %s, which says no time", table, name, c.Type)
		}
	}
	return nil
}

// survey is how an account's part of a table was found.
type survey struct {
	rows, size int64
	sum        hash.Hash
}

// state tells two states of the rows apart, and shows nothing of them but
// their number.
func (f survey) state() string { return fmt.Sprintf("rows %d, %x", f.rows, f.sum.Sum(nil)[:16]) }

// survey counts the rows, by the store's own count, and takes a digest of what
// is read of them.
func (v visit) survey() (survey, error) {
	f := survey{sum: sha256.New()}
	n, err := v.snap.Count(v.table(), v.filter(), nil, false)
	if err != nil || n == 0 {
		return f, err
	}
	var seen int64
	err = v.snap.Each(v.table(), v.filter(), nil, false, func(r query.Row) error {
		seen++
		for i := range v.t.categories() {
			it, body := v.item(r, i)
			f.size += int64(len(body))
			io.WriteString(f.sum, it.Identity+"\n") // a hash takes all
		}
		return nil
	})
	if err == nil && seen != n {
		err = miscounted(v.t.Name, n, seen)
	}
	f.rows = n
	return f, err
}

func miscounted(table string, counted, seen int64) error {
	return vitrine.Refusef(vitrine.Failed, "the store counts %d rows of table %q and lists %d: nothing was kept; order by columns that together are unique and never NULL", counted, table, seen)
}

// item makes the evidence of one category's part of a row, and its bytes.
func (v visit) item(r query.Row, category int) (collect.Item, []byte) {
	c := v.t.categories()[category]
	value := v.values(r)
	body := render(v.t.Columns[c], value)
	digest := vitrine.DigestOf(body)
	at := place{r.Key, category}.String()
	it := collect.Item{Identity: at + " " + digest.Hex(), Position: at, Key: at, Size: int64(len(body)), SHA256: digest, Category: c, Form: FormRow,
		Extra: map[string]string{"table": v.t.Name}}
	if shown := v.t.shown(c); len(shown) > 0 {
		it.Extra["key"] = string(render(shown, value))
		it.Name = it.Extra["key"]
	} else {
		it.Name = "row " + digest.Hex()[:16]
	}
	v.t.Times.dated(&it, value)
	return it, body
}

// values finds a row's values by their column.
func (v visit) values(r query.Row) func(string) query.Value {
	names := v.t.read()
	return func(name string) query.Value {
		if i := slices.Index(names, name); i >= 0 {
			return r.Values[i]
		}
		return r.Key[slices.Index(v.t.Order, name)]
	}
}

// shown lists the columns of the key that a category may see: its own, and
// those that are of no category.
func (t Table) shown(c vitrine.Category) (names []string) {
	for _, name := range t.Order {
		other := false
		for _, columns := range t.Columns {
			other = other || slices.Contains(columns, name)
		}
		if !other || slices.Contains(t.Columns[c], name) {
			names = append(names, name)
		}
	}
	return names
}

// dated reads the row's times into the evidence.
func (t Times) dated(it *collect.Item, value func(string) query.Value) {
	c := clock{t.location(), t.Unit}
	if t.Time != "" {
		it.Received = c.read(value(t.Time))
		return
	}
	it.Lasting = true
	if t.Standing {
		return
	}
	var ends [2]production.Interval
	for i, end := range [2]struct{ column, open string }{{t.Since, alwaysHeld}, {t.Until, stillHolds}} {
		ends[i].Rule = ruleNull
		if end.column != "" && value(end.column).Text != end.open {
			ends[i] = c.read(value(end.column))
		}
	}
	it.Received, it.Uncertain = lasted(ends[0], ends[1])
}
