package ledger

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// kept is the receipt of fact i of a demand, under the tree of its own tick.
func (w *world) kept(l *writtenLog, reference string, i int, parent bool) *Receipt {
	return l.under(w.facts[reference][i], w.at[reference][i], 0, parent)
}

// under is the receipt of a fact under a tree of the log; 0 is that of its tick.
func (l *writtenLog) under(f *Fact, index, size uint64, parent bool) *Receipt {
	l.w.t.Helper()
	p, place, err := l.chain.At(index)
	noError(err)
	if size == 0 {
		size = p.After(place.Tick)
	}
	r := &Receipt{Fact: *f, HasParent: parent, Header: p.Header, HeaderIndex: p.Start, Index: index}
	r.Proof = hashList(must(tlog.ProveRecord(int64(size), int64(index), l)))
	r.HeaderProof = hashList(must(tlog.ProveRecord(int64(size), int64(p.Start), l)))
	if !parent {
		r.Fact.ParentSalt = [32]byte{}
	}
	r.Checkpoint = l.signed(CheckpointText(p.Origin, size, Hash(must(tlog.TreeHash(int64(size), l)))), uint64(p.TickTime(max(place.Tick, 1)).Unix()))
	return r
}

func hashList(p tlog.RecordProof) []Hash {
	var list []Hash
	for _, h := range p {
		list = append(list, Hash(h))
	}
	return list
}

// papersOf is what the sender of a demand knows of it.
func papersOf(reference string) Papers {
	doc := Hash(sha256.Sum256([]byte(reference)))
	return Papers{Authority: "police/one", Reference: reference, Document: &doc}
}

func (w *world) site() *Site { return NewSite(w.fetch) }

// ask is what a holder of receipts asks of the directory.
func (w *world) ask(known Papers, receipts ...*Receipt) (*Answer, error) {
	var b []byte
	for _, r := range receipts {
		b = append(b, must(r.Marshal())...)
	}
	q := Inquiry{Receipts: b, Authority: known.Authority, Reference: known.Reference, Document: known.Document, Site: w.site()}
	if known.Account != "" {
		q.Accounts = []string{known.Account}
	}
	return q.Answer()
}

func TestReceiptsAreCounted(t *testing.T) {
	w := whole().branch(t, "receipts")
	for ref, facts := range w.facts {
		l := w.public()
		if strings.HasPrefix(ref, "F-") {
			l = w.logs[Restricted]
		}
		for i, f := range facts {
			a, err := w.ask(papersOf(ref), w.kept(l, ref, i, true))
			if err != nil {
				t.Errorf("%s, %s: %v", ref, f.Type, err)
				continue
			}
			if c := a.Receipts[0].Counted; c == nil || c.Row == nil || c.Report == "" {
				t.Errorf("%s, %s: it is in no report", ref, f.Type)
			}
		}
	}
}

// TestClash shows one leaf to two holders.
func TestClash(t *testing.T) {
	w := whole().branch(t, "clash")
	l := w.public()
	demand, account := w.kept(l, "A-1", 0, true), w.kept(l, "A-1", 1, false)
	_, err := w.ask(papersOf("A-2"), demand)
	refuses(t, err, "it is of another demand")
	bob := Papers{Account: "bob"}
	_, err = w.ask(bob, account) // which is alice's
	refuses(t, err, "no receipt here is of account bob")
	_, err = w.ask(papersOf("A-1"), demand, demand)
	refuses(t, err, "receipts 1 and 2 are of one entry", "it counts once")
	// a salt that makes it another's is not to be found: the same leaf, claimed for another
	claimed := w.kept(l, "A-1", 1, true)
	claimed.Fact.Subject = AccountSubject(claimed.Fact.SubjectSalt, claimed.Fact.Parent, "bob")
	_, err = w.ask(Papers{Account: "bob"}, claimed)
	refuses(t, err, "the leaf does not stand at entry")
}

// TestTwoDemandsOnOneAccount counts two.
func TestTwoDemandsOnOneAccount(t *testing.T) {
	w := whole().branch(t, "two")
	l := w.public()
	one, two := w.kept(l, "A-1", 1, true), w.kept(l, "B-1", 1, true)
	if one.Fact.Subject == two.Fact.Subject || one.Index == two.Index {
		t.Error("both demands have one leaf for the account")
	}
	a, err := w.ask(Papers{Account: "alice"}, one, two)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range a.Receipts {
		if s.Account != "alice" || s.Counted.Row == nil {
			t.Errorf("%v", s)
		}
	}
	// in one period
	d1 := must(NewDemand(Hash{1}, "us/search-warrant", w.rand))
	d2 := must(NewDemand(Hash{2}, "us/search-warrant", w.rand))
	p := l.chain[0]
	f1 := must(d1.Fact(p, TypeAccount, "alice", 0, 0, time.Unix(int64(begin), 0), w.rand))
	f2 := must(d2.Fact(p, TypeAccount, "alice", 0, 0, time.Unix(int64(begin), 0), w.rand))
	if f1.Subject == f2.Subject || f1.beta() == f2.beta() {
		t.Error("both leaves are one")
	}
}

