package store

import (
	"context"
	"errors"

	"github.com/riverqueue/river"

	"github.com/vitrine-project/vitrine"
)

// Step does one of the machine's steps for a demand. It finds out by itself
// whether it is still needed: after a kill it is called again.
type Step func(ctx context.Context, id vitrine.ID) error

// ErrLater is what a step returns to be called again in a while, as if it had
// not been called.
var ErrLater = errors.New("not now")

// A job's priority says whether its step has begun, and so may have read the
// demand already. River fetches the lower number first.
const (
	begun = 1
	fresh = 2
)

// job is a queued step of a demand.
type job struct {
	Step   string     `json:"step"`
	Demand vitrine.ID `json:"demand"`
}

// Kind is how River tells jobs apart.
func (j job) Kind() string { return j.Step }

// Enqueue has the step called for the demand after the transaction. While a
// call is waiting that has not begun, no further one is queued; one that has
// begun may have read the demand before this transaction, so it does not count.
//
// River's own uniqueness counts a running job, and would lose that second call.
func (tx *Tx) Enqueue(step string, id vitrine.ID) error {
	if err := tx.mustWrite("queue " + step); err != nil {
		return err
	}
	tx.queued = true
	waiting, err := tx.hasten(step, id)
	if err == nil && !waiting {
		_, err = tx.db.insert.InsertTx(tx.ctx, tx.sql, job{step, id}, &river.InsertOpts{Priority: fresh, MaxAttempts: maxAttempts})
	}
	if err != nil {
		return explain("queue "+step, tx.db.Dir, err)
	}
	return nil
}

// sameStep is true of the jobs of one step and demand. The kind is compared as
// an expression, so that SQLite goes by state and queue, which few jobs share,
// and not through all that ever ended.
const sameStep = `queue = $1 and kind || '' = $2 and args->>'demand' = $3`

// hasten makes a waiting call due now, and says whether there is one. The rows
// that it finds cannot begin before the transaction ends.
func (tx *Tx) hasten(step string, id vitrine.ID) (bool, error) {
	now := tx.db.now
	done, err := tx.sql.ExecContext(tx.ctx, `update river_job set state = 'available', scheduled_at = case when scheduled_at > `+now+` then `+now+` else scheduled_at end
		where `+sameStep+` and state in ('available', 'retryable', 'scheduled')`, river.QueueDefault, step, string(id))
	if err != nil {
		return false, err
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return true, err
	}
	rows, err := tx.sql.QueryContext(tx.ctx, `select id from river_job where `+sameStep+` and state = 'running' and priority = $4`+tx.db.lockRows,
		river.QueueDefault, step, string(id), fresh)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	found := rows.Next()
	return found, rows.Err()
}

// begin marks a job whose step is about to read the demand. It says no where
// the job was taken away meanwhile.
func (db *DB) begin(ctx context.Context, id int64) (bool, error) {
	done, err := db.write.ExecContext(ctx, `update river_job set priority = $1 where id = $2 and state = 'running'`, begun, id)
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected()
	return n == 1, err
}

// resting is true of jobs that wait for another try: a start is one.
func (d dialect) resting() string {
	return `state in ('retryable', 'scheduled', 'discarded') or state = 'available' and scheduled_at > ` + d.now
}

// dead is true of jobs that a worker began which is no more.
func (d dialect) dead() string { return `state = 'running' and ` + d.deadWorker }

// revive makes jobs available as if they had never been called. $1 is taken.
func (db *DB) revive(ctx context.Context, where string, args ...any) error {
	done, err := db.write.ExecContext(ctx, `update river_job set state = 'available', scheduled_at = `+db.now+`, finalized_at = null, attempt = 0, priority = $1 where `+where,
		append([]any{fresh}, args...)...)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err == nil && n > 0 {
		db.bell.ring()
	}
	return nil
}
