package report

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/published"
	"github.com/vitrine-project/vitrine/ledger"
)

// TestStated: what an auditor said is read without an audit, up to a tree, and
// what it says of another tree is not taken.
func TestStated(t *testing.T) {
	s := published.New(t)
	fetch := ledger.Fetch(s.Fetch)
	v, err := (&ledger.Audit{Fetch: fetch, Rand: rand.Reader}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := v.Ledgers[0]
	all, err := ledger.StatementsOf(fetch, l.Chain, l.Checkpoint.Size)
	if err != nil || len(all) != 1 || all[0].Err != nil || !all[0].Passed || len(l.Statements) != 1 || all[0].Digest != l.Statements[0].Digest {
		t.Fatalf("%v, %v; the audit says %v", all, err, l.Statements)
	}
	if before, err := ledger.StatementsOf(fetch, l.Chain, all[0].Size); err != nil || len(before) != 0 {
		t.Errorf("before it was logged: %v, %v", before, err)
	}
	row := english.stated(l.Chain, all[0])
	if !strings.HasPrefix(row.Says, "Every leaf of ") || !strings.Contains(row.Says, ": passed (5 January 2026)") || row.Key != all[0].Auditor || s.Files[strings.TrimPrefix(row.Paper, "../../")] == nil {
		t.Errorf("%+v", row)
	}
	delete(s.Files, "ledger/public/checkpoints/768")
	if all, err = ledger.StatementsOf(fetch, l.Chain, l.Checkpoint.Size); err != nil || len(all) != 1 || all[0].Err == nil {
		t.Errorf("of a tree that is not there: %v, %v", all, err)
	}
}
