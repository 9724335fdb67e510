package ledger

import (
	"crypto/sha256"
	"strings"
	"testing"
)

// TestLatePromise: a promise that came after its time is said to, as an answer
// is that it is no demand.
func TestLatePromise(t *testing.T) {
	w := whole().branch(t, "late")
	raw := w.promised("A-1", 0)
	p := must(w.public().chain.OpenPromise(raw))
	for by, late := range map[uint64]bool{p.Received: false, p.Received - 1: true} {
		sub := Submitted{"example.org/public", Hash(sha256.Sum256([]byte("A-1"))), by - AnswerWithin, by}
		st, err := w.site().Stand(Question{Papers: must(sub.Sign(w.promiseKey())), Promises: [][]byte{raw}, Authority: "police/one", Reference: "A-1"})
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(strings.Join(st.Lines(), "\n"), "caution: the answer came after its time"); st.Late != late || said != late || st.Complaint {
			t.Errorf("promised at %d, to be answered by %d: late %t, %q", p.Received, by, st.Late, st.Lines())
		}
	}
}
