package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// TestMemory answers from a 2 GB mbox, a Maildir with a 300 MB message and one
// with 150,000 messages, in a process of its own, whose peak must stay under
// 128 MB.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: writes 3 GB")
	}
	need.Disk(t, 12<<30)
	dir := t.TempDir()
	for name, c := range map[string]struct {
		kind, path string
		write      func(*testing.T, string)
	}{
		"mbox of 2 GB":      {"mbox", "{account}", func(t *testing.T, dir string) { bigMbox(t, filepath.Join(dir, "alice"), 2<<30) }},
		"message of 300 MB": {"maildir", "{account}", func(t *testing.T, dir string) { bigMessage(t, filepath.Join(dir, "alice"), 300<<20) }},
		"150,000 messages":  {"maildir", "{account}", func(t *testing.T, dir string) { manyMessages(t, filepath.Join(dir, "alice"), 150_000) }},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			c.write(t, dir)
			w := realWorld(t, c.kind, filepath.Join(dir, c.path), "received")
			peak := filepath.Join(w.dir, "peak")
			args := append([]string{"answer", "--config", w.config, "--demand", w.demand, "--out", w.outbox, "--json"}, w.approve()...)
			r := call{args: args, env: []string{"VITRINE_TEST_PEAK=" + peak}}.ok(t).result(t)
			below(t, "answer", peak, 128<<20)
			call{args: []string{"open", r.Package, "--identity", w.identity, "--out", w.opened(1)}, env: []string{"VITRINE_TEST_PEAK=" + peak}}.ok(t)
			below(t, "open", peak, 128<<20)
			call{args: []string{"verify", w.opened(1), "--trust", r.Trust}, env: []string{"VITRINE_TEST_PEAK=" + peak}}.ok(t)
			below(t, "verify", peak, 128<<20)
			if r.In == 0 || r.Seen != r.In+r.Out+r.Undeterminable+r.Unreadable {
				t.Errorf("%+v", r)
			}
		})
	}
}

func below(t *testing.T, what, file string, bound int64) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	peak, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || peak <= 0 {
		t.Fatalf("peak %q: %v", b, err)
	}
	t.Logf("%s: peak %d MB", what, peak>>20)
	if peak > bound {
		t.Errorf("%s: peak memory %d MB, want at most %d", what, peak>>20, bound>>20)
	}
}

// bigMbox writes messages of 30 KB, one in eight of them in the scope's month.
func bigMbox(t *testing.T, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	body := strings.Repeat(strings.Repeat("all the world's a stage, ", 3)+"\n", 400)
	for n := int64(0); n*int64(len(body)) < size; n++ {
		at := time.Date(2002, 8, 20, 12, 0, 0, 0, time.UTC)
		if n%8 > 0 {
			at = at.AddDate(0, 6, 0)
		}
		fmt.Fprintf(w, "From a@example.org %s\nFrom: a@example.org\nTo: b@example.org\nDate: %s\nSubject: %d\n\n%s\n", at.Format(time.ANSIC), at.Format(time.RFC1123Z), n, body)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// manyMessages writes short messages, of which the first thousand are in the
// scope's month.
func manyMessages(t *testing.T, dir string, n int) {
	t.Helper()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2002, 8, 20, 12, 0, 0, 0, time.UTC)
	for i := range n {
		if i == 1000 {
			at = at.AddDate(1, 0, 0)
		}
		name := fmt.Sprintf("%d.M%06dP1.some.host.example:2,S", at.Unix(), i)
		if err := os.WriteFile(filepath.Join(dir, "cur", name), []byte("From: a@example.org\n\nx\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func bigMessage(t *testing.T, dir string, size int) {
	t.Helper()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2002, 8, 20, 12, 0, 0, 0, time.UTC)
	f, err := os.Create(filepath.Join(dir, "cur", fmt.Sprintf("%d.big:2,S", at.Unix())))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintf(f, "From: a@example.org\nDate: %s\n\n", at.Format(time.RFC1123Z))
	line := bytes.Repeat([]byte("A"), 76)
	w := bufio.NewWriterSize(f, 1<<20)
	for n := 0; n < size; n += len(line) + 1 {
		w.Write(line)
		w.WriteByte('\n')
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}
