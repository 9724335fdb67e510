package mandate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/mandate"
)

const (
	begin = "-----BEGIN SSH SIGNATURE-----\n"
	end   = "-----END SSH SIGNATURE-----\n"
)

// wrapped armors a blob in lines of the given width.
func wrapped(blob []byte, width int) string {
	var b strings.Builder
	b.WriteString(begin)
	for text := base64.StdEncoding.EncodeToString(blob); text != ""; {
		n := min(width, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.String() + end
}

func blobOf(t testing.TB, armored string) []byte {
	t.Helper()
	block, rest := pem.Decode([]byte(armored))
	if block == nil || len(rest) > 0 {
		t.Fatal("no PEM block")
	}
	return block.Bytes
}

// armors are ways to write one good signature, and whether each counts.
func armors(t testing.TB, good string) map[string]struct {
	armored string
	counts  bool
} {
	blob := blobOf(t, good)
	text := base64.StdEncoding.EncodeToString(blob)
	if !strings.HasSuffix(text, "=") {
		t.Fatal("the blob leaves no spare bits: these tests need some")
	}
	spare := strings.TrimRight(text, "=")
	spare = spare[:len(spare)-1] + string(spare[len(spare)-1]+1) + strings.Repeat("=", len(text)-len(spare)) // differs only in bits that are cut off
	resigned := func(change func(*sshsig.Signature)) string {
		sig, err := sshsig.ParseSignature(blob)
		if err != nil {
			t.Fatal(err)
		}
		change(sig)
		return wrapped(sig.Marshal(), 70)
	}
	// The reserved field, which is not signed, is the empty string after the namespace.
	namespace := string(ssh.Marshal(struct{ N string }{mandate.Namespace}))
	reserved := []byte(strings.Replace(string(blob), namespace+"\x00\x00\x00\x00", namespace+"\x00\x00\x00\x01x", 1))
	type form = struct {
		armored string
		counts  bool
	}
	return map[string]form{
		"lines of ssh-keygen":      {wrapped(blob, 70), true},
		"lines of PEM":             {wrapped(blob, 64), true},
		"no line end after it":     {strings.TrimSuffix(good, "\n"), true},
		"line ends of Windows":     {strings.ReplaceAll(good, "\n", "\r\n"), false},
		"a CR in the base64":       {begin + text[:10] + "\r" + text[10:] + "\n" + end, false},
		"mixed line ends":          {strings.Replace(good, "\n", "\r\n", 1), false},
		"lines too long":           {wrapped(blob, 77), false},
		"lines of different width": {strings.Replace(wrapped(blob, 70), "\n", "\nUw\n", 1), false},
		"an empty line in it":      {strings.Replace(good, begin, begin+"\n", 1), false},
		"an empty line after it":   {good + "\n", false},
		"a blank at a line's end":  {strings.Replace(good, "\n", " \n", 2), false},
		"headers":                  {strings.Replace(good, begin, begin+"Comment: hello\n\n", 1), false},
		"text before":              {"hello\n" + good, false},
		"text after":               {good + "hello\n", false},
		"it twice":                 {good + good, false},
		"spare bits":               {begin + spare + "\n" + end, false},
		"no padding":               {begin + strings.TrimRight(text, "=") + "\n" + end, false},
		"another marker":           {strings.ReplaceAll(good, "SSH SIGNATURE", "PGP SIGNATURE"), false},
		"bytes after the blob":     {wrapped(append(blob[:len(blob):len(blob)], 0), 70), false},
		"bytes in the signature":   {resigned(func(s *sshsig.Signature) { s.Signature.Rest = []byte("x") }), false},
		"a reserved value":         {wrapped(reserved, 70), false},
		"another version":          {resigned(func(s *sshsig.Signature) { s.Version = 2 }), false},
		"another hash":             {resigned(func(s *sshsig.Signature) { s.HashAlgorithm = "sha1" }), false},
		"the other hash's name":    {resigned(func(s *sshsig.Signature) { s.HashAlgorithm = sshsig.HashSHA256 }), false},
		"nothing":                  {begin + end, false},
	}
}

func TestArmor(t *testing.T) {
	a := newPerson(t, "a")
	p := policy(t, 1, a)
	s := statementOf(t, p)
	good := a.sign(t, mandate.Namespace, s.Text(), sshsig.HashSHA512).Signature
	for name, form := range armors(t, good) {
		if _, err := p.Verify(s, []vitrine.Approval{{Signature: form.armored}}, now); (err == nil) != form.counts {
			t.Errorf("%s: %v", name, err)
		} else if err != nil && vitrine.ExitCode(err) != 4 {
			t.Errorf("%s exits %d", name, vitrine.ExitCode(err))
		}
	}
}

// TestNumbersHaveOneForm pads a number of an ECDSA signature.
func TestNumbersHaveOneForm(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := personOf(t, "a", key)
	p := policy(t, 1, a)
	s := statementOf(t, p)
	sig, err := sshsig.ParseSignature(blobOf(t, a.sign(t, mandate.Namespace, s.Text(), sshsig.HashSHA512).Signature))
	if err != nil {
		t.Fatal(err)
	}
	var rs struct{ R, S []byte }
	if err := ssh.Unmarshal(sig.Signature.Blob, &rs); err != nil {
		t.Fatal(err)
	}
	verify := func() error {
		sig.Signature.Blob = ssh.Marshal(rs)
		_, err := p.Verify(s, []vitrine.Approval{{Signature: wrapped(sig.Marshal(), 70)}}, now)
		return err
	}
	if err := verify(); err != nil {
		t.Fatal(err)
	}
	rs.S = append([]byte{0}, rs.S...)
	if err := verify(); err == nil {
		t.Error("a number with a zero before it counted")
	}
}

// FuzzArmor changes a good signature: only other line widths leave it one.
func FuzzArmor(f *testing.F) {
	a := seeded(f, "a")
	p := policy(f, 1, a)
	s := statementOf(f, p)
	good := a.sign(f, mandate.Namespace, s.Text(), sshsig.HashSHA512).Signature
	for _, form := range armors(f, good) {
		f.Add(form.armored)
	}
	blob := base64.StdEncoding.EncodeToString(blobOf(f, good))
	blob256 := base64.StdEncoding.EncodeToString(blobOf(f, a.sign(f, mandate.Namespace, s.Text(), sshsig.HashSHA256).Signature))
	f.Fuzz(func(t *testing.T, armored string) {
		if _, err := p.Verify(s, []vitrine.Approval{{Signature: armored}}, now); err != nil {
			return
		}
		body := strings.ReplaceAll(armored, "\n", "")
		// Nobody but the key's holder makes another signature.
		if b := strings.TrimSpace(begin); body != b+blob+strings.TrimSpace(end) && body != b+blob256+strings.TrimSpace(end) {
			t.Fatalf("counted: %q", armored)
		}
	})
}
