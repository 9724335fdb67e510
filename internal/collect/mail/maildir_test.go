package mail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
)

// tree writes files, by their paths; a path that ends in "/" is a directory.
func tree(t testing.TB, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, name)
		dir := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			dir = path
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if dir == path {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func names(t testing.TB, s collect.Source, a vitrine.Account) (containers, items []string) {
	t.Helper()
	cs, err := s.Inventory(context.Background(), a)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cs {
		containers = append(containers, c.Name)
		err := s.Enumerate(context.Background(), c, "", func(it collect.Item) error {
			items = append(items, c.Name+":"+it.Name+it.Unreadable)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return containers, items
}

func TestPatterns(t *testing.T) {
	for path, want := range map[string][2]bool{ // for a Maildir, for an mbox
		"/mail/{account}": {true, true}, "{account}": {true, true}, "mail/{account}/Maildir": {true, true}, "/mail/{account}.mbox": {false, true},
		"/mail": {false, false}, "": {false, false}, "/mail/{account}/{account}": {false, false}, "/mail/u-{account}": {false, false}, "/mail/{account}.d": {false, false},
		"/mail/{account}/..": {false, false}, "/mail/{account}/": {false, false}, "/mail/{account}/a//b": {false, false}, "/mail/{account}.mbox/x": {false, false}, "/mail/{account}{account}": {false, false},
	} {
		_, maildir := mail.Maildir("m", path)
		_, mbox := mail.Mbox("m", path)
		if (maildir == nil) != want[0] || (mbox == nil) != want[1] {
			t.Errorf("%q: Maildir %v, mbox %v", path, maildir, mbox)
		}
	}
}

// TestMaildirContainers: folders of both layouts are containers; what is not a
// delivered message is none.
func TestMaildirContainers(t *testing.T) {
	root := t.TempDir()
	tree(t, root, map[string]string{
		"alice/new/2.b": "Subject: b\n\n", "alice/cur/1.a:2,S": "", "alice/tmp/3.c": "half", "alice/cur/.hidden": "", "alice/dovecot.index": "",
		"alice/.Sent/cur/4.d:2,": "", "alice/.Sent/new/": "", "alice/.Sent.2002/new/": "", "alice/Archive/2002/cur/5.e": "", "alice/sieve/x": "",
		"bob/cur/": "",
	})
	s := opened(t)(mail.Maildir("m", root+"/{account}"))
	containers, items := names(t, s, "alice")
	if want := []string{"INBOX", ".Sent", ".Sent.2002", "Archive/2002"}; !slices.Equal(containers, want) {
		t.Errorf("containers %q, want %q", containers, want)
	}
	if want := []string{"INBOX:1.a:2,S", "INBOX:2.b", ".Sent:4.d:2,", "Archive/2002:5.e"}; !slices.Equal(items, want) {
		t.Errorf("items %q, want %q", items, want)
	}
	if containers, items := names(t, s, "bob"); len(containers) != 1 || len(items) != 0 {
		t.Errorf("bob has %q %q", containers, items)
	}
}

// TestMaildirLookup: an account is found by its whole name or not at all.
func TestMaildirLookup(t *testing.T) {
	root := t.TempDir()
	tree(t, root, map[string]string{"mail/alice/cur/1.a": "", "secret/cur/1.a": "", "mail/nested/bob/cur/1.a": ""})
	s := opened(t)(mail.Maildir("m", root+"/mail/{account}"))
	for _, a := range []vitrine.Account{"Alice", "alic", "alice2", "", ".", "..", "../secret", "alice/cur", "nested/bob", "alice\x00", "{account}"} {
		if cs, err := s.Inventory(context.Background(), a); len(cs) != 0 || err != nil {
			t.Errorf("account %q: %v, %v", a, cs, err)
		}
	}
	_, err := opened(t)(mail.Maildir("m", root+"/nowhere/{account}")).Inventory(context.Background(), "alice")
	says(t, err, "nowhere cannot be read")
}

func says(t testing.TB, err error, text string) {
	t.Helper()
	if r, ok := err.(*vitrine.Refusal); !ok || r.Kind != vitrine.Failed || !strings.Contains(r.Text, text) {
		t.Errorf("error %v, want a refusal that says %q", err, text)
	}
}

// TestMaildirLinks: a link leads nowhere, whether it is the account, a folder
// or a message; and is never passed over in silence.
func TestMaildirLinks(t *testing.T) {
	root := t.TempDir()
	tree(t, root, map[string]string{"secret/cur/1.a": "secret", "alice/cur/1.a": "Subject: a\n\n", "bob/cur/": "", "bob/cur/4.dir/": "", "dave/x": "", "erin/cur/1.a": ""})
	for from, to := range map[string]string{"carol": "secret", "alice/.Out": "../secret", "bob/cur/2.link": "../../secret/cur/1.a", "bob/cur/3.gone": "nowhere", "erin/new": "../secret/cur"} {
		if err := os.Symlink(to, filepath.Join(root, from)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "bob/cur/5.fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := opened(t)(mail.Maildir("m", root+"/{account}"))
	for a, text := range map[vitrine.Account]string{"carol": "symbolic link", "alice": "symbolic link", "dave": "is no Maildir", "erin": "symbolic link"} {
		_, err := s.Inventory(context.Background(), a)
		says(t, err, text)
	}
	_, items := names(t, s, "bob")
	if want := []string{"INBOX:2.linkno-file", "INBOX:3.goneno-file", "INBOX:4.dirno-file", "INBOX:5.fifono-file"}; !slices.Equal(items, want) {
		t.Errorf("items %q, want %q", items, want)
	}
}

// TestMaildirReceived: the name tells when a message arrived, else the file.
func TestMaildirReceived(t *testing.T) {
	root := t.TempDir()
	at := time.Date(2002, 8, 22, 17, 26, 25, 999, time.UTC)
	for name, want := range map[string]string{
		"1030037185.M1P2.host:2,S": "maildir-name", "1030037185.x": "maildir-name", "103003718.x": "maildir-name",
		"1030037185": "mtime", "1030037185x.y": "mtime", "10300371850.x": "mtime", "1.a": "mtime", "copy.1030037185": "mtime", "0000000000.x": "mtime",
	} {
		os.RemoveAll(filepath.Join(root, "alice"))
		tree(t, root, map[string]string{"alice/cur/" + name: ""})
		if err := os.Chtimes(filepath.Join(root, "alice/cur", name), at, at); err != nil {
			t.Fatal(err)
		}
		each(t, opened(t)(mail.Maildir("m", root+"/{account}")), func(it collect.Item) {
			if it.Received.Rule != want || slices.Contains(it.Flags, "mtime") != (want == "mtime") || !it.Received.From.Equal(it.Received.To) {
				t.Errorf("%q: %+v, flags %v", name, it.Received, it.Flags)
			}
			if seconds := it.Received.From.Unix(); name != "103003718.x" && seconds != 1030037185 {
				t.Errorf("%q arrived at %d", name, seconds)
			}
		})
	}
}

// TestMaildirChanged: bytes other than those whose header was enumerated are
// never handed out as if they were.
func TestMaildirChanged(t *testing.T) {
	at := time.Unix(1030037185, 0)
	text := "From: a@example.org\n\nbody\n"
	for name, change := range map[string]func(path string) error{
		"other bytes":  func(p string) error { return os.WriteFile(p, []byte(strings.ToUpper(text)), 0o600) },
		"longer":       func(p string) error { return os.WriteFile(p, []byte(text+"more"), 0o600) },
		"shorter":      func(p string) error { return os.Truncate(p, 5) },
		"another file": func(p string) error { os.WriteFile(p+"x", []byte(text), 0o600); return os.Rename(p+"x", p) },
		"gone":         os.Remove,
		"other header, same time and size": func(p string) error {
			err := os.WriteFile(p, []byte(strings.Replace(text, "a@", "b@", 1)), 0o600)
			os.Chtimes(p, at, at)
			return err
		},
	} {
		root := t.TempDir()
		path := filepath.Join(root, "alice/cur/1030037185.a")
		tree(t, root, map[string]string{"alice/cur/1030037185.a": text})
		os.Chtimes(path, at, at)
		s := opened(t)(mail.Maildir("m", root+"/{account}"))
		cs, err := s.Inventory(context.Background(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		err = s.Enumerate(context.Background(), cs[0], "", func(it collect.Item) error {
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			r, err := s.Open(context.Background(), cs[0], it, 0)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.ReadAll(r)
			return err
		})
		if r, ok := err.(*vitrine.Refusal); name == "gone" && !errors.Is(err, collect.ErrVanished) || name != "gone" && (!ok || r.Kind != vitrine.Failed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMaildirTwice: two files under one name before the colon are two
// messages, unless they are one file.
func TestMaildirTwice(t *testing.T) {
	root := t.TempDir()
	tree(t, root, map[string]string{"alice/cur/1.a:2,S": "x", "alice/cur/1.a:2,": "y", "alice/cur/2.b:2,S": "z"})
	for _, link := range []string{"alice/cur/2.b:2,", "alice/new/2.b"} {
		os.MkdirAll(filepath.Join(root, "alice/new"), 0o700)
		if err := os.Link(filepath.Join(root, "alice/cur/2.b:2,S"), filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	_, items := names(t, opened(t)(mail.Maildir("m", root+"/{account}")), "alice")
	if want := []string{"INBOX:1.a:2,", "INBOX:1.a:2,S", "INBOX:2.b"}; !slices.Equal(items, want) {
		t.Errorf("items %q, want %q", items, want)
	}
}

// TestMaildirBusy collects while mail is delivered, moved, flagged and
// removed: what was there throughout is collected once, byte for byte.
func TestMaildirBusy(t *testing.T) {
	root := t.TempDir()
	files := map[string]string{"alice/cur/": "", "alice/new/": ""}
	for i := range 400 {
		files[fmt.Sprintf("alice/new/%d.M%d.host", 1030000000+i, i)] = fmt.Sprintf("From: a@example.org\n\n%d\n", i)
	}
	tree(t, root, files)
	s := opened(t)(mail.Maildir("m", root+"/{account}"))
	m := mandateOn(t, scopeOf(t, time.Unix(1030000000, 0), time.Unix(1040000000, 0), vitrine.ClockReceived), s)
	var stop atomic.Bool
	var busy sync.WaitGroup
	busy.Add(2)
	go func() { // a mail program: reads and flags again and again
		defer busy.Done()
		for n := 0; !stop.Load(); n++ {
			for i := range 400 {
				base := filepath.Join(root, "alice", "cur", fmt.Sprintf("%d.M%d.host", 1030000000+i, i))
				if n == 0 {
					os.Rename(filepath.Join(root, "alice", "new", filepath.Base(base)), base+":2,0")
					continue
				}
				os.Rename(fmt.Sprintf("%s:2,%d", base, n-1), fmt.Sprintf("%s:2,%d", base, n))
			}
		}
	}()
	go func() { // a server: delivers a thousand more
		defer busy.Done()
		for i := 0; i < 1000 && !stop.Load(); i++ {
			name := fmt.Sprintf("%d.N%d.host", 1035000000+i, i)
			os.WriteFile(filepath.Join(root, "alice", "cur", ".tmp"), []byte("From: b@example.org\n\nlater\n"), 0o600)
			os.Rename(filepath.Join(root, "alice", "cur", ".tmp"), filepath.Join(root, "alice", "new", name))
		}
	}()
	c, h := collected(t, m, s)
	stop.Store(true)
	busy.Wait()
	got := map[string]int{}
	for i, it := range h.items {
		if it.Received.From.Unix() < 1035000000 {
			got[string(h.bytes[i])]++
		}
	}
	for i := range 400 {
		if n := got[fmt.Sprintf("From: a@example.org\n\n%d\n", i)]; n != 1 {
			t.Errorf("message %d was collected %d times", i, n)
		}
	}
	t.Logf("%+v", c.Containers[0])
	if c.Unreadable != 0 || c.Containers[0].Vanished != 0 {
		t.Errorf("%+v: nothing was removed", c.Containers[0])
	}
}
