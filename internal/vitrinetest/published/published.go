// Package published writes a small published directory for tests: a ledger of
// two periods, a report on the first, and what the holders of its facts got.
// It writes with the words of package ledger and with stock tlog and
// signed-note, and knows what it planted; two calls write the
// same bytes.
package published

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/vitrine-project/vitrine/ledger"
)

// What is planted: one demand with two accounts and an outcome in period 0, and
// one in period 1, whose table nobody told yet.
const (
	Authority = "police/one"
	Reference = "2026/17"
	Sheet     = "us/search-warrant"
	Banded    = "us/nsl"
	Report    = "first"
	day       = 24 * 3600
)

// Document is what the authority sent.
var Document = []byte("%PDF-1.7 the very bytes of demand 2026/17\n")

// Site is a published directory, and what is not in it.
type Site struct {
	Files map[string][]byte // by path
	// Papers are what holders have: receipts (of all facts of the demand, one
	// behind the other), user (alice's alone), open (of the demand of period 1),
	// promise, promises (all of the demand's), late, broken and waiting promises, submission (its receipt) and declined, sealed.age, list
	// and proof of the cell of Sheet in period 0, document.
	Papers map[string][]byte
	Keys   map[ledger.Class]string

	t    testing.TB
	rand *rand.ChaCha8
	keys map[string]ed25519.PrivateKey
}

func (s *Site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *Site) key(name string) ed25519.PrivateKey {
	if s.keys[name] == nil {
		seed := sha256.Sum256([]byte("published/" + name))
		s.keys[name] = ed25519.NewKeyFromSeed(seed[:])
	}
	return s.keys[name]
}

func (s *Site) signer(name string, k ed25519.PrivateKey) note.Signer {
	hash := keyHash(name, append([]byte{1}, public(k)...))
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, hash, base64.StdEncoding.EncodeToString(append([]byte{1}, k.Seed()...))))
	s.must(err)
	return signer
}

func empty(t testing.TB, name string) (*Site, *log) {
	s := &Site{Files: map[string][]byte{}, Papers: map[string][]byte{"document": Document}, Keys: map[ledger.Class]string{}, t: t, rand: rand.NewChaCha8(sha256.Sum256([]byte(name))), keys: map[string]ed25519.PrivateKey{}}
	return s, &log{s: s}
}

// New writes the directory. It proves three bundles, which takes seconds.
func New(t testing.TB) *Site { return Named(t, "published") }

// Pages makes the files of a report's folder.
type Pages func(ledger.Statement, ledger.Chain) map[string][]byte

// Named is New with other randomness: another view of the same log, signed with
// the same keys.
func Named(t testing.TB, name string) *Site { return With(t, name, plain) }

func plain(ledger.Statement, ledger.Chain) map[string][]byte {
	return map[string][]byte{"index.html": []byte("<!doctype html><title>the page</title>\n")}
}

// With is Named with these pages.
func With(t testing.TB, name string, pages Pages) *Site {
	s, l := empty(t, name)
	l.begin(s.header(2, day))
	s.Keys[ledger.Public] = l.chain[0].Keys.Log

	facts := s.demand(l, Reference, Document, "content", "alice", "bob")
	s.promises(l, facts)
	s.submission(l.period())
	at := l.tick(facts...)
	for i, f := range facts {
		s.Papers["receipts"] = append(s.Papers["receipts"], l.receipt(f, at[i], true)...)
	}
	s.Papers["user"] = l.receipt(facts[1], at[1], false)
	second := s.demand(l, "2026/18", []byte("another"), "rejected")
	all := map[uint64]*ledger.Fact{}
	for i, index := range append(at, l.tick(second...)...) {
		all[index] = append(facts, second...)[i]
	}
	s.report(l, pages)
	s.tally(l, all)
	s.statement(l)

	next, err := l.chain[0].Continue(l.chain[0].To + 2*day)
	s.must(err)
	l.begin(next)
	late := s.demand(l, "2026/19", []byte("a third"), "")
	s.Papers["open"] = l.receipt(late[0], l.tick(late...)[0], true)
	return s
}

// Year is a directory with a year of daily ticks, one bundle each, and its
// report. It takes minutes.
func Year(t testing.TB) *Site { return long(t, "year", 365, day) }

// Long is a directory with a period of so many hourly ticks, and its report.
// A tick takes a second of one processor.
func Long(t testing.TB, ticks int) *Site { return long(t, "long", ticks, 3600) }

func long(t testing.TB, name string, ticks int, delta uint64) *Site {
	s, l := empty(t, name)
	l.begin(s.header(uint64(ticks), delta))
	for tick := range ticks {
		facts := s.demand(l, fmt.Sprint("2026/", tick), Document, "content", "alice")
		at := l.tick(facts...)
		if tick == 0 {
			s.Papers["receipts"] = l.receipt(facts[0], at[0], true)
		}
	}
	s.report(l, plain)
	return s
}

