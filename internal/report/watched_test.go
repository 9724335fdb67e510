package report

import (
	"testing"

	"github.com/vitrine-project/vitrine/ledger"
)

// TestQuorumsInCommon names witnesses of which two quorums may have none in
// common but the provider: that is said, as each can be shown another ledger.
func TestQuorumsInCommon(t *testing.T) {
	for _, c := range []struct {
		quorum, others, own int
		want                bool
	}{
		{2, 3, 0, true}, {2, 4, 0, false}, {3, 4, 0, true}, {3, 6, 0, false}, {4, 6, 0, true},
		{3, 3, 1, true}, {3, 4, 1, false}, {4, 4, 1, true},
	} {
		h := &ledger.Header{Witnesses: ledger.Witnesses{Quorum: c.quorum}}
		for i := range c.others + c.own {
			name := string(rune('A' + i))
			if i >= c.others {
				name = " provider "
			}
			h.Witnesses.Keys = append(h.Witnesses.Keys, ledger.Witness{Organisation: name})
		}
		if _, ok := watched("Provider", h); ok != c.want {
			t.Errorf("%d of %d and %d of the provider's: %t", c.quorum, c.others, c.own, ok)
		}
	}
}
