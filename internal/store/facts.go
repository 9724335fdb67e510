package store

import (
	"fmt"

	"github.com/vitrine-project/vitrine"
)

// Fact is one thing that the ledger counts, in the queue for it. What the leaf
// commits to is sealed: whoever reads the store sees no number that is
// published as a band only by adding up openings.
type Fact struct {
	N        int64  // the order in which facts came
	ID       string // a fact is in the queue once
	Class    string // of the ledger
	Period   uint64 // the header's number
	Sheet    string
	Type     string
	Demand   vitrine.ID
	Account  string // of an account's fact
	Leaf     []byte
	Sealed   []byte // the opening, to the period's key
	Received int64  // Unix time
	Due      int64  // by when its leaf is promised
	Index    int64  // in the log; -1 while it waits
}

const factColumns = "n, id, class, period, sheet, type, demand, account, leaf, sealed, received, due, coalesce(place, -1)"

// AddFact queues a fact; added is false if it was queued before.
func (tx *Tx) AddFact(f Fact) (added bool, err error) {
	if err := tx.mustWrite("queue fact"); err != nil {
		return false, err
	}
	done, err := tx.sql.ExecContext(tx.ctx, `insert into vitrine_fact (n, id, class, period, sheet, type, demand, account, leaf, sealed, received, due)
		select coalesce(max(n), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 from vitrine_fact where true on conflict (id) do nothing`,
		f.ID, f.Class, int64(f.Period), f.Sheet, f.Type, string(f.Demand), f.Account, f.Leaf, f.Sealed, f.Received, f.Due)
	if err != nil {
		return false, explain("queue fact", tx.db.Dir, err)
	}
	n, err := done.RowsAffected()
	return n == 1, err
}

// HasFact reports whether a fact was ever queued.
func (tx *Tx) HasFact(id string) (bool, error) {
	var n int
	err := tx.sql.QueryRowContext(tx.ctx, `select count(*) from vitrine_fact where id = $1`, id).Scan(&n)
	return n > 0, explain("read facts", tx.db.Dir, err)
}

// Waiting returns up to limit facts of a sheet that are not in the log, oldest
// first: those of a period or an earlier one that came by a time.
func (tx *Tx) Waiting(class, sheet string, period uint64, by int64, limit int) ([]Fact, error) {
	return tx.facts(`where class = $1 and sheet = $2 and place is null and period <= $3 and received <= $4 order by n limit $5`, class, sheet, int64(period), by, limit)
}

// Ahead returns the facts that wait for ticks of periods behind one.
func (tx *Tx) Ahead(class string, period uint64) ([]Fact, error) {
	return tx.facts(`where class = $1 and place is null and period > $2 order by n`, class, int64(period))
}

// Backlog counts the facts of a sheet that are not in the log.
func (tx *Tx) Backlog(class, sheet string) (n int, err error) {
	err = tx.sql.QueryRowContext(tx.ctx, `select count(*) from vitrine_fact where class = $1 and sheet = $2 and place is null`, class, sheet).Scan(&n)
	return n, explain("read facts", tx.db.Dir, err)
}

// Backlogs counts the facts that are not in the log, by sheet.
func (tx *Tx) Backlogs(class string) (map[string]int, error) {
	rows, err := tx.sql.QueryContext(tx.ctx, `select sheet, count(*) from vitrine_fact where class = $1 and place is null group by sheet`, class)
	if err != nil {
		return nil, explain("read facts", tx.db.Dir, err)
	}
	defer rows.Close()
	waiting := map[string]int{}
	for rows.Next() {
		var sheet string
		var n int
		if err := rows.Scan(&sheet, &n); err != nil {
			return nil, explain("read facts", tx.db.Dir, err)
		}
		waiting[sheet] = n
	}
	return waiting, explain("read facts", tx.db.Dir, rows.Err())
}

// FactsOf returns the facts of a demand, oldest first.
func (tx *Tx) FactsOf(id vitrine.ID) ([]Fact, error) {
	return tx.facts(`where demand = $1 order by n`, string(id))
}

