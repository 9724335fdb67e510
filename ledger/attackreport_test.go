package ledger

import (
	"bytes"
	"strings"
)

// The rows of the second report: one search warrant on one account, eleven
// subpoenas on none, no wiretap, and one order that was deferred.
const (
	warrantRow = iota
	subpoenaRow
	wiretapRow
	fisaRow
)

// told is an attack by a report that is as the writer wants it: lie changes what
// is proved, change what was.
func told(name, class, words string, lie func(w *world, d *Draft), change func(w *world, r *Report)) attack {
	return attack{name, class, "untold", words, func(w *world) {
		w.tellWith("2026-b", func(d *Draft) {
			if lie != nil {
				lie(w, d)
			}
		}, func(r *Report) {
			if change != nil {
				change(w, r)
			}
		})
	}}
}

// say is told of one row, before it is proved.
func say(name, class, words string, row int, lie func(row *Row)) attack {
	return told(name, class, words, func(w *world, d *Draft) {
		r := &d.Statement.Tables[row]
		r.Cells = append([]Cell(nil), r.Cells...)
		lie(r)
	}, nil)
}

func ref(n uint64) *uint64 { return &n }

func reportAttacks() []attack {
	ff := bytes.Repeat([]byte{0xff}, 32)
	return []attack{
		say("total-lower", "report-proof", "table us/search-warrant of period 1: its totals are not those of its cells", warrantRow, func(r *Row) { r.Fields[0].Total = ref(0) }),
		say("total-higher", "report-proof", "its totals are not those of its cells", warrantRow, func(r *Row) { r.Fields[0].Total = ref(2) }),
		say("total-carried", "report-rule", "field demand says 268435457, more than it can hold", warrantRow, func(r *Row) { // the packed sum is the same
			r.Fields[0].Total, r.Fields[1].Total = ref(1+1<<28), ref(0)
		}),
		say("cell-left-out", "report-cells", "table us/fisa-content of period 1: it has 1 cells, its header says 2", fisaRow, func(r *Row) { r.Cells = r.Cells[:1] }),
		say("cell-twice", "report-cells", "it has 3 cells, its header says 2", fisaRow, func(r *Row) { r.Cells = append(r.Cells, r.Cells[1]) }),
		say("cell-exchanged", "report-cells", "cell us/fisa-content of period 0 is not the header's", fisaRow, func(r *Row) { r.Cells[1].Sheet = "us/fisa-content" }),
		say("cell-point-other", "report-cells", "the value of cell us/search-warrant of period 1 is not that of the log", warrantRow, func(r *Row) { r.Cells[0].Point = Hash(basePoint().Bytes()) }),
		say("field-left-out", "report-cells", "it has 7 fields, its sheet has 8", warrantRow, func(r *Row) { r.Fields = r.Fields[:7] }),
		say("field-without-value", "report-rule", "field account has neither a total nor a point", warrantRow, func(r *Row) {
			r.Fields = append([]Total(nil), r.Fields...)
			r.Fields[1] = Total{Name: "account"}
		}),
		say("fields-exchanged", "report-rule", "field account stands where demand should", warrantRow, func(r *Row) { r.Fields[0], r.Fields[1] = r.Fields[1], r.Fields[0] }),
		told("signature-of-another-report", "report-proof", "its totals are not those of its cells", nil, func(w *world, r *Report) {
			old := must(ParseReport(w.dir["reports/2026-a/report.json"]))
			r.Signatures[warrantRow] = old.Signatures[0]
		}),
		told("signature-point-not-canonical", "report-proof", "not the canonical encoding of a point", nil, func(w *world, r *Report) { copy(r.Signatures[warrantRow], ff) }),
		told("signature-scalar-not-canonical", "report-proof", "not a canonical scalar", nil, func(w *world, r *Report) { copy(r.Signatures[warrantRow][32:], ff) }),
		told("signature-short", "report-proof", "its proof has 63 bytes, not 64", nil, func(w *world, r *Report) { r.Signatures[warrantRow] = r.Signatures[warrantRow][:63] }),
		told("signature-too-many", "report-proof", "it has a signature where its bands have proofs", nil, func(w *world, r *Report) { r.Signatures[fisaRow] = r.Signatures[warrantRow] }),
		told("signature-missing", "report-form", "3 signatures for 4 tables", nil, func(w *world, r *Report) { r.Signatures = r.Signatures[:3] }),
		told("table-left-out", "report-tables", "table us/subpoena/ca of period 1 (public) is missing", func(w *world, d *Draft) {
			d.Statement.Tables = append(d.Statement.Tables[:1:1], d.Statement.Tables[2:]...)
			d.rows = append(d.rows[:1:1], d.rows[2:]...)
		}, nil),
		told("table-told-again", "report-tables", "is told twice, too early, or of no header", func(w *world, d *Draft) {
			again(w, d, 0, "us/search-warrant")
		}, nil),
		told("table-too-early", "report-tables", "is told twice, too early, or of no header", func(w *world, d *Draft) {
			again(w, d, 2, "us/search-warrant")
		}, nil),
		told("ledger-root-other", "report-ledger", "rolled back, or another view", func(w *world, d *Draft) { d.Statement.Ledgers[0].Root[0] ^= 1 }, nil),
		told("ledger-size-between-ticks", "report-ledger", "does not stand at a tick's end", func(w *world, d *Draft) { d.Statement.Ledgers[0].Size -= BundleSize / 2 }, nil),
		told("ledger-header-left-out", "report-ledger", "has 1 headers, want 2", func(w *world, d *Draft) { d.Statement.Ledgers[0].Headers = d.Statement.Ledgers[0].Headers[:1] }, nil),
		told("ledger-header-other", "report-ledger", "its header 1 of the public ledger is another", func(w *world, d *Draft) { d.Statement.Ledgers[0].Headers[1][0] ^= 1 }, nil),
		told("ledgers-exchanged", "report-ledger", "its first ledger is not the public one", func(w *world, d *Draft) {
			l := d.Statement.Ledgers
			l[0], l[1] = l[1], l[0]
		}, nil),
		told("ledger-twice", "report-ledger", "more ledgers than a public and a restricted one", func(w *world, d *Draft) {
			d.Statement.Ledgers = append(d.Statement.Ledgers, d.Statement.Ledgers[1])
		}, nil),
		told("report-number", "report-form", "it says that it is report 5, 2026-b", func(w *world, d *Draft) { d.Statement.Number = 5 }, nil),
		told("report-name", "report-form", "it says that it is report 1, 2026-c", func(w *world, d *Draft) { d.Statement.Name = "2026-c" }, nil),
		told("words-missing", "report-file", "its words are not in words.json", nil, func(w *world, r *Report) { r.Words = Hash{1} }),
		told("file-missing", "report-file", "file totals.csv", nil, func(w *world, r *Report) { r.Files = append(r.Files, File{Path: "totals.csv"}) }),
		told("file-outside", "report-file", "is out of order", nil, func(w *world, r *Report) { r.Files = append(r.Files, File{Path: "../2026-a/index.html"}) }),
		told("files-out-of-order", "report-file", "is out of order", nil, func(w *world, r *Report) { r.Files = append(r.Files, r.Files[0]) }),
		{"file-changed", "report-file", "whole", "file index.html is not the one that was signed", func(w *world) {
			w.dir["reports/2026-b/index.html"] = []byte("a page that says something else")
		}},
		{"report-signed-by-another", "report-signature", "whole", "no key that the header names signed it", func(w *world) {
			b := w.dir["reports/2026-b/report.json"]
			w.dir["reports/2026-b/report.note"] = must(SignReport("2026-b", b, 1, noteSigner(w.t, "example.org/report", w.key())))
		}},
		{"report-signed-by-log", "report-signature", "whole", "no key that the header names signed it", func(w *world) {
			b := w.dir["reports/2026-b/report.json"]
			w.dir["reports/2026-b/report.note"] = must(SignReport("2026-b", b, 1, noteSigner(w.t, "example.org/public", w.public().key)))
		}},
		{"report-note-of-another", "report-signature", "whole", "report.note signs other bytes than report.json has", func(w *world) {
			w.dir["reports/2026-b/report.note"] = w.dir["reports/2026-a/report.note"]
		}},
		{"report-not-canonical", "report-form", "whole", "not canonical JSON", func(w *world) {
			path := "reports/2026-b/report.json"
			w.dir[path] = []byte(strings.Replace(string(w.dir[path]), ",", ", ", 1))
		}},
		{"report-list-null", "report-form", "whole", "not canonical JSON", func(w *world) {
			w.dir["reports/index.json"] = []byte("null")
		}},
		{"report-twice-in-index", "report-form", "whole", "name \"2026-a\"", func(w *world) { w.dir["reports/index.json"] = []byte(`["2026-a","2026-a"]`) }},
		{"reports-exchanged", "report-form", "whole", "it says that it is report 1, 2026-b", func(w *world) { w.dir["reports/index.json"] = []byte(`["2026-b","2026-a"]`) }},
		{"report-withdrawn", "report-form", "whole", "the notice of a report", func(w *world) { w.dir["reports/index.json"] = []byte(`["2026-a"]`) }},
		{"table-overdue", "report-tables", "whole", "table us/search-warrant of period 2 was due and stands in no report", func(w *world) {
			due := w.public().last().Tables[0].Due
			w.public().rewrite(nil, func(size int, at uint64) uint64 {
				if size == len(w.public().entries) || size == 8*BundleSize {
					return due + 1
				}
				return at
			})
		}},
	}
}

