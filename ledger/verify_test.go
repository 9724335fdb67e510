package ledger

import (
	"bytes"
	"crypto/rand"
	"errors"
	"math/big"
	"slices"
	"testing"
	"testing/iotest"
)

// elements names the 32-byte parts of a proof.
func elements(proof []byte) []string {
	names := []string{"A", "S", "T1", "T2", "t", "tau", "mu"}
	for len(names)*32 < len(proof)-64 {
		names = append(names, "L", "R")
	}
	return append(names, "a", "b")
}

func isScalar(name string) bool { return slices.Contains([]string{"t", "tau", "mu", "a", "b"}, name) }

// TestChangedProof changes each part of a proof in each way.
func TestChangedProof(t *testing.T) {
	e := smallExample()
	proof := e.prove(t)
	if err := e.verify(proof); err != nil {
		t.Fatal(err)
	}
	for i, name := range elements(proof) {
		part := func(b []byte) []byte {
			changed := bytes.Clone(proof)
			copy(changed[32*i:], b)
			return changed
		}
		old := element(proof, i)
		reject := func(how string, b []byte, want error) {
			t.Helper()
			err := e.verify(part(b))
			if err == nil || want != nil && err != want {
				t.Errorf("%s (part %d) %s: %v", name, i, how, err)
			}
			if want == nil && e.naiveVerify(part(b)) == nil {
				t.Errorf("%s (part %d) %s: the naive verifier takes it", name, i, how)
			}
		}
		for at := range old {
			b, bit := bytes.Clone(old), 8*at+(at+i)%8
			b[at] ^= 1 << (bit % 8)
			if e.verify(part(b)) == nil {
				t.Errorf("%s (part %d) with bit %d changed is taken", name, i, bit)
			}
		}
		if isScalar(name) {
			n := new(big.Int).Add(bigOf(must(decodeScalar(old))), groupOrder)
			reject("plus ℓ", bigBytes(n), errScalar)
			reject("all ones", bytes.Repeat([]byte{255}, 32), errScalar)
			reject("of zero", make([]byte, 32), errNotProved)
			reject("plus 1", bigBytes(plus(bigOf(must(decodeScalar(old))), big.NewInt(1))), errNotProved)
			continue
		}
		for _, bad := range rfcInvalid {
			reject("no encoding", unhex(t, bad), errPoint)
		}
		reject("the identity", make([]byte, 32), errIdentityPoint)
		reject("B", basePoint().Bytes(), errNotProved)
		reject("negated", new(point).neg(must(decodePoint(old))).Bytes(), errNotProved)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestProofLengths(t *testing.T) {
	e := smallExample()
	proof := e.prove(t)
	for _, bad := range [][]byte{nil, proof[:len(proof)-1], append(bytes.Clone(proof), 0), proof[32:],
		proof[:len(proof)-64], append(bytes.Clone(proof), proof[:64]...)} {
		if err := e.verify(bad); err != errProofLength {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

// TestOtherStatement verifies a proof for what it was not made for.
func TestOtherStatement(t *testing.T) {
	e := smallExample()
	proof := e.prove(t)
	for name, change := range map[string]func(st *rangeStatement) *transcript{
		"a point": func(st *rangeStatement) *transcript {
			st.points[0] = *affine(new(point).add(&st.points[0], generatorG()))
			return nil
		},
		"a point that the transcript has too": func(st *rangeStatement) *transcript {
			st.points[0] = *affine(new(point).add(&st.points[0], generatorG()))
			return (&example{st: *st}).transcript()
		},
		"two points exchanged": func(st *rangeStatement) *transcript {
			st.points[0], st.points[1] = st.points[1], st.points[0]
			return nil
		},
		"a value left out": func(st *rangeStatement) *transcript {
			st.points, st.weights = st.points[:6], st.weights[:6]
			return nil
		},
		"a weight": func(st *rangeStatement) *transcript {
			st.weights[0] = layoutWeights(4, 3)
			return nil
		},
		"a weight that no bit took": func(st *rangeStatement) *transcript {
			st.weights[0] = append(layoutWeights(3, 4), *scalarOf(1))
			return nil
		},
		"no weights": func(st *rangeStatement) *transcript {
			st.weights[2] = nil
			return nil
		},
		"n and m": func(st *rangeStatement) *transcript {
			st.n, st.m = 4, 16
			for j := range st.weights {
				st.weights[j] = nil
			}
			return nil
		},
		"the label": func(*rangeStatement) *transcript {
			tr := newTranscript("vitrine/test/v2")
			tr.absorb("points", e.said())
			return tr
		},
		"nothing absorbed": func(*rangeStatement) *transcript { return newTranscript("vitrine/test/v1") },
	} {
		st := e.st
		st.points, st.weights = slices.Clone(st.points), slices.Clone(st.weights)
		tr := change(&st)
		if tr == nil {
			tr = e.transcript()
		}
		b := newBatch(rand.Reader)
		if err := b.add(tr, st, proof); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := b.verify(); err != errNotProved {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// schnorr is s and R with s·B = R + c·D, as an equation.
func addSchnorr(b *batch, d *point, secret *scalar, c uint64) {
	k := randomScalar(rand.Reader)
	s := new(scalar).MultiplyAdd(scalarOf(c), secret, k)
	b.addEquation([]scalar{*scalarOf(1), *scalarOf(c)}, []point{*mulBase(k), *d}, new(scalar), s.Negate(s))
}

// TestBisection finds the first bad claim among others, of both kinds.
func TestBisection(t *testing.T) {
	e := smallExample()
	proof := e.prove(t)
	wrong := bytes.Clone(proof)
	copy(element(wrong, 5), proof[32*6:]) // μ for τ
	other := newExample(4, 2, []uint64{3}, [][]scalar{layoutWeights(4)})
	otherProof := other.prove(t)
	secret := randomScalar(rand.Reader)
	d := mulBase(secret)
	const claims = 7
	for first := range claims + 1 {
		b := newBatch(rand.Reader)
		for i := range claims {
			bad := i == first || i > first && i%2 == 0
			switch {
			case i%3 == 2: // an equation
				if bad {
					addSchnorr(b, basePoint(), secret, 7)
				} else {
					addSchnorr(b, d, secret, 7)
				}
			case i == 4 && !bad:
				add(t, b, other, otherProof)
			case bad:
				add(t, b, e, wrong)
			default:
				add(t, b, e, proof)
			}
			if b.add(e.transcript(), e.st, proof[1:]) == nil { // malformed: the batch is as before
				t.Fatal("malformed proof is taken")
			}
		}
		if b.len() != claims || b.full() {
			t.Errorf("%d claims", b.len())
		}
		at, err := b.verify()
		if first == claims && err != nil || first < claims && (err != errNotProved || at != first) {
			t.Errorf("the first bad claim is %d, found %d: %v", first, at, err)
		}
		if b.len() != 0 {
			t.Error("the batch is not empty afterwards")
		}
		add(t, b, e, proof)
		if _, err := b.verify(); err != nil {
			t.Errorf("the next batch fails: %v", err)
		}
	}
}

func add(t *testing.T, b *batch, e *example, proof []byte) {
	t.Helper()
	if err := b.add(e.transcript(), e.st, proof); err != nil {
		t.Fatal(err)
	}
}

func TestEquations(t *testing.T) {
	p, q := hashToPoint([]byte("p")), hashToPoint([]byte("q")) // z is not 1
	r := new(point).add(mul(scalarOf(3), p), commit(scalarOf(5), scalarOf(7)))
	minusOne := new(scalar).Negate(scalarOf(1))
	for _, c := range []struct {
		s    []scalar
		p    []point
		g, b uint64
		ok   bool
	}{
		{[]scalar{*scalarOf(3), *minusOne}, []point{*p, *r}, 5, 7, true},
		{[]scalar{*scalarOf(3), *minusOne}, []point{*q, *r}, 5, 7, false},
		{[]scalar{*scalarOf(3), *minusOne}, []point{*p, *r}, 6, 7, false},
		{[]scalar{*scalarOf(3), *minusOne}, []point{*p, *r}, 5, 8, false},
		{nil, nil, 0, 0, true},
		{nil, nil, 0, 1, false},
	} {
		b := newBatch(rand.Reader)
		b.addEquation(c.s, c.p, scalarOf(c.g), scalarOf(c.b))
		if _, err := b.verify(); (err == nil) != c.ok {
			t.Errorf("%d·G + %d·B + %d points: %v", c.g, c.b, len(c.p), err)
		}
	}
	if _, err := newBatch(rand.Reader).verify(); err != nil {
		t.Errorf("nothing: %v", err)
	}
}

func TestFullBatch(t *testing.T) {
	b := newBatch(rand.Reader)
	for !b.full() {
		b.addEquation(nil, nil, new(scalar), new(scalar))
	}
	if b.len() != batchSize {
		t.Errorf("a full batch has %d claims", b.len())
	}
}

func TestNoRandomness(t *testing.T) {
	e := smallExample()
	b := newBatch(iotest.ErrReader(errors.New("broken")))
	add(t, b, e, e.prove(t))
	if _, err := b.verify(); err == nil || err == errNotProved {
		t.Errorf("verified without randomness: %v", err)
	}
}

// FuzzRangeProof reads anything as a proof: nothing but the proofs that were
// made is one.
func FuzzRangeProof(f *testing.F) {
	e := newExampleFrom(&stream{}, 4, 4, []uint64{0, 15, 7}, [][]scalar{layoutWeights(4), layoutWeights(2, 2), layoutWeights(3)})
	proof := must(proveRange(e.transcript(), e.st, e.values, e.blinds, bytes.NewReader(make([]byte, 64))))
	for i := range elements(proof) {
		changed := bytes.Clone(proof)
		changed[32*i] ^= 2
		f.Add(changed)
		copy(changed[32*i:], make([]byte, 32))
		f.Add(changed)
	}
	f.Add([]byte{})
	f.Add(proof)
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := e.verify(b); (err == nil) != bytes.Equal(b, proof) {
			t.Errorf("%x: %v", b, err)
		}
	})
}
