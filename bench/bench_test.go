package main

import (
	"fmt"
	"path/filepath"
	"testing"
)

// TestFindsWhatWasPlanted makes the input from three messages, of which the
// first is in scope, and lets the collector find its copies in both forms.
func TestFindsWhatWasPlanted(t *testing.T) {
	planted := [][]byte{
		unmarked([]byte("From x Mon Jan  1 00:00:00 2001\nMessage-ID: <own@example.org>\nFrom: " + correspondent + "\nDate: Thu, 22 Aug 2002 18:26:25 +0100\n\nbody\nFrom here on it is quoted\n")),
		unmarked([]byte("To: " + correspondent + "\nDate: Sun, 15 Sep 2002 00:00:00 +0000\n\nlate")),
		unmarked([]byte("To: other@example.org\nDate: Thu, 22 Aug 2002 18:26:25 +0100\n\nanother\n")),
	}
	in, err := makeInput(t.TempDir(), 20_000, 30_000, func() ([][]byte, error) { return planted, nil })
	if err != nil {
		t.Fatal(err)
	}
	want := set{}
	for n := 0; n < in.messages; n += len(planted) {
		want[fmt.Sprint(n)] = true
	}
	for kind, pattern := range map[string]string{"mbox": filepath.Join(in.mbox, "{account}.mbox"), "maildir": filepath.Join(in.maildir, "{account}")} {
		out := t.TempDir()
		if err := scan([]string{kind, pattern, out}); err != nil {
			t.Fatal(err)
		}
		got, err := messagesIn(filepath.Join(out, "hits"))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) < 10 || got.less(want)+want.less(got) > 0 {
			t.Errorf("%s: %d messages, want %d", kind, len(got), len(want))
		}
	}
}

// TestDisagreementShows has two of ours that found different things, and a peer
// that found less.
func TestDisagreementShows(t *testing.T) {
	one, other := &contestant{ours: true, got: set{"1": true, "2": true}}, &contestant{ours: true, got: set{"1": true, "3": true}}
	peer := &contestant{got: set{"1": true}}
	if w := (work{contestants: []*contestant{one, one, peer}}); w.differs() || w.compared(peer) != "1: 0 that ours are not, 1 of ours missing" {
		t.Errorf("the same: %v, %q", w.differs(), w.compared(peer))
	}
	if w := (work{contestants: []*contestant{one, other}}); !w.differs() {
		t.Error("two of ours differ, and nothing is said")
	}
}
