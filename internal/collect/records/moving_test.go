package records

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/databases"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
)

// moving does something once, while the first item is yielded.
type moving struct {
	collect.Source
	once func()
}

func (m *moving) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	return m.Source.Enumerate(ctx, c, after, func(it collect.Item) error {
		if m.once != nil {
			m.once()
			m.once = nil
		}
		return yield(it)
	})
}

// runAll collects everything of alice's.
func runAll(t *testing.T, s collect.Source) (string, vitrine.Collection, error) {
	t.Helper()
	period, err := vitrine.NewPeriod(time.Unix(0, 0), time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	var held shown
	scope := vitrine.Scope{Accounts: []vitrine.Account{"alice"}, Categories: vitrine.Categories, Period: period, Clock: vitrine.ClockReceived}
	col, err := collect.Job{Mandate: signed.Mandate(t, scope, s.Declaration()), Sources: []collect.Configured{{Source: s, MayWrite: "a test"}}, Hold: &held, Dir: t.TempDir(),
		Now: func() time.Time { return signed.Now }, Patience: []time.Duration{0, 0}}.Run(t.Context())
	return held.String(), col, err
}

// TestMoving takes rows away, changes one and adds others, before and behind
// where it is read: the snapshot is collected, and the difference is counted.
func TestMoving(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		if d.Kind == databases.SQLite {
			d.Exec("pragma journal_mode=wal")
		}
		d.Exec("create table t (id bigint primary key, account varchar(20), name varchar(20))")
		for i := range 8 {
			d.Exec(fmt.Sprintf("insert into t values (%d, 'alice', 'name%d')", 10*i, i))
		}
		s := &moving{Source: mustSource(t, d, []Table{{Name: "t", From: "t", Account: "account", Order: []string{"id"}, Times: Times{Standing: true},
			Columns: map[vitrine.Category][]string{vitrine.Subscriber: {"name"}}}})}
		want, _, err := runAll(t, s)
		if err != nil {
			t.Fatal(err)
		}
		s.once = func() {
			d.Exec("delete from t where id in (0, 50)", "update t set name = 'other' where id = 60", "insert into t values (5, 'alice', 'new'), (75, 'alice', 'new'), (6, 'bob', 'new')")
		}
		got, col, err := runAll(t, s)
		if err != nil || got != want || col.In != 8 {
			t.Errorf("%+v, %v, the same as before: %v", col.Counts, err, got == want)
		}
		if c := col.Containers[0]; c.Vanished != 3 || c.Arrived != 3 || c.Before == c.After {
			t.Errorf("%+v, want 3 vanished (2 deleted, 1 changed) and 3 arrived", c)
		}
	})
}

// TestMovingCSV appends to a file while it is read.
func TestMovingCSV(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "t.csv")
	text := "account,name\n" + strings.Repeat("alice,a\nbob,b\n", 5)
	write(t, path, text)
	s := &moving{Source: mustCSV(t, dir, "[[file]]\npath = \"t.csv\"\nname = \"t\"\naccount = \"account\"\nstanding = true\ncolumns = { subscriber = [\"name\"] }\n")}
	s.once = func() { write(t, path, text+"alice,c\nbob,d\n") }
	_, col, err := runAll(t, s)
	if err != nil || col.In+col.Containers[0].Arrived != 6 || col.Containers[0].Vanished != 0 {
		t.Errorf("%+v, %v", col, err)
	}
}

// TestLying: a relation that shows other rows each time it is asked stops the
// run, rather than lose some.
func TestLying(t *testing.T) {
	databases.Each(t, func(t *testing.T, d *databases.Database) {
		d.Exec("create table t (id bigint primary key, account varchar(20))")
		var rows []string
		for i := range 2000 { // so that two answers are hardly ever as long
			rows = append(rows, fmt.Sprintf("(%d, 'alice')", i))
		}
		d.Exec("insert into t values " + strings.Join(rows, ", "))
		s := mustSource(t, d, []Table{{Name: "t", From: "(select id, account from t where " + d.Type("random() < 0.5", "rand() < 0.5", "random() > 0") + ") as x", Account: "account", Order: []string{"id"},
			Times: Times{Standing: true}, Columns: map[vitrine.Category][]string{vitrine.Subscriber: {"id"}}}})
		c := collect.Container{Account: "alice", Name: "t", Key: "t", Count: collect.NoCount}
		for name, ask := range map[string]func() error{
			"listed":     func() error { _, err := s.Inventory(t.Context(), "alice"); return err },
			"enumerated": func() error { _, err := enumerate(t, s, c, ""); return err },
			"collected":  func() error { _, _, err := runAll(t, s); return err },
		} {
			stopped := 0
			for range 4 { // by chance two answers may be as long
				if err := ask(); vitrine.ExitCode(err) == 1 {
					stopped++
				}
			}
			if stopped < 2 {
				t.Errorf("it is %s in %d of 4 times", name, 4-stopped)
			}
		}
	})
}

// heap is what is in use behind a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestWideRows reads far more than memory holds.
func TestWideRows(t *testing.T) {
	d := databases.New(t, databases.Postgres)
	const rows = 160
	d.Exec(fmt.Sprintf("create view wide as select g as id, 'alice' as account, repeat('x', 1000000) as name from generate_series(1, %d) g", rows))
	s := mustSource(t, d, []Table{{Name: "wide", From: "wide", Account: "account", Order: []string{"id"}, Times: Times{Standing: true}, Columns: map[vitrine.Category][]string{vitrine.Subscriber: {"name"}}}})
	c := collect.Container{Account: "alice", Name: "wide", Key: "wide"}
	n, peak := 0, uint64(0)
	if err := s.Enumerate(t.Context(), c, "", func(collect.Item) error {
		n++
		peak = max(peak, heap())
		return nil
	}); err != nil || n != rows || peak > 48<<20 {
		t.Errorf("%d rows, %d MB of heap, %v", n, peak>>20, err)
	}
}
