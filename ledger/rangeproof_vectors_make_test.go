package ledger

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// writeProofVectors writes everything anew; TestRangeProofVectors then checks it
// with the naive verifier too.
func writeProofVectors(t *testing.T) {
	writeVector(t, "generators.json", generatorVectors())
	writeVector(t, "transcript.json", transcriptVectors())
	writeVector(t, "proofs-64.json", smallVectors(t))
	writeVector(t, "proofs-dishonest.json", dishonestVectors(t))
	writeVector(t, "proofs-256.json", mediumVectors(t))
	writeVector(t, "proofs-8192.json", largeVectors(t))
}

func writeVector(t *testing.T, name string, v any) {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(proofVectors, name), append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func generatorVectors() (list []vectorGenerator) {
	add := func(name, label string, p *point, index ...byte) {
		h := sha512.Sum512(append([]byte(label), index...))
		list = append(list, vectorGenerator{name, h[:], p.Bytes()})
	}
	g, h := vectorGens.first(maxVector)
	add("G", "vitrine/v1/G", generatorG())
	add("U", "vitrine/v1/U", generatorU())
	for _, i := range []int{0, 1, 255, 256, 8191} {
		index := binary.BigEndian.AppendUint32(nil, uint32(i))
		add(fmt.Sprintf("G_%d", i), "vitrine/v1/bp/G", &g[i], index...)
		add(fmt.Sprintf("H_%d", i), "vitrine/v1/bp/H", &h[i], index...)
	}
	return list
}

func transcriptVectors() (list []vectorTranscript) {
	for _, label := range []string{"vitrine/bundle/v1", "vitrine/test/v1", ""} {
		tr := naiveNew(label)
		v := vectorTranscript{Label: label, State: tr.st}
		for i := range 6 {
			s := vectorStep{Absorb: fmt.Sprintf("part-%d", i), Data: bytes.Repeat([]byte{byte(i)}, i*i*13)}
			tr.absorb(s.Absorb, s.Data)
			s.State = tr.st
			c := vectorStep{Challenge: string(rune('x' + i%3))}
			c.Scalar = bigBytes(tr.challenge(c.Challenge))
			c.State = tr.st
			v.Steps = append(v.Steps, s, c)
		}
		list = append(list, v)
	}
	return list
}

// vector returns the statement of e as it is written.
func (e *example) vector() vectorStatement {
	v := vectorStatement{Label: "vitrine/test/v1", Absorb: []vectorAbsorb{{"points", e.said()}}, N: e.st.n, M: e.st.m}
	seen := map[*scalar]int{}
	for j := range e.st.points {
		v.Points = append(v.Points, e.st.points[j].Bytes())
		var first *scalar
		if len(e.st.weights[j]) > 0 {
			first = &e.st.weights[j][0]
		}
		if _, ok := seen[first]; !ok {
			seen[first] = len(v.Layouts)
			list := []Bytes{}
			for i := range e.st.weights[j] {
				list = append(list, e.st.weights[j][i].Bytes())
			}
			v.Layouts = append(v.Layouts, list)
		}
		v.Layout = append(v.Layout, seen[first])
	}
	return v
}

func (f *vectorFile) add(statement int, class, why string, proof []byte) *vectorProof {
	f.Proofs = append(f.Proofs, vectorProof{Statement: statement, Class: class, Why: why, Proof: proof})
	return &f.Proofs[len(f.Proofs)-1]
}

// smallVectors has each change of a proof of N = 64, and of what it is about.
func smallVectors(t *testing.T) (f vectorFile) {
	e := smallExample()
	f.Statements = []vectorStatement{e.vector()}
	proof := e.prove(t)
	f.add(0, "valid", "as it must be", proof)
	f.add(0, "valid", "another prover", e.naiveProve(e.bits(), cheat{}))
	for i, name := range elements(proof) {
		f.changed(t, proof, i, name)
	}
	f.add(0, "length", "a byte is missing", proof[:len(proof)-1])
	f.add(0, "length", "a byte follows", append(bytes.Clone(proof), 0))
	f.add(0, "length", "a round is missing", append(bytes.Clone(proof[:len(proof)-128]), proof[len(proof)-64:]...))
	f.add(0, "length", "empty", nil)
	f.statements(e, proof)
	return f
}

func (f *vectorFile) changed(t *testing.T, proof []byte, i int, name string) {
	put := func(class, why string, b []byte) {
		changed := bytes.Clone(proof)
		copy(element(changed, i), b)
		f.add(0, class, fmt.Sprintf("part %d (%s): %s", i, name, why), changed)
	}
	old := element(proof, i)
	if isScalar(name) {
		n := bigOf(must(decodeScalar(old)))
		put("equation", "plus 1", bigBytes(plus(n, big.NewInt(1))))
		put("scalar", "plus ℓ", bigBytes(new(big.Int).Add(n, groupOrder)))
		return
	}
	flipped := bytes.Clone(old)
	for bit := 8; ; bit++ { // the first that gives a point
		flipped[bit/8] ^= 1 << (bit % 8)
		if _, err := decodePoint(flipped); err == nil {
			break
		}
		flipped[bit/8] ^= 1 << (bit % 8)
	}
	put("equation", "one bit flipped", flipped)
	put("identity", "the identity", make([]byte, 32))
	for k, why := range map[int]string{0: "not canonical", 4: "negative", 12: "not a square", 20: "x·y negative", 28: "y = 0"} {
		put("point", why, unhex(t, rfcInvalid[k]))
	}
}

// statements adds statements that proof does not prove.
func (f *vectorFile) statements(e *example, proof []byte) {
	for _, c := range []struct {
		why    string
		change func(v *vectorStatement)
	}{
		{"another transcript label", func(v *vectorStatement) { v.Label = "vitrine/test/v2" }},
		{"another label absorbed", func(v *vectorStatement) { v.Absorb[0].Label = "point" }},
		{"other bytes absorbed", func(v *vectorStatement) { v.Absorb[0].Data[0] ^= 1 }},
		{"nothing absorbed", func(v *vectorStatement) { v.Absorb = []vectorAbsorb{} }},
		{"points exchanged", func(v *vectorStatement) { v.Points[0], v.Points[1] = v.Points[1], v.Points[0] }},
		{"one point less", func(v *vectorStatement) { v.Points, v.Layout = v.Points[:6], v.Layout[:6] }},
		{"G added to a point", func(v *vectorStatement) {
			v.Points[0] = new(point).add(must(decodePoint(v.Points[0])), generatorG()).Bytes()
		}},
		{"another layout", func(v *vectorStatement) { v.Layout[3] = 0 }},
		{"no weights", func(v *vectorStatement) { v.Layouts[0] = []Bytes{} }},
		{"other n and m", func(v *vectorStatement) { v.N, v.M = 16, 4; v.Points, v.Layout = v.Points[:4], v.Layout[:4] }},
	} {
		v := e.vector()
		c.change(&v)
		f.Statements = append(f.Statements, v)
		f.add(len(f.Statements)-1, "equation", c.why, proof)
	}
}

// dishonestVectors follow the protocol with what are no bits, and cancel.
func dishonestVectors(t *testing.T) (f vectorFile) {
	for _, c := range []struct {
		why   string
		bit   int
		value *big.Int
	}{
		{"-1", 0, big.NewInt(-1)},
		{"-1 in field 1, which is -2^30 in field 0", 3, big.NewInt(-1)},
		{"2 in the highest bit: a value over its width", 2, big.NewInt(2)},
		{"one half", 0, inverse(big.NewInt(2))},
	} {
		w := layoutWeights(3, 4)
		e := newExample(8, 2, []uint64{0, 5}, [][]scalar{w, w})
		aL := e.bits()
		aL[c.bit] = mod(c.value)
		v := times(aL[c.bit], e.naive.weights[0][c.bit])
		e.st.points[0] = *affine(commit(must(decodeScalar(bigBytes(v))), &e.blinds[0]))
		f.Statements = append(f.Statements, e.vector())
		at := len(f.Statements) - 1
		f.add(at, "equation", c.why+"; breaks equation (1)", e.naiveProve(aL, cheat{}))
		f.add(at, "equation", c.why+"; breaks equation (2)", e.naiveProve(aL, cheat{values: []*big.Int{v, bigOf(weighed(5, w))}}))
	}
	d := random()
	for _, shift := range []*big.Int{d, minus(new(big.Int), d)} {
		e := smallExample()
		f.Statements = append(f.Statements, e.vector())
		f.add(len(f.Statements)-1, "equation", "cancels with the other of its batch if factors are equal",
			e.naiveProve(e.bits(), cheat{tau: shift})).Batch = "cancel"
	}
	e := smallExample()
	f.Statements = append(f.Statements, e.vector())
	f.add(len(f.Statements)-1, "equation", "equations (1) and (2) cancel if their factors are equal",
		e.naiveProve(e.bits(), cheat{tau: d, mu: minus(new(big.Int), d)}))
	return f
}

// mediumVectors has 64 bits a value, as reports have: any number, and [0, 249].
func mediumVectors(t *testing.T) (f vectorFile) {
	var steps []scalar
	for _, s := range []uint64{1, 2, 4, 8, 16, 32, 64, 122} {
		steps = append(steps, *scalarOf(s))
	}
	e := newExample(64, 4, []uint64{1<<64 - 1, 0xff, 0}, [][]scalar{layoutWeights(64), steps, steps})
	f.Statements = []vectorStatement{e.vector()}
	proof := e.prove(t)
	f.add(0, "valid", "2^64 - 1, 249 and 0", proof)
	swapped := bytes.Clone(proof)
	copy(element(swapped, 4), element(proof, 5))
	copy(element(swapped, 5), element(proof, 4))
	f.add(0, "equation", "t and tau exchanged", swapped)
	return f
}

// largeVectors has the size of a bundle's proof.
func largeVectors(t *testing.T) (f vectorFile) {
	layouts := [][]scalar{layoutWeights(1, 1, 1, 1, 1, 1, 1, 16), layoutWeights(1, 1)}
	values, weights := make([]uint64, 255), make([][]scalar, 255)
	for j := range values {
		weights[j] = layouts[j/200]
		if j%5 == 0 {
			values[j] = 1 << (j % 2)
		}
	}
	values[7] = 1 | 12345<<7
	e := newExample(32, 256, values, weights)
	f.Statements = []vectorStatement{e.vector()}
	proof := e.prove(t)
	f.add(0, "valid", "a bundle", proof)
	wrong := bytes.Clone(proof)
	copy(element(wrong, 34), bigBytes(plus(bigOf(must(decodeScalar(element(proof, 34)))), big.NewInt(1))))
	f.add(0, "equation", "b plus 1", wrong)
	other := e.vector()
	other.Points = slices.Clone(other.Points)
	other.Points[254], other.Points[253] = other.Points[253], other.Points[254]
	f.Statements = append(f.Statements, other)
	f.add(1, "equation", "the last points exchanged", proof)
	return f
}
