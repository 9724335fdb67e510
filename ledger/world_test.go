package ledger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	mrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A world is a published directory in memory, with all that its writer knows.
// It writes by the plain reading of the specification, so that tests may break
// any one thing.
type world struct {
	t       testing.TB
	name    string // of the branch
	dir     map[string][]byte
	logs    map[Class]*writtenLog
	report  ed25519.PrivateKey
	promise ed25519.PrivateKey
	names   []string
	facts   map[string][]*Fact // by the reference of their demand
	at      map[string][]uint64
	queue   []string       // references of facts that wait for a tick
	list    []byte         // the auditor's
	rand    *mrand.ChaCha8 // what a world draws follows from its name alone
}

type writtenLog struct {
	w          *world
	class      Class
	key        ed25519.PrivateKey
	witnesses  []ed25519.PrivateKey
	chain      Chain
	entries    [][]byte
	hashes     []tlog.Hash
	tick       uint64 // the next of the last period; 0: its header is not there
	sums       map[uint64]Sums
	notices    []Notice
	notes      Hash
	told       map[rowName]bool
	remembered func(indices []uint64)        // keeps where the facts of a tick stand
	cosign     func(i int, at uint64) uint64 // the time that witness i says; 0 is left out by default
}

const day = 24 * 3600

var begin = uint64(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix())

func (w *world) key() ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	w.rand.Read(seed)
	return ed25519.NewKeyFromSeed(seed)
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// noteSigner signs as stock signed-note does.
func noteSigner(t testing.TB, name string, k ed25519.PrivateKey) note.Signer {
	t.Helper()
	raw := append([]byte{1}, public(k)...)
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	s, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, binary.BigEndian.Uint32(sum[:]), base64.StdEncoding.EncodeToString(append([]byte{1}, k.Seed()...))))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, dir: map[string][]byte{}, logs: map[Class]*writtenLog{}, rand: seeded("world")}
	w.report, w.promise = w.key(), w.key()
	return w
}

func seeded(name string) *mrand.ChaCha8 { return mrand.NewChaCha8(sha256.Sum256([]byte(name))) }

var defaultFields = []Field{
	{"demand", Rule{Kind: Exact}, 1}, {"account", Rule{Kind: Exact}, 1}, {"content", Rule{Kind: Exact}, 1}, {"noncontent", Rule{Kind: Exact}, 1},
	{"nodata", Rule{Kind: Exact}, 1}, {"rejected", Rule{Kind: Exact}, 1}, {"voided", Rule{Kind: Exact}, 1}, {"bulk_accounts", Rule{Kind: Exact}, 16},
}

func bandFields(width uint32) []Field {
	return []Field{{"demand", Rule{Band, width}, 1}, {"account", Rule{Band, width}, 1}}
}

// header returns a first header: ticks of a day each.
func (w *world) header(class Class, ticks uint64, sheets ...Sheet) *Header {
	origin := "example.org/" + string(class)
	l := &writtenLog{w: w, class: class, key: w.key(), sums: map[uint64]Sums{}, told: map[rowName]bool{}}
	w.logs[class] = l
	h := &Header{
		Audit: AuditRule{"drand quicknet", 60}, Class: class, Delta: day, Due: 8 * day, From: begin, To: begin + ticks*day, Ticks: ticks, Lag: day / 2, Origin: origin,
		Keys:        Keys{Log: PublicKey(origin, public(l.key)), Promise: []string{PublicKey("example.org/promise", public(w.promise))}, Report: PublicKey("example.org/report", public(w.report))},
		Publication: Live, Sheets: sheets, Suite: Suite, Witnesses: Witnesses{Quorum: 2},
	}
	for i := range 3 {
		k := w.key()
		l.witnesses = append(l.witnesses, k)
		h.Witnesses.Keys = append(h.Witnesses.Keys, Witness{WitnessKey(fmt.Sprintf("witness%d.example", i), public(k)), fmt.Sprintf("Organisation %d", i)})
	}
	left := Slots
	for i, s := range sheets {
		n := Slots / len(sheets)
		if i == len(sheets)-1 {
			n = left
		}
		left -= n
		h.Grid = append(h.Grid, Allotment{s.Name, n})
		if s.Joins == "" {
			h.Tables = append(h.Tables, Table{Cells: []CellName{{0, s.Name}}, Name: s.Name, NotBefore: h.To, Due: h.To + 30*day})
		}
	}
	return h
}

