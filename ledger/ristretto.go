package ledger

import (
	"bytes"
	"crypto/sha512"
	"errors"

	"filippo.io/edwards25519/field"
)

var errPoint = errors.New("not the canonical encoding of a point")

// The constants of RFC 9496, section 4.1, that are not the library's.
var (
	feZero, feOne  = new(field.Element), new(field.Element).One()
	feMinusOne     = new(field.Element).Negate(feOne)
	curveD         = ratio(negative(small(121665)), small(121666))
	curve2D        = new(field.Element).Add(curveD, curveD)
	sqrtM1         = root(feMinusOne, feOne)
	sqrtADMinusOne = negative(root(new(field.Element).Subtract(feMinusOne, curveD), feOne))
	invSqrtAMinusD = root(feOne, new(field.Element).Subtract(feMinusOne, curveD))
	oneMinusDSq    = new(field.Element).Subtract(feOne, new(field.Element).Square(curveD))
	dMinusOneSq    = new(field.Element).Square(new(field.Element).Subtract(curveD, feOne))
	oneBytes       = [32]byte(feOne.Bytes())
	minusOneBytes  = [32]byte(feMinusOne.Bytes())
)

func small(n uint32) *field.Element            { return new(field.Element).Mult32(feOne, n) }
func negative(a *field.Element) *field.Element { return new(field.Element).Negate(a) }
func ratio(a, b *field.Element) *field.Element {
	return new(field.Element).Multiply(a, new(field.Element).Invert(b))
}
func root(a, b *field.Element) (r *field.Element) {
	r, _ = new(field.Element).SqrtRatio(a, b)
	return r
}

// decodePoint reads the canonical encoding of a point.
func decodePoint(b []byte) (*point, error) {
	ps := make([]point, 1)
	if decodePoints(ps, func(int) []byte { return b }) >= 0 {
		return nil, errPoint
	}
	return &ps[0], nil
}

// decodePoints reads len(dst) encodings, and returns the index of the first
// that is not canonical, or -1. The points have z = 1.
func decodePoints(dst []point, encoding func(i int) []byte) int {
	for i := range dst {
		if !dst[i].decode(encoding(i)) {
			return i
		}
	}
	return -1
}

// decode is RFC 9496, section 4.3.1.
func (p *point) decode(b []byte) bool {
	var s, u1, u2, u2u2, v, w, den field.Element
	if len(b) != 32 || b[0]&1 != 0 {
		return false
	}
	s.SetBytes(b)
	if !bytes.Equal(s.Bytes(), b) {
		return false
	}
	w.Square(&s)
	u1.Subtract(feOne, &w)
	u2.Add(feOne, &w)
	u2u2.Square(&u2)
	v.Square(&u1)
	v.Multiply(&v, curveD).Negate(&v).Subtract(&v, &u2u2)
	w.Multiply(&v, &u2u2)

	w, square := inverseRoot(&w)
	den.Multiply(&w, &u2)                 // den_x
	w.Multiply(&w, &den).Multiply(&w, &v) // den_y
	p.x.Add(&s, &s).Multiply(&p.x, &den)  // 2·s·den_x
	p.x.Absolute(&p.x)
	p.y.Multiply(&u1, &w)
	p.z.One()
	p.t.Multiply(&p.x, &p.y)
	return square && p.t.IsNegative() == 0 && p.y.Equal(feZero) == 0
}

// inverseRoot returns one of the square roots of 1/w, if there are any. It is
// SQRT_RATIO_M1(1, w) without what only a numerator other than 1 needs.
func inverseRoot(w *field.Element) (r field.Element, square bool) {
	var w3, check field.Element
	w3.Square(w).Multiply(&w3, w)
	r.Square(&w3).Multiply(&r, w) // w^7
	r.Pow22523(&r).Multiply(&r, &w3)
	switch check.Square(&r).Multiply(&check, w); [32]byte(check.Bytes()) {
	case oneBytes:
		return r, true
	case minusOneBytes:
		r.Multiply(&r, sqrtM1)
		return r, true
	}
	return r, false
}

// Bytes is the canonical encoding (RFC 9496, section 4.3.2).
func (p *point) Bytes() []byte {
	var u1, u2, den1, den2, zInv, ix, iy, enchanted, t field.Element
	u1.Add(&p.z, &p.y).Multiply(&u1, t.Subtract(&p.z, &p.y))
	u2.Multiply(&p.x, &p.y)
	t.Square(&u2).Multiply(&t, &u1)
	t.SqrtRatio(feOne, &t)
	den1.Multiply(&t, &u1)
	den2.Multiply(&t, &u2)
	zInv.Multiply(&den1, &den2).Multiply(&zInv, &p.t)
	ix.Multiply(&p.x, sqrtM1)
	iy.Multiply(&p.y, sqrtM1)
	enchanted.Multiply(&den1, invSqrtAMinusD)

	rotate := t.Multiply(&p.t, &zInv).IsNegative()
	x, y, den := new(field.Element), new(field.Element), new(field.Element)
	x.Select(&iy, &p.x, rotate)
	y.Select(&ix, &p.y, rotate)
	den.Select(&enchanted, &den2, rotate)
	y.Select(negative(y), y, t.Multiply(x, &zInv).IsNegative())
	return t.Subtract(&p.z, y).Multiply(&t, den).Absolute(&t).Bytes()
}

// hashToPoint is Map of spec/ledger.md, section 2.
func hashToPoint(data []byte) *point {
	h := sha512.Sum512(data)
	var p, q point
	p.elligator(h[:32])
	q.elligator(h[32:])
	return p.add(&p, &q)
}

// elligator is MAP of RFC 9496, section 4.3.4.
func (p *point) elligator(b []byte) {
	var t, r, u, v, s, n, c, w0, w1, w2, w3 field.Element
	t.SetBytes(b)
	r.Square(&t).Multiply(&r, sqrtM1)
	u.Add(&r, feOne).Multiply(&u, oneMinusDSq)
	v.Multiply(&r, curveD)
	v.Subtract(feMinusOne, &v).Multiply(&v, n.Add(&r, curveD))

	_, square := s.SqrtRatio(&u, &v)
	u.Multiply(&s, &t).Absolute(&u).Negate(&u)
	s.Select(&s, &u, square)
	c.Select(feMinusOne, &r, square)
	n.Subtract(&r, feOne).Multiply(&n, &c).Multiply(&n, dMinusOneSq).Subtract(&n, &v)

	w0.Multiply(&s, &v)
	w0.Add(&w0, &w0)
	w1.Multiply(&n, sqrtADMinusOne)
	s.Square(&s)
	w2.Subtract(feOne, &s)
	w3.Add(feOne, &s)
	p.x.Multiply(&w0, &w3)
	p.y.Multiply(&w2, &w1)
	p.z.Multiply(&w1, &w3)
	p.t.Multiply(&w0, &w2)
}
