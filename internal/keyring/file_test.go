package keyring_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// TestSignatureFiles: a .sig that passed through Windows is given on with the
// line ends that ssh-keygen reads, and is otherwise unchanged.
func TestSignatureFiles(t *testing.T) {
	r, dir := newRing(t)
	sig, err := r.Sign("n", []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "text.sig")
	if err := os.WriteFile(file, bytes.ReplaceAll(sig, []byte("\n"), []byte("\r\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := keyring.Approve(file, "n", []byte("text"), nil)
	if err != nil || a.Signature != string(sig) {
		t.Fatalf("%q, %v", a.Signature, err)
	}
	stockVerifies(t, string(ssh.MarshalAuthorizedKey(r.Public())), "n", "text", a.Signature)
}

// TestNotAFile gives what is no small regular file: nothing is read, and
// nothing waits.
func TestNotAFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"pipe", "pipe.pub", "pipe.sig"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"long", "long.pub", "long.sig"} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 1<<20+1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"pipe", "pipe.pub", "pipe.sig", "long", "long.pub", "long.sig"} {
		if _, err := keyring.Approve(filepath.Join(dir, name), "n", nil, nil); vitrine.ExitCode(err) != 2 || !strings.Contains(err.Error(), "check the path") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNewKeyIsWholeOrNone: where one half exists, the other is not written,
// and what exists stays as it is.
func TestNewKeyIsWholeOrNone(t *testing.T) {
	for _, half := range []string{"", ".pub"} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path+half, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keyring.NewSSHKey(path, "x"); vitrine.ExitCode(err) != 2 {
			t.Errorf("%q is there: %v", half, err)
		}
		left, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(left) != 1 {
			t.Errorf("%q is there: %d files are left (%v)", half, len(left), err)
		}
		if b, err := os.ReadFile(path + half); err != nil || string(b) != "mine" {
			t.Errorf("%q became %q (%v)", half, b, err)
		}
	}
	if _, err := keyring.NewSSHKey(filepath.Join(t.TempDir(), "key"), "x\nssh-ed25519 AAAA"); err == nil {
		t.Error("a comment became a second line")
	}
}

// TestNeverShown prints and marshals what holds keys in every way: no part of
// a private key appears.
func TestNeverShown(t *testing.T) {
	r, dir := newRing(t)
	id, err := keyring.OpenIdentity(filepath.Join(dir, "hold"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "provider"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := ssh.ParseRawPrivateKey(b)
	if err != nil {
		t.Fatal(err)
	}
	numbers := strings.Trim(fmt.Sprint(raw), "&[]")
	for _, v := range []any{r, *r, id, *id, struct{ R *keyring.Ring }{r}} {
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		shown := fmt.Sprintf("%v %+v %#v %s %x", v, v, v, v, v) + string(j)
		if strings.Contains(shown, "AGE-SECRET-KEY") || strings.Contains(shown, numbers[:40]) {
			t.Errorf("%T shows a key: %s", v, shown)
		}
	}
}

// TestStockAge unseals what age sealed to a new key, and age what was sealed
// to the recipient that was returned.
func TestStockAge(t *testing.T) {
	tool, path := need.Tool(t, "age"), filepath.Join(t.TempDir(), "key")
	recipient, err := keyring.NewAgeKey(path)
	if err != nil {
		t.Fatal(err)
	}
	seal := exec.Command(tool, "-r", recipient)
	seal.Stdin = strings.NewReader("held")
	sealed, err := seal.Output()
	if err != nil {
		t.Fatal(err)
	}
	id, err := keyring.OpenIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	plain, n, err := id.Unseal(bytes.NewReader(sealed), int64(len(sealed)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(io.NewSectionReader(plain, 0, n)); err != nil || string(got) != "held" {
		t.Errorf("%q, %v", got, err)
	}
	open := exec.Command(tool, "-d", "-i", path)
	open.Stdin = bytes.NewReader(sealed)
	if got, err := open.Output(); err != nil || string(got) != "held" {
		t.Errorf("age -d: %q, %v", got, err)
	}
	// Every flipped byte is found: by the header's own code, or where it is read.
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		plain, n, err := id.Unseal(bytes.NewReader(bad), int64(len(bad)))
		if err == nil {
			_, err = io.ReadAll(io.NewSectionReader(plain, 0, n))
		}
		if err == nil {
			t.Fatalf("byte %d changed, and it was read", i)
		}
	}
}

// TestNewKeyAppearsWhole reads a key's file as soon as it has its name: a
// process that is killed at any moment leaves a whole key or none.
func TestNewKeyAppearsWhole(t *testing.T) {
	dir := t.TempDir()
	for i := range 50 {
		path := filepath.Join(dir, fmt.Sprint(i))
		made := make(chan error, 1)
		go func() { made <- keyring.NewNoteKey(path, "example.org/log") }()
		for {
			if b, err := os.ReadFile(path); err == nil {
				if !strings.HasPrefix(string(b), "PRIVATE+KEY+") || !strings.HasSuffix(string(b), "\n") {
					t.Errorf("the file held %d bytes that are no key", len(b))
				}
				break
			}
		}
		if err := <-made; err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 50 {
		t.Errorf("%d files are left (%v)", len(left), err)
	}
}
