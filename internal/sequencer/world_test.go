package sequencer

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/vitrine-project/vitrine/ledger"
)

const (
	day    = 24 * 3600
	origin = "example.org/public"
)

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = t
}

// safe seals with AES-GCM.
type safe struct{ cipher.AEAD }

func newSafe(key string) safe {
	k := sha256.Sum256([]byte(key))
	b, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err)
	}
	a, err := cipher.NewGCMWithRandomNonce(b)
	if err != nil {
		panic(err)
	}
	return safe{a}
}

func (s safe) Seal(plain []byte) ([]byte, error) { return s.AEAD.Seal(nil, nil, plain, nil), nil }

func (s safe) Unseal(sealed []byte) ([]byte, error) { return s.Open(nil, nil, sealed, nil) }

// house is a provider with one ledger, whose every secret follows from its
// name, so that a process that is started again has them too.
type house struct {
	t     testing.TB
	name  string
	dir   string
	clock *clock
	from  time.Time // when header 0 begins
	delta uint64
	log   ed25519.PrivateKey
	crowd []ledger.Witness // of header 0
	o     Options
}

func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func newHouse(t testing.TB, name string) *house {
	return newHouseIn(t, name, filepath.Join(t.TempDir(), "ledger"))
}

func newHouseIn(t testing.TB, name, dir string) *house {
	h := &house{t: t, name: name, dir: dir, from: begin, delta: day, clock: &clock{at: begin.Add(-time.Hour)}, log: keyOf(name + "log")}
	h.o = Options{Dir: h.dir, Signer: signer(origin, h.log), Seal: newSafe(name), Rand: rand.Reader, Now: func() time.Time { return h.clock.now() }}
	h.witnesses()
	return h
}

// witnesses gives the house two witnesses that have seen nothing.
func (h *house) witnesses() {
	h.crowd, h.o.Witnesses = nil, nil
	for i := range 2 {
		c := NewCosigner(fmt.Sprintf("witness%d.example", i), keyOf(fmt.Sprint(h.name, i)), h.o.Now)
		h.crowd = append(h.crowd, ledger.Witness{Key: c.Key(), Organisation: fmt.Sprintf("Organisation %d", i)})
		h.o.Witnesses = append(h.o.Witnesses, c.Witness())
	}
}

// signer signs as stock signed-note does.
func signer(name string, k ed25519.PrivateKey) note.Signer {
	vkey := strings.Split(ledger.PublicKey(name, k.Public().(ed25519.PublicKey)), "+")
	s, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + vkey[1] + "+" + b64(append([]byte{1}, k.Seed()...)))
	if err != nil {
		panic(err)
	}
	return s
}

func b64(b []byte) string {
	j, _ := json.Marshal(b)
	return strings.Trim(string(j), `"`)
}

var fields = []ledger.Field{
	{Name: "demand", Rule: ledger.Rule{Kind: ledger.Exact}, Width: 1}, {Name: "account", Rule: ledger.Rule{Kind: ledger.Exact}, Width: 1},
	{Name: "content", Rule: ledger.Rule{Kind: ledger.Exact}, Width: 1}, {Name: "bulk_accounts", Rule: ledger.Rule{Kind: ledger.Exact}, Width: 16},
}

// header is a first header: two sheets, ticks of a day, two witnesses.
func (h *house) header(ticks uint64) *ledger.Header {
	from := uint64(h.from.Unix())
	public := func(n string) ed25519.PublicKey { return keyOf(h.name + n).Public().(ed25519.PublicKey) }
	hd := &ledger.Header{
		Audit: ledger.AuditRule{Randomness: "drand quicknet", Sample: 60}, Class: ledger.Public, Delta: h.delta, Due: 8 * h.delta, From: from, To: from + ticks*h.delta, Ticks: ticks,
		Grid: []ledger.Allotment{{Sheet: "us/subpoena", Slots: 5}, {Sheet: "us/search-warrant", Slots: 250}}, Lag: h.delta / 2, Origin: origin, Publication: ledger.Live, Suite: ledger.Suite,
		Keys:      ledger.Keys{Log: ledger.PublicKey(origin, public("log")), Promise: []string{ledger.PublicKey("example.org/promise", public("promise"))}, Report: ledger.PublicKey("example.org/report", public("report"))},
		Sheets:    []ledger.Sheet{{Name: "us/search-warrant", Fields: fields}, {Name: "us/subpoena", Fields: fields}},
		Witnesses: ledger.Witnesses{Keys: h.crowd, Quorum: len(h.crowd)},
	}
	for _, s := range hd.Sheets {
		hd.Tables = append(hd.Tables, ledger.Table{Cells: []ledger.CellName{{Period: 0, Sheet: s.Name}}, Name: s.Name, NotBefore: hd.To, Due: hd.To + 90*day})
	}
	return hd
}