// header is that of period 0, with a tick every delta seconds.
func (s *Site) header(ticks, delta uint64) *ledger.Header {
	from := uint64(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix())
	h := &ledger.Header{
		Audit: ledger.AuditRule{Randomness: "drand quicknet", Sample: 60}, Class: ledger.Public, Publication: ledger.Live, Suite: ledger.Suite, Origin: "example.org/public",
		From: from, To: from + ticks*delta, Ticks: ticks, Delta: delta, Lag: delta / 2, Due: min(8*day, delta/2+10*delta+3*day),
		Keys: ledger.Keys{
			Log:     ledger.PublicKey("example.org/public", public(s.key("log"))),
			Promise: []string{ledger.PublicKey("example.org/promise", public(s.key("promise")))},
			Report:  ledger.PublicKey("example.org/report", public(s.key("report"))),
		},
		Witnesses: ledger.Witnesses{Quorum: 2},
		Sheets:    []ledger.Sheet{{Name: Banded, Fields: fields("band:250", "demand", "account")}, {Name: Sheet, Fields: fields("exact", "demand", "account", "content", "rejected")}},
		Grid:      []ledger.Allotment{{Sheet: Sheet, Slots: 200}, {Sheet: Banded, Slots: 55}},
	}
	for i := range 3 {
		h.Witnesses.Keys = append(h.Witnesses.Keys, ledger.Witness{Key: ledger.WitnessKey(fmt.Sprintf("witness%d.example", i), public(s.key(fmt.Sprintf("witness%d", i)))), Organisation: fmt.Sprintf("Organisation %d", i)})
	}
	for _, name := range []string{Banded, Sheet} {
		h.Tables = append(h.Tables, ledger.Table{Cells: []ledger.CellName{{Period: 0, Sheet: name}}, Name: name, NotBefore: h.To, Due: h.To + 30*day})
	}
	return h
}

func fields(rule string, names ...string) []ledger.Field {
	var list []ledger.Field
	for _, n := range names {
		r, err := ledger.ParseRule(rule)
		if err != nil {
			panic(err)
		}
		list = append(list, ledger.Field{Name: n, Rule: r, Width: 1})
	}
	return list
}

// demand makes the facts of a demand: itself, its accounts, its outcome.
func (s *Site) demand(l *log, reference string, document []byte, outcome string, accounts ...string) []*ledger.Fact {
	d, err := ledger.NewDemand(ledger.DemandSubject(Authority, reference, sha256.Sum256(document)), Sheet, s.rand)
	s.must(err)
	p := l.period()
	var facts []*ledger.Fact
	add := func(kind, account string) {
		f, err := d.Fact(p, kind, account, 0, 0, time.Unix(int64(p.From)+5, 0), s.rand)
		s.must(err)
		facts = append(facts, f)
	}
	add(ledger.TypeDemand, "")
	for _, a := range accounts {
		add(ledger.TypeAccount, a)
	}
	if outcome != "" {
		add(outcome, "")
	}
	return facts
}

// submission is the receipt of what the demand came in, and an answer that it
// was none.
func (s *Site) submission(p *ledger.Period) {
	k, digest := s.signer("example.org/promise", s.key("promise")), ledger.Hash(sha256.Sum256(Document))
	var err error
	s.Papers["submission"], err = ledger.Submitted{Origin: p.Origin, Document: digest, Received: p.From + 5, AnswerBy: p.From + 5 + ledger.AnswerWithin}.Sign(k)
	s.must(err)
	s.Papers["declined"], err = ledger.Declined{Origin: p.Origin, Document: digest, Received: p.From + 5, Declined: p.From + 3600, Because: "It is a parking ticket."}.Sign(k)
	s.must(err)
	s.Papers["sealed.age"] = []byte("age-encryption.org/v1\n-> X25519 AAAA\n")
}

// promises of a demand that is counted, of one that never is, and of one that
// is not due.
func (s *Site) promises(l *log, facts []*ledger.Fact) {
	p, k := l.period(), s.signer("example.org/promise", s.key("promise"))
	sign := func(f *ledger.Fact, received uint64) []byte {
		promise, err := p.Promise(f, received)
		s.must(err)
		b, err := promise.Sign(k)
		s.must(err)
		return b
	}
	s.Papers["promise"] = sign(facts[0], p.From+5)
	for _, f := range facts[:3] {
		s.Papers["promises"] = append(s.Papers["promises"], sign(f, p.From+5)...)
	}
	s.Papers["late"] = sign(facts[0], p.From-10*day)
	lost := s.demand(l, "2026/99", []byte("lost"), "")[0]
	s.Papers["broken"] = sign(lost, p.From+5)
	s.Papers["waiting"] = sign(lost, p.From+100*365*day)
}

