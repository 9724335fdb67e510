package ledger

import (
	"bytes"
	"crypto/rand"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// drawInteger draws integers of up to so many bits, often near powers of two.
func drawInteger(r *rapid.T, label string, bits int) *big.Int {
	n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), bits/8, bits/8).Draw(r, label))
	switch rapid.IntRange(0, 3).Draw(r, label+" kind") {
	case 0:
		n.Lsh(big.NewInt(1), uint(rapid.IntRange(0, bits-1).Draw(r, label+" power")))
		n.Sub(n, big.NewInt(int64(rapid.IntRange(0, 2).Draw(r, label+" less"))))
		n.Abs(n)
	case 1:
		n.SetInt64(int64(rapid.IntRange(0, 3).Draw(r, label+" small")))
	case 2: // near the half of ℓ
		n.Rsh(groupOrder, 1)
		n.Add(n, big.NewInt(int64(rapid.IntRange(-2, 2).Draw(r, label+" near"))))
	}
	return n
}

func numberFrom(n *big.Int) (k number) {
	for i := range k {
		k[i] = new(big.Int).Rsh(n, uint(64*i)).Uint64()
	}
	return k
}

func (k *number) big() *big.Int { return joined(k[:]) }

func joined(limbs []uint64) *big.Int {
	n := new(big.Int)
	for i := len(limbs) - 1; i >= 0; i-- {
		n.Lsh(n, 64)
		n.Add(n, new(big.Int).SetUint64(limbs[i]))
	}
	return n
}

func TestWide(t *testing.T) {
	if order.big().Cmp(groupOrder) != 0 {
		t.Errorf("ℓ is %v", order.big())
	}
	rapid.Check(t, func(r *rapid.T) {
		var sum wide
		want := new(big.Int)
		for range rapid.IntRange(1, 40).Draw(r, "products") {
			x, y, k := drawInteger(r, "x", 256), drawInteger(r, "y", 256), drawInteger(r, "k", 256)
			a, b, c := numberFrom(x), numberFrom(y), numberFrom(k)
			sum.add(&a, &b, &c)
			want.Add(want, x.Mul(x, y)).Add(want, k)
		}
		if joined(sum[:]).Cmp(want) != 0 {
			r.Fatalf("sum is %v, want %v", joined(sum[:]), want)
		}
		if got := sum.scalar(); bigOf(got).Cmp(mod(want)) != 0 {
			r.Fatalf("reduced to %v, want %v", bigOf(got), mod(want))
		}
	})
	for i := range 9 { // each limb counts
		var sum wide
		sum[i] = 5
		if got := bigOf(sum.scalar()); got.Cmp(mod(joined(sum[:]))) != 0 {
			t.Errorf("limb %d: %v", i, got)
		}
	}
}

func TestNumbers(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x, y := drawInteger(r, "x", 248), drawInteger(r, "y", 248)
		a, b := numberFrom(x), numberFrom(y)
		if c := a.plus(&b); c.big().Cmp(new(big.Int).Add(x, y)) != 0 {
			r.Fatalf("%v + %v = %v", x, y, c.big())
		}
		s := must(decodeScalar(bigBytes(mod(x))))
		k, negative := closest(s)
		want := mod(x)
		if twice := new(big.Int).Lsh(want, 1); twice.Cmp(groupOrder) > 0 {
			want.Sub(groupOrder, want)
			if !negative {
				r.Fatalf("%v is not negative", x)
			}
		}
		if k.big().Cmp(want) != 0 || k.big().BitLen() > 252 {
			r.Fatalf("%v has distance %v, want %v", x, k.big(), want)
		}
	})
}

// TestDigits adds the digits of a scalar up again.
func TestDigits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x := mod(drawInteger(r, "x", 256))
		for c := 3; c <= 14; c++ {
			digits := make([][]int16, windowCount(c))
			appendDigits(digits, must(decodeScalar(bigBytes(x))), c)
			sum := new(big.Int)
			for w := len(digits) - 1; w >= 0; w-- {
				d := digits[w][0]
				if d < -1<<(c-1)-1 || d > 1<<(c-1)+1 {
					r.Fatalf("c = %d: digit %d", c, d)
				}
				sum.Lsh(sum, uint(c)).Add(sum, big.NewInt(int64(d)))
			}
			if mod(sum).Cmp(x) != 0 {
				r.Fatalf("c = %d: %v becomes %v", c, x, mod(sum))
			}
		}
	})
}

// TestMultiScalar compares with the constant-time multiplication, with scalars
// of all kinds and points that are repeated or cancel.
func TestMultiScalar(t *testing.T) {
	g, h := vectorGens.first(64)
	addG, addH := vectorGens.addends(64)
	rapid.Check(t, func(r *rapid.T) {
		var s []scalar
		var p []point
		var a []addend
		for range rapid.IntRange(0, 70).Draw(r, "terms") {
			s = append(s, *must(decodeScalar(bigBytes(mod(drawInteger(r, "s", 256))))))
			i := rapid.IntRange(0, 63).Draw(r, "point")
			if rapid.Bool().Draw(r, "negative") {
				q := new(point).neg(&g[i])
				p, a = append(p, *q), append(a, addendOf(q))
			} else if rapid.Bool().Draw(r, "h") {
				p, a = append(p, h[i]), append(a, addH[i])
			} else {
				p, a = append(p, g[i]), append(a, addG[i])
			}
		}
		cut := rapid.IntRange(0, len(s)).Draw(r, "cut")
		got, want := multiScalar(terms{s[:cut], a[:cut]}, terms{s[cut:], a[cut:]}), mulSum(s, p)
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			r.Fatalf("%x, want %x", got.Bytes(), want.Bytes())
		}
	})
}

// TestManyTerms is large enough for wide windows: n times the same point, so
// that the sum is known.
func TestManyTerms(t *testing.T) {
	for _, n := range []int{1000, 20_000, 150_000} {
		s, p, total := make([]scalar, n), make([]addend, n), new(scalar)
		for i := range s {
			s[i], p[i] = *randomScalar(rand.Reader), addendOf(basePoint())
			total.Add(total, &s[i])
		}
		if !multiScalar(terms{s, p}).equal(mulBase(total)) {
			t.Errorf("the sum of %d terms is another", n)
		}
	}
}

func TestWindowBits(t *testing.T) {
	for n, want := range map[int]int{0: 3, 10: 3, 100: 6, 10_000: 11, 150_000: 14, 10_000_000: 14} {
		if c := windowBits(n); c < want-1 || c > want+1 {
			t.Errorf("%d points: windows of %d bits", n, c)
		}
	}
}

func TestFoldTable(t *testing.T) {
	g, _ := vectorGens.first(12)
	s := []scalar{*randomScalar(rand.Reader), *scalarOf(0), *randomScalar(rand.Reader)}
	folded := foldTable(g, s)
	if len(folded) != 4 {
		t.Fatalf("%d points", len(folded))
	}
	for i := range folded {
		if want := mulSum(s, []point{g[i], g[i+4], g[i+8]}); !folded[i].equal(want) || folded[i].z != *feOne {
			t.Errorf("point %d is another", i)
		}
	}
}
