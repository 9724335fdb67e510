package ledger

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// TestProofsBothWays has the proofs of each prover verified by both verifiers.
func TestProofsBothWays(t *testing.T) {
	for _, s := range []shape{{1, 1}, {1, 2}, {2, 1}, {4, 4}, {1, 32}, {64, 1}, {32, 4}} {
		var values []uint64
		var weights [][]scalar
		for j := range s.m {
			values = append(values, uint64(j)*0x9e3779b97f4a7c15&(1<<s.n-1))
			weights = append(weights, layoutWeights(s.n))
		}
		e := newExample(s.n, s.m, values, weights)
		for name, proof := range map[string][]byte{"ours": e.prove(t), "naive": e.naiveProve(e.bits(), cheat{})} {
			if err := e.verify(proof); err != nil {
				t.Errorf("%v, proof %s: %v", s, name, err)
			}
			if err := e.naiveVerify(proof); err != nil {
				t.Errorf("%v, proof %s, naive verifier: %v", s, name, err)
			}
		}
	}
}

// drawExample draws a statement of N ≤ 2^logN with weights of any kind.
func drawExample(r *rapid.T, logN int) *example {
	logn := rapid.IntRange(0, min(6, logN)).Draw(r, "log n")
	logm := rapid.IntRange(0, logN-logn).Draw(r, "log m")
	n, m := 1<<logn, 1<<logm
	layouts := [][]scalar{nil, layoutWeights(n)}
	for range 3 {
		var list []scalar
		for range rapid.IntRange(0, n).Draw(r, "weights") {
			list = append(list, *randomScalar(rand.Reader))
		}
		layouts = append(layouts, list)
	}
	var values []uint64
	var weights [][]scalar
	for range rapid.IntRange(0, m).Draw(r, "values") {
		v := rapid.Uint64().Draw(r, "bits")
		if n < 64 {
			v &= 1<<n - 1
		}
		values = append(values, v)
		weights = append(weights, layouts[rapid.IntRange(0, len(layouts)-1).Draw(r, "layout")])
	}
	return newExample(n, m, values, weights)
}

func TestAnyStatement(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		e := drawExample(r, 6)
		proof, err := proveRange(e.transcript(), e.st, e.values, e.blinds, rand.Reader)
		if err != nil {
			r.Fatal(err)
		}
		if err := e.verify(proof); err != nil {
			r.Fatal(err)
		}
		if len(proof) < 1000 { // the naive one takes its time
			if err := e.naiveVerify(proof); err != nil {
				r.Fatal("naive verifier:", err)
			}
		}
	})
}

// TestLargestStatements is N = 8192 in several shapes, in one batch.
func TestLargestStatements(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	b := newBatch(rand.Reader)
	for _, s := range []shape{{64, 128}, {1, 8192}} {
		w, other := layoutWeights(s.n), []scalar{*randomScalar(rand.Reader)}
		values, weights := make([]uint64, 100), make([][]scalar, 100)
		for j := range values {
			values[j], weights[j] = uint64(j)&1, w
			if j%7 == 3 {
				weights[j] = other
			}
		}
		e := newExample(s.n, s.m, values, weights)
		proof := e.prove(t)
		if len(proof) != 1120 {
			t.Errorf("%v: %d bytes", s, len(proof))
		}
		if err := b.add(e.transcript(), e.st, proof); err != nil {
			t.Fatal(err)
		}
	}
	if at, err := b.verify(); err != nil {
		t.Fatal(at, err)
	}
}

