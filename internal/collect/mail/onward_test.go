package mail

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// TestOnward goes on behind every message of an mbox, and finds what an
// unbroken visit finds behind it; behind a place that begins no message any
// more it finds nothing and says so.
func TestOnward(t *testing.T) {
	const from = "From a@example.org Sat Aug 17 10:00:00 2002\n"
	messages := []string{
		from + "Subject: quoted\n\n>From here\n>>From there\n\n",
		from + "Content-Length: 60\n\n" + from + "inside\n" + strings.Repeat("x", 8) + "\n\n",
		"From b@example.org\nSubject: undated\n\nFrom nobody knows\n\n",
		from + "Subject: no blank line behind it\n\nbody\n",
		from + "no header\n\n\nFrom\n" + strings.Repeat("long\n", 4000) + "\n",
		from + "Subject: last\n\nend",
	}
	for _, head := range []string{"", "\n", "garbage before the first line\n\n"} {
		root := t.TempDir()
		path := filepath.Join(root, "alice.mbox")
		if err := os.WriteFile(path, []byte(head+strings.Join(messages, "")), 0o600); err != nil {
			t.Fatal(err)
		}
		source, err := Mbox("mail", filepath.Join(root, "{account}.mbox"))
		if err != nil {
			t.Fatal(err)
		}
		containers, err := source.Inventory(t.Context(), "alice")
		if err != nil || len(containers) != 1 {
			t.Fatalf("%v, %v", containers, err)
		}
		visit := func(after string) (found []collect.Item, err error) {
			err = source.Enumerate(context.Background(), containers[0], after, func(it collect.Item) error {
				it.Sent, it.Correspondents, it.Doubtful = nil, nil, nil // they share memory
				found = append(found, it)
				return nil
			})
			return found, err
		}
		all, err := visit("")
		if err != nil || len(all) < len(messages) {
			t.Fatalf("%d messages, %v", len(all), err)
		}
		for i, it := range all {
			rest, err := visit(it.Position)
			if err != nil || len(rest) != len(all)-i-1 {
				t.Fatalf("behind message %d at %s: %d messages of %d, %v", i, it.Position, len(rest), len(all)-i-1, err)
			}
			for n := range rest {
				if want := all[i+1+n]; !reflect.DeepEqual(rest[n], want) {
					t.Errorf("behind message %d: %+v, want %+v", i, rest[n], want)
				}
			}
		}
		if found, err := visit("7"); err == nil || len(found) > 0 {
			t.Errorf("behind a place that begins no message: %d messages, %v", len(found), err)
		}
	}
}
