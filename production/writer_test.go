package production_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

// writer is a bag begun, with the papers that it needs if full is set.
func writer(t testing.TB, out io.Writer, spool string) *production.Writer {
	t.Helper()
	w, err := production.Create(out, spool, []age.Recipient{newIdentity(t).Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Abort)
	return w
}

func papers(t testing.TB, w *production.Writer) {
	t.Helper()
	for _, name := range []string{"mandate/statement.txt", "mandate/1.sig"} {
		if err := w.Tag(name, []byte(statement)); err != nil {
			t.Fatal(err)
		}
	}
}

// info is what a bag with those counts says of itself.
func info(volume int, k vitrine.Counts) production.Info {
	return production.Info{
		Demand: "abcdefghijklmnop", Volume: volume, Mandate: vitrine.DigestOf([]byte(statement)), Sealed: time.Unix(1.7e9, 0),
		Collection: vitrine.Collection{Counts: k, Containers: []vitrine.Container{{Name: "INBOX", Counts: k}}},
	}
}

func TestWriterRefuses(t *testing.T) {
	w := writer(t, io.Discard, t.TempDir())
	if _, err := w.Add(item(5), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Add(item(5), strings.NewReader("x")); err == nil {
		t.Error("the same number twice")
	}
	for what, it := range map[string]production.Item{
		"another digest": {SHA256: vitrine.DigestOf([]byte("before"))}, "another size": {Size: 6},
	} {
		w := writer(t, io.Discard, t.TempDir())
		if _, err := w.Add(it, strings.NewReader("after")); err == nil {
			t.Errorf("bytes that have %s were taken", what)
		}
		if _, err := w.Add(item(2), strings.NewReader("x")); err == nil {
			t.Errorf("an item was taken after one that failed")
		}
		papers := w.Tag("mandate/statement.txt", nil)
		if _, err := w.Close(info(1, vitrine.Counts{}), newProvider(t).sign); err == nil || papers == nil {
			t.Errorf("a bag was closed after an item that failed")
		}
	}
	w = writer(t, io.Discard, t.TempDir())
	for _, name := range []string{"../x.txt", "/etc/passwd", "data/000001.eml", "mandate/../../x.txt", "x", "MANDATE/1.sig", "a/b/c.txt", ".x.txt", "con\x00.txt",
		"bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt", "items.jsonl", "items.csv", "items.dat", "production.json", "production.json.sig"} {
		if err := w.Tag(name, nil); err == nil {
			t.Errorf("a paper may be called %q", name)
		}
	}
	if err := w.Tag("letter.txt", nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Tag("letter.txt", nil); err == nil {
		t.Error("two papers have one name")
	}
	if _, err := w.Add(item(1), strings.NewReader("x")); err == nil {
		t.Error("an item came after the papers")
	}
	if _, err := production.Create(io.Discard, t.TempDir(), nil); err == nil {
		t.Error("sealed to nobody")
	}
}

// TestMiscount closes bags whose items are not those that were collected.
func TestMiscount(t *testing.T) {
	in, und := item(1), item(2)
	und.Decision = production.Undeterminable
	for name, c := range map[string]struct {
		items []production.Item
		info  production.Info
		right bool
	}{
		"volume 1":                {[]production.Item{in}, info(1, vitrine.Counts{Seen: 1, In: 1}), true},
		"an item missing":         {[]production.Item{in}, info(1, vitrine.Counts{Seen: 2, In: 2}), false},
		"an item too many":        {[]production.Item{in}, info(1, vitrine.Counts{Seen: 1, Out: 1}), false},
		"a hold":                  {[]production.Item{in, und}, info(0, vitrine.Counts{Seen: 2, In: 1, Undeterminable: 1}), true},
		"a hold without one":      {[]production.Item{in}, info(0, vitrine.Counts{Seen: 2, In: 1, Undeterminable: 1}), false},
		"volume 2":                {[]production.Item{und}, info(2, vitrine.Counts{Seen: 2, In: 1, Undeterminable: 1}), true},
		"volume 2 with the first": {[]production.Item{in, und}, info(2, vitrine.Counts{Seen: 2, In: 1, Undeterminable: 1}), false},
		"one that is open":        {[]production.Item{und}, func() production.Info { i := info(2, vitrine.Counts{Seen: 1, Undeterminable: 1}); i.Open = 1; return i }(), false},
		"one that is withheld": {[]production.Item{und}, func() production.Info {
			i := info(2, vitrine.Counts{Seen: 1, Undeterminable: 1})
			i.Withheld = 1
			return i
		}(), false},
		"sums that do not close": {[]production.Item{in}, info(1, vitrine.Counts{Seen: 2, In: 1}), false},
		"another mandate": {[]production.Item{in}, func() production.Info {
			i := info(1, vitrine.Counts{Seen: 1, In: 1})
			i.Mandate = vitrine.Digest{1}
			return i
		}(), false},
	} {
		w := writer(t, io.Discard, t.TempDir())
		for _, it := range c.items {
			if _, err := w.Add(it, strings.NewReader("x")); err != nil {
				t.Fatal(err)
			}
		}
		papers(t, w)
		if _, err := w.Close(c.info, newProvider(t).sign); (err == nil) != c.right {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNotUTF8: text that JSON cannot say comes back marked, and the package
// verifies.
func TestNotUTF8(t *testing.T) {
	p, id := newProvider(t), newIdentity(t)
	items, bodies := sample(3)
	items[0].Name, items[0].Container = "a\xff\xfe\xfdb", "\xc3"
	items[1].Extra = map[string]string{"k\x80": "v\x80"}
	items[1].Received.Raw = "\xed\xa0\x80"
	items[2].Name = `\ufffd`
	sealed, _ := seal(t, p, id.Recipient(), items, bodies)
	r, dir := laidOut(t, id, sealed)
	if _, err := production.VerifyBag(dir, p.trust(), nil); err != nil {
		t.Error(err)
	}
	err := r.Items(func(it production.Item) error {
		if it.Number == 1 && it.Name != "a\uFFFD\uFFFD\uFFFDb" || it.Number == 3 && it.Name != `\ufffd` {
			t.Errorf("item %d came back as %q", it.Number, it.Name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// full takes so many bytes and no more, as a disk does.
type full struct{ left int }

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	f.left -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

// TestFullDisk fills the disk after every so many bytes: the bag must not be
// closed, nothing may hang, and no goroutine or spool file may stay.
func TestFullDisk(t *testing.T) {
	spool, before := t.TempDir(), runtime.NumGoroutine()
	p, body := newProvider(t), bytes.Repeat([]byte("x"), 3<<20)
	write := func(out io.Writer) error {
		w, err := production.Create(out, spool, []age.Recipient{newIdentity(t).Recipient()})
		if err != nil {
			return err
		}
		defer w.Abort()
		for range 3 {
			if _, err := w.Add(production.Item{Decision: production.In}, bytes.NewReader(body)); err != nil {
				return err
			}
		}
		for _, name := range []string{"mandate/statement.txt", "mandate/1.sig"} {
			if err := w.Tag(name, []byte(statement)); err != nil {
				return err
			}
		}
		_, err = w.Close(info(1, vitrine.Counts{Seen: 3, In: 3}), p.sign)
		return err
	}
	whole := &full{1 << 30}
	if err := write(whole); err != nil {
		t.Fatal(err)
	}
	size := 1<<30 - whole.left
	for _, room := range []int{0, 1, 100, 1 << 20, 2<<20 + 5, size / 2, size - 1000, size - 1} {
		if err := write(&full{room}); !errors.Is(err, errFull) {
			t.Errorf("%d of %d bytes fit: %v", room, size, err)
		}
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) > 0 {
		t.Errorf("%d spool files are left: %v", len(left), err)
	}
	for range 100 { // goroutines end a moment after they were told to
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// TestBadSigner has signers whose work no reader would accept.
func TestBadSigner(t *testing.T) {
	p := newProvider(t)
	for name, sign := range map[string]production.Signer{
		"fails":        func(string, []byte) ([]byte, error) { return nil, errors.New("no agent") },
		"nothing":      func(string, []byte) ([]byte, error) { return nil, nil },
		"another text": func(ns string, m []byte) ([]byte, error) { return p.sign(ns, append(m, 'x')) },
		"another use":  func(_ string, m []byte) ([]byte, error) { return p.sign("file", m) },
		"other lines": func(ns string, m []byte) ([]byte, error) {
			b, err := p.sign(ns, m)
			return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")), err
		},
	} {
		w := writer(t, io.Discard, t.TempDir())
		papers(t, w)
		if _, err := w.Close(info(1, vitrine.Counts{}), sign); err == nil {
			t.Errorf("%s: the bag was closed", name)
		}
		e := production.Envelope{Name: "abcdefghijklmnop-1", Size: 400, Demand: "abcdefghijklmnop", Volume: 1, SealedTo: []string{production.Fingerprint("x")}}
		if _, err := e.Sign(sign); err == nil {
			t.Errorf("%s: the envelope was signed", name)
		}
	}
}

// BenchmarkWriter seals mail of common sizes, and large files.
func BenchmarkWriter(b *testing.B) {
	for name, size := range map[string]int{"mail-50KB": 50_000, "large-64MiB": 64 << 20} {
		b.Run(name, func(b *testing.B) {
			body := bytes.Repeat([]byte("0123456789abcdef"), size/16)
			w := writer(b, io.Discard, b.TempDir())
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Add(production.Item{Source: "mail", Account: "alice", Container: "INBOX", Category: vitrine.Content, Form: "stored", Decision: production.In}, bytes.NewReader(body)); err != nil {
					b.Fatal(err)
				}
			}
			papers(b, w)
			n := int64(b.N)
			if _, err := w.Close(info(1, vitrine.Counts{Seen: n, In: n}), newProvider(b).sign); err != nil {
				b.Fatal(err)
			}
		})
	}
}