// again adds the row of a table to a report.
func again(w *world, d *Draft, header uint64, name string) {
	l := w.public()
	for _, t := range l.chain[header].Tables {
		if t.Name == name {
			noError(d.Add(l.chain, ReadyTable{Header: header, Table: t}, func(c CellName) (Running, error) { return l.sums[c.Period][c.Sheet], nil }, w.rand))
		}
	}
}

func bandAttacks() []attack {
	// moved says another low; the points still add up to the cells
	moved := func(r *Row, low uint64) {
		by := mul(neg(scalarOf(low)), generatorG())
		w := must(decodePoint(r.Fields[0].Point[:]))
		p := Hash(w.add(w, by).Bytes())
		r.Fields[0].Low, r.Fields[0].Point = &low, &p
	}
	return []attack{
		say("band-too-high", "report-proof", "range proof 0 does not hold: a band is not that of its cells", fisaRow, func(r *Row) { moved(r, 250) }),
		say("band-misaligned", "report-rule", "field demand: no band of width 250 begins at 100", fisaRow, func(r *Row) { r.Fields[0].Low = ref(100) }),
		say("band-of-another-width", "report-rule", "field demand has a band that its rule band:250 does not make", fisaRow, func(r *Row) { r.Fields[0].Width = ref(500) }),
		say("band-beyond-the-field", "report-rule", "field demand: no band of width 250 begins at", fisaRow, func(r *Row) { r.Fields[0].Low = ref(1 << 28 / 250 * 250) }),
		say("exact-where-a-band-is-due", "report-rule", "field demand has an exact total, its rule is band:250", fisaRow, func(r *Row) { r.Fields[0] = Total{Name: "demand", Total: ref(1)} }),
		say("hidden-where-a-band-is-due", "report-rule", "field demand is hidden, its rule is band:250", fisaRow, func(r *Row) { r.Fields[0].Low, r.Fields[0].Width = nil, nil }),
		say("exact-where-hidden-is-due", "report-rule", "field account has an exact total, its rule is hidden", wiretapRow, func(r *Row) { r.Fields[1] = Total{Name: "account", Total: ref(0)} }),
		say("band-where-hidden-is-due", "report-rule", "field account has a band that its rule hidden does not make", wiretapRow, func(r *Row) { r.Fields[1].Low, r.Fields[1].Width = ref(0), ref(10) }),
		say("hidden-where-exact-is-due", "report-rule", "field demand is hidden, its rule is exact", warrantRow, func(r *Row) {
			p := Hash(basePoint().Bytes())
			r.Fields[0] = Total{Name: "demand", Point: &p}
		}),
		say("band-where-exact-is-due", "report-rule", "field demand has a band that its rule exact does not make", warrantRow, func(r *Row) {
			p := Hash(basePoint().Bytes())
			r.Fields[0] = Total{Name: "demand", Low: ref(0), Width: ref(10), Point: &p}
		}),
		say("total-and-point", "report-rule", "field demand has an exact total, its rule is exact", warrantRow, func(r *Row) {
			p := Hash(basePoint().Bytes())
			r.Fields[0].Point = &p
		}),
		say("small-told-exactly", "report-rule", "field account says 0, which its rule small:10 keeps in a band", subpoenaRow, func(r *Row) { r.Fields[1] = Total{Name: "account", Total: ref(0)} }),
		told("small-hides-a-large-number", "report-proof", "range proof 0 does not hold", func(w *world, d *Draft) {
			row := &d.rows[subpoenaRow]
			row.Fields[0] = Total{Name: "demand", Low: ref(0), Width: ref(10)}
			row.rests = append([]rest{{value: 11, max: 9}}, row.rests...)
			s, _ := w.public().chain.Sheet(CellName{1, "us/subpoena/ca"})
			row.blind(s, w.rand)
		}, nil),
		say("small-in-a-higher-band", "report-rule", "field demand has a band that its rule small:10 does not make", subpoenaRow, func(r *Row) {
			r.Fields[0] = Total{Name: "demand", Low: ref(10), Width: ref(10), Point: r.Fields[1].Point}
		}),
		say("bands-exchanged", "report-proof", "its bands do not add up to its cells", fisaRow, func(r *Row) {
			r.Fields[0].Point, r.Fields[1].Point = r.Fields[1].Point, r.Fields[0].Point
		}),
		told("band-point-not-canonical", "report-proof", "field demand: not the canonical encoding of a point", nil, func(w *world, r *Report) {
			r.Statement.Tables[fisaRow].Fields[0].Point[31] |= 0x80
			proveWarrants(w, r)
		}),
		told("range-proof-missing", "report-proof", "it has 0 range proofs, want 1", nil, func(w *world, r *Report) { r.Proofs = []Bytes{} }),
		told("range-proof-twice", "report-proof", "it has 2 range proofs, want 1", nil, func(w *world, r *Report) { r.Proofs = append(r.Proofs, r.Proofs[0]) }),
		told("range-proof-long", "report-proof", "a range proof of the wrong length", nil, func(w *world, r *Report) { r.Proofs[0] = append(r.Proofs[0], 0) }),
		told("range-proof-changed", "report-proof", "range proof 0 does not hold", nil, func(w *world, r *Report) { r.Proofs[0][len(r.Proofs[0])-1] ^= 1; r.Proofs[0][len(r.Proofs[0])-32] ^= 1 }),
	}
}

