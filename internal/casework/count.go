package casework

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/sequencer"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// Sealer seals what is secret of a ledger's facts.
type Sealer interface {
	Seal(plain []byte) ([]byte, error) // to the present period's key
	SealFor(period uint64, plain []byte) ([]byte, error)
	Unseal(sealed []byte) ([]byte, error)
	// Destroy makes what was sealed for a period unreadable, for good.
	Destroy(period uint64) error
	// Hedge returns randomness for one occasion, that no other gets.
	Hedge(rand io.Reader, occasion ...string) (io.Reader, error)
}

// Book is one of the provider's ledgers at the desk.
type Book struct {
	Counting
	Log      *sequencer.Log
	Promises ledger.Signer
	Reports  ledger.Signer
	Sealer   Sealer
	// Live has ticks of the running period made only while something waits for
	// one: for demonstrations, since it shows when something came. They are made
	// up once something does, and once the period is over.
	Live bool
}

// book is the ledger that counts an instrument, or nil if that is off.
func (d *Desk) book(id vitrine.InstrumentID) (*Book, law.Instrument) {
	i, ok := law.Lookup(id)
	if !ok {
		return nil, i
	}
	return d.Books[ledger.Class(i.Class)], i
}

// NowPeriod is the period whose key secrets are sealed to: that of the next
// tick.
func (b *Book) NowPeriod() uint64 {
	if b.Log == nil {
		return 0
	}
	if p, _, _, ok := b.Log.Next(); ok {
		return p.Number
	}
	return 0
}

// period is where a fact of that time is counted: its own period, or the first
// whose ticks go on.
func (b *Book) period(at time.Time) (*ledger.Period, error) {
	next, _, _, ok := b.Log.Next()
	for _, p := range b.Log.Chain() {
		if ok && p.Number < next.Number || !ok {
			continue
		}
		if at.Unix() < int64(p.To) {
			return p, nil
		}
	}
	return nil, vitrine.Refusef(vitrine.Busy, "the %s ledger has no header for %s yet: nothing was recorded; run vitrine report build, which makes the ticks that are due and the next header, and try again; if it stays, check the machine's clock", b.Class, at.Format(time.RFC3339))
}

// sheet is where a fact of an instrument is counted: on the sheet that the law
// names, or on its part for the authority's State.
func (d *Desk) sheet(p *ledger.Period, i law.Instrument, sub vitrine.Submission, field string) (string, error) {
	name := i.CountsOn(field)
	if _, ok := p.Sheet(name); ok {
		return name, nil
	}
	entry, _ := d.Directory.Find(sub.Authority)
	part := name + "/" + entry.State()
	if _, ok := p.Sheet(part); ok {
		return part, nil
	}
	return "", vitrine.Refusef(vitrine.Usage, "the ledger's period from %s counts no %s: nothing was recorded; add it to [ledger] sheets, and answer the demand once the period with it has begun", instant(p.From).Format(time.DateOnly), name)
}

// specified are the accounts that a demand names: one for everybody names none.
func specified(sub vitrine.Submission) []vitrine.Account {
	return slices.DeleteFunc(slices.Clone(sub.Asked.Accounts), vitrine.Account.Everybody)
}

// accounts are the facts that a demand's accounts make: one each, or the
// number of all in the demand's own fact where a tick has no room for them.
func (b *Book) accounts(list []vitrine.Account, sheet string) (each []vitrine.Account, bulk uint32) {
	if len(list) > b.Log.Room(sheet)/2 {
		return nil, uint32(len(list))
	}
	return list, 0
}

// factID names a fact, so that it is queued once however often its demand's
// paper is read.
func factID(b *Book, subject vitrine.Digest, kind, account string, i uint32) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s\x00%d", b.Class, subject, kind, account, i))
	return hex.EncodeToString(sum[:16])
}

