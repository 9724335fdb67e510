package ledger

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// seeds adds what the vectors of a directory hold.
func seeds(f *testing.F, kind string, of func(v *paperVector) []byte) {
	files, err := filepath.Glob(filepath.Join(ledgerVectors, kind, "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatalf("%s: no vectors: %v", kind, err)
	}
	for _, file := range files {
		var v paperVector
		b, err := os.ReadFile(file)
		noError(err)
		noError(json.Unmarshal(b, &v))
		f.Add(of(&v))
	}
}

func text(v *paperVector) []byte { return []byte(v.Text) }

// goodChain is the public headers of the good directory.
func goodChain() Chain {
	var list []*Header
	for _, name := range []string{"0", "1", "2"} {
		list = append(list, must(ParseHeader(readGood()[classPath(Public, "headers/"+name+".json")])))
	}
	return must(newChain(list))
}

// rewritten fails unless a document that is read is written as it was.
func rewritten[T any](t *testing.T, b []byte, parse func([]byte) (T, error), write func(T) ([]byte, error)) (v T, ok bool) {
	v, err := parse(b)
	if err != nil {
		return v, false
	}
	again, err := write(v)
	if err != nil {
		t.Fatalf("%q is read, and cannot be written: %v", b, err)
	}
	if !bytes.Equal(again, b) {
		t.Fatalf("%q is read, and written as %q", b, again)
	}
	return v, true
}

// FuzzHeader: a header that is read is written as it was, and its places follow
// from it.
func FuzzHeader(f *testing.F) {
	seeds(f, "header", text)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok := rewritten(t, b, ParseHeader, (*Header).Marshal)
		if !ok || h.Number > 0 {
			return
		}
		c, err := newChain([]*Header{h})
		if err != nil {
			return
		}
		p := c[0]
		for _, tick := range []uint64{1, (p.Ticks + 1) / 2, p.Ticks} {
			for _, n := range []int{0, p.Bundles() - 1} {
				if q, place, err := c.At(p.First(tick, n) + Slots); err != nil || q != p || (place != Place{Tick: tick, Bundle: n, Slot: Slots}) {
					t.Fatalf("bundle %d of tick %d: %+v, %v", n, tick, place, err)
				}
			}
			if _, got, err := c.TickAt(p.After(tick)); err != nil || got != tick {
				t.Fatalf("tick %d ends at tick %d, %v", tick, got, err)
			}
		}
		for _, s := range h.Sheets {
			if total := s.offset(len(s.Fields)); total > 248 {
				t.Fatalf("sheet %s takes %d bits", s.Name, total)
			}
		}
	})
}

// FuzzOpening: an opening that is read is written as it was; one that fits the
// good header makes one leaf.
func FuzzOpening(f *testing.F) {
	seeds(f, "leaf", func(v *paperVector) []byte { return v.Opening })
	c := goodChain()
	f.Fuzz(func(t *testing.T, b []byte) {
		o, ok := rewritten(t, b, ParseOpening, func(o *Opening) ([]byte, error) { return o.Marshal(), nil })
		if !ok {
			return
		}
		s, err := c[0].agrees(o)
		if err != nil {
			return
		}
		leaf, err := o.Leaf(s)
		if err != nil {
			t.Fatalf("it agrees with its header, and makes no leaf: %v", err)
		}
		if _, err := decodePoint(leaf[1:33]); err != nil || leaf[0] != tagLeaf {
			t.Fatalf("leaf %x: %v", leaf, err)
		}
	})
}

// FuzzBundle: a bundle of the good directory that is read in its place is made
// of its parts, and holds only if nothing was changed.
func FuzzBundle(f *testing.F) {
	c, good := goodChain(), readGood()[classPath(Public, EntriesPath(firstTick))]
	f.Add(good)
	for _, name := range []string{"entries-255", "entries-257", "trailer-tick", "leaf-short", "no-trailer", "proof-changed"} {
		var v paperVector
		b, err := os.ReadFile(filepath.Join(ledgerVectors, "bundle", name+".json"))
		noError(err)
		noError(json.Unmarshal(b, &v))
		f.Add(must(v.Bundle.Entries.apply(readGood())))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, ok := rewritten(t, b, splitEntries, joinEntries)
		if !ok {
			return
		}
		read, err := c[0].readBundle(1, 0, entries, make([]byte, 96))
		if err != nil {
			return
		}
		if trailer := slices.Concat(read.head(), read.after, read.proof); !bytes.Equal(trailer, entries[Slots]) {
			t.Fatalf("the trailer %x is read as %x", entries[Slots], trailer)
		}
		batch := newBatch(seeded("fuzz"))
		if batch.add(read.transcript(), read.statement(), read.proof) != nil {
			return
		}
		if _, err := batch.verify(); err == nil && !bytes.Equal(b, good) {
			t.Fatal("another bundle holds")
		}
	})
}

