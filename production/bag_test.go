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

// laidOut opens a sealed file with the age library alone, reads it as a bag and
// lays that out.
func laidOut(t testing.TB, id age.Identity, sealed []byte) (*production.Reader, string) {
	t.Helper()
	zip := plain(t, id, sealed)
	r, err := production.NewReader(bytes.NewReader(zip), int64(len(zip)))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "bag")
	if err := r.Extract(dir, nil); err != nil {
		t.Fatal(err)
	}
	return r, dir
}

// opened seals and lays out a bag of n items.
func opened(t testing.TB, p provider, n int) string {
	t.Helper()
	id := newIdentity(t)
	items, bodies := sample(n)
	sealed, _ := seal(t, p, id.Recipient(), items, bodies)
	_, dir := laidOut(t, id, sealed)
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
