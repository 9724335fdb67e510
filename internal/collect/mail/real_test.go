package mail_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/collect/mail/planted"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// realMail is 6,046 real messages, by the names they get in a Maildir. The
// leading From_ line that most of the files have is cut.
type realMail struct {
	names []string
	bytes map[string][]byte
	times map[string]time.Time
}

func loadReal(t testing.TB) realMail {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(need.Mail(t), "*", "*.txt"))
	if err != nil || len(files) != 6046 {
		t.Fatalf("%d files, want 6046 (%v)", len(files), err)
	}
	r, cut := realMail{bytes: map[string][]byte{}, times: map[string]time.Time{}}, 0
	for i, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(b, []byte("From ")) {
			b, cut = b[bytes.IndexByte(b, '\n')+1:], cut+1
		}
		at := time.Date(2002, 7, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 25 * time.Minute)
		name := fmt.Sprintf("%d.M%d.host:2,S", at.Unix(), i)
		r.names, r.bytes[name], r.times[name] = append(r.names, name), b, at
	}
	if cut != 5453 {
		t.Fatalf("cut %d From_ lines, want 5453", cut)
	}
	return r
}

func (r realMail) maildir(t testing.TB, root string) collect.Source {
	t.Helper()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, "alice", sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, b := range r.bytes {
		if err := os.WriteFile(filepath.Join(root, "alice", "cur", name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return opened(t)(mail.Maildir("mail", root+"/{account}"))
}

func (r realMail) mbox(t testing.TB, path string, repeat int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	for range repeat {
		for _, name := range r.names {
			fmt.Fprintf(w, "From sender@example.org %s\n", r.times[name].Format(time.ANSIC))
			quoted := planted.Rd.Quote(r.bytes[name])
			w.Write(quoted)
			if !bytes.HasSuffix(quoted, []byte("\n")) {
				w.WriteByte('\n') // as every writer must: one message has no line's end at its end
			}
			w.WriteByte('\n')
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// TestRealMaildir answers a month of real mail by each clock.
func TestRealMaildir(t *testing.T) {
	real, root := loadReal(t), t.TempDir()
	source := real.maildir(t, root)
	from, to := time.Date(2002, 8, 15, 0, 0, 0, 0, time.UTC), time.Date(2002, 9, 15, 0, 0, 0, 0, time.UTC)

	// By the store's record: a message every 25 minutes, so many in 31 days.
	c, h := collected(t, mandateOn(t, scopeOf(t, from, to, vitrine.ClockReceived), source), source)
	t.Logf("by received: %+v", c.Counts)
	want := int64(0)
	for _, at := range real.times {
		if !at.Before(from) && at.Before(to) {
			want++
		}
	}
	if c.Seen != 6046 || c.In != want || c.Undeterminable != 0 || c.Unreadable != 0 {
		t.Errorf("by received: %+v, want %d in", c.Counts, want)
	}
	real.identical(t, h)

	c, h = collected(t, mandateOn(t, scopeOf(t, from, to, vitrine.ClockSent), source), source)
	rules, reasons, flags := map[string]int{}, map[string]int{}, map[string]int{}
	for _, it := range h.items {
		rules[it.Sent.Rule]++
		reasons[string(it.Decision)+" "+it.Reason]++
		for _, f := range it.Flags {
			flags[f]++
		}
	}
	t.Logf("by sent: %+v; rules %v; reasons %v; flags %v", c.Counts, rules, reasons, flags)
	if c.Seen != 6046 || c.In < 1625 || c.In > 1698 || c.Unreadable != 0 {
		t.Errorf("by sent: %+v, want 1,625 to 1,698 in", c.Counts)
	}
	real.identical(t, h)
}

func (r realMail) identical(t *testing.T, h *held) {
	t.Helper()
	for i, it := range h.items {
		if want, ok := r.bytes[it.Name]; !ok || !bytes.Equal(h.bytes[i], want) {
			t.Errorf("item %q is not its file", it.Name)
		}
	}
}

// TestRealMbox reads an mboxrd that another program wrote from the same bytes.
func TestRealMbox(t *testing.T) {
	real, root := loadReal(t), t.TempDir()
	real.mbox(t, filepath.Join(root, "alice"), 1)
	source := opened(t)(mail.Mbox("mail", root+"/{account}"))
	var sums []vitrine.Digest
	forms, rules, flags := map[string]int{}, map[string]int{}, map[string]int{}
	each(t, source, func(it collect.Item) {
		sum := it.SHA256
		if it.Unquoted != nil {
			sum = it.Unquoted.SHA256
		}
		sums = append(sums, sum)
		forms[it.Form]++
		for _, d := range it.Sent {
			rules[d.Rule]++
		}
		for _, f := range append(it.Flags, it.Doubtful...) {
			flags[f]++
		}
		if it.Uncertain != "" {
			flags[it.Uncertain]++
		}
	})
	t.Logf("forms %v; rules of Date %v; flags %v", forms, rules, flags)
	if len(sums) != len(real.names) {
		t.Fatalf("%d messages, want %d", len(sums), len(real.names))
	}
	added := 0
	for i, name := range real.names {
		b := real.bytes[name]
		if !bytes.HasSuffix(b, []byte("\n")) {
			b, added = append(slices.Clone(b), '\n'), added+1
		}
		if sums[i] != vitrine.DigestOf(b) {
			t.Errorf("message %d is not %s without its quoting", i, name)
		}
	}
	if added != 1 {
		t.Errorf("%d messages have no line's end at their end, want 1", added)
	}
}

// each calls f for every item of alice's.
func each(t testing.TB, s collect.Source, f func(collect.Item)) {
	t.Helper()
	containers, err := s.Inventory(context.Background(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range containers {
		if err := s.Enumerate(context.Background(), c, "", func(it collect.Item) error { f(it); return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

const pythonMailbox = `
import mailbox, sys, hashlib
box = mailbox.mbox(sys.argv[1], create=False)
for key in box.iterkeys():
    print(hashlib.sha256(box.get_bytes(key)).hexdigest())
`

// TestPythonMbox compares with the mailbox module of Python, whose rule for a
// From_ line is looser, on mail in which both rules agree.
func TestPythonMbox(t *testing.T) {
	python := need.Tool(t, "python3")
	real, root := loadReal(t), t.TempDir()
	path := filepath.Join(root, "alice")
	real.mbox(t, path, 1)
	out, err := exec.Command(python, "-c", pythonMailbox, path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	each(t, opened(t)(mail.Mbox("mail", root+"/{account}")), func(it collect.Item) { ours = append(ours, it.SHA256.Hex()) })
	if theirs := strings.Fields(string(out)); !slices.Equal(ours, theirs) {
		t.Errorf("%d messages, Python finds %d; or other bytes", len(ours), len(theirs))
	}
}

func BenchmarkMbox(b *testing.B) {
	real, root := loadReal(b), b.TempDir()
	path := filepath.Join(root, "alice")
	real.mbox(b, path, 8)
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	source := opened(b)(mail.Mbox("mail", root+"/{account}"))
	b.SetBytes(st.Size())
	b.ReportAllocs()
	for b.Loop() {
		each(b, source, func(collect.Item) {})
	}
}

func BenchmarkMaildir(b *testing.B) {
	real := loadReal(b)
	source := real.maildir(b, b.TempDir())
	b.ReportAllocs()
	for b.Loop() {
		each(b, source, func(collect.Item) {})
	}
	b.ReportMetric(float64(len(real.names))*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
