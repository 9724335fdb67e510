package production_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"hash/crc32"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/production"
)

// hostileNames are the shared lists of names that have broken other programs.
func hostileNames(t *testing.T) []string {
	t.Helper()
	names := []string{"=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx", "a\x00b", "a\xffb", "þ\x14®\r\n", "\u202egnp.exe", "a\"b", "a,b", "'", "../../etc/passwd", "C:\\x", "a\u2028b"}
	err := filepath.WalkDir(need.Shared(t, "hostile/traversal"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		names = append(names, strings.Split(strings.TrimRight(string(b), "\n"), "\n")...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(need.Shared(t, "hostile/naughty-strings.json"))
	if err != nil {
		t.Fatal(err)
	}
	var naughty []string
	if err := json.Unmarshal(b, &naughty); err != nil {
		t.Fatal(err)
	}
	return append(names, naughty...)
}

// TestHostileNames gives every hostile name to an item: it may stand in the
// lists, and must name no file. The lists are read back by several readers.
func TestHostileNames(t *testing.T) {
	names := hostileNames(t)
	if len(names) < 2_400 {
		t.Fatalf("only %d names", len(names))
	}
	p, id := newProvider(t), newIdentity(t)
	items, bodies := sample(len(names))
	for i, n := range names {
		items[i].Name, items[i].Container = strings.ToValidUTF8(n, "\uFFFD"), strings.ToValidUTF8(n, "\uFFFD")
	}
	sealed, _ := seal(t, p, id.Recipient(), items, bodies)
	zipped := plain(t, id, sealed)
	r, err := production.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := r.Items(func(it production.Item) error {
		if it.Name != items[n].Name {
			t.Errorf("name %q came back as %q", items[n].Name, it.Name)
		}
		n++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	ours := regexp.MustCompile(`^(data/[0-9]{6}\.eml|[a-z]+/[a-z0-9.-]+|[a-z0-9.-]+)$`)
	z, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if !ours.MatchString(f.Name) {
			t.Fatalf("the archive holds a file %q", f.Name)
		}
	}
	listsHold(t, filesOf(t, zipped))
	dir := filepath.Join(t.TempDir(), "bag")
	if err := r.Extract(dir, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := production.VerifyBag(dir, p.trust(), nil); err != nil {
		t.Error(err)
	}
}

// TestHostileArchives are ZIP files that others than a Writer made, sealed to
// the right key: none may be laid out.
func TestHostileArchives(t *testing.T) {
	make := func(f func(*zip.Writer)) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		f(w)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	add := func(w *zip.Writer, name string) {
		e, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte("x")), CompressedSize64: 1, UncompressedSize64: 1})
		if err == nil {
			_, err = e.Write([]byte("x"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p, id := newProvider(t), newIdentity(t)
	items, bodies := sample(3)
	sealed, _ := seal(t, p, id.Recipient(), items, bodies)
	good := plain(t, id, sealed)
	for name, b := range map[string][]byte{
		"empty":          {},
		"no archive":     []byte(strings.Repeat("x", 100)),
		"empty archive":  make(func(*zip.Writer) {}),
		"traversal":      make(func(w *zip.Writer) { add(w, "../../x.txt") }),
		"absolute":       make(func(w *zip.Writer) { add(w, "/etc/x.txt") }),
		"another's form": make(func(w *zip.Writer) { add(w, "data/000001.eml"); add(w, "items.jsonl") }),
		"cut":            good[:len(good)-1],
		"one byte more":  append(bytes.Clone(good), 0),
		"before":         append([]byte{0}, good...),
		"moved":          bytes.Replace(good, []byte("data/000002.eml"), []byte("data/000001.eml"), 2),
	} {
		r, err := production.NewReader(bytes.NewReader(b), int64(len(b)))
		if err == nil {
			err = r.Extract(filepath.Join(t.TempDir(), "bag"), nil)
		}
		if vitrine.ExitCode(err) != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStockTools opens a bag with a large and a small item with stock tools.
func TestStockTools(t *testing.T) {
	ageTool, unzip, sum, keygen := need.Tool(t, "age"), need.Tool(t, "unzip"), need.Tool(t, "sha256sum"), need.Tool(t, "ssh-keygen")
	p, id := newProvider(t), newIdentity(t)
	items, bodies := sample(3)
	bodies[1] = bytes.Repeat([]byte("large\n"), 500_000)
	sealed, _ := seal(t, p, id.Recipient(), items, bodies)
	dir := t.TempDir()
	for name, b := range map[string][]byte{"v.age": sealed, "key": []byte(id.String() + "\n"), "signers": append([]byte("provider "), ssh.MarshalAuthorizedKey(p.signer.PublicKey())...)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range [][]string{
		{ageTool, "-d", "-i", "key", "-o", "v.zip", "v.age"}, {unzip, "-q", "-t", "v.zip"}, {unzip, "-q", "v.zip", "-d", "bag"},
		{"sh", "-c", "cd bag && " + sum + " -c --strict --quiet manifest-sha256.txt && " + sum + " -c --strict --quiet tagmanifest-sha256.txt"},
		{"sh", "-c", keygen + " -Y verify -f signers -I provider -n vitrine-production -s bag/production.json.sig < bag/production.json"},
	} {
		cmd := exec.Command(c[0], c[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c, err, out)
		}
	}
	if _, err := production.VerifyBag(filepath.Join(dir, "bag"), p.trust(), nil); err != nil {
		t.Error(err)
	}
}

// FuzzBag wants whatever is laid out to be what another reader finds, under
// names of ours, and nothing to be left where it was refused.
func FuzzBag(f *testing.F) {
	p, id := newProvider(f), newIdentity(f)
	items, bodies := sample(2)
	sealed, _ := seal(f, p, id.Recipient(), items, bodies)
	good := plain(f, id, sealed)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(bytes.Replace(good, []byte("body 1"), []byte("body 2"), 1))
	f.Add(bytes.ReplaceAll(good, []byte("000002"), []byte("000001")))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, b []byte) {
		parent := t.TempDir()
		r, err := production.NewReader(bytes.NewReader(b), int64(len(b)))
		if err == nil {
			err = r.Extract(filepath.Join(parent, "bag"), nil)
		}
		if err != nil {
			if left, _ := os.ReadDir(parent); vitrine.ExitCode(err) != 3 || len(left) > 0 {
				t.Fatalf("exit %d with %d things left: %v", vitrine.ExitCode(err), len(left), err)
			}
			return
		}
		want := filesOf(t, b)
		for _, path := range files(t, parent) {
			rel, _ := filepath.Rel(filepath.Join(parent, "bag"), path)
			got, err := os.ReadFile(path)
			if text, ok := want[filepath.ToSlash(rel)]; err != nil || !ok || !bytes.Equal(got, text) {
				t.Fatalf("%s is not what another reader finds: %v", rel, err)
			}
			delete(want, filepath.ToSlash(rel))
		}
		if len(want) > 0 {
			t.Fatalf("%d files were not laid out", len(want))
		}
		if _, err := production.VerifyBag(filepath.Join(parent, "bag"), p.trust(), nil); err != nil && vitrine.ExitCode(err) != 3 {
			t.Fatal(err)
		}
	})
}

// FuzzEnvelope wants what is accepted to be in its one form.
func FuzzEnvelope(f *testing.F) {
	p := newProvider(f)
	text, err := production.Envelope{Name: "abcdefghijklmnop-1", Size: 400, Demand: "abcdefghijklmnop", Volume: 1, SealedTo: []string{production.Fingerprint("x")}}.Sign(p.sign)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(bytes.Replace(text, []byte(`"volume": 1`), []byte(`"volume": 01`), 1))
	f.Add(append(bytes.Clone(text), '\n'))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, err := production.ParseEnvelope(b, p.signer.PublicKey())
		if err == nil && !bytes.Equal(b, text) {
			t.Fatalf("another text with the same key's signature: %q", b)
		}
	})
}
