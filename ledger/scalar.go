package ledger

import (
	"errors"
	"io"

	"filippo.io/edwards25519"
)

// A scalar is an integer modulo ℓ, the order of the group.
type scalar = edwards25519.Scalar

var errScalar = errors.New("not a canonical scalar")

// decodeScalar reads a canonical scalar.
func decodeScalar(b []byte) (*scalar, error) {
	s, err := new(scalar).SetCanonicalBytes(b)
	if err != nil {
		return nil, errScalar
	}
	return s, nil
}

// scalarOf returns n.
func scalarOf(n uint64) *scalar {
	var b [32]byte
	for i := range 8 {
		b[i] = byte(n >> (8 * i))
	}
	s, _ := new(scalar).SetCanonicalBytes(b[:])
	return s
}

// wideScalar reduces 64 bytes, little-endian.
func wideScalar(b []byte) *scalar {
	s, err := new(scalar).SetUniformBytes(b)
	if err != nil {
		panic("ledger: a scalar is reduced from 64 bytes")
	}
	return s
}

// randomScalar draws a scalar. It panics if rand fails, since nothing can be
// hidden then.
func randomScalar(rand io.Reader) *scalar {
	var b [64]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		panic("ledger: no randomness: " + err.Error())
	}
	return wideScalar(b[:])
}

// powerOfTwo returns 2^n, n < 252.
func powerOfTwo(n int) *scalar {
	var b [32]byte
	b[n/8] = 1 << (n % 8)
	s, err := decodeScalar(b[:])
	if err != nil {
		panic("ledger: a power of two above the group's order")
	}
	return s
}
