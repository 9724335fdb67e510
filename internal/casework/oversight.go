package casework

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/ledger"
)

// Listing is the list of a cell's real leaves. It is secret: it says how many
// there are, and what they are.
type Listing struct {
	Class  ledger.Class
	Cell   ledger.CellName
	List   []byte
	Digest ledger.Hash
	// Beside are the cells whose lists an auditor needs with this one, since the
	// demands of its accounts and outcomes stand there.
	Beside []ledger.CellName
}

// listed is what is kept of a list: with the facts in the queue, and the key
// that they are sealed to, the list can be made again, and without them not.
type listed struct {
	Digest ledger.Hash `json:"digest"`
	Salt   []byte      `json:"salt"` // sealed: with it, the digest of an empty list would be known
}

// FindCell finds a sheet's ledger, and a period in it by number or name.
func (d *Desk) FindCell(period, sheet string) (*Book, ledger.CellName, error) {
	for _, class := range []ledger.Class{ledger.Public, ledger.Restricted} {
		b := d.Books[class]
		if b == nil {
			continue
		}
		for _, p := range b.Log.Chain() {
			_, has := p.Sheet(sheet)
			if has && (periodOf(p.Header).Name() == period || strconv.FormatUint(p.Number, 10) == period) {
				return b, ledger.CellName{Period: p.Number, Sheet: sheet}, nil
			}
		}
	}
	return nil, ledger.CellName{}, vitrine.Refusef(vitrine.Usage, "no ledger has a sheet %q in a period %q: name a sheet such as us/search-warrant, and a period by its number from 0 on, or by name such as 2026-H1", sheet, period)
}

// Period finds a period by number or name.
func (b *Book) Period(name string) (*ledger.Period, error) {
	var names []string
	for _, p := range b.Log.Chain() {
		if periodOf(p.Header).Name() == name || strconv.FormatUint(p.Number, 10) == name {
			return p, nil
		}
		names = append(names, periodOf(p.Header).Name())
	}
	return nil, vitrine.Refusef(vitrine.Usage, "the %s ledger has no period %q: it has %s", b.Class, name, strings.Join(names, ", "))
}

// CommitList makes the list of a complete cell and has the ledger say its digest
// with the next tick. A cell has one list: called again, it returns the same.
func (d *Desk) CommitList(ctx context.Context, b *Book, cell ledger.CellName) (*Listing, error) {
	l, err := d.list(ctx, b, cell, true)
	if err != nil {
		return nil, err
	}
	if _, err := d.proof(b, l); err != nil {
		return nil, err
	}
	if err := b.Log.Notice(ledger.NoticeTally, l.Digest, nil); err != nil {
		return nil, fmt.Errorf("commit to list: %w", err)
	}
	return l, nil
}

// OpenList returns the list of a cell with its proof, once the log has the
// notice of it, so that nobody can choose the list by what the auditor asks.
func (d *Desk) OpenList(ctx context.Context, b *Book, cell ledger.CellName) (l *Listing, proof []byte, err error) {
	if l, err = d.list(ctx, b, cell, false); err != nil {
		return nil, nil, err
	}
	said, err := b.notices()
	if err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(said, func(n ledger.Notice) bool { return n.Digest == l.Digest }) {
		next := "when the next period has a header"
		if _, _, at, ok := b.Log.Next(); ok {
			next = "on " + at.Format(time.RFC3339)
		}
		return nil, nil, vitrine.Refusef(vitrine.Busy, "the list is committed to with the next tick, %s: it is opened after that; bring the ledger to the present then (vitrine report build)", next)
	}
	proof, err = d.proof(b, l)
	return l, proof, err
}

// notices are those that are public.
func (b *Book) notices() ([]ledger.Notice, error) {
	raw, err := fs.ReadFile(b.Log.Public(), "notices.json")
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	return ledger.ParseNotices(raw)
}

// list makes the list of a complete cell: with the salt that is kept, or with a
// new one if there is none and fresh allows it.
func (d *Desk) list(ctx context.Context, b *Book, cell ledger.CellName, fresh bool) (*Listing, error) {
	if b.destroyed(d, cell.Period) {
		return nil, vitrine.Refusef(vitrine.Refused, "the key of period %d of the %s ledger was destroyed: nobody can list what it counted any more", cell.Period, b.Class)
	}
	if _, complete, err := b.Log.Sums(cell); err != nil || !complete {
		return nil, errors.Join(err, notComplete(b, cell, err))
	}
	path := d.listPath(b.Class, cell)
	kept, err := readListed(path)
	if err != nil {
		return nil, err
	}
	if kept == nil && !fresh {
		return nil, vitrine.Refusef(vitrine.Usage, "nobody committed to a list of %s in period %d: run vitrine audit commit first", cell.Sheet, cell.Period)
	}
	salt := make([]byte, 32)
	if kept != nil {
		if salt, err = b.Sealer.Unseal(kept.Salt); err != nil || len(salt) != 32 {
			return nil, fmt.Errorf("open salt of list: %w", err)
		}
	} else if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	l, err := d.makeList(ctx, b, cell, ledger.Hash(salt))
	if err != nil {
		return nil, err
	}
	if kept != nil && kept.Digest != l.Digest {
		return nil, vitrine.Refusef(vitrine.Unverified, "the facts of %s in period %d are not those of the list that was committed to: restore the store from a backup", cell.Sheet, cell.Period)
	}
	if kept != nil {
		return l, nil
	}
	sealed, err := b.Sealer.SealFor(cell.Period, salt)
	if err != nil {
		return nil, err
	}
	return l, writeListed(path, listed{l.Digest, sealed})
}

