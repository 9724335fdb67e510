package casework_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/vitrinetest"
	"github.com/vitrine-project/vitrine/ledger"
)

// TestSynthesize: made-up demands count what they are said to, once, and a
// demand that was received ends as it is said to.
func TestSynthesize(t *testing.T) {
	p := vitrinetest.New(t, "")
	now := vitrinetest.Now
	p.Now = func() time.Time { return now }
	b := p.Count(t, ledger.Public, "us/search-warrant")
	list := []casework.Synthetic{
		{Class: ledger.Public, Sheet: "us/search-warrant", Reference: "1", Received: now, Counted: true, Accounts: 3, Outcomes: []string{"content", "voided"}},
		{Class: ledger.Public, Sheet: "us/search-warrant", Reference: "2", Received: now, Counted: true, Bulk: 700},
		{Class: ledger.Public, Sheet: "us/search-warrant", Reference: "3", Received: now, Accounts: 2},
	}
	for range 2 {
		if err := p.Synthesize(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	id, err := p.Receive(t.Context(), p.Submission(t), []byte("paper"), "clerk")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.SynthesizeOutcomes(t.Context(), "nodata", []vitrine.ID{id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Synthesize(t.Context(), []casework.Synthetic{{Class: ledger.Public, Sheet: "us/subpoena", Counted: true, Received: now}}); err == nil {
		t.Error("a sheet that the ledger does not have counts")
	}
	now = now.AddDate(0, 0, 3)
	if err := p.Desk.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	sum, _, err := b.Log.Sums(ledger.CellName{Sheet: "us/search-warrant"})
	if err != nil {
		t.Fatal(err)
	}
	// demand, account, content, noncontent, nodata, rejected, voided, bulk_accounts
	if got, want := fmt.Sprint(sum.V), fmt.Sprint([]uint64{3, 6, 1, 0, 1, 0, 1, 700}); got != want {
		t.Errorf("%s was counted, want %s", got, want)
	}
	audited(t, b.Log.Public())
}
