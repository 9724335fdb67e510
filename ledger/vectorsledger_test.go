package ledger

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

const ledgerVectors = "../spec/vectors/ledger"

// A paperVector is one document, or what stands for it, and what a verifier says
// of it. Which fields there are depends on the directory.
type paperVector struct {
	Class     string         `json:"class"`
	Expect    string         `json:"expect"`              // accepted or refused
	Text      string         `json:"text,omitempty"`      // the document
	Headers   []string       `json:"headers,omitempty"`   // those that it is read under, from number 0 on
	Hash      Hash           `json:"hash,omitzero"`       // of a header
	Opening   Bytes          `json:"opening,omitempty"`   // E
	Leaf      Bytes          `json:"leaf,omitempty"`      //
	Commits   Bytes          `json:"commits,omitempty"`   // the packed value, a scalar
	Papers    *paperKnown    `json:"papers,omitempty"`    //
	Salts     []Hash         `json:"salts,omitempty"`     // parent salt, subject salt
	Index     uint64         `json:"index,omitempty"`     //
	Size      uint64         `json:"size,omitempty"`      // of a checkpoint
	Root      Hash           `json:"root,omitzero"`       //
	Time      uint64         `json:"time,omitempty"`      //
	Due       uint64         `json:"due,omitempty"`       //
	Unchecked int            `json:"unchecked,omitempty"` // how many things were not given
	Table     string         `json:"table,omitempty"`     // of a receipt that is counted in ../../report/good
	Proof     Bytes          `json:"proof,omitempty"`     //
	Beside    []string       `json:"beside,omitempty"`    // lists
	Totals    map[string]int `json:"totals,omitempty"`    // by field
	Bundle    *bundleVector  `json:"bundle,omitempty"`    //
	Sample    *sampleVector  `json:"sample,omitempty"`    //
	Says      string         `json:"says,omitempty"`      // one implementation's words
}

type paperKnown struct {
	Account   string `json:"account,omitempty"`
	Authority string `json:"authority,omitempty"`
	Document  *Hash  `json:"document,omitempty"`
	Reference string `json:"reference,omitempty"`
}

func (k *paperKnown) papers() Papers {
	if k == nil {
		return Papers{}
	}
	return Papers{Authority: k.Authority, Reference: k.Reference, Document: k.Document, Account: k.Account}
}

// A sampleVector is what randomness draws from a list.
type sampleVector struct {
	Order      []int `json:"order"` // places on the list, from 0
	Randomness Bytes `json:"randomness"`
	Root       Hash  `json:"root"`
	Want       int   `json:"want"`
}

// A bundleVector is an entry bundle at a place, with what stood before it.
type bundleVector struct {
	Before  Bytes      `json:"before"` // the P of each of its sheets
	Entries fileChange `json:"entries"`
	Notes   Hash       `json:"notes"`
	Number  int        `json:"number"`
	Period  int        `json:"period"`
	Tick    uint64     `json:"tick"`
}

