package casework

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/blob"
	"github.com/vitrine-project/vitrine/internal/letter"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/production"
)

// deliver hands all volumes over to the outbox, or a refusal's letter. A hold
// in which nothing is open any more is destroyed after that.
func (d *Desk) deliver(ctx context.Context, id vitrine.ID) error {
	dem, err := d.Demand(ctx, id)
	if err != nil {
		return err
	}
	switch dem.Stage {
	case vitrine.Rejected:
		if dem.Refusal.Ground == Replaced {
			return nil
		}
		if err := d.decline(ctx, dem); err != nil {
			return fmt.Errorf("decline: %w", err)
		}
		return d.sendLetter(dem, letter.Refusal)
	case vitrine.Collected, vitrine.Extended:
		if preserves(dem) {
			return d.sendLetter(dem, letter.Preserved)
		}
		return nil
	case vitrine.Produced, vitrine.Delivered:
	default:
		return nil
	}
	if err := d.makeOutbox(); err != nil {
		return err
	}
	for _, p := range dem.Packages {
		if err := d.handOver(p); err != nil {
			return fmt.Errorf("deliver %s: %w", p.Name, err)
		}
	}
	d.reached("deliver: volumes placed")
	if err := d.listOpen(dem); err != nil {
		return fmt.Errorf("list open items: %w", err)
	}
	err = d.record(ctx, id, Machine, func(now vitrine.Demand) (vitrine.Event, error) {
		if now.Seq != dem.Seq || now.Stage == vitrine.Delivered && now.To == d.Outbox {
			return vitrine.Event{}, errDone
		}
		return vitrine.Event{Stage: vitrine.Delivered, Mandate: dem.Mandate, To: d.Outbox}, nil
	})
	if err != nil || dem.Open() > 0 {
		return err
	}
	d.reached("deliver: recorded")
	return d.dropHold(dem)
}

// preserves says that the demand's instrument keeps data and produces none.
func preserves(dem vitrine.Demand) bool {
	i, ok := law.Lookup(dem.Submission.Instrument)
	return ok && !i.Produces
}

// Redeliver queues another hand-over of the same volumes, or of the letter.
func (d *Desk) Redeliver(ctx context.Context, id vitrine.ID) error {
	return d.DB.Update(ctx, func(tx *store.Tx) error { return tx.Enqueue("deliver", id) })
}

// PackagePath is where the outbox has a volume's sealed file.
func (d *Desk) PackagePath(p vitrine.Package) string {
	return filepath.Join(d.Outbox, p.Name+".zip.age")
}

