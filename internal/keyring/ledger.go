package keyring

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha3"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"github.com/vitrine-project/vitrine"
)

// NewNoteKey writes a new Ed25519 key for signed notes to path, which must not
// exist. The name stands in what it signs.
func NewNoteKey(path, name string) error {
	private, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	return writeNew(path, []byte(private+"\n"), 0o600)
}

// Notary signs notes.
type Notary struct {
	note.Signer
	vkey string
}

// OpenNotary reads a key that NewNoteKey wrote.
func OpenNotary(path string) (*Notary, error) {
	b, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	text := strings.TrimSpace(string(b))
	s, err := note.NewSigner(text)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%s holds no key for signed notes (a line that begins with PRIVATE+KEY+): check which file this is", path)
	}
	parts := strings.SplitN(text, "+", 5) // PRIVATE+KEY+name+hash+base64
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, vitrine.Refusef(vitrine.Usage, "%s is damaged: restore it from a backup", path)
	}
	vkey, err := note.NewEd25519VerifierKey(s.Name(), ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%s: %v", path, err)
	}
	return &Notary{s, vkey}, nil
}

// Public is the key's vkey.
func (n *Notary) Public() string { return n.vkey }

// Sealer seals small secrets to one age identity.
type Sealer struct {
	id *Identity
	to age.Recipient
}

// OpenSealer reads the identity that secrets are sealed to.
func OpenSealer(path string) (*Sealer, error) {
	id, err := OpenIdentity(path)
	if err != nil {
		return nil, err
	}
	to, err := id.recipient()
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%s: %v", path, err)
	}
	return &Sealer{id, to}, nil
}

// Seal returns plain, sealed.
func (s *Sealer) Seal(plain []byte) ([]byte, error) { return SealTo(plain, s.to) }

// Unseal returns what Seal sealed.
func (s *Sealer) Unseal(sealed []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), s.id.identities...)
	if err != nil {
		return nil, fmt.Errorf("unseal with %s: %w", s.id.path, err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unseal with %s: %w", s.id.path, err)
	}
	return b, nil
}

// SealTo seals plain to recipients.
func SealTo(plain []byte, to ...age.Recipient) ([]byte, error) {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to...)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return b.Bytes(), nil
}

// Periods seals what is secret of a ledger to a key of the period, so that the
// key of a period can be destroyed alone. What is sealed says of which period
// its key is.
type Periods struct {
	dir, class string
	now        func() uint64
	mu         sync.Mutex
	open       map[uint64]*Sealer
}

// NewPeriods keeps its keys in a directory; now is the period whose key Seal
// takes.
func NewPeriods(dir, class string, now func() uint64) *Periods {
	return &Periods{dir: dir, class: class, now: now, open: map[uint64]*Sealer{}}
}

// Seal seals plain to the present period's key, which is made if it is the
// first time.
func (p *Periods) Seal(plain []byte) ([]byte, error) {
	return p.SealFor(p.now(), plain)
}

// SealFor seals plain to the key of period n, which is made if it is the first
// time.
func (p *Periods) SealFor(n uint64, plain []byte) ([]byte, error) {
	s, err := p.sealer(n, true)
	if err != nil {
		return nil, err
	}
	sealed, err := s.Seal(plain)
	return append(binary.BigEndian.AppendUint64(nil, n), sealed...), err
}

// Hedge returns randomness for one occasion that follows from rand, from the
// present period's key and from the occasion: where a copy of a machine repeats
// its random numbers, another occasion still gets others.
func (p *Periods) Hedge(random io.Reader, occasion ...string) (io.Reader, error) {
	s, err := p.sealer(p.now(), true)
	if err != nil {
		return nil, err
	}
	var fresh [64]byte
	if _, err := io.ReadFull(random, fresh[:]); err != nil {
		return nil, fmt.Errorf("draw randomness: %w", err)
	}
	h := sha3.NewSHAKE256()
	for _, part := range append([]string{"vitrine/hedge/v1", fmt.Sprint(s.id.identities[0]), string(fresh[:])}, occasion...) {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
	return h, nil
}

// Unseal returns what Seal sealed.
func (p *Periods) Unseal(sealed []byte) ([]byte, error) {
	if len(sealed) < 8 {
		return nil, errors.New("unseal: it is cut off")
	}
	s, err := p.sealer(binary.BigEndian.Uint64(sealed), false)
	if err != nil {
		return nil, err
	}
	return s.Unseal(sealed[8:])
}

func (p *Periods) sealer(n uint64, mayMake bool) (*Sealer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.open[n]; ok {
		return s, nil
	}
	path := p.path(n)
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && !mayMake {
		return nil, fmt.Errorf("find the key of period %d of the %s ledger: %w", n, p.class, err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(p.dir, 0o700); err != nil {
			return nil, fmt.Errorf("make directory: %w", err)
		}
		if _, err := NewAgeKey(path); err != nil {
			return nil, err
		}
	}
	s, err := OpenSealer(path)
	if err == nil {
		p.open[n] = s
	}
	return s, err
}

func (p *Periods) path(n uint64) string {
	return filepath.Join(p.dir, fmt.Sprintf("period-%s-%d", p.class, n))
}

// Destroy deletes the key of period n. What was sealed to it stays sealed for
// good, unless a copy of the key is kept elsewhere.
func (p *Periods) Destroy(n uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, n)
	if err := os.Remove(p.path(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete %s: %w", p.path(n), err)
	}
	return nil
}
