package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

func (w *world) promiseKey() Signer { return noteSigner(w.t, "example.org/promise", w.promise) }

// promised is the promise of fact i of a demand, which came at the beginning of
// its period.
func (w *world) promised(reference string, i int) []byte {
	f := w.facts[reference][i]
	for _, p := range w.public().chain {
		if p.Hash == f.Header {
			return must(must(p.Promise(f, p.From)).Sign(w.promiseKey()))
		}
	}
	w.t.Fatal("no such header")
	return nil
}

func TestPromiseKept(t *testing.T) {
	w := whole().branch(t, "promises")
	for _, ref := range []string{"A-1", "A-2", "B-1", "S-12", "W-1"} {
		for i, f := range w.facts[ref] {
			b := w.promised(ref, i)
			kept, err := w.site().Keep(b, begin+100*day)
			if err != nil {
				t.Errorf("%s, %s: %v", ref, f.Type, err)
				continue
			}
			if !kept[0].Found || kept[0].Index != w.at[ref][i] || kept[0].Promise.Fact != *f {
				t.Errorf("%s, %s: %+v", ref, f.Type, kept[0])
			}
			q := Inquiry{Receipts: must(w.kept(w.public(), ref, i, true).Marshal()), Promises: [][]byte{b}}
			if a, err := q.Answer(); err != nil || a.Receipts[0].Due != kept[0].Due {
				t.Errorf("%s, %s: with its receipt: %v", ref, f.Type, err)
			}
		}
	}
}

// TestPromiseBroken: a promise whose leaf never appears is evidence, and one
// whose leaf comes late.
func TestPromiseBroken(t *testing.T) {
	w := whole().branch(t, "broken")
	p := w.public().chain[0]
	d := must(NewDemand(Hash{7}, "us/search-warrant", w.rand))
	f := must(d.Fact(p, TypeDemand, "", 0, 0, time.Unix(int64(begin), 0), w.rand))
	never := must(must(p.Promise(f, begin)).Sign(w.promiseKey()))
	due := begin + p.Due
	var broken *BrokenPromise
	_, err := w.site().Keep(never, due+1)
	if !errors.As(err, &broken) || broken.Found || broken.Due != due {
		t.Errorf("%v", err)
	}
	refuses(t, err, "the promise was due on", "without its leaf", "the promise was not kept")
	if kept, err := w.site().Keep(never, due); err != nil || kept[0].Found {
		t.Errorf("before its time: %v", err)
	}
	// the log went on until after the day, and whoever asks need not believe a clock
	long := w.branch(t, "goes on")
	long.public().rewrite(nil, func(size int, at uint64) uint64 {
		if size == 8*BundleSize {
			return due + 1
		}
		return at
	})
	_, err = long.site().Keep(never, 0)
	refuses(t, err, "the promise was not kept", "it is not in the ledger, which is public up to", "evidence")
	// late
	late := w.branch(t, "late")
	late.public().rewrite(nil, func(size int, at uint64) uint64 {
		if size == 2*BundleSize {
			return due + 1
		}
		return at
	})
	_, err = late.site().Keep(w.promised("A-1", 0), 0)
	if !errors.As(err, &broken) || !broken.Found || broken.Seen != due+1 {
		t.Errorf("%v", err)
	}
	refuses(t, err, "its leaf was due on", "was seen on")
	// in a slot where it does not count
	astray := w.branch(t, "astray")
	leaf := must(f.Leaf(p.Sheets[0]))
	astray.public().rewrite(in(secondTick, func(e [][]byte) { e[200] = leaf[:] }), nil)
	_, err = astray.site().Keep(never, 0)
	refuses(t, err, "the promised leaf stands where it does not count", "belongs to sheet us/wiretap")
	// of a receipt that is another's
	q := Inquiry{Receipts: must(w.kept(w.public(), "A-2", 0, true).Marshal()), Promises: [][]byte{w.promised("A-1", 0)}}
	_, err = q.Answer()
	refuses(t, err, "no receipt here keeps it")
}