func (h *house) open() *Log {
	h.t.Helper()
	l, err := Open(context.Background(), h.o)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = l.Close() })
	return l
}

// begun is a house whose header 0 is published.
func begun(t testing.TB, ticks uint64) (*house, *Log) {
	t.Helper()
	h := newHouse(t, t.Name())
	l := h.open()
	if err := l.Begin(context.Background(), h.header(ticks)); err != nil {
		t.Fatal(err)
	}
	return h, l
}

// demand makes the facts of a demand of the open period.
func demand(t testing.TB, p *ledger.Period, sheet, reference string, accounts ...string) []Fact {
	t.Helper()
	d, err := ledger.NewDemand(ledger.DemandSubject("police/one", reference, sha256.Sum256([]byte(reference))), sheet, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var facts []Fact
	add := func(kind, account string) {
		f, err := d.Fact(p, kind, account, 0, 0, time.Unix(int64(p.From)+60, 0), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		facts = append(facts, Fact{reference + "/" + kind + "/" + account, f})
	}
	add(ledger.TypeDemand, "")
	for _, a := range accounts {
		add(ledger.TypeAccount, a)
	}
	return facts
}

// tick sets the clock to the next tick's second and makes it.
func (h *house) tick(l *Log, facts ...Fact) Published {
	h.t.Helper()
	_, _, at, ok := l.Next()
	if !ok {
		h.t.Fatal("there is no next tick")
	}
	h.clock.set(at)
	out, err := l.Tick(context.Background(), facts)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// next takes the header of the next period.
func (h *house) next(l *Log) *ledger.Period {
	h.t.Helper()
	chain := l.Chain()
	last := chain[len(chain)-1]
	next, err := last.Continue(last.To + (last.To - last.From))
	if err != nil {
		h.t.Fatal(err)
	}
	if err := l.Add(context.Background(), next); err != nil {
		h.t.Fatal(err)
	}
	chain = l.Chain()
	return chain[len(chain)-1]
}

// audited has the ledger's own full audit accept what is public.
func audited(t testing.TB, public fs.FS) *ledger.Verdict {
	t.Helper()
	v, err := audit(public)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func audit(public fs.FS) (*ledger.Verdict, error) {
	a := &ledger.Audit{Rand: rand.Reader, Fetch: func(name string) ([]byte, error) {
		if rest, ok := strings.CutPrefix(name, "ledger/public/"); ok {
			return fs.ReadFile(public, rest)
		}
		if name == "reports/index.json" {
			return []byte("[]"), nil
		}
		return nil, fs.ErrNotExist
	}}
	return a.Run(context.Background())
}

// files are the names and sizes of a directory's files.
func files(t testing.TB, dir fs.FS) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	err := fs.WalkDir(dir, ".", func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		st, err := e.Info()
		all[path.Clean(name)] = st.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// copyTo copies a ledger's directory.
func (h *house) copyTo(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(h.dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// refused fails the test unless err says the words.
func refused(t testing.TB, err error, words string) {
	t.Helper()
	if err == nil {
		t.Errorf("it was not refused; want %q", words)
	} else if !strings.Contains(err.Error(), words) {
		t.Errorf("it says %q, want %q", err, words)
	}
}

func sorted(m map[string]uint64) []string { return slices.Sorted(maps.Keys(m)) }

// prepare plans the next tick and appends it, and has nobody cosign it.
func (l *Log) prepare(ctx context.Context, facts []Fact) error {
	l.work.Lock()
	defer l.work.Unlock()
	if err := l.steady(); err != nil {
		return err
	}
	_, err := l.plan(ctx, facts)
	return err
}
