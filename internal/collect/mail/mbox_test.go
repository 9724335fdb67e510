package mail_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
)

const fromA = "From a@example.org Thu Aug 22 18:26:25 2002\n"

// box writes one mbox for alice and returns its source.
func box(t testing.TB, text string) (s collect.Source, path string) {
	t.Helper()
	root := t.TempDir()
	path = filepath.Join(root, "alice")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return opened(t)(mail.Mbox("m", root+"/{account}")), path
}

// TestMboxPieces: what separates two messages, and what does not. Each item is
// written as its bytes, then its form and flags.
func TestMboxPieces(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"empty":                   {"", nil},
		"only line ends":          {"\n\r\n\n", nil},
		"two":                     {fromA + "A: b\n\nx\n\n" + fromA + "A: b\n\ny\n", []string{"A: b\n\nx\n mbox []", "A: b\n\ny\n mbox []"}},
		"no blank line before":    {fromA + "A: b\n\nx\n" + fromA + "A: b\n\ny\n\n", []string{"A: b\n\nx\n mbox []", "A: b\n\ny\n mbox []"}},
		"two blank lines":         {fromA + "A: b\n\nx\n\n\n" + fromA + "A: b\n\n", []string{"A: b\n\nx\n\n mbox []", "A: b\n mbox []"}},
		"CRLF":                    {"From a Thu Aug 22 18:26:25 2002\r\nA: b\r\n\r\nx\r\n\r\nFrom a Thu Aug 22 18:26:25 2002\r\nA: b\r\n\r\n\r\n", []string{"A: b\r\n\r\nx\r\n mbox []", "A: b\r\n\r\n mbox []"}},
		"a sentence":              {fromA + "A: b\n\nFrom here to there\nFrom\nFrom there\n", []string{"A: b\n\nFrom here to there\nFrom\nFrom there\n mbox []"}},
		"in a line":               {fromA + "A: b\n\nx " + fromA, []string{"A: b\n\nx " + fromA + " mbox []"}},
		"quoted":                  {fromA + "A: b\n\n>From x\n>>From y\n", []string{"A: b\n\n>From x\n>>From y\n mboxrd []"}},
		"quoted here, not there":  {fromA + "A: b\n\n>From x\nFrom y\n", []string{"A: b\n\n>From x\nFrom y\n mboxo []"}},
		"no date, header follows": {"From -\nA: b\nC: d\n\nx\n", []string{"A: b\nC: d\n\nx\n mbox []"}},
		"no date, text follows":   {fromA + "A: b\n\nFrom me\ndear all\n", []string{"A: b\n\nFrom me\ndear all\n mbox []"}},
		"no date, a colon":        {fromA + "A: b\n\nFrom me\nNote: this\nis text\n", []string{"A: b\n\nFrom me\nNote: this\nis text\n mbox []"}},
		"odd senders":             {"From \"a b\"@c Thu Aug 22 18:26:25 2002\nA: b\n\nFrom a b c Thu, Aug 22 18:26:25 2002\nA: b\n\n", []string{"A: b\n mbox []", "A: b\n mbox []"}},
		"no such day":             {fromA + "A: b\n\nFrom a Thu Feb 31 18:26:25 2002\n", []string{"A: b\n\nFrom a Thu Feb 31 18:26:25 2002\n mbox []"}},
		"a date in a sentence":    {fromA + "A: b\n\nFrom a Thu Aug 22 18:26:25 2002 it rained\n", []string{"A: b\n\nFrom a Thu Aug 22 18:26:25 2002 it rained\n mbox []"}},
		"remote from":             {"From a Thu Aug 22 18:26:25 2002 remote from uucp\nA: b\n\nx\n", []string{"A: b\n\nx\n mbox []"}},
		"in the header":           {fromA + "A: b\n" + fromA + "C: d\n\n", []string{"A: b\n mbox [no-blank-line]", "C: d\n mbox []"}},
		"length":                  {fromA + "Content-Length: 10\n\n>From x\n12\n" + fromA + "A: b\n\n", []string{"Content-Length: 10\n\n>From x\n12 mboxcl2 []", "A: b\n mbox []"}},
		"length steps over":       {fromA + fmt.Sprintf("Content-Length: %d\n\n", len(fromA)) + fromA + "\n" + fromA + "A: b\n\nx\n", []string{fmt.Sprintf("Content-Length: %d\n\n", len(fromA)) + fromA + " mboxcl2 [uncertain]", "A: b\n\nx\n mbox []"}},
		"length leads nowhere":    {fromA + "Content-Length: 3\n\n12345\n\n" + fromA + "A: b\n\nx\n", []string{"Content-Length: 3\n\n12345\n mbox []", "A: b\n\nx\n mbox []"}},
		"two lengths":             {fromA + "Content-Length: 2\nContent-Length: 2\n\n1\n\n" + fromA + "A: b\n\nx\n", []string{"Content-Length: 2\nContent-Length: 2\n\n1\n mbox [uncertain]", "A: b\n\nx\n mbox []"}},
		"length too long":         {fromA + "Content-Length: 900\n\n12\n", []string{"Content-Length: 900\n\n12\n mbox [truncated]"}},
		"cut in the body":         {fromA + "A: b\n\n12", []string{"A: b\n\n12 mbox [truncated]"}},
		"cut in the header":       {fromA + "A: b\nDate", []string{"A: b\nDate mbox [no-blank-line odd-header-line truncated]"}},
		"cut in the From_ line":   {fromA + "A: b\n\nx\nFrom a@example.org Thu Aug", []string{"A: b\n\nx\nFrom a@example.org Thu Aug mbox [truncated]"}},
		"nothing behind":          {fromA, []string{" mbox [no-blank-line]"}},
		"junk before":             {"junk\n\n" + fromA + "A: b\n\n", []string{" mbox [unreadable]", "A: b\n mbox []"}},
	} {
		s, _ := box(t, c.text)
		var got []string
		each(t, s, func(it collect.Item) {
			b := c.text[it.Offset : it.Offset+it.Size]
			if it.Unreadable != "" {
				it.Flags, b = append(it.Flags, "unreadable"), ""
			} else if it.SHA256 != vitrine.DigestOf([]byte(b)) {
				t.Errorf("%s: the digest is not that of %q", name, b)
			}
			if it.Uncertain != "" {
				it.Flags = append(it.Flags, "uncertain")
			}
			slices.Sort(it.Flags)
			got = append(got, fmt.Sprintf("%s %s %v", b, it.Form, it.Flags))
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

// TestMboxReceived: the date of a From_ line without a zone is an interval.
func TestMboxReceived(t *testing.T) {
	at := time.Date(2002, 8, 22, 18, 26, 25, 0, time.UTC)
	for line, want := range map[string]struct {
		rule     string
		from, to time.Time
	}{
		"From a Thu Aug 22 18:26:25 2002":        {"mbox-from", at.Add(-14 * time.Hour), at.Add(12 * time.Hour)},
		"From a  Thu Aug 22 18:26:25 2002  ":     {"mbox-from", at.Add(-14 * time.Hour), at.Add(12 * time.Hour)},
		"From a Thu Aug 22 18:26:25 MEST 2002":   {"mbox-from", at.Add(-14 * time.Hour), at.Add(12 * time.Hour)},
		"From a Thu Aug 22 18:26:25 2002 +0100":  {"mbox-from-zone", at.Add(-time.Hour), at.Add(-time.Hour)},
		"From a Thu Aug 22 18:26:25 PDT 2002":    {"mbox-from-zone", at.Add(7 * time.Hour), at.Add(7 * time.Hour)},
		"From a Thu, 22 Aug 2002 18:26:25 +0000": {"mbox-from-zone", at, at},
		"From a Thu Aug 22 18:26:25 1902":        {"mbox-from", time.Time{}, time.Time{}},
		"From -":                                 {"mbox-from-undated", time.Time{}, time.Time{}},
		"From MAILER-DAEMON":                     {"mbox-from-undated", time.Time{}, time.Time{}},
		"From a@b Thu Aug 22 18:26 2002":         {"mbox-from", at.Add(-14*time.Hour - 25*time.Second), at.Add(12*time.Hour - 25*time.Second)},
	} {
		s, _ := box(t, line+"\nA: b\nC: d\n\nx\n")
		n := 0
		each(t, s, func(it collect.Item) {
			n++
			if r := it.Received; r.Rule != want.rule || !r.From.Equal(want.from) || !r.To.Equal(want.to) {
				t.Errorf("%q: %+v", line, r)
			}
		})
		if n != 1 {
			t.Errorf("%q: %d items", line, n)
		}
	}
}

// TestMboxRefused: what is no mbox, and where one may not lie.
func TestMboxRefused(t *testing.T) {
	for text, want := range map[string]string{
		"hello\n": "is no mbox", "\x01\x01\x01\x01\nFrom: a\n\nx\n\x01\x01\x01\x01\n": "is no mbox", strings.Repeat("\n", 5000) + "x": "is no mbox",
	} {
		s, _ := box(t, text)
		cs, err := s.Inventory(context.Background(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		says(t, s.Enumerate(context.Background(), cs[0], "", func(collect.Item) error { t.Error("an item"); return nil }), want)
	}
	s, path := box(t, fromA)
	if err := os.Rename(path, path+".real"); err != nil {
		t.Fatal(err)
	}
	if cs, err := s.Inventory(context.Background(), "alice"); len(cs) > 0 || err != nil {
		t.Errorf("a file that is gone: %v %v", cs, err)
	}
	if err := os.Symlink("alice.real", path); err != nil {
		t.Fatal(err)
	}
	_, err := s.Inventory(context.Background(), "alice")
	says(t, err, "symbolic link")
	os.Remove(path)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = s.Inventory(context.Background(), "alice")
	says(t, err, "it is no file")
	if cs, err := s.Inventory(context.Background(), "../alice"); len(cs) > 0 || err != nil {
		t.Errorf("a path as an account: %v %v", cs, err)
	}
}

// TestMboxChanged runs a collection while the file changes. Mail that is
// appended is counted and not collected; everything else fails the whole.
func TestMboxChanged(t *testing.T) {
	message := fromA + "From: a@example.org\n\n" + strings.Repeat("body\n", 50) + "\n"
	text := strings.Repeat(message, 20)
	edit := func(f func([]byte) []byte) func(string) error {
		return func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, f(b), 0o600)
		}
	}
	for name, c := range map[string]struct {
		change  func(path string) error
		arrived int64
		says    string
	}{
		"nothing":                  {func(string) error { return nil }, 0, ""},
		"touched":                  {func(p string) error { return os.Chtimes(p, time.Unix(1, 0), time.Unix(1, 0)) }, 0, ""},
		"appended":                 {edit(func(b []byte) []byte { return append(b, message...) }), 1, ""},
		"appended twice":           {edit(func(b []byte) []byte { return append(b, message+message...) }), 2, ""},
		"appended to the message":  {edit(func(b []byte) []byte { return append(b, "more of the last\n"...) }), 0, "was being written"},
		"cut":                      {edit(func(b []byte) []byte { return b[:len(b)-10] }), 0, "run the step again"},
		"expunged":                 {edit(func(b []byte) []byte { return b[len(message):] }), 0, "run the step again"},
		"one byte":                 {edit(func(b []byte) []byte { b[len(b)/2] ^= 1; return b }), 0, "run the step again"},
		"one byte of a From_ line": {edit(func(b []byte) []byte { b[len(message)*10+len("From a@example.org Thu Aug 22 18:26:2")] = '7'; return b }), 0, "run the step again"},
		"status written": {edit(func(b []byte) []byte {
			return []byte(strings.ReplaceAll(string(b), "\n\nbody", "\nStatus: RO\n\nbody"))
		}), 0, "run the step again"},
		"replaced": {func(p string) error { os.WriteFile(p+"~", []byte(text), 0o600); return os.Rename(p+"~", p) }, 0, "run the step again"},
		"removed":  {os.Remove, 0, "open"},
	} {
		s, path := box(t, text)
		m := mandateOn(t, scopeOf(t, time.Unix(1029000000, 0), time.Unix(1031000000, 0), vitrine.ClockReceived), s)
		h := &held{}
		changing := &hook{held: h, after: 10, do: func() error { return c.change(path) }}
		col, err := collect.Job{Mandate: m, Sources: configured(s), Hold: changing, Now: func() time.Time { return signed.Now }}.Run(context.Background())
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) || col.Seen != 0 {
				t.Errorf("%s: %v, %+v", name, err, col.Counts)
			}
			continue
		}
		if err != nil || col.Seen != 20 || col.In != 20 || col.Containers[0].Arrived != c.arrived || col.Containers[0].Vanished != 0 {
			t.Errorf("%s: %v, %+v", name, err, col)
		}
	}
}
