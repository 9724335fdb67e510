package ledger

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// A naiveTranscript is section 2 of the specification, word for word.
type naiveTranscript struct{ st []byte }

func naiveNew(label string) *naiveTranscript {
	h := sha512.Sum512([]byte(label))
	return &naiveTranscript{h[:]}
}

func (t *naiveTranscript) absorb(label string, data []byte) {
	var b bytes.Buffer
	b.Write(t.st)
	binary.Write(&b, binary.BigEndian, uint32(len(label)))
	binary.Write(&b, binary.BigEndian, uint32(len(data)))
	b.WriteString(label)
	b.Write(data)
	h := sha512.Sum512(b.Bytes())
	t.st = h[:]
}

func (t *naiveTranscript) challenge(label string) *big.Int {
	t.absorb(label, nil)
	h := sha512.Sum512(append([]byte("out"), t.st...))
	for i := range 32 {
		h[i], h[63-i] = h[63-i], h[i]
	}
	return new(big.Int).Mod(new(big.Int).SetBytes(h[:]), groupOrder)
}

func TestTranscript(t *testing.T) {
	type step struct {
		label string
		data  []byte
	}
	steps := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) step {
		return step{rapid.String().Draw(r, "label"), rapid.SliceOf(rapid.Byte()).Draw(r, "data")}
	}), 1, 5)
	rapid.Check(t, func(r *rapid.T) {
		a, b := newTranscript("vitrine/test"), naiveNew("vitrine/test")
		for _, s := range steps.Draw(r, "steps") {
			a.absorb(s.label, s.data)
			b.absorb(s.label, s.data)
			c, err := a.challenge(s.label)
			if err != nil || !bytes.Equal(c.Bytes(), bigBytes(b.challenge(s.label))) {
				r.Fatalf("challenge %x: %v", c.Bytes(), err)
			}
		}
	})
}

// TestTranscriptFrames takes bytes from one part to the next.
func TestTranscriptFrames(t *testing.T) {
	said := func(steps ...string) string {
		tr := newTranscript("vitrine/test")
		for i := 0; i < len(steps); i += 2 {
			tr.absorb(steps[i], []byte(steps[i+1]))
		}
		return string(tr.state[:])
	}
	seen := map[string]int{}
	for i, s := range []string{said("ab", "c"), said("a", "bc"), said("abc", ""), said("", "abc"),
		said("ab", "c", "", ""), said("a", "b", "", "c"), said()} {
		if j, ok := seen[s]; ok {
			t.Errorf("transcripts %d and %d are the same", i, j)
		}
		seen[s] = i
	}
}

func TestZeroChallenge(t *testing.T) {
	zero := make([]byte, 64)
	multiple := new(big.Int).Mul(groupOrder, new(big.Int).Lsh(big.NewInt(3), 200))
	reduced := multiple.FillBytes(make([]byte, 64))
	for i := range 32 {
		reduced[i], reduced[63-i] = reduced[63-i], reduced[i]
	}
	for _, out := range [][]byte{zero, reduced} {
		if c, err := challengeOf(out); err != errChallenge {
			t.Errorf("%x gives challenge %x, %v", out, c.Bytes(), err)
		}
	}
	zero[0] = 1
	if c, err := challengeOf(zero); err != nil || c.Equal(scalarOf(1)) != 1 {
		t.Errorf("1 is refused: %v", err)
	}
}
