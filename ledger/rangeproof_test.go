package ledger

import (
	"crypto/rand"
	"testing"
)

func TestFirst(t *testing.T) {
	n, m := 8, 4
	w := make([]scalar, n)
	for i := range w {
		w[i] = *scalarOf(1 << i)
	}
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
