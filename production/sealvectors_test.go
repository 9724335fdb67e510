package production_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"
	"golang.org/x/tools/txtar"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

const (
	sealVectors      = bagVectors + "/sealed"
	recipientVectors = bagVectors + "/recipients.txt"
)

// sealVector is a sealed file with the record beside it.
type sealVector struct {
	class, expect, comment string
	identity               string
	sealed, record         []byte
}

// wholeSeal is the one pair that chance went into when it was sealed, so it is
// kept: all others are made from it.
func wholeSeal(t *testing.T) sealVector {
	t.Helper()
	path := filepath.Join(sealVectors, "whole.txtar")
	if b, err := os.ReadFile(path); err == nil {
		return parseSeal(t, b)
	} else if !*update {
		t.Fatal(err)
	}
	id := newIdentity(t)
	items, bodies := sample(2)
	sealed, _ := seal(t, seeded(t, "provider"), id.Recipient(), items, bodies)
	return sealVector{identity: id.String(), sealed: sealed}
}

func parseSeal(t *testing.T, b []byte) sealVector {
	t.Helper()
	a, head := txtar.Parse(b), map[string]string{}
	for line := range strings.Lines(string(a.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		head[key] = value
	}
	v := sealVector{class: head["class"], expect: head["expect"], comment: head["comment"], identity: head["identity"]}
	for _, f := range a.Files {
		var err error
		switch f.Name {
		case "v.zip.age":
			v.sealed, err = hex.DecodeString(strings.ReplaceAll(string(f.Data), "\n", ""))
		case "v.zip.age.json":
			var text string
			text, err = strconv.Unquote(strings.TrimSpace(string(f.Data)))
			v.record = []byte(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return v
}

func (v sealVector) archive(t *testing.T) []byte {
	t.Helper()
	a := txtar.Archive{Comment: fmt.Appendf(nil, "class: %s\nexpect: %s\ncomment: %s\nidentity: %s\nprovider: %s", v.class, v.expect, v.comment, v.identity, ssh.MarshalAuthorizedKey(seeded(t, "provider").signer.PublicKey()))}
	var lines strings.Builder
	for c := range slices.Chunk(v.sealed, 64) {
		fmt.Fprintf(&lines, "%x\n", c)
	}
	a.Files = []txtar.File{{Name: "v.zip.age", Data: []byte(lines.String())}, {Name: "v.zip.age.json", Data: []byte(strconv.Quote(string(v.record)) + "\n")}}
	return txtar.Format(&a)
}

// described is the record beside sealed, signed.
func described(t *testing.T, p provider, to string, sealed []byte) []byte {
	t.Helper()
	id, err := age.ParseX25519Identity(to)
	if err != nil {
		t.Fatal(err)
	}
	text, err := production.Envelope{
		Name: "abcdefghijklmnop-1", Size: int64(len(sealed)), SHA256: sha256.Sum256(sealed), Demand: "abcdefghijklmnop", Mandate: vitrine.DigestOf([]byte(statement)), Volume: 1, Items: 2,
		SealedTo: []string{production.Fingerprint(id.Recipient().String())}, SealedAt: time.Unix(1.7e9, 0).UTC(),
	}.Sign(p.sign)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func sealCases(t *testing.T) map[string]sealVector {
	whole, p := wholeSeal(t), seeded(t, "provider")
	good := described(t, p, whole.identity, whole.sealed)
	flip := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
	replace := func(old, new string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("the record has no %q", old)
		}
		return bytes.Replace(good, []byte(old), []byte(new), 1)
	}
	header := bytes.Index(whole.sealed, []byte("\n---"))
	header += 1 + bytes.IndexByte(whole.sealed[header+1:], '\n') + 1
	short := whole.sealed[:header+16+16]
	shorter := whole.sealed[:header+16+15]
	v := func(class, comment string, sealed, record []byte) sealVector {
		return sealVector{class, "not verified", comment, whole.identity, sealed, record}
	}
	return map[string]sealVector{
		"whole":             {"none", "verified", "a volume of two items, and the key that opens it", whole.identity, whole.sealed, good},
		"sealed-cut":        v("sealed", "its last byte is gone", whole.sealed[:len(whole.sealed)-1], good),
		"sealed-longer":     v("sealed", "a byte more", append(bytes.Clone(whole.sealed), 0), good),
		"sealed-changed":    v("sealed", "a bit of its payload", flip(whole.sealed, len(whole.sealed)/2), good),
		"sealed-header":     v("sealed", "a bit of its header", flip(whole.sealed, 30), good),
		"size-formula":      v("size", "cut before it was digested: the record agrees, and no age file has this size", shorter, described(t, p, whole.identity, shorter)),
		"size-least":        {"none", "outer form only", "the least size that there is: only its owner can tell that it does not open", whole.identity, short, described(t, p, whole.identity, short)},
		"record-changed":    v("record", "one item more", whole.sealed, replace(`"items": 2`, `"items": 3`)),
		"record-form":       v("record", "a blank less", whole.sealed, replace(`"items": 2`, `"items":2`)),
		"record-field":      v("record", "a field more", whole.sealed, replace(`"items": 2`, `"items": 2, "more": 1`)),
		"record-name":       v("record", "a field in capitals", whole.sealed, replace(`"items"`, `"Items"`)),
		"record-version":    v("record", "another version", whole.sealed, replace("envelope/1", "envelope/2")),
		"signature-changed": v("signature", "a character of it", whole.sealed, replace("U1NIU0lH", "U1NIU0lG")),
		"signer":            v("signature", "signed by another key than the provider's", whole.sealed, described(t, seeded(t, "mallory"), whole.identity, whole.sealed)),
	}
}

func TestSealVectors(t *testing.T) {
	want := sealCases(t)
	for name, v := range want {
		path := filepath.Join(sealVectors, name+".txtar")
		if *update {
			if err := errors.Join(os.MkdirAll(sealVectors, 0o755), os.WriteFile(path, v.archive(t), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(b, v.archive(t)) {
			t.Errorf("%s is not what its case makes (%v): go test -update", path, err)
			continue
		}
		runSeal(t, name, parseSeal(t, b))
	}
	if names, err := filepath.Glob(filepath.Join(sealVectors, "*.txtar")); err != nil || len(names) != len(want) {
		t.Errorf("%d files, %d cases (%v)", len(names), len(want), err)
	}
}

// runSeal checks the pair as a stranger would, then opens it.
func runSeal(t *testing.T, name string, v sealVector) {
	t.Helper()
	p, path := seeded(t, "provider"), filepath.Join(t.TempDir(), "v.zip.age")
	if err := errors.Join(os.WriteFile(path, v.sealed, 0o600), os.WriteFile(path+".json", v.record, 0o600)); err != nil {
		t.Fatal(err)
	}
	got := "verified"
	if _, err := production.VerifySealed(path, p.trust()); vitrine.ExitCode(err) == 3 {
		got = "not verified"
	} else if err != nil {
		t.Fatal(err)
	} else if err := opens(t, v); err != nil {
		got = "outer form only"
	}
	if got != v.expect {
		t.Errorf("%s: %s, want %s", name, got, v.expect)
	}
}

// opens lays the volume out with its key and verifies the bag.
func opens(t *testing.T, v sealVector) error {
	id, err := age.ParseX25519Identity(v.identity)
	if err != nil {
		return err
	}
	plain, n, err := age.DecryptReaderAt(bytes.NewReader(v.sealed), int64(len(v.sealed)), id)
	if err != nil {
		return err
	}
	r, err := production.NewReader(plain, n)
	if err != nil {
		return err
	}
	dir := filepath.Join(t.TempDir(), "bag")
	if err := r.Extract(dir, nil); err != nil {
		return err
	}
	_, err = production.VerifyBag(dir, seeded(t, "provider").trust(), nil)
	return err
}

// TestRecipientVectors reads recipients.txt: class, what is expected, and the
// recipient as a Go string literal, a line each.
func TestRecipientVectors(t *testing.T) {
	b, err := os.ReadFile(recipientVectors)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		text, err := strconv.Unquote(f[len(f)-1])
		if err != nil || len(f) != 3 {
			t.Fatalf("%q: %v", line, err)
		}
		got := "refused"
		if _, err := production.ParseRecipient(text); err == nil {
			got = production.Fingerprint(text)
		}
		if got != f[1] {
			t.Errorf("%s: %q is %s, want %s", f[0], text, got, f[1])
		}
		n++
	}
	if n < 20 {
		t.Errorf("only %d recipients", n)
	}
}