func (d *Desk) handOver(p vitrine.Package) error {
	for _, part := range []struct {
		digest vitrine.Digest
		path   string
	}{{p.SHA256, d.PackagePath(p)}, {p.Envelope, d.PackagePath(p) + ".json"}} {
		f, _, err := d.Packages.Open(part.digest)
		if err != nil {
			return err
		}
		err = errors.Join(blob.Place(f, part.digest, part.path, d.Reached), f.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

// DropUnneeded destroys every hold and volume that no demand needs: those of a
// process that died between writing one and recording it, or between the last
// delivery and its hold's end. The caller holds the data directory's lock.
func (d *Desk) DropUnneeded(ctx context.Context) error {
	needed := map[vitrine.Digest]bool{}
	pieces, err := d.keptPieces(ctx)
	if err != nil {
		return err
	}
	var ended []vitrine.ID // whose pieces nobody goes on from
	err = d.every(ctx, func(dem vitrine.Demand) {
		for _, k := range pieces[dem.ID] {
			needed[k.Digest] = dem.Stage == vitrine.Mandated
		}
		if dem.Stage != vitrine.Mandated && pieces[dem.ID] != nil {
			ended = append(ended, dem.ID)
		}
		if dem.Collection != nil && dem.Stage != vitrine.Voided && dem.Stage != vitrine.Released && (dem.Stage != vitrine.Delivered || dem.Open() > 0) {
			needed[dem.Collection.Hold] = true
		}
		for _, p := range dem.Packages {
			needed[p.SHA256], needed[p.Envelope] = true, true
		}
	})
	if err != nil {
		return err
	}
	for _, id := range ended {
		if err := d.dropPieces(ctx, id); err != nil {
			return err
		}
	}
	for _, dir := range []*blob.Dir{d.Holds, d.Packages} {
		digests, err := dir.Digests()
		if err != nil {
			return err
		}
		for _, digest := range digests {
			if needed[digest] {
				continue
			}
			if err := dir.Delete(digest); err != nil {
				return fmt.Errorf("destroy what no demand needs: %w", err)
			}
		}
	}
	return nil
}

func (d *Desk) dropHold(dem vitrine.Demand) error {
	if err := d.Holds.Delete(dem.Collection.Hold); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("destroy hold: %w", err)
	}
	return nil
}

// DecisionsPath is where the outbox has the list of the items that are open
// after the demand's last volume.
func (d *Desk) DecisionsPath(dem vitrine.Demand) string {
	return filepath.Join(d.Outbox, fmt.Sprintf("%s-%d.decisions.toml", dem.ID, len(dem.Packages)))
}

// listOpen writes the open items with what is known of each, never their
// content, as a decisions file to be filled in. A list that is there is a
// person's: it is left alone.
func (d *Desk) listOpen(dem vitrine.Demand) error {
	path := d.DecisionsPath(dem)
	if _, err := os.Stat(path); err == nil || dem.Open() == 0 {
		return nil
	}
	h, err := d.openHold(dem)
	if err != nil {
		return err
	}
	defer h.Close()
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Open items of demand %s: nobody can tell from the records whether they are in scope.\n", dem.ID)
	fmt.Fprintf(&b, "# Set each action to \"produce\" or \"withhold\" (with a reason in your own words), drop the items that stay open,\n")
	fmt.Fprintf(&b, "# and give the file to --decisions. A decision that was signed is not undone.\n")
	err = h.Items(func(it production.Item) error {
		if _, done := dem.Decided[it.Number]; done || it.Decision != production.Undeterminable {
			return nil
		}
		fmt.Fprintf(&b, "\n# %s: item %q of container %q of %s (%s), %d bytes, %s\n", it.Reason, it.Name, it.Container, it.Account, it.Source, it.Size, it.SHA256)
		fmt.Fprintf(&b, "# received %s; sent %s\n", span(it.Received), span(it.Sent))
		fmt.Fprintf(&b, "[[item]]\nnumber = %d\naction = \"\"\nreason = \"\"\n", it.Number)
		return nil
	})
	if err != nil {
		return err
	}
	return placeText(path, b.Bytes(), d.Reached)
}

func span(i production.Interval) string {
	switch {
	case !i.Known() && i.Raw != "":
		return fmt.Sprintf("unknown (%q)", i.Raw)
	case !i.Known():
		return "unknown"
	case i.From.Equal(i.To):
		return i.From.Format(time.RFC3339)
	}
	return "between " + i.From.Format(time.RFC3339) + " and " + i.To.Format(time.RFC3339)
}

// LetterPath is where the outbox has a letter that no package carries.
func (d *Desk) LetterPath(id vitrine.ID) string {
	return filepath.Join(d.Outbox, string(id)+".letter.txt")
}

func (d *Desk) sendLetter(dem vitrine.Demand, kind letter.Kind) error {
	text, err := d.letter(dem, kind)
	if err != nil {
		return err
	}
	return d.place(d.LetterPath(dem.ID), []byte(text))
}

func placeText(path string, text []byte, reached func(string)) error {
	return blob.Place(bytes.NewReader(text), vitrine.DigestOf(text), path, reached)
}

func (d *Desk) letter(dem vitrine.Demand, kind letter.Kind) (string, error) {
	entry, _ := d.Directory.Find(dem.Submission.Authority)
	instrument, _ := law.Lookup(dem.Submission.Instrument)
	return letter.Text(kind, letter.Data{
		Until:    instrument.Preserves.Until(dem.Submission.Received, 0), // a renewal is told by whoever renews it
		Provider: d.Provider, Authority: cmp.Or(entry.Name, string(dem.Submission.Authority)), Demand: dem,
		Instrument: cmp.Or(instrument.Name, string(dem.Submission.Instrument)), Today: dem.UpdatedAt.UTC(), Language: entry.Language,
	})
}
