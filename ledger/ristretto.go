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
	for i := 0; i < len(dst); i += 2 {
		var half [2]decoding
		pair := dst[i:min(i+2, len(dst))]
		for k := range pair {
			if !half[k].begin(encoding(i + k)) {
				half[k] = decoding{}
				pair = pair[:k] // what comes before it may be wrong too
				break
			}
		}
		powers(&half[0].power, &half[1].power)
		for k := range pair {
			if !half[k].end(&pair[k]) {
				return i + k
			}
		}
		if len(pair) < min(2, len(dst)-i) {
			return i + len(pair)
		}
	}
	return -1
}

// decoding is RFC 9496, section 4.3.1, before and after its one long power:
// SQRT_RATIO_M1(1, w) without what only a numerator other than 1 needs.
type decoding struct{ s, u1, u2, v, w, w3, power field.Element }

// begin reads b as far as the power that end needs.
func (d *decoding) begin(b []byte) bool {
	if len(b) != 32 || b[0]&1 != 0 {
		return false
	}
	d.s.SetBytes(b)
	if !bytes.Equal(d.s.Bytes(), b) {
		return false
	}
	var u2u2 field.Element
	d.w.Square(&d.s)
	d.u1.Subtract(feOne, &d.w)
	d.u2.Add(feOne, &d.w)
	u2u2.Square(&d.u2)
	d.v.Square(&d.u1)
	d.v.Multiply(&d.v, curveD).Negate(&d.v).Subtract(&d.v, &u2u2)
	d.w.Multiply(&d.v, &u2u2)
	d.w3.Square(&d.w).Multiply(&d.w3, &d.w)
	d.power.Square(&d.w3).Multiply(&d.power, &d.w) // w^7
	return true
}

// end reports whether there is such a point, and sets p to it.
func (d *decoding) end(p *point) bool {
	r, den := &d.power, &d.w3
	r.Multiply(r, &d.w3) // a root of 1/w, if there is one
	var check field.Element
	square := true
	switch check.Square(r).Multiply(&check, &d.w); [32]byte(check.Bytes()) {
	case oneBytes:
	case minusOneBytes:
		r.Multiply(r, sqrtM1)
	default:
		square = false
	}
	den.Multiply(r, &d.u2)                  // den_x
	r.Multiply(r, den).Multiply(r, &d.v)    // den_y
	p.x.Add(&d.s, &d.s).Multiply(&p.x, den) // 2·s·den_x
	p.x.Absolute(&p.x)
	p.y.Multiply(&d.u1, r)
	p.z.One()
	p.t.Multiply(&p.x, &p.y)
	return square && p.t.IsNegative() == 0 && p.y.Equal(feZero) == 0
}

// powers sets a and b to their powers by 2^252 − 3 = (p − 5)/8, side by side: a
// processor begins with one product while it waits for the other.
func powers(a, b *field.Element) {
	type pair [2]field.Element
	mul := func(x, y *pair) (r pair) {
		r[0].Multiply(&x[0], &y[0])
		r[1].Multiply(&x[1], &y[1])
		return r
	}
	squared := func(x pair, n int) pair {
		for range n {
			x[0].Square(&x[0])
			x[1].Square(&x[1])
		}
		return x
	}
	// grow is x^(2^(n+m) − 1) of x^(2^n − 1) and x^(2^m − 1).
	grow := func(x, y *pair, m int) pair {
		r := squared(*x, m)
		return mul(&r, y)
	}
	one := pair{*a, *b}
	two := grow(&one, &one, 1)
	four := grow(&two, &two, 2)
	five := grow(&four, &one, 1)
	ten := grow(&five, &five, 5)
	twenty := grow(&ten, &ten, 10)
	forty := grow(&twenty, &twenty, 20)
	fifty := grow(&forty, &ten, 10)
	hundred := grow(&fifty, &fifty, 50)
	most := grow(&hundred, &hundred, 100)
	most = grow(&most, &fifty, 50) // 2^250 − 1
	most = squared(most, 2)
	most = mul(&most, &one)
	*a, *b = most[0], most[1]
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
