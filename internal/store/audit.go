package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/vitrine-project/vitrine"
)

// Audit reads every event there is, checks each and the chain from the first
// to the head, folds every demand, and returns how many events there are and
// the head. It finds what was changed, left out, added or moved; a store that
// was cut short or replaced as a whole shows only in a head that is not the
// one seen before.
func (db *DB) Audit(ctx context.Context) (events int64, head vitrine.Digest, err error) {
	err = db.View(ctx, func(tx *Tx) error {
		if events, head, err = tx.walk(); err != nil {
			return err
		}
		ids, err := tx.Demands()
		if err != nil {
			return err
		}
		var folded int64
		for _, id := range ids {
			d, err := tx.Demand(id)
			if err != nil {
				return err
			}
			folded += int64(d.Seq)
		}
		if folded != events {
			return vitrine.Refusef(vitrine.Unverified, "%d events are stored and %d belong to a demand: change nothing, and restore the store from a backup", events, folded)
		}
		return nil
	})
	return events, head, err
}

// walk follows the chain.
func (tx *Tx) walk() (n int64, last vitrine.Digest, err error) {
	rows, err := tx.sql.QueryContext(tx.ctx, `select `+columns+` from vitrine_event order by n`)
	if err != nil {
		return 0, last, explain("audit", tx.db.Dir, err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return n, last, explain("audit", tx.db.Dir, err)
		}
		if r.n != n+1 || !bytes.Equal(r.prev, last[:]) {
			return n, last, r.changed(fmt.Sprintf("it does not follow event %d", n))
		}
		if _, err := r.event(); err != nil {
			return n, last, err
		}
		n, last = r.n, vitrine.Digest(r.hash)
	}
	if err := rows.Err(); err != nil {
		return n, last, explain("audit", tx.db.Dir, err)
	}
	return n, last, tx.atHead(n, last)
}

func (tx *Tx) atHead(n int64, last vitrine.Digest) error {
	var count int64
	var hash []byte
	err := tx.sql.QueryRowContext(tx.ctx, `select n, hash from vitrine_head`).Scan(&count, &hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) { // a head that is gone is a wrong one
		return explain("read head", tx.db.Dir, err)
	}
	if count != n || !bytes.Equal(hash, last[:]) {
		return vitrine.Refusef(vitrine.Unverified, "the last event is number %d and the head says %d: change nothing, and restore the store from a backup", n, count)
	}
	return nil
}
