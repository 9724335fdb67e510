// Package mandate decides whether enough of the right people signed the same
// scope. Its one product is a Mandate, which can be had no other way; nothing
// in Vitrine reads customers' data without one. What is signed is one text
// that a person can read, and a text has one reading: what ParseStatement
// accepts is what Text writes, byte for byte. Formats: spec/mandate.md;
// signatures: PROTOCOL.sshsig of OpenSSH.
package mandate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
)

// Namespace is the SSHSIG namespace of approvals: ssh-keygen -Y sign -n.
const Namespace = "vitrine-mandate"

// Limits.
const (
	MaxApprovers = 100
	MaxApprovals = 1000 // signatures offered for one text
	minRSA       = 3072 // bits
	maxSkew      = 5 * time.Minute
)

// Approver is one person whose signature counts, with the key that is pinned
// for them. Of a statement that was parsed, only name and fingerprint are known.
type Approver struct {
	Name        string
	Fingerprint string // "SHA256:" and base64 without padding, as ssh-keygen -l prints it
	key         ssh.PublicKey
}

// ParseApprover takes a name and one authorized_keys line without options.
func ParseApprover(name, line string) (Approver, error) {
	if _, err := vitrine.ParseName(name); err != nil {
		return Approver{}, err
	}
	line = strings.TrimSpace(line)
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return Approver{}, fmt.Errorf("the key is not an SSH public key: want one line such as \"ssh-ed25519 AAAA…\"")
	}
	// The parser would skip lines that it cannot read.
	if len(options) > 0 || strings.ContainsAny(line, "\r\n") {
		return Approver{}, fmt.Errorf("the key is more than one plain line: want one key without options")
	}
	if err := acceptable(key); err != nil {
		return Approver{}, err
	}
	return Approver{name, ssh.FingerprintSHA256(key), key}, nil
}

// acceptable refuses certificates, DSA and short RSA keys.
func acceptable(key ssh.PublicKey) error {
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256:
		return nil
	case ssh.KeyAlgoRSA:
		if bits := rsaBits(key); bits < minRSA {
			return fmt.Errorf("the RSA key has %d bits: want %d or more, or better an ed25519 key", bits, minRSA)
		}
		return nil
	}
	return fmt.Errorf("keys of type %q do not count: want ed25519, ecdsa, their security-key forms, or rsa of %d bits", key.Type(), minRSA)
}

func rsaBits(key ssh.PublicKey) int {
	var w struct {
		Type string
		E, N []byte
	}
	if err := ssh.Unmarshal(key.Marshal(), &w); err != nil {
		return 0
	}
	n := bytes.TrimLeft(w.N, "\x00")
	if len(n) == 0 {
		return 0
	}
	bits := len(n) * 8
	for top := n[0]; top < 0x80; top <<= 1 {
		bits--
	}
	return bits
}

// Policy says who may approve, and how many must.
type Policy struct {
	Need      int
	Approvers []Approver
}

// Check refuses a policy under which nothing or anything could be approved.
func (p Policy) Check() error {
	switch {
	case p.Need < 1:
		return fmt.Errorf("need is %d: at least one approver must sign", p.Need)
	case len(p.Approvers) > MaxApprovers:
		return fmt.Errorf("%d approvers are named: at most %d", len(p.Approvers), MaxApprovers)
	case p.Need > len(p.Approvers):
		return fmt.Errorf("need is %d and only %d approvers are named: nothing could ever be approved", p.Need, len(p.Approvers))
	}
	for i, a := range p.Approvers {
		for _, b := range p.Approvers[:i] {
			if a.Name == b.Name {
				return fmt.Errorf("two approvers are named %q", a.Name)
			}
			if a.Fingerprint == b.Fingerprint {
				return fmt.Errorf("%q and %q have the same key: one person would count twice", b.Name, a.Name)
			}
		}
	}
	return nil
}

// Mandate is a statement that a quorum signed. The zero Mandate is not valid.
type Mandate struct {
	statement Statement
	digest    vitrine.Digest
	approvers []string
}

// Valid reports whether m came from Policy.Verify.
func (m Mandate) Valid() bool { return !m.digest.IsZero() }

// Statement is what was signed.
func (m Mandate) Statement() Statement { return m.statement }

// Digest is the digest of the signed text.
func (m Mandate) Digest() vitrine.Digest { return m.digest }

// Approvers are the names of those who signed, in the policy's order.
func (m Mandate) Approvers() []string { return slices.Clone(m.approvers) }

