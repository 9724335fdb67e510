package ledger

import (
	"errors"
	"fmt"
	"io"
)

// batchSize is how many proofs a batch holds before it should be verified: the
// more, the cheaper is each, and the more memory they take.
const batchSize = 512

var (
	errNotProved     = errors.New("it does not prove what it says")
	errProofLength   = errors.New("a range proof of the wrong length")
	errIdentityPoint = errors.New("a range proof has the identity among its points")
)

// A batch verifies many claims at once: range proofs and equations of points.
type batch struct {
	rand   io.Reader
	claims []claim
	points []addend
}

// newBatch returns an empty batch, which draws its factors from rand.
func newBatch(rand io.Reader) *batch { return &batch{rand: rand} }

// len is how many claims were added since the last verify.
func (b *batch) len() int { return len(b.claims) }

// full reports whether it is time to verify.
func (b *batch) full() bool { return len(b.claims) >= batchSize }

// A claim is what was added to a batch: its points are those from first on.
// Without a proof, it says that Σ scalars[i]·points[i] + g·G + b·B is the identity.
type claim struct {
	first, points int
	proof         *rangeProof
	scalars       []scalar
	g, b          scalar
}

// A rangeProof is a proof that was parsed, and the challenges.
type rangeProof struct {
	n, m             int
	values           int
	weights          [][]scalar
	t, tau, mu, a, b scalar
	y, z, x, w       scalar
	u                []scalar
}

// add takes in a proof of st, for a transcript that has absorbed the statement.
// It refuses what is malformed, and then the batch is as before; whether the
// proof proves anything, verify says.
func (b *batch) add(t *transcript, st rangeStatement, proof []byte) error {
	if err := st.check(); err != nil {
		return err
	}
	p, points, err := parseRangeProof(t, st, proof)
	if err != nil {
		return err
	}
	c := claim{first: len(b.points), proof: p}
	b.take(st.points)
	b.take(points)
	c.points = len(b.points) - c.first
	b.claims = append(b.claims, c)
	return nil
}

// addEquation takes in the claim that Σ s[i]·p[i] + g·G + r·B is the identity.
func (b *batch) addEquation(s []scalar, p []point, g, r *scalar) {
	c := claim{first: len(b.points), points: len(p), scalars: s, g: *g, b: *r}
	b.take(p)
	b.claims = append(b.claims, c)
}

func (b *batch) take(points []point) {
	for i := range points {
		b.points = append(b.points, addendOf(&points[i]))
	}
}

// verify checks all claims and empties the batch. If one does not hold, it
// returns the place of the first, in the order they were added, and errNotProved.
func (b *batch) verify() (bad int, err error) {
	defer func() { b.claims, b.points = b.claims[:0], b.points[:0] }()
	ok, err := b.holds(b.claims)
	if ok || err != nil {
		return 0, err
	}
	from, to := 0, len(b.claims) // the first bad claim is in here
	for to-from > 1 {
		half := (from + to) / 2
		ok, err := b.holds(b.claims[from:half])
		if err != nil {
			return 0, err
		}
		if ok {
			from = half
		} else {
			to = half
		}
	}
	return from, errNotProved
}

// holds verifies some claims with one multiplication. Every claim gets factors
// of its own that nobody knew before: with factors that a prover knows, what
// two false claims lack can cancel.
func (b *batch) holds(claims []claim) (bool, error) {
	if len(claims) == 0 {
		return true, nil
	}
	s := newSums()
	for i := range claims {
		f1, err := factor(b.rand)
		if err != nil {
			return false, err
		}
		f2, err := factor(b.rand)
		if err != nil {
			return false, err
		}
		s.add(&claims[i], f1, f2)
	}
	last := claims[len(claims)-1]
	return s.total(b.points[claims[0].first : last.first+last.points]).isIdentity(), nil
}

// factor draws 128 bits.
func factor(rand io.Reader) (*scalar, error) {
	var buf [32]byte
	if _, err := io.ReadFull(rand, buf[:16]); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return decodeScalar(buf[:])
}

// parseRangeProof runs the transcript, and returns the proof with its points:
// A, S, T1, T2, L_0, R_0, L_1, …
func parseRangeProof(t *transcript, st rangeStatement, proof []byte) (*rangeProof, []point, error) {
	rounds := st.rounds()
	if len(proof) != rangeProofSize(rounds) {
		return nil, nil, errProofLength
	}
	points := make([]point, 4+2*rounds)
	if decodePoints(points, func(i int) []byte { return element(proof, pointAt(i)) }) >= 0 {
		return nil, nil, errPoint
	}
	for i := range points {
		if points[i].isIdentity() {
			return nil, nil, errIdentityPoint
		}
	}
	p := &rangeProof{n: st.n, m: st.m, values: len(st.points), weights: st.weights, u: make([]scalar, rounds)}
	last := 7 + 2*rounds
	for i, s := range map[int]*scalar{4: &p.t, 5: &p.tau, 6: &p.mu, last: &p.a, last + 1: &p.b} {
		v, err := decodeScalar(element(proof, i))
		if err != nil {
			return nil, nil, err
		}
		*s = *v
	}
	return p, points, p.challenges(t, proof)
}

// element is the i-th 32 bytes of a proof.
func element(proof []byte, i int) []byte { return proof[32*i : 32*i+32] }

// pointAt is where the i-th point of a proof stands: scalars stand between T2
// and L_0.
func pointAt(i int) int {
	if i < 4 {
		return i
	}
	return i + 3
}

func (p *rangeProof) challenges(t *transcript, proof []byte) error {
	at := 0
	absorb := func(labels ...string) {
		for _, l := range labels {
			t.absorb(l, element(proof, at))
			at++
		}
	}
	var failed error
	draw := func(label string, s *scalar) {
		c, err := t.challenge(label)
		if err != nil {
			failed = err
			return
		}
		*s = *c
	}
	absorb("A", "S")
	draw("y", &p.y)
	draw("z", &p.z)
	absorb("T1", "T2")
	draw("x", &p.x)
	absorb("t", "tau", "mu")
	draw("w", &p.w)
	for k := range p.u {
		absorb("L", "R")
		draw("u", &p.u[k])
	}
	if failed == nil {
		failed = notOne(&p.y)
	}
	return failed
}
