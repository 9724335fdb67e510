package report

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// plan says what a test's site has: headers by law, numbers by hand.
type plan struct {
	provider  string
	first     string // period
	periods   int
	sheets    []ledger.Sheet
	structure string // of the restricted ledger; "" for none
	setting   ledger.Publication
	witnesses []string // organisations
	quorum    int
	words     Words
	counts    func(period int, sheet, field string) uint64
	stated    bool // auditors said something of the first period
	opens     bool // the last header opens the first period's bands
	root      byte
}

func publicKey(seed byte) ed25519.PublicKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
}

// sheetFor turns a sheet of the law into one of a ledger.
func sheetFor(t testing.TB, s law.Sheet) ledger.Sheet {
	out := ledger.Sheet{Name: s.Name, Joins: s.Joins, Deferred: uint64(s.Deferred) * 24 * 3600}
	for _, f := range s.Fields {
		r, err := ledger.ParseRule(f.Rule.String())
		if err != nil {
			t.Fatal(err)
		}
		out.Fields = append(out.Fields, ledger.Field{Name: f.Name, Rule: r, Width: f.Bits})
	}
	return out
}

func sheetsOf(t testing.TB, ids ...string) []ledger.Sheet {
	var all []ledger.Sheet
	for _, id := range ids {
		s, ok := law.SheetOf(vitrine.InstrumentID(id), law.Structure{})
		if !ok {
			t.Fatalf("no sheet %s", id)
		}
		all = append(all, sheetFor(t, s))
	}
	return all
}

var ordinarySheets = []string{"eu/epoc-content", "eu/epoc-identity", "eu/epoc-pr", "eu/epoc-subscriber", "eu/epoc-traffic", "us/court-order-2703d", "us/emergency", "us/preservation", "us/search-warrant", "us/subpoena"}

