package mail

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// TestSameNameMoves has two files of one name, of which the second is renamed
// when the first has had its turn: both must be found.
func TestSameNameMoves(t *testing.T) {
	for _, moved := range []string{"cur/1000000000.X:2,S", "new/1000000000.X"} {
		root := t.TempDir()
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(root, "alice", sub), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"new/0900000000.A", "new/1000000000.X", "cur/1000000000.X:2,S"} {
			if err := os.WriteFile(filepath.Join(root, "alice", name), []byte("Subject: "+name+"\n\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		source, err := Maildir("mail", filepath.Join(root, "{account}"))
		if err != nil {
			t.Fatal(err)
		}
		containers, err := source.Inventory(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		n, vanished := 0, 0
		err = source.Enumerate(t.Context(), containers[0], "", func(it collect.Item) error {
			if n++; n == 1 {
				old := filepath.Join(root, "alice", moved)
				if err := os.Rename(old, filepath.Join(root, "alice", "cur", "1000000000.X:2,FRS")); err != nil {
					t.Fatal(err)
				}
			}
			if it.Unreadable != "" {
				vanished++
			}
			return nil
		})
		if err != nil || n != 3 || vanished != 0 {
			t.Errorf("%s moved: %d messages, %d vanished, %v; want 3", moved, n, vanished, err)
		}
	}
}
