package casework

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// Recorded says what became of a petition that was recorded.
type Recorded struct {
	Permission
	// Header is the first header that has what is in force now; ok is false where
	// nothing of it changes a header, or the one that does is not made yet.
	Header uint64
	OK     bool
	// Why says why no header has it, where none will as things stand.
	Why string
	// Standing are headers that say what is no longer in force, and can no longer
	// be changed.
	Standing []uint64
}

// petitionFiles are the records of petitions, in the order in which they were
// kept.
func (d *Desk) petitionFiles() ([]string, error) {
	if d.Records == "" {
		return nil, nil
	}
	names, err := filepath.Glob(filepath.Join(d.Records, "petitions", "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list petitions: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

// Petitions lists the petitions that were recorded, as they stand.
func (d *Desk) Petitions() ([]Permission, error) {
	files, err := d.petitionFiles()
	if err != nil {
		return nil, err
	}
	var all []Permission
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read petition: %w", err)
		}
		p, err := readPetition(raw)
		if err != nil {
			return nil, fmt.Errorf("read petition %s: %w", filepath.Base(name), err)
		}
		if i := slices.IndexFunc(all, func(q Permission) bool { return q.same(p.Petition) }); i >= 0 {
			all[i] = p
		} else {
			all = append(all, p)
		}
	}
	return all, nil
}

// Recorded lists the petitions with what follows from each.
func (d *Desk) Recorded() ([]Recorded, error) {
	all, err := d.Petitions()
	var out []Recorded
	for _, p := range all {
		r := Recorded{Permission: p}
		if b := d.Books[ledger.Restricted]; b != nil {
			r = b.effect(r)
		}
		out = append(out, r)
	}
	return out, err
}

func readPetition(raw []byte) (Permission, error) {
	p := Permission{Record: sha256.Sum256(raw)}
	if err := json.Unmarshal(raw, &p.Petition); err != nil {
		return p, err
	}
	return p, p.Check()
}

// permit gives the restricted ledger the petitions that were recorded, and has it
// say each record: one that was kept and not said, since the process died, too.
func (d *Desk) permit() error {
	b := d.Books[ledger.Restricted]
	if b == nil {
		return nil
	}
	all, err := d.Petitions()
	if err != nil {
		return err
	}
	b.Granted = all
	if len(b.Log.Chain()) == 0 {
		return nil
	}
	files, err := d.petitionFiles()
	if err != nil {
		return err
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read petition: %w", err)
		}
		if err := b.Log.Notice(ledger.NoticePetition, sha256.Sum256(raw), raw); err != nil {
			return fmt.Errorf("say petition: %w", err)
		}
	}
	return nil
}

// Petition records a petition as it stands now. Its record is public with the
// next tick; what is in force goes into the next header that can be announced
// before its period.
func (d *Desk) Petition(ctx context.Context, p law.Petition) (Recorded, error) {
	var out Recorded
	b := d.Books[ledger.Restricted]
	if b == nil {
		return out, vitrine.Refusef(vitrine.Usage, "a petition changes what the restricted ledger publishes, and there is none: [ledger.restricted] publication is off")
	}
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return out, fmt.Errorf("write petition: %w", err)
	}
	raw = append(raw, '\n')
	if out.Permission, err = readPetition(raw); err != nil {
		return out, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	all, err := d.Petitions()
	if err != nil {
		return out, err
	}
	i := slices.IndexFunc(all, func(q Permission) bool { return q.same(p) })
	if i < 0 || all[i].Record != out.Record {
		if i >= 0 {
			err = follows(all[i].Petition, p)
		}
		if err == nil {
			err = b.allows(out.Permission, all)
		}
		if err != nil {
			return out, err
		}
		if err := d.keepPetition(raw, out.Record); err != nil {
			return out, err
		}
	}
	if err := d.Prepare(ctx); err != nil {
		return out, err
	}
	return b.effect(out), nil
}

// follows refuses a record that forgets a step of the one before.
func follows(before, now law.Petition) error {
	if len(now.Steps) >= len(before.Steps) {
		same := func(a, b law.Dated) bool { return a.Step == b.Step && a.Day.Equal(b.Day) && a.Paper == b.Paper }
		if slices.EqualFunc(before.Steps, now.Steps[:len(before.Steps)], same) {
			return nil
		}
	}
	return vitrine.Refusef(vitrine.Usage, "the petition was recorded with other steps (the last was %q): leave those as they are, with their papers, and add what came after", before.Now())
}

// keepPetition keeps one more record, behind those that there are.
func (d *Desk) keepPetition(raw []byte, record ledger.Hash) error {
	files, err := d.petitionFiles()
	if err != nil {
		return err
	}
	return keepRecord(filepath.Join(d.Records, "petitions", fmt.Sprintf("%06d-%s.json", len(files)+1, record)), raw)
}