// TestOralDemand: what stands for the document is the acknowledgement, with a
// number that its sender got.
func TestOralDemand(t *testing.T) {
	ack := func(number string) [32]byte {
		return sha256.Sum256([]byte("received by telephone from Inspector One, 2026-01-01 10:00 UTC, no. " + number))
	}
	one, two := DemandSubject("police/one", "", ack("4711")), DemandSubject("police/one", "", ack("4712"))
	if one == two {
		t.Error("two oral demands are one")
	}
	if DemandSubject("police/one", "", ack("4711")) != one {
		t.Error("its sender does not find it again")
	}
}

// A receiptCase is a good receipt of a demand with one thing changed.
type receiptCase struct {
	name, words string
	do          func(r *Receipt)
}

func receiptCases(w *world) []receiptCase {
	l := w.public()
	return []receiptCase{
		{"of a dummy", "it is a dummy's", func(r *Receipt) { r.Fact.Type, r.Fact.Values = dummyType, Values{} }},
		{"of an entry beside", "the leaf does not stand at entry", func(r *Receipt) { r.Index++ }},
		{"with another proof", "the leaf does not stand at entry", func(r *Receipt) { r.Proof[0][0] ^= 1 }},
		{"with a proof too short", "the leaf does not stand at entry", func(r *Receipt) { r.Proof = r.Proof[1:] }},
		{"with a proof too long", "the leaf does not stand at entry", func(r *Receipt) { r.Proof = append(r.Proof, Hash{}) }},
		{"behind the tree", "the leaf does not stand at entry", func(r *Receipt) { r.Index += 1 << 40 }},
		{"with a higher number", "holds", func(r *Receipt) { r.Fact.Values[0] = 2 }},
		{"with a number of another field", "holds", func(r *Receipt) { r.Fact.Values[1] = 1 }},
		{"without its number", "holds", func(r *Receipt) { r.Fact.Values[0] = 0 }},
		{"of another type", "holds", func(r *Receipt) { r.Fact.Type = "account" }},
		{"of bulk accounts alone", "bulk_accounts", func(r *Receipt) { r.Fact.Type, r.Fact.Values = bulkField, Values{7: 1} }},
		{"of no field", "has no field", func(r *Receipt) { r.Fact.Type = "order" }},
		{"of another sheet", "the leaf does not stand at entry", func(r *Receipt) { r.Fact.Sheet = "us/subpoena/ca" }},
		{"of no sheet", "has no sheet us/none", func(r *Receipt) { r.Fact.Sheet = "us/none" }},
		{"of a day before the period", "day 2025-12-31 is not in the period", func(r *Receipt) { r.Fact.Day = "2025-12-31" }},
		{"of a day after the period", "day 2026-01-03 is not in the period", func(r *Receipt) { r.Fact.Day = "2026-01-03" }},
		{"of another day", "the leaf does not stand at entry", func(r *Receipt) { r.Fact.Day = "2026-01-02" }},
		{"of another subject", "the leaf does not stand at entry", func(r *Receipt) { r.Fact.Subject[0] ^= 1 }},
		{"with another blinding", "the leaf does not stand at entry", func(r *Receipt) { r.Fact.R[0] ^= 1 }},
		{"under another header", "header 1 does not stand at entry 0", func(r *Receipt) { r.Header = l.chain[1].Header }},
		{"under another header of the log", "names another header or origin", func(r *Receipt) {
			o := r.Fact.Opening
			*r = *w.kept(l, "B-1", 0, true)
			r.Fact.Opening = o
		}},
		{"of another origin", "names another header or origin", func(r *Receipt) { r.Fact.Origin = "example.com/public" }},
		{"with the header elsewhere", "header 0 does not stand at entry 768", func(r *Receipt) { r.HeaderIndex = 768 }},
		{"with another header proof", "header 0 does not stand at entry 0", func(r *Receipt) { r.HeaderProof[0][0] ^= 1 }},
		{"under a later tree", "its checkpoint of 768 entries is not that of the leaf's tick", func(r *Receipt) { *r = *l.under(&r.Fact, r.Index, 768, true) }},
		{"under the tree of nobody", "the log did not sign it", func(r *Receipt) {
			r.Checkpoint = []byte(strings.Replace(string(r.Checkpoint), "— example.org", "— example.com", 1))
		}},
		{"without a quorum", "1 of the 2 witnesses", func(r *Receipt) {
			r.Checkpoint = r.Checkpoint[:strings.Index(string(r.Checkpoint), "— witness1")]
		}},
	}
}

