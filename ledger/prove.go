package ledger

import (
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// maxBits is the largest n of a range proof.
const maxBits = 64

// A rangeStatement says that each point commits to a sum of its weights, none
// taken more than once (spec/ledger.md, section 3). Values whose weights are
// missing are 0, and so are those behind the last point. Values of one layout
// share one slice of weights.
type rangeStatement struct {
	n, m    int
	points  []point
	weights [][]scalar
}

func (st rangeStatement) check() error {
	n, m := st.n, st.m
	if n < 1 || m < 1 || n > maxBits || m > maxVector/n || n&(n-1) != 0 || m&(m-1) != 0 {
		return fmt.Errorf("a range proof of %d values of %d bits", m, n)
	}
	if len(st.points) > m || len(st.weights) != len(st.points) {
		return fmt.Errorf("%d points and %d lists of weights for %d values", len(st.points), len(st.weights), m)
	}
	for j, w := range st.weights {
		if len(w) > n {
			return fmt.Errorf("value %d has %d weights, not %d", j, len(w), n)
		}
	}
	return nil
}

// rounds is log2(N).
func (st rangeStatement) rounds() int { return bits.Len(uint(st.n*st.m)) - 1 }

// rangeProofSize is the length of a proof that halves its vectors so many times.
func rangeProofSize(rounds int) int { return 288 + 64*rounds }

// proveRange proves st, whose point j is Σ of the weights whose bits stand in
// values[j], committed with blindings[j]. The transcript has absorbed the
// statement. If values or blindings are not those of the points, what comes out
// is no proof. What is secret is multiplied in constant time.
func proveRange(t *transcript, st rangeStatement, values []uint64, blindings []scalar, rand io.Reader) ([]byte, error) {
	if err := st.check(); err != nil {
		return nil, err
	}
	if len(values) != len(st.points) || len(blindings) != len(st.points) {
		return nil, fmt.Errorf("%d values and %d blindings for %d points", len(values), len(blindings), len(st.points))
	}
	for j, v := range values {
		if v>>st.n != 0 {
			return nil, fmt.Errorf("value %d has more than %d bits", j, st.n)
		}
	}
	p, err := newProver(t, st, values, blindings, rand)
	if err != nil {
		return nil, err
	}
	if err := p.commitVectors(); err != nil {
		return nil, err
	}
	if err := p.commitPolynomial(); err != nil {
		return nil, err
	}
	return p.open()
}

// A prover holds what its steps share. l(X) = l0 + l1·X and r(X) = r0 + r1·X.
type prover struct {
	t          *transcript
	st         rangeStatement
	blindings  []scalar
	secret     nonces
	g, h       []point
	bits       []uint64 // one each, 0 or 1
	l0, l1     []scalar
	r0, r1     []scalar
	alpha, rho *scalar
	y, z       *scalar
	proof      []byte
}

func newProver(t *transcript, st rangeStatement, values []uint64, blindings []scalar, rand io.Reader) (*prover, error) {
	secret, err := newNonces(t, values, blindings, rand)
	if err != nil {
		return nil, err
	}
	size := st.n * st.m
	p := &prover{t: t, st: st, blindings: blindings, secret: secret, bits: make([]uint64, size)}
	p.g, p.h = vectorGens.first(size)
	for j, v := range values {
		for i := range st.n {
			p.bits[j*st.n+i] = v >> i & 1
		}
	}
	return p, nil
}

// commitVectors sends A and S, and gets y and z.
func (p *prover) commitVectors() (err error) {
	size := len(p.bits)
	p.alpha, p.rho = p.secret.next(), p.secret.next()
	a := mulBase(p.alpha)
	var minusH, term point
	for i, bit := range p.bits {
		term.choose(&p.g[i], minusH.neg(&p.h[i]), int(bit))
		a.add(a, &term)
	}
	p.send("A", a)

	p.l1, p.r1 = make([]scalar, size), make([]scalar, size)
	for i := range size {
		p.l1[i], p.r1[i] = *p.secret.next(), *p.secret.next()
	}
	s := mulSum(p.l1, p.g)
	s.add(s, mulSum(p.r1, p.h))
	p.send("S", s.add(s, mulBase(p.rho)))

	if p.y, err = p.t.challenge("y"); err != nil {
		return err
	}
	if err := notOne(p.y); err != nil {
		return err
	}
	p.z, err = p.t.challenge("z")
	return err
}

var errOne = errors.New("a challenge is one")

// notOne refuses the y under which the bits of a proof are not kept apart.
func notOne(y *scalar) error {
	if y.Equal(scalarOf(1)) == 1 {
		return errOne
	}
	return nil
}

// polynomials makes l0, r0 and r1 of y and z.
func (p *prover) polynomials() {
	size := len(p.bits)
	p.l0, p.r0 = make([]scalar, size), make([]scalar, size)
	yi, zj, one := *scalarOf(1), *p.z, scalarOf(1)
	for j := range p.st.m {
		zj.Multiply(&zj, p.z)
		var weights []scalar
		if j < len(p.st.weights) {
			weights = p.st.weights[j]
		}
		for t := range p.st.n {
			i := j*p.st.n + t
			bit := scalarOf(p.bits[i])
			p.l0[i].Subtract(bit, p.z)
			p.r0[i].Add(bit, p.z)
			p.r0[i].Subtract(&p.r0[i], one)
			p.r0[i].Multiply(&p.r0[i], &yi)
			if t < len(weights) {
				p.r0[i].MultiplyAdd(&zj, &weights[t], &p.r0[i])
			}
			p.r1[i].Multiply(&p.r1[i], &yi)
			yi.Multiply(&yi, p.y)
		}
	}
}

// commitPolynomial sends T1 and T2, and then t, τ and μ at x.
func (p *prover) commitPolynomial() error {
	p.polynomials()
	t1, t2 := inner(p.l0, p.r1), inner(p.l1, p.r1)
	t1.Add(t1, inner(p.l1, p.r0))
	tau1, tau2 := p.secret.next(), p.secret.next()
	p.send("T1", commit(t1, tau1))
	p.send("T2", commit(t2, tau2))
	x, err := p.t.challenge("x")
	if err != nil {
		return err
	}
	for i := range p.l0 {
		p.l0[i].MultiplyAdd(&p.l1[i], x, &p.l0[i])
		p.r0[i].MultiplyAdd(&p.r1[i], x, &p.r0[i])
	}
	tau := new(scalar).MultiplyAdd(tau2, x, tau1)
	tau.Multiply(tau, x)
	zj := *p.z
	for j := range p.blindings {
		zj.Multiply(&zj, p.z)
		tau.MultiplyAdd(&zj, &p.blindings[j], tau)
	}
	p.sendScalar("t", inner(p.l0, p.r0))
	p.sendScalar("tau", tau)
	p.sendScalar("mu", new(scalar).MultiplyAdd(p.rho, x, p.alpha))
	return nil
}

// open proves that t is the inner product of l and r, which are no secret any
// more.
func (p *prover) open() ([]byte, error) {
	w, err := p.t.challenge("w")
	if err != nil {
		return nil, err
	}
	end, err := proveInnerProduct(p.t, p.l0, p.r0, p.y, w)
	return append(p.proof, end...), err
}

func (p *prover) send(label string, q *point) {
	b := q.Bytes()
	p.t.absorb(label, b)
	p.proof = append(p.proof, b...)
}

func (p *prover) sendScalar(label string, s *scalar) {
	p.t.absorb(label, s.Bytes())
	p.proof = append(p.proof, s.Bytes()...)
}

// inner returns the inner product of a and b.
func inner(a, b []scalar) *scalar {
	s := new(scalar)
	for i := range a {
		s.MultiplyAdd(&a[i], &b[i], s)
	}
	return s
}

// nonceSeed is how much fresh randomness a prover takes.
const nonceSeed = 64

// nonces are the prover's random scalars. They follow from fresh randomness and
// from all that is proved, so that a machine that was set back and draws the
// same randomness again does not give a secret away.
type nonces struct {
	seed [sha512.Size]byte
	n    uint64
}

func newNonces(t *transcript, values []uint64, blindings []scalar, rand io.Reader) (n nonces, err error) {
	buf := make([]byte, nonceSeed, 256+40*len(values))
	if _, err := io.ReadFull(rand, buf); err != nil {
		return n, fmt.Errorf("read randomness: %w", err)
	}
	buf = append(buf, t.state[:]...)
	for j := range values {
		buf = binary.BigEndian.AppendUint64(buf, values[j])
		buf = append(buf, blindings[j].Bytes()...)
	}
	n.seed = sha512.Sum512(buf)
	return n, nil
}

func (n *nonces) next() *scalar {
	var buf [sha512.Size + 8]byte
	copy(buf[:], n.seed[:])
	binary.BigEndian.PutUint64(buf[sha512.Size:], n.n)
	n.n++
	out := sha512.Sum512(buf[:])
	return wideScalar(out[:])
}
