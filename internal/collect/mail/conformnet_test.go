package mail_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/conform"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/mailserver"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// netFeatures are what mail has behind a server.
var netFeatures = []truth.Feature{truth.Containers, truth.Correspondents, truth.Dates, truth.Duplicate, truth.Draft, truth.Deleted, truth.Quoted,
	truth.Encrypted, truth.Malformed, truth.EightBit, truth.Large}

// accountsOf are the accounts of a plan, and the reference account.
func accountsOf(p truth.Plan) []string {
	list := []string{"reference"}
	for _, it := range p.Items {
		if !slices.Contains(list, it.Account) {
			list = append(list, it.Account)
		}
	}
	return list
}

// TestConformDovecot: the suite over IMAP from Dovecot.
func TestConformDovecot(t *testing.T) {
	s := conform.Stage{Family: truth.Mail, Has: append(slices.Clone(netFeatures), truth.Case, truth.Scripts, truth.BareCR, truth.Traffic)}
	d := mailserver.StartDovecot(t, accountsOf(truth.New(s.Family, s.Has...))...)
	put := func(t testing.TB, items []truth.Item) {
		for _, it := range items {
			d.Put(t, it.Account, mutf7(it.Container), it.Received.From, map[truth.Feature]string{truth.Draft: "D", truth.Deleted: "T"}[it.Mark], it.Raw)
		}
	}
	s.Plant = put
	s.Stored = func(it truth.Item) truth.Item {
		it.Raw = crlf(it.Raw)
		return it
	}
	s.Source = func(t testing.TB) collect.Source { return onDovecot(t, d, "reader") }
	s.Writable = func(t testing.TB) collect.Source { return onDovecot(t, d, "writer") }
	s.Meddle = func(t testing.TB, gone, come []truth.Item) {
		for _, it := range gone {
			remove(t, d.Folder(t, it.Account, mutf7(it.Container)), it.Raw)
		}
		put(t, come)
	}
	conform.Run(t, s)
}

// mutf7 writes a mailbox's name as RFC 3501 section 5.1.3 has it.
func mutf7(name string) string {
	var out strings.Builder
	var wide []byte
	flush := func() {
		if wide != nil {
			out.WriteString("&" + strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(wide), "/", ",") + "-")
			wide = nil
		}
	}
	for _, r := range name {
		if r < 0x7f {
			flush()
			out.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			wide = append(wide, byte(u>>8), byte(u))
		}
	}
	flush()
	return out.String()
}

// remove deletes the file with a content.
func remove(t testing.TB, dir string, content []byte) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "cur", "*"))
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && bytes.Equal(b, content) {
			if err := os.Remove(f); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Errorf("no file in %s has the content %.80q", dir, content)
}

// TestConformCyrus: the suite over IMAP and over JMAP from Cyrus, which takes
// no NUL, no bare CR and no message without a header, and changes 8-bit headers.
func TestConformCyrus(t *testing.T) {
	for kind, open := range map[string]func(testing.TB, *mailserver.Cyrus, string) collect.Source{"imap": overIMAP, "jmap": overJMAP} {
		t.Run(kind, func(t *testing.T) {
			s := conform.Stage{Family: truth.Mail, Has: slices.DeleteFunc(slices.Clone(netFeatures), func(f truth.Feature) bool {
				// Over JMAP it shows neither what is marked as deleted nor the same
				// bytes a second time in one mailbox.
				return f == truth.EightBit || f == truth.Malformed || kind == "jmap" && (f == truth.Deleted || f == truth.Duplicate)
			})}
			c := mailserver.StartCyrus(t, accountsOf(truth.New(s.Family, s.Has...))...)
			s.Plant = func(t testing.TB, items []truth.Item) {
				for _, it := range items {
					c.Put(t, it.Account, it.Container, it.Received.From, map[truth.Feature]string{truth.Draft: `\Draft`, truth.Deleted: `\Deleted`}[it.Mark], crlf(it.Raw))
				}
			}
			s.Stored = func(it truth.Item) truth.Item {
				it.Raw = crlf(it.Raw)
				switch {
				case kind == "jmap" && it.Container == truth.Main:
					it.Container = "Inbox"
				case kind == "imap" && it.Container == truth.Main:
					it.Container = "Other Users/" + it.Account
				case kind == "imap":
					it.Container = "Other Users/" + it.Account + "/" + it.Container
				}
				return it
			}
			s.Source = func(t testing.TB) collect.Source { return open(t, c, "reader") }
			s.Writable = func(t testing.TB) collect.Source { return open(t, c, "writer") }
			conform.Run(t, s)
		})
	}
}
