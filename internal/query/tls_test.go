package query_test

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/query"
)

// certificate is one that signs itself.
func certificate(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// impostor greets as a database does and then shows its own certificate. It
// tells what it was sent behind the handshake.
func impostor(t *testing.T, greet func(net.Conn) error) (address string, heard chan int) {
	t.Helper()
	own, _ := certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	heard = make(chan int, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(5 * time.Second))
			if greet(c) == nil {
				secure := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{own}})
				n, _ := secure.Read(make([]byte, 512))
				heard <- n
			}
			c.Close()
		}
	}()
	return l.Addr().String(), heard
}

// TestWrongCertificate: an impostor is refused for good, and hears nothing.
func TestWrongCertificate(t *testing.T) {
	_, authority := certificate(t)
	file := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(file, authority, 0o600); err != nil {
		t.Fatal(err)
	}
	postgres, heardP := impostor(t, func(c net.Conn) error {
		_, err := io.ReadFull(c, make([]byte, 8)) // SSLRequest
		return errors.Join(err, write(c, "S"))
	})
	mariadb, heardM := impostor(t, func(c net.Conn) error {
		// HandshakeV10 with CLIENT_PROTOCOL_41, SSL, SECURE_CONNECTION and PLUGIN_AUTH.
		body := "\x0a10.11.0\x00" + "\x01\x00\x00\x00" + "12345678\x00" + "\x00\x8a" + "\x21" + "\x02\x00" + "\x08\x00" + "\x15" + "0123456789" + "123456789012\x00" + "mysql_native_password\x00"
		err := write(c, string([]byte{byte(len(body)), 0, 0, 0})+body)
		_, err2 := io.ReadFull(c, make([]byte, 36)) // SSLRequest
		return errors.Join(err, err2)
	})
	p, err := query.Postgres("postgres://u@"+postgres+"/db?"+url.Values{"sslmode": {"verify-full"}, "sslrootcert": {file}}.Encode(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	m, err := query.MariaDB("mariadb://u@"+mariadb+"/db", "secret", authority)
	if err != nil {
		t.Fatal(err)
	}
	for name, db := range map[string]*query.DB{"postgres": p, "mariadb": m} {
		defer db.Close()
		_, err := db.Probe(t.Context())
		var broken *query.Broken
		if vitrine.ExitCode(err) != 1 || errors.As(err, &broken) || !errors.As(err, new(*vitrine.Refusal)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, heard := range map[string]chan int{"postgres": heardP, "mariadb": heardM} {
		select {
		case n := <-heard:
			if n > 0 {
				t.Errorf("%s: the impostor was told %d bytes", name, n)
			}
		case <-time.After(6 * time.Second):
			t.Errorf("%s: nobody came", name)
		}
	}
}

func write(c net.Conn, s string) error {
	_, err := io.WriteString(c, s)
	return err
}
