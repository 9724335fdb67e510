package planted

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// Stored is a message in a mailbox: what was planted, what the mailbox tells
// of its arrival, and the bytes it has there.
type Stored struct {
	Message
	Arrived Span
	Bytes   []byte
	// Doubtful: the mailbox does not tell where the message ends.
	Doubtful bool
}

// Item is the message as the oracle judges it.
func (s Stored) Item() truth.Item {
	return truth.Item{Category: truth.Content, Raw: s.Bytes, Received: s.Arrived, Sent: s.Sent, Fields: s.Fields, Hidden: s.Hidden, Unbounded: s.Doubtful}
}

// Quoting is what a writer of an mbox does to lines that begin with "From ".
type Quoting string

// The variants of mbox.
const (
	Rd  Quoting = "mboxrd"  // one more ">" before any number of ">" and "From "
	O   Quoting = "mboxo"   // one ">" before "From "
	Cl2 Quoting = "mboxcl2" // none; Content-Length tells where the body ends
)

var (
	quoteRd   = regexp.MustCompile(`(?m)^(>*From )`)
	quoteO    = regexp.MustCompile(`(?m)^(From )`)
	separator = regexp.MustCompile(`(?m)^From me@example\.org Thu Aug 22`)
)

// Quote returns the message as the variant stores it.
func (q Quoting) Quote(raw []byte) []byte {
	switch q {
	case Rd:
		return quoteRd.ReplaceAll(raw, []byte(">$1"))
	case O:
		return quoteO.ReplaceAll(raw, []byte(">$1"))
	}
	blank, end := bytes.Index(raw, []byte("\n\n"))+2, "\n"
	if i := bytes.Index(raw, []byte("\r\n\r\n")); i >= 0 {
		blank, end = i+4, "\r\n"
	}
	length := fmt.Sprintf("Content-Length: %d%s", len(raw)-blank, end)
	return append([]byte(length), raw...)
}

// Mbox writes the messages as one file in a variant and returns what lies
// where.
func Mbox(t *rapid.T, q Quoting, messages []Message) (file []byte, stored []Stored) {
	for _, m := range messages {
		date, arrived := From_(t, m.Received)
		sender := rapid.SampledFrom([]string{"-", "MAILER-DAEMON", "bob@example.org", `"a b"@example.org`}).Draw(t, "sender")
		s := Stored{Message: m, Arrived: arrived, Bytes: q.Quote(m.Raw)}
		s.Doubtful = q == Cl2 && separator.Match(m.Raw)
		end := "\n"
		if bytes.Contains(m.Raw, []byte("\r\n")) {
			end = "\r\n"
		}
		file = fmt.Appendf(file, "From %s %s%s", sender, date, end)
		file = append(append(file, s.Bytes...), end...)
		stored = append(stored, s)
	}
	return file, stored
}

// Maildir writes the messages into a Maildir with one folder, in place of
// what was there, and returns them by their files' names.
func Maildir(t *rapid.T, dir string, messages []Message) map[string]Stored {
	subs := []string{"cur", "new", ".Sent/cur", ".Sent/new"}
	for _, sub := range append(subs, "tmp") {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range subs {
		old, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range old {
			if err := os.Remove(filepath.Join(dir, sub, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	stored := map[string]Stored{}
	for i, m := range messages {
		sub := rapid.SampledFrom(subs).Draw(t, "folder")
		name := fmt.Sprintf("%d.M%dP%d.host,S=%d", m.Received.Unix(), i, 7, len(m.Raw))
		if filepath.Base(sub) == "cur" {
			name += rapid.SampledFrom([]string{":2,", ":2,S", ":2,DST"}).Draw(t, "flags")
		}
		named := rapid.IntRange(0, 3).Draw(t, "named") > 0
		if !named {
			name = "copy-" + name
		}
		path := filepath.Join(dir, sub, name)
		if err := os.WriteFile(path, m.Raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if !named { // such a file's time is that of its modification
			if err := os.Chtimes(path, m.Received, m.Received); err != nil {
				t.Fatal(err)
			}
		}
		stored[name] = Stored{Message: m, Arrived: Span{From: m.Received, To: m.Received}, Bytes: m.Raw}
	}
	for _, sub := range subs { // nothing happened here for a while
		if err := os.Chtimes(filepath.Join(dir, sub), time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return stored
}
