package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// The public log of the whole directory: header 0; ticks 1 and 2; header 1;
// ticks 1 and 2; header 2; tick 1. Each tick is one bundle.
const (
	firstTick    = 1
	secondTick   = 2
	secondHeader = 3
	thirdTick    = 4
	fourthTick   = 5
	lastTick     = 7
)

func (w *world) public() *writtenLog { return w.logs[Public] }

// leave takes the leaf of a slot out of the sums of the trailer, as a reader
// does that skips it.
func leave(entries [][]byte, p *Period, slot int, was []byte) {
	of := p.slots.of(slot)
	for n, i := range p.sheetsOf(0) {
		if i == of {
			at := entries[Slots][trailerHead+32*n : trailerHead+32*n+32]
			sum, c := must(decodePoint(at)), must(decodePoint(was[1:33]))
			copy(at, sum.sub(sum, c).Bytes())
		}
	}
}

// replay puts the leaves and the proof of tick 1 at tick 2, with a trailer that
// fits there.
func replay(l *writtenLog) {
	p := l.open()
	var entries [][]byte
	for _, e := range l.entries[p.First(1, 0):][:BundleSize] {
		entries = append(entries, bytes.Clone(e))
	}
	trailer := entries[Slots]
	binary.BigEndian.PutUint32(trailer[33:], 2)
	sums := Sums{}
	for n, i := range p.sheetsOf(0) {
		name := p.Sheets[i].Name
		sum := l.sums[p.Number][name]
		for k := range sum.V {
			sum.V[k] *= 2
		}
		r := must(decodeScalar(sum.R[:]))
		copy(sum.R[:], r.Add(r, r).Bytes())
		sums[name] = sum
		copy(trailer[trailerHead+32*n:], must(sum.point(p.Sheets[i])).Bytes())
	}
	l.end(entries, sums)
}