// allows refuses what no header could say: an opening of a cell that is not in
// the ledger, or that another petition opens, and rules that part a row.
func (b *Book) allows(p Permission, all []Permission) error {
	for _, o := range p.Openings {
		if _, ok := b.cell(o); !ok {
			return vitrine.Refusef(vitrine.Usage, "the opening of %s in %s: the restricted ledger has no such cell: name one of its periods (%s)", o.Sheet, o.Period, strings.Join(b.periods(), ", "))
		}
		for _, q := range all {
			if !q.same(p.Petition) && slices.ContainsFunc(q.Openings, func(c law.Cell) bool { return c.Sheet == o.Sheet && c.Period.Equal(o.Period) }) {
				return vitrine.Refusef(vitrine.Usage, "the opening of %s in %s: %s opens it already, and a cell is told once more, not twice", o.Sheet, o.Period, cmp.Or(q.Docket, q.Office))
			}
		}
	}
	if _, ok := p.InForce(); !ok {
		return nil // what it takes back, no other petition can hold
	}
	return b.checkRules(append(slices.DeleteFunc(slices.Clone(all), func(q Permission) bool { return q.same(p.Petition) }), p))
}

// checkRules refuses rules that no header of the configured structure can have, from
// any of the days on at which one of them begins.
func (b *Book) checkRules(granted []Permission) error {
	structure, _ := law.LookupStructure(b.Structure)
	for _, g := range granted {
		since, _ := g.InForce()
		for _, r := range g.Rules {
			from := r.From
			if !from.After(since) {
				from = since.AddDate(0, 0, 1)
			}
			if _, err := sheetsAt(structure, granted, from); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Book) periods() []string {
	var names []string
	for _, p := range b.Log.Chain() {
		names = append(names, periodOf(p.Header).Name())
	}
	return names
}

// cell finds a cell of the law in the ledger.
func (b *Book) cell(c law.Cell) (ledger.CellName, bool) { return findCell(b.Log.Chain(), c) }

// announceAhead is how long before its period a header is announced at the
// latest if it takes another's place: a tick that comes late must not make it
// one that was announced too late, which no ledger can go on with.
const announceAhead = 7 * 24 * time.Hour

// revise makes the newest header anew, as the config and what was granted now
// have it, if it can still be announced well before its period.
func (b *Book) revise(ctx context.Context, now time.Time) error {
	chain := b.Log.Chain()
	n := len(chain) - 1
	p, _, at, ok := b.Log.Next()
	if n < 1 || !ok || p.Number >= uint64(n) {
		return nil
	}
	if at.Before(now) {
		at = now
	}
	if !at.Before(instant(chain[n].From).Add(-announceAhead)) {
		return nil // the header after it says it
	}
	h, err := b.Next(chain[:n], now)
	if err != nil || h.Hash() == chain[n].Hash {
		return err
	}
	return b.Log.Add(ctx, h)
}

// effect finds what headers say of a petition.
func (b *Book) effect(r Recorded) Recorded {
	_, inForce := r.InForce()
	for _, p := range b.Log.Chain() {
		if !r.opens(b, p.Header) && !r.rules(p.Header) {
			continue
		}
		switch {
		case !inForce:
			r.Standing = append(r.Standing, p.Number)
		case !r.OK:
			r.Header, r.OK = p.Number, true
		}
	}
	if err := b.checkRules(b.Granted); inForce && !r.OK && err != nil {
		r.Why = err.Error()
	}
	return r
}

// Stayed are the tables that the next report would tell by what a petition
// granted that is not in force, and that no report has told, with the docket or
// the office of the petition. What a header says can no longer be changed, but a
// report can wait.
func (d *Desk) Stayed(told func(header uint64, table string) bool) (map[string][]string, error) {
	all, err := d.Recorded()
	b := d.Books[ledger.Restricted]
	if err != nil || b == nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, r := range all {
		for _, n := range r.Standing {
			for _, t := range r.tables(b, b.Log.Chain()[n]) {
				if t.NotBefore <= uint64(d.Now().Unix()) && !told(n, t.Name) && b.complete(t.Cells) {
					who := cmp.Or(r.Docket, r.Office)
					found[who] = append(found[who], t.Name)
				}
			}
		}
	}
	return found, nil
}

// tables are those of a header that say what a petition granted.
func (p Permission) tables(b *Book, h *ledger.Period) []ledger.Table {
	var list []ledger.Table
	if p.rules(h.Header) {
		list = slices.Clone(h.Tables)
	}
	for _, o := range h.Openings {
		if p.cells(b, o) {
			list = append(list, ledger.Table{Cells: o.Cells, Name: o.Name, NotBefore: o.NotBefore})
		}
	}
	return list
}

func (b *Book) complete(cells []ledger.CellName) bool {
	return !slices.ContainsFunc(cells, func(c ledger.CellName) bool {
		_, complete, err := b.Log.Sums(c)
		return err != nil || !complete
	})
}

// cells reports whether an opening is of a petition's cells.
func (p Permission) cells(b *Book, o ledger.Permit) bool {
	return slices.ContainsFunc(p.Openings, func(c law.Cell) bool {
		cell, ok := b.cell(c)
		return ok && slices.Contains(o.Cells, cell)
	})
}

// opens reports whether a header opens a cell of a petition's.
func (p Permission) opens(b *Book, h *ledger.Header) bool {
	return slices.ContainsFunc(h.Openings, func(o ledger.Permit) bool { return p.cells(b, o) })
}
