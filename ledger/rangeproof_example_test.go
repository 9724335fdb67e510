package ledger

import (
	"crypto/rand"
	"io"
	"math/big"
	"testing"
)

// layoutWeights returns the weights of the bits of fields of these widths.
func layoutWeights(widths ...int) (list []scalar) {
	offset := 0
	for _, width := range widths {
		for i := range width {
			list = append(list, *twoTo(offset + i))
		}
		offset += width + 27
	}
	return list
}

func twoTo(n int) *scalar {
	var b [32]byte
	b[n/8] = 1 << (n % 8)
	s, err := decodeScalar(b[:])
	if err != nil {
		panic(err)
	}
	return s
}

// weighed adds up the weights whose bits are set.
func weighed(bits uint64, weights []scalar) *scalar {
	v := new(scalar)
	for i := range weights {
		if bits>>i&1 == 1 {
			v.Add(v, &weights[i])
		}
	}
	return v
}

// An example is a statement with what proves it, in both forms.
type example struct {
	st     rangeStatement
	naive  naiveStatement
	values []uint64
	blinds []scalar
}

func newExample(n, m int, values []uint64, weights [][]scalar) *example {
	return newExampleFrom(rand.Reader, n, m, values, weights)
}

func newExampleFrom(rand io.Reader, n, m int, values []uint64, weights [][]scalar) *example {
	e := &example{st: rangeStatement{n: n, m: m, weights: weights}, values: values}
	e.naive = naiveStatement{n: n, m: m}
	for j, v := range values {
		r := randomScalar(rand)
		e.blinds = append(e.blinds, *r)
		c := affine(commit(weighed(v, weights[j]), r))
		e.st.points = append(e.st.points, *c)
		p, err := new(libPoint).SetCanonicalBytes(c.Bytes())
		if err != nil {
			panic(err)
		}
		var list []*big.Int
		for i := range weights[j] {
			list = append(list, bigOf(&weights[j][i]))
		}
		e.naive.points, e.naive.weights = append(e.naive.points, p), append(e.naive.weights, list)
	}
	return e
}

// smallExample has N = 64, values of two layouts and one without weights.
func smallExample() *example {
	a, b := layoutWeights(3, 4), layoutWeights(8)
	return newExample(8, 8, []uint64{0, 1, 127, 255, 128, 3, 77},
		[][]scalar{a, a, a, b, b, nil, layoutWeights(2, 2, 2)})
}

func (e *example) said() []byte {
	var said []byte
	for i := range e.st.points {
		said = append(said, e.st.points[i].Bytes()...)
	}
	return said
}

func (e *example) transcript() *transcript {
	t := newTranscript("vitrine/test/v1")
	t.absorb("points", e.said())
	return t
}

func (e *example) naiveTranscript() *naiveTranscript {
	t := naiveNew("vitrine/test/v1")
	t.absorb("points", e.said())
	return t
}

func (e *example) prove(tb testing.TB) []byte {
	tb.Helper()
	proof, err := proveRange(e.transcript(), e.st, e.values, e.blinds, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return proof
}

// naiveProve proves any a_L, a_R being one less.
func (e *example) naiveProve(aL []*big.Int, c cheat) []byte {
	aR, gamma := make([]*big.Int, len(aL)), make([]*big.Int, len(e.blinds))
	for i := range aL {
		aR[i] = minus(aL[i], big.NewInt(1))
	}
	for j := range gamma {
		gamma[j] = bigOf(&e.blinds[j])
	}
	return naiveProve(e.naiveTranscript(), e.naive, aL, aR, gamma, c)
}

// bits is the honest a_L.
func (e *example) bits() []*big.Int {
	aL := make([]*big.Int, e.st.n*e.st.m)
	for i := range aL {
		aL[i] = new(big.Int)
		if j := i / e.st.n; j < len(e.values) {
			aL[i].SetUint64(e.values[j] >> (i % e.st.n) & 1)
		}
	}
	return aL
}

func (e *example) verify(proof []byte) error {
	b := newBatch(rand.Reader)
	if err := b.add(e.transcript(), e.st, proof); err != nil {
		return err
	}
	_, err := b.verify()
	return err
}

func (e *example) naiveVerify(proof []byte) error {
	return naiveVerify(e.naiveTranscript(), e.naive, proof)
}