// A promiseCase is a promise that must be refused.
type promiseCase struct {
	name, words string
	note        []byte
}

// promiseCases: an authority cannot make a promise, nor a provider a loose one.
func promiseCases(w *world) []promiseCase {
	p := w.public().chain[0]
	good := must(p.Promise(w.facts["A-1"][0], begin))
	signed := func(p Promise) []byte { return must(p.Sign(w.promiseKey())) }
	edited := func(old, with string) []byte {
		text, _, _ := strings.Cut(string(signed(good)), "\n\n")
		return must(sign(strings.Replace(text+"\n", old, with, 1), w.promiseKey()))
	}
	changed := func(change func(p *Promise)) []byte {
		p := good
		change(&p)
		return signed(p)
	}
	return []promiseCase{
		{"signed by the authority", "no key that the header names signed it", must(good.Sign(noteSigner(w.t, "example.org/promise", w.key())))},
		{"signed by the log", "no key that the header names signed it", must(good.Sign(noteSigner(w.t, "example.org/public", w.public().key)))},
		{"of another leaf", "the leaf is not that of the opening", changed(func(p *Promise) { p.Leaf[40] ^= 1 })},
		{"of another header", "the ledger has no header", changed(func(p *Promise) { p.Fact.Header[0] ^= 1 })},
		{"of another origin", "names another header or origin", changed(func(p *Promise) { p.Fact.Origin = "example.com/public" })},
		{"of another sheet", "the leaf is not that of the opening", changed(func(p *Promise) { p.Fact.Sheet = "us/wiretap" })},
		{"of a dummy", "it is a dummy's", changed(func(p *Promise) { p.Fact.Type = dummyType })},
		{"of a day outside", "is not in the period", changed(func(p *Promise) { p.Fact.Day = "2027-01-01" })},
		{"due later", "is not 691200 s after", changed(func(p *Promise) { p.Due++ })},
		{"due at once", "is not 691200 s after", changed(func(p *Promise) { p.Due = p.Received })},
		{"with a line more", "line \"due\" is missing", edited("due ", "note none\ndue ")},
		{"with a line at the end", "is left over", edited("\ndue 1767916800\n", "\ndue 1767916800\nnote none\n")},
		{"with a part more", "more was signed than a promise's lines", edited("\ndue 1767916800\n", "\ndue 1767916800\n\nnote none\n")},
		{"without a line", "line \"received\" is missing", edited("received 1767225600\n", "")},
		{"of another kind", "does not begin with", edited("vitrine/promise/v1", "vitrine/submission/v1")},
		{"with a salt too many", "a salt has the wrong length", edited("received", "subject-salt "+base64.StdEncoding.EncodeToString(make([]byte, 32))+"\nreceived")},
		{"with a short salt", "a salt has the wrong length", edited("received", "subject-salt AAAA\nreceived")},
		{"with a time that is not canonical", "time", edited("received 1767", "received 01767")},
		{"with loose base64", "leaf", edited("leaf ", "leaf =")},
	}
}

func TestForgedPromises(t *testing.T) {
	w := whole().branch(t, "forged promises")
	for _, attack := range promiseCases(w) {
		t.Run(attack.name, func(t *testing.T) {
			_, err := w.public().chain.OpenPromise(attack.note)
			refuses(t, err, "promise: ", attack.words)
		})
	}
	for i := range 2 {
		b := w.promised("A-1", i)
		got, err := w.public().chain.OpenPromise(b)
		if err != nil || string(must(got.Sign(w.promiseKey()))) != string(b) {
			t.Errorf("a good promise: %v", err)
		}
	}
}

