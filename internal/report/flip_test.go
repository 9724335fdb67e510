package report

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/ledger"
)

// TestBitFlips changes one bit anywhere in a published directory with all of its
// pages, programs and exports, and again: each is found. (A sample of the range
// proofs is enough for a file that none is read from.) 4,096 bits are changed
// where VITRINE_REQUIRE names flips, 256 elsewhere.
func TestBitFlips(t *testing.T) {
	s := newWhole(t)
	files := s.Files
	source := rand.NewChaCha8(sha256.Sum256([]byte("flips")))
	random := rand.New(source)
	read := map[string]bool{}
	audit := func(changed string, b []byte) error {
		a := ledger.Audit{Rand: source, Workers: 1, Sampled: changed != "" && !strings.HasPrefix(changed, "ledger/"), Fetch: func(path string) ([]byte, error) {
			read[path] = true
			if path == changed {
				return b, nil
			}
			return s.Fetch(path)
		}}
		_, err := a.Run(t.Context())
		return err
	}
	if err := audit("", nil); err != nil {
		t.Fatalf("a good directory was refused: %v", err)
	}
	paths := slices.Sorted(maps.Keys(files))
	for _, path := range paths {
		if !read[path] {
			t.Errorf("%s is in the directory, and the audit does not look at it", path)
		}
	}
	flips := max(256, 2*len(paths)) // the nightly run changes as many as the product promises
	if required("flips") {
		flips = 4096
	}
	for i := range flips {
		path := paths[i%len(paths)]
		b := bytes.Clone(files[path])
		at, bit := random.IntN(len(b)), random.IntN(8)
		b[at] ^= 1 << bit
		if err := audit(path, b); err == nil {
			t.Errorf("%s: bit %d of byte %d was changed, and the audit accepts", path, bit, at)
		}
	}
}
