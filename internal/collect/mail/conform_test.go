package mail_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/conform"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// onDisk is a stage of files in a directory, which is read through a mount
// that is read-only, if there can be one.
func onDisk(t *testing.T, dir string, open func(dir string) (collect.Source, error)) conform.Stage {
	source := func(dir string) func(testing.TB) collect.Source {
		return func(t testing.TB) collect.Source { return opened(t)(open(dir)) }
	}
	s := conform.Stage{Family: truth.Mail, Source: source(dir)}
	if mounted, ok := need.ReadOnly(t, dir); ok {
		s.Source, s.Writable = source(mounted), source(dir)
	}
	return s
}

// mailFeatures are what mail has in files.
var mailFeatures = []truth.Feature{truth.Case, truth.Correspondents, truth.Dates, truth.Duplicate, truth.Draft, truth.Deleted, truth.Quoted,
	truth.Encrypted, truth.Malformed, truth.NUL, truth.BareCR, truth.EightBit, truth.Large}

// TestConformMaildir: the suite over Maildirs with folders of both kinds.
func TestConformMaildir(t *testing.T) {
	dir := t.TempDir()
	s := onDisk(t, dir, func(dir string) (collect.Source, error) {
		return mail.Maildir("maildir", filepath.Join(dir, "{account}"))
	})
	s.Has = append(slices.Clone(mailFeatures), truth.Containers, truth.Scripts, truth.Empty, truth.Traffic)
	s.Plant = func(t testing.TB, items []truth.Item) { maildirs(t, dir, items) }
	s.Meddle = func(t testing.TB, gone, come []truth.Item) {
		for _, it := range gone {
			if err := os.Remove(letterPath(dir, it)); err != nil {
				t.Error(err)
			}
		}
		maildirs(t, dir, come)
	}
	conform.Run(t, s)
}

// letterPath is where a message lies.
func letterPath(dir string, it truth.Item) string {
	folder := ""
	if it.Container != truth.Main {
		folder = it.Container
	}
	info := map[truth.Feature]string{truth.Draft: "D", truth.Deleted: "T"}[it.Mark]
	return filepath.Join(dir, it.Account, folder, "cur", fmt.Sprintf("%d.%s.host:2,%s", it.Received.From.Unix(), it.Name, info))
}

func maildirs(t testing.TB, dir string, items []truth.Item) {
	t.Helper()
	for _, it := range items {
		path := letterPath(dir, it)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, it.Raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	restful(t, dir)
}

// restful makes directories look as if nothing had happened there for a while:
// a Maildir that changed just now is listed again and again.
func restful(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			err = os.Chtimes(path, time.Unix(1e9, 0), time.Unix(1e9, 0))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestConformMbox: the suite over the variants of mbox, with From_ lines that
// have a zone and with those that have none.
func TestConformMbox(t *testing.T) {
	for name, c := range map[string]struct {
		quote func([]byte) []byte
		zone  bool
	}{
		"mboxrd":   {quoteRd, true},
		"mboxcl2":  {withLength, true},
		"zoneless": {quoteRd, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := onDisk(t, dir, func(dir string) (collect.Source, error) {
				return mail.Mbox("mbox", filepath.Join(dir, "{account}.mbox"))
			})
			s.Has = mailFeatures
			s.Plant = func(t testing.TB, items []truth.Item) { mboxes(t, dir, items, c.quote, c.zone) }
			s.Stored = func(it truth.Item) truth.Item {
				it.Container, it.Raw = it.Account+".mbox", c.quote(it.Raw)
				if !c.zone { // the line shows UTC, and a reader cannot know that
					it.Received = truth.Span{From: it.Received.From.Add(-14 * time.Hour), To: it.Received.To.Add(12 * time.Hour)}
				}
				return it
			}
			conform.Run(t, s)
		})
	}
}

func mboxes(t testing.TB, dir string, items []truth.Item, quote func([]byte) []byte, zone bool) {
	t.Helper()
	files := map[string][]byte{}
	for _, it := range items {
		layout := time.ANSIC
		if zone {
			layout = "Mon Jan _2 15:04:05 2006 -0700"
		}
		f := fmt.Appendf(files[it.Account], "From someone@example.org %s\n", it.Received.From.UTC().Format(layout))
		files[it.Account] = append(append(f, quote(it.Raw)...), '\n')
	}
	for account, f := range files {
		if err := os.WriteFile(filepath.Join(dir, account+".mbox"), f, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// quoteRd quotes as mboxrd does.
func quoteRd(raw []byte) []byte {
	lines := bytes.SplitAfter(raw, []byte("\n"))
	for i, l := range lines {
		if bytes.HasPrefix(bytes.TrimLeft(l, ">"), []byte("From ")) {
			lines[i] = append([]byte(">"), l...)
		}
	}
	return bytes.Join(lines, nil)
}

// withLength puts a Content-Length in front, where there is a header to put it
// in.
func withLength(raw []byte) []byte {
	head, body, ok := strings.Cut(string(raw), "\n\n")
	if !ok || head == "" {
		return raw
	}
	return []byte(fmt.Sprintf("Content-Length: %d\n", len(body)) + string(raw))
}
