package production

import (
	"crypto/sha256"

	"github.com/vitrine-project/vitrine"
)

// tree computes the Merkle tree hash of RFC 6962 § 2.1 over the lines of the
// payload manifest, in memory that grows with the logarithm of their number.
type tree struct {
	n     uint64
	roots []vitrine.Digest // of the full subtrees, from the left
}

func (t *tree) add(leaf []byte) {
	h := vitrine.Digest(sha256.Sum256(append([]byte{0}, leaf...)))
	for n := t.n; n&1 == 1; n >>= 1 {
		last := len(t.roots) - 1
		h = node(t.roots[last], h)
		t.roots = t.roots[:last]
	}
	t.roots = append(t.roots, h)
	t.n++
}

func node(left, right vitrine.Digest) vitrine.Digest {
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

func (t *tree) root() vitrine.Digest {
	if len(t.roots) == 0 {
		return sha256.Sum256(nil)
	}
	h := t.roots[len(t.roots)-1]
	for i := len(t.roots) - 2; i >= 0; i-- {
		h = node(t.roots[i], h)
	}
	return h
}
