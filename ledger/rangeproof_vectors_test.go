package ledger

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math/big"
	"os"
	"path/filepath"
	"testing"
)

var updateRangeProofs = flag.Bool("update-rangeproof", false, "write the vectors of range proofs anew")

// proofVectors is described in its README.md.
const proofVectors = "../spec/vectors/ledger/rangeproof"

type vectorFile struct {
	Statements []vectorStatement `json:"statements"`
	Proofs     []vectorProof     `json:"proofs"`
}

type vectorStatement struct {
	Label   string         `json:"label"`
	Absorb  []vectorAbsorb `json:"absorb"`
	N       int            `json:"n"`
	M       int            `json:"m"`
	Layouts [][]Bytes      `json:"layouts"`
	Points  []Bytes        `json:"points"`
	Layout  []int          `json:"layout"`
}

type vectorAbsorb struct {
	Label string `json:"label"`
	Data  Bytes  `json:"data"`
}

type vectorProof struct {
	Statement int    `json:"statement"`
	Class     string `json:"class"`
	Why       string `json:"why"`
	Batch     string `json:"batch,omitempty"`
	Proof     Bytes  `json:"proof"`
}

// classes are the failures, as a verifier finds them.
var classes = map[string]error{
	"valid": nil, "length": errProofLength, "point": errPoint, "scalar": errScalar,
	"identity": errIdentityPoint, "equation": errNotProved,
}

func (v vectorStatement) statement(t *testing.T) rangeStatement {
	st := rangeStatement{n: v.N, m: v.M, points: make([]point, len(v.Points))}
	if i := decodePoints(st.points, func(i int) []byte { return v.Points[i] }); i >= 0 {
		t.Fatalf("point %d of the statement is none", i)
	}
	layouts := make([][]scalar, len(v.Layouts))
	for i, l := range v.Layouts {
		for _, w := range l {
			layouts[i] = append(layouts[i], *must(decodeScalar(w)))
		}
	}
	for _, l := range v.Layout {
		st.weights = append(st.weights, layouts[l])
	}
	return st
}

func (v vectorStatement) transcript() *transcript {
	t := newTranscript(v.Label)
	for _, a := range v.Absorb {
		t.absorb(a.Label, a.Data)
	}
	return t
}

func (v vectorStatement) naive(t *testing.T) (*naiveTranscript, naiveStatement) {
	tr := naiveNew(v.Label)
	for _, a := range v.Absorb {
		tr.absorb(a.Label, a.Data)
	}
	st := naiveStatement{n: v.N, m: v.M}
	for j, b := range v.Points {
		st.points = append(st.points, must(new(libPoint).SetCanonicalBytes(b)))
		var list []*big.Int
		for _, w := range v.Layouts[v.Layout[j]] {
			list = append(list, bigOf(must(decodeScalar(w))))
		}
		st.weights = append(st.weights, list)
	}
	return tr, st
}

// TestRangeProofVectors verifies each proof alone, and those of a batch
// together; small ones also with the naive verifier.
func TestRangeProofVectors(t *testing.T) {
	if *updateRangeProofs {
		writeProofVectors(t)
	}
	names, err := filepath.Glob(filepath.Join(proofVectors, "proofs-*.json"))
	if err != nil || len(names) < 3 {
		t.Fatalf("%d files of proofs: %v", len(names), err)
	}
	found := map[string]int{}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			var file vectorFile
			readVector(t, name, &file)
			batches := map[string]*batch{}
			for i, p := range file.Proofs {
				found[p.Class]++
				st := file.Statements[p.Statement]
				want, known := classes[p.Class]
				if !known {
					t.Errorf("proof %d has class %q", i, p.Class)
				}
				b := newBatch(rand.Reader)
				err := b.add(st.transcript(), st.statement(t), p.Proof)
				if err == nil {
					_, err = b.verify()
				}
				if err != want {
					t.Errorf("proof %d (%s, %s): %v", i, p.Class, p.Why, err)
				}
				if st.N*st.M <= 64 || *updateRangeProofs {
					tr, ns := st.naive(t)
					if err := naiveVerify(tr, ns, p.Proof); (err == nil) != (want == nil) {
						t.Errorf("proof %d (%s, %s): the naive verifier says %v", i, p.Class, p.Why, err)
					}
				}
				if p.Batch != "" {
					if batches[p.Batch] == nil {
						batches[p.Batch] = newBatch(rand.Reader)
					}
					batches[p.Batch].add(st.transcript(), st.statement(t), p.Proof)
				}
			}
			for name, b := range batches {
				if b.len() < 2 {
					t.Errorf("batch %s has %d proofs", name, b.len())
				}
				if at, err := b.verify(); err != errNotProved || at != 0 {
					t.Errorf("batch %s: %d, %v", name, at, err)
				}
			}
		})
	}
	for c := range classes {
		if found[c] == 0 {
			t.Errorf("no vector of class %s", c)
		}
	}
}

func readVector(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

type vectorGenerator struct {
	Name  string `json:"name"`
	Hash  Bytes  `json:"hash"`
	Point Bytes  `json:"point"`
}

func TestGeneratorVectors(t *testing.T) {
	var list []vectorGenerator
	readVector(t, filepath.Join(proofVectors, "generators.json"), &list)
	if len(list) != len(generatorVectors()) {
		t.Errorf("%d generators", len(list))
	}
	for i, want := range generatorVectors() {
		if list[i].Name != want.Name || !bytes.Equal(list[i].Hash, want.Hash) {
			t.Errorf("%s is not %s", list[i].Name, want.Name)
		}
		wantPoint(t, must(decodePoint(list[i].Point)), must(new(libPoint).SetUniformBytes(list[i].Hash)), want.Name)
		if !bytes.Equal(list[i].Point, want.Point) {
			t.Errorf("%s is %x, want %x", want.Name, want.Point, list[i].Point)
		}
	}
}

type vectorStep struct {
	Absorb    string `json:"absorb,omitempty"`
	Data      Bytes  `json:"data,omitempty"`
	Challenge string `json:"challenge,omitempty"`
	Scalar    Bytes  `json:"scalar,omitempty"`
	State     Bytes  `json:"state"`
}

type vectorTranscript struct {
	Label string       `json:"label"`
	State Bytes        `json:"state"`
	Steps []vectorStep `json:"steps"`
}

func TestTranscriptVectors(t *testing.T) {
	var list []vectorTranscript
	readVector(t, filepath.Join(proofVectors, "transcript.json"), &list)
	if len(list) < 2 {
		t.Fatalf("%d transcripts", len(list))
	}
	for _, v := range list {
		tr := newTranscript(v.Label)
		if !bytes.Equal(tr.state[:], v.State) {
			t.Errorf("%q begins with another state", v.Label)
		}
		for i, s := range v.Steps {
			if s.Challenge == "" {
				tr.absorb(s.Absorb, s.Data)
			} else if c := must(tr.challenge(s.Challenge)); !bytes.Equal(c.Bytes(), s.Scalar) {
				t.Errorf("%q, step %d: challenge %x", v.Label, i, c.Bytes())
			}
			if hex.EncodeToString(tr.state[:]) != s.State.text() {
				t.Errorf("%q, step %d: another state", v.Label, i)
			}
		}
	}
}

func (b Bytes) text() string { return hex.EncodeToString(b) }