// add takes the next header.
func (l *writtenLog) add(h *Header) {
	l.w.t.Helper()
	chain, err := l.chain.With(h)
	if err != nil {
		l.w.t.Fatal(err)
	}
	l.chain = chain
	b, err := h.Marshal()
	if err != nil {
		l.w.t.Fatal(err)
	}
	l.w.put(l.class, "headers/"+strconv.FormatUint(h.Number, 10)+".json", b)
	if h.Number == 0 {
		l.write(l.last().HeaderBundle())
		l.publish(h.From - 1)
		l.tick = 1
	}
}

func (l *writtenLog) last() *Period { return l.chain[len(l.chain)-1] }

// open is the period whose ticks go on.
func (l *writtenLog) open() *Period {
	for _, p := range l.chain {
		if uint64(len(l.entries)) < p.End() {
			return p
		}
	}
	return nil
}

func (w *world) put(c Class, path string, b []byte) { w.dir[classPath(c, path)] = b }

// write appends entries and the tiles over them.
func (l *writtenLog) write(entries [][]byte) {
	for _, e := range entries {
		h, err := tlog.StoredHashes(int64(len(l.entries)), e, l)
		if err != nil {
			l.w.t.Fatal(err)
		}
		l.entries, l.hashes = append(l.entries, e), append(l.hashes, h...)
	}
	for n := 0; n < len(l.entries); n += BundleSize {
		var b []byte
		for _, e := range l.entries[n : n+BundleSize] {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(e))), e...)
		}
		l.w.put(l.class, EntriesPath(uint64(n/BundleSize)), b)
	}
	for _, tile := range tlog.NewTiles(8, 0, int64(len(l.entries))) {
		data, err := tlog.ReadTileData(tile, l)
		if err != nil {
			l.w.t.Fatal(err)
		}
		path := fmt.Sprintf("tile/%d/%s", tile.L, tilePath(uint64(tile.N)))
		maps.DeleteFunc(l.w.dir, func(old string, _ []byte) bool { return strings.HasPrefix(old, classPath(l.class, path)+".p/") })
		if tile.W < 256 {
			path += fmt.Sprintf(".p/%d", tile.W)
		}
		l.w.put(l.class, path, data)
	}
}

// ReadHashes makes the log its own hash reader.
func (l *writtenLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var list []tlog.Hash
	for _, i := range indexes {
		list = append(list, l.hashes[i])
	}
	return list, nil
}

func (l *writtenLog) root() Hash {
	h, err := tlog.TreeHash(int64(len(l.entries)), l)
	if err != nil {
		l.w.t.Fatal(err)
	}
	return Hash(h)
}

// publish signs the tree as it stands, witnessed at a time.
func (l *writtenLog) publish(at uint64) {
	text := CheckpointText("example.org/"+string(l.class), uint64(len(l.entries)), l.root())
	b := l.signed(text, at)
	l.w.put(l.class, "checkpoint", b)
	l.w.put(l.class, "checkpoints/"+strconv.Itoa(len(l.entries)), b)
	n, err := MarshalNotices(l.notices)
	if err != nil {
		l.w.t.Fatal(err)
	}
	l.w.put(l.class, "notices.json", n)
}

func (l *writtenLog) signed(text string, at uint64) []byte {
	b, err := note.Sign(&note.Note{Text: text}, noteSigner(l.w.t, "example.org/"+string(l.class), l.key))
	if err != nil {
		l.w.t.Fatal(err)
	}
	for i, k := range l.witnesses[:min(2, len(l.witnesses))] {
		t := at
		if l.cosign != nil {
			t = l.cosign(i, at)
		}
		b = append(b, cosignature(fmt.Sprintf("witness%d.example", i), k, text, t)...)
	}
	return b
}