func bundleAttacks() []attack {
	at := func(name, class, words string, bundle int, change func(entries [][]byte)) attack {
		return attack{name, class, "whole", words, func(w *world) { w.public().rewrite(in(bundle, change), nil) }}
	}
	proof := func(entries [][]byte, i int) []byte {
		p := entries[Slots][len(entries[Slots])-proofSize:]
		return p[32*i : 32*i+32]
	}
	ff := bytes.Repeat([]byte{0xff}, 32)
	return []attack{
		at("no-trailer", "trailer", "bundle 2 (tick 2 of period 0): the trailer has 65 bytes", secondTick, func(e [][]byte) { e[Slots] = e[0] }),
		at("trailer-as-leaf", "leaf", "bundle 2 (tick 2 of period 0): slot 10 is not a leaf", secondTick, func(e [][]byte) { e[10] = e[Slots] }),
		at("leaf-short", "leaf", "slot 10 is not a leaf", secondTick, func(e [][]byte) { e[10] = e[10][:64] }),
		at("leaf-long", "leaf", "slot 10 is not a leaf", secondTick, func(e [][]byte) { e[10] = append(e[10], 0) }),
		at("leaf-tag", "leaf", "slot 10 is not a leaf", secondTick, func(e [][]byte) { e[10][0] = 3 }),
		{"leaf-skipped", "leaf", "whole", "slot 10: not the canonical encoding of a point", func(w *world) {
			w.public().rewrite(in(secondTick, func(e [][]byte) {
				leave(e, w.public().chain[0], 10, e[10])
				copy(e[10][1:], ff)
			}), nil)
		}},
		{"leaf-left-out-of-sum", "sums", "whole", "the sum of sheet us/search-warrant is not that of its leaves", func(w *world) {
			w.public().rewrite(in(secondTick, func(e [][]byte) { leave(e, w.public().chain[0], 10, e[10]) }), nil)
		}},
		{"grid-other", "sums", "whole", "is not that of its leaves", func(w *world) { // sums as if the sheets had other slots
			other := *w.public().chain[0]
			h := *other.Header
			h.Grid = []Allotment{{"us/search-warrant", 15}, {"us/subpoena/ca", 120}, {"us/wiretap", 120}}
			other.slots = newPeriod(&h, 0).slots
			before := w.public().entries[BundleSize+Slots][trailerHead:]
			w.public().rewrite(in(secondTick, func(e [][]byte) {
				for n, i := range other.sheetsOf(0) {
					acc := must(decodePoint(before[32*n : 32*n+32]))
					for slot := range Slots {
						if other.slots.of(slot) == i {
							acc.add(acc, must(decodePoint(e[slot][1:33])))
						}
					}
					copy(e[Slots][trailerHead+32*n:], acc.Bytes())
				}
			}), nil)
		}},
		at("trailer-header", "place", "the trailer is that of another place", secondTick, func(e [][]byte) { e[Slots][1]++ }),
		at("trailer-tick", "place", "the trailer is that of another place", secondTick, func(e [][]byte) { e[Slots][36]++ }),
		at("trailer-number", "place", "the trailer is that of another place", secondTick, func(e [][]byte) { e[Slots][38]++ }),
		at("trailer-long", "trailer", "the trailer has 1290 bytes", secondTick, func(e [][]byte) { e[Slots] = append(e[Slots], make([]byte, 3)...) }),
		at("trailer-sum-not-canonical", "sums", "is not that of its leaves", secondTick, func(e [][]byte) { copy(e[Slots][trailerHead:], ff) }),
		at("proof-point-not-canonical", "range-proof", "bundle 2 (tick 2 of period 0): not the canonical encoding of a point", secondTick, func(e [][]byte) { copy(proof(e, 7), ff) }),
		at("proof-point-identity", "range-proof", "bundle 2 (tick 2 of period 0): a range proof has the identity among its points", secondTick, func(e [][]byte) { copy(proof(e, 7), make([]byte, 32)) }),
		at("proof-scalar-not-canonical", "range-proof", "bundle 2 (tick 2 of period 0): not a canonical scalar", secondTick, func(e [][]byte) { copy(proof(e, 34), ff) }),
		at("proof-changed", "range-proof", "bundle 2: its range proof does not hold", secondTick, func(e [][]byte) { proof(e, 34)[0] ^= 1 }),
		at("proof-of-another-tick", "range-proof", "bundle 2: its range proof does not hold", secondTick, func(e [][]byte) {
			copy(proof(e, 0), whole().logs[Public].entries[BundleSize+Slots][trailerHead+96:][:proofSize])
		}),
		at("leaf-hash-changed", "range-proof", "bundle 2: its range proof does not hold", secondTick, func(e [][]byte) { e[10][64] ^= 1 }),
		{"tick-replayed", "range-proof", "half", "bundle 2: its range proof does not hold", func(w *world) {
			replay(w.public())
			w.tell("2026-a")
			if n := w.real().total(w.t, "us/search-warrant", "demand"); n != 4 {
				w.t.Errorf("%d demands", n)
			}
		}},
		at("entries-255", "bundle", "bundle 2 has 255 entries", secondTick, func(e [][]byte) {}).raw(func(w *world) {
			path := classPath(Public, EntriesPath(secondTick))
			w.dir[path] = w.dir[path][:len(w.dir[path])-2-len(w.public().entries[3*BundleSize-1])]
		}),
		at("entries-257", "bundle", "it has more than 256 entries", secondTick, func(e [][]byte) {}).raw(func(w *world) {
			path := classPath(Public, EntriesPath(secondTick))
			w.dir[path] = append(bytes.Clone(w.dir[path]), 0, 1, 0)
		}),
		at("entries-cut", "bundle", "is cut off", secondTick, func(e [][]byte) {}).raw(func(w *world) {
			path := classPath(Public, EntriesPath(secondTick))
			w.dir[path] = w.dir[path][:len(w.dir[path])-1]
		}),
		at("entries-missing", "bundle", "tile/entries/002", secondTick, func(e [][]byte) {}).raw(func(w *world) {
			delete(w.dir, classPath(Public, EntriesPath(secondTick)))
		}),
	}
}

// raw does something else than a change of entries.
func (a attack) raw(do func(w *world)) attack {
	a.do = do
	return a
}

