package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/mandate"
)

// signed has two approvers sign w's statement, and returns the flags with
// their signature files.
func signed(t *testing.T, w world) []string {
	t.Helper()
	statement := filepath.Join(w.dir, "to-sign.txt")
	call{args: []string{"answer", "--config", w.config, "--demand", w.demand, "--grant", w.grant, "--out", w.outbox, "--statement", statement}}.ok(t)
	text, err := os.ReadFile(statement)
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	for i, key := range w.keys {
		a, err := keyring.Approve(key, mandate.Namespace, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(w.dir, fmt.Sprintf("%d.sig", i))
		if err := os.WriteFile(path, []byte(a.Signature), 0o600); err != nil {
			t.Fatal(err)
		}
		flags = append(flags, "--approve", path)
	}
	return flags
}

// TestChangeAfterApproval stops an answer between mandate and collection,
// changes what the approvers signed, and wants nothing to be collected.
func TestChangeAfterApproval(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	line, err := keyring.NewSSHKey(other, "mallory")
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := keyring.NewAgeKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*testing.T, world){
		"another mail store": func(t *testing.T, w world) {
			if err := os.Rename(filepath.Join(filepath.Dir(w.config), "mail"), filepath.Join(filepath.Dir(w.config), "mail2")); err != nil {
				t.Fatal(err)
			}
			edit(t, w.config, "mail/{account}", "mail2/{account}")
		},
		"a source more": func(t *testing.T, w world) {
			edit(t, w.config, "[quorum]", "[[source]]\nname = \"more\"\nkind = \"maildir\"\npath = \"mail/{account}\"\nmay_write = \"a test\"\n\n[quorum]")
		},
		"one approver is enough": func(t *testing.T, w world) { edit(t, w.config, "need = 2", "need = 1") },
		"another approver": func(t *testing.T, w world) {
			replaceLine(t, w.config, "key = \"ssh-", fmt.Sprintf("key = %q", strings.TrimSpace(line)))
		},
		"another recipient": func(t *testing.T, w world) {
			replaceLine(t, w.config, "seal_to", fmt.Sprintf("seal_to = [%q]", recipient))
		},
		"another clock":   func(t *testing.T, w world) { edit(t, w.demand, `"received"`, `"sent"`) },
		"a longer period": func(t *testing.T, w world) { edit(t, w.grant, "2026-11-01", "2026-11-02") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "")
			flags := signed(t, w)
			args := append([]string{"answer", "--config", w.config, "--demand", w.demand, "--grant", w.grant, "--out", w.outbox, "--json"}, flags...)
			mandated := afterMandate(t, w)
			o := call{args: args, env: []string{fmt.Sprintf("VITRINE_TEST_KILL_AT=%d", mandated)}}.run(t)
			if o.code != -1 {
				t.Fatalf("not killed: exit %d\n%s", o.code, o.stderr)
			}
			change(t, w)
			o = call{args: args}.run(t)
			if o.code != 4 && o.code != 1 && o.code != 2 {
				t.Errorf("exit %d, want a refusal\n%s", o.code, o.stderr)
			}
			if n := len(finals(t, w)); n > 0 {
				t.Errorf("%d files were produced", n)
			}
			if holds, _ := os.ReadDir(filepath.Join(filepath.Dir(w.config), "data", "holds")); len(holds) > 0 {
				t.Errorf("something was collected")
			}
		})
	}
}

// afterMandate is the number of the point right after the mandate was
// recorded: the last commit before the first item is held. It is found on a
// copy of the world, with the approvers' keys, since sources stand in the
// signed text with their paths.
func afterMandate(t *testing.T, w world) int {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(w.dir)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Join(dir, "provider", "keys"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	c := w
	for _, path := range []*string{&c.config, &c.demand, &c.grant, &c.outbox} {
		*path = strings.Replace(*path, w.dir, dir, 1)
	}
	trace := filepath.Join(dir, "trace")
	call{args: c.answer(), env: []string{"VITRINE_TEST_TRACE=" + trace}}.ok(t)
	b, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for i, p := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if p == "collect: items held" {
			break
		}
		if p == "store: after commit" {
			last = i
		}
	}
	return last
}

func replaceLine(t *testing.T, path, prefix, line string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, prefix) && !strings.Contains(l, "provider") {
			lines[i] = line
			if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("%s has no line that begins with %q", path, prefix)
}