func cosignature(name string, k ed25519.PrivateKey, text string, at uint64) []byte {
	sig := ed25519.Sign(k, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
	raw := binary.BigEndian.AppendUint32(nil, keyHash(name, append([]byte{4}, public(k)...)))
	raw = append(binary.BigEndian.AppendUint64(raw, at), sig...)
	return fmt.Appendf(nil, "— %s %s\n", name, base64.StdEncoding.EncodeToString(raw))
}

// notice is said with the next tick.
func (l *writtenLog) notice(kind string, digest Hash) {
	p := l.open()
	n := Notice{Bundle: p.First(l.tick, 0) / BundleSize, Digest: digest, Kind: kind}
	l.notices, l.notes = append(l.notices, n), n.After(l.notes)
}

// next makes the next tick, with these facts.
func (l *writtenLog) next(facts ...*Fact) []uint64 {
	l.w.t.Helper()
	p := l.open()
	if l.tick == 1 && p.Number > 0 {
		l.write(p.HeaderBundle())
	}
	plan, err := p.Tick(l.tick, l.notes, facts, l.sums[p.Number], l.w.rand)
	if err != nil {
		l.w.t.Fatal(err)
	}
	l.write(plan.Entries)
	l.sums[p.Number] = plan.Sums
	l.publish(uint64(p.TickTime(l.tick).Unix()))
	if l.tick++; l.tick > p.Ticks {
		l.tick = 1
	}
	if l.remembered != nil {
		l.remembered(plan.Indices)
	}
	return plan.Indices
}

// demand makes the facts of one demand: itself, its accounts, its outcome.
func (l *writtenLog) demand(sheet, reference, outcome string, accounts ...string) []*Fact {
	p := l.open()
	at := time.Unix(int64(p.From)+5, 0)
	d, err := NewDemand(DemandSubject("police/one", reference, sha256.Sum256([]byte(reference))), sheet, l.w.rand)
	if err != nil {
		l.w.t.Fatal(err)
	}
	var facts []*Fact
	make := func(kind, account string) {
		f, err := d.Fact(p, kind, account, 0, 0, at, l.w.rand)
		if err != nil {
			l.w.t.Fatal(err)
		}
		facts = append(facts, f)
	}
	make(TypeDemand, "")
	for _, a := range accounts {
		make(TypeAccount, a)
	}
	if outcome != "" {
		make(outcome, "")
	}
	return facts
}

// tell writes the report of every table whose time has come.
func (w *world) tell(name string) *Report { return w.tellWith(name, nil, nil) }

// tellWith changes what is said before it is proved, and after.
func (w *world) tellWith(name string, lie func(*Draft), change func(*Report)) *Report {
	w.t.Helper()
	d := &Draft{Statement: Statement{Name: name, Number: uint64(len(w.names)), Tables: []Row{}}}
	for _, c := range []Class{Public, Restricted} {
		l := w.logs[c]
		if l == nil {
			continue
		}
		size := uint64(len(l.entries))
		p, tick, err := l.chain.TickAt(size)
		if err != nil {
			w.t.Fatal(err)
		}
		state := State{Class: c, Origin: p.Origin, Root: l.root(), Size: size}
		for _, q := range l.chain[:p.Number+1] {
			state.Headers = append(state.Headers, q.Hash)
		}
		for _, t := range l.chain.Ready(p, tick, uint64(p.TickTime(tick).Unix())) {
			if n := (rowName{c, t.Header, t.Name}); !l.told[n] {
				l.told[n] = true
				if err := d.Add(l.chain, t, func(c CellName) (Running, error) { return l.sums[c.Period][c.Sheet], nil }, w.rand); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		d.Statement.Ledgers = append(d.Statement.Ledgers, state)
	}
	if lie != nil {
		lie(d)
	}
	r, err := d.Prove(w.rand)
	if err != nil {
		w.t.Fatal(err)
	}
	page := []byte("a page of " + name)
	w.dir["reports/"+name+"/index.html"] = page
	r.Files = []File{{"index.html", sha256.Sum256(page)}}
	w.names = append(w.names, name)
	if change != nil {
		change(r)
	}
	w.sign(r, 1)
	return r
}

// sign writes a report and says its digest in the ledgers.
func (w *world) sign(r *Report, version int) {
	b, err := r.Marshal()
	if err != nil {
		w.t.Fatal(err)
	}
	name := w.names[len(w.names)-1]
	if version > 1 {
		name = r.Statement.Name
	}
	n, err := SignReport(r.Statement.Name, b, version, noteSigner(w.t, "example.org/report", w.report))
	if err != nil {
		w.t.Fatal(err)
	}
	dir := "reports/" + name + "/"
	if version > 1 {
		old := fmt.Sprintf("%sreport-%d", dir, version-1)
		w.dir[old+".json"], w.dir[old+".note"] = w.dir[dir+"report.json"], w.dir[dir+"report.note"]
	}
	w.dir[dir+"report.json"], w.dir[dir+"report.note"] = b, n
	index, _ := MarshalIndex(w.names)
	w.dir["reports/index.json"] = index
	w.signSite()
	if version > 1 {
		return
	}
	for _, l := range w.logs {
		if l.open() != nil {
			l.notice(NoticeReport, sha256.Sum256(b))
		}
	}
}

// signSite writes the directory's own pages and signs the list of these.
func (w *world) signSite() {
	w.dir["index.html"], w.dir["assets/style.css"] = []byte("the first page"), []byte("p { color: black }")
	list := must(NewSiteList(map[string][]byte{"index.html": w.dir["index.html"], "assets/style.css": w.dir["assets/style.css"], "reports/index.json": w.dir["reports/index.json"]}).Marshal())
	w.signList(list)
}

func (w *world) signList(list []byte) {
	w.dir[siteListPath] = list
	w.dir[siteNotePath] = must(SignSite("example.org/public", list, noteSigner(w.t, "example.org/report", w.report)))
}

func (w *world) fetch(path string) ([]byte, error) {
	b, ok := w.dir[path]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(b), nil
}

// audit audits the directory. Ledgers that were accepted before, with the same
// bytes, are not audited again.
func (w *world) audit() (*Verdict, error) {
	a := &Audit{Fetch: w.fetch, Rand: rand.Reader}
	key := w.ledgerHash()
	v := &Verdict{versions: map[Hash]bool{}}
	if known, ok := audited.Load(key); ok {
		v.Ledgers = known.([]Ledger)
	} else {
		fresh, err := a.ledgers(context.Background())
		if err != nil {
			return nil, err
		}
		v = fresh
		audited.Store(key, v.Ledgers)
	}
	for _, step := range []func(*Verdict) error{a.reports, a.site} {
		if err := step(v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

var audited sync.Map // the ledgers of a verdict, by the hash of their bytes

// ledgerHash is over all files of the ledgers.
func (w *world) ledgerHash() Hash {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(w.dir)) {
		if strings.HasPrefix(path, "ledger/") {
			fmt.Fprintf(h, "%s %d\n%s", path, len(w.dir[path]), w.dir[path])
		}
	}
	return Hash(h.Sum(nil))
}

// accepted fails the test unless the audit accepts.
func (w *world) accepted() *Verdict {
	w.t.Helper()
	v, err := w.audit()
	if err != nil {
		w.t.Fatalf("a good directory was refused: %v", err)
	}
	return v
}

// refused fails the test unless the audit refuses, for a reason that holds the
// words.
func (w *world) refused(words string) {
	w.t.Helper()
	if _, err := w.audit(); err == nil {
		w.t.Errorf("the audit accepts")
	} else if !strings.Contains(err.Error(), words) {
		w.t.Errorf("the audit says %q, want %q", err, words)
	}
}

func sortListed(list []Listed) {
	slices.SortFunc(list, func(a, b Listed) int { return cmp.Compare(a.Index, b.Index) })
}

// branch is the world as it may go on from here under a name, without harm to
// what it was.
func (w *world) branch(t testing.TB, name string) *world {
	c := *w
	c.t, c.rand, c.name = t, seeded(name), name
	c.dir, c.logs, c.names = maps.Clone(w.dir), map[Class]*writtenLog{}, slices.Clone(w.names)
	c.facts, c.at = maps.Clone(w.facts), maps.Clone(w.at)
	for class, l := range w.logs {
		m := *l
		m.w, m.told, m.sums = &c, maps.Clone(l.told), map[uint64]Sums{}
		m.chain, m.entries, m.hashes, m.notices = slices.Clone(l.chain), slices.Clone(l.entries), slices.Clone(l.hashes), slices.Clone(l.notices)
		for n, s := range l.sums {
			m.sums[n] = maps.Clone(s)
		}
		c.logs[class] = &m
	}
	return &c
}

// newChain is the chain of these headers.
func newChain(headers []*Header) (c Chain, err error) {
	for _, h := range headers {
		if c, err = c.With(h); err != nil {
			return nil, err
		}
	}
	return c, nil
}
