package store_test

import (
	"bytes"
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
)

// disarm takes the triggers away, as who owns the database can.
func disarm(t testing.TB, db *sql.DB, postgres bool) {
	t.Helper()
	statements := []string{"drop trigger vitrine_event_stays", "drop trigger vitrine_event_remains", "drop trigger vitrine_head_moves_on", "drop trigger vitrine_head_remains"}
	if postgres {
		statements = []string{"drop function vitrine_stays() cascade"}
	}
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnlyAppended(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		three(t, db)
		outside := raw(t, o)
		statements := []string{
			`update vitrine_event set body = body where n = 3`, `delete from vitrine_event where n = 15`, `delete from vitrine_event`,
			`update vitrine_head set n = 3`, `update vitrine_head set n = n`, `delete from vitrine_head`,
		}
		if o.URL != "" {
			statements = append(statements, `truncate vitrine_event`)
		}
		for _, s := range statements {
			if _, err := outside.Exec(s); err == nil {
				t.Errorf("%s went through", s)
			}
		}
		if n, _, err := db.Audit(t.Context()); n != 15 || err != nil {
			t.Errorf("%d events: %v", n, err)
		}
	})
}

// tamperings are what a thief or a careless administrator does to 15 events of
// three demands; the victim is demand A, of events 1, 4, 7, 10 and 13. silent
// are those that a reader of A alone cannot see.
var tamperings = []struct {
	name   string
	silent bool
	do     func(run func(string, ...any), all []stored)
}{
	{"a letter of the first event", false, func(run func(string, ...any), all []stored) {
		run(`update vitrine_event set body = $1 where n = 1`, bytes.Replace(all[0].body, []byte("alice"), []byte("carol"), 1))
	}},
	{"a letter, with the event's own hash made right", true, func(run func(string, ...any), all []stored) {
		s := all[6]
		s.body = bytes.Replace(s.body, []byte("statement 3"), []byte("statement 4"), 1)
		run(`update vitrine_event set body = $1, hash = $2 where n = 7`, s.body, chained(s))
	}},
	{"a blank in the JSON, with the event's own hash made right", false, func(run func(string, ...any), all []stored) {
		s := all[12]
		s.body = append([]byte(" "), s.body...)
		run(`update vitrine_event set body = $1, hash = $2 where n = 13`, s.body, chained(s))
		run(`update vitrine_event set prev = $1 where n = 14`, chained(s))
	}},
	{"an event that the lifecycle forbids, with all hashes made right", false, func(run func(string, ...any), all []stored) {
		s := all[12]
		s.body = bytes.Replace(s.body, []byte(`"reviewed"`), []byte(`"verified"`), 1)
		all[12] = s
		rechain(run, all)
	}},
	{"the first event is gone", false, func(run func(string, ...any), _ []stored) { run(`delete from vitrine_event where n = 1`) }},
	{"one in the middle is gone", false, func(run func(string, ...any), _ []stored) { run(`delete from vitrine_event where n = 7`) }},
	{"one is gone, and the others are renumbered and chained again", false, func(run func(string, ...any), all []stored) {
		run(`delete from vitrine_event`)
		all = slices.Delete(all, 6, 7)
		for i := range all {
			all[i].n = int64(i + 1)
		}
		put(run, all)
		rechain(run, all)
	}},
	{"the first is gone, and the others are renumbered and chained again", false, func(run func(string, ...any), all []stored) {
		run(`delete from vitrine_event`)
		all = all[1:]
		for i := range all {
			all[i].n = int64(i + 1)
		}
		put(run, all)
		rechain(run, all)
	}},
	{"A's last is gone", true, func(run func(string, ...any), _ []stored) { run(`delete from vitrine_event where n = 13`) }},
	{"the store's last is gone", true, func(run func(string, ...any), _ []stored) { run(`delete from vitrine_event where n = 15`) }},
	{"all of A is gone", true, func(run func(string, ...any), all []stored) {
		run(`delete from vitrine_event where demand = $1`, all[0].demand)
	}},
	{"all is gone", true, func(run func(string, ...any), _ []stored) { run(`delete from vitrine_event`) }},
	{"two change places in the store", false, func(run func(string, ...any), _ []stored) {
		run(`update vitrine_event set n = -n where n in (7, 8)`)
		run(`update vitrine_event set n = 15 + n where n in (-7, -8)`)
	}},
	{"two change places in the demand", false, func(run func(string, ...any), _ []stored) {
		run(`update vitrine_event set seq = -seq where n in (7, 10)`)
		run(`update vitrine_event set seq = 7 + seq where n in (7, 10)`)
	}},
	{"bodies change places", false, func(run func(string, ...any), all []stored) {
		run(`update vitrine_event set body = $1 where n = 7`, all[9].body)
		run(`update vitrine_event set body = $1 where n = 10`, all[6].body)
	}},
	{"an event goes over to another demand", true, func(run func(string, ...any), all []stored) {
		run(`update vitrine_event set demand = $1, seq = 6 where n = 13`, all[1].demand)
	}},
	{"a demand is renamed", true, func(run func(string, ...any), all []stored) {
		run(`update vitrine_event set demand = 'aaaaaaaaaaaaaaaa' where demand = $1`, all[0].demand)
	}},
	{"an event is added that no head knows", false, func(run func(string, ...any), all []stored) {
		s := all[12]
		s.n, s.seq, s.prev = 16, 6, all[14].hash
		s.hash = chained(s)
		put(run, []stored{s})
	}},
	{"the subject is hidden", false, func(run func(string, ...any), _ []stored) { run(`update vitrine_event set subject = null where n = 1`) }},
	{"a subject is added", false, func(run func(string, ...any), all []stored) {
		run(`update vitrine_event set subject = $1 where n = 4`, all[0].subject)
	}},
	{"the hash", false, func(run func(string, ...any), all []stored) {
		run(`update vitrine_event set hash = $1 where n = 4`, all[0].hash)
	}},
	{"the hash before", false, func(run func(string, ...any), all []stored) {
		run(`update vitrine_event set prev = $1 where n = 4`, all[0].hash)
	}},
	{"the hash before is shorter", false, func(run func(string, ...any), all []stored) {
		s := all[0]
		s.prev = nil
		run(`update vitrine_event set prev = $1, hash = $2 where n = 1`, []byte{}, chained(s))
	}},
	{"the head", true, func(run func(string, ...any), all []stored) { run(`update vitrine_head set hash = $1`, all[0].hash) }},
	{"the head goes back", true, func(run func(string, ...any), all []stored) {
		run(`update vitrine_head set hash = $1, n = 14`, all[13].hash)
	}},
	{"the head is gone", true, func(run func(string, ...any), _ []stored) { run(`delete from vitrine_head`) }},
}