func versionAttacks() []attack {
	// corrected is an attack by a new version of the second report
	corrected := func(name, words string, version int, change func(w *world, r *Report)) attack {
		return attack{name, "report-version", "whole", words, func(w *world) {
			r := must(ParseReport(w.dir["reports/2026-b/report.json"]))
			change(w, r)
			w.sign(r, version)
		}}
	}
	return []attack{
		corrected("correction-of-a-total", "version 1: it says other totals: only words are ever corrected", 2, func(w *world, r *Report) { r.Statement.Tables[warrantRow].Fields[0].Total = ref(2) }),
		corrected("correction-of-a-proof", "version 1: it says other totals: only words are ever corrected", 2, func(w *world, r *Report) {
			proveWarrants(w, r)
		}),
		corrected("correction-skips-a-version", "version 2", 3, func(w *world, r *Report) { r.Words[0] = 1 }),
		corrected("correction-without-the-old", "version 1", 2, func(w *world, r *Report) { r.Words[0] = 1 }).raw(func(w *world) {
			r := must(ParseReport(w.dir["reports/2026-b/report.json"]))
			r.Words[0] = 1
			w.sign(r, 2)
			delete(w.dir, "reports/2026-b/report-1.json")
		}),
		{"correction-changes-the-old", "report-version", "whole", "version 1: its note signs other bytes", func(w *world) {
			old := must(ParseReport(w.dir["reports/2026-a/report-1.json"]))
			old.Words[0] = 1
			w.dir["reports/2026-a/report-1.json"] = must(old.Marshal())
		}},
		{"correction-changes-an-old-note", "report-version", "whole", "version 1: its note", func(w *world) {
			b := w.dir["reports/2026-a/report-1.json"]
			w.dir["reports/2026-a/report-1.note"] = must(SignReport("2026-a", b, 1, noteSigner(w.t, "example.org/report", w.key())))
		}},
		{"report-not-noticed", "report-version", "whole", "its digest is not among the notices of the public ledger", func(w *world) {
			r := must(ParseReport(w.dir["reports/2026-b/report.json"]))
			r.Words[0] = 1
			b := must(r.Marshal())
			w.dir["reports/2026-b/report.json"] = b
			w.dir["reports/2026-b/report.note"] = must(SignReport("2026-b", b, 1, noteSigner(w.t, "example.org/report", w.report)))
		}},
	}
}

// proveWarrants makes the exact proof anew, for what the report says now.
func proveWarrants(w *world, r *Report) {
	blinding := w.public().sums[1]["us/search-warrant"].R
	r.Signatures[warrantRow] = must(proveExact(exactTranscript(must(marshal(r.Statement)), warrantRow), must(decodeScalar(blinding[:])), w.rand))
}