// verdicts say what is wrong with a vector of a directory; they fill in what a
// reader learns from a good one.
var verdicts = map[string]func(v *paperVector) error{
	"header": func(v *paperVector) error {
		h, err := ParseHeader([]byte(v.Text))
		if err != nil {
			return err
		}
		chain, err := v.chain()
		if err != nil {
			return err
		}
		if _, err := chain.With(h); err != nil {
			return err
		}
		v.Hash = h.Hash()
		return nil
	},
	"leaf": func(v *paperVector) error {
		chain, err := v.chain()
		if err != nil {
			return err
		}
		o, err := ParseOpening(v.Opening)
		if err != nil {
			return err
		}
		s, err := chain[0].agrees(o)
		if err != nil {
			return err
		}
		leaf, err := o.Leaf(s)
		if err != nil {
			return err
		}
		if v.Leaf != nil && !bytes.Equal(leaf[:], v.Leaf) {
			return errLeaf
		}
		v.Leaf, v.Commits = leaf[:], s.pack(o.Values).Bytes()
		f := &Fact{Opening: *o}
		f.ParentSalt = v.Salts[0]
		if len(v.Salts) > 1 {
			f.SubjectSalt = v.Salts[1]
		}
		unchecked, err := f.Is(v.Papers.papers())
		v.Unchecked = len(unchecked)
		return err
	},
	"note": func(v *paperVector) error {
		chain, err := v.chain()
		if err != nil {
			return err
		}
		cp, err := chain[0].OpenCheckpoint([]byte(v.Text))
		if err != nil {
			return err
		}
		v.Size, v.Root = cp.Size, cp.Root
		v.Time, _ = cp.Time()
		return nil
	},
	"receipt": func(v *paperVector) error {
		r, err := ParseReceipt([]byte(v.Text))
		if err != nil {
			return err
		}
		if _, err := r.Check(v.Due); err != nil {
			return err
		}
		unchecked, err := r.Fact.Is(v.Papers.papers())
		if err != nil {
			return err
		}
		v.Index, v.Unchecked = r.Index, len(unchecked)
		if v.Table == "" {
			return nil
		}
		counted, err := NewSite(directory(filepath.Join(reportVectors, "good"))).Count(r)
		if err == nil {
			v.Table = counted.Table
		}
		return err
	},
	"promise": func(v *paperVector) error {
		chain, err := v.chain()
		if err != nil {
			return err
		}
		if strings.HasPrefix(v.Text, declinedHead+"\n") {
			_, err := chain[0].OpenDeclined([]byte(v.Text))
			return err
		}
		if strings.HasPrefix(v.Text, submissionHead+"\n") {
			s, err := chain[0].OpenSubmitted([]byte(v.Text))
			v.Due = s.AnswerBy
			return err
		}
		p, err := chain.OpenPromise([]byte(v.Text))
		if err != nil {
			return err
		}
		unchecked, err := p.Fact.Is(v.Papers.papers())
		v.Due, v.Unchecked = p.Due, len(unchecked)
		return err
	},
	"tally": func(v *paperVector) error {
		verdict, err := auditedGood()
		if err != nil {
			return err
		}
		var beside [][]byte
		for _, b := range v.Beside {
			beside = append(beside, []byte(b))
		}
		t, err := verdict.Tally([]byte(v.Text), v.Proof, beside)
		if err != nil {
			return err
		}
		if v.Sample != nil {
			drawn := *v.Sample
			drawn.Order = Sample([]byte(v.Text), drawn.Root, drawn.Randomness, t.Leaves, drawn.Want)
			v.Sample = &drawn
		}
		v.Totals = map[string]int{}
		for name, n := range t.Totals {
			v.Totals[name] = int(n)
		}
		return nil
	},
	"bundle": func(v *paperVector) error {
		chain, err := v.chain()
		if err != nil {
			return err
		}
		raw, err := v.Bundle.Entries.apply(readGood())
		if err != nil {
			panic(err)
		}
		entries, err := splitEntries(raw)
		if err != nil {
			return err
		}
		b, err := chain[v.Bundle.Period].readBundle(v.Bundle.Tick, v.Bundle.Number, entries, v.Bundle.Before)
		if err != nil {
			return err
		}
		if b.notes != v.Bundle.Notes {
			return errNotes
		}
		batch := newBatch(seeded("batch"))
		if err := batch.add(b.transcript(), b.statement(), b.proof); err != nil {
			return err
		}
		_, err = batch.verify()
		return err
	},
}

