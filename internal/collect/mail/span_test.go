package mail

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// TestSpans lists one mailbox in spans of different lengths: what is found,
// its order and the mailbox's state are the same.
func TestSpans(t *testing.T) {
	root := t.TempDir()
	random := rand.New(rand.NewPCG(1, 1))
	var want []string
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, "alice", sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		unique := fmt.Sprintf("%d.M%d.x", 1e9+random.Int64N(1e6), random.Int64N(1e6))
		places := [][]string{{"cur/" + unique + ":2,S"}, {"new/" + unique}, {"cur/" + unique + ":2,S", "new/" + unique, "cur/" + unique + ":2,RS"}}[random.IntN(3)]
		for _, p := range places { // the same name in several places is one message, or a copy with other bytes
			if err := os.WriteFile(filepath.Join(root, "alice", p), []byte("From: a@example.org\n\n"+p+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			want = append(want, p)
		}
	}
	var first []string
	var state string
	for _, span := range []int{usualSpan, 1, 2, 7, 100, 1000} {
		source, err := Maildir("mail", filepath.Join(root, "{account}"))
		if err != nil {
			t.Fatal(err)
		}
		source.(*maildirs).span = span
		containers, err := source.Inventory(t.Context(), "alice")
		if err != nil || len(containers) != 1 {
			t.Fatalf("%v, %v", containers, err)
		}
		var got []string
		err = source.Enumerate(context.Background(), containers[0], "", func(it collect.Item) error {
			got = append(got, it.Name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first, state = got, containers[0].State
		}
		if !slices.Equal(got, first) || containers[0].State != state || len(got) != len(want) {
			t.Errorf("span %d: %d messages, state %s; want %d, %s", span, len(got), containers[0].State, len(want), state)
		}
	}
}
