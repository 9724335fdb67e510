package keyring_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/vitrine-project/vitrine/internal/keyring"
)

// TestNotary: what a notary signs, the stock verifier of signed notes accepts
// under the vkey that the notary names.
func TestNotary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := keyring.NewNoteKey(path, "example.org/log"); err != nil {
		t.Fatal(err)
	}
	if err := keyring.NewNoteKey(path, "example.org/log"); err == nil {
		t.Error("a key was overwritten")
	}
	n, err := keyring.OpenNotary(path)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(n.Public())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: "text\n"}, n)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.OpenNotary(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
}

// TestPeriods: what was sealed in a period is unsealed later, and not once that
// period's key is gone.
func TestPeriods(t *testing.T) {
	dir, now := t.TempDir(), uint64(3)
	open := func() *keyring.Periods { return keyring.NewPeriods(dir, "public", func() uint64 { return now }) }
	sealed, err := open().Seal([]byte("secret"))
	if err != nil || bytes.Contains(sealed, []byte("secret")) {
		t.Fatalf("%q, %v", sealed, err)
	}
	now = 4
	if _, err := open().Seal([]byte("later")); err != nil {
		t.Fatal(err)
	}
	if plain, err := open().Unseal(sealed); err != nil || string(plain) != "secret" {
		t.Errorf("%q, %v", plain, err)
	}
	if err := os.Remove(filepath.Join(dir, "period-public-3")); err != nil {
		t.Fatal(err)
	}
	if _, err := open().Unseal(sealed); err == nil {
		t.Error("unsealed without the period's key")
	}
	if _, err := os.Stat(filepath.Join(dir, "period-public-3")); err == nil {
		t.Error("a lost key was made anew")
	}
	for _, bad := range [][]byte{nil, sealed[:7], sealed[:40], append(bytes.Clone(sealed[:8]), 1)} {
		if _, err := open().Unseal(bad); err == nil {
			t.Errorf("unsealed %d bytes", len(bad))
		}
	}
}

// TestHedge: a machine whose random numbers repeat still draws another number
// for each occasion and key.
func TestHedge(t *testing.T) {
	draw := func(p *keyring.Periods, random io.Reader, occasion ...string) string {
		t.Helper()
		r, err := p.Hedge(random, occasion...)
		if err != nil {
			t.Fatal(err)
		}
		var b [32]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			t.Fatal(err)
		}
		return string(b[:])
	}
	stuck := func() io.Reader { return bytes.NewReader(make([]byte, 64)) }
	now := func() uint64 { return 0 }
	one, other := keyring.NewPeriods(t.TempDir(), "public", now), keyring.NewPeriods(t.TempDir(), "public", now)
	seen := map[string]bool{
		draw(one, stuck(), "a", "b"): true, draw(one, stuck(), "ab"): true, draw(one, stuck(), "a", "c"): true,
		draw(other, stuck(), "a", "b"): true, draw(one, rand.Reader, "a", "b"): true,
	}
	if len(seen) != 5 {
		t.Errorf("%d of 5 draws differ", len(seen))
	}
	if again := draw(one, stuck(), "a", "b"); draw(one, stuck(), "a", "b") != again {
		t.Error("the same occasion with the same randomness differs: it draws from elsewhere")
	}
	if _, err := one.Hedge(bytes.NewReader(nil), "a"); err == nil {
		t.Error("hedged without randomness")
	}
}

// TestDestroy: what was sealed for a period cannot be read after its key was
// destroyed; the others can.
func TestDestroy(t *testing.T) {
	p := keyring.NewPeriods(t.TempDir(), "public", func() uint64 { return 7 })
	var sealed [2][]byte
	for n := range sealed {
		b, err := p.SealFor(uint64(n), []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		sealed[n] = b
	}
	for range 2 { // the second time for a call that was killed
		if err := p.Destroy(0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Unseal(sealed[0]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unsealing after the key was destroyed: %v", err)
	}
	if b, err := p.Unseal(sealed[1]); err != nil || string(b) != "secret" {
		t.Errorf("%q, %v", b, err)
	}
}
