package casework

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/ledger"
)

// Destroyed is the record that the key of a period was destroyed: after that,
// nothing that was sealed to it is read by anybody. It is public.
type Destroyed struct {
	Because string       `json:"because"`
	Class   ledger.Class `json:"class"`
	Day     string       `json:"day"` // 2006-01-02, UTC
	Header  ledger.Hash  `json:"header"`
	Origin  string       `json:"origin"`
	Period  uint64       `json:"period"`
}

func (d *Desk) destroyedPath(class ledger.Class, period uint64) string {
	return filepath.Join(d.Records, "keys", fmt.Sprintf("%s-%d.json", class, period))
}

// DestroyKey destroys the key of a period, and has the ledger say so with its
// next tick. told reports whether a sheet's cell of the period stands in a
// report. The record is kept before the key goes: a call that was killed is
// carried through by the next command.
func (d *Desk) DestroyKey(ctx context.Context, b *Book, p *ledger.Period, because string, told func(sheet string) bool) (Destroyed, error) {
	r := Destroyed{Because: because, Class: b.Class, Day: d.Now().UTC().Format(time.DateOnly), Header: p.Hash, Origin: p.Origin, Period: p.Number}
	if b.destroyed(d, p.Number) {
		return r, vitrine.Refusef(vitrine.Usage, "the key of period %d of the %s ledger is destroyed already", p.Number, b.Class)
	}
	if !b.past(p) {
		return r, vitrine.Refusef(vitrine.Usage, "period %d of the %s ledger is not over: its key is needed until the first tick of the period behind it is made", p.Number, b.Class)
	}
	var missing []string
	for _, s := range p.Sheets {
		if !told(s.Name) {
			missing = append(missing, s.Name)
		}
	}
	if len(missing) > 0 {
		return r, vitrine.Refusef(vitrine.Usage, "%s of period %d stands in no report yet, and never could without the key: publish it first (vitrine report build)", strings.Join(missing, ", "), p.Number)
	}
	if err := d.allEnded(ctx, b, p); err != nil {
		return r, err
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return r, fmt.Errorf("write record: %w", err)
	}
	path := d.destroyedPath(b.Class, p.Number)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return r, fmt.Errorf("make directory: %w", err)
	}
	if err := placeText(path, append(raw, '\n'), d.Reached); err != nil {
		return r, err
	}
	d.reached("key: recorded")
	return r, d.destroyKeys()
}

// past reports whether a tick behind a period is made. The plan of a period's
// last tick is sealed to its key, and read whenever the ledger is opened until
// there is another.
func (b *Book) past(p *ledger.Period) bool {
	next, tick, _, ok := b.Log.Next()
	return ok && (next.Number > p.Number+1 || next.Number == p.Number+1 && tick > 1)
}

// allEnded refuses while a demand that is counted in a period is not answered:
// its outcome could no longer be counted.
func (d *Desk) allEnded(ctx context.Context, b *Book, p *ledger.Period) error {
	return d.DB.View(ctx, func(tx *store.Tx) error {
		for _, s := range p.Sheets {
			facts, err := tx.Listed(string(b.Class), p.Number, s.Name)
			if err != nil {
				return err
			}
			for _, f := range facts {
				dem, err := newest(tx, f.Demand)
				if err != nil {
					return err
				}
				if ended := dem.Stage == vitrine.Rejected || dem.Stage == vitrine.Voided || dem.Stage == vitrine.Delivered && dem.Open() == 0; !ended {
					return vitrine.Refusef(vitrine.Usage, "demand %s, which is counted in period %d, is not answered: its outcome could not be counted without the key; answer it first", f.Demand, p.Number)
				}
			}
		}
		return nil
	})
}

// newest is the newest reading of a demand's paper.
func newest(tx *store.Tx, id vitrine.ID) (vitrine.Demand, error) {
	dem, err := tx.Demand(id)
	if err != nil {
		return dem, err
	}
	ids, err := tx.BySubject(dem.Submission.Subject())
	if err != nil || len(ids) == 0 {
		return dem, err
	}
	return tx.Demand(ids[len(ids)-1])
}

// destroyKeys carries out what was recorded: the ledger says each record, and
// the keys are gone.
func (d *Desk) destroyKeys() error {
	if d.Records == "" {
		return nil
	}
	paths, err := filepath.Glob(filepath.Join(d.Records, "keys", "*.json"))
	if err != nil {
		return fmt.Errorf("list destroyed keys: %w", err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read record of a key: %w", err)
		}
		var r Destroyed
		if err := json.Unmarshal(raw, &r); err != nil {
			return fmt.Errorf("read record of a key: %w", err)
		}
		b := d.Books[r.Class]
		if b == nil || len(b.Log.Chain()) == 0 {
			continue
		}
		if err := b.Log.Notice(ledger.NoticeKey, sha256.Sum256(raw), raw); err != nil {
			return fmt.Errorf("say that a key was destroyed: %w", err)
		}
		if err := b.Sealer.Destroy(r.Period); err != nil {
			return fmt.Errorf("destroy key: %w", err)
		}
	}
	return nil
}

// destroyed reports whether the key of a period was destroyed.
func (b *Book) destroyed(d *Desk, period uint64) bool {
	_, err := os.Stat(d.destroyedPath(b.Class, period))
	return err == nil
}

// gone reports whether a fact cannot be opened since the key of its period was
// destroyed: a key that is lost is another matter.
func (b *Book) gone(d *Desk, f store.Fact, err error) bool {
	return errors.Is(err, fs.ErrNotExist) && b.destroyed(d, f.Period)
}
