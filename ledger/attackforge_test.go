package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A forgery is a leaf that its writer chose freely: what it commits to, what
// the proof is made of, and what the writer takes it for when it adds up.
type forgery struct {
	value scalar
	bits  uint64
	count func(*Running)
	point *point // nobody need know how it opens; nil: value·G + r·B
}

// forge makes the next tick of one bundle, with forgeries in some slots.
func (l *writtenLog) forge(slots map[int]forgery, facts ...*Fact) []uint64 {
	l.w.t.Helper()
	p := l.open()
	w := &writer{period: p, tick: l.tick, notes: l.notes, sums: Sums{}, rand: l.w.rand}
	for _, s := range p.Sheets {
		w.sums[s.Name] = l.sums[p.Number][s.Name]
	}
	at := map[int]*Fact{}
	var indices []uint64
	for _, f := range facts {
		for slot := range p.slots.slots() {
			if _, forged := slots[slot]; !forged && at[slot] == nil && p.Sheets[p.slots.of(slot)].Name == f.Sheet {
				at[slot] = f
				indices = append(indices, p.First(l.tick, 0)+uint64(slot))
				break
			}
		}
	}
	for slot := range Slots {
		s := p.Sheets[p.slots.of(slot)]
		if err := w.leaf(s, at[slot]); err != nil {
			l.w.t.Fatal(err)
		}
		if f, ok := slots[slot]; ok {
			w.forge(slot, s, f)
		}
	}
	if err := w.close(); err != nil {
		l.w.t.Fatal(err)
	}
	trailer := l.w.proved(w.entries)
	if trailer == nil {
		made, err := w.trailer()
		if err != nil {
			l.w.t.Fatal(err)
		}
		trailer = made
	}
	l.end(append(w.entries, trailer), w.sums)
	return indices
}

// proved is the trailer that the attack's vector has behind these leaves: to
// prove takes long. It is nil if the vector has others.
func (w *world) proved(leaves [][]byte) []byte {
	var v directoryVector
	b, err := os.ReadFile(filepath.Join(reportVectors, w.name+".json"))
	if err != nil || *updateVectors {
		return nil
	}
	noError(json.Unmarshal(b, &v))
	raw, err := v.Files[classPath(Public, EntriesPath(2))].apply(nil)
	if err != nil {
		return nil
	}
	entries, err := splitEntries(raw)
	if err != nil || len(entries) != BundleSize || !slices.EqualFunc(entries[:Slots], leaves, bytes.Equal) {
		return nil
	}
	return entries[Slots]
}

// forge puts another leaf in the place of the dummy that was just made.
func (w *writer) forge(slot int, s Sheet, f forgery) {
	r := &w.blinds[slot]
	c := commit(&f.value, r)
	sum := w.sums[s.Name]
	if f.point != nil {
		c = f.point // whose blinding counts as nothing
		old, _ := decodeScalar(sum.R[:])
		copy(sum.R[:], new(scalar).Subtract(old, r).Bytes())
	}
	copy(w.entries[slot][1:], c.Bytes())
	w.points[slot], w.bits[slot] = *c, f.bits
	if f.count != nil {
		f.count(&sum)
	}
	w.sums[s.Name] = sum
}

// end publishes a tick's entries, whatever they are.
func (l *writtenLog) end(entries [][]byte, sums Sums) {
	p := l.open()
	if l.tick == 1 && p.Number > 0 {
		l.write(p.HeaderBundle())
	}
	l.write(entries)
	l.sums[p.Number] = sums
	l.publish(uint64(p.TickTime(l.tick).Unix()))
	if l.tick++; l.tick > p.Ticks {
		l.tick = 1
	}
}