func notComplete(b *Book, cell ledger.CellName, err error) error {
	if err != nil {
		return nil
	}
	p := b.Log.Chain()[cell.Period]
	return vitrine.Refusef(vitrine.Refused, "the cell of %s in period %d is not complete: its last tick is published on %s", cell.Sheet, cell.Period, p.TickTime(p.Ticks).Format(time.RFC3339))
}

// makeList opens the facts of a cell, with its period's key.
func (d *Desk) makeList(ctx context.Context, b *Book, cell ledger.CellName, salt ledger.Hash) (*Listing, error) {
	var facts []store.Fact
	demands := map[vitrine.ID]ledger.CellName{}
	err := d.DB.View(ctx, func(tx *store.Tx) (err error) {
		if facts, err = tx.Listed(string(b.Class), cell.Period, cell.Sheet); err != nil {
			return err
		}
		return demandsOf(tx, facts, demands)
	})
	if err != nil {
		return nil, err
	}
	list := ledger.List{Cell: cell, Origin: b.Log.Chain()[cell.Period].Origin, Salt: salt}
	out := &Listing{Class: b.Class, Cell: cell}
	for _, f := range facts {
		open, err := b.open(f)
		if err != nil {
			return nil, err
		}
		list.Leaves = append(list.Leaves, ledger.ListFact(uint64(f.Index), open))
		if at, ok := demands[f.Demand]; ok && at != cell && !slices.Contains(out.Beside, at) {
			out.Beside = append(out.Beside, at)
		}
	}
	if out.List, err = list.Marshal(); err != nil {
		return nil, err
	}
	out.Digest = sha256.Sum256(out.List)
	return out, nil
}

// demandsOf finds where the demands stand that facts are about.
func demandsOf(tx *store.Tx, facts []store.Fact, at map[vitrine.ID]ledger.CellName) error {
	for _, f := range facts {
		if _, ok := at[f.Demand]; ok {
			continue
		}
		all, err := tx.FactsOf(f.Demand)
		if err != nil {
			return err
		}
		for _, g := range all {
			if g.Type == ledger.TypeDemand {
				at[f.Demand] = ledger.CellName{Period: g.Period, Sheet: g.Sheet}
			}
		}
	}
	return nil
}

// proof shows that the cell holds the list and nothing else.
func (d *Desk) proof(b *Book, l *Listing) ([]byte, error) {
	sum, _, err := b.Log.Sums(l.Cell)
	if err != nil {
		return nil, err
	}
	s, _ := b.Log.Chain().Sheet(l.Cell)
	proof, err := ledger.ProveTally(l.List, s, sum, rand.Reader)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Unverified, "the store's facts of %s in period %d are not what the ledger holds (%v): restore the store from a backup", l.Cell.Sheet, l.Cell.Period, err)
	}
	return proof, nil
}

// AddStatement has the ledger that it names say an auditor's statement, and
// publish it, with the next tick. One that is not about this ledger's own tree
// is refused.
func (d *Desk) AddStatement(note []byte) (*ledger.AuditorStatement, error) {
	s, err := ledger.OpenStatement(note)
	if err != nil {
		return nil, &vitrine.Refusal{Kind: vitrine.Unverified, Text: err.Error()}
	}
	for _, b := range d.Books {
		if b.Origin != s.Origin {
			continue
		}
		if err := b.fits(s); err != nil {
			return nil, vitrine.Refusef(vitrine.Unverified, "the statement is not about this ledger: %v", err)
		}
		return s, b.Log.Notice(ledger.NoticeStatement, sha256.Sum256(note), note)
	}
	return nil, vitrine.Refusef(vitrine.Usage, "the statement is about the ledger %s, which is none of the config's", s.Origin)
}

// fits compares a statement with the log: its header and list, and its tree with
// the checkpoint that is kept of that size.
func (b *Book) fits(s *ledger.AuditorStatement) error {
	chain := b.Log.Chain()
	if s.Period >= uint64(len(chain)) || chain[s.Period].Hash != s.Header {
		return fmt.Errorf("header %d is another", s.Period)
	}
	raw, err := fs.ReadFile(b.Log.Public(), "checkpoints/"+strconv.FormatUint(s.Size, 10))
	if err != nil {
		return fmt.Errorf("no tick ended with %d entries", s.Size)
	}
	p, _, err := chain.TickAt(s.Size)
	if err != nil {
		return err
	}
	cp, err := p.OpenCheckpoint(raw)
	if err != nil {
		return err
	}
	if cp.Root != s.Root || s.Size < chain[s.Period].End() {
		return fmt.Errorf("the tree of %d entries has another root, or ends before period %d", s.Size, s.Period)
	}
	if s.Procedure == ledger.ByBundles {
		return nil
	}
	said, err := b.notices()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(said, func(n ledger.Notice) bool { return n.Kind == ledger.NoticeTally && n.Digest == s.List }) {
		return errors.New("nobody committed to its list")
	}
	return nil
}

func (d *Desk) listPath(class ledger.Class, cell ledger.CellName) string {
	return filepath.Join(d.Records, "lists", fmt.Sprintf("%s-%d-%s.json", class, cell.Period, strings.ReplaceAll(cell.Sheet, "/", "_")))
}

func readListed(path string) (*listed, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	kept := new(listed)
	if err == nil {
		err = json.Unmarshal(b, kept)
	}
	if err != nil {
		return nil, fmt.Errorf("read record of list: %w", err)
	}
	return kept, nil
}

func writeListed(path string, l listed) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return keepRecord(path, b)
}

// keepRecord keeps a paper of the provider's own: whole, or not at all.
func keepRecord(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make records: %w", err)
	}
	return placeText(path, b, nil)
}