func TestForgedReceipts(t *testing.T) {
	w := whole().branch(t, "forged receipts")
	for _, attack := range receiptCases(w) {
		t.Run(attack.name, func(t *testing.T) {
			r := w.kept(w.public(), "A-1", 0, true)
			if _, err := r.Check(0); err != nil {
				t.Fatal(err)
			}
			attack.do(r)
			_, err := r.Check(0)
			refuses(t, err, "receipt: ", attack.words)
		})
	}
}

// TestMisplacedReceipts checks leaves that open but do not stand where they count.
func TestMisplacedReceipts(t *testing.T) {
	w := whole().branch(t, "misplaced")
	l := w.public()
	p := l.chain[0]
	f := w.facts["A-1"][0]
	leaf := must(f.Leaf(p.Sheets[0]))
	for _, at := range []struct {
		name, words string
		index       uint64
	}{
		{"in a slot of another sheet", "belongs to sheet us/wiretap, not us/search-warrant", p.First(2, 0) + 200},
		{"as a trailer", "is a trailer, no leaf", p.First(2, 0) + Slots},
		{"behind the header", "is not one of period 0", 5},
		{"in another period", "is not one of period 0", l.chain[1].First(1, 0)},
	} {
		t.Run(at.name, func(t *testing.T) {
			w := w.branch(t, at.name)
			l := w.public()
			l.rewrite(in(int(at.index/BundleSize), func(e [][]byte) { e[at.index%BundleSize] = leaf[:] }), nil)
			size := (at.index/BundleSize + 1) * BundleSize
			r := l.under(f, at.index, max(size, 512), true)
			r.Header, r.HeaderIndex = p.Header, 0
			r.HeaderProof = hashList(must(tlog.ProveRecord(int64(max(size, 512)), 0, l)))
			_, err := r.Check(0)
			refuses(t, err, at.words)
		})
	}
}

// TestBackdating: the time of a receipt is that of a quorum.
func TestBackdating(t *testing.T) {
	w := whole().branch(t, "backdating")
	l := w.public()
	l.cosign = func(i int, at uint64) uint64 { return at + uint64(i)*100*day } // one witness is late, or lies
	r := w.kept(l, "A-1", 0, true)
	promise := must(l.chain[0].Promise(&r.Fact, begin))
	if _, err := r.Check(promise.Due + 100*day); err != nil {
		t.Error(err)
	}
	_, err := r.Check(promise.Due)
	refuses(t, err, "a quorum saw it at", "and it was due at")
	l.cosign = func(int, uint64) uint64 { return 0 }
	_, err = w.kept(l, "A-1", 0, true).Check(0)
	refuses(t, err, "has no time")
}

// TestSplitView: a receipt under a tree that is not the published one.
func TestSplitView(t *testing.T) {
	w := whole().branch(t, "split view")
	r := w.kept(w.public(), "A-1", 0, true)
	other := w.branch(t, "the other view")
	other.public().rewrite(in(firstTick, func(e [][]byte) { e[r.Index%BundleSize+1][40] ^= 1 }), nil)
	_, err := other.ask(papersOf("A-1"), r)
	refuses(t, err, "two views of one log, which is evidence")
	late := w.kept(w.public(), "B-1", 0, true)
	old := w.branch(t, "an old copy")
	old.public().rewrite(func(n int, e [][]byte) [][]byte {
		if n > secondTick {
			return nil
		}
		return e
	}, nil)
	_, err = old.ask(papersOf("B-1"), late)
	refuses(t, err, "the ledger was rolled back, of which the receipt is evidence")
}

// TestDecoy: a receipt for a sheet that no table of the published headers holds.
func TestDecoy(t *testing.T) {
	w := newWorld(t)
	h := w.header(Public, 1, Sheet{Name: "us/search-warrant", Fields: defaultFields}, Sheet{Name: "us/warrant", Fields: defaultFields})
	hidden := *h
	hidden.Tables = hidden.Tables[:1]
	refuses(t, hidden.Check(), "sheet us/warrant is in no table")
	if _, err := hidden.Marshal(); err == nil {
		t.Error("such a header can be written")
	}
	r := whole().branch(t, "decoy").kept(whole().public(), "A-1", 0, true)
	b, err := r.Marshal()
	noError(err)
	r.Header = &hidden
	if _, err := r.Marshal(); err == nil {
		t.Error("a receipt can name such a header")
	}
	if _, err := ParseReceipt(b); err != nil {
		t.Error(err)
	}
}
