package ledger

import "testing"

// TestWatched asks which quorums leave no room for two views. Expected is what
// trying all pairs of quorums finds: with honest witnesses a second view needs a
// quorum that has none of the first's members.
func TestWatched(t *testing.T) {
	for n := range 9 {
		for q := range n + 1 {
			apart := false
			for a := range 1 << n {
				for b := range 1 << n {
					apart = apart || members(a) >= q && members(b) >= q && a&b == 0
				}
			}
			h := &Header{Witnesses: Witnesses{Keys: make([]Witness, n), Quorum: q}}
			if got, want := h.Watched(), !apart && n >= 3 && q >= 2; got != want {
				t.Errorf("%d of %d: watched %t, want %t", q, n, got, want)
			}
		}
	}
}

func members(set int) (n int) {
	for ; set > 0; set &= set - 1 {
		n++
	}
	return n
}