func put(run func(string, ...any), all []stored) {
	for _, s := range all {
		run(`insert into vitrine_event (n, demand, seq, subject, body, prev, hash) values ($1, $2, $3, $4, $5, $6, $7)`, s.n, s.demand, s.seq, s.subject, s.body, s.prev, s.hash)
	}
}

// rechain computes all hashes anew, head included.
func rechain(run func(string, ...any), all []stored) {
	last := make([]byte, 32)
	for _, s := range all {
		s.prev = last
		last = chained(s)
		run(`update vitrine_event set body = $1, prev = $2, hash = $3 where n = $4`, s.body, s.prev, last, s.n)
	}
	run(`update vitrine_head set n = $1, hash = $2`, len(all), last)
}

func TestTampering(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db := open(t, o)
		ids := three(t, db)
		outside := raw(t, o)
		disarm(t, outside, o.URL != "")
		run := func(query string, args ...any) {
			t.Helper()
			if _, err := outside.Exec(query, args...); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
		}
		all := rows(t, outside)
		for _, c := range tamperings {
			c.do(run, slices.Clone(all))
			_, _, err := db.Audit(t.Context())
			if err == nil {
				t.Errorf("%s: the audit saw nothing", c.name)
			}
			wants(t, err, vitrine.Unverified, "backup")
			err = db.View(t.Context(), func(tx *store.Tx) error { _, err := tx.Demand(ids[0]); return err })
			if (err == nil) != c.silent {
				t.Errorf("%s: reading the demand: %v", c.name, err)
			}
			err = db.View(t.Context(), func(tx *store.Tx) error { _, err := tx.Events(ids[0]); return err })
			if (err == nil) != (c.silent || strings.Contains(c.name, "lifecycle")) {
				t.Errorf("%s: reading the events: %v", c.name, err)
			}
			run(`delete from vitrine_event`)
			run(`delete from vitrine_head`)
			put(run, all)
			run(`insert into vitrine_head (one, n, hash) values (1, $1, $2)`, len(all), all[len(all)-1].hash)
			if n, _, err := db.Audit(t.Context()); n != int64(len(all)) || err != nil {
				t.Fatalf("put right after %q: %d events, %v", c.name, n, err)
			}
		}
	})
}

// TestCutShort shows what only a remembered head can tell.
func TestCutShort(t *testing.T) {
	o := databases["sqlite"](t)
	db := open(t, o)
	three(t, db)
	outside := raw(t, o)
	disarm(t, outside, false)
	_, before, err := db.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := rows(t, outside)
	for _, s := range []string{`delete from vitrine_event where n > 12`, `update vitrine_head set n = 12, hash = (select hash from vitrine_event where n = 12)`} {
		if _, err := outside.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	n, after, err := db.Audit(t.Context())
	if err != nil || n != 12 || after == before || !bytes.Equal(after[:], all[11].hash) {
		t.Errorf("cut to 12: %d, %s, %v", n, after, err)
	}
}