func TestSubmitted(t *testing.T) {
	w := whole().branch(t, "submitted")
	h := w.public().chain[0].Header
	good := Submitted{Origin: h.Origin, Document: sha256.Sum256([]byte("what came")), Received: begin, AnswerBy: begin + AnswerWithin}
	b := must(good.Sign(w.promiseKey()))
	if got, err := h.OpenSubmitted(b); err != nil || got != good {
		t.Errorf("%v, %v", got, err)
	}
	later, other := good, good
	later.AnswerBy++
	other.Origin = "example.com/public"
	for name, b := range map[string][]byte{
		"no key that the header names": must(good.Sign(noteSigner(t, "example.org/report", w.report))),
		"to be answered by 1767484801": must(later.Sign(w.promiseKey())),
		"it is of example.com/public":  must(other.Sign(w.promiseKey())),
		"is left over":                 must(sign("vitrine/submission/v1\norigin a\ndocument b\nreceived 1\nanswer-by 1\nmore x\n", w.promiseKey())),
		"line \"document\" is missing": must(sign("vitrine/submission/v1\norigin a\nreceived 1\nanswer-by 1\n", w.promiseKey())),
		"hexadecimal digits":           must(sign("vitrine/submission/v1\norigin a\ndocument "+strings.Repeat("AB", 32)+"\nreceived 1\nanswer-by 1\n", w.promiseKey())),
	} {
		_, err := h.OpenSubmitted(b)
		refuses(t, err, name)
	}
}

// A declinedCase is an answer that must be refused.
type declinedCase struct {
	name, words string
	note        []byte
}

func goodDeclined() Declined {
	return Declined{Origin: "example.org/public", Document: sha256.Sum256([]byte("what came")), Received: begin, Declined: begin + 3600, Because: "It asks for the data of another provider; « Bürgeramt » n’est pas chez nous."}
}

func declinedCases(w *world) []declinedCase {
	good := must(goodDeclined().Sign(w.promiseKey()))
	edited := func(old, with string) []byte {
		text, _ := textOf(good)
		if !strings.Contains(text, old) {
			w.t.Fatalf("%q has no %q", text, old)
		}
		return must(sign(strings.Replace(text, old, with, 1), w.promiseKey()))
	}
	because := func(reason string) []byte { return edited(goodDeclined().Because, reason) }
	return []declinedCase{
		{"signed by another", "no key that the header names signed it", must(goodDeclined().Sign(noteSigner(w.t, "example.org/promise", w.key())))},
		{"signed by the report", "no key that the header names signed it", must(goodDeclined().Sign(noteSigner(w.t, "example.org/report", w.report)))},
		{"of another origin", "it is of example.com/public", edited("example.org/public", "example.com/public")},
		{"of another kind", "does not begin with", edited(declinedHead, submissionHead)},
		{"before it came", "want a time from then on", edited("declined 1767229200", "declined 1767225599")},
		{"of the far future", "out of range", edited("declined 1767229200", "declined 1099511627776")},
		{"with a time that is not canonical", "is not canonical", edited("received 1767225600", "received 01767225600")},
		{"with a digest in capitals", "hexadecimal digits", edited("document "+goodDeclined().Document.String(), "document "+strings.Repeat("AB", 32))},
		{"without a reason", `line "because" is missing`, edited("because "+goodDeclined().Because+"\n", "")},
		{"with an empty reason", `line "because" is missing`, because("")},
		{"with a reason of spaces", "of one printable line", because(" ")},
		{"with space behind the reason", "of one printable line", because("It is no order. ")},
		{"with a reason of two lines", "is left over", because("It is\nno order.")},
		{"with a reason of 1001 bytes", "1001 bytes", because(strings.Repeat("a", 1001))},
		{"with a reason that turns round", "of one printable line", because("It is \u202eredro on")},
		{"with a reason of two lines to the eye", "of one printable line", because("It is\u2028no order.")},
		{"with a reason that shows nothing", "with a letter or a digit", because("\u00a0\u200b\u2060\u00ad…")},
		{"with a reason that moves the cursor", "of one printable line", because("It is \u009b2Jno order.")},
	}
}