// TestDiskFull runs answers on a disk that is full at ever later moments: each
// says so, and goes on when there is room.
func TestDiskFull(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	need.Mount(t, disk)
	reference := newWorld(t, "")
	want := conclude(t, reference, call{args: reference.answer()}.ok(t).result(t))
	full := 0
	for size := 128 << 10; size <= 1<<20; size += 64 << 10 {
		t.Run(fmt.Sprintf("%d KiB", size>>10), func(t *testing.T) {
			if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := syscall.Unmount(disk, 0); err != nil {
					t.Error(err)
				}
			}()
			w := newWorld(t, "")
			edit(t, w.config, `dir = "data"`, fmt.Sprintf("dir = %q", filepath.Join(disk, "data")))
			w.outbox = filepath.Join(disk, "out")
			o := call{args: w.answer()}.run(t)
			if o.code != 0 {
				full++
				if o.code != 1 || !strings.Contains(o.stderr, "free space") {
					t.Errorf("exit %d: %s", o.code, o.stderr)
				}
			}
			if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
				t.Fatal(err)
			}
			restart(t, w, want)
		})
	}
	if full == 0 {
		t.Error("the disk was never full: the test shows nothing")
	}
}

// TestBusy wants a second command on the same store to say so.
func TestBusy(t *testing.T) {
	w := newWorld(t, "")
	_, release := w.desk(t)
	defer release()
	public := filepath.Join(w.dir, "public")
	for _, args := range [][]string{
		w.answer(), {"report", "build", "--config", w.config, "--out", public}, {"receipts", "--config", w.config, "--out", w.outbox},
	} {
		if o := (call{args: args}).run(t); o.code != 5 || !strings.Contains(o.stderr, fmt.Sprintf("is in use by process %d: wait until it ends, or stop it, and run the same command again", os.Getpid())) {
			t.Errorf("%s: exit %d, want 5 (busy)\n%s", args[0], o.code, o.stderr)
		}
	}
	if _, err := os.Stat(public); err == nil {
		t.Error("the second process published something")
	}
}

// forge appends an event to the demand of w as whoever can write to the
// database could, and queues the step that it leads to.
func forge(t *testing.T, w world, step string, make func(vitrine.Demand) vitrine.Event) {
	t.Helper()
	desk, release := w.desk(t)
	defer release()
	err := desk.DB.Update(t.Context(), func(tx *store.Tx) error {
		ids, err := tx.Demands()
		if err != nil {
			return err
		}
		dem, err := tx.Demand(ids[0])
		if err != nil {
			return err
		}
		e := make(dem)
		e.Seq, e.At, e.By = dem.Seq+1, time.Now().UTC(), "mallory"
		if err := tx.Append(ids[0], e); err != nil {
			return err
		}
		return tx.Enqueue(step, ids[0])
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRecordedApproval puts a mandate without valid signatures into the
// database: the collector must not believe it.
func TestRecordedApproval(t *testing.T) {
	w := newWorld(t, "")
	flags := signed(t, w)
	one, err := os.ReadFile(flags[1])
	if err != nil {
		t.Fatal(err)
	}
	forge(t, w, "collect", func(dem vitrine.Demand) vitrine.Event {
		return vitrine.Event{Stage: vitrine.Mandated, Mandate: vitrine.DigestOf([]byte(dem.Statement)), Approvers: []string{"counsel-a", "director"},
			Approvals: []vitrine.Approval{{Signature: string(one)}, {Signature: string(one)}}}
	})
	o := call{args: []string{"answer", "--config", w.config, "--demand", w.demand, "--grant", w.grant, "--out", w.outbox}}.run(t)
	if o.code != 4 || !strings.Contains(o.stderr, "1 of 2") {
		t.Errorf("exit %d: %s", o.code, o.stderr)
	}
	if holds, _ := os.ReadDir(filepath.Join(filepath.Dir(w.config), "data", "holds")); len(holds) > 0 || len(finals(t, w)) > 0 {
		t.Error("something was collected")
	}
}

// TestRecordedDecision puts a ruling without valid signatures into the
// database: nothing more may be sealed.
func TestRecordedDecision(t *testing.T) {
	w := newWorld(t, "")
	call{args: w.answer()}.ok(t)
	forge(t, w, "seal", func(dem vitrine.Demand) vitrine.Event {
		r := mandate.Ruling{Demand: dem.ID, Mandate: dem.Mandate, Hold: dem.Collection.Hold, Items: []mandate.RuledItem{{Number: 2, Produce: true}, {Number: 3, Produce: true}}}
		return vitrine.Event{Stage: vitrine.Decided, Mandate: dem.Mandate, Statement: r.Text(), Approvals: []vitrine.Approval{{Signature: "x"}}, Approvers: []string{"counsel-a"},
			Decisions: &vitrine.Decisions{Produced: []int64{2, 3}}}
	})
	o := call{args: w.answer()}.run(t)
	if o.code != 4 || !strings.Contains(o.stderr, "0 of 2") {
		t.Errorf("exit %d: %s", o.code, o.stderr)
	}
	if n := len(finals(t, w)); n != 2 {
		t.Errorf("%d files in the outbox, want the first volume's two", n)
	}
}