// report tells the tables of period 0, and says so with the next tick.
func (s *Site) report(l *log, pages Pages) {
	p := l.period()
	state := ledger.State{Class: p.Class, Origin: p.Origin, Root: ledger.Hash(l.root()), Size: uint64(l.entries), Headers: []ledger.Hash{p.Hash}}
	d := &ledger.Draft{Statement: ledger.Statement{Name: Report, Ledgers: []ledger.State{state}}}
	for _, t := range l.chain.Ready(p, p.Ticks, uint64(p.TickTime(p.Ticks).Unix())) {
		s.must(d.Add(l.chain, t, func(c ledger.CellName) (ledger.Running, error) { return l.sums[c.Period][c.Sheet], nil }, s.rand))
	}
	r, err := d.Prove(s.rand)
	s.must(err)
	files := pages(r.Statement, l.chain)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		s.Files["reports/"+Report+"/"+path] = files[path]
		r.Files = append(r.Files, ledger.File{Path: path, SHA256: sha256.Sum256(files[path])})
	}
	b, err := r.Marshal()
	s.must(err)
	n, err := ledger.SignReport(Report, b, 1, s.signer("example.org/report", s.key("report")))
	s.must(err)
	index, err := ledger.MarshalIndex([]string{Report})
	s.must(err)
	s.Files["reports/"+Report+"/report.json"], s.Files["reports/"+Report+"/report.note"], s.Files["reports/index.json"] = b, n, index
	s.Sign(map[string][]byte{"index.html": []byte("<!doctype html><title>all reports</title>\n"), "style.css": []byte("p { color: black }\n")})
	l.notice(ledger.NoticeReport, b)
}

// Sign adds files at the top of the directory, and signs the list of these.
func (s *Site) Sign(files map[string][]byte) {
	maps.Copy(s.Files, files)
	all := maps.Clone(files)
	all["reports/index.json"] = s.Files["reports/index.json"]
	list, err := ledger.NewSiteList(all).Marshal()
	s.must(err)
	note, err := ledger.SignSite("example.org/public", list, s.signer("example.org/report", s.key("report")))
	s.must(err)
	s.Files["site.json"], s.Files["site.note"] = list, note
}

// tally commits to the list of all facts of a cell, and proves it.
func (s *Site) tally(l *log, facts map[uint64]*ledger.Fact) {
	list := &ledger.List{Cell: ledger.CellName{Period: 0, Sheet: Sheet}, Origin: l.chain[0].Origin}
	for _, index := range slices.Sorted(maps.Keys(facts)) {
		list.Leaves = append(list.Leaves, ledger.ListFact(index, facts[index]))
	}
	b, err := list.Marshal()
	s.must(err)
	sheet, _ := l.chain[0].Sheet(Sheet)
	proof, err := ledger.ProveTally(b, sheet, l.sums[0][Sheet], s.rand)
	s.must(err)
	s.Papers["list"], s.Papers["proof"] = b, proof
	l.notice(ledger.NoticeTally, b)
}

// statement is what an auditor says of all leaves of period 0.
func (s *Site) statement(l *log) {
	k, name := s.key("auditor"), "auditor.example"
	b, err := ledger.AuditorStatement{
		Auditor: ledger.PublicKey(name, public(k)), Origin: l.chain[0].Origin, Procedure: ledger.ByBundles, Header: l.chain[0].Hash,
		Size: uint64(l.entries), Root: ledger.Hash(l.root()), Passed: true, Day: "2026-01-05",
	}.Sign(s.signer(name, k))
	s.must(err)
	l.put(fmt.Sprintf("documents/%x", sha256.Sum256(b)), b)
	l.notice(ledger.NoticeStatement, b)
}

// Seen has the witnesses see the newest tree at another time.
func (s *Site) Seen(at uint64) {
	text, _, _ := bytes.Cut(s.Files["ledger/public/checkpoint"], []byte("\n\n"))
	b := s.signed("example.org/public", string(text)+"\n", at)
	size, err := ledger.CheckpointSize(b)
	s.must(err)
	s.Files["ledger/public/checkpoint"], s.Files[fmt.Sprintf("ledger/public/checkpoints/%d", size)] = b, b
}

// Clone is a copy that may be broken.
func (s *Site) Clone() *Site {
	c := *s
	c.Files, c.Papers = maps.Clone(s.Files), maps.Clone(s.Papers)
	for name, b := range c.Files {
		c.Files[name] = bytes.Clone(b)
	}
	return &c
}

// Write lays the directory out in dir, and the papers beside it if papers is
// not empty.
func (s *Site) Write(t testing.TB, dir, papers string) {
	t.Helper()
	for to, files := range map[string]map[string][]byte{dir: s.Files, papers: s.Papers} {
		for name, b := range files {
			if to == "" {
				break
			}
			path := filepath.Join(to, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Fetch reads the directory from memory.
func (s *Site) Fetch(path string) ([]byte, error) {
	b, ok := s.Files[path]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(b), nil
}
