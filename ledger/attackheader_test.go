package ledger

import (
	"bytes"
	"crypto/sha256"
	"strconv"
)

func headerAttacks() []attack {
	// changed puts another header in the place of one, without a word in the log
	changed := func(name, words string, class Class, number int, change func(h *Header)) attack {
		return attack{name, "header", "whole", words, func(w *world) {
			h := *w.logs[class].chain[number].Header
			h.Tables = bytesOf(h).Tables
			change(&h)
			w.put(class, "headers/"+strconv.Itoa(number)+".json", must(marshal(h)))
		}}
	}
	moved := func(h *Header, from, to uint64) {
		h.From, h.To, h.Ticks = from, to, (to-from)/h.Delta
		for i := range h.Tables {
			h.Tables[i].NotBefore, h.Tables[i].Due = to, to+30*day
		}
	}
	noticed := func(name, words string, change func([]Notice) []Notice) attack {
		return attack{name, "notices", "whole", words, func(w *world) {
			list := change(append([]Notice(nil), w.public().notices...))
			w.put(Public, "notices.json", must(MarshalNotices(list)))
		}}
	}
	document := classPath(Public, "documents/"+Hash(sha256.Sum256([]byte("an auditor's statement"))).String())
	return []attack{
		changed("period-gap", "header 1 begins at 1767484800, the period before ended at 1767398400", Public, 1, func(h *Header) { moved(h, h.From+day, h.To+day) }),
		changed("period-overlap", "header 1 begins at 1767312000, the period before ended at 1767398400", Public, 1, func(h *Header) { moved(h, h.From-day, h.To) }),
		changed("period-longer", "header 2 does not follow header 1", Public, 1, func(h *Header) { moved(h, h.From, h.To+2*day) }),
		changed("header-previous", "header 1 does not follow header 0", Public, 1, func(h *Header) { h.Previous[3] ^= 1 }),
		changed("header-number", "header 2 does not follow header 0", Public, 1, func(h *Header) { h.Number = 2; movedCells(h, 2) }),
		changed("header-class", "is of class restricted", Public, 1, func(h *Header) { h.Class = Restricted }),
		changed("decoy-sheet", "sheet us/wiretap is in no table", Public, 1, func(h *Header) { h.Tables = h.Tables[:2] }),
		changed("cell-in-two-tables", "stands in us/subpoena/ca too", Public, 1, func(h *Header) { h.Tables[2].Cells[0].Sheet = "us/subpoena/ca" }),
		changed("table-of-two-layouts", "have other fields or rules", Public, 1, func(h *Header) {
			h.Tables[0].Cells = append(h.Tables[0].Cells, h.Tables[1].Cells...)
			h.Tables = append(h.Tables[:1], h.Tables[2])
		}),
		changed("deferred-left-out", "table us/fisa-content misses the cell of us/fisa-content-new in period 0", Restricted, 1, func(h *Header) {
			h.Tables[0].Cells = h.Tables[0].Cells[:1]
		}),
		changed("past-cell-told-again", "the cell of us/fisa-content in period 0 does not belong there", Restricted, 1, func(h *Header) {
			h.Tables[0].Cells = append(h.Tables[0].Cells, CellName{0, "us/fisa-content"})
		}),
		changed("header-changed", "bundle 6 (tick 0 of period 2): entry 0 is not that of header 2", Public, 2, func(h *Header) { h.Audit.Sample = 10 }),
		{"header-not-canonical", "header", "whole", "not canonical JSON", func(w *world) {
			path := classPath(Public, "headers/1.json")
			w.dir[path] = append(bytes.Clone(w.dir[path]), '\n')
		}},
		{"header-announced-late", "announced", "whole", "header 1 was not announced before its period", func(w *world) {
			from := w.public().chain[1].From
			w.public().rewrite(nil, func(size int, at uint64) uint64 {
				if size == (firstTick+1)*BundleSize {
					return from
				}
				return at
			})
		}},
		{"header-0-late", "announced", "whole", "header 0 was cosigned at 1767225600, its period began at 1767225600", func(w *world) {
			w.public().rewrite(nil, func(size int, at uint64) uint64 {
				if size == BundleSize {
					return begin
				}
				return at
			})
		}},
		{"header-unannounced-ahead", "announced", "whole", "headers/3.json is public and was not announced", func(w *world) {
			h := must(w.public().last().Continue(w.public().last().To + 2*day))
			h.Audit.Sample = 10
			w.put(Public, "headers/3.json", must(h.Marshal()))
		}},
		noticed("notice-left-out", "its notices are not those of notices.json", func(l []Notice) []Notice { return append(l[:1], l[2:]...) }),
		noticed("notice-added", "its notices are not those of notices.json", func(l []Notice) []Notice {
			return append(l[:1], append([]Notice{{Bundle: secondTick, Kind: NoticeReport}}, l[1:]...)...)
		}),
		noticed("notice-of-the-future", "a notice of bundle 8, which there is not", func(l []Notice) []Notice { return append(l, Notice{Bundle: 8, Kind: NoticeKey}) }),
		noticed("notice-changed", "its notices are not those of notices.json", func(l []Notice) []Notice { l[2].Digest[0] ^= 1; return l }),
		noticed("notice-elsewhere", "its notices are not those of notices.json", func(l []Notice) []Notice { l[0].Bundle = 0; return l }),
		{"document-missing", "document", "whole", "documents/", func(w *world) { delete(w.dir, document) }},
		{"document-changed", "document", "whole", "is not the document of the notice in bundle 4", func(w *world) { w.dir[document] = []byte("another statement") }},
	}
}

// bytesOf is the header as it is read, which shares nothing with what was written.
func bytesOf(h Header) *Header { return must(ParseHeader(must(h.Marshal()))) }

func movedCells(h *Header, number uint64) {
	for i := range h.Tables {
		for j := range h.Tables[i].Cells {
			h.Tables[i].Cells[j].Period = number
		}
	}
}