// Listed returns the facts of a cell that stand in the log, in the order of
// their places.
func (tx *Tx) Listed(class string, period uint64, sheet string) ([]Fact, error) {
	return tx.facts(`where class = $1 and period = $2 and sheet = $3 and place is not null order by place`, class, int64(period), sheet)
}

// Queue returns all facts of a ledger without what is sealed.
func (tx *Tx) Queue(class string) ([]Fact, error) {
	rows, err := tx.sql.QueryContext(tx.ctx, `select id, period, sheet, type, demand, received, coalesce(place, -1) from vitrine_fact where class = $1 order by n`, class)
	if err != nil {
		return nil, explain("read facts", tx.db.Dir, err)
	}
	defer rows.Close()
	var list []Fact
	for rows.Next() {
		f := Fact{Class: class}
		var period int64
		if err := rows.Scan(&f.ID, &period, &f.Sheet, &f.Type, &f.Demand, &f.Received, &f.Index); err != nil {
			return nil, explain("read facts", tx.db.Dir, err)
		}
		f.Period = uint64(period)
		list = append(list, f)
	}
	return list, explain("read facts", tx.db.Dir, rows.Err())
}

// Furthest is the highest place of any fact in a log, -1 if there is none.
func (tx *Tx) Furthest(class string) (index int64, err error) {
	err = tx.sql.QueryRowContext(tx.ctx, `select coalesce(max(place), -1) from vitrine_fact where class = $1`, class).Scan(&index)
	return index, explain("read facts", tx.db.Dir, err)
}

// Reseal gives a waiting fact another opening: its period's ticks are over, and
// it is counted in a later one.
func (tx *Tx) Reseal(id string, period uint64, leaf, sealed []byte) error {
	if err := tx.mustWrite("queue fact"); err != nil {
		return err
	}
	return tx.one("queue fact again", `update vitrine_fact set period = $1, leaf = $2, sealed = $3 where id = $4 and place is null`, int64(period), leaf, sealed, id)
}

// Drop takes the facts of a demand that wait out of the queue: it was withdrawn
// before they were in the log.
func (tx *Tx) Drop(id vitrine.ID) error {
	if err := tx.mustWrite("drop facts"); err != nil {
		return err
	}
	_, err := tx.sql.ExecContext(tx.ctx, `delete from vitrine_fact where demand = $1 and place is null`, string(id))
	return explain("drop facts", tx.db.Dir, err)
}

// Placed records where in the log a fact stands. It is recorded once.
func (tx *Tx) Placed(id string, index uint64) error {
	if err := tx.mustWrite("place fact"); err != nil {
		return err
	}
	return tx.one("place fact", `update vitrine_fact set place = $1 where id = $2 and (place is null or place = $1)`, int64(index), id)
}

// one runs a statement that must change one row.
func (tx *Tx) one(what, query string, args ...any) error {
	done, err := tx.sql.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return explain(what, tx.db.Dir, err)
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("%s: it is not in the queue, or stands elsewhere in the log already", what)
	}
	return nil
}

func (tx *Tx) facts(where string, args ...any) ([]Fact, error) {
	rows, err := tx.sql.QueryContext(tx.ctx, `select `+factColumns+` from vitrine_fact `+where, args...)
	if err != nil {
		return nil, explain("read facts", tx.db.Dir, err)
	}
	defer rows.Close()
	var list []Fact
	for rows.Next() {
		var f Fact
		var period int64
		if err := rows.Scan(&f.N, &f.ID, &f.Class, &period, &f.Sheet, &f.Type, &f.Demand, &f.Account, &f.Leaf, &f.Sealed, &f.Received, &f.Due, &f.Index); err != nil {
			return nil, explain("read facts", tx.db.Dir, err)
		}
		f.Period = uint64(period)
		list = append(list, f)
	}
	return list, explain("read facts", tx.db.Dir, rows.Err())
}
