package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestProofIsOfItsPlace: a proof that is played again under another header,
// index, origin or anything else that it is about does not hold.
func TestProofIsOfItsPlace(t *testing.T) {
	w := whole().branch(t, "place")
	l := w.public()
	p := l.chain[0]
	first := p.First(2, 0)
	read := func() *bundle {
		var entries [][]byte
		for _, e := range l.entries[first:][:BundleSize] {
			entries = append(entries, bytes.Clone(e))
		}
		before := bytes.Clone(l.entries[p.First(1, 0)+Slots][trailerHead:][:96])
		return must(p.readBundle(2, 0, entries, before))
	}
	under := func(b *bundle, change func(h *Header)) {
		h := bytesOf(*p.Header)
		change(h)
		b.period = newPeriod(h, p.Start)
	}
	for name, change := range map[string]func(b *bundle){
		"another origin": func(b *bundle) {
			under(b, func(h *Header) {
				h.Origin = "example.com/public"
				h.Keys.Log = PublicKey(h.Origin, public(l.key))
			})
		},
		"another header":   func(b *bundle) { under(b, func(h *Header) { h.Audit.Sample++ }) },
		"another index":    func(b *bundle) { b.period = newPeriod(p.Header, p.Start+BundleSize) },
		"another tick":     func(b *bundle) { b.tick, b.period = 1, newPeriod(p.Header, p.Start+BundleSize) }, // at the same index
		"another number":   func(b *bundle) { b.period, b.number = ofTwoBundles(p), 1 },
		"other notices":    func(b *bundle) { b.notes[0] ^= 1 },
		"other sums":       func(b *bundle) { b.before[40] ^= 1 },
		"other sums after": func(b *bundle) { b.after = bytes.Clone(b.after); b.after[40] ^= 1 },
		"another hash":     func(b *bundle) { b.entries[7][40] ^= 1 },
		"another leaf":     func(b *bundle) { b.points[7] = *basePoint() },
		"another grid": func(b *bundle) {
			b.period = newPeriod(p.Header, p.Start)
			b.period.slots.sheets = slices.Clone(p.slots.sheets)
			slices.Reverse(b.period.slots.sheets)
		},
		"": func(b *bundle) {},
	} {
		b := read()
		change(b)
		batch := newBatch(seeded(name))
		err := batch.add(b.transcript(), b.statement(), b.proof)
		if err == nil {
			_, err = batch.verify()
		}
		if (err == nil) != (name == "") {
			t.Errorf("under %q: %v", name, err)
		}
	}
}

// ofTwoBundles is the period as if each tick had two bundles of the same sheets.
func ofTwoBundles(p *Period) *Period {
	two := &Period{Header: p.Header, Hash: p.Hash, Start: p.Start}
	for range 2 {
		for _, g := range p.Grid {
			i, _ := p.sheet(g.Sheet)
			two.slots.add(i, g.Slots)
		}
	}
	return two
}

// TestLeafVectorsNaively recomputes the vectors of leaves with nothing of this
// package, and with another library's group.
func TestLeafVectorsNaively(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(ledgerVectors, "leaf", "accepted-*.json"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d vectors: %v", len(files), err)
	}
	sum := func(parts ...[]byte) []byte {
		h := sha256.Sum256(bytes.Join(parts, nil))
		return h[:]
	}
	framed := func(s string) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...) }
	for _, file := range files {
		var v struct {
			Headers                []string
			Opening, Leaf, Commits Bytes
			Salts                  []Bytes
			Papers                 struct {
				Account, Authority, Reference string
				Document                      Bytes
			}
		}
		noError(json.Unmarshal(must(os.ReadFile(file)), &v))
		var parts [][]byte
		for e := []byte(v.Opening); len(e) > 0; {
			n := binary.BigEndian.Uint32(e)
			parts, e = append(parts, e[4:4+n]), e[4+n:]
		}
		var header struct {
			Sheets []struct {
				Name   string
				Fields []struct{ Width int }
			}
		}
		noError(json.Unmarshal([]byte(v.Headers[0]), &header))
		if !bytes.Equal(parts[1], sum([]byte(v.Headers[0]))) {
			t.Errorf("%s: header %x", file, parts[1])
		}
		// the packed value and its commitment
		packed, offset := new(big.Int), 0
		for _, s := range header.Sheets {
			if s.Name != string(parts[2]) {
				continue
			}
			for k, f := range s.Fields {
				n := new(big.Int).SetUint64(uint64(binary.BigEndian.Uint32(parts[6][4*k:])))
				packed.Add(packed, n.Lsh(n, uint(offset)))
				offset += f.Width + 27
			}
		}
		var little [32]byte
		slices.Reverse(packed.FillBytes(little[:]))
		c := naiveCommit(little[:], parts[7])
		beta := sum([]byte("vitrine/leaf/v1\x00"), v.Opening)
		if !bytes.Equal(v.Commits, little[:]) || !bytes.Equal(v.Leaf, slices.Concat([]byte{1}, c, beta)) {
			t.Errorf("%s: leaf %x", file, v.Leaf)
		}
		// what it is about
		demand := sum([]byte("vitrine/demand/v1\x00"), framed(v.Papers.Authority), framed(v.Papers.Reference), v.Papers.Document)
		parent := sum([]byte("vitrine/parent/v1\x00"), v.Salts[0], demand)
		subject := demand
		switch kind := string(parts[3]); {
		case kind == "account":
			subject = sum([]byte("vitrine/account/v1\x00"), v.Salts[1], parent, framed(v.Papers.Account))
		case kind != "demand":
			subject = sum([]byte("vitrine/outcome/v1\x00"), v.Salts[1], parent, framed(kind), make([]byte, 4))
		}
		if !bytes.Equal(parts[4], subject) || !bytes.Equal(parts[5], parent) {
			t.Errorf("%s: subject %x, parent %x", file, parts[4], parts[5])
		}
	}
}

