package casework_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
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
		if _, err := p.Receipts(t.Context()); err != nil {
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

// queued lists the types of the facts that wait for a demand, and of those in
// the log.
func queued(t *testing.T, p *vitrinetest.Provider, id vitrine.ID) (waiting, logged []string) {
	t.Helper()
	var facts []store.Fact
	if err := p.DB.View(t.Context(), func(tx *store.Tx) (err error) { facts, err = tx.FactsOf(id); return err }); err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if f.Index < 0 {
			waiting = append(waiting, f.Type)
		} else {
			logged = append(logged, f.Type)
		}
	}
	return waiting, logged
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestFactsOfEvents: each event queues its facts, once, whatever happens twice.
func TestFactsOfEvents(t *testing.T) {
	p := vitrinetest.New(t, "")
	now := vitrinetest.Now
	p.Now = func() time.Time { return now }
	p.Count(t, ledger.Public, "us/search-warrant")
	receive := func(reference, paper string, accounts ...vitrine.Account) vitrine.ID {
		t.Helper()
		sub := p.Submission(t)
		sub.Reference = reference
		if accounts != nil {
			sub.Asked.Accounts = accounts
		}
		id, err := p.Receive(t.Context(), sub, []byte(paper), "clerk")
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	count := func() {
		t.Helper()
		now = now.AddDate(0, 0, 3)
		if err := p.Desk.Count(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first := receive("R-1", "paper", "alice")
	if receive("R-1", "paper", "alice") != first {
		t.Fatal("the same demand is another one")
	}
	waiting, _ := queued(t, p, first)
	same(t, "received twice", waiting, "demand", "account")

	// The paper read anew, with one more account: one demand, that account more.
	again := receive("R-1", "paper", "alice", "bob")
	waiting, _ = queued(t, p, first)
	same(t, "the first reading", waiting, "demand", "account")
	waiting, _ = queued(t, p, again)
	same(t, "the second reading", waiting, "account")

	refused := receive("R-2", "other")
	step(t, p, "check", refused)
	if err := p.Refuse(t.Context(), refused, &vitrine.Refusal{Kind: vitrine.Refused, Ground: "a law", Text: "no"}, "counsel"); err != nil {
		t.Fatal(err)
	}
	waiting, _ = queued(t, p, refused)
	same(t, "refused", waiting, "demand", "account", "rejected")

	nothing := receive("R-5", "fifth")
	step(t, p, "check", nothing)
	if err := p.Refuse(t.Context(), nothing, &vitrine.Refusal{Kind: vitrine.Refused, Ground: "data-not-held", Text: "we hold none"}, "counsel"); err != nil {
		t.Fatal(err)
	}
	waiting, _ = queued(t, p, nothing)
	same(t, "refused for want of data", waiting, "demand", "account", "nodata")

	withdrawn := receive("R-3", "third")
	why := &vitrine.Refusal{Kind: vitrine.Refused, Ground: "withdrawn", Text: "the authority took it back"}
	if err := p.Void(t.Context(), withdrawn, why, "clerk"); err != nil {
		t.Fatal(err)
	}
	waiting, logged := queued(t, p, withdrawn)
	same(t, "withdrawn before it was in the log", append(waiting, logged...))

	// Read anew and then withdrawn: what waits of the first reading goes too.
	readOnce := receive("R-4", "fourth", "alice")
	readTwice := receive("R-4", "fourth", "alice", "bob")
	if err := p.Void(t.Context(), readTwice, why, "clerk"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []vitrine.ID{readOnce, readTwice} {
		waiting, logged := queued(t, p, id)
		same(t, "withdrawn after it was read anew", append(waiting, logged...))
	}

	count()
	_, logged = queued(t, p, refused)
	same(t, "in the log", logged, "demand", "account", "rejected")
	if err := p.Void(t.Context(), again, why, "clerk"); err != nil {
		t.Fatal(err)
	}
	count()
	_, logged = queued(t, p, again)
	same(t, "withdrawn after it was in the log", logged, "account", "voided")
	audited(t, p.Books[ledger.Public].Log.Public())
}

// TestNoRoom: a demand that could not be in the log in time is not taken, one
// that names very many accounts counts them in its own leaf, and one that no
// sheet counts is not taken.
func TestNoRoom(t *testing.T) {
	p := vitrinetest.New(t, "")
	p.Now = func() time.Time { return vitrinetest.Now }
	b := p.Count(t, ledger.Public, "us/search-warrant", "us/subpoena")
	sub := p.Submission(t)
	sub.Instrument = "us/emergency"
	if _, err := p.Receive(t.Context(), sub, []byte("paper"), "clerk"); vitrine.ExitCode(err) != 2 {
		t.Errorf("a demand that no sheet counts: %v", err)
	}
	many := p.Submission(t)
	many.Reference, many.Asked.Accounts = "many", nil
	for i := range b.Log.Room("us/search-warrant") {
		many.Asked.Accounts = append(many.Asked.Accounts, vitrine.Account(fmt.Sprintf("user%04d", i)))
	}
	id, err := p.Receive(t.Context(), many, []byte("many"), "clerk")
	if err != nil {
		t.Fatal(err)
	}
	waiting, _ := queued(t, p, id)
	same(t, "many accounts", waiting, "demand")
	p.Now = func() time.Time { return vitrinetest.Now.AddDate(0, 0, 40) } // one tick is left until they are due
	taken := 0
	for i := range 3 * b.Log.Room("us/search-warrant") {
		sub := p.Submission(t)
		sub.Reference = fmt.Sprint("R-", i)
		if _, err = p.Receive(t.Context(), sub, []byte("paper"), "clerk"); err != nil {
			break
		}
		taken++
	}
	if vitrine.ExitCode(err) != 5 || taken < 20 {
		t.Errorf("%d were taken, then %v", taken, err)
	}
	if waiting, _ := queued(t, p, p.Submission(t).ID()); len(waiting) > 0 {
		t.Errorf("a demand that was not taken has facts: %q", waiting)
	}
}

// BenchmarkPromise is the time from the event's commit to the sealed promise in
// the outbox, by the queue.
func BenchmarkPromise(b *testing.B) {
	p := vitrinetest.New(b, "")
	p.Now = func() time.Time { return vitrinetest.Now }
	p.Count(b, ledger.Public, "us/search-warrant")
	stop, err := p.DB.Work(b.Context(), p.Steps())
	if err != nil {
		b.Fatal(err)
	}
	defer stop(context.Background())
	var total time.Duration
	for i := range min(b.N, 50) {
		sub := p.Submission(b)
		sub.Reference = fmt.Sprint("B-", i)
		id, err := p.Receive(b.Context(), sub, []byte("paper"), "clerk")
		if err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		for _, err := os.Stat(p.PromisesPath(id)); err != nil; _, err = os.Stat(p.PromisesPath(id)) {
			time.Sleep(100 * time.Microsecond)
		}
		total += time.Since(begin)
	}
	b.ReportMetric(float64(total.Microseconds())/1000/float64(min(b.N, 50)), "ms/promise")
}

// TestLongSleep: a provider that ran nothing until the next period had begun makes
// up every tick, under a header that changes nothing, and is accepted.
func TestLongSleep(t *testing.T) {
	p := vitrinetest.New(t, "")
	now := vitrinetest.Now
	p.Now = func() time.Time { return now }
	b := p.Count(t, ledger.Public, "us/search-warrant")
	now = now.AddDate(0, 0, 14)
	b.Sheets = append(b.Sheets, "us/subpoena") // too late to announce it
	if err := p.Desk.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	chain := b.Log.Chain()
	if len(chain) != 3 || len(chain[1].Sheets) != 1 || len(chain[2].Sheets) != 2 {
		t.Fatalf("%d headers; want the late one as it was, and the next as the config has it", len(chain))
	}
	audited(t, b.Log.Public())
}
