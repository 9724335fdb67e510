package production_test

import (
	"bytes"
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

// TestTruncatedSeal cuts the sealed file at every chunk and around it, and at a
// thousand other places: opening must fail at each.
func TestTruncatedSeal(t *testing.T) {
	p, id := newProvider(t), newIdentity(t)
	body := bytes.Repeat([]byte("0123456789abcdef"), 4<<20/16)
	sealed, _ := seal(t, p, id.Recipient(), []production.Item{item(1)}, [][]byte{body})
	header := bytes.Index(sealed, []byte("\n---"))
	header += 1 + bytes.IndexByte(sealed[header+1:], '\n') + 1
	var cuts []int
	for at := header + 16; at < len(sealed); at += 64<<10 + 16 {
		cuts = append(cuts, at-1, at, at+1, at+15, at+16, at+17)
	}
	random := mathrand.New(mathrand.NewPCG(7, 8))
	for range 1000 {
		cuts = append(cuts, random.IntN(len(sealed)))
	}
	for _, at := range cuts {
		if at >= len(sealed) {
			continue
		}
		if plain, n, err := age.DecryptReaderAt(bytes.NewReader(sealed[:at]), int64(at), id); err == nil {
			_, err = production.NewReader(plain, n)
			t.Errorf("cut at %d of %d and the last chunk is taken for the last (%v)", at, len(sealed), err)
		}
	}
	t.Logf("%d cuts", len(cuts))
}

// TestSizeFormula is a provider who lost the tail of a file before it was
// digested: the record agrees, and only the sizes that age can have tell.
func TestSizeFormula(t *testing.T) {
	p, id := newProvider(t), newIdentity(t)
	sealed, _ := seal(t, p, id.Recipient(), []production.Item{item(1)}, [][]byte{make([]byte, 200<<10)})
	header := bytes.Index(sealed, []byte("\n---"))
	header += 1 + bytes.IndexByte(sealed[header+1:], '\n') + 1
	path := filepath.Join(t.TempDir(), "v.zip.age")
	for cut, fits := range map[int]bool{
		0: false, 15: false, 16: false, 17: false, 31: false, 32: true, 33: true, 16 + 65552: true, 16 + 65552 + 1: false, 16 + 65552 + 16: false, 16 + 65552 + 17: true,
		16 + 2*65552: true, 16 + 2*65552 + 15: false,
	} {
		part := sealed[:header+cut]
		e := production.Envelope{Name: "abcdefghijklmnop-1", Size: int64(len(part)), SHA256: vitrine.DigestOf(part), Demand: "abcdefghijklmnop", Volume: 1, SealedTo: []string{production.Fingerprint("x")}}
		text, err := e.Sign(p.sign)
		if err := errorsJoin(err, os.WriteFile(path, part, 0o600), os.WriteFile(path+".json", text, 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := production.VerifySealed(path, p.trust()); (err == nil) != fits {
			t.Errorf("%d bytes behind the header: %v, want %v", cut, err, fits)
		}
	}
}

// TestDamagedSeal flips bits under the seal: whatever is opened then must end
// in "did not verify", and nothing may stay where it would have been laid out.
func TestDamagedSeal(t *testing.T) {
	p, id := newProvider(t), newIdentity(t)
	items, bodies := sample(4)
	bodies[1] = bytes.Repeat([]byte("0123456789abcdef"), 2<<20/16)
	sealed, _ := seal(t, p, id.Recipient(), items, bodies)
	random, parent := mathrand.New(mathrand.NewPCG(9, 10)), t.TempDir()
	for range 300 {
		bad := bytes.Clone(sealed)
		at := 400 + random.IntN(len(bad)-400) // behind the header
		bad[at] ^= 1 << random.IntN(8)
		plain, n, err := age.DecryptReaderAt(bytes.NewReader(bad), int64(len(bad)), id)
		if err != nil {
			continue // the last chunk is read at once
		}
		r, err := production.NewReader(plain, n)
		if err == nil {
			err = r.Extract(filepath.Join(parent, "bag"), nil)
		}
		if vitrine.ExitCode(err) != 3 {
			t.Errorf("flipped at %d: %v", at, err)
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
			t.Fatalf("%d things are left: %v", len(left), err)
		}
	}
}

// TestUnreadable has a disk that fails: that says nothing about the package.
func TestUnreadable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	f, err := os.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := production.NewReader(f, 5000); vitrine.ExitCode(err) != 1 {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

// TestEnvelopeCannotBe signs what no volume can be.
func TestEnvelopeCannotBe(t *testing.T) {
	p := newProvider(t)
	good := production.Envelope{Name: "abcdefghijklmnop-1", Size: 400, Demand: "abcdefghijklmnop", Volume: 1, SealedTo: []string{production.Fingerprint("x")}}
	if _, err := good.Sign(p.sign); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*production.Envelope){
		"name":      func(e *production.Envelope) { e.Name = "../../x" },
		"demand":    func(e *production.Envelope) { e.Demand, e.Name = "x", "x-1" },
		"hold":      func(e *production.Envelope) { e.Volume, e.Name = 0, "abcdefghijklmnop-0" },
		"size":      func(e *production.Envelope) { e.Size = 0 },
		"items":     func(e *production.Envelope) { e.Items = -1 },
		"open":      func(e *production.Envelope) { e.Open = -1 },
		"nobody":    func(e *production.Envelope) { e.SealedTo = nil },
		"not a key": func(e *production.Envelope) { e.SealedTo = []string{"\x1b[2J"} },
		"fraction":  func(e *production.Envelope) { e.SealedAt = time.Unix(1, 1).UTC() },
		"zone":      func(e *production.Envelope) { e.SealedAt = time.Unix(1, 0).In(time.FixedZone("", 3600)) },
	} {
		e := good
		change(&e)
		if _, err := e.Sign(p.sign); err == nil {
			t.Errorf("%s: it was signed", name)
		}
	}
}

// TestEnvelopeTooLong must not read a whole disk of record.
func TestEnvelopeTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v.zip.age")
	f, err := os.Create(path + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := errorsJoin(f.Truncate(1<<40), f.Close(), os.WriteFile(path, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := production.VerifySealed(path, newProvider(t).trust()); vitrine.ExitCode(err) != 3 {
		t.Errorf("%v", err)
	}
}
