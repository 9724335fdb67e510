package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Algorithms of a vkey (c2sp.org/signed-note).
const (
	algEd25519     = 1
	algCosignature = 4
)

// maxNote bounds a signed note.
const maxNote = 1 << 20

// key is a vkey: NAME+HASH+BASE64(algorithm ‖ public key).
type key struct {
	name string
	hash uint32
	alg  byte
	pub  ed25519.PublicKey
}

func readKey(vkey string, alg byte) (key, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	hash, b64, _ := strings.Cut(rest, "+")
	raw, err := fromBase64(b64)
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != alg || name == "" || strings.ContainsAny(name, " +\n") {
		return key{}, fmt.Errorf("key %q is no vkey of algorithm %d", vkey, alg)
	}
	k := key{name, keyHash(name, raw), raw[0], raw[1:]}
	if hash != fmt.Sprintf("%08x", k.hash) {
		return key{}, fmt.Errorf("key %q: its hash is %08x", vkey, k.hash)
	}
	return k, nil
}

func parseKey(vkey string) (key, error)     { return readKey(vkey, algEd25519) }
func parseWitness(vkey string) (key, error) { return readKey(vkey, algCosignature) }

func keyHash(name string, raw []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	return binary.BigEndian.Uint32(sum[:])
}

// Name, KeyHash and Verify make a key a verifier of signed notes.
func (k key) Name() string    { return k.name }
func (k key) KeyHash() uint32 { return k.hash }

func (k key) Verify(msg, sig []byte) bool {
	if k.alg == algEd25519 {
		return ed25519.Verify(k.pub, msg, sig)
	}
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	head := "cosignature/v1\ntime " + strconv.FormatUint(binary.BigEndian.Uint64(sig), 10) + "\n"
	return ed25519.Verify(k.pub, append([]byte(head), msg...), sig[8:])
}

// open verifies a signed note against one of the keys, and returns its text.
func open(b []byte, vkeys ...string) (string, error) {
	n, err := openAll(b, vkeys, nil)
	if err != nil {
		return "", err
	}
	return n.Text, nil
}

func openAll(b []byte, vkeys, witnesses []string) (*note.Note, error) {
	if len(b) > maxNote {
		return nil, fmt.Errorf("a note of %d bytes", len(b))
	}
	var list []note.Verifier
	for i, v := range append(slices.Clone(vkeys), witnesses...) {
		k, err := readKey(v, map[bool]byte{true: algEd25519, false: algCosignature}[i < len(vkeys)])
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	n, err := note.Open(b, note.VerifierList(list...))
	var unsigned *note.UnverifiedNoteError
	if errors.As(err, &unsigned) {
		return nil, errors.New("no key that the header names signed it")
	}
	if err != nil {
		return nil, err
	}
	for _, s := range append(slices.Clone(n.Sigs), n.UnverifiedSigs...) {
		if _, err := fromBase64(s.Base64); err != nil {
			return nil, fmt.Errorf("the signature of %s is not canonical base64", s.Name)
		}
	}
	return n, nil
}

// lines cuts a note's text into "name value" lines with these names, in order,
// behind its first line. A name that ends in ? may be missing.
func lines(text, first string, names ...string) (map[string]string, error) {
	rest, ok := strings.CutPrefix(text, first+"\n")
	if !ok {
		return nil, fmt.Errorf("it does not begin with %q", first)
	}
	values := map[string]string{}
	for _, name := range names {
		name, optional := strings.CutSuffix(name, "?")
		value, after, found := strings.Cut(rest, "\n")
		value, named := strings.CutPrefix(value, name+" ")
		switch {
		case found && named && value != "":
			values[name], rest = value, after
		case !optional:
			return nil, fmt.Errorf("line %q is missing", name)
		}
	}
	if rest != "" {
		return nil, fmt.Errorf("%q is left over", rest)
	}
	return values, nil
}

func parseTime(s string) (uint64, error) {
	t, err := strconv.ParseUint(s, 10, 40)
	if err == nil && strconv.FormatUint(t, 10) != s {
		err = fmt.Errorf("time %q is not canonical", s)
	}
	return t, err
}

// Checkpoint is a tree as its log, and those who watched, signed it.
type Checkpoint struct {
	Size  uint64
	Root  Hash
	times []uint64 // of the cosignatures that count, ascending
	need  int
	other int // signature lines that count nothing: of unknown keys, or a second of one key
}

// Time is when a quorum had seen the tree; ok is false where nobody watches.
func (c Checkpoint) Time() (t uint64, ok bool) {
	if c.need == 0 {
		return 0, false
	}
	return c.times[c.need-1], true
}

// CheckpointText is what a log and its witnesses sign: origin, size, root.
func CheckpointText(origin string, size uint64, root Hash) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root[:]))
}

