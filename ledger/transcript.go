package ledger

import (
	"crypto/sha512"
	"encoding/binary"
	"errors"
)

// A transcript is what both sides of a proof have said so far. Challenges
// follow from it, so that nothing can be changed after it was absorbed.
type transcript struct{ state [sha512.Size]byte }

var errChallenge = errors.New("a challenge is zero")

func newTranscript(label string) *transcript {
	return &transcript{sha512.Sum512([]byte(label))}
}

// absorb takes in data under a label.
func (t *transcript) absorb(label string, data []byte) {
	buf := make([]byte, 0, 256)
	buf = append(buf, t.state[:]...)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(label)))
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(data)))
	buf = append(buf, label...)
	h := sha512.New()
	h.Write(buf)
	h.Write(data)
	h.Sum(t.state[:0])
}

// challenge returns a scalar that nobody could choose. Zero is an error.
func (t *transcript) challenge(label string) (*scalar, error) {
	t.absorb(label, nil)
	out := sha512.Sum512(append([]byte("out"), t.state[:]...))
	return challengeOf(out[:])
}

func challengeOf(out []byte) (*scalar, error) {
	c := wideScalar(out)
	if c.Equal(new(scalar)) == 1 {
		return c, errChallenge
	}
	return c, nil
}
