package mandate_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/mandate"
)

// token is a security key in software (PROTOCOL.u2f of OpenSSH): what it signs
// says whether somebody touched it.
type token struct {
	public  ssh.PublicKey
	touched bool
	sign    func(signed []byte) []byte // returns the signature's blob
}

const application = "ssh:"

func (k token) PublicKey() ssh.PublicKey { return k.public }

func (k token) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	var flags byte
	if k.touched {
		flags = 1
	}
	app, message := sha256.Sum256([]byte(application)), sha256.Sum256(data)
	tail := []byte{flags, 0, 0, 0, 7} // and a counter
	signed := append(append(append([]byte{}, app[:]...), tail...), message[:]...)
	return &ssh.Signature{Format: k.public.Type(), Blob: k.sign(signed), Rest: tail}, nil
}

func publicKey(t testing.TB, wire any) ssh.PublicKey {
	t.Helper()
	public, err := ssh.ParsePublicKey(ssh.Marshal(wire))
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// tokenEd25519 is a token whose key is the SHA-256 of name.
func tokenEd25519(t testing.TB, name string, touched bool) person {
	seed := sha256.Sum256([]byte(name))
	key := ed25519.NewKeyFromSeed(seed[:])
	public := publicKey(t, struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, key.Public().(ed25519.PublicKey), application})
	return person{name, token{public, touched, func(signed []byte) []byte { return ed25519.Sign(key, signed) }}}
}

func tokenECDSA(t testing.TB, name string, touched bool) person {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	public := publicKey(t, struct {
		Type, Curve string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKECDSA256, "nistp256", point, application})
	return person{name, token{public, touched, func(signed []byte) []byte {
		digest := sha256.Sum256(signed)
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return ssh.Marshal(struct{ R, S *big.Int }{r, s})
	}}}
}

func TestApproverKeys(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]any{"rsa 3072": long, "ecdsa": curve} {
		who := personOf(t, "a", key)
		p := policy(t, 1, who)
		s := statementOf(t, p)
		if _, err := p.Verify(s, []vitrine.Approval{who.sign(t, mandate.Namespace, s.Text(), sshsig.HashSHA512)}, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := newPerson(t, "a").line()
	for says, line := range map[string]string{
		"3072": personOf(t, "a", short).line(), "not an SSH public key": "ssh-ed25519 AAAA", "without options": `command="x" ` + good, "more than one": good + good, "one plain": "words\n" + good,
	} {
		if _, err := mandate.ParseApprover("a", line); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want an error about %q, got %v", says, err)
		}
	}
}

// TestTokens: a security key's signature counts if somebody touched it.
func TestTokens(t *testing.T) {
	for name, who := range map[string]person{
		"ed25519": tokenEd25519(t, "a", true), "ecdsa": tokenECDSA(t, "a", true),
		"ed25519, untouched": tokenEd25519(t, "a", false), "ecdsa, untouched": tokenECDSA(t, "a", false),
	} {
		p := policy(t, 1, who)
		s := statementOf(t, p)
		_, err := p.Verify(s, []vitrine.Approval{who.sign(t, mandate.Namespace, s.Text(), sshsig.HashSHA512)}, now)
		if touched := who.signer.(token).touched; (err == nil) != touched {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCertificatesDoNotCount: whoever holds a certificate authority's key could
// make approvers.
func TestCertificatesDoNotCount(t *testing.T) {
	a, authority := newPerson(t, "a"), newPerson(t, "ca")
	cert := &ssh.Certificate{Key: a.signer.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"a"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, authority.signer); err != nil {
		t.Fatal(err)
	}
	if _, err := mandate.ParseApprover("a", string(ssh.MarshalAuthorizedKey(cert))); err == nil || !strings.Contains(err.Error(), "do not count") {
		t.Errorf("a certificate was pinned: %v", err)
	}
	signer, err := ssh.NewCertSigner(cert, a.signer)
	if err != nil {
		t.Fatal(err)
	}
	p := policy(t, 1, a)
	s := statementOf(t, p)
	sig := person{"a", signer}.sign(t, mandate.Namespace, s.Text(), sshsig.HashSHA512)
	if _, err := p.Verify(s, []vitrine.Approval{sig}, now); err == nil {
		t.Error("a certificate's signature counted")
	}
}
