package ledger

import (
	"encoding/binary"
	"math/bits"
)

// A number is a little-endian integer below 2^256, not always reduced.
type number [4]uint64

// order is ℓ.
var order = number{0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000}

func numberOf(s *scalar) (k number) {
	b := s.Bytes()
	for i := range k {
		k[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return k
}

func numbersOf(s []scalar) []number {
	k := make([]number, len(s))
	for i := range s {
		k[i] = numberOf(&s[i])
	}
	return k
}

// plus returns a + b, which is below 2^256.
func (a *number) plus(b *number) (c number) {
	var carry uint64
	c[0], carry = bits.Add64(a[0], b[0], 0)
	c[1], carry = bits.Add64(a[1], b[1], carry)
	c[2], carry = bits.Add64(a[2], b[2], carry)
	c[3], _ = bits.Add64(a[3], b[3], carry)
	return c
}

// wide is a sum of products that is reduced when all are in: 2^576 holds more
// than 2^60 of them.
type wide [9]uint64

// add adds x·y + k. The rows stand one by one since this is where most of the
// scalar work of an audit is done, and the compiler neither unrolls nor inlines
// them.
func (a *wide) add(x, y, k *number) {
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
	r0, r1, r2, r3 := k[0], k[1], k[2], k[3]

	h0, l0 := bits.Mul64(x0, y[0])
	h1, l1 := bits.Mul64(x1, y[0])
	h2, l2 := bits.Mul64(x2, y[0])
	h3, l3 := bits.Mul64(x3, y[0])
	l1, c := bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	r4 := h3 + c
	r0, c = bits.Add64(r0, l0, 0)
	r1, c = bits.Add64(r1, l1, c)
	r2, c = bits.Add64(r2, l2, c)
	r3, c = bits.Add64(r3, l3, c)
	r4 += c

	h0, l0 = bits.Mul64(x0, y[1])
	h1, l1 = bits.Mul64(x1, y[1])
	h2, l2 = bits.Mul64(x2, y[1])
	h3, l3 = bits.Mul64(x3, y[1])
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	r5 := h3 + c
	r1, c = bits.Add64(r1, l0, 0)
	r2, c = bits.Add64(r2, l1, c)
	r3, c = bits.Add64(r3, l2, c)
	r4, c = bits.Add64(r4, l3, c)
	r5 += c

	h0, l0 = bits.Mul64(x0, y[2])
	h1, l1 = bits.Mul64(x1, y[2])
	h2, l2 = bits.Mul64(x2, y[2])
	h3, l3 = bits.Mul64(x3, y[2])
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	r6 := h3 + c
	r2, c = bits.Add64(r2, l0, 0)
	r3, c = bits.Add64(r3, l1, c)
	r4, c = bits.Add64(r4, l2, c)
	r5, c = bits.Add64(r5, l3, c)
	r6 += c

	h0, l0 = bits.Mul64(x0, y[3])
	h1, l1 = bits.Mul64(x1, y[3])
	h2, l2 = bits.Mul64(x2, y[3])
	h3, l3 = bits.Mul64(x3, y[3])
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	r7 := h3 + c
	r3, c = bits.Add64(r3, l0, 0)
	r4, c = bits.Add64(r4, l1, c)
	r5, c = bits.Add64(r5, l2, c)
	r6, c = bits.Add64(r6, l3, c)
	r7 += c

	a[0], c = bits.Add64(a[0], r0, 0)
	a[1], c = bits.Add64(a[1], r1, c)
	a[2], c = bits.Add64(a[2], r2, c)
	a[3], c = bits.Add64(a[3], r3, c)
	a[4], c = bits.Add64(a[4], r4, c)
	a[5], c = bits.Add64(a[5], r5, c)
	a[6], c = bits.Add64(a[6], r6, c)
	a[7], c = bits.Add64(a[7], r7, c)
	a[8] += c
}

// two512 is 2^512 mod ℓ.
var two512 = func() *scalar {
	var b [64]byte
	b[32] = 1
	s := wideScalar(b[:])
	return s.Multiply(s, s)
}()

// scalar reduces a modulo ℓ.
func (a *wide) scalar() *scalar {
	var b [64]byte
	for i := range 8 {
		binary.LittleEndian.PutUint64(b[8*i:], a[i])
	}
	s := wideScalar(b[:])
	return s.MultiplyAdd(scalarOf(a[8]), two512, s)
}
