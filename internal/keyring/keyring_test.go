package keyring_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

func newRing(t *testing.T) (*keyring.Ring, string) {
	t.Helper()
	dir := t.TempDir()
	if _, err := keyring.NewSSHKey(filepath.Join(dir, "provider"), "provider"); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.NewAgeKey(filepath.Join(dir, "hold")); err != nil {
		t.Fatal(err)
	}
	r, err := keyring.Load(filepath.Join(dir, "provider"), filepath.Join(dir, "hold"))
	if err != nil {
		t.Fatal(err)
	}
	return r, dir
}

func TestUnseal(t *testing.T) {
	r, dir := newRing(t)
	text := bytes.Repeat([]byte("held "), 50_000)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, r.HoldRecipient())
	if err != nil {
		t.Fatal(err)
	}
	w.Write(text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	plain, n, err := r.Unseal(bytes.NewReader(sealed.Bytes()), int64(sealed.Len()))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(plain, 0, n))
	if err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// Another's key says so; a file that is cut is not whole.
	if _, err := keyring.NewAgeKey(filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	other, err := keyring.OpenIdentity(filepath.Join(dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.Unseal(bytes.NewReader(sealed.Bytes()), int64(sealed.Len())); err == nil || !strings.Contains(err.Error(), "not sealed to the identity") {
		t.Errorf("another's key: %v", err)
	}
	if _, _, err := r.Unseal(bytes.NewReader(sealed.Bytes()[:100]), 100); vitrine.ExitCode(err) != 3 {
		t.Errorf("a cut file: %v", err)
	}
}

// TestStockSSH has ssh-keygen check what the ring signed, and the ring use
// keys that ssh-keygen made, with and without a passphrase.
func TestStockSSH(t *testing.T) {
	tool := need.Tool(t, "ssh-keygen")
	r, dir := newRing(t)
	sig, err := r.Sign("vitrine-production", []byte("record"))
	if err != nil {
		t.Fatal(err)
	}
	check := func(key ssh.PublicKey, namespace string, sig []byte) {
		t.Helper()
		for name, b := range map[string][]byte{"sig": sig, "signers": append([]byte("p "), ssh.MarshalAuthorizedKey(key)...)} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(tool, "-Y", "verify", "-f", filepath.Join(dir, "signers"), "-I", "p", "-n", namespace, "-s", filepath.Join(dir, "sig"))
		cmd.Stdin = strings.NewReader("record")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("ssh-keygen -Y verify: %v\n%s", err, out)
		}
	}
	check(r.Public(), "vitrine-production", sig)
	for _, phrase := range []string{"", "open sesame"} {
		key := filepath.Join(dir, "made"+phrase[:min(4, len(phrase))])
		if out, err := exec.Command(tool, "-q", "-t", "ed25519", "-N", phrase, "-f", key).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		a, err := keyring.Approve(key, "vitrine-mandate", []byte("record"), func(string) ([]byte, error) { return []byte(phrase), nil })
		if err != nil {
			t.Fatal(err)
		}
		line, err := os.ReadFile(key + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		public, _, _, _, err := ssh.ParseAuthorizedKey(line)
		if err != nil {
			t.Fatal(err)
		}
		check(public, "vitrine-mandate", []byte(a.Signature))
		if phrase == "" {
			continue
		}
		if _, err := keyring.Approve(key, "x", nil, nil); err == nil || !strings.Contains(err.Error(), "passphrase") {
			t.Errorf("nobody to ask: %v", err)
		}
		if _, err := keyring.Approve(key, "x", nil, func(string) ([]byte, error) { return []byte("wrong"), nil }); err == nil || !strings.Contains(err.Error(), "does not open") {
			t.Errorf("a wrong passphrase: %v", err)
		}
	}
}

// TestAgent signs through an ssh-agent on a real socket.
func TestAgent(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if _, err := keyring.NewSSHKey(key, "a"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSH_AUTH_SOCK", "")
	if _, err := keyring.Approve(key+".pub", "n", []byte("x"), nil); err == nil || !strings.Contains(err.Error(), "no ssh-agent is running") {
		t.Errorf("without an agent: %v", err)
	}
	ring := agent.NewKeyring()
	socket, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	go func() {
		for {
			c, err := socket.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(ring, c)
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", filepath.Join(dir, "s"))
	if _, err := keyring.Approve(key+".pub", "n", []byte("x"), nil); err == nil || !strings.Contains(err.Error(), "ssh-add it") {
		t.Errorf("the agent does not hold it: %v", err)
	}
	b, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := ssh.ParseRawPrivateKey(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	byAgent, err := keyring.Approve(key+".pub", "n", []byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	byFile, err := keyring.Approve(key, "n", []byte("x"), nil)
	if err != nil || byAgent != byFile { // ed25519 signs the same way twice
		t.Errorf("agent and file sign differently (%v)", err)
	}
}

func TestRefuses(t *testing.T) {
	_, dir := newRing(t)
	provider, hold := filepath.Join(dir, "provider"), filepath.Join(dir, "hold")
	open := filepath.Join(dir, "open")
	if _, err := keyring.NewSSHKey(open, "x"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for says, paths := range map[string][2]string{
		"chmod 600":          {open, hold},
		"is not there":       {filepath.Join(dir, "none"), hold},
		"not an SSH private": {hold, hold},
		"no age identity":    {provider, provider},
		"is not a key file":  {dir, hold},
	} {
		if _, err := keyring.Load(paths[0], paths[1]); err == nil || !strings.Contains(err.Error(), says) || vitrine.ExitCode(err) != 2 {
			t.Errorf("want a usage error that says %q, got %v", says, err)
		}
	}
	if _, err := keyring.NewSSHKey(provider, "x"); err == nil || !strings.Contains(err.Error(), "never overwritten") {
		t.Errorf("a key was overwritten: %v", err)
	}
	if st, err := os.Stat(provider); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if _, err := keyring.Approve(filepath.Join(dir, "none.sig"), "n", nil, nil); err == nil || !strings.Contains(err.Error(), "is not there") {
		t.Errorf("a missing signature: %v", err)
	}
}