// view builds the site that a plan describes.
func (p plan) view(t testing.TB) View {
	t.Helper()
	period, err := law.ParsePeriod(p.first)
	if err != nil {
		t.Fatal(err)
	}
	v := View{Provider: p.provider, URL: "https://havre.example/transparency/"}
	var public, restricted ledger.Chain
	cadence := law.Halves
	for n := range p.periods {
		public = p.with(t, public, ledger.Public, period)
		chains := map[ledger.Class]ledger.Chain{ledger.Public: public}
		s := ledger.Statement{Name: period.Name(), Number: uint64(n), Suite: ledger.Suite}
		s.Ledgers = append(s.Ledgers, p.state(public))
		s.Tables = p.rows(t, public, n, period.To)
		if p.structure != "" {
			restricted = p.with(t, restricted, ledger.Restricted, period)
			chains[ledger.Restricted] = restricted
			s.Ledgers = append(s.Ledgers, p.state(restricted))
			s.Tables = append(s.Tables, p.rows(t, restricted, n, period.To)...)
		}
		v.Reports = append(v.Reports, Published{Period: period, Statement: s, Ledgers: chains, Version: 1 + len(p.words.Corrections), Words: p.words})
		if p.stated && n > 0 {
			v.Reports[n].Stated = auditorsSaid(public[0])
		}
		if period, err = cadence.Next(period); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// auditorsSaid is what auditors said of a period, each procedure once, and a document
// that is called a statement and is none.
func auditorsSaid(p *ledger.Period) map[ledger.Class][]ledger.Stated {
	s := ledger.AuditorStatement{Auditor: ledger.PublicKey("auditor.example", publicKey(9)), Period: p.Number, Passed: true, Day: "2026-08-03"}
	list := []ledger.Stated{{Digest: ledger.Hash{1}, Err: errors.New("statement: it is no signed note")}}
	for i, by := range []ledger.Procedure{ledger.ByBundles, ledger.ByTally, ledger.BySample} {
		one := s
		if one.Procedure = by; by != ledger.ByBundles {
			one.Sheet, one.Passed = p.Sheets[0].Name, by == ledger.ByTally
		}
		list = append(list, ledger.Stated{AuditorStatement: &one, Digest: ledger.Hash{2, byte(i)}})
	}
	return map[ledger.Class][]ledger.Stated{p.Class: list}
}

func (p plan) with(t testing.TB, c ledger.Chain, class ledger.Class, period law.Period) ledger.Chain {
	t.Helper()
	const day = 24 * 3600
	origin := "havre.example/" + string(class)
	h := &ledger.Header{
		Audit: ledger.AuditRule{Randomness: "drand", Sample: 60}, Class: class, Delta: day, Due: 8 * day, Lag: 3 * day, From: uint64(period.From.Unix()), To: uint64(period.To.Unix()), Ticks: uint64(period.Days()),
		Number: uint64(len(c)), Origin: origin, Publication: ledger.Live, Sheets: p.sheets, Suite: ledger.Suite,
		Keys:      ledger.Keys{Log: ledger.PublicKey(origin, publicKey(1)), Promise: []string{ledger.PublicKey("havre.example/promise", publicKey(2))}, Report: ledger.PublicKey("havre.example/report", publicKey(3))},
		Witnesses: ledger.Witnesses{Quorum: p.quorum},
	}
	for i, w := range p.witnesses {
		h.Witnesses.Keys = append(h.Witnesses.Keys, ledger.Witness{Key: ledger.WitnessKey(fmt.Sprintf("w%d.example", i), publicKey(byte(10+i))), Organisation: w})
	}
	if len(c) > 0 {
		h.Previous = c[len(c)-1].Hash
	}
	var tables []law.Table
	if class == ledger.Restricted {
		structure, _ := law.LookupStructure(p.structure)
		h.Publication, h.Structure, h.Sheets = p.setting, p.structure, nil
		for _, s := range law.NationalSecurity.Sheets(structure) {
			h.Sheets = append(h.Sheets, sheetFor(t, s))
		}
		var all []law.Reported
		for _, e := range c {
			all = append(all, law.Reported{Period: periodOf(e.Header), Structure: p.structure})
		}
		var err error
		if tables, err = law.Tables(append(all, law.Reported{Period: period, Structure: p.structure})); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range h.Sheets {
		if class == ledger.Public {
			tables = append(tables, law.Table{Name: s.Name, Cells: []law.Cell{{Sheet: s.Name, Period: period}}, NotBefore: period.To.AddDate(0, 0, 3), Due: period.To.AddDate(0, 0, 60)})
		}
	}
	for _, table := range tables {
		out := ledger.Table{Name: table.Name, NotBefore: uint64(table.NotBefore.Unix()), Due: uint64(table.Due.Unix())}
		for _, cell := range table.Cells {
			n := slices.IndexFunc(c, func(e *ledger.Period) bool { return periodOf(e.Header) == cell.Period })
			if n < 0 {
				n = len(c)
			}
			out.Cells = append(out.Cells, ledger.CellName{Period: uint64(n), Sheet: cell.Sheet})
		}
		h.Tables = append(h.Tables, out)
	}
	if p.opens && class == ledger.Restricted && len(c) == p.periods-1 {
		o := ledger.Permit{Name: "permitted", Petition: ledger.Hash{7}, NotBefore: h.From, Due: h.To}
		for _, s := range c[0].Sheets {
			o.Cells = append(o.Cells, ledger.CellName{Period: 0, Sheet: s.Name})
		}
		h.Openings = append(h.Openings, o)
	}
	left := (len(h.Sheets)/250 + 1) * ledger.Slots
	for i, s := range h.Sheets {
		slots := left / (len(h.Sheets) - i)
		left -= slots
		h.Grid = append(h.Grid, ledger.Allotment{Sheet: s.Name, Slots: slots})
	}
	next, err := c.With(h)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func (p plan) state(c ledger.Chain) ledger.State {
	last := c[len(c)-1]
	s := ledger.State{Class: last.Class, Origin: last.Origin, Size: last.End(), Root: ledger.Hash(bytes.Repeat([]byte{0xa5 ^ p.root}, 32))}
	for _, e := range c {
		s.Headers = append(s.Headers, e.Hash)
	}
	return s
}

// rows are the tables whose time has come since the last report.
func (p plan) rows(t testing.TB, c ledger.Chain, n int, now time.Time) []ledger.Row {
	var rows []ledger.Row
	for _, e := range c {
		for _, table := range e.Tables {
			ready := time.Unix(int64(table.NotBefore), 0).AddDate(0, 0, -3)
			if ready.After(now) || n > 0 && !ready.After(now.AddDate(0, -6, 0)) {
				continue
			}
			row := ledger.Row{Class: e.Class, Header: e.Number, Name: table.Name}
			for _, cell := range table.Cells {
				row.Cells = append(row.Cells, ledger.Cell{Period: cell.Period, Sheet: cell.Sheet, Point: ledger.Hash{p.root}})
			}
			sheet, _ := c.Sheet(table.Cells[0])
			for _, f := range sheet.Fields {
				row.Fields = append(row.Fields, tell(f, p.counts(int(e.Number), table.Name, f.Name), p.root))
			}
			rows = append(rows, row)
		}
	}
	for _, o := range c[len(c)-1].Openings {
		row := ledger.Row{Class: ledger.Restricted, Header: uint64(len(c) - 1), Name: o.Name}
		for _, cell := range o.Cells {
			row.Cells = append(row.Cells, ledger.Cell{Period: cell.Period, Sheet: cell.Sheet, Point: ledger.Hash{p.root}})
		}
		for _, f := range []string{law.Demand, law.AccountField} {
			n := uint64(opened)
			row.Fields = append(row.Fields, ledger.Total{Name: f, Total: &n})
		}
		rows = append(rows, row)
	}
	return rows
}

// opened is a number that a permission tells.
const opened = 87

// tell says a number as its rule wants, from the rule's text in spec/ledger.md
// and not by the code of ledger.
func tell(f ledger.Field, n uint64, root byte) ledger.Total {
	w, point := uint64(f.Rule.N), ledger.Hash{root, byte(n), byte(n >> 8)} // a point hides its number; a page has none
	low := uint64(0)
	switch f.Rule.Kind {
	case ledger.Exact:
		return ledger.Total{Name: f.Name, Total: &n}
	case ledger.Small:
		if n >= w {
			return ledger.Total{Name: f.Name, Total: &n}
		}
		return ledger.Total{Name: f.Name, Low: &low, Width: &w, Point: &point}
	case ledger.Band:
		low = n - n%w
		return ledger.Total{Name: f.Name, Low: &low, Width: &w, Point: &point}
	}
	return ledger.Total{Name: f.Name, Point: &point}
}

// counted makes up numbers that look like a provider's, the same every time.
func counted(period int, sheet, field string) uint64 {
	base := map[string]uint64{"eu/epoc-content": 9, "eu/epoc-identity": 21, "eu/epoc-pr": 5, "eu/epoc-subscriber": 34, "eu/epoc-traffic": 6, "us/court-order-2703d": 11, "us/emergency": 4, "us/preservation": 26, "us/search-warrant": 18, "us/subpoena": 57}[sheet]
	if base == 0 {
		base = uint64(len(sheet)*7+int(sheet[len(sheet)-1])) % 40
	}
	n := base + uint64(period*(len(sheet)%4)) - uint64(period%2)*base/10
	switch field {
	case law.Demand:
		return n
	case law.AccountField:
		return n + n/3
	case law.ContentField:
		if sheet == "us/search-warrant" || sheet == "eu/epoc-content" {
			return n * 2 / 3
		}
		return 0
	case law.Noncontent:
		if sheet == "us/search-warrant" || sheet == "eu/epoc-content" || sheet == "us/preservation" || sheet == "eu/epoc-pr" {
			return 0
		}
		return n * 7 / 10
	case law.NoData:
		return n / 9
	case law.Rejected:
		return n / 7
	case law.Voided:
		return n / 30
	}
	return 0
}

func accountsOf(periods ...string) []Accounts {
	var all []Accounts
	for i, p := range periods {
		all = append(all, Accounts{p, 3_910_000 + uint64(i)*92_000, "open on the last day of the period", map[string]string{"fr": "ouverts le dernier jour de la période"}})
	}
	return all
}

var threeWitnesses = []string{"Foundation for Open Records", "Kassel University", "La Quadrature"}

// plans are the sites that every page is made of in tests.
func plans(t testing.TB) map[string]plan {
	bands := func(period int, sheet, field string) uint64 {
		if strings.HasPrefix(sheet, "us/national") || strings.HasPrefix(sheet, "us/fisa") || sheet == "us/nsl" {
			return []uint64{317, 317, 118, 641, 1317}[period%5]
		}
		return counted(period, sheet, field)
	}
	var states []ledger.Sheet
	for _, id := range []string{"eu/epoc-content", "eu/epoc-subscriber"} {
		s, _ := law.SheetOf(vitrine.InstrumentID(id), law.Structure{})
		parts, err := s.ByState()
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			states = append(states, sheetFor(t, part))
		}
	}
	states = append(states, sheetsOf(t, "us/search-warrant", "us/subpoena")...)
	foreign := []ledger.Sheet{
		{Name: "orders/bulk", Fields: []ledger.Field{{Name: "demand", Rule: ledger.Rule{Kind: ledger.Band, N: 250}, Width: 1}, {Name: "users_notified", Rule: ledger.Rule{Kind: ledger.Hidden}, Width: 1}}},
		{Name: "orders/court", Fields: []ledger.Field{{Name: "demand", Rule: ledger.Rule{Kind: ledger.Small, N: 10}, Width: 1}, {Name: "users_notified", Rule: ledger.Rule{Kind: ledger.Small, N: 10}, Width: 1}}},
		{Name: "orders/police", Fields: []ledger.Field{{Name: "demand", Rule: ledger.Rule{Kind: ledger.Exact}, Width: 1}}},
	}
	petition := law.Petition{Kind: law.ToCourt, Court: "Foreign Intelligence Surveillance Court", Docket: "Misc. 26-04", Steps: []law.Dated{
		{Step: law.Filed, Day: time.Date(2026, 6, 19, 0, 0, 0, 0, time.UTC), Paper: vitrine.DigestOf([]byte("a"))},
		{Step: law.Hearing, Day: time.Date(2026, 9, 2, 0, 0, 0, 0, time.UTC), Paper: vitrine.DigestOf([]byte("b"))},
	}}
	full := Words{
		Accounts: accountsOf("2024-H1", "2024-H2", "2025-H1", "2025-H2", "2026-H1", "2026-H2"), Contact: "transparency@havre.example", Petitions: []law.Petition{petition},
		Comment: map[string]string{"en": "We asked eleven authorities to narrow what they wanted, and nine did.\n\nOne order was set aside on appeal."},
	}
	corrected := full
	corrected.Corrections = []Correction{{2, "2027-02-03", "The number of accounts was that of the first day, not of the last."}}
	corrected.Comment = map[string]string{"fr": "Onze autorités ont été priées de préciser."}
	return map[string]plan{
		"full":      {provider: "Havre Mail", first: "2024-H1", periods: 6, sheets: sheetsOf(t, ordinarySheets...), structure: "us/1874-a3", setting: ledger.Live, witnesses: threeWitnesses, quorum: 2, words: full, counts: bands, stated: true},
		"first":     {provider: "Havre Mail", first: "2026-H2", periods: 1, sheets: sheetsOf(t, ordinarySheets...), counts: counted},
		"states":    {provider: "Havre Mail", first: "2026-H1", periods: 2, sheets: states, witnesses: threeWitnesses[:2], quorum: 1, words: full, counts: counted, structure: "us/1874-a1", setting: ledger.AfterEmbargo},
		"letters":   {provider: "Havre Mail", first: "2024-H1", periods: 5, sheets: sheetsOf(t, "us/subpoena"), witnesses: threeWitnesses, quorum: 2, words: corrected, counts: bands, structure: "us/1874-a2", setting: ledger.Auditor},
		"demo":      {provider: "Demo", first: "2025-H2", periods: 2, sheets: sheetsOf(t, "us/search-warrant", "us/subpoena"), witnesses: []string{"one", "two"}, quorum: 2, words: Words{Demo: true, LiveTicks: true, Accounts: accountsOf("2026-H1")}, counts: bands, structure: "us/1874-a3", setting: ledger.Live},
		"unknown":   {provider: "Havre Mail", first: "2025-H2", periods: 2, sheets: foreign, counts: counted},
		"nothing":   {provider: "Havre Mail", first: "2026-H1", periods: 2, sheets: sheetsOf(t, ordinarySheets...), counts: func(int, string, string) uint64 { return 0 }, words: Words{Accounts: accountsOf("2026-H1", "2026-H2")}},
		"hostile":   {provider: "=HYPERLINK(\"//evil.example\";\"<script>alert(1)</script>\")", first: "2026-H1", periods: 1, sheets: sheetsOf(t, "us/subpoena"), counts: counted, words: Words{Contact: "@SUM(1)<img src=//evil.example>", Accounts: []Accounts{{"2026-H1", 5, "\"><svg/onload=alert(1)>", map[string]string{"de": "</p><img src=//evil.example>"}}}, Comment: map[string]string{"de": "</div><style>*{display:none}</style>"}}},
		"permitted": {provider: "Havre Mail", first: "2025-H1", periods: 3, sheets: sheetsOf(t, "us/subpoena"), counts: bands, structure: "us/1874-a3", setting: ledger.Live, opens: true},
		"one-of":    {provider: "Havre Mail", first: "2026-H1", periods: 1, sheets: sheetsOf(t, "us/subpoena"), witnesses: threeWitnesses, quorum: 1, counts: counted},
		"own-watch": {provider: "Havre Mail", first: "2026-H1", periods: 1, sheets: sheetsOf(t, "us/subpoena"), witnesses: []string{"havre mail", "Kassel University", "La Quadrature"}, quorum: 2, counts: counted},
	}
}
