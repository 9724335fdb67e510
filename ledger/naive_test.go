package ledger

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"slices"
	"sync"

	"github.com/gtank/ristretto255"
)

// This file is section 3 of the specification, word for word, on big integers
// and the library's group. It is the other source for prover and verifier.

// A naiveStatement is a rangeStatement. The weights that are missing are 0.
type naiveStatement struct {
	n, m    int
	points  []*libPoint
	weights [][]*big.Int
}

func (st naiveStatement) weight(j, t int) *big.Int {
	if j < len(st.weights) && t < len(st.weights[j]) {
		return st.weights[j][t]
	}
	return new(big.Int)
}

var naiveGenerators = struct {
	sync.Mutex
	known map[string]*libPoint
}{known: map[string]*libPoint{}}

// naiveMap derives a generator.
func naiveMap(label string, index ...int) *libPoint {
	for _, i := range index {
		label = string(binary.BigEndian.AppendUint32([]byte(label), uint32(i)))
	}
	naiveGenerators.Lock()
	defer naiveGenerators.Unlock()
	if naiveGenerators.known[label] == nil {
		h := sha512.Sum512([]byte(label))
		naiveGenerators.known[label], _ = new(libPoint).SetUniformBytes(h[:])
	}
	return naiveGenerators.known[label]
}

func mod(n *big.Int) *big.Int          { return new(big.Int).Mod(n, groupOrder) }
func plus(a, b *big.Int) *big.Int      { return mod(new(big.Int).Add(a, b)) }
func minus(a, b *big.Int) *big.Int     { return mod(new(big.Int).Sub(a, b)) }
func times(a, b *big.Int) *big.Int     { return mod(new(big.Int).Mul(a, b)) }
func power(a *big.Int, e int) *big.Int { return new(big.Int).Exp(a, big.NewInt(int64(e)), groupOrder) }
func inverse(a *big.Int) *big.Int      { return new(big.Int).ModInverse(a, groupOrder) }
func random() *big.Int                 { n, _ := rand.Int(rand.Reader, groupOrder); return n }

func product2(a, b []*big.Int) *big.Int {
	s := new(big.Int)
	for i := range a {
		s = plus(s, times(a[i], b[i]))
	}
	return s
}

func libOf(n *big.Int) *libScalar {
	s, err := new(libScalar).SetCanonicalBytes(bigBytes(mod(n)))
	if err != nil {
		panic(err)
	}
	return s
}

