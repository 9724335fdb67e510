package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("VITRINE_STORE_CHILD"); role != "" {
		os.Exit(children[role]())
	}
	os.Exit(m.Run())
}

// databases are where every test of this suite runs.
var databases = map[string]func(testing.TB) store.Options{
	"sqlite": func(t testing.TB) store.Options { return store.Options{Dir: filepath.Join(t.TempDir(), "data")} },
	"postgres": func(t testing.TB) store.Options {
		return store.Options{Dir: filepath.Join(t.TempDir(), "data"), URL: need.Postgres(t)}
	},
}

func both(t *testing.T, f func(*testing.T, store.Options)) {
	for name, options := range databases {
		t.Run(name, func(t *testing.T) { f(t, options(t)) })
	}
}

func open(t testing.TB, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// raw opens the database past the store, as a thief or a careless
// administrator would.
func raw(t testing.TB, o store.Options) *sql.DB {
	t.Helper()
	driver, name := "pgx", o.URL
	if o.URL == "" {
		driver, name = "sqlite", filepath.Join(o.Dir, "vitrine.db")+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// wants wants err to be a refusal of the kind that says so.
func wants(t testing.TB, err error, kind vitrine.Kind, says string) {
	t.Helper()
	var r *vitrine.Refusal
	if !errors.As(err, &r) || r.Kind != kind || !strings.Contains(r.Text, says) {
		t.Errorf("want a refusal of kind %d that says %q, got %v", kind, says, err)
	}
}

var day = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

func submission(reference string) vitrine.Submission {
	period, err := vitrine.NewPeriod(day.AddDate(-1, 0, 0), day)
	if err != nil {
		panic(err)
	}
	return vitrine.Submission{
		Reference: reference, Authority: "us-dc-wawd", Instrument: "us/search-warrant", Received: day,
		Document: vitrine.Document{Name: "warrant.pdf", Size: 3, SHA256: vitrine.DigestOf([]byte("pdf"))},
		Asked:    vitrine.Scope{Accounts: []vitrine.Account{"alice"}, Categories: []vitrine.Category{vitrine.Content}, Period: period, Clock: vitrine.ClockReceived},
	}
}

func received(sub vitrine.Submission) vitrine.Event {
	return vitrine.Event{Seq: 1, Stage: vitrine.Received, At: day, By: "clerk", Submission: &sub}
}

func verified(seq int) vitrine.Event {
	return vitrine.Event{Seq: seq, Stage: vitrine.Verified, At: day, By: "vitrine", Findings: []vitrine.Finding{{Code: "listed", OK: true, Text: "é < 語 & \u2028"}}}
}

func reviewed(seq int, sub vitrine.Submission) vitrine.Event {
	return vitrine.Event{Seq: seq, Stage: vitrine.Reviewed, At: day, By: "counsel", Scope: &sub.Asked, Statement: fmt.Sprintf("statement %d\n", seq)}
}

// receive records a demand and queues a step for it.
func receive(t testing.TB, db *store.DB, reference, step string) vitrine.ID {
	t.Helper()
	sub := submission(reference)
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.Append(sub.ID(), received(sub)); err != nil {
			return err
		}
		return tx.Enqueue(step, sub.ID())
	})
	if err != nil {
		t.Fatal(err)
	}
	return sub.ID()
}

func demand(t testing.TB, db *store.DB, id vitrine.ID) (d vitrine.Demand) {
	t.Helper()
	err := db.View(t.Context(), func(tx *store.Tx) (err error) {
		d, err = tx.Demand(id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func jobs(t testing.TB, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRow(`select count(*) from river_job where state <> 'completed'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAllOrNothing wants event and job to be there together or not at all, and
// nobody to see them before.
func TestAllOrNothing(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		var points []string
		o.Reached = func(p string) { points = append(points, p) }
		db := open(t, o)
		outside, sub, ctx := raw(t, o), submission("A"), t.Context()
		boom := errors.New("boom")
		for _, how := range []string{"error", "panic", "cancelled", "commit"} {
			func() {
				defer func() {
					if p := recover(); (p != nil) != (how == "panic") {
						t.Errorf("%s: panic %v", how, p)
					}
				}()
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				err := db.Update(ctx, func(tx *store.Tx) error {
					if err := tx.Append(sub.ID(), received(sub)); err != nil {
						return err
					}
					if err := tx.Enqueue("check", sub.ID()); err != nil {
						return err
					}
					if d := demand(t, db, sub.ID()); d.Seq != 0 || jobs(t, outside) != 0 {
						t.Errorf("%s: seen before the commit", how)
					}
					switch how {
					case "error":
						return boom
					case "panic":
						panic(boom)
					case "cancelled":
						cancel()
					}
					return nil
				})
				if how == "error" && err != boom || how == "cancelled" && err == nil || how == "commit" && err != nil {
					t.Errorf("%s: Update returned %v", how, err)
				}
			}()
			want := 0
			if how == "commit" {
				want = 1
			}
			if d := demand(t, db, sub.ID()); d.Seq != want || jobs(t, outside) != want {
				t.Errorf("%s: %d events and %d jobs, want %d", how, d.Seq, jobs(t, outside), want)
			}
		}
		// Nothing has been committed before the one commit.
		if got := points[len(points)-2:]; !slices.Equal(got, []string{"store: before commit", "store: after commit"}) || slices.Contains(points[:len(points)-2], "store: after commit") {
			t.Errorf("points: %q", points)
		}
		err := db.View(ctx, func(tx *store.Tx) error { return tx.Append(sub.ID(), verified(2)) })
		if err == nil {
			t.Error("a view appended")
		}
		if err := db.View(ctx, func(tx *store.Tx) error { return tx.Enqueue("check", sub.ID()) }); err == nil {
			t.Error("a view queued")
		}
	})
}

func TestReopen(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		db, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		id := receive(t, db, "A", "check")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if d := demand(t, open(t, o), id); d.Stage != vitrine.Received || d.Submission.Reference != "A" {
			t.Errorf("after opening again: %+v", d)
		}
	})
}

func TestOddDirectory(t *testing.T) {
	db := open(t, store.Options{Dir: filepath.Join(t.TempDir(), "a b%20?x=#é", "data")})
	receive(t, db, "A", "check")
	if _, err := os.Stat(filepath.Join(db.Dir, "vitrine.db")); err != nil {
		t.Error(err)
	}
}

// TestModes wants nobody but the owner to read anything of the store.
func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	db := open(t, store.Options{Dir: dir})
	receive(t, db, "A", "check")
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := e.Info()
		if err == nil && st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, st.Mode().Perm())
		}
		files++
		return err
	})
	if err != nil || files < 4 { // directory, database, journal, lock
		t.Errorf("%d files: %v", files, err)
	}
}

func TestBusy(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		open(t, o)
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "VITRINE_STORE_CHILD=open", "STORE_DIR="+o.Dir, "STORE_URL="+o.URL)
		out, err := c.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 5 || !strings.Contains(string(out), fmt.Sprintf("process %d:", os.Getpid())) {
			t.Errorf("the second process: %v, %s", err, out)
		}
	})
}

// TestTooNew wants a store with tables that this program does not know to be
// left alone.
func TestTooNew(t *testing.T) {
	both(t, func(t *testing.T, o store.Options) {
		for _, statement := range []string{
			`insert into vitrine_schema (version_id, is_applied) values (99, true)`,
			`insert into river_migration (line, version) values ('main', 99)`,
		} {
			db, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			db.Close()
			outside := raw(t, o)
			if _, err := outside.Exec(statement); err != nil {
				t.Fatal(err)
			}
			_, err = store.Open(t.Context(), o)
			wants(t, err, vitrine.Usage, "newer vitrine")
			if _, err := outside.Exec(`delete from vitrine_schema where version_id = 99`); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestWrongDatabase wants errors that say what to do.
func TestWrongDatabase(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "vitrine.db"), []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), store.Options{Dir: dir})
	wants(t, err, vitrine.Unverified, "damaged")
	_, err = store.Open(t.Context(), store.Options{Dir: t.TempDir(), URL: "postgres://vitrine:secret@127.0.0.1:1/vitrine"})
	wants(t, err, vitrine.Failed, "not reached")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is shown: %v", err)
	}
	_, err = store.Open(t.Context(), store.Options{})
	wants(t, err, vitrine.Usage, "data directory")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), store.Options{Dir: file}); err == nil {
		t.Error("a file was taken for the data directory")
	}
}
