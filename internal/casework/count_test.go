package casework_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/internal/vitrinetest"
	"github.com/vitrine-project/vitrine/ledger"
)

// unsealed reads what the outbox has for the authority, with its own key, cut
// where each note begins.
func unsealed(t *testing.T, p *vitrinetest.Provider, path, begins string) []string {
	t.Helper()
	key, err := os.ReadFile(p.Identity)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := age.ParseIdentities(bytes.NewReader(key))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := age.Decrypt(f, ids...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(b), begins+"\n")
	for i := range parts {
		parts[i] = begins + "\n" + parts[i]
	}
	return parts[1:]
}

// TestCounted: a demand is promised at once, its facts stand in the log after
// the next tick, once each, and what its sender gets verifies.
func TestCounted(t *testing.T) {
	p := vitrinetest.New(t, "")
	now := vitrinetest.Now
	p.Now = func() time.Time { return now }
	b := p.Count(t, ledger.Public, "us/search-warrant", "us/subpoena")
	id, err := p.Receive(t.Context(), p.Submission(t), []byte("paper"), "clerk")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"acknowledge", "check", "promise"} {
		step(t, p, s, id)
	}
	received, err := os.ReadFile(p.SubmittedPath(id))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Log.Chain()[0].OpenSubmitted(received); err != nil {
		t.Error(err)
	}
	papers := ledger.Papers{Authority: "us-x", Reference: "R-1", Account: "alice"}
	doc := ledger.Hash(vitrine.DigestOf([]byte("paper")))
	papers.Document = &doc
	for _, text := range unsealed(t, p, p.PromisesPath(id), "vitrine/promise/v1") {
		promise, err := b.Log.Chain().OpenPromise([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if unchecked, err := promise.Fact.Is(papers); err != nil || len(unchecked) > 0 {
			t.Errorf("promise of %s: %v, unchecked %q", promise.Fact.Type, err, unchecked)
		}
	}
	now = now.AddDate(0, 0, 3)
	if err := p.Desk.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Receipts(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	receipts := unsealed(t, p, p.ReceiptsPath(id, 2), "c2sp.org/tlog-proof@v1")
	if len(receipts) != 2 {
		t.Fatalf("%d receipts, want the demand's and the account's", len(receipts))
	}
	for _, text := range receipts {
		r, err := ledger.ParseReceipt([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Check(0); err != nil {
			t.Error(err)
		}
		if unchecked, err := r.Fact.Is(papers); err != nil || len(unchecked) > 0 {
			t.Errorf("receipt of %s: %v, unchecked %q", r.Fact.Type, err, unchecked)
		}
	}
	var waiting int
	if err := p.DB.View(t.Context(), func(tx *store.Tx) (err error) {
		waiting, err = tx.Backlog("public", "us/search-warrant")
		return err
	}); err != nil || waiting != 0 {
		t.Errorf("%d facts wait: %v", waiting, err)
	}
	audited(t, b.Log.Public())
}

// audited has the ledger's own audit read what is public of the log.
func audited(t *testing.T, public fs.FS) {
	t.Helper()
	a := ledger.Audit{Rand: rand.Reader, Fetch: func(path string) ([]byte, error) {
		if path == "reports/index.json" {
			return []byte("[]"), nil
		}
		path, ok := strings.CutPrefix(path, "ledger/public/")
		if !ok {
			return nil, fs.ErrNotExist
		}
		return fs.ReadFile(public, path)
	}}
	if _, err := a.Run(context.Background()); err != nil {
		t.Error(err)
	}
}