// ReadCheckpoint reads origin, size and root of a checkpoint; nothing is
// verified.
func ReadCheckpoint(b []byte) (origin string, size uint64, root Hash, err error) {
	origin, size, root, ok := readBody(b)
	if !ok {
		err = errors.New("it is no checkpoint")
	}
	return origin, size, root, err
}

// readBody reads origin, size and root of a checkpoint that nothing is known of
// yet.
func readBody(b []byte) (origin string, size uint64, root Hash, ok bool) {
	parts := strings.SplitN(string(b), "\n", 4)
	if len(parts) < 4 {
		return "", 0, root, false
	}
	size, err := strconv.ParseUint(parts[1], 10, 53)
	raw, err2 := fromBase64(parts[2])
	if err != nil || err2 != nil || len(raw) != len(root) {
		return "", 0, root, false
	}
	return parts[0], size, Hash(raw), true
}

// CheckpointSize returns the size that a checkpoint says; nothing is verified.
func CheckpointSize(b []byte) (uint64, error) {
	_, size, _, ok := readBody(b)
	if !ok {
		return 0, errors.New("it is no checkpoint")
	}
	return size, nil
}

// OpenCheckpoint verifies a checkpoint against the header's keys and witnesses,
// and fails unless a quorum cosigned it, each at a time.
func (h *Header) OpenCheckpoint(b []byte) (Checkpoint, error) {
	var c Checkpoint
	var witnesses []string
	for _, w := range h.Witnesses.Keys {
		witnesses = append(witnesses, w.Key)
	}
	n, err := openAll(b, []string{h.Keys.Log}, witnesses)
	if err != nil {
		return c, fmt.Errorf("checkpoint: %w", err)
	}
	origin, size, root, ok := readBody([]byte(n.Text))
	if !ok || origin != h.Origin || CheckpointText(origin, size, root) != n.Text {
		return c, errors.New("checkpoint: want this log's origin, a size and a root, and nothing else")
	}
	c = Checkpoint{Size: size, Root: root, need: h.Witnesses.Quorum, other: signatureLines(b) - len(n.Sigs)}
	if err := c.count(h, n.Sigs); err != nil {
		return c, fmt.Errorf("checkpoint of %d entries: %w", size, err)
	}
	return c, nil
}

func (c *Checkpoint) count(h *Header, sigs []note.Signature) error {
	logged := false
	seen := map[string]bool{}
	for _, s := range sigs {
		if s.Name == h.Origin {
			logged = true
		}
		for _, w := range h.Witnesses.Keys {
			k, err := parseWitness(w.Key)
			if err != nil || k.name != s.Name || k.hash != s.Hash || seen[w.Key] {
				continue
			}
			raw, err := base64.StdEncoding.DecodeString(s.Base64)
			if err != nil || len(raw) < 12 {
				return fmt.Errorf("the cosignature of %s is cut off", s.Name)
			}
			t := binary.BigEndian.Uint64(raw[4:])
			if t == 0 {
				return fmt.Errorf("the cosignature of %s has no time", s.Name)
			}
			seen[w.Key] = true
			c.times = append(c.times, t)
		}
	}
	if !logged {
		return errors.New("the log did not sign it")
	}
	if len(c.times) < c.need {
		return fmt.Errorf("%d of the %d witnesses that it takes cosigned it", len(c.times), c.need)
	}
	slices.Sort(c.times)
	return nil
}

// Signer signs the text of a note; note.NewSigner makes one from a private key.
type Signer = note.Signer

func sign(text string, signers ...Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: text}, signers...)
}

// PublicKey returns the vkey of an Ed25519 key of that name.
func PublicKey(name string, pub ed25519.PublicKey) string {
	return vkey(name, algEd25519, pub)
}

// WitnessKey returns the vkey of a witness's Ed25519 key of that name.
func WitnessKey(name string, pub ed25519.PublicKey) string {
	return vkey(name, algCosignature, pub)
}

func vkey(name string, alg byte, pub ed25519.PublicKey) string {
	raw := append([]byte{alg}, pub...)
	return fmt.Sprintf("%s+%08x+%s", name, keyHash(name, raw), base64.StdEncoding.EncodeToString(raw))
}

// signatureLines counts the lines behind the text of a note that has been
// opened.
func signatureLines(b []byte) int {
	return bytes.Count(b[bytes.LastIndex(b, []byte("\n\n"))+2:], []byte("\n"))
}

// textOf returns the text of a note that nothing is known of yet.
func textOf(b []byte) (string, bool) {
	text, _, ok := bytes.Cut(b, []byte("\n\n"))
	return string(text) + "\n", ok
}
