package ledger

import (
	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// A point is an element of ristretto255, held as one of the points of the
// curve that stand for it, in extended coordinates. The zero value is no point.
// Nothing in this file takes a time that depends on what it computes with.
type point struct{ x, y, z, t field.Element }

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
