package main

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/replay"
	"github.com/vitrine-project/vitrine/internal/report"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/ledger"
)

// replayed is one replay of a table: made-up demands with its totals are
// counted and published at the times of its periods, by a clock that only the
// replay turns.
type replayed struct {
	demo
	now    time.Time
	desk   *casework.Desk
	books  map[ledger.Class]*casework.Book
	plan   []replay.Ledger
	public string
	bars   *bars
}

// Replayed is what demo --replay prints with --json. Each line of the table
// stands in one of its lists.
type Replayed struct {
	Public    string          `json:"public,omitempty"`
	Reports   []string        `json:"reports"`
	Bundles   uint64          `json:"bundles"` // of all ledgers
	Replayed  []replay.Result `json:"replayed"`
	Refused   []replay.Remark `json:"refused"`
	NotTotals []replay.Remark `json:"not_totals"`
	Flagged   []replay.Remark `json:"flagged"` // replayed, and strange
	LeftOut   int             `json:"left_out"`
	Equal     bool            `json:"equal"` // all that was replayed
}

// replayTable replays a table of totals that somebody published.
func (d demo) replayTable(ctx context.Context) error {
	b, err := os.ReadFile(d.table)
	if err != nil {
		return vitrine.Refusef(vitrine.Usage, "--replay: %v", err)
	}
	table, err := replay.Parse(b, d.seed)
	if err != nil {
		return err
	}
	out := Replayed{Reports: []string{}, Replayed: []replay.Result{}, Refused: noNil(table.Refused), NotTotals: noNil(table.NotTotals), Flagged: noNil(table.Flagged), Equal: true}
	out.LeftOut = table.Lines - len(table.Rows) - len(table.Refused) - len(table.NotTotals)
	if len(table.Rows) > 0 {
		if err := d.publishTable(ctx, table, &out); err != nil {
			return err
		}
	}
	if err := d.tellReplay(out); err != nil {
		return err
	}
	return out.verdict(table)
}

func noNil(list []replay.Remark) []replay.Remark { return append([]replay.Remark{}, list...) }

// publishTable counts and publishes the table's rows, and reads them back.
func (d demo) publishTable(ctx context.Context, table *replay.Table, out *Replayed) (err error) {
	plan, err := table.Plan()
	if err != nil {
		return err
	}
	dir, err := d.makeDir()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && d.dir == "" {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	r := &replayed{demo: d, plan: plan, public: filepath.Join(dir, "public"), bars: newBars(d.stderr)}
	closeDesk, err := r.open(ctx, dir)
	if err != nil {
		return err
	}
	err = r.play(ctx)
	r.bars.Finish()
	if err = errors.Join(err, closeDesk()); err != nil {
		return err
	}
	return out.readBack(ctx, table, r.public)
}

// readBack has the public directory audited once more, as anybody would, and
// compares what it says with the table.
func (out *Replayed) readBack(ctx context.Context, table *replay.Table, public string) error {
	v, err := (&ledger.Audit{Fetch: report.Directory(public), Rand: rand.Reader}).Run(ctx)
	if err != nil {
		return vitrine.Refusef(vitrine.Unverified, "what was published does not verify: %v", err)
	}
	for _, l := range v.Ledgers {
		out.Bundles += l.Bundles
	}
	for _, p := range v.Reports {
		out.Reports = append(out.Reports, p.Statement.Name)
	}
	out.Public, out.Replayed = public, table.Compare(v)
	for _, row := range out.Replayed {
		out.Equal = out.Equal && row.Equal
	}
	return nil
}

// verdict is the exit: 3 if a row was published otherwise than the table has
// it, 4 if rows were refused.
func (out Replayed) verdict(table *replay.Table) error {
	switch {
	case !out.Equal || out.LeftOut != 0 || len(out.Replayed) != len(table.Rows):
		return vitrine.Refusef(vitrine.Unverified, "not every row was published as the table has it")
	case len(out.Refused) > 0:
		return vitrine.Refusef(vitrine.Refused, "of the table's rows %d cannot be published by any ledger: the list above says why; correct them or leave them out", len(out.Refused))
	}
	return nil
}

// open makes an empty provider that has ledgers, and a desk.
func (r *replayed) open(ctx context.Context, dir string) (func() error, error) {
	c := LedgerConfig{Origin: "replay.example/table", Sheets: []string{"us/subpoena"}, Ticks: 2, Lag: replayLag.String(), Quorum: 2, Demo: true}
	for _, n := range []string{"one", "two"} {
		c.Witness = append(c.Witness, WitnessConfig{Organisation: "Demo witness " + n + ", played by the provider", Trial: "keys/witness-" + n})
	}
	c.Restricted = RestrictedConfig{Publication: "live", Structure: "us/1874-a3", Lag: replayLag.String()}
	if err := c.fill(); err != nil {
		return nil, err
	}
	base := filepath.Join(dir, "provider")
	data := filepath.Join(base, "data")
	o := deskOptions{config: Config{Ledger: c}, base: base, now: r.clock, reached: r.reached}
	r.desk = &casework.Desk{Provider: replayProvider, Now: r.clock, Counting: r.bars.Counting, Books: map[ledger.Class]*casework.Book{}}
	r.now = earliest(r.plan).AddDate(0, 0, -1)
	var err error
	if r.desk.DB, err = store.Open(ctx, store.Options{Dir: data, Now: r.clock}); err != nil {
		return nil, err
	}
	closeAll := r.desk.DB.Close
	r.books = map[ledger.Class]*casework.Book{}
	err = openDirs(r.desk, data)
	for _, l := range r.plan {
		if err != nil {
			break
		}
		var b *casework.Book
		if b, err = openBook(ctx, o, l.Class, filepath.Join(data, "ledger", string(l.Class)), 0); err == nil {
			r.books[l.Class] = b
			before := closeAll
			closeAll = func() error { return errors.Join(b.Log.Close(), before()) }
		}
	}
	if err != nil {
		return nil, errors.Join(err, closeAll())
	}
	return closeAll, nil
}

// earliest is when the first period of all begins.
func earliest(plan []replay.Ledger) time.Time {
	first := plan[0].Periods[0].From
	for _, l := range plan {
		if at := l.Periods[0].From; at.Before(first) {
			first = at
		}
	}
	return first
}

const replayProvider = "A replayed table (made up)"

// replayLag is how long after its time a tick is published.
const replayLag = 24 * time.Hour

func (r *replayed) clock() time.Time { return r.now }

// build publishes every table whose time has come.
func (r *replayed) build(ctx context.Context) error {
	b := report.Builder{Provider: replayProvider, State: filepath.Join(filepath.Dir(r.public), "provider", "reports"), Words: LedgerConfig{Demo: true}.words}
	for _, l := range r.plan {
		if book := r.desk.Books[l.Class]; book != nil {
			b.Logs, b.Signer = append(b.Logs, book.Log), book.Reports
		}
	}
	_, err := b.Build(ctx, r.public)
	return err
}
