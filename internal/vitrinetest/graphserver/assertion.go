package graphserver

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var quiet = log.New(io.Discard, "", 0)

// assertionKey is a certificate that an application proves itself with.
type assertionKey struct {
	public *rsa.PublicKey
	thumb  string
}

// Certificate makes the application prove itself by a certificate, whose file
// with the key it returns.
func (s *Server) Certificate(t testing.TB) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "vitrine"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "application.pem")
	write(t, path, append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...))
	thumb := sha256.Sum256(der)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = &assertionKey{&key.PublicKey, base64.RawURLEncoding.EncodeToString(thumb[:])}
	return path
}

// proves reports whether an assertion is the application's, for this login.
func (k *assertionKey) proves(text, audience string) bool {
	p := strings.Split(text, ".")
	if len(p) != 3 {
		return false
	}
	var head struct {
		Alg   string `json:"alg"`
		Thumb string `json:"x5t#S256"`
	}
	var body struct {
		Aud, Iss, Sub, Jti string
		Nbf, Exp           int64
	}
	sig, err := base64.RawURLEncoding.DecodeString(p[2])
	if err != nil || !decode(p[0], &head) || !decode(p[1], &body) {
		return false
	}
	sum := sha256.Sum256([]byte(p[0] + "." + p[1]))
	now := time.Now().Unix()
	return head.Alg == "PS256" && head.Thumb == k.thumb && body.Aud == audience && body.Iss == Client && body.Sub == Client && body.Jti != "" &&
		body.Nbf <= now && now < body.Exp && rsa.VerifyPSS(k.public, crypto.SHA256, sum[:], sig, nil) == nil
}

func decode(part string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, v) == nil
}