func treeAttacks() []attack {
	public := func(name, class, words string, do func(w *world, l *writtenLog)) attack {
		return attack{name, class, "whole", words, func(w *world) { do(w, w.public()) }}
	}
	at := func(size string) string { return classPath(Public, "checkpoints/"+size) }
	newest := classPath(Public, "checkpoint")
	resigned := func(name, words string, size int, change func(w *world, l *writtenLog, text string, at uint64) []byte) attack {
		return public(name, "witnesses", words, func(w *world, l *writtenLog) {
			p, tick, err := l.chain.TickAt(uint64(size))
			noError(err)
			text := CheckpointText(p.Origin, uint64(size), Hash(must(tlog.TreeHash(int64(size), l))))
			b := change(w, l, text, uint64(p.TickTime(tick).Unix()))
			w.dir[at(strconv.Itoa(size))] = b
			if size == len(l.entries) {
				w.dir[newest] = b
			}
		})
	}
	only := func(witnesses ...int) func(w *world, l *writtenLog, text string, at uint64) []byte {
		return func(w *world, l *writtenLog, text string, at uint64) []byte {
			b := must(sign(text, noteSigner(w.t, "example.org/public", l.key)))
			for _, i := range witnesses {
				b = append(b, cosignature("witness"+strconv.Itoa(i)+".example", l.witnesses[i], text, at)...)
			}
			return b
		}
	}
	return []attack{
		resigned("quorum-missing", "1 of the 2 witnesses that it takes", 2048, only(1)),
		resigned("quorum-missing-in-the-past", "checkpoints/768: checkpoint of 768 entries: 1 of the 2 witnesses", 768, only(1)),
		resigned("witness-twice", "1 of the 2 witnesses that it takes", 2048, only(1, 1)),
		resigned("witness-once-more", "1 signature lines that nobody checks", 2048, only(0, 1, 1)),
		resigned("witness-unknown", "of the 2 witnesses that it takes", 2048, func(w *world, l *writtenLog, text string, at uint64) []byte {
			return append(only(0)(w, l, text, at), cosignature("witness1.example", w.key(), text, at)...)
		}),
		resigned("witness-of-another-text", "invalid signature", 2048, func(w *world, l *writtenLog, text string, at uint64) []byte {
			return append(only(0)(w, l, text, at), cosignature("witness1.example", l.witnesses[1], strings.Replace(text, "2048", "2304", 1), at)...)
		}),
		resigned("witness-of-no-time", "has no time", 2048, func(w *world, l *writtenLog, text string, at uint64) []byte {
			return append(only(0)(w, l, text, at), cosignature("witness1.example", l.witnesses[1], text, 0)...)
		}),
		resigned("log-did-not-sign", "the log did not sign it", 2048, func(w *world, l *writtenLog, text string, at uint64) []byte {
			b := only(0, 1, 2)(w, l, text, at)
			head, rest, _ := bytes.Cut(b, []byte("\n\n"))
			_, rest, _ = bytes.Cut(rest, []byte("\n"))
			return append(append(head, "\n\n"...), rest...)
		}),
		resigned("log-key-other", "the log did not sign it", 2048, func(w *world, l *writtenLog, text string, at uint64) []byte {
			b := must(sign(text, noteSigner(w.t, "example.org/public", w.key())))
			b = append(b, cosignature("witness0.example", l.witnesses[0], text, at)...)
			return append(b, cosignature("witness1.example", l.witnesses[1], text, at)...)
		}),
		resigned("signature-foreign", "1 signature lines that nobody checks: of keys that header 2 does not name", 2048, func(w *world, l *writtenLog, text string, at uint64) []byte {
			return append(only(0, 1)(w, l, text, at), cosignature("elsewhere.example", w.key(), text, at)...)
		}),
		resigned("signature-not-canonical", "is not canonical base64", 2048, func(w *world, l *writtenLog, text string, at uint64) []byte {
			b := only(0, 1)(w, l, text, at)
			b[bytes.LastIndexByte(b, '=')-2]++ // a bit that stands for nothing
			return b
		}),
		resigned("checkpoint-extended", "a size and a root, and nothing else", 2048, func(w *world, l *writtenLog, text string, at uint64) []byte {
			return only(0, 1)(w, l, text+"more\n", at)
		}),
		resigned("checkpoint-origin-other", "want this log's origin", 2048, func(w *world, l *writtenLog, text string, at uint64) []byte {
			return only(0, 1)(w, l, strings.Replace(text, "example.org", "example.com", 1), at)
		}),
		resigned("split-view", "checkpoints/768 is that of another tree than the entries make", 768, func(w *world, l *writtenLog, text string, at uint64) []byte {
			return only(0, 1)(w, l, CheckpointText("example.org/public", 768, sha256.Sum256([]byte("another tree"))), at)
		}),
		public("root-other", "tree", "the checkpoint says", func(w *world, l *writtenLog) {
			w.dir[newest] = only(0, 1)(w, l, CheckpointText("example.org/public", 2048, sha256.Sum256([]byte("another tree"))), begin+5*day)
		}),
		public("checkpoint-between-ticks", "checkpoint", "does not stand at a tick's end", func(w *world, l *writtenLog) {
			w.dir[newest] = only(0, 1)(w, l, CheckpointText("example.org/public", 4*BundleSize, Hash(must(tlog.TreeHash(4*BundleSize, l)))), begin+3*day)
		}),
		public("checkpoint-missing-in-the-past", "checkpoint", "checkpoints/768", func(w *world, l *writtenLog) { delete(w.dir, at("768")) }),
		public("rolled-back", "report-ledger", "rolled back, or another view", func(w *world, l *writtenLog) {
			l.rewrite(func(n int, e [][]byte) [][]byte {
				if n > thirdTick {
					return nil
				}
				return e
			}, nil)
			l.notices = l.notices[:len(l.notices)-1] // that of a later tick
			l.publish(begin + 3*day + day/2)
		}),
		public("tile-hash-changed", "tile", "does not hold the hashes of the entries", func(w *world, l *writtenLog) {
			path := classPath(Public, "tile/0/002")
			w.dir[path] = bytes.Clone(w.dir[path])
			w.dir[path][100] ^= 1
		}),
		public("tile-above-changed", "tile", "does not hold the hashes of the entries", func(w *world, l *writtenLog) {
			path := classPath(Public, "tile/1/000.p/8")
			w.dir[path] = bytes.Clone(w.dir[path])
			w.dir[path][100] ^= 1
		}),
		public("tick-missed", "place", "bundle 4 (tick 1 of period 1): the trailer is that of another place", func(w *world, l *writtenLog) {
			l.rewrite(func(n int, e [][]byte) [][]byte {
				if n == thirdTick {
					return nil
				}
				return e
			}, nil)
		}),
		public("tick-twice", "place", "bundle 2 (tick 2 of period 0): the trailer is that of another place", func(w *world, l *writtenLog) {
			l.rewrite(func(n int, e [][]byte) [][]byte {
				if n == firstTick {
					return append(e, e...)
				}
				return e
			}, nil)
		}),
		public("header-early", "place", "bundle 2 (tick 2 of period 0): the trailer has 1 bytes", func(w *world, l *writtenLog) {
			second := l.entries[secondTick*BundleSize:][:BundleSize]
			l.rewrite(func(n int, e [][]byte) [][]byte {
				switch n {
				case secondTick:
					return nil
				case secondHeader:
					return append(e, second...)
				}
				return e
			}, nil)
		}),
		public("header-of-another", "place", "bundle 3 (tick 0 of period 1): entry 0 is not that of header 1", func(w *world, l *writtenLog) {
			l.rewrite(in(secondHeader, func(e [][]byte) { e[0][1] ^= 1 }), nil)
		}),
		public("header-bundle-filled", "place", "entry 77 is not that of header 1", func(w *world, l *writtenLog) {
			l.rewrite(in(secondHeader, func(e [][]byte) { e[77] = []byte{1} }), nil)
		}),
	}
}

