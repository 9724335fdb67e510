package chat_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	sk "github.com/vitrine-project/vitrine/internal/vitrinetest/skypeexport"
	"github.com/vitrine-project/vitrine/production"
)

// small is an export with two conversations.
func small() sk.Export {
	return sk.Export{User: alice, Conversations: []sk.Conversation{
		{ID: bob, Messages: []sk.Message{text(from, bob, "one"), text(from.Add(time.Second), alice, "two")}},
		{ID: carol, Messages: []sk.Message{text(from, carol, "three \\ \" \u00e9")}},
	}}
}

// unpacked is a directory with an export whose messages.json can be replaced.
func unpacked(t testing.TB) (s collect.Source, path string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "live_alice"), 0o700); err != nil {
		t.Fatal(err)
	}
	return source(t, filepath.Join(dir, "{account}")), filepath.Join(dir, "live_alice", "messages.json")
}

// TestSkypeTorn cuts messages.json at every byte, and spoils every byte: what
// lies whole before is kept, and the rest is one item that cannot be read.
func TestSkypeTorn(t *testing.T) {
	e := small()
	whole, planted := e.JSON()
	s, path := unpacked(t)
	begins := strings.Index(whole, alice) + len(alice) + 1
	for cut := begins; cut < len(whole); cut++ {
		for _, spoiled := range []bool{false, true} {
			b := []byte(whole[:cut])
			if spoiled {
				b = append(append(b, 1), whole[cut+1:]...)
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, p := range planted {
				if p.End <= cut {
					want = append(want, p.Raw)
				}
			}
			items, in := everything(t, s, "live_alice")
			var got []string
			damaged := 0
			for i, it := range items {
				if it.Unreadable != "" {
					if damaged++; it.Offset+it.Size != int64(len(b)) || it.Offset > int64(cut) {
						t.Errorf("cut %d: the damage is %d to %d of %d", cut, it.Offset, it.Offset+it.Size, len(b))
					}
					continue
				}
				raw, err := read(t.Context(), s, in[i], it, 0)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, raw)
			}
			none := damaged == 0
			wellFormed := json.Valid(b)
			if !slices.Equal(got, want) || damaged > 1 || none != wellFormed {
				t.Fatalf("cut %d, spoiled %v: %d items, want %d; %d damaged, valid %v\n%q", cut, spoiled, len(got), len(want), damaged, wellFormed, got)
			}
		}
	}
}

// TestSkypeTornArchive cuts the archive: what is there is kept.
func TestSkypeTornArchive(t *testing.T) {
	e := small()
	e.Files, e.Order = map[string]string{"media/a.1": strings.Repeat("a", 2000)}, []string{"media/a.1"}
	e.Conversations[0].Messages[0].Refs = []string{"a"}
	var b bytes.Buffer
	if err := e.Tar(&b); err != nil {
		t.Fatal(err)
	}
	s, path := tarred(t, e, "live_alice")
	for cut := 700; cut < b.Len(); cut += 97 {
		if err := os.WriteFile(path, b.Bytes()[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		items, in := everything(t, s, "live_alice")
		readable := 0
		for i, it := range items {
			if it.Unreadable != "" {
				continue
			}
			readable++
			if got, err := read(t.Context(), s, in[i], it, 0); err != nil || int64(len(got)) != it.Size {
				t.Fatalf("cut %d: %v", cut, err)
			}
		}
		if end := b.Len() - 1024; cut >= end && readable != 4 || cut < end && readable == len(items) {
			t.Errorf("cut %d: %d of %d can be read", cut, readable, len(items))
		}
	}
}

// TestSkypeLinks: a link in an archive leads nowhere.
func TestSkypeLinks(t *testing.T) {
	s, path := tarred(t, small(), "live_alice")
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	whole, _ := small().JSON()
	for _, h := range []*tar.Header{
		{Name: "media/p.1", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "./messages.json", Typeflag: tar.TypeReg, Size: int64(len(whole))},
		{Name: "../../etc/x", Typeflag: tar.TypeReg},
		{Name: "messages.json", Typeflag: tar.TypeReg, Size: int64(len(whole))},
	} {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, whole); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	items, _ := everything(t, s, "live_alice")
	var got []string
	for _, it := range items[3:] {
		got = append(got, it.Name+" "+it.Unreadable)
	}
	if want := []string{"media/p.1 it is no ordinary file", "../../etc/x ", "messages.json "}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestSkypeLarge reads an export that is larger than memory may be.
func TestSkypeLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 220 MB")
	}
	const n = 50_000
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "live_alice.tar"))
	if err != nil {
		t.Fatal(err)
	}
	if err := sk.Large(f, alice, n, 4200, to); err != nil {
		t.Fatal(err)
	}
	size, _ := f.Seek(0, io.SeekEnd)
	f.Close()
	if size < 200<<20 {
		t.Fatalf("it has only %d bytes", size)
	}
	peak := uint64(0)
	h := &counting{each: func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapSys-m.HeapReleased)
	}}
	s := source(t, filepath.Join(dir, "{account}.tar"))
	c, err := job(t, h, s, "live_alice").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The newest lies at the period's end, the others a second apart before it.
	if c.Seen != n || c.In != n-1 || c.Out != 1 || h.n != n-1 {
		t.Errorf("%+v", c.Counts)
	}
	t.Logf("%d MB read, heap at most %d MB", size>>20, peak>>20)
	if peak > 96<<20 {
		t.Errorf("the heap grew to %d MB", peak>>20)
	}
}

// counting is a hold that forgets.
type counting struct {
	n    int64
	each func()
}

func (h *counting) Add(it production.Item, r io.Reader) (production.Item, error) {
	sum := sha256.New()
	size, err := io.Copy(sum, r)
	if h.n++; h.n%2_000 == 0 {
		h.each()
	}
	it.Number, it.Size = h.n, size
	it.SHA256 = vitrine.Digest(sum.Sum(nil))
	return it, err
}

// FuzzSkype: any bytes as messages.json give items that are valid JSON at their
// place, none twice, all of them again from behind any of them, or a refusal.
func FuzzSkype(f *testing.F) {
	whole, _ := small().JSON()
	f.Add([]byte(whole))
	f.Add([]byte(`{"conversations":[{"MessageList":[1,"x",null,{"id":1}],"id":"8:x"},{"MessageList":[{}],"MessageList":[{}]}],"userId":"8:live:alice"}`))
	f.Add([]byte(`{"userId":"live_alice","conversations":[{"threadProperties":{"members":"[\"live_alice\"]"},"MessageList":[{"from":"live_alice","amsreferences":["a",7]}]}]} x`))
	s, path := unpacked(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Inventory(t.Context(), "live_alice"); err != nil {
			return // a refusal, in words
		}
		items, in := everything(t, s, "live_alice")
		for i, it := range items {
			if it.Unreadable != "" {
				continue
			}
			raw, err := read(t.Context(), s, in[i], it, 0)
			if err != nil || !json.Valid([]byte(raw)) || raw != string(b[it.Offset:it.Offset+it.Size]) || it.SHA256 != vitrine.DigestOf([]byte(raw)) {
				t.Fatalf("%+v: %q, %v", it, raw, err)
			}
			n := i
			if err := s.Enumerate(t.Context(), in[i], it.Position, func(next collect.Item) error {
				if n++; next.Identity != items[n].Identity {
					t.Fatalf("behind %d: %+v", i, next)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