func TestStatementsThatCannotBe(t *testing.T) {
	w := layoutWeights(8)
	for name, st := range map[string]rangeStatement{
		"nothing":             {},
		"n of 3":              {n: 3, m: 8},
		"m of 6":              {n: 8, m: 6},
		"n negative":          {n: -8, m: 8},
		"n too large":         {n: 128, m: 8},
		"N too large":         {n: 64, m: 256},
		"m too large by far":  {n: 64, m: 1 << 30},
		"more points than m":  {n: 8, m: 1, points: make([]point, 2), weights: [][]scalar{w, w}},
		"weights missing":     {n: 8, m: 2, points: make([]point, 2), weights: [][]scalar{w}},
		"more weights than n": {n: 4, m: 2, points: make([]point, 1), weights: [][]scalar{w}},
	} {
		if _, err := proveRange(newTranscript("t"), st, make([]uint64, len(st.points)), make([]scalar, len(st.points)), rand.Reader); err == nil {
			t.Errorf("%s: proved", name)
		}
		if err := newBatch(rand.Reader).add(newTranscript("t"), st, make([]byte, 672)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	e := smallExample()
	if _, err := proveRange(e.transcript(), e.st, e.values[1:], e.blinds, rand.Reader); err == nil {
		t.Error("a value is missing")
	}
	if _, err := proveRange(e.transcript(), e.st, e.values, e.blinds[1:], rand.Reader); err == nil {
		t.Error("a blinding is missing")
	}
	e.values[0] = 1 << 8
	if _, err := proveRange(e.transcript(), e.st, e.values, e.blinds, rand.Reader); err == nil {
		t.Error("a bit behind the last weight is proved")
	}
}

// TestRandomnessRepeats sets the source back, as a restored machine would.
func TestRandomnessRepeats(t *testing.T) {
	e := smallExample()
	first := func(values []uint64, tr *transcript) string {
		proof, err := proveRange(tr, e.st, values, e.blinds, bytes.NewReader(make([]byte, 64)))
		if err != nil {
			t.Fatal(err)
		}
		return string(proof[:64])
	}
	a := first(e.values, e.transcript())
	if first(e.values, e.transcript()) != a {
		t.Error("the same proof with the same randomness differs")
	}
	other := append([]uint64(nil), e.values...)
	other[0] ^= 1
	S := func(s string) string { return s[32:] } // nothing but nonces
	if S(first(other, e.transcript())) == S(a) {
		t.Error("other values are hidden by the same nonces")
	}
	if S(first(e.values, newTranscript("other"))) == S(a) {
		t.Error("another statement is proved with the same nonces")
	}
	broken := iotest.ErrReader(errors.New("broken"))
	if _, err := proveRange(e.transcript(), e.st, e.values, e.blinds, broken); err == nil {
		t.Error("proved without randomness")
	}
}

// TestOneAsChallenge is the check alone, since nobody can make y be 1.
func TestOneAsChallenge(t *testing.T) {
	if notOne(scalarOf(1)) != errOne || notOne(scalarOf(2)) != nil || notOne(new(scalar)) != nil {
		t.Error("y = 1 is not told from others")
	}
}

// TestDishonest proves what is no bit: the values that would bring a sum down.
func TestDishonest(t *testing.T) {
	one := big.NewInt(1)
	for name, c := range map[string]struct {
		bit   int
		value *big.Int
	}{
		"a negative value":                   {0, big.NewInt(-1)},
		"-1 in field 1, or -2^30 in field 0": {3, big.NewInt(-1)},
		"a value over its width":             {2, big.NewInt(2)},
		"half of ℓ + 1":                      {0, inverse(big.NewInt(2))},
		"2^128":                              {0, new(big.Int).Lsh(one, 128)},
	} {
		w := layoutWeights(3, 4)
		e := newExample(8, 2, []uint64{0, 5}, [][]scalar{w, w})
		aL := e.bits()
		aL[c.bit] = mod(c.value)
		// The first point commits to what it must not.
		v := times(aL[c.bit], e.naive.weights[0][c.bit])
		s, err := decodeScalar(bigBytes(v))
		if err != nil {
			t.Fatal(err)
		}
		e.st.points[0] = *affine(commit(s, &e.blinds[0]))
		e.naive.points[0], _ = new(libPoint).SetCanonicalBytes(e.st.points[0].Bytes())
		values := []*big.Int{v, bigOf(weighed(5, w))}
		for how, proof := range map[string][]byte{
			"t as it is":              e.naiveProve(aL, cheat{}),
			"t as equation (1) wants": e.naiveProve(aL, cheat{values: values}),
			"other bits, t as wanted": e.naiveProve(e.bits(), cheat{values: values}),
			"other bits":              e.naiveProve(e.bits(), cheat{}),
		} {
			if err := e.verify(proof); err != errNotProved {
				t.Errorf("%s, %s: %v", name, how, err)
			}
			if err := e.naiveVerify(proof); err == nil {
				t.Errorf("%s, %s: the naive verifier takes it", name, how)
			}
		}
	}
}

// TestNoCommitment is a point that nobody can open, with a proof of zeros.
func TestNoCommitment(t *testing.T) {
	e := smallExample()
	e.st.points[0] = *affine(hashToPoint([]byte("no opening")))
	if err := e.verify(e.prove(t)); err != errNotProved {
		t.Error(err)
	}
}

// constant is a reader whose bytes everybody knows.
type constant struct{}

func (constant) Read(b []byte) (int, error) {
	clear(b)
	b[0] = 1
	return len(b), nil
}

// TestCancel makes wrong proofs whose errors cancel where factors are constant
// or known beforehand.
func TestCancel(t *testing.T) {
	d := random()
	a, b, c := smallExample(), smallExample(), smallExample()
	proofs := [][]byte{
		a.naiveProve(a.bits(), cheat{tau: d}),
		b.naiveProve(b.bits(), cheat{tau: minus(new(big.Int), d)}),
	}
	add := func(factors io.Reader) (int, error) {
		batch := newBatch(factors)
		if err := batch.add(c.transcript(), c.st, c.prove(t)); err != nil {
			t.Fatal(err)
		}
		for i, e := range []*example{a, b} {
			if err := batch.add(e.transcript(), e.st, proofs[i]); err != nil {
				t.Fatal(err)
			}
		}
		return batch.verify()
	}
	if _, err := add(constant{}); err != nil {
		t.Fatalf("the attack does not work where it should: %v", err)
	}
	if at, err := add(rand.Reader); err != errNotProved || at != 1 {
		t.Errorf("claim %d: %v", at, err)
	}

	// Equation (1) of a proof against its own equation (2).
	proof := a.naiveProve(a.bits(), cheat{tau: d, mu: minus(new(big.Int), d)})
	one := newBatch(constant{})
	if err := one.add(a.transcript(), a.st, proof); err != nil {
		t.Fatal(err)
	}
	if _, err := one.verify(); err != nil {
		t.Fatalf("the attack within a proof does not work where it should: %v", err)
	}
	if err := a.verify(proof); err != errNotProved {
		t.Error(err)
	}

	// Factors that follow from the statements: the prover knows them too.
	known := func() io.Reader { return &stream{seed: append(a.said(), b.said()...)} }
	factors := known()
	f := make([]*big.Int, 4)
	for i := range f {
		s, err := factor(factors)
		if err != nil {
			t.Fatal(err)
		}
		f[i] = bigOf(s)
	}
	proofs[0] = a.naiveProve(a.bits(), cheat{tau: times(d, inverse(f[0]))})
	proofs[1] = b.naiveProve(b.bits(), cheat{tau: minus(new(big.Int), times(d, inverse(f[2])))})
	both := newBatch(known())
	for i, e := range []*example{a, b} {
		if err := both.add(e.transcript(), e.st, proofs[i]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := both.verify(); err != nil {
		t.Fatalf("the attack with known factors does not work where it should: %v", err)
	}
	if at, err := add(rand.Reader); err != errNotProved || at != 1 {
		t.Errorf("claim %d: %v", at, err)
	}
}

// stream is bytes that follow from a seed.
type stream struct {
	seed []byte
	n    byte
}

func (s *stream) Read(b []byte) (int, error) {
	s.n++
	t := newTranscript(fmt.Sprint(s.n))
	t.absorb("", s.seed)
	return copy(b, t.state[:]), nil
}
