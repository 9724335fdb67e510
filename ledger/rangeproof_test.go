package ledger

import (
	"crypto/rand"
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

func TestFirst(t *testing.T) {
	n, m := 8, 4
	w := layoutWeights(8)
	st := rangeStatement{n: n, m: m}
	vals := []uint64{0, 255, 17}
	var bl []scalar
	for _, v := range vals {
		r := randomScalar(rand.Reader)
		bl = append(bl, *r)
		st.points = append(st.points, *affine(commit(scalarOf(v), r)))
		st.weights = append(st.weights, w)
	}
	p, err := proveRange(newTranscript("x"), st, vals, bl, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := newBatch(rand.Reader)
	if err := b.add(newTranscript("x"), st, p); err != nil {
		t.Fatal(err)
	}
	if _, err := b.verify(); err != nil {
		t.Fatal(err)
	}
	p[32*4]++
	b.add(newTranscript("x"), st, p)
	if _, err := b.verify(); err == nil {
		t.Fatal("accepted")
	}
}