// count queues, in the event's transaction, the facts that follow from it.
func (d *Desk) count(tx *store.Tx, dem vitrine.Demand, e vitrine.Event) error {
	sub := dem.Submission
	if e.Stage == vitrine.Received {
		sub = *e.Submission
	}
	b, i := d.book(sub.Instrument)
	if b == nil {
		return nil
	}
	c := counter{desk: d, book: b, law: i, tx: tx, id: dem.ID, sub: sub}
	switch e.Stage {
	case vitrine.Received:
		return c.received()
	case vitrine.Rejected:
		if e.Refusal.Ground == Replaced {
			return nil
		}
		if stranger(e) {
			return c.void(law.Rejected, e.At)
		}
		return c.outcome(rejected(e), e.At)
	case vitrine.Voided:
		return c.void(law.Voided, e.At)
	case vitrine.Produced:
		return c.outcome(disclosed(dem, *e.Package), e.At)
	}
	return nil
}

// notHeld is the ground of a demand for data that the provider does not have.
const notHeld = "data-not-held"

// rejected is how a demand that was refused is counted.
func rejected(e vitrine.Event) string {
	if e.Refusal.Ground == notHeld {
		return law.NoData
	}
	return law.Rejected
}

// disclosed is what kind of data the volumes hold with this one. A demand that
// disclosed content later is counted there too: nothing is ever taken back.
func disclosed(dem vitrine.Demand, p vitrine.Package) string {
	items := p.Items
	for _, q := range dem.Packages {
		items += q.Items
	}
	switch {
	case items == 0:
		return law.NoData
	case slices.Contains(dem.Granted.Categories, vitrine.Content):
		return law.ContentField
	}
	return law.Noncontent
}

// counter makes the facts of one event.
type counter struct {
	desk *Desk
	book *Book
	law  law.Instrument
	tx   *store.Tx
	id   vitrine.ID
	sub  vitrine.Submission
}

func (c *counter) received() error {
	p, err := c.book.period(c.sub.Received)
	if err != nil {
		return err
	}
	sheet, err := c.desk.sheet(p, c.law, c.sub, law.Demand)
	if err != nil {
		return err
	}
	accounts, err := c.desk.sheet(p, c.law, c.sub, law.AccountField)
	if err != nil {
		return err
	}
	each, bulk := c.book.accounts(specified(c.sub), accounts)
	if err := c.room(p, map[string]int{sheet: 2, accounts: len(each)}); err != nil {
		return err
	}
	hedged, err := c.book.Sealer.Hedge(rand.Reader, "demand", c.sub.Subject().String(), c.desk.Now().String())
	if err != nil {
		return err
	}
	salted, err := ledger.NewDemand(ledger.Hash(c.sub.Subject()), sheet, hedged)
	if err != nil {
		return err
	}
	if earlier, err := c.earlier(); err != nil || earlier != nil {
		if err != nil {
			return err
		}
		salted = *earlier
	}
	if err := c.add(salted, law.Demand, "", 0, bulk, c.sub.Received); err != nil {
		return err
	}
	salted.Sheet = accounts
	for _, a := range each {
		if err := c.add(salted, law.AccountField, string(a), 0, 0, c.sub.Received); err != nil {
			return err
		}
	}
	return nil
}

// room refuses a demand whose facts could not be in the log in time.
func (c *counter) room(p *ledger.Period, needs map[string]int) error {
	now, left := c.desk.Now(), 0
	for t := uint64(1); t <= p.Ticks; t++ {
		if at := p.TickTime(t); at.After(now) && !at.After(now.Add(time.Duration(p.Due)*time.Second)) {
			left++
		}
	}
	left = max(left, 1) // ticks that were missed are made up
	for sheet, need := range needs {
		waiting, err := c.tx.Backlog(string(c.book.Class), sheet)
		if err != nil {
			return err
		}
		if waiting+need > left*c.book.Log.Room(sheet) {
			return vitrine.Refusef(vitrine.Busy, "the ledger has no room on sheet %s in time: nothing was recorded; send the demand again after the next tick, and give the sheet more slots in the next period", sheet)
		}
	}
	return nil
}

// facts are those of all readings of the demand's paper in this ledger: what
// was counted under one is not counted again under the next.
func (c *counter) facts() ([]store.Fact, error) {
	ids, err := c.tx.BySubject(c.sub.Subject())
	if err != nil {
		return nil, err
	}
	var all []store.Fact
	for _, id := range ids {
		facts, err := c.tx.FactsOf(id)
		if err != nil {
			return nil, err
		}
		all = append(all, facts...)
	}
	return slices.DeleteFunc(all, func(f store.Fact) bool { return f.Class != string(c.book.Class) }), nil
}

