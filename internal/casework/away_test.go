package casework_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/sequencer"
	"github.com/vitrine-project/vitrine/internal/vitrinetest"
	"github.com/vitrine-project/vitrine/ledger"
)

// witness is one that may be away.
type witness struct {
	*sequencer.Cosigner
	away bool
}

func (w *witness) Cosign(ctx context.Context, old uint64, proof []ledger.Hash, checkpoint []byte) ([]byte, error) {
	if w.away {
		return nil, errors.New("it does not answer")
	}
	return w.Cosigner.Cosign(ctx, old, proof, checkpoint)
}

// TestWitnessesAway: the witness is away from before a period, whose header the
// config changes, for longer than the period before it (by night, until after
// its end). Nothing is published meanwhile, demands
// are taken, and once it is back each counts in its own period, under a header
// that nobody needs to have seen before.
func TestWitnessesAway(t *testing.T) {
	p := vitrinetest.New(t, "")
	now := vitrinetest.Now
	p.Now = func() time.Time { return now }
	w := &witness{Cosigner: sequencer.NewCosigner("witness.example", ed25519.NewKeyFromSeed(make([]byte, 32)), p.Now)}
	p.Witnesses = []sequencer.Witness{{Key: w.Key(), Cosigns: w}}
	b := p.Count(t, ledger.Public, "us/search-warrant")
	on := func(month time.Month, day int) {
		t.Helper()
		now = time.Date(2026, month, day, 12, 0, 0, 0, time.UTC)
		if err := p.Prepare(t.Context()); err != nil {
			t.Fatalf("%s: %v", now.Format(time.DateOnly), err)
		}
	}
	take := func() {
		t.Helper()
		one := casework.Synthetic{Class: ledger.Public, Sheet: "us/search-warrant", Reference: fmt.Sprint("R-", now.Format(time.DateOnly)), Received: now, Counted: true}
		if err := p.Synthesize(t.Context(), []casework.Synthetic{one}); err != nil {
			t.Fatal(err)
		}
	}
	waits := func() {
		t.Helper()
		size := b.Log.Size()
		if err := p.Desk.Count(t.Context()); err == nil || !strings.Contains(err.Error(), "run the same command again when the witnesses answer") || b.Log.Size() != size {
			t.Errorf("%s: without its witness it says %v", now.Format(time.DateOnly), err)
		}
	}
	b.Sheets = append(b.Sheets, "us/subpoena")
	w.away = true
	on(time.November, 23)
	if chain := b.Log.Chain(); len(chain) != 2 || len(chain[1].Sheets) != 2 {
		t.Fatalf("%d headers, and no change that waits to be announced", len(chain))
	}
	take()
	waits() // the tick that announces the change is planned
	on(time.November, 30)
	waits()
	on(time.December, 5)
	take()
	waits()
	periods := 2
	if os.Getenv("VITRINE_NIGHTLY") != "" { // some fifty ticks
		on(time.December, 31)
		waits()
		on(13, 3)
		take()
		waits()
		on(13, 10)
		periods = 3
	} else {
		on(time.December, 10)
	}
	w.away = false
	if err := p.Desk.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	chain := b.Log.Chain()
	for n, q := range chain {
		if want := 1 + n/periods; len(q.Sheets) != want || len(chain) != periods+1 {
			t.Errorf("header %d of %d has %d sheets, want %d: those that are late change nothing, and the one that can be announced does", n, len(chain), len(q.Sheets), want)
		}
	}
	for period := range uint64(periods) {
		if sum, _, err := b.Log.Sums(ledger.CellName{Period: period, Sheet: "us/search-warrant"}); err != nil || sum.V[0] != 1 {
			t.Errorf("period %d counted %v: %v", period, sum.V, err)
		}
	}
	audited(t, b.Log.Public())
}
