package production

import (
	"bytes"
	"compress/zlib"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/mlkem"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"c2sp.org/CCTV/age"
	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// ageVector is one of the C2SP CCTV test files for age.
type ageVector struct {
	fields     map[string]string
	identities []age.Identity
	file       []byte
}

func readVector(t *testing.T, name string) ageVector {
	t.Helper()
	b, err := fs.ReadFile(agetest.Vectors, name)
	if err != nil {
		t.Fatal(err)
	}
	head, file, _ := bytes.Cut(b, []byte("\n\n"))
	v := ageVector{fields: map[string]string{}, file: file}
	for line := range strings.Lines(string(head)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		v.fields[key] = value
		if key == "identity" {
			ids, err := age.ParseIdentities(strings.NewReader(value))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			v.identities = append(v.identities, ids...)
		}
	}
	if v.fields["compressed"] == "zlib" {
		z, err := zlib.NewReader(bytes.NewReader(v.file))
		if err != nil {
			t.Fatal(err)
		}
		if v.file, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// TestAgeVectors runs every CCTV vector through the two ways in which Vitrine
// meets age files: reading at an offset, as holds and packages are opened, and
// sealing, which must give every successful vector byte for byte. Armored files
// and those under a passphrase are no form of ours, and must be refused.
func TestAgeVectors(t *testing.T) {
	names, err := fs.Glob(agetest.Vectors, "*")
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	foreign, resealed := 0, 0
	for _, name := range names {
		v := readVector(t, name)
		want := v.fields["expect"] == "success"
		if v.fields["armored"] != "" || len(v.identities) == 0 {
			foreign, want = foreign+1, false
			v.identities = append(v.identities, other)
		}
		plain, err := readAll(v.file, v.identities)
		if want != (err == nil) {
			t.Errorf("%s: expect %s, got %v", name, v.fields["expect"], err)
		}
		if err != nil || !want {
			continue
		}
		if sum := sha256.Sum256(plain); hex.EncodeToString(sum[:]) != v.fields["payload"] {
			t.Errorf("%s: another payload", name)
		}
		resealed++
		reseal(t, name, v, plain)
	}
	t.Logf("%d vectors, %d in forms that are not ours, %d sealed again", len(names), foreign, resealed)
	if len(names) < 147 || foreign > 62 || resealed < 15 {
		t.Errorf("too few vectors to show anything")
	}
}

func readAll(file []byte, ids []age.Identity) ([]byte, error) {
	r, n, err := age.DecryptReaderAt(bytes.NewReader(file), int64(len(file)), ids...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(r, 0, n))
}

func reseal(t *testing.T, name string, v ageVector, plain []byte) {
	t.Helper()
	key, err := hex.DecodeString(v.fields["file key"])
	if err != nil {
		t.Fatal(err)
	}
	chunks := (len(plain) + chunkSize - 1) / chunkSize
	header := len(v.file) - len(plain) - max(chunks, 1)*chunkTag
	var out bytes.Buffer
	s, err := sealerWith(&out, v.file[:header], key)
	if err != nil {
		t.Fatal(err)
	}
	s.start(3)
	for p := plain; len(p) > 0; { // in uneven pieces
		n := min(len(p), 7001)
		if _, err := s.Write(p[:n]); err != nil {
			t.Fatal(err)
		}
		p = p[n:]
	}
	if _, size, err := s.close(); err != nil || size != int64(len(v.file)) || !bytes.Equal(out.Bytes(), v.file) {
		t.Errorf("%s: sealed again it is another file (%v)", name, err)
	}
	if !sealedSizeFits(int64(header-ageNonce), int64(len(v.file))) {
		t.Errorf("%s: its size does not fit", name)
	}
}

// wycheproof reads one file of at least so many vectors.
func wycheproof[T any](t *testing.T, name string, atLeast int) (groups []T) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(need.Module(t, "github.com/c2sp/wycheproof"), "testvectors_v1", name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []T `json:"testGroups"`
	}
	var all struct {
		TestGroups []struct{ Tests []json.RawMessage } `json:"testGroups"`
	}
	if err := errors.Join(json.Unmarshal(b, &file), json.Unmarshal(b, &all)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range all.TestGroups {
		n += len(g.Tests)
	}
	if n < atLeast {
		t.Fatalf("%s has %d vectors, want %d or more", name, n, atLeast)
	}
	return file.TestGroups
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestWycheproof runs the vectors for the primitives under the seal and the
// signatures, as this build has them.
func TestWycheproof(t *testing.T) {
	t.Run("ChaCha20-Poly1305", func(t *testing.T) {
		type group struct {
			Tests []struct {
				Key, IV, AAD, Msg, CT, Tag, Result string
			}
		}
		for _, g := range wycheproof[group](t, "chacha20_poly1305_test.json", 325) {
			for i, v := range g.Tests {
				aead, err := chacha20poly1305.New(unhex(t, v.Key))
				if err != nil || len(v.IV) != 2*chacha20poly1305.NonceSize {
					if v.Result == "valid" {
						t.Errorf("%d: %v", i, err)
					}
					continue
				}
				plain, err := aead.Open(nil, unhex(t, v.IV), unhex(t, v.CT+v.Tag), unhex(t, v.AAD))
				if (err == nil) != (v.Result == "valid") || err == nil && !bytes.Equal(plain, unhex(t, v.Msg)) {
					t.Errorf("%d: %v, want %s", i, err, v.Result)
				}
			}
		}
	})
	t.Run("HKDF-SHA256", func(t *testing.T) {
		type group struct {
			Tests []struct {
				IKM, Salt, Info, OKM, Result string
				Size                         int
			}
		}
		for _, g := range wycheproof[group](t, "hkdf_sha256_test.json", 86) {
			for i, v := range g.Tests {
				key, err := hkdf.Key(sha256.New, unhex(t, v.IKM), unhex(t, v.Salt), string(unhex(t, v.Info)), v.Size)
				if (err == nil) != (v.Result == "valid") || err == nil && !bytes.Equal(key, unhex(t, v.OKM)) {
					t.Errorf("%d: %v, want %s", i, err, v.Result)
				}
			}
		}
	})
	t.Run("Ed25519", func(t *testing.T) {
		type group struct {
			PublicKey struct{ PK string }
			Tests     []struct{ Msg, Sig, Result string }
		}
		for _, g := range wycheproof[group](t, "ed25519_test.json", 150) {
			for i, v := range g.Tests {
				if ok := ed25519.Verify(unhex(t, g.PublicKey.PK), unhex(t, v.Msg), unhex(t, v.Sig)); ok != (v.Result == "valid") {
					t.Errorf("%d: %v, want %s", i, ok, v.Result)
				}
			}
		}
	})
	t.Run("X25519", func(t *testing.T) {
		type group struct {
			Tests []struct{ Public, Private, Shared, Result string }
		}
		for _, g := range wycheproof[group](t, "x25519_test.json", 518) {
			for i, v := range g.Tests {
				private, err := ecdh.X25519().NewPrivateKey(unhex(t, v.Private))
				if err != nil {
					t.Fatal(err)
				}
				public, err := ecdh.X25519().NewPublicKey(unhex(t, v.Public))
				if err != nil {
					t.Fatal(err)
				}
				shared, err := private.ECDH(public)
				zero := strings.Trim(v.Shared, "0") == "" // a low-order point, which must not be sealed to
				if (err != nil) != zero || err == nil && !bytes.Equal(shared, unhex(t, v.Shared)) || v.Result == "invalid" && err == nil {
					t.Errorf("%d: %v, want %s", i, err, v.Result)
				}
			}
		}
	})
	t.Run("ML-KEM-768", func(t *testing.T) { mlkemVectors(t) })
}

// mlkemVectors are for the hybrid recipients, age1pq1….
func mlkemVectors(t *testing.T) {
	type group struct {
		ParameterSet string
		Tests        []struct{ Seed, EK, C, K, Result string }
	}
	n := 0
	for _, g := range wycheproof[group](t, "mlkem_test.json", 39) {
		if g.ParameterSet != "ML-KEM-768" {
			continue
		}
		for i, v := range g.Tests {
			n++
			if v.Seed == "" {
				if _, err := mlkem.NewEncapsulationKey768(unhex(t, v.EK)); (err == nil) != (v.Result == "valid") {
					t.Errorf("%d: %v, want %s", i, err, v.Result)
				}
				continue
			}
			key, err := mlkem.NewDecapsulationKey768(unhex(t, v.Seed))
			if err != nil {
				t.Fatal(err)
			}
			shared, err := key.Decapsulate(unhex(t, v.C))
			if err != nil || !bytes.Equal(shared, unhex(t, v.K)) || !bytes.Equal(key.EncapsulationKey().Bytes(), unhex(t, v.EK)) {
				t.Errorf("%d: another shared key (%v)", i, err)
			}
		}
	}
	if n < 13 {
		t.Errorf("%d vectors for ML-KEM-768", n)
	}
}