// earlier is the demand as it was counted before, from the facts in the queue.
func (c *counter) earlier() (*ledger.Demand, error) {
	facts, err := c.facts()
	i := slices.IndexFunc(facts, func(f store.Fact) bool { return f.Type == law.Demand })
	if err != nil || i < 0 {
		return nil, err
	}
	open, err := c.book.open(facts[i])
	if err != nil {
		return nil, err
	}
	return &ledger.Demand{Subject: open.Subject, ParentSalt: open.ParentSalt, Sheet: facts[i].Sheet}, nil
}

func (c *counter) outcome(kind string, at time.Time) error {
	salted, err := c.earlier()
	if err != nil || salted == nil {
		return err // it came before there was a ledger
	}
	p, err := c.book.period(at)
	if err != nil {
		return err
	}
	if s, ok := p.Sheet(salted.Sheet); !ok || !slices.ContainsFunc(s.Fields, func(f ledger.Field) bool { return f.Name == kind }) {
		return nil // the sheet does not count it
	}
	return c.add(*salted, kind, "", 0, 0, at)
}

// void takes facts that wait out of the queue, or counts that those in the
// log are void: nothing is ever taken out of the log.
func (c *counter) void(outcome string, at time.Time) error {
	facts, err := c.facts()
	if err != nil {
		return err
	}
	for _, f := range facts {
		_, logged, err := c.book.Log.Counted(f.ID)
		if err != nil {
			return err
		}
		if f.Index >= 0 || logged {
			return c.outcome(outcome, at)
		}
	}
	for _, f := range facts {
		if err := c.tx.Drop(f.Demand); err != nil {
			return err
		}
	}
	return nil
}

func (c *counter) add(d ledger.Demand, kind, account string, i, bulk uint32, at time.Time) error {
	id := factID(c.book, vitrine.Digest(d.Subject), kind, account, i)
	if has, err := c.tx.HasFact(id); err != nil || has {
		return err
	}
	p, err := c.book.period(at)
	if err != nil {
		return err
	}
	hedged, err := c.book.Sealer.Hedge(rand.Reader, "fact", id, p.Hash.String(), c.desk.Now().String())
	if err != nil {
		return err
	}
	f, err := d.Fact(p, kind, account, i, bulk, at, hedged)
	if err != nil {
		return err
	}
	leaf, sealed, err := c.book.seal(p, f)
	if err != nil {
		return err
	}
	taken := c.desk.Now().Unix() // a paper that is typed in late is promised from then on
	_, err = c.tx.AddFact(store.Fact{
		ID: id, Class: string(c.book.Class), Period: p.Number, Sheet: d.Sheet, Type: kind, Demand: c.id, Account: account, Leaf: leaf, Sealed: sealed,
		Received: taken, Due: taken + int64(p.Due),
	})
	return err
}

func (b *Book) seal(p *ledger.Period, f *ledger.Fact) (leaf, sealed []byte, err error) {
	s, _ := p.Sheet(f.Sheet)
	l, err := f.Leaf(s)
	if err != nil {
		return nil, nil, err
	}
	plain := append(append(f.ParentSalt[:], f.SubjectSalt[:]...), f.Opening.Marshal()...)
	sealed, err = b.Sealer.SealFor(p.Number, plain)
	return l[:], sealed, err
}

func (b *Book) open(f store.Fact) (*ledger.Fact, error) {
	plain, err := b.Sealer.Unseal(f.Sealed)
	if err != nil || len(plain) < 64 {
		return nil, fmt.Errorf("open fact %s: %w", f.ID, err)
	}
	o, err := ledger.ParseOpening(plain[64:])
	if err != nil {
		return nil, fmt.Errorf("open fact %s: %w", f.ID, err)
	}
	return &ledger.Fact{Opening: *o, ParentSalt: [32]byte(plain[:32]), SubjectSalt: [32]byte(plain[32:64])}, nil
}