// rewrite publishes the log anew, as a provider can whose witnesses never saw it
// before: with other entries in the place of those of a bundle, none, or those
// of several; and with other times.
func (l *writtenLog) rewrite(change func(n int, entries [][]byte) [][]byte, cosigned func(size int, at uint64) uint64) {
	l.w.t.Helper()
	all := l.entries
	times := map[int]uint64{}
	for path := range l.w.dir {
		rest, ok := strings.CutPrefix(path, classPath(l.class, "checkpoints/"))
		if !ok {
			continue
		}
		size, err := strconv.Atoi(rest)
		noError(err)
		p, tick, err := l.chain.TickAt(uint64(size))
		noError(err)
		times[size] = uint64(p.TickTime(tick).Unix())
		if tick == 0 {
			times[size] = p.From - 1
		}
		if cosigned != nil {
			times[size] = cosigned(size, times[size])
		}
	}
	l.entries, l.hashes = nil, nil
	maps.DeleteFunc(l.w.dir, func(path string, _ []byte) bool { return strings.HasPrefix(path, classPath(l.class, "tile/")) })
	for at := 0; at < len(all); at += BundleSize {
		bundle := all[at : at+BundleSize]
		if change != nil {
			var own [][]byte
			for _, e := range bundle {
				own = append(own, bytes.Clone(e))
			}
			bundle = change(at/BundleSize, own)
		}
		for ; len(bundle) > 0; bundle = bundle[BundleSize:] {
			l.write(bundle[:BundleSize])
			if t, ok := times[len(l.entries)]; ok {
				l.publish(t)
			}
		}
	}
}

// in changes one bundle.
func in(bundle int, change func(entries [][]byte)) func(int, [][]byte) [][]byte {
	return func(n int, entries [][]byte) [][]byte {
		if n == bundle {
			change(entries)
		}
		return entries
	}
}

// blindAudit audits without looking at a single range proof of a bundle.
func (w *world) blindAudit() (*Verdict, error) {
	a := &Audit{Fetch: w.fetch, Rand: ones{}, Sampled: true}
	return a.Run(context.Background())
}

// ones is a source of randomness that draws no bundle for a sample.
type ones struct{}

func (ones) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 1
	}
	return len(b), nil
}

// real fails the test unless the attack would succeed if nobody looked at the
// range proofs of the bundles, and names what the reports then say.
func (w *world) real() *Verdict {
	w.t.Helper()
	v, err := w.blindAudit()
	if err != nil {
		w.t.Fatalf("the attack is none: without range proofs the audit says %v", err)
	}
	return v
}

// total is what the last report says of a field.
func (v *Verdict) total(t testing.TB, table, field string) uint64 {
	t.Helper()
	for _, row := range v.Reports[len(v.Reports)-1].Statement.Tables {
		for _, f := range row.Fields {
			if row.Name == table && f.Name == field && f.Total != nil {
				return *f.Total
			}
		}
	}
	t.Fatalf("no report says how many %s there are in %s", field, table)
	return 0
}

// refuses fails the test unless err holds every word.
func refuses(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Error("it is accepted")
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("it says %q, which does not name %q", err, word)
		}
	}
}

func neg(s *scalar) *scalar { return new(scalar).Negate(s) }

func randomPoint(name string) *point { return affine(hashToPoint([]byte(name))) }

// half is a world before the last tick of its only period: two demands and
// three accounts on us/search-warrant, whose receipts everybody has.
var half = sync.OnceValue(func() *world {
	w := newWorld(builder{})
	small := []Field{{"demand", Rule{Kind: Exact}, 3}, {"account", Rule{Kind: Exact}, 3}}
	h := w.header(Public, 2, Sheet{Name: "us/pen-register", Fields: small}, Sheet{Name: "us/search-warrant", Fields: defaultFields})
	l := w.logs[Public]
	l.add(h)
	l.next(append(l.demand("us/search-warrant", "A-1", "content", "alice", "bob"), l.demand("us/search-warrant", "A-2", "rejected", "carol")...)...)
	w.dir["reports/index.json"] = must(MarshalIndex(nil))
	return w
})

const (
	penSlot     = 3   // one of us/pen-register
	warrantSlot = 200 // one of us/search-warrant
)

// builder stands for the test in what many tests share.
type builder struct{ testing.TB }

func (builder) Helper()                   {}
func (builder) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (builder) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