// Verify returns the Mandate that approvals add up to under p at now.
// Signatures that do not verify are not counted, and neither is the second
// signature of the same approver. The statement must name p's own quorum and
// approvers, so that a text signed under other rules approves nothing here.
func (p Policy) Verify(s Statement, approvals []vitrine.Approval, now time.Time) (Mandate, error) {
	text := s.Text()
	parsed, err := s.read(text)
	if err != nil {
		return Mandate{}, err
	}
	if s.Need != p.Need || !sameApprovers(s.Approvers, p.Approvers) {
		return Mandate{}, &vitrine.Refusal{Kind: vitrine.Refused, Ground: "quorum", Text: "the statement names another quorum than the config: it has to be written and signed anew"}
	}
	if s.Received.After(now.Add(maxSkew)) {
		return Mandate{}, &vitrine.Refusal{Kind: vitrine.Refused, Ground: "received", Text: fmt.Sprintf("the demand was received at %s, which is still to come: check the clock", s.Received.Format(time.RFC3339))}
	}
	names, err := p.signers(text, approvals)
	if err != nil {
		return Mandate{}, err
	}
	return Mandate{statement: parsed, digest: vitrine.DigestOf([]byte(text)), approvers: names}, nil
}

// VerifyRuling returns the names of those who signed r, if they are enough.
func (p Policy) VerifyRuling(r Ruling, approvals []vitrine.Approval) ([]string, error) {
	text := r.Text()
	if err := r.Check(); err != nil {
		return nil, err
	}
	return p.signers(text, approvals)
}

func sameApprovers(a, b []Approver) bool {
	return slices.EqualFunc(a, b, func(x, y Approver) bool { return x.Name == y.Name && x.Fingerprint == y.Fingerprint })
}

// signers counts whose signatures over text verify; too few are a refusal that
// says why each of the others does not count.
func (p Policy) signers(text string, approvals []vitrine.Approval) ([]string, error) {
	if err := p.Check(); err != nil {
		return nil, &vitrine.Refusal{Kind: vitrine.Refused, Ground: "quorum", Text: err.Error()}
	}
	if len(approvals) > MaxApprovals {
		return nil, &vitrine.Refusal{Kind: vitrine.Refused, Ground: "quorum", Text: fmt.Sprintf("%d signatures were given: at most %d", len(approvals), MaxApprovals)}
	}
	signed := make([]bool, len(p.Approvers))
	var complaints []string
	for n, a := range approvals {
		i, err := p.signer(text, a)
		switch {
		case err != nil:
			complaints = append(complaints, fmt.Sprintf("signature %d: %v", n+1, err))
		case signed[i]:
			complaints = append(complaints, fmt.Sprintf("signature %d: %s signed before and counts once", n+1, p.Approvers[i].Name))
		default:
			signed[i] = true
		}
	}
	var names []string
	for i, ok := range signed {
		if ok {
			names = append(names, p.Approvers[i].Name)
		}
	}
	if len(names) < p.Need {
		said := fmt.Sprintf("%d of %d approvals count", len(names), p.Need)
		if len(complaints) > 0 {
			said += "; " + strings.Join(complaints, "; ")
		}
		return nil, &vitrine.Refusal{Kind: vitrine.Refused, Ground: "quorum", Text: said + ": have the current statement signed by more approvers"}
	}
	return names, nil
}

// signer returns which approver made the signature over text.
func (p Policy) signer(text string, a vitrine.Approval) (int, error) {
	sig, err := unarmor(a.Signature)
	if err != nil {
		return 0, err
	}
	wire := sig.PublicKey.Marshal()
	i := slices.IndexFunc(p.Approvers, func(a Approver) bool { return a.key != nil && bytes.Equal(a.key.Marshal(), wire) })
	if i < 0 {
		return 0, fmt.Errorf("the key %s is no approver's", ssh.FingerprintSHA256(sig.PublicKey))
	}
	if sig.Namespace != Namespace {
		return 0, fmt.Errorf("%s signed for %q, not for %q: ssh-keygen -Y sign -n %s", p.Approvers[i].Name, sig.Namespace, Namespace, Namespace)
	}
	if err := sshsig.Verify(strings.NewReader(text), sig, p.Approvers[i].key, sig.HashAlgorithm, Namespace); err != nil {
		return 0, fmt.Errorf("%s signed another text than today's: what it is made from was changed since", p.Approvers[i].Name)
	}
	return i, nil
}
