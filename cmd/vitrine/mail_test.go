package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/production"
)

// realMail lays 6,046 real messages out as one Maildir and, from the same
// bytes, as an mboxrd, and returns the bytes by the Maildir's file names.
func realMail(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(need.Mail(t), "*", "*.txt"))
	if err != nil || len(files) != 6046 {
		t.Fatalf("%d files of real mail, want 6046 (%v)", len(files), err)
	}
	cur := filepath.Join(dir, "mail", "alice", "cur")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, "mail", "alice", sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "mbox"), 0o700); err != nil {
		t.Fatal(err)
	}
	box, err := os.Create(filepath.Join(dir, "mbox", "alice"))
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	out := bufio.NewWriter(box)
	messages, cut := map[string][]byte{}, 0
	start := time.Date(2002, 7, 1, 0, 0, 0, 0, time.UTC)
	for i, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(b, []byte("From ")) {
			b, cut = b[bytes.IndexByte(b, '\n')+1:], cut+1
		}
		at := start.Add(time.Duration(i) * 25 * time.Minute) // over 105 days: some before, some in, some after the scope
		name := fmt.Sprintf("%d.M%d.test:2,S", at.Unix(), i)
		if err := os.WriteFile(filepath.Join(cur, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		messages[name] = b
		writeRd(out, b, at)
	}
	if cut != 5453 {
		t.Fatalf("cut %d From_ lines, want 5453", cut)
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	return messages
}

var fromLine = regexp.MustCompile(`(?m)^(>*From )`)

// writeRd writes one message as mboxrd does (the ">From " rule of qmail's
// mbox(5)): every line that begins with ">"s and "From " gets one more ">".
func writeRd(w *bufio.Writer, message []byte, at time.Time) {
	fmt.Fprintf(w, "From sender@example.org %s\n", at.Format(time.ANSIC))
	quoted := fromLine.ReplaceAll(message, []byte(">$1"))
	w.Write(quoted)
	if !bytes.HasSuffix(quoted, []byte("\n")) {
		w.WriteByte('\n')
	}
	w.WriteByte('\n')
}

// realWorld is a world whose one source is the real mail.
func realWorld(t *testing.T, kind, path, clock string) world {
	t.Helper()
	w := newWorld(t, "")
	b, err := os.ReadFile(w.config)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(b), "[[source]]")
	_, tail, _ := strings.Cut(rest, "[quorum]")
	config := head + fmt.Sprintf("[[source]]\nname = \"mail\"\nkind = %q\npath = %q\nmay_write = \"a test\"\n\n[quorum]", kind, path) + tail
	if err := os.WriteFile(w.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	demand := "reference = \"26-CR-118\"\nauthority = \"us-dc-wawd\"\ninstrument = \"us/search-warrant\"\ndocument = \"warrant.txt\"\nreceived = 2026-11-20T09:00:00Z\n" +
		"accounts = [\"alice\"]\ncategories = [\"content\"]\nfrom = 2002-08-15T00:00:00Z\nto = 2002-09-15T00:00:00Z\nclock = \"" + clock + "\"\n"
	if err := os.WriteFile(w.demand, []byte(demand), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// answerAll answers w's demand without a grant and returns the result and the
// directory of the opened first volume.
func answerAll(t *testing.T, w world) (Result, string) {
	t.Helper()
	args := append([]string{"answer", "--config", w.config, "--demand", w.demand, "--out", w.outbox, "--json"}, w.approve()...)
	r := call{args: args}.ok(t).result(t)
	bag := w.opened(1)
	call{args: []string{"open", r.Package, "--identity", w.identity, "--out", bag}}.ok(t)
	call{args: []string{"verify", bag, "--trust", r.Trust}}.ok(t)
	if r.Seen != r.In+r.Out+r.Undeterminable+r.Unreadable {
		t.Errorf("the sums do not close: %+v", r)
	}
	return r, bag
}

func items(t *testing.T, bag string) []production.Item {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(bag, "items.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var out []production.Item
	for line := range bytes.Lines(b) {
		var it production.Item
		if err := json.Unmarshal(line, &it); err != nil {
			t.Fatal(err)
		}
		out = append(out, it)
	}
	return out
}

// produced reads an item's file from the opened bag.
func produced(t *testing.T, bag string, it production.Item) []byte {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(bag, "data", fmt.Sprintf("%06d.*", it.Number)))
	if err != nil || len(found) != 1 {
		t.Fatalf("item %d: %d files", it.Number, len(found))
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRealMail answers one month of real mail by each clock and compares what
// the authority finds in its package with the files.
func TestRealMail(t *testing.T) {
	dir := t.TempDir()
	messages := realMail(t, dir)
	sent := map[string][32]byte{}
	for _, clock := range []string{"sent", "received"} {
		w := realWorld(t, "maildir", filepath.Join(dir, "mail", "{account}"), clock)
		r, bag := answerAll(t, w)
		t.Logf("by %s: %d seen = %d in + %d out + %d undeterminable + %d unreadable", clock, r.Seen, r.In, r.Out, r.Undeterminable, r.Unreadable)
		if r.Seen != 6046 {
			t.Errorf("by %s: %d seen, want 6046", clock, r.Seen)
		}
		if clock == "sent" && (r.In < 1625 || r.In > 1698) {
			t.Errorf("by sent: %d in, want 1,625 to 1,698", r.In)
		}
		if clock == "received" && r.In != 31*24*60/25+1 { // a message every 25 minutes for 31 days, the first at the very start
			t.Errorf("by received: %d in, want %d", r.In, 31*24*60/25+1)
		}
		list := items(t, bag)
		if int64(len(list)) != r.In {
			t.Errorf("by %s: %d items in the package, %d in scope", clock, len(list), r.In)
		}
		for _, it := range list {
			want, ok := messages[it.Name]
			if !ok || !bytes.Equal(produced(t, bag, it), want) {
				t.Fatalf("item %d (%q) is not its file's bytes", it.Number, it.Name)
			}
			if clock == "sent" {
				sent[it.Name] = sha256.Sum256(want)
			}
		}
	}
	mboxAgrees(t, dir, sent)
}

// mboxAgrees answers the same by sent from the mboxrd: the unquoted digests
// are those of the Maildir's messages.
func mboxAgrees(t *testing.T, dir string, maildir map[string][32]byte) {
	t.Helper()
	w := realWorld(t, "mbox", filepath.Join(dir, "mbox", "{account}"), "sent")
	_, bag := answerAll(t, w)
	count := map[string]int{}
	for _, d := range maildir {
		count[hex.EncodeToString(d[:])]++
	}
	n := 0
	for _, it := range items(t, bag) {
		digest := it.SHA256.Hex()
		if it.Unquoted != nil {
			digest = it.Unquoted.SHA256.Hex()
		}
		if count[digest] == 0 {
			t.Errorf("item %d of the mbox (%s) is none of the Maildir's", it.Number, it.Name)
		}
		count[digest]--
		n++
	}
	// Where the Date header does not decide, the store's own time does, and an
	// mbox's has no zone: a few of the Maildir's may be undeterminable here.
	if missing := len(maildir) - n; missing < 0 || missing > 5 {
		t.Errorf("%d items from the mbox, %d from the Maildir", n, len(maildir))
	}
}

// TestStockTools opens and checks the package with nothing of ours.
func TestStockTools(t *testing.T) {
	age, unzip, sha256sum := need.Tool(t, "age"), need.Tool(t, "unzip"), need.Tool(t, "sha256sum")
	w := newWorld(t, "")
	r := call{args: w.answer()}.ok(t).result(t)
	zip, bag := filepath.Join(w.dir, "stock.zip"), filepath.Join(w.dir, "stock")
	for _, cmd := range []*exec.Cmd{
		exec.Command(age, "-d", "-i", w.identity, "-o", zip, r.Package),
		exec.Command(unzip, "-q", "-t", zip),
		exec.Command(unzip, "-q", zip, "-d", bag),
	} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
	for _, manifest := range []string{"manifest-sha256.txt", "tagmanifest-sha256.txt"} {
		cmd := exec.Command(sha256sum, "-c", "--strict", "--quiet", manifest)
		cmd.Dir = bag
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("sha256sum -c %s: %v\n%s", manifest, err, out)
		}
	}
	call{args: []string{"verify", bag, "--trust", r.Trust}}.ok(t)
}
