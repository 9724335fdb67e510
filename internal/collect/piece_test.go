package collect

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
	"github.com/vitrine-project/vitrine/production"
)

// TestPieces collects in pieces of any size, each by another process, and
// wants what an unbroken run collects.
func TestPieces(t *testing.T) {
	s := scope(t, vitrine.ClockReceived)
	s.Accounts = []vitrine.Account{"alice", "bob", "carol"}
	rapid.Check(t, func(rt *rapid.T) {
		a, b := newShelf("a"), newShelf("b")
		b.accounts = map[vitrine.Account]map[string][]letter{"bob": {}}
		for _, box := range []string{"drafts", "inbox", "sent"} {
			for i := range rapid.IntRange(0, 5).Draw(rt, box) {
				at := rapid.SampledFrom([]int{-1, 0, 1}).Draw(rt, "second")
				b.accounts["bob"][box] = append(b.accounts["bob"][box], letter{text: fmt.Sprint(box, i), received: from.AddDate(0, 0, at)})
			}
		}
		job := Job{Mandate: signed.Mandate(t, s, a.Declaration(), b.Declaration()), Sources: configured(a, b), Now: clock, Dir: t.TempDir()}
		whole := &basket{}
		job.Hold = whole
		want, err := job.Run(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		job.Limit = Limit{Seen: rapid.Int64Range(1, 6).Draw(rt, "seen"), Held: rapid.Int64Range(0, 9).Draw(rt, "held")}
		var pieces []vitrine.Collection
		var items []production.Item
		for place := (*Place)(nil); ; {
			hold := &basket{}
			job.Hold = hold
			piece, next, err := job.Piece(t.Context(), place)
			if err != nil {
				rt.Fatal(err)
			}
			pieces, items = append(pieces, piece), append(items, hold.items...)
			if next == nil {
				break
			}
			text, err := json.Marshal(next)
			if err != nil {
				rt.Fatal(err)
			}
			place = new(Place)
			if err := json.Unmarshal(text, place); err != nil {
				rt.Fatal(err)
			}
		}
		for i := range items {
			items[i].Number = int64(i + 1)
		}
		if got := Join(pieces...); !reflect.DeepEqual(got, want) {
			rt.Fatalf("in pieces:\n%+v\nwant:\n%+v", got, want)
		}
		if !reflect.DeepEqual(items, whole.items) {
			rt.Fatalf("the pieces hold\n%+v\nwant\n%+v", items, whole.items)
		}
	})
}

// TestDifferences compares long lists of identities, most of them on the disk,
// with a plain comparison of sets.
func TestDifferences(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		lists := [2]*identities{{path: filepath.Join(dir, "a"), max: 3}, {path: filepath.Join(dir, "b"), max: 3}}
		var count [40]int
		for i, l := range lists {
			for _, n := range rapid.SliceOf(rapid.IntRange(0, 39)).Draw(rt, "items") {
				count[n] += 1 - 2*i
				if err := l.add(hashed(n)); err != nil {
					rt.Fatal(err)
				}
			}
		}
		var gone, come int64
		for _, n := range count {
			gone, come = gone+int64(max(n, 0)), come+int64(max(-n, 0))
		}
		g, c, err := differences(lists[0], lists[1])
		if err != nil || g != gone || c != come {
			rt.Fatalf("gone %d, come %d (%v); want %d, %d", g, c, err, gone, come)
		}
	})
}

func hashed(n int) (d vitrine.Digest) {
	binary.BigEndian.PutUint64(d[:], uint64(n))
	return d
}

// TestIdentitiesChanged: a file of identities that was changed or cut off is
// refused, and what lies behind its last known run is not read.
func TestIdentitiesChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	l := &identities{path: path, max: 2}
	for n := range 4 {
		if err := l.add(hashed(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.spill(); err != nil {
		t.Fatal(err)
	}
	known := slices.Clone(l.runs)
	whole, err := os.ReadFile(path)
	if err != nil || len(whole) != 4*identitySize {
		t.Fatal(len(whole), err)
	}
	for name, content := range map[string]string{"whole": string(whole), "longer": string(whole) + "behind", "shorter": string(whole[:20]), "other": strings.Replace(string(whole), "\x03", "\x04", 1)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := differences(&identities{path: path, runs: known}, &identities{})
		if ok := name == "whole" || name == "longer"; ok != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