func TestDeclined(t *testing.T) {
	w := whole().branch(t, "declined")
	h := w.public().chain[0].Header
	for _, because := range []string{goodDeclined().Because, strings.Repeat("ß", 500), "№ 7", "管轄外。", "3 §"} {
		good := goodDeclined()
		good.Because = because
		if got, err := h.OpenDeclined(must(good.Sign(w.promiseKey()))); err != nil || got != good {
			t.Errorf("%v, %v", got, err)
		}
	}
	for _, c := range declinedCases(w) {
		_, err := h.OpenDeclined(c.note)
		refuses(t, err, "answer: ", c.words)
	}
	for _, because := range []string{"", " a", "a\nb", "\xff", strings.Repeat("ß", 501)} {
		bad := goodDeclined()
		bad.Because = because
		if _, err := bad.Sign(w.promiseKey()); err == nil {
			t.Errorf("an answer is signed with the reason %q", because)
		}
	}
}

// TestLateFact: a fact that comes too late for its own period counts in the open
// one, and has its first day.
func TestLateFact(t *testing.T) {
	w := whole().branch(t, "late fact")
	p := w.public().chain[1]
	d := must(NewDemand(Hash{9}, "us/search-warrant", w.rand))
	for _, c := range []struct {
		at   uint64
		want string
	}{{p.From - 1, "2026-01-03"}, {0, "2026-01-03"}, {p.From, "2026-01-03"}, {p.To - 1, "2026-01-04"}, {p.To, "2026-01-03"}} {
		f, err := d.Fact(p, TypeDemand, "", 0, 0, time.Unix(int64(c.at), 0), w.rand)
		if err != nil || f.Day != c.want {
			t.Errorf("a fact of %d has the day %s, %v", c.at, f.Day, err)
		}
		if _, err := p.agrees(&f.Opening); err != nil {
			t.Error(err)
		}
	}
	f := must(d.Fact(w.public().chain[0], TypeDemand, "", 0, 0, time.Unix(int64(begin), 0), w.rand))
	_, err := p.Tick(1, Hash{}, []*Fact{f}, Sums{}, w.rand)
	refuses(t, err, "was made for another header")
}

// TestUnchecked: what a holder does not give is said.
func TestUnchecked(t *testing.T) {
	w := whole().branch(t, "unchecked")
	l := w.public()
	for _, c := range []struct {
		ref    string
		i      int
		parent bool
		known  Papers
		want   []string
	}{
		{"A-1", 0, true, papersOf("A-1"), nil},
		{"A-1", 0, true, Papers{}, []string{"authority, reference and document"}},
		{"A-1", 1, true, papersOf("A-1"), []string{"the account"}},
		{"A-1", 1, false, Papers{Account: "alice"}, []string{"which demand it belongs to"}},
		{"A-1", 1, false, Papers{}, []string{"which demand it belongs to", "the account"}},
		{"A-1", 3, true, papersOf("A-1"), nil},
	} {
		r := w.kept(l, c.ref, c.i, c.parent)
		got, err := r.Fact.Is(c.known)
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s, fact %d: unchecked %q, %v", c.ref, c.i, got, err)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], c.want[i]) {
				t.Errorf("%s, fact %d: unchecked %q, want %q", c.ref, c.i, got[i], c.want[i])
			}
		}
	}
	for _, half := range []Papers{{Authority: "police/one"}, {Reference: "A-1"}, {Document: papersOf("A-1").Document}, {Authority: "police/one", Reference: "A-1"}} {
		_, err := w.kept(l, "A-1", 0, true).Fact.Is(half)
		refuses(t, err, "give all three, or none")
	}
	f := w.kept(l, "A-1", 3, true).Fact
	f.Subject = OutcomeSubject(f.SubjectSalt, f.Parent, "rejected", 0)
	_, err := f.Is(papersOf("A-1"))
	refuses(t, err, "its subject is no outcome of its demand")
}
