package sequencer

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/vitrine-project/vitrine/ledger"
)

// Cosigner is a witness in this process, for demonstrations: since whoever runs
// the log runs it too, it proves nothing to anybody. It forgets what it saw
// when the process ends.
type Cosigner struct {
	name string
	key  ed25519.PrivateKey
	now  func() time.Time

	mu   sync.Mutex
	seen map[string]tlog.Tree // by origin
}

// NewCosigner returns a witness of that name.
func NewCosigner(name string, key ed25519.PrivateKey, now func() time.Time) *Cosigner {
	return &Cosigner{name: name, key: key, now: now, seen: map[string]tlog.Tree{}}
}

// Key is the vkey that stands in a header's policy.
func (c *Cosigner) Key() string {
	return ledger.WitnessKey(c.name, c.key.Public().(ed25519.PublicKey))
}

// Witness is the cosigner as a log reaches it.
func (c *Cosigner) Witness() Witness { return Witness{Key: c.Key(), Cosigns: c} }

// Cosign signs a checkpoint that continues what it has seen. It does not check
// who signed it.
func (c *Cosigner) Cosign(_ context.Context, old uint64, proof []ledger.Hash, checkpoint []byte) ([]byte, error) {
	text, _, ok := strings.Cut(string(checkpoint), "\n\n")
	if !ok {
		return nil, errors.New("it is no signed note")
	}
	text += "\n"
	origin, size, root, err := ledger.ReadCheckpoint([]byte(text))
	if err != nil {
		return nil, err
	}
	tree := tlog.Tree{N: int64(size), Hash: tlog.Hash(root)}
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen[origin]
	if uint64(seen.N) != old && seen.N > 0 {
		return nil, &Seen{uint64(seen.N)}
	}
	if seen.N > 0 {
		p := make(tlog.TreeProof, len(proof))
		for i, h := range proof {
			p[i] = tlog.Hash(h)
		}
		if err := tlog.CheckTree(p, tree.N, tree.Hash, seen.N, seen.Hash); err != nil {
			return nil, errors.New("this tree does not continue the one it cosigned: there are two histories")
		}
	}
	c.seen[origin] = tree
	return c.sign(text), nil
}

// sign makes the line of a cosignature/v1 (c2sp.org/tlog-cosignature).
func (c *Cosigner) sign(text string) []byte {
	at := uint64(c.now().Unix())
	sig := ed25519.Sign(c.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
	hash, _ := strconv.ParseUint(strings.Split(c.Key(), "+")[1], 16, 32)
	raw := binary.BigEndian.AppendUint32(nil, uint32(hash))
	raw = append(binary.BigEndian.AppendUint64(raw, at), sig...)
	return fmt.Appendf(nil, "— %s %s\n", c.name, base64.StdEncoding.EncodeToString(raw))
}