// closedAttacks are on a log whose leaves are not public.
func closedAttacks() []attack {
	edit := func(name, class, words, path string, change func(b []byte) []byte) attack {
		return attack{name, class, "tiny", words, func(w *world) {
			path := classPath(Restricted, path)
			w.dir[path] = change(bytes.Clone(w.dir[path]))
		}}
	}
	return []attack{
		edit("closed-trailer-changed", "trailer", "its trailer is not the one in the tree", TrailerPath(1), func(b []byte) []byte { b[100] ^= 1; return b }),
		edit("closed-trailer-short", "trailer", "the trailer has 1222 bytes, not 1223", TrailerPath(1), func(b []byte) []byte { return b[1:] }),
		edit("closed-hash-changed", "tree", "checkpoints/512 is that of another tree", "tile/0/001", func(b []byte) []byte { b[100] ^= 1; return b }),
		edit("closed-hashes-short", "tile", "have 8160 bytes, not 8192", "tile/0/001", func(b []byte) []byte { return b[32:] }),
		edit("closed-header-hash-changed", "tile", "tile/0/000 does not hold the hashes", "tile/0/000", func(b []byte) []byte { b[100] ^= 1; return b }),
		{"closed-tile-missing", "tile", "tiny", "tile/0/001", func(w *world) { delete(w.dir, classPath(Restricted, "tile/0/001")) }},
		{"closed-trailer-missing", "trailer", "tiny", "trailers/001", func(w *world) { delete(w.dir, classPath(Restricted, TrailerPath(1))) }},
	}
}
