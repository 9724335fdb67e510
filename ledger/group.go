package ledger

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"io"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// A scalar is an integer modulo ℓ, the order of the group.
type scalar = edwards25519.Scalar

// A point is an element of ristretto255, held as one of the points of the
// curve that stand for it, in extended coordinates. The zero value is no point.
// Nothing in this file depends in time on what is secret.
type point struct{ x, y, z, t field.Element }

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

var (
	errPoint  = errors.New("not the canonical encoding of a point")
	errScalar = errors.New("not a canonical scalar")
)

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

// identity returns the neutral element.
func identity() *point { return &point{y: *feOne, z: *feOne} }

// basePoint returns B.
func basePoint() *point { return fromCurve(edwards25519.NewGeneratorPoint()) }

// add sets p = q + r.
func (p *point) add(q, r *point) *point {
	var a, b, c, d, e field.Element
	a.Subtract(&q.y, &q.x).Multiply(&a, e.Subtract(&r.y, &r.x))
	b.Add(&q.y, &q.x).Multiply(&b, e.Add(&r.y, &r.x))
	c.Multiply(&q.t, curve2D).Multiply(&c, &r.t)
	d.Multiply(&q.z, &r.z)
	d.Add(&d, &d)
	e.Subtract(&b, &a)
	b.Add(&b, &a)
	a.Subtract(&d, &c)
	d.Add(&d, &c)
	p.x.Multiply(&e, &a)
	p.y.Multiply(&d, &b)
	p.z.Multiply(&a, &d)
	p.t.Multiply(&e, &b)
	return p
}

// neg sets p = -q.
func (p *point) neg(q *point) *point {
	p.x.Negate(&q.x)
	p.t.Negate(&q.t)
	p.y, p.z = q.y, q.z
	return p
}

// sub sets p = q - r.
func (p *point) sub(q, r *point) *point { return p.add(q, new(point).neg(r)) }

// choose sets p to q if cond is 1, to r if it is 0.
func (p *point) choose(q, r *point, cond int) {
	p.x.Select(&q.x, &r.x, cond)
	p.y.Select(&q.y, &r.y, cond)
	p.z.Select(&q.z, &r.z, cond)
	p.t.Select(&q.t, &r.t, cond)
}

// equal compares elements, whichever points of the curve stand for them.
func (p *point) equal(q *point) bool {
	var a, b field.Element
	same := a.Multiply(&p.x, &q.y).Equal(b.Multiply(&p.y, &q.x))
	same |= a.Multiply(&p.y, &q.y).Equal(b.Multiply(&p.x, &q.x))
	return same == 1
}

// isIdentity reports whether p is the neutral element.
func (p *point) isIdentity() bool { return p.x.Equal(feZero)|p.y.Equal(feZero) == 1 }

// sum adds points to acc.
func sum(points []point, acc *point) {
	for i := range points {
		acc.add(acc, &points[i])
	}
}

func fromCurve(q *edwards25519.Point) *point {
	x, y, z, t := q.ExtendedCoordinates()
	return &point{*x, *y, *z, *t}
}

func (p *point) curve() *edwards25519.Point {
	q, err := new(edwards25519.Point).SetExtendedCoordinates(&p.x, &p.y, &p.z, &p.t)
	if err != nil {
		panic("ledger: a point is not on the curve")
	}
	return q
}

// mul returns s·q in constant time.
func mul(s *scalar, q *point) *point {
	return fromCurve(new(edwards25519.Point).ScalarMult(s, q.curve()))
}

// mulBase returns s·B in constant time.
func mulBase(s *scalar) *point { return fromCurve(new(edwards25519.Point).ScalarBaseMult(s)) }

// mulSum returns Σ s[i]·q[i] in a time that depends on the number only.
func mulSum(s []scalar, q []point) *point {
	acc := identity()
	for len(s) > 0 {
		n := min(len(s), 256) // the tables of so many fit in a cache
		scalars, points := make([]*scalar, n), make([]*edwards25519.Point, n)
		for i := range n {
			scalars[i], points[i] = &s[i], q[i].curve()
		}
		acc.add(acc, fromCurve(new(edwards25519.Point).MultiScalarMult(scalars, points)))
		s, q = s[n:], q[n:]
	}
	return acc
}

// commit returns v·G + r·B in constant time.
func commit(v, r *scalar) *point {
	p := mul(v, generatorG())
	return p.add(p, mulBase(r))
}

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

// normalise makes z = 1 in all points, with one inversion.
func normalise(points []point) {
	before := make([]field.Element, len(points)) // the product of all z before
	acc := *feOne
	for i := range points {
		before[i] = acc
		acc.Multiply(&acc, &points[i].z)
	}
	acc.Invert(&acc)
	for i := len(points) - 1; i >= 0; i-- {
		p := &points[i]
		before[i].Multiply(&before[i], &acc)
		acc.Multiply(&acc, &p.z)
		p.x.Multiply(&p.x, &before[i])
		p.y.Multiply(&p.y, &before[i])
		p.z.One()
		p.t.Multiply(&p.x, &p.y)
	}
}

// affine returns p with z = 1.
func affine(p *point) *point {
	ps := []point{*p}
	normalise(ps)
	return &ps[0]
}
