package production

import (
	"crypto/sha256"
	"testing"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
)

// byDefinition is the tree hash as RFC 6962 § 2.1 defines it, by recursion.
func byDefinition(leaves [][]byte) vitrine.Digest {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	left, right := byDefinition(leaves[:k]), byDefinition(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

func TestTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 8), 0, 70).Draw(t, "leaves")
		var tr tree
		for _, l := range leaves {
			tr.add(l)
		}
		if tr.root() != byDefinition(leaves) {
			t.Fatalf("another root over %d leaves", len(leaves))
		}
	})
}

// TestTreeKnown has the roots that the test data of Certificate Transparency
// gives for the first n of its eight leaves.
func TestTreeKnown(t *testing.T) {
	leaves := [][]byte{{}, {0}, {0x10}, {0x20, 0x21}, {0x30, 0x31}, {0x40, 0x41, 0x42, 0x43},
		{0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57}, {0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f}}
	for n, want := range map[int]string{
		0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	} {
		var tr tree
		for _, l := range leaves[:n] {
			tr.add(l)
		}
		if got := tr.root().Hex(); got != want {
			t.Errorf("%d leaves: %s, want %s", n, got, want)
		}
	}
}