// FuzzReceipt: a receipt that is read is written as it was; one that holds is
// one of the good directory's.
func FuzzReceipt(f *testing.F) {
	seeds(f, "receipt", text)
	site := NewSite(directory(filepath.Join(reportVectors, "good")))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := rewritten(t, b, ParseReceipt, (*Receipt).Marshal)
		if !ok {
			return
		}
		if _, err := r.Check(0); err != nil {
			return
		}
		if _, err := site.Count(r); err != nil && len(r.Header.Witnesses.Keys) > 0 {
			t.Fatalf("a receipt holds that is none of the ledger's: %v", err)
		}
	})
}

// FuzzPromise: nobody makes a promise without the key.
func FuzzPromise(f *testing.F) {
	seeds(f, "promise", text)
	c := goodChain()
	good := map[string]bool{}
	for _, name := range []string{"accepted-demand", "accepted-account", "accepted-second-header"} {
		var v paperVector
		b, err := os.ReadFile(filepath.Join(ledgerVectors, "promise", name+".json"))
		noError(err)
		noError(json.Unmarshal(b, &v))
		body, _ := textOf([]byte(v.Text))
		good[body] = true
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c[0].OpenSubmitted(b)
		p, err := c.OpenPromise(b)
		if err != nil {
			return
		}
		if body, _ := textOf(b); !good[body] {
			t.Fatalf("a promise of %s that nobody made", p.Fact.Type)
		}
	})
}

// FuzzCheckpoint: the text that was signed, and no other.
func FuzzCheckpoint(f *testing.F) {
	seeds(f, "note", text)
	c := goodChain()
	for path, b := range readGood() {
		if filepath.Base(filepath.Dir(path)) == "checkpoints" {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		readBody(b)
		cp, err := c[0].OpenCheckpoint(b)
		if err != nil {
			return
		}
		body, _ := textOf(b)
		if body != CheckpointText(c[0].Origin, cp.Size, cp.Root) {
			t.Fatalf("%q is read as a tree of %d entries", body, cp.Size)
		}
		if at, ok := cp.Time(); !ok || at == 0 {
			t.Fatal("it has no time")
		}
	})
}

// FuzzDeclined: an answer that is read has been signed, and says its one line.
func FuzzDeclined(f *testing.F) {
	seeds(f, "promise", text)
	h := goodChain()[0].Header
	good := map[string]bool{}
	for _, name := range []string{"accepted-declined", "accepted-declined-1000-bytes"} {
		var v paperVector
		b, err := os.ReadFile(filepath.Join(ledgerVectors, "promise", name+".json"))
		noError(err)
		noError(json.Unmarshal(b, &v))
		body, _ := textOf([]byte(v.Text))
		good[body] = true
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := h.OpenDeclined(b)
		if err != nil {
			return
		}
		if body, _ := textOf(b); !good[body] {
			t.Fatalf("%q was not signed", body)
		}
		if d.Check() != nil {
			t.Fatalf("%+v is read", d)
		}
	})
}

// FuzzReport: a report that is read is written as it was; whatever is accepted,
// its signature aside, says what the good one says.
func FuzzReport(f *testing.F) {
	verdict, err := auditedGood()
	noError(err)
	for _, name := range []string{"2026-a/report", "2026-a/report-1", "2026-b/report"} {
		f.Add(readGood()["reports/"+name+".json"])
	}
	want := string(must(marshal(verdict.Reports[0].Statement)))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := rewritten(t, b, ParseReport, (*Report).Marshal)
		if !ok {
			return
		}
		v := &Verdict{Ledgers: verdict.Ledgers, versions: map[Hash]bool{}}
		ledgers, err := v.match(r)
		if err != nil || complete(r, ledgers, map[rowName]bool{}) != nil {
			return
		}
		a := &Audit{Rand: seeded("fuzz")}
		if a.proofs(r, ledgers) == nil && string(must(marshal(r.Statement))) != want && r.Statement.Name == "2026-a" {
			t.Fatalf("%s is accepted too", must(marshal(r.Statement)))
		}
	})
}

// FuzzLists: notices, lists and the index of reports are written as they are read.
func FuzzLists(f *testing.F) {
	seeds(f, "tally", text)
	for _, path := range []string{"ledger/public/notices.json", "ledger/restricted/notices.json", "reports/index.json"} {
		f.Add(readGood()[path])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rewritten(t, b, ParseNotices, MarshalNotices)
		rewritten(t, b, readIndex, MarshalIndex)
		if l, ok := rewritten(t, b, ParseList, (*List).Marshal); ok {
			for _, leaf := range l.Leaves {
				if fact, err := leaf.Fact(); err == nil && ListFact(leaf.Index, fact).Opening != leaf.Opening {
					t.Fatalf("entry %d is written otherwise", leaf.Index)
				}
			}
		}
	})
}