// naiveCommit is v·G + r·B of the other library.
func naiveCommit(v, r []byte) []byte {
	g := must(new(libPoint).SetCanonicalBytes(generatorG().Bytes()))
	n, b := must(new(libScalar).SetCanonicalBytes(v)), must(new(libScalar).SetCanonicalBytes(r))
	c := new(libPoint).ScalarMult(n, g)
	return c.Add(c, new(libPoint).ScalarBaseMult(b)).Bytes()
}

// TestDeferred: the cell of a deferred sheet stands in the first table that comes
// late enough, and nowhere else.
func TestDeferred(t *testing.T) {
	w := newWorld(t)
	fields := bandFields(250)
	h := w.header(Restricted, 2, Sheet{Name: "us/fisa-content", Fields: fields}, Sheet{Name: "us/fisa-content-new", Fields: fields, Deferred: 5 * day, Joins: "us/fisa-content"})
	chain := must(newChain([]*Header{h}))
	next := func(change func(h *Header)) (Chain, error) {
		h := must(chain[len(chain)-1].Continue(chain[len(chain)-1].To + 2*day))
		change(h)
		return chain.With(h)
	}
	cell := CellName{0, "us/fisa-content-new"}
	add := func(h *Header) { h.Tables[0].Cells = append(h.Tables[0].Cells, cell) }
	none := func(*Header) {}
	// period 0 ends on day 2, so that its cell waits for a table of day 7 or later:
	// those of periods 1 and 2 are told from days 4 and 6 on
	for range 2 {
		_, err := next(add)
		refuses(t, err, "the cell of us/fisa-content-new in period 0 does not belong there")
		chain = must(next(none))
	}
	_, err := next(none) // the next is told from day 8 on
	refuses(t, err, "table us/fisa-content misses the cell of us/fisa-content-new in period 0")
	chain = must(next(add))
	_, err = next(func(h *Header) { h.Tables[0].Cells = append(h.Tables[0].Cells, CellName{1, cell.Sheet}, cell) })
	refuses(t, err, "the cell of us/fisa-content-new in period 0 does not belong there") // for it was told
	joined := must(chain[3].Continue(chain[3].To + 2*day))
	chain.Join(joined)
	if want := []CellName{{4, "us/fisa-content"}, {1, "us/fisa-content-new"}}; !slices.Equal(joined.Tables[0].Cells, want) {
		t.Errorf("%v join, want %v", joined.Tables[0].Cells, want)
	}
	must(chain.With(joined))
	if err := joined.continues(chain[3].Header); err != nil {
		t.Error(err)
	}
}

// TestKeyKnown: a reader that knows the log's key is not shown another log.
func TestKeyKnown(t *testing.T) {
	w := half().branch(t, "key")
	a := &Audit{Fetch: w.fetch, Rand: seeded("audit"), Keys: map[Class]string{Public: PublicKey("example.org/public", public(w.key()))}, Workers: 1}
	_, err := a.Run(t.Context())
	refuses(t, err, "public ledger: its key is", "not the one that was given")
	a.Keys[Public] = w.public().chain[0].Keys.Log
	if _, err := a.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if v, err := w.blindAudit(); err != nil || !v.Sampled || !strings.Contains(strings.Join(v.Lines(), "\n"), "caution: sampled") {
		t.Errorf("a sampled audit does not say so: %v", err)
	}
}