func bigOf(s *scalar) *big.Int {
	b := s.Bytes()
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

// A linear is a sum of multiples of points.
type linear struct {
	s []*libScalar
	p []*libPoint
}

func (l *linear) add(n *big.Int, p *libPoint) {
	l.s, l.p = append(l.s, libOf(n)), append(l.p, p)
}

func (l *linear) total() *libPoint { return new(libPoint).VarTimeMultiScalarMult(l.s, l.p) }

func libBase() *libPoint { return ristretto255.NewGeneratorElement() }

// A cheat is what a dishonest prover does differently.
type cheat struct {
	tau, mu *big.Int   // added to τ and μ
	values  []*big.Int // t is said to be what equation (1) wants of these
}

// naiveProve proves with any a_L and a_R, bits or not.
func naiveProve(tr *naiveTranscript, st naiveStatement, aL, aR, gamma []*big.Int, c cheat) []byte {
	var proof []byte
	send := func(label string, p *libPoint) {
		tr.absorb(label, p.Bytes())
		proof = append(proof, p.Bytes()...)
	}
	sendScalar := func(label string, n *big.Int) {
		tr.absorb(label, bigBytes(n))
		proof = append(proof, bigBytes(n)...)
	}
	size := st.n * st.m
	g, h := make([]*libPoint, size), make([]*libPoint, size)
	sL, sR := make([]*big.Int, size), make([]*big.Int, size)
	alpha, rho, tau1, tau2 := random(), random(), random(), random()
	var a, s linear
	a.add(alpha, libBase())
	s.add(rho, libBase())
	for i := range size {
		g[i], h[i] = naiveMap("vitrine/v1/bp/G", i), naiveMap("vitrine/v1/bp/H", i)
		sL[i], sR[i] = random(), random()
		a.add(aL[i], g[i])
		a.add(aR[i], h[i])
		s.add(sL[i], g[i])
		s.add(sR[i], h[i])
	}
	send("A", a.total())
	send("S", s.total())
	y, z := tr.challenge("y"), tr.challenge("z")

	l0, r0, r1 := make([]*big.Int, size), make([]*big.Int, size), make([]*big.Int, size)
	for i := range size {
		j, t := i/st.n, i%st.n
		l0[i] = minus(aL[i], z)
		r0[i] = plus(times(power(y, i), plus(aR[i], z)), times(power(z, 2+j), st.weight(j, t)))
		r1[i] = times(power(y, i), sR[i])
	}
	t1 := plus(product2(l0, r1), product2(sL, r0))
	t2 := product2(sL, r1)
	sendCommit := func(label string, v, r *big.Int) {
		var l linear
		l.add(v, naiveMap("vitrine/v1/G"))
		l.add(r, libBase())
		send(label, l.total())
	}
	sendCommit("T1", t1, tau1)
	sendCommit("T2", t2, tau2)
	x := tr.challenge("x")
	l, r := make([]*big.Int, size), make([]*big.Int, size)
	for i := range size {
		l[i], r[i] = plus(l0[i], times(sL[i], x)), plus(r0[i], times(r1[i], x))
	}
	tau := plus(times(tau2, times(x, x)), times(tau1, x))
	for j := range gamma {
		tau = plus(tau, times(power(z, 2+j), gamma[j]))
	}
	that, mu := product2(l, r), plus(alpha, times(rho, x))
	if c.tau != nil {
		tau = plus(tau, c.tau)
	}
	if c.mu != nil {
		mu = plus(mu, c.mu)
	}
	if c.values != nil {
		that = plus(naiveDelta(st, y, z), plus(times(t1, x), times(t2, times(x, x))))
		for j, v := range c.values {
			that = plus(that, times(power(z, 2+j), v))
		}
	}
	sendScalar("t", that)
	sendScalar("tau", tau)
	sendScalar("mu", mu)
	w := tr.challenge("w")

	q := new(libPoint).ScalarMult(libOf(w), naiveMap("vitrine/v1/U"))
	for i := range h {
		h[i] = new(libPoint).ScalarMult(libOf(inverse(power(y, i))), h[i])
	}
	for len(l) > 1 {
		k := len(l) / 2
		var left, right linear
		for i := range k {
			left.add(l[i], g[k+i])
			left.add(r[k+i], h[i])
			right.add(l[k+i], g[i])
			right.add(r[i], h[k+i])
		}
		left.add(product2(l[:k], r[k:]), q)
		right.add(product2(l[k:], r[:k]), q)
		send("L", left.total())
		send("R", right.total())
		u := tr.challenge("u")
		v := inverse(u)
		for i := range k {
			l[i], r[i] = plus(times(u, l[i]), times(v, l[k+i])), plus(times(v, r[i]), times(u, r[k+i]))
			g[i] = naivePair(v, g[i], u, g[k+i])
			h[i] = naivePair(u, h[i], v, h[k+i])
		}
		l, r, g, h = l[:k], r[:k], g[:k], h[:k]
	}
	return append(append(proof, bigBytes(l[0])...), bigBytes(r[0])...)
}

func naivePair(a *big.Int, p *libPoint, b *big.Int, q *libPoint) *libPoint {
	var l linear
	l.add(a, p)
	l.add(b, q)
	return l.total()
}

func naiveDelta(st naiveStatement, y, z *big.Int) *big.Int {
	d := new(big.Int)
	for i := range st.n * st.m {
		d = plus(d, times(minus(z, times(z, z)), power(y, i)))
	}
	for j := range st.m {
		for t := range st.n {
			d = minus(d, times(power(z, 3+j), st.weight(j, t)))
		}
	}
	return d
}

// naiveVerify checks equations (1) and (2) one by one.
func naiveVerify(tr *naiveTranscript, st naiveStatement, proof []byte) error {
	size := st.n * st.m
	rounds := bits.Len(uint(size)) - 1
	if len(proof) != 288+64*rounds {
		return errors.New("length")
	}
	next := func() []byte { b := proof[:32]; proof = proof[32:]; return b }
	var failed error
	point := func(label string) *libPoint {
		b := next()
		tr.absorb(label, b)
		p, err := new(libPoint).SetCanonicalBytes(b)
		if err != nil {
			failed = fmt.Errorf("%s: %w", label, err)
			return libBase()
		}
		if p.Equal(ristretto255.NewIdentityElement()) == 1 {
			failed = fmt.Errorf("%s is the identity", label)
		}
		return p
	}
	number := func(label string) *big.Int {
		b := slices.Clone(next())
		if label != "" {
			tr.absorb(label, b)
		}
		slices.Reverse(b)
		n := new(big.Int).SetBytes(b)
		if n.Cmp(groupOrder) >= 0 {
			failed = fmt.Errorf("%s is not reduced", label)
		}
		return n
	}
	challenge := func(label string) *big.Int {
		c := tr.challenge(label)
		if c.Sign() == 0 {
			failed = fmt.Errorf("%s is zero", label)
			return big.NewInt(1)
		}
		return c
	}
	a, s := point("A"), point("S")
	y, z := challenge("y"), challenge("z")
	if y.Cmp(big.NewInt(1)) == 0 {
		failed = errors.New("y is 1")
	}
	t1, t2 := point("T1"), point("T2")
	x := challenge("x")
	that, tau, mu := number("t"), number("tau"), number("mu")
	w := challenge("w")
	l, r, u := make([]*libPoint, rounds), make([]*libPoint, rounds), make([]*big.Int, rounds)
	for k := range rounds {
		l[k], r[k] = point("L"), point("R")
		u[k] = challenge("u")
	}
	endA, endB := number(""), number("")
	if failed != nil {
		return failed
	}

	var left, right linear
	left.add(that, naiveMap("vitrine/v1/G"))
	left.add(tau, libBase())
	for j, v := range st.points {
		right.add(power(z, 2+j), v)
	}
	right.add(naiveDelta(st, y, z), naiveMap("vitrine/v1/G"))
	right.add(x, t1)
	right.add(times(x, x), t2)
	if left.total().Equal(right.total()) != 1 {
		return errors.New("equation (1)")
	}

	left, right = linear{}, linear{}
	q := new(libPoint).ScalarMult(libOf(w), naiveMap("vitrine/v1/U"))
	left.add(big.NewInt(1), a)
	left.add(x, s)
	left.add(minus(new(big.Int), mu), libBase())
	for i := range size {
		j, t := i/st.n, i%st.n
		yi := inverse(power(y, i))
		left.add(minus(new(big.Int), z), naiveMap("vitrine/v1/bp/G", i))
		left.add(plus(z, times(yi, times(power(z, 2+j), st.weight(j, t)))), naiveMap("vitrine/v1/bp/H", i))
		si := big.NewInt(1)
		for k := range rounds {
			if i>>(rounds-1-k)&1 == 1 {
				si = times(si, u[k])
			} else {
				si = times(si, inverse(u[k]))
			}
		}
		right.add(times(endA, si), naiveMap("vitrine/v1/bp/G", i))
		right.add(times(endB, times(inverse(si), yi)), naiveMap("vitrine/v1/bp/H", i))
	}
	left.add(that, q)
	for k := range rounds {
		left.add(times(u[k], u[k]), l[k])
		left.add(inverse(times(u[k], u[k])), r[k])
	}
	right.add(times(endA, endB), q)
	if left.total().Equal(right.total()) != 1 {
		return errors.New("equation (2)")
	}
	return nil
}
