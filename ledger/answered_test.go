package ledger

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

// TestStanding follows a submission from its receipt to its answer.
func TestStanding(t *testing.T) {
	w := whole().branch(t, "standing")
	document := Hash(sha256.Sum256([]byte("A-1")))
	sub := Submitted{"example.org/public", document, begin, begin + AnswerWithin}
	receipt := string(must(sub.Sign(w.promiseKey())))
	no := Declined{"example.org/public", document, begin, begin + 60, "It is a parking ticket."}
	answer := string(must(no.Sign(w.promiseKey())))
	late := no
	late.Declined = sub.AnswerBy + 1
	another := no
	another.Document[0] ^= 1
	other := Hash{1}
	for name, c := range map[string]struct {
		q     Question
		words string // of the lines; or after ! of the error
	}{
		"in time":              {Question{Papers: []byte(receipt), Now: sub.AnswerBy}, "no answer was given here: ask again"},
		"too late":             {Question{Papers: []byte(receipt), Document: &document, Now: sub.AnswerBy + 1}, "It is no proof"},
		"declined":             {Question{Papers: []byte(receipt + answer), Now: sub.AnswerBy + 1}, "it is no demand, because It is a parking ticket."},
		"the answer first":     {Question{Papers: []byte(answer + receipt), Now: sub.AnswerBy + 1}, "it is no demand, because It is a parking ticket."},
		"the answer alone":     {Question{Papers: []byte(answer), Document: &document}, "it is no demand, because It is a parking ticket."},
		"declined late":        {Question{Papers: must(late.Sign(w.promiseKey()))}, "the answer came after its time"},
		"promised":             {Question{Papers: []byte(receipt), Promises: [][]byte{w.promised("A-1", 0)}, Authority: "police/one", Reference: "A-1", Now: sub.AnswerBy + 1}, "answered with a promise, due on"},
		"promised another":     {Question{Papers: []byte(receipt), Promises: [][]byte{w.promised("A-2", 0)}, Authority: "police/one", Reference: "A-1"}, "!it is of another demand"},
		"promised to nobody":   {Question{Papers: []byte(receipt), Promises: [][]byte{w.promised("A-1", 0)}}, "!give both"},
		"another document":     {Question{Papers: []byte(receipt), Document: &other}, "!it is of another document"},
		"another answer":       {Question{Papers: append([]byte(receipt), must(another.Sign(w.promiseKey()))...)}, "!the answer is of another submission"},
		"two receipts":         {Question{Papers: []byte(receipt + receipt)}, "!of another submission"},
		"three papers":         {Question{Papers: []byte(receipt + answer + answer)}, "!papers of several submissions"},
		"signed by another":    {Question{Papers: must(sub.Sign(noteSigner(t, "example.org/promise", w.key())))}, "!no key that the header names"},
		"of no time":           {Question{Papers: []byte(strings.Replace(receipt, "received", "recieved", 1))}, "!received"},
		"of an unknown ledger": {Question{Papers: []byte(strings.Replace(receipt, "example.org/public\ndoc", "example.com/public\ndoc", 1))}, "!which is not published here"},
	} {
		st, err := w.site().Stand(c.q)
		if words, bad := strings.CutPrefix(c.words, "!"); bad {
			refuses(t, err, words)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		lines := strings.Join(st.Lines(), "\n")
		if !strings.Contains(lines, c.words) || strings.Contains(lines, "unchecked: the document") == (c.q.Document != nil) || st.Complaint != (name == "too late") {
			t.Errorf("%s: %q, want %q", name, lines, c.words)
		}
	}
	st, err := StandAlone(w.public().chain[0].Header, Question{Papers: []byte(receipt)})
	if err != nil || !strings.Contains(strings.Join(st.Lines(), "\n"), "that the header is the ledger's") {
		t.Errorf("under one header: %v", err)
	}
}

// TestRetiredKey: a key that a later header does not name signs nothing in that
// one's period.
func TestRetiredKey(t *testing.T) {
	w := newWorld(t)
	h := w.header(Public, 2, Sheet{Name: "us/search-warrant", Fields: defaultFields})
	next := must(h.Continue(h.To + 2*day))
	next.Keys.Promise = []string{PublicKey("example.org/promise", public(w.key()))}
	c := must(newChain([]*Header{h, next}))
	for received, want := range map[uint64]string{h.From - day: "", h.From: "", h.To - 1: "", h.To: "no key that the header names", next.To: "no key that the header names"} {
		b := must(Submitted{h.Origin, Hash{1}, received, received + AnswerWithin}.Sign(w.promiseKey()))
		_, err := c.Stand(Question{Papers: b})
		if want == "" && err != nil {
			t.Errorf("at %d: %v", received, err)
		}
		if want != "" {
			refuses(t, err, want)
		}
	}
}

// TestUnwatchedPromise: where nobody watches, a tick that is published before
// its time breaks no promise before that is due, and what is said of a leaf that
// is there is the same whenever the reader looks.
func TestUnwatchedPromise(t *testing.T) {
	w := newWorld(t)
	h := w.header(Public, 2, Sheet{Name: "us/search-warrant", Fields: defaultFields})
	h.Witnesses = Witnesses{}
	l := w.public()
	l.witnesses = nil
	l.add(h)
	facts := l.demand("us/search-warrant", "A-1", "", "alice")
	l.next()
	at := l.next(facts...) // of two and a half days after the beginning
	promise := func(f *Fact, received uint64) (b []byte, due uint64) {
		p := must(l.chain[0].Promise(f, received))
		return must(p.Sign(w.promiseKey())), p.Due
	}
	early, inTime := begin-6*day, begin-5*day
	d := must(NewDemand(Hash{7}, "us/search-warrant", w.rand))
	never, due := promise(must(d.Fact(l.chain[0], TypeDemand, "", 0, 0, time.Unix(int64(begin), 0), w.rand)), early)
	if due >= begin+2*day+day/2 {
		t.Fatal("the promise is due behind the tick")
	}
	if kept, err := w.site().Keep(never, due); err != nil || kept[0].Found {
		t.Errorf("before it is due: %v", err)
	}
	_, err := w.site().Keep(never, due+1)
	refuses(t, err, "it is not in the ledger")
	there, due := promise(facts[0], inTime)
	late, lateDue := promise(facts[0], early)
	for _, now := range []uint64{0, lateDue - day, lateDue, due, due + 1, due + 400*day} {
		if kept, err := w.site().Keep(there, now); err != nil || !kept[0].Found {
			t.Errorf("its leaf is of a tick in time, read at %d: %v", now, err)
		}
		_, err := w.site().Keep(late, now)
		refuses(t, err, "its leaf was due on")
	}
	r := l.under(facts[0], at[0], 0, true)
	if _, err := r.Check(due); err != nil {
		t.Error(err)
	}
	_, err = r.Check(lateDue)
	refuses(t, err, "it was due at")
}