func (v *paperVector) chain() (Chain, error) {
	var list []*Header
	for _, text := range v.Headers {
		h, err := ParseHeader([]byte(text))
		if err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return newChain(list)
}

// TestLedgerVectors checks each vector, and what a reader learns from good ones.
func TestLedgerVectors(t *testing.T) {
	if *updateVectors {
		writeLedgerVectors(t)
	}
	for kind, verdict := range verdicts {
		files, err := filepath.Glob(filepath.Join(ledgerVectors, kind, "*.json"))
		if err != nil || len(files) < 5 {
			t.Errorf("%s: %d vectors", kind, len(files))
		}
		accepted := 0
		for _, file := range files {
			var v paperVector
			readJSON(t, file, &v)
			got := v
			err := verdict(&got)
			switch {
			case v.Expect == "refused" && err == nil:
				t.Errorf("%s is accepted", file)
			case v.Expect == "accepted" && err != nil:
				t.Errorf("%s: %v", file, err)
			case v.Expect == "accepted" && !reflect.DeepEqual(got, v):
				t.Errorf("%s: a reader learns %+v", file, got)
			case v.Expect != "accepted" && v.Expect != "refused":
				t.Errorf("%s: expect %q", file, v.Expect)
			}
			if v.Expect == "accepted" {
				accepted++
			}
		}
		if accepted == 0 {
			t.Errorf("%s: no vector is accepted", kind)
		}
	}
}

func writeLedgerVectors(t *testing.T) {
	for kind, list := range map[string]func(*testing.T) map[string]paperVector{
		"header": headerVectors, "leaf": leafVectors, "note": noteVectors, "receipt": receiptVectors, "promise": promiseVectors, "tally": tallyVectors, "bundle": bundleVectors,
	} {
		old, _ := filepath.Glob(filepath.Join(ledgerVectors, kind, "*.json"))
		for _, path := range old {
			noError(os.Remove(path))
		}
		for name, v := range list(t) {
			v.Expect = "accepted"
			if err := verdicts[kind](&v); err != nil {
				v.Expect, v.Says = "refused", err.Error()
			}
			if (v.Class == "none") != (v.Expect == "accepted") {
				t.Errorf("%s/%s: class %s, %s: %s", kind, name, v.Class, v.Expect, v.Says)
			}
			writeJSON(t, filepath.Join(ledgerVectors, kind, name+".json"), v)
		}
	}
}

func headerText(h *Header) string { return string(must(marshal(h))) }

// headersOf are the headers of a log of the good directory.
func headersOf(w *world, class Class, upTo int) []string {
	var list []string
	for _, p := range w.logs[class].chain[:upTo] {
		list = append(list, headerText(p.Header))
	}
	return list
}

func headerVectors(t *testing.T) map[string]paperVector {
	w := whole().branch(t, "header vectors")
	list := map[string]paperVector{}
	for i, p := range w.public().chain {
		list["accepted-public-"+string(rune('0'+i))] = paperVector{Class: "none", Text: headerText(p.Header), Headers: headersOf(w, Public, i)}
	}
	for i, p := range w.logs[Restricted].chain {
		list["accepted-restricted-"+string(rune('0'+i))] = paperVector{Class: "none", Text: headerText(p.Header), Headers: headersOf(w, Restricted, i)}
	}
	for name, change := range longest {
		h := bytesOf(*w.public().chain[0].Header)
		change(h)
		list["accepted-"+name] = paperVector{Class: "none", Text: headerText(h)}
	}
	for _, c := range headerCases() {
		v := paperVector{Class: c.class, Headers: headersOf(w, c.ledger, c.number)}
		h := bytesOf(*w.logs[c.ledger].chain[c.number].Header)
		if c.change != nil {
			c.change(h)
		}
		v.Text = headerText(h)
		if c.text != nil {
			v.Text = c.text(v.Text)
		}
		list[c.name] = v
	}
	return list
}

func leafVectors(t *testing.T) map[string]paperVector {
	w := whole().branch(t, "leaf vectors")
	headers := headersOf(w, Public, 1)
	known := func(reference, account string) *paperKnown {
		p := papersOf(reference)
		return &paperKnown{Authority: p.Authority, Reference: p.Reference, Document: p.Document, Account: account}
	}
	of := func(reference string, i int, account string) paperVector {
		f := w.facts[reference][i]
		v := paperVector{Class: "none", Headers: headers, Opening: f.Opening.Marshal(), Salts: []Hash{f.ParentSalt}, Papers: known(reference, account)}
		if f.Type != TypeDemand {
			v.Salts = append(v.Salts, f.SubjectSalt)
		}
		return v
	}
	bulk := *w.facts["A-2"][0]
	bulk.Values[7] = 40000
	withBulk := of("A-2", 0, "")
	withBulk.Opening = bulk.Opening.Marshal()
	list := map[string]paperVector{
		"accepted-demand": of("A-1", 0, ""), "accepted-account": of("A-1", 1, "alice"), "accepted-outcome": of("A-1", 3, ""), "accepted-bulk": withBulk,
		"accepted-small-sheet": of("S-12", 1, "carol"), "accepted-second-field": of("W-1", 1, "erin"),
	}
	bad := func(name, class string, change func(o *Opening)) {
		v := of("A-1", 0, "")
		v.Leaf = must2(must(ParseOpening(v.Opening)).Leaf(w.public().chain[0].Sheets[0]))
		o := must(ParseOpening(v.Opening))
		change(o)
		v.Class, v.Opening = class, o.Marshal()
		list[name] = v
	}
	bad("blinding-other", "leaf", func(o *Opening) { o.R[0] ^= 1 })
	bad("salt-other", "leaf", func(o *Opening) { o.Salt[0] ^= 1 })
	bad("subject-other", "leaf", func(o *Opening) { o.Subject[0] ^= 1 })
	bad("day-other", "leaf", func(o *Opening) { o.Day = "2026-01-02" })
	bad("blinding-not-canonical", "form", func(o *Opening) { copy(o.R[:], bytes.Repeat([]byte{0xff}, 32)) })
	bad("blinding-is-the-order", "form", func(o *Opening) {
		copy(o.R[:], must(hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")))
	})
	bad("day-malformed", "form", func(o *Opening) { o.Day = "2026-1-02" })
	bad("day-none", "form", func(o *Opening) { o.Day = "2026-02-30" })
	bad("day-before", "header", func(o *Opening) { o.Day = "2025-12-31" })
	bad("day-after", "header", func(o *Opening) { o.Day = "2026-01-03" })
	bad("header-other", "header", func(o *Opening) { o.Header[0] ^= 1 })
	bad("origin-other", "header", func(o *Opening) { o.Origin = "example.com/public" })
	bad("sheet-none", "header", func(o *Opening) { o.Sheet = "us/none" })
	bad("type-none", "value", func(o *Opening) { o.Type = "order" })
	bad("type-dummy", "value", func(o *Opening) { o.Type, o.Values = "dummy", Values{} })
	bad("type-bulk", "value", func(o *Opening) { o.Type, o.Values = bulkField, Values{7: 1} })
	bad("value-zero", "value", func(o *Opening) { o.Values[0] = 0 })
	bad("value-two", "value", func(o *Opening) { o.Values[0] = 2 })
	bad("value-in-another-field", "value", func(o *Opening) { o.Values[1] = 1 })
	bad("value-over-its-width", "value", func(o *Opening) { o.Values[7] = 1 << 16 })
	raw := func(name string, change func(b []byte) []byte) {
		v := of("A-1", 0, "")
		v.Class, v.Opening = "form", change(v.Opening)
		list[name] = v
	}
	raw("byte-left-over", func(b []byte) []byte { return append(b, 0) })
	raw("cut-off", func(b []byte) []byte { return b[:len(b)-1] })
	raw("part-too-long", func(b []byte) []byte { binary.BigEndian.PutUint32(b, 1<<31); return b })
	raw("subject-31-bytes", func(b []byte) []byte {
		at := bytes.Index(b, w.facts["A-1"][0].Subject[:])
		binary.BigEndian.PutUint32(b[at-4:], 31)
		return append(b[:at], b[at+1:]...)
	})
	papers := func(name string, change func(v *paperVector)) {
		v := of("A-1", 1, "alice")
		change(&v)
		v.Class = "papers"
		list[name] = v
	}
	papers("account-other", func(v *paperVector) { v.Papers.Account = "bob" })
	papers("reference-other", func(v *paperVector) { v.Papers.Reference = "A-2" })
	papers("authority-other", func(v *paperVector) { v.Papers.Authority = "police/two" })
	papers("document-other", func(v *paperVector) { v.Papers.Document[0] ^= 1 })
	papers("parent-salt-other", func(v *paperVector) { v.Salts[0][0] ^= 1 })
	papers("subject-salt-other", func(v *paperVector) { v.Salts[1][0] ^= 1 })
	return list
}

func must2(l Leaf, err error) []byte {
	noError(err)
	return l[:]
}

func noteVectors(t *testing.T) map[string]paperVector {
	list := map[string]paperVector{}
	for _, a := range treeAttacks() {
		if a.class != "witnesses" && a.class != "tree" {
			continue
		}
		w := whole().branch(t, a.name)
		a.do(w)
		path := classPath(Public, "checkpoint")
		if strings.Contains(a.name, "in-the-past") || a.name == "split-view" {
			path = classPath(Public, "checkpoints/768")
		}
		class := a.class
		if a.name == "split-view" || a.name == "root-other" || a.name == "signature-foreign" || a.name == "witness-once-more" {
			class = "none" // by itself it is good
		}
		list[a.name] = paperVector{Class: class, Text: string(w.dir[path]), Headers: headersOf(w, Public, 1)}
	}
	w := whole().branch(t, "note vectors")
	text := string(w.dir[classPath(Public, "checkpoints/512")])
	list["accepted"] = paperVector{Class: "none", Text: text, Headers: headersOf(w, Public, 1)}
	list["size-not-canonical"] = paperVector{Class: "form", Headers: headersOf(w, Public, 1)}
	for name, change := range map[string]func(text string) string{
		"size-with-a-zero":  func(s string) string { return strings.Replace(s, "\n512\n", "\n0512\n", 1) },
		"size-negative":     func(s string) string { return strings.Replace(s, "\n512\n", "\n-512\n", 1) },
		"root-short":        func(s string) string { return s[:strings.LastIndex(s[:len(s)-1], "\n")] + "\nAAAA\n" },
		"root-not-padded":   func(s string) string { return strings.Replace(s, "=\n", "\n", 1) },
		"root-loose-bits":   func(s string) string { i := strings.Index(s, "=\n"); return s[:i-1] + string(rune(s[i-1]+1)) + s[i:] },
		"empty-line-within": func(s string) string { return s + "\nmore\n" },
	} {
		body, _ := textOf([]byte(text))
		list[name] = paperVector{Class: "form", Text: string(w.public().signed(change(body), begin)), Headers: headersOf(w, Public, 1)}
	}
	delete(list, "size-not-canonical")
	return list
}

func receiptVectors(t *testing.T) map[string]paperVector {
	w := whole().branch(t, "receipt vectors")
	list := map[string]paperVector{}
	good := func(ref string, i int, parent bool, known *paperKnown) paperVector {
		return paperVector{Class: "none", Text: string(must(w.kept(w.public(), ref, i, parent).Marshal())), Papers: known, Table: w.facts[ref][i].Sheet}
	}
	full := func(ref, account string) *paperKnown {
		p := papersOf(ref)
		return &paperKnown{Authority: p.Authority, Reference: p.Reference, Document: p.Document, Account: account}
	}
	list["accepted-demand"] = good("A-1", 0, true, full("A-1", ""))
	list["accepted-account"] = good("A-1", 1, true, full("A-1", "alice"))
	list["accepted-user"] = good("A-1", 1, false, &paperKnown{Account: "alice"})
	list["accepted-outcome"] = good("A-1", 3, true, full("A-1", ""))
	list["accepted-later-period"] = good("B-1", 0, true, full("B-1", ""))
	list["accepted-without-papers"] = good("S-12", 1, true, nil)
	due := good("A-1", 0, true, full("A-1", ""))
	due.Due = begin + 8*day
	list["accepted-due"] = due
	due.Due, due.Class = begin+day, "witnesses"
	list["seen-late"] = due
	for name, known := range map[string]*paperKnown{"other-reference": full("A-2", ""), "half-the-papers": {Authority: "police/one"}} {
		v := good("A-1", 0, true, known)
		v.Class = "papers"
		list[name] = v
	}
	v := good("A-1", 1, true, full("A-1", "bob"))
	v.Class = "papers"
	list["other-account"] = v
	for _, c := range receiptCases(w) {
		r := w.kept(w.public(), "A-1", 0, true)
		c.do(r)
		b, err := r.Marshal()
		if err != nil {
			continue
		}
		list[strings.ReplaceAll(c.name, " ", "-")] = paperVector{Class: "receipt", Text: string(b), Papers: full("A-1", "")}
	}
	text := list["accepted-demand"].Text
	for name, change := range map[string]func() string{
		"line-end-of-windows": func() string { return strings.ReplaceAll(text, "\n", "\r\n") },
		"index-with-a-zero":   func() string { return strings.Replace(text, "\nindex ", "\nindex 0", 1) },
		"no-empty-line":       func() string { return strings.Replace(text, "\n\n", "\n", 1) },
		"head-other":          func() string { return strings.Replace(text, "@v1", "@v2", 1) },
		"extra-line-end":      func() string { return strings.Replace(text, "extra AAAB", "extra AA\rAB", 1) },
		"extra-loose":         func() string { return strings.Replace(text, "extra ", "extra  ", 1) },
		"hash-short": func() string {
			i := strings.Index(text, "\nindex ")
			j := strings.Index(text[i+1:], "\n")
			return text[:i+1+j] + "\nAAAA" + text[i+1+j:]
		},
		"nothing-behind-index": func() string { return text[:strings.Index(text, "index ")] },
	} {
		list[name] = paperVector{Class: "form", Text: change()}
	}
	return list
}

func promiseVectors(t *testing.T) map[string]paperVector {
	w := whole().branch(t, "promise vectors")
	list := map[string]paperVector{}
	headers := headersOf(w, Public, 2)
	known := papersOf("A-1")
	papers := func(account string) *paperKnown {
		return &paperKnown{Authority: known.Authority, Reference: known.Reference, Document: known.Document, Account: account}
	}
	list["accepted-demand"] = paperVector{Class: "none", Text: string(w.promised("A-1", 0)), Headers: headers, Papers: papers("")}
	list["accepted-account"] = paperVector{Class: "none", Text: string(w.promised("A-1", 2)), Headers: headers, Papers: papers("bob")}
	list["accepted-second-header"] = paperVector{Class: "none", Text: string(w.promised("B-1", 0)), Headers: headers}
	list["other-account"] = paperVector{Class: "papers", Text: string(w.promised("A-1", 2)), Headers: headers, Papers: papers("alice")}
	list["header-unknown"] = paperVector{Class: "promise", Text: string(w.promised("B-1", 0)), Headers: headers[:1]}
	for _, c := range promiseCases(w) {
		list[strings.ReplaceAll(c.name, " ", "-")] = paperVector{Class: "promise", Text: string(c.note), Headers: headers, Papers: papers("")}
	}
	sub := Submitted{Origin: "example.org/public", Document: *known.Document, Received: begin, AnswerBy: begin + AnswerWithin}
	list["accepted-submission"] = paperVector{Class: "none", Text: string(must(sub.Sign(w.promiseKey()))), Headers: headers}
	sub.AnswerBy++
	list["submission-answered-later"] = paperVector{Class: "submission", Text: string(must(sub.Sign(w.promiseKey()))), Headers: headers}
	sub.AnswerBy--
	list["submission-signed-by-another"] = paperVector{Class: "submission", Text: string(must(sub.Sign(noteSigner(t, "example.org/promise", w.key())))), Headers: headers}
	declined := goodDeclined()
	declined.Document = *known.Document
	list["accepted-declined"] = paperVector{Class: "none", Text: string(must(declined.Sign(w.promiseKey()))), Headers: headers}
	declined.Because = strings.Repeat("é", 500)
	list["accepted-declined-1000-bytes"] = paperVector{Class: "none", Text: string(must(declined.Sign(w.promiseKey()))), Headers: headers}
	for _, c := range declinedCases(w) {
		class := "declined"
		if strings.HasPrefix(string(c.note), submissionHead) {
			class = "submission" // as its first line says
		}
		list["declined-"+strings.ReplaceAll(c.name, " ", "-")] = paperVector{Class: class, Text: string(c.note), Headers: headers}
	}
	return list
}

func tallyVectors(t *testing.T) map[string]paperVector {
	w := whole().branch(t, "tally vectors")
	s := w.public().chain[0].Sheets[0]
	cell := w.public().sums[0][s.Name]
	proof := must(ProveTally(w.list, s, cell, w.rand))
	good := func() paperVector { return paperVector{Class: "none", Text: string(w.list), Proof: bytes.Clone(proof)} }
	list := map[string]paperVector{"accepted": good()}
	for name, want := range map[string]int{"accepted-sample-of-3": 3, "accepted-sample-of-all": 60} {
		v := good()
		v.Sample = &sampleVector{Want: want, Randomness: []byte("the first randomness after that"), Root: w.root(thirdTick)}
		list[name] = v
	}
	bad := func(name, class string, change func(v *paperVector)) {
		v := good()
		v.Class = class
		change(&v)
		list[name] = v
	}
	ff := bytes.Repeat([]byte{0xff}, 32)
	bad("proof-changed", "proof", func(v *paperVector) { v.Proof[40] ^= 1 })
	bad("proof-short", "proof", func(v *paperVector) { v.Proof = v.Proof[:63] })
	bad("proof-long", "proof", func(v *paperVector) { v.Proof = append(v.Proof, 0) })
	bad("proof-point-not-canonical", "proof", func(v *paperVector) { copy(v.Proof, ff) })
	bad("proof-scalar-not-canonical", "proof", func(v *paperVector) { copy(v.Proof[32:], ff) })
	edited := func(name string, change func(l *List)) {
		bad(name, "list", func(v *paperVector) {
			l := must(ParseList(w.list))
			change(l)
			v.Text = string(must(l.Marshal()))
		})
	}
	edited("leaf-withheld", func(l *List) { l.Leaves = l.Leaves[1:] })
	edited("salt-other", func(l *List) { l.Salt[0] ^= 1 })
	bad("indices-out-of-order", "list", func(v *paperVector) {
		l := must(ParseList(w.list))
		l.Leaves[0], l.Leaves[1] = l.Leaves[1], l.Leaves[0]
		v.Text = string(must(marshal(l)))
	})
	bad("not-canonical", "list", func(v *paperVector) { v.Text += "\n" })
	return list
}

// root is that of the public log's tree behind a bundle.
func (w *world) root(bundle int) Hash {
	return Hash(must(tlog.TreeHash(int64(bundle+1)*BundleSize, w.public())))
}

func bundleVectors(t *testing.T) map[string]paperVector {
	w := whole().branch(t, "bundle vectors")
	l := w.public()
	list := map[string]paperVector{}
	headers := headersOf(w, Public, 2)
	trailer := func(n int) []byte { return l.entries[n*BundleSize+Slots] }
	notes := func(n int) Hash { return Hash(trailer(n)[trailerHead-32 : trailerHead]) }
	sums := func(n int) []byte { return trailer(n)[trailerHead : trailerHead+96] }
	place := map[int]bundleVector{
		firstTick:  {Before: make([]byte, 96), Notes: notes(firstTick), Period: 0, Tick: 1},
		secondTick: {Before: sums(firstTick), Notes: notes(secondTick), Period: 0, Tick: 2},
		thirdTick:  {Before: make([]byte, 96), Notes: notes(thirdTick), Period: 1, Tick: 1},
	}
	at := func(n int, class string, change func(v *bundleVector)) paperVector {
		v := place[n]
		v.Entries.Of = classPath(Public, EntriesPath(uint64(n)))
		if change != nil {
			change(&v)
		}
		return paperVector{Class: class, Headers: headers, Bundle: &v}
	}
	for n, name := range map[int]string{firstTick: "accepted-first", secondTick: "accepted-second", thirdTick: "accepted-second-period"} {
		list[name] = at(n, "none", nil)
	}
	for _, a := range bundleAttacks() {
		if a.base != "whole" || a.name == "entries-missing" {
			continue
		}
		w := whole().branch(t, a.name)
		a.do(w)
		path := classPath(Public, EntriesPath(secondTick))
		list[a.name] = at(secondTick, a.class, func(v *bundleVector) {
			v.Entries = difference(whole().dir, map[string][]byte{path: w.dir[path]})[path]
		})
	}
	list["before-other"] = at(secondTick, "sums", func(v *bundleVector) { v.Before = make([]byte, 96) })
	list["tick-other"] = at(secondTick, "place", func(v *bundleVector) { v.Tick = 1 })
	list["period-other"] = at(secondTick, "place", func(v *bundleVector) { v.Period = 1 })
	list["notes-other"] = at(secondTick, "notices", func(v *bundleVector) { v.Notes[0] ^= 1 })
	return list
}

var (
	errLeaf  = errors.New("the leaf is not that of the opening")
	errNotes = errors.New("its notices are not those of notices.json")
)

// directory fetches from a directory of files.
func directory(root string) Fetch {
	return func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(root, path)) }
}

var readGood = sync.OnceValue(func() map[string][]byte { return readTree(builder{}, filepath.Join(reportVectors, "good")) })

var auditedGood = sync.OnceValues(func() (*Verdict, error) {
	w := &world{t: builder{}, dir: readGood()}
	return w.audit()
})
