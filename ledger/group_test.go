package ledger

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"testing"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
	"github.com/gtank/ristretto255"
	"pgregory.net/rapid"
)

// The other source for the group is github.com/gtank/ristretto255.
type libPoint = ristretto255.Element
type libScalar = ristretto255.Scalar

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func randomBytes(tb testing.TB, n int) []byte {
	tb.Helper()
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func libRandom(tb testing.TB) *libPoint {
	p, err := new(libPoint).SetUniformBytes(randomBytes(tb, 64))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func ours(tb testing.TB, p *libPoint) *point {
	tb.Helper()
	q, err := decodePoint(p.Bytes())
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

func lib(tb testing.TB, s *scalar) *libScalar {
	tb.Helper()
	l, err := new(libScalar).SetCanonicalBytes(s.Bytes())
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func wantPoint(tb testing.TB, got *point, want *libPoint, what string) {
	tb.Helper()
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		tb.Errorf("%s: %x, want %x", what, got.Bytes(), want.Bytes())
	}
}

func TestRFC9496(t *testing.T) {
	p := identity()
	for i, want := range rfcMultiples {
		if got := hex.EncodeToString(p.Bytes()); got != want {
			t.Errorf("%d·B is %s, want %s", i, got, want)
		}
		q, err := decodePoint(unhex(t, want))
		if err != nil || !q.equal(p) || hex.EncodeToString(q.Bytes()) != want {
			t.Errorf("%d·B does not come back: %v", i, err)
		}
		p.add(p, basePoint())
	}
	for _, bad := range rfcInvalid {
		if _, err := decodePoint(unhex(t, bad)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
	for _, d := range rfcDerived {
		if got := hex.EncodeToString(hashToPoint([]byte(d[0])).Bytes()); got != d[1] {
			t.Errorf("%q gives %s, want %s", d[0], got, d[1])
		}
	}
	for _, in := range rfcSameElement {
		b := unhex(t, in)
		var p, q point
		p.elligator(b[:32])
		q.elligator(b[32:])
		if got := hex.EncodeToString(p.add(&p, &q).Bytes()); got != rfcSameElementIs {
			t.Errorf("%s gives %s", in, got)
		}
	}
}

func TestDecodeLengths(t *testing.T) {
	b := basePoint().Bytes()
	for _, bad := range [][]byte{nil, b[:31], append(b, 0)} {
		if _, err := decodePoint(bad); err == nil {
			t.Errorf("%d bytes are a point", len(bad))
		}
	}
	list := make([]point, 5)
	at := decodePoints(list, func(i int) []byte {
		if i == 3 {
			return unhex(t, rfcInvalid[0])
		}
		return b
	})
	if at != 3 {
		t.Errorf("the first bad encoding is said to be %d, not 3", at)
	}
}

// TestGroupAsLibrary compares every operation with the library's.
func TestGroupAsLibrary(t *testing.T) {
	for range 50 {
		a, b := libRandom(t), libRandom(t)
		p, q := ours(t, a), ours(t, b)
		s, r := randomScalar(rand.Reader), randomScalar(rand.Reader)
		wantPoint(t, new(point).add(p, q), new(libPoint).Add(a, b), "add")
		wantPoint(t, new(point).add(p, p), new(libPoint).Add(a, a), "add to itself")
		wantPoint(t, new(point).sub(p, q), new(libPoint).Subtract(a, b), "sub")
		wantPoint(t, new(point).neg(p), new(libPoint).Negate(a), "neg")
		wantPoint(t, mul(s, p), new(libPoint).ScalarMult(lib(t, s), a), "mul")
		wantPoint(t, mulBase(s), new(libPoint).ScalarBaseMult(lib(t, s)), "mulBase")
		wantPoint(t, mulSum([]scalar{*s, *r}, []point{*p, *q}),
			new(libPoint).MultiScalarMult([]*libScalar{lib(t, s), lib(t, r)}, []*libPoint{a, b}), "mulSum")
		wantPoint(t, affine(new(point).add(p, q)), new(libPoint).Add(a, b), "affine")
		doubled := *p
		doubled.double()
		wantPoint(t, &doubled, new(libPoint).Add(a, a), "double")
		for negative := range 2 {
			got, want, one := new(point).add(p, q), new(libPoint).Add(a, b), addendOf(p)
			got.addVar(&one, negative)
			if want.Add(want, a); negative == 1 {
				want.Subtract(want, a).Subtract(want, a)
			}
			wantPoint(t, got, want, "addVar")
		}
		acc, want := *p, *a
		sum([]point{*q, *p, *q}, &acc)
		wantPoint(t, &acc, want.Add(&want, b).Add(&want, a).Add(&want, b), "sum")
	}
}

func TestLongMulSum(t *testing.T) {
	const n = 300 // more than one table of mulSum
	s, p, want := make([]scalar, n), make([]point, n), new(libPoint)
	want.Set(ristretto255.NewIdentityElement())
	for i := range s {
		a := libRandom(t)
		s[i], p[i] = *randomScalar(rand.Reader), *ours(t, a)
		want.Add(want, new(libPoint).ScalarMult(lib(t, &s[i]), a))
	}
	wantPoint(t, mulSum(s, p), want, "mulSum of 300")
	wantPoint(t, mulSum(nil, nil), ristretto255.NewIdentityElement(), "mulSum of nothing")
}

// TestDecodeAsLibrary reads changed encodings and random bytes.
func TestDecodeAsLibrary(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(r, "bytes")
		if rapid.Bool().Draw(r, "derived") {
			h := sha512.Sum512(b)
			p, _ := new(libPoint).SetUniformBytes(h[:])
			b = p.Bytes()
			b[rapid.IntRange(0, 31).Draw(r, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(r, "bit")
		} else {
			b[0], b[31] = b[0]&^1, b[31]&127 // half of what is left are points
		}
		_, want := new(libPoint).SetCanonicalBytes(b)
		p, err := decodePoint(b)
		if (err == nil) != (want == nil) {
			r.Fatalf("%x: %v, the library says %v", b, err, want)
		}
		if err == nil && !bytes.Equal(p.Bytes(), b) {
			r.Fatalf("%x comes back as %x", b, p.Bytes())
		}
	})
}

// TestCosets adds what makes no difference in the group: points of order 4.
func TestCosets(t *testing.T) {
	torsion := []point{*identity(), {y: *feMinusOne, z: *feOne}, {x: *sqrtM1, z: *feOne}, {x: *negative(sqrtM1), z: *feOne}}
	p := ours(t, libRandom(t))
	for i := range torsion {
		if !torsion[i].isIdentity() || !torsion[i].equal(identity()) {
			t.Errorf("torsion point %d is not the identity", i)
		}
		q := new(point).add(p, &torsion[i])
		if !q.equal(p) || q.isIdentity() || !bytes.Equal(q.Bytes(), p.Bytes()) {
			t.Errorf("torsion point %d makes a difference", i)
		}
	}
	if p.equal(basePoint()) || p.equal(new(point).neg(p)) {
		t.Error("different elements are equal")
	}
}

func TestCommitment(t *testing.T) {
	h := sha512.Sum512([]byte("vitrine/v1/G"))
	g, _ := new(libPoint).SetUniformBytes(h[:])
	v, r := randomScalar(rand.Reader), randomScalar(rand.Reader)
	want := new(libPoint).ScalarMult(lib(t, v), g)
	want.Add(want, new(libPoint).ScalarBaseMult(lib(t, r)))
	wantPoint(t, commit(v, r), want, "commit")
	wantPoint(t, commit(new(scalar), new(scalar)), ristretto255.NewIdentityElement(), "commit to 0")
}

// groupOrder is ℓ.
var groupOrder, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)

// bigBytes is n as 32 bytes, little-endian.
func bigBytes(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, 32))
	for i := range 16 {
		b[i], b[31-i] = b[31-i], b[i]
	}
	return b
}

func TestScalars(t *testing.T) {
	minusOne := new(big.Int).Sub(groupOrder, big.NewInt(1))
	for _, good := range []*big.Int{big.NewInt(0), big.NewInt(1), minusOne} {
		if s, err := decodeScalar(bigBytes(good)); err != nil || !bytes.Equal(s.Bytes(), bigBytes(good)) {
			t.Errorf("%v is no scalar: %v", good, err)
		}
	}
	above := new(big.Int).Add(groupOrder, big.NewInt(1))
	all := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	for _, bad := range []*big.Int{groupOrder, above, all} {
		if _, err := decodeScalar(bigBytes(bad)); err == nil {
			t.Errorf("%v is a scalar", bad)
		}
	}
	for _, bad := range [][]byte{nil, make([]byte, 31), make([]byte, 33)} {
		if _, err := decodeScalar(bad); err == nil {
			t.Errorf("%d bytes are a scalar", len(bad))
		}
	}
	for _, n := range []uint64{0, 1, 255, 256, 1<<64 - 1} {
		if got, want := scalarOf(n).Bytes(), bigBytes(new(big.Int).SetUint64(n)); !bytes.Equal(got, want) {
			t.Errorf("%d is %x", n, got)
		}
	}
	b := randomBytes(t, 64)
	want, _ := new(libScalar).SetUniformBytes(b)
	if got := randomScalar(bytes.NewReader(b)); !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("64 bytes are reduced to %x, want %x", got.Bytes(), want.Bytes())
	}
}

// TestGenerators derives some with the library alone.
func TestGenerators(t *testing.T) {
	derived := func(label string, index ...byte) *libPoint {
		h := sha512.Sum512(append([]byte(label), index...))
		p, _ := new(libPoint).SetUniformBytes(h[:])
		return p
	}
	wantPoint(t, generatorG(), derived("vitrine/v1/G"), "G")
	wantPoint(t, generatorU(), derived("vitrine/v1/U"), "U")
	var table generatorTable
	for _, n := range []int{4, 2, 300, 512} { // the table grows, and keeps what it has
		g, h := table.first(n)
		addG, addH := table.addends(n)
		if len(g) != n || len(h) != n || len(addG) != n || len(addH) != n {
			t.Fatalf("%d generators of %d", len(g), n)
		}
		for _, i := range []int{0, 1, n / 2, n - 1} {
			index := binary.BigEndian.AppendUint32(nil, uint32(i))
			wantPoint(t, &g[i], derived("vitrine/v1/bp/G", index...), "G_i")
			wantPoint(t, &h[i], derived("vitrine/v1/bp/H", index...), "H_i")
			if g[i].z != *feOne || addG[i] != addendOf(&g[i]) || addH[i] != addendOf(&h[i]) {
				t.Errorf("generator %d is not prepared", i)
			}
		}
	}
	var small generatorTable
	if small.first(8); len(small.g.points) != 8 {
		t.Errorf("a proof of 8 derives %d generators", len(small.g.points))
	}
}

func TestNormalise(t *testing.T) {
	points := make([]point, 5)
	for i := range points {
		points[i] = *new(point).add(ours(t, libRandom(t)), ours(t, libRandom(t)))
	}
	before := append([]point(nil), points...)
	normalise(points)
	for i := range points {
		if points[i].z != *feOne || !points[i].equal(&before[i]) || points[i].t.Equal(new(field.Element).Multiply(&points[i].x, &points[i].y)) != 1 {
			t.Errorf("point %d is another, or not affine", i)
		}
	}
	normalise(nil)
}

func TestCurveRefusesOthers(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a point off the curve is multiplied")
		}
	}()
	off := point{x: *feOne, y: *feOne, z: *feOne, t: *feOne}
	var _ *edwards25519.Point = off.curve()
}
