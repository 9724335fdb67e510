package ledger

import (
	"math/bits"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// What stands in this file takes a time that depends on the scalars, so that
// only what is public may come in. A test sees to it.

// An addend is a point with z = 1, in the form that is added fastest: y + x,
// y - x and 2·d·x·y.
type addend [3]field.Element

func addendOf(p *point) (a addend) {
	if p.z != *feOne {
		p = affine(p)
	}
	a[0].Add(&p.y, &p.x)
	a[1].Subtract(&p.y, &p.x)
	a[2].Multiply(&p.t, curve2D)
	return a
}

// addVar adds a to p, or -a if negative is 1. It does not branch on that, since
// the sign of a digit cannot be foretold.
func (p *point) addVar(a *addend, negative int) {
	var e, h field.Element
	var fg [2]field.Element
	e.Subtract(&p.y, &p.x).Multiply(&e, &a[1-negative])
	h.Add(&p.y, &p.x).Multiply(&h, &a[negative])
	p.t.Multiply(&p.t, &a[2])
	p.z.Add(&p.z, &p.z)
	fg[negative].Subtract(&p.z, &p.t)
	fg[1-negative].Add(&p.z, &p.t)
	p.y.Add(&h, &e)
	e.Subtract(&h, &e)
	p.t.Multiply(&e, &p.y)
	p.x.Multiply(&e, &fg[0])
	p.y.Multiply(&p.y, &fg[1])
	p.z.Multiply(&fg[0], &fg[1])
}

// double sets p = 2·p.
func (p *point) double() {
	var a, b, c, e field.Element
	a.Square(&p.x)
	b.Square(&p.y)
	c.Square(&p.z)
	c.Add(&c, &c)
	e.Add(&p.x, &p.y).Square(&e)
	p.t.Add(&b, &a)      // H
	e.Subtract(&p.t, &e) // E
	b.Subtract(&a, &b)   // G
	c.Add(&c, &b)        // F
	p.x.Multiply(&e, &c)
	p.y.Multiply(&b, &p.t)
	p.z.Multiply(&c, &b)
	p.t.Multiply(&e, &p.t)
}

// closest returns |k| and whether k is negative, where k ≡ s mod ℓ is the
// integer that is closest to zero; |k| has at most 252 bits.
func closest(s *scalar) (k number, negative bool) {
	k = numberOf(s)
	var rest number
	var borrow uint64
	for i := range rest {
		rest[i], borrow = bits.Sub64(order[i], k[i], borrow)
	}
	for i := 3; i >= 0; i-- {
		if k[i] != rest[i] {
			if k[i] > rest[i] {
				return rest, true
			}
			break
		}
	}
	return k, false
}

// terms are scalars and their points.
type terms struct {
	scalars []scalar
	points  []addend
}

// multiScalar returns Σ scalars[i]·points[i] over all lists. It is Pippenger's
// method: in each window of c bits, the points of one digit are added up first.
func multiScalar(lists ...terms) *point {
	n := 0
	for _, l := range lists {
		n += len(l.scalars)
	}
	c := windowBits(n)
	digits := make([][]int16, windowCount(c))
	for w := range digits {
		digits[w] = make([]int16, 0, n)
	}
	for _, l := range lists {
		for i := range l.scalars {
			appendDigits(digits, &l.scalars[i], c)
		}
	}
	acc := identity()
	buckets := make([]point, 1<<(c-1)+2)
	for w := len(digits) - 1; w >= 0; w-- {
		for range c {
			acc.double()
		}
		for i := range buckets {
			buckets[i] = point{y: *feOne, z: *feOne}
		}
		d := digits[w]
		for _, l := range lists {
			fill(buckets, d[:len(l.points)], l.points)
			d = d[len(l.points):]
		}
		acc.add(acc, bucketSum(buckets))
	}
	return acc
}

// fill adds each point to the bucket of its digit.
func fill(buckets []point, digits []int16, points []addend) {
	for i, d := range digits {
		sign := int(d >> 15) // -1 or 0
		if k := (int(d) ^ sign) - sign; k != 0 {
			buckets[k].addVar(&points[i], -sign)
		}
	}
}

// bucketSum returns Σ i·buckets[i].
func bucketSum(buckets []point) *point {
	running, total := identity(), identity()
	for i := len(buckets) - 1; i > 0; i-- {
		running.add(running, &buckets[i])
		total.add(total, running)
	}
	return total
}

// foldTable returns Σ s[k]·table[i+k·n] for each i < n = len(table)/len(s).
func foldTable(table []point, s []scalar) []point {
	folded := make([]point, len(table)/len(s))
	scalars, points := make([]*scalar, len(s)), make([]*edwards25519.Point, len(s))
	for i := range folded {
		for k := range s {
			scalars[k], points[k] = &s[k], table[i+k*len(folded)].curve()
		}
		folded[i] = *fromCurve(new(edwards25519.Point).VarTimeMultiScalarMult(scalars, points))
	}
	normalise(folded)
	return folded
}

// windowCount is the number of windows of c bits in 252.
func windowCount(c int) int { return (252 + c - 1) / c }

// maxWindow keeps the buckets in a processor's cache: 1.3 megabytes.
const maxWindow = 14

// windowBits is the window that takes the fewest additions for n points.
func windowBits(n int) int {
	best, cost := 0, 0
	for c := 3; c <= maxWindow; c++ {
		if k := windowCount(c) * (3*n + 8<<(c-1)); best == 0 || k < cost {
			best, cost = c, k
		}
	}
	return best
}

// appendDigits appends a digit of s in base 2^c to each list, the lowest first.
// A digit is between -2^(c-1) - 1 and 2^(c-1) + 1.
func appendDigits(digits [][]int16, s *scalar, c int) {
	k, negative := closest(s)
	carry := 0
	for w := range digits {
		at := w * c
		v := k[at/64] >> (at % 64)
		if at%64+c > 64 && at/64 < 3 {
			v |= k[at/64+1] << (64 - at%64)
		}
		d := int(v&(1<<c-1)) + carry
		if carry = 0; d > 1<<(c-1) && w < len(digits)-1 {
			d -= 1 << c
			carry = 1
		}
		if negative {
			d = -d
		}
		digits[w] = append(digits[w], int16(d))
	}
}
