package sequencer

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/ledger"
)

// clear is a sealer that seals nothing, to see that the search finds things.
type clear struct{}

func (clear) Seal(plain []byte) ([]byte, error)    { return plain, nil }
func (clear) Unseal(sealed []byte) ([]byte, error) { return sealed, nil }

// TestSecrets searches all files, whole or half-written, for what nobody may
// read there, in any way that it may be written.
func TestSecrets(t *testing.T) {
	t.Parallel()
	for _, sealed := range []bool{true, false} {
		h := newHouse(t, t.Name())
		if !sealed {
			h.o.Seal = clear{}
		}
		var seen []byte
		h.o.Reached = func(string) { // at every moment, not only in the end
			if name := half(h.dir); name != "" {
				b, _ := os.ReadFile(h.dir + "/" + name)
				seen = append(seen, b...)
			}
		}
		l := h.open()
		if err := l.Begin(context.Background(), h.header(1)); err != nil {
			t.Fatal(err)
		}
		facts := demand(t, l.Chain()[0], "us/search-warrant", "a-very-secret-reference", "a-very-secret-account")
		h.tick(l, facts...)
		for name := range files(t, os.DirFS(h.dir)) {
			b, err := os.ReadFile(h.dir + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, b...)
		}
		sum, _, err := l.Sums(ledger.CellName{Period: 0, Sheet: "us/search-warrant"})
		if err != nil || sum.R.IsZero() {
			t.Fatal(err)
		}
		secrets := map[string][]byte{"blinding of the sum": sum.R[:], "id": []byte(facts[1].ID)}
		for i, f := range facts {
			secrets[fmt.Sprint("opening ", i)] = f.Opening.Marshal()
			for name, s := range map[string][32]byte{"r": f.R, "salt": f.Salt, "subject": f.Subject, "parent": f.Parent, "parent salt": f.ParentSalt, "subject salt": f.SubjectSalt} {
				if s != [32]byte{} {
					secrets[fmt.Sprint(name, " ", i)] = s[:]
				}
			}
		}
		found := map[string]bool{}
		for name, s := range secrets {
			if written(seen, s) {
				found[name] = true
			}
		}
		switch {
		case sealed && len(found) > 0:
			t.Errorf("in the clear: %v", found)
		case !sealed && (!found["id"] || !found["blinding of the sum"]):
			t.Errorf("the search finds only %v where nothing is sealed", found)
		}
	}
}

// written reports whether a secret stands in b: as it is, in hexadecimal, in
// base64 at any alignment, or in base64 of its hexadecimal.
func written(b, secret []byte) bool {
	digits := []byte(hex.EncodeToString(secret))
	forms := append(inBase64(secret), inBase64(digits)...)
	return slices.ContainsFunc(append(forms, secret, digits), func(form []byte) bool { return bytes.Contains(b, form) })
}

func inBase64(secret []byte) (forms [][]byte) {
	for shift := range 3 {
		whole := secret[(3-shift)%3:]
		forms = append(forms, []byte(base64.RawStdEncoding.EncodeToString(whole[:len(whole)/3*3])))
	}
	return forms
}

// TestNothingTellsTheCount writes two ledgers at the same times, one with no
// facts and one with as many as there is room for: all files of the directory
// have the same names and sizes, and are written in the same order.
func TestNothingTellsTheCount(t *testing.T) {
	t.Parallel()
	var names [2]map[string]int64
	var order [2][]string
	for i := range names {
		h := newHouse(t, t.Name())
		h.o.Reached = func(point string) {
			order[i] = append(order[i], point+" "+half(h.dir))
		}
		l := h.open()
		if err := l.Begin(context.Background(), h.header(1)); err != nil {
			t.Fatal(err)
		}
		h.next(l)
		for n := range 1 {
			var facts []Fact
			if i == 1 {
				for k := range 120 {
					facts = append(facts, demand(t, l.Chain()[0], "us/search-warrant", fmt.Sprintf("a long reference of a demand, %d %d", n, k), "alice")...)
				}
			}
			if out := h.tick(l, facts...); len(out.Indices) != len(facts) {
				t.Fatalf("%d of %d facts", len(out.Indices), len(facts))
			}
		}
		names[i] = files(t, os.DirFS(h.dir))
		leaves(t, l)
	}
	if !maps.Equal(names[0], names[1]) {
		for name, size := range names[0] {
			if names[1][name] != size {
				t.Errorf("%s: %d bytes without facts, %d with", name, size, names[1][name])
			}
		}
		t.Errorf("%d files without facts, %d with", len(names[0]), len(names[1]))
	}
	if !slices.Equal(order[0], order[1]) {
		t.Errorf("written in the order %q without facts, %q with", order[0], order[1])
	}
}

// half is the file of the directory that is not whole at this moment.
func half(dir string) (found string) {
	_ = fs.WalkDir(os.DirFS(dir), ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, partial) {
			found = name
		}
		return nil
	})
	return found
}

// leaves checks that a log's leaves are all of one form and all different.
func leaves(t *testing.T, l *Log) {
	seen := map[string]bool{}
	for n := uint64(1); n < l.Size()/ledger.BundleSize; n++ {
		b, err := fs.ReadFile(l.Public(), ledger.EntriesPath(n))
		if err != nil {
			t.Fatal(err)
		}
		entries, err := ledger.ParseEntries(b, ledger.BundleSize)
		if err != nil || len(entries) != ledger.BundleSize {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		for i, e := range entries[:ledger.Slots] {
			if len(e) != ledger.LeafSize || e[0] != 1 || seen[string(e[1:33])] || seen[string(e[33:])] {
				t.Errorf("leaf %d of bundle %d is not like the others", i, n)
			}
			seen[string(e[1:33])], seen[string(e[33:])] = true, true
		}
	}
}
