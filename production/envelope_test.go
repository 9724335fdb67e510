package production_test

import (
	"bytes"
	"io"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

// TestSealedPair changes the sealed file and the record beside it.
func TestSealedPair(t *testing.T) {
	p, id := newProvider(t), newIdentity(t)
	items, bodies := sample(40)
	sealed, s := seal(t, p, id.Recipient(), items, bodies)
	text, err := production.Envelope{Name: "abcdefghijklmnop-1", Size: s.Size, SHA256: s.SHA256, Demand: "abcdefghijklmnop", Volume: 1, Items: s.Items, Root: s.Root,
		SealedTo: []string{production.Fingerprint(id.Recipient().String())}, SealedAt: time.Unix(1.7e9, 0).UTC()}.Sign(p.sign)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "v.zip.age")
	write := func(sealed, text []byte) error {
		return errorsJoin(os.WriteFile(path, sealed, 0o600), os.WriteFile(path+".json", text, 0o600))
	}
	if err := write(sealed, text); err != nil {
		t.Fatal(err)
	}
	if _, err := production.VerifySealed(path, p.trust()); err != nil {
		t.Fatal(err)
	}
	random := mathrand.New(mathrand.NewPCG(5, 6))
	for n := range 1000 {
		a, b, what := sealed, text, ""
		if n%2 == 0 {
			a, what = change(random, sealed)
		} else {
			b, what = change(random, text)
		}
		if err := write(a, b); err != nil {
			t.Fatal(err)
		}
		if _, err := production.VerifySealed(path, p.trust()); vitrine.ExitCode(err) != 3 {
			t.Errorf("%d, %s: %v", n%2, what, err)
		}
	}
	forged, err := production.Envelope{Name: "abcdefghijklmnop-1", Size: s.Size, SHA256: s.SHA256, Demand: "abcdefghijklmnop", Volume: 1, SealedTo: []string{production.Fingerprint("x")}}.Sign(newProvider(t).sign)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(sealed, forged); err != nil {
		t.Fatal(err)
	}
	if _, err := production.VerifySealed(path, p.trust()); vitrine.ExitCode(err) != 3 {
		t.Errorf("a record by another hand: %v", err)
	}
}

// TestTruncatedSeal cuts the sealed file at every chunk and around it: the
// stock reader must fail at each, which it does only if the last chunk is
// marked as the last.
func TestTruncatedSeal(t *testing.T) {
	p, id := newProvider(t), newIdentity(t)
	body := bytes.Repeat([]byte("0123456789abcdef"), 80<<10/4) // 320 KiB
	sealed, _ := seal(t, p, id.Recipient(), []production.Item{item(1)}, [][]byte{body})
	header := bytes.Index(sealed, []byte("\n---"))
	header += 1 + bytes.IndexByte(sealed[header+1:], '\n') + 1
	var cuts []int
	for at := header + 16; at < len(sealed); at += 64<<10 + 16 {
		cuts = append(cuts, at-1, at, at+1, at+16)
	}
	random := mathrand.New(mathrand.NewPCG(7, 8))
	for range 200 {
		cuts = append(cuts, random.IntN(len(sealed)))
	}
	for _, at := range cuts {
		if at >= len(sealed) {
			continue
		}
		r, err := age.Decrypt(bytes.NewReader(sealed[:at]), id)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err == nil {
			t.Errorf("cut at %d of %d and nobody noticed", at, len(sealed))
		}
	}
}
