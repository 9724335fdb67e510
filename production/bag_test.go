package production_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

// provider is somebody who can sign packages.
type provider struct{ signer ssh.Signer }

func newProvider(t testing.TB) provider {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return provider{signer}
}

func (p provider) sign(namespace string, message []byte) ([]byte, error) {
	sig, err := sshsig.Sign(bytes.NewReader(message), p.signer, sshsig.HashSHA512, namespace)
	if err != nil {
		return nil, err
	}
	return sshsig.Armor(sig), nil
}

func newIdentity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

const statement = "what was approved\n"

// item is a made-up item in scope.
func item(n int64) production.Item {
	at := time.Unix(1e9+n, 0).UTC()
	return production.Item{
		Number: n, Source: "mail", Account: "alice", Container: "INBOX", Name: fmt.Sprintf("%d.x:2,S", n), Category: vitrine.Content, Form: "stored",
		Received: production.Interval{From: at, To: at, Rule: "maildir-name"}, Decision: production.In, Reason: "in-scope",
	}
}

// seal makes a volume 1 with the items' bytes and returns the sealed file.
func seal(t testing.TB, p provider, to age.Recipient, items []production.Item, bodies [][]byte) ([]byte, production.Sealed) {
	t.Helper()
	var out bytes.Buffer
	w, err := production.Create(&out, t.TempDir(), []age.Recipient{to})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for i, it := range items {
		if _, err := w.Add(it, bytes.NewReader(bodies[i])); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"mandate/statement.txt": statement, "mandate/1.sig": "a signature\n", "letter.txt": "Dear court,\n", "custody.jsonl": "{}\n"} {
		if err := w.Tag(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	n := int64(len(items))
	counts := vitrine.Counts{Seen: n + 2, In: n, Out: 2}
	sealed, err := w.Close(production.Info{
		Demand: "abcdefghijklmnop", Volume: 1, Mandate: vitrine.DigestOf([]byte(statement)), Provider: "Glass", Authority: "us-x", Reference: "R-1",
		Collection: vitrine.Collection{Counts: counts, Containers: []vitrine.Container{{Source: "mail", Account: "alice", Name: "INBOX", Kind: "maildir", Counts: counts}}},
		Sealed:     time.Unix(1.7e9, 0),
	}, p.sign)
	if err != nil {
		t.Fatal(err)
	}
	if sealed.Items != n || sealed.Size != int64(out.Len()) || sealed.SHA256 != vitrine.DigestOf(out.Bytes()) {
		t.Fatalf("sealed says %+v of %d items in %d bytes", sealed, n, out.Len())
	}
	return out.Bytes(), sealed
}

// plain opens a sealed file with the age library alone.
func plain(t testing.TB, id age.Identity, sealed []byte) []byte {
	t.Helper()
	r, err := age.Decrypt(bytes.NewReader(sealed), id)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sample(n int) ([]production.Item, [][]byte) {
	var items []production.Item
	var bodies [][]byte
	for i := range n {
		items = append(items, item(int64(i+1)))
		bodies = append(bodies, []byte(fmt.Sprintf("From: a@example.org\n\nbody %d\n", i)))
	}
	return items, bodies
}

// opened seals and lays out a bag of n items.
func opened(t testing.TB, p provider, n int) string {
	t.Helper()
	id := newIdentity(t)
	items, bodies := sample(n)
	sealed, _ := seal(t, p, id.Recipient(), items, bodies)
	zip := plain(t, id, sealed)
	r, err := production.NewReader(bytes.NewReader(zip), int64(len(zip)))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "bag")
	if err := r.Extract(dir, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (p provider) trust() production.Trust {
	return production.Trust{Provider: p.signer.PublicKey(), Mandate: func(production.About, []byte, [][]byte) error { return nil }}
}

func TestRoundTrip(t *testing.T) {
	p, id := newProvider(t), newIdentity(t)
	random := mathrand.NewChaCha8([32]byte{1})
	var items []production.Item
	var bodies [][]byte
	for i, size := range []int{0, 1, 100, 64<<10 - 1, 64 << 10, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3<<20 + 17} {
		it := item(int64(2*i + 1)) // with gaps, as where items are still open
		body := make([]byte, size)
		random.Read(body)
		items, bodies = append(items, it), append(bodies, body)
	}
	sealed, s := seal(t, p, id.Recipient(), items, bodies)
	zip := plain(t, id, sealed)
	r, err := production.NewReader(bytes.NewReader(zip), int64(len(zip)))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = r.Items(func(it production.Item) error {
		rc, err := r.Open(it)
		if err != nil {
			return err
		}
		got, err := io.ReadAll(rc)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, bodies[n]) || it.Number != items[n].Number || it.SHA256 != vitrine.DigestOf(bodies[n]) || it.Name != items[n].Name {
			t.Errorf("item %d came back otherwise", it.Number)
		}
		n++
		return nil
	})
	if err != nil || n != len(items) {
		t.Fatalf("%d items, %v", n, err)
	}
	dir := filepath.Join(t.TempDir(), "bag")
	if err := r.Extract(dir, nil); err != nil {
		t.Fatal(err)
	}
	report, err := production.VerifyBag(dir, p.trust(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(report.Lines, "\n"), s.Root.String()) {
		t.Errorf("the report does not name the root: %q", report.Lines)
	}
	if report, err := production.VerifyBag(dir, production.Trust{}, nil); err != nil || !strings.HasPrefix(report.Lines[0], "internally consistent; not checked who made it") {
		t.Errorf("without trust: %q, %v", report.Lines, err)
	}
}

func TestEmptyBag(t *testing.T) {
	p := newProvider(t)
	if _, err := production.VerifyBag(opened(t, p, 0), p.trust(), nil); err != nil {
		t.Error(err)
	}
}

// files lists a bag's files.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.Walk(dir, func(path string, st os.FileInfo, err error) error {
		if err == nil && st.Mode().IsRegular() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEveryChangeIsFound flips, cuts and adds bytes in every file of an opened
// bag, a thousand times, and wants each found.
func TestEveryChangeIsFound(t *testing.T) {
	p := newProvider(t)
	dir := opened(t, p, 12)
	if _, err := production.VerifyBag(dir, p.trust(), nil); err != nil {
		t.Fatal(err)
	}
	random, all := mathrand.New(mathrand.NewPCG(3, 4)), files(t, dir)
	for n := range 1000 {
		path := all[n%len(all)]
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad, what := change(random, good)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := production.VerifyBag(dir, p.trust(), nil); vitrine.ExitCode(err) != 3 {
			t.Errorf("%s in %s: %v", what, filepath.Base(path), err)
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// change flips one bit, or cuts, or adds, or swaps.
func change(random *mathrand.Rand, good []byte) ([]byte, string) {
	bad := bytes.Clone(good)
	switch at := random.IntN(len(good)); random.IntN(4) {
	case 0:
		return bad[:at], fmt.Sprintf("cut at %d", at)
	case 1:
		return append(bad, byte(random.IntN(256))), "one byte more"
	default:
		bad[at] ^= 1 << random.IntN(8)
		return bad, fmt.Sprintf("flip at %d", at)
	}
}

// TestFilesAreCounted adds, removes, renames and replaces whole files.
func TestFilesAreCounted(t *testing.T) {
	for name, do := range map[string]func(dir string) error{
		"one item more":     func(d string) error { return os.WriteFile(filepath.Join(d, "data/000099.eml"), nil, 0o600) },
		"a file beside":     func(d string) error { return os.WriteFile(filepath.Join(d, "note.txt"), nil, 0o600) },
		"a hidden file":     func(d string) error { return os.WriteFile(filepath.Join(d, "data/.x"), nil, 0o600) },
		"a directory":       func(d string) error { return os.Mkdir(filepath.Join(d, "more"), 0o700) },
		"a directory below": func(d string) error { return os.Mkdir(filepath.Join(d, "data/more"), 0o700) },
		"an item gone":      func(d string) error { return os.Remove(filepath.Join(d, "data/000002.eml")) },
		"a paper gone":      func(d string) error { return os.Remove(filepath.Join(d, "mandate/1.sig")) },
		"an item renamed": func(d string) error {
			return os.Rename(filepath.Join(d, "data/000002.eml"), filepath.Join(d, "data/000009.eml"))
		},
		"two items swapped": func(d string) error {
			a, b, c := filepath.Join(d, "data/000001.eml"), filepath.Join(d, "data/000002.eml"), filepath.Join(d, "c")
			return errorsJoin(os.Rename(a, c), os.Rename(b, a), os.Rename(c, b))
		},
		"a link": func(d string) error {
			p := filepath.Join(d, "data/000002.eml")
			return errorsJoin(os.Rename(p, d+".moved"), os.Symlink(d+".moved", p))
		},
	} {
		p := newProvider(t)
		dir := opened(t, p, 3)
		if err := do(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := production.VerifyBag(dir, p.trust(), nil); vitrine.ExitCode(err) != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func errorsJoin(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestForged is a whole package by another hand: all agrees with itself, and
// only the trust file tells.
func TestForged(t *testing.T) {
	p, mallory := newProvider(t), newProvider(t)
	dir := opened(t, mallory, 3)
	if _, err := production.VerifyBag(dir, production.Trust{}, nil); err != nil {
		t.Fatalf("it does not even agree with itself: %v", err)
	}
	if _, err := production.VerifyBag(dir, p.trust(), nil); vitrine.ExitCode(err) != 3 || !strings.Contains(err.Error(), "not by the provider's key") {
		t.Errorf("forged: %v", err)
	}
	trust := p.trust()
	trust.Mandate = func(production.About, []byte, [][]byte) error { return fmt.Errorf("1 of 2 approvals count") }
	if _, err := production.VerifyBag(opened(t, p, 3), trust, nil); vitrine.ExitCode(err) != 3 || !strings.Contains(err.Error(), "1 of 2") {
		t.Errorf("without a quorum: %v", err)
	}
}

// TestUnruled is a volume with an item that nobody could place and no ruling
// produced.
func TestUnruled(t *testing.T) {
	p, id := newProvider(t), newIdentity(t)
	var out bytes.Buffer
	w, err := production.Create(&out, t.TempDir(), []age.Recipient{id.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	it := item(1)
	it.Decision = production.Undeterminable
	if _, err := w.Add(it, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mandate/statement.txt", "mandate/1.sig", "ruling/1.txt", "ruling/1.1.sig"} {
		if err := w.Tag(name, []byte(statement)); err != nil {
			t.Fatal(err)
		}
	}
	k := vitrine.Counts{Seen: 1, Undeterminable: 1}
	_, err = w.Close(production.Info{Demand: "abcdefghijklmnop", Volume: 2, Mandate: vitrine.DigestOf([]byte(statement)),
		Collection: vitrine.Collection{Counts: k, Containers: []vitrine.Container{{Name: "INBOX", Counts: k}}}}, p.sign)
	if err != nil {
		t.Fatal(err)
	}
	zip := plain(t, id, out.Bytes())
	r, err := production.NewReader(bytes.NewReader(zip), int64(len(zip)))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "bag")
	if err := r.Extract(dir, nil); err != nil {
		t.Fatal(err)
	}
	for digest, want := range map[vitrine.Digest]int{vitrine.DigestOf([]byte("x")): 0, vitrine.DigestOf([]byte("y")): 3, {}: 3} {
		trust := p.trust()
		trust.Ruling = func(production.About, []byte, [][]byte) (map[int64]vitrine.Digest, error) {
			return map[int64]vitrine.Digest{1: digest}, nil
		}
		if _, err := production.VerifyBag(dir, trust, nil); vitrine.ExitCode(err) != want {
			t.Errorf("ruled %s: %v", digest, err)
		}
	}
}

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

func TestWriterRefuses(t *testing.T) {
	create := func() *production.Writer {
		w, err := production.Create(io.Discard, t.TempDir(), []age.Recipient{newIdentity(t).Recipient()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Abort)
		return w
	}
	w := create()
	if _, err := w.Add(item(5), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Add(item(5), strings.NewReader("x")); err == nil {
		t.Error("the same number twice")
	}
	w = create()
	it := item(1)
	it.SHA256 = vitrine.DigestOf([]byte("before"))
	if _, err := w.Add(it, strings.NewReader("after")); err == nil {
		t.Error("bytes that changed were taken")
	}
	w = create()
	for _, name := range []string{"../x.txt", "/etc/passwd", "data/000001.eml", "mandate/../../x.txt", "x", "MANDATE/1.sig", "a/b/c.txt", ".x.txt", "con\x00.txt"} {
		if err := w.Tag(name, nil); err == nil {
			t.Errorf("a paper may be called %q", name)
		}
	}
	if _, err := production.Create(io.Discard, t.TempDir(), nil); err == nil {
		t.Error("sealed to nobody")
	}
}
