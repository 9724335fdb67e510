package casework

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/mandate"
	"github.com/vitrine-project/vitrine/production"
)

// seal makes the next volume: all items in scope first, later those that a
// signed ruling produces. A demand that only preserves has no volumes.
func (d *Desk) seal(ctx context.Context, id vitrine.ID) error {
	dem, err := d.Demand(ctx, id)
	if err != nil || (dem.Stage != vitrine.Collected && dem.Stage != vitrine.Decided) {
		return err
	}
	if preserves(dem) {
		return d.Redeliver(ctx, id)
	}
	events, err := d.Events(ctx, id)
	if err != nil {
		return err
	}
	pkg, err := d.sealVolume(ctx, dem, events)
	if err != nil {
		return err
	}
	d.reached("seal: volume kept")
	return d.record(ctx, id, Machine, func(now vitrine.Demand) (vitrine.Event, error) {
		if now.Seq != dem.Seq {
			return vitrine.Event{}, errDone
		}
		return vitrine.Event{Stage: vitrine.Produced, Mandate: dem.Mandate, Package: &pkg}, nil
	})
}

func (d *Desk) sealVolume(ctx context.Context, dem vitrine.Demand, events []vitrine.Event) (vitrine.Package, error) {
	pkg := vitrine.Package{Volume: len(dem.Packages) + 1, Open: dem.Open()}
	pkg.Name = fmt.Sprintf("%s-%d", dem.ID, pkg.Volume)
	recipients, fingerprints, err := d.recipients(dem)
	if err != nil {
		return pkg, err
	}
	ruled, err := d.ruled(dem, events)
	if err != nil {
		return pkg, err
	}
	hold, err := d.openHold(dem)
	if err != nil {
		return pkg, err
	}
	defer hold.Close()
	file, err := d.Packages.Create()
	if err != nil {
		return pkg, fmt.Errorf("create package: %w", err)
	}
	defer file.Abort()
	w, err := production.Create(file, d.Spool, recipients)
	if err != nil {
		return pkg, fmt.Errorf("create package: %w", err)
	}
	defer w.Abort()
	if err := d.fill(ctx, w, hold, dem, ruled); err != nil {
		return pkg, fmt.Errorf("fill package: %w", err)
	}
	d.reached("seal: items sealed")
	sealed, err := d.closeBag(w, *dem.Collection, bag{dem: dem, volume: pkg.Volume, events: events})
	if err != nil {
		return pkg, fmt.Errorf("close package: %w", err)
	}
	digest, size, err := file.Commit()
	if err != nil {
		return pkg, fmt.Errorf("keep package: %w", err)
	}
	if digest != sealed.SHA256 || size != sealed.Size {
		return pkg, fmt.Errorf("keep package: the file on disk is not what was sealed")
	}
	pkg.SHA256, pkg.Size, pkg.Items, pkg.Root = digest, size, sealed.Items, sealed.Root
	return pkg, d.addEnvelope(&pkg, dem, fingerprints)
}

// recipients are the authority's keys, if they are still those in the mandate.
func (d *Desk) recipients(dem vitrine.Demand) ([]age.Recipient, []string, error) {
	m, err := d.verify(dem, dem.Approvals)
	if err != nil {
		return nil, nil, err
	}
	entry, ok := d.Directory.Find(dem.Submission.Authority)
	if !ok {
		return nil, nil, vitrine.Refusef(vitrine.Refused, "authority %q is no longer in the directory", dem.Submission.Authority)
	}
	var recipients []age.Recipient
	var fingerprints []string
	for _, s := range entry.SealTo {
		r, err := production.ParseRecipient(s)
		if err != nil {
			return nil, nil, err
		}
		recipients, fingerprints = append(recipients, r), append(fingerprints, production.Fingerprint(s))
	}
	if !slices.Equal(fingerprints, m.Statement().SealTo) {
		return nil, nil, vitrine.Refusef(vitrine.Refused, "the keys of %s in the config are not those that the approvers signed: restore them, or answer a new demand under the new keys", entry.ID)
	}
	return recipients, fingerprints, nil
}

// ruled are the digests of the items that the next volume gets by a ruling,
// by their numbers. Every ruling's signatures are verified here once more: a
// recorded decision authorises nothing.
func (d *Desk) ruled(dem vitrine.Demand, events []vitrine.Event) (map[int64]vitrine.Digest, error) {
	signed := map[int64]vitrine.Digest{}
	for _, e := range events {
		if e.Stage != vitrine.Decided {
			continue
		}
		r, err := mandate.ParseRuling([]byte(e.Statement))
		if err != nil {
			return nil, fmt.Errorf("read ruling: %w", err)
		}
		if _, err := d.Policy.VerifyRuling(r, e.Approvals); err != nil {
			return nil, err
		}
		if r.Demand != dem.ID || r.Mandate != dem.Mandate || r.Hold != dem.Collection.Hold {
			return nil, vitrine.Refusef(vitrine.Unverified, "event %d of demand %s records a ruling that was signed for another collection: nothing was sealed; the database was changed, restore its newest copy", e.Seq, dem.ID)
		}
		for _, it := range r.Items {
			if it.Produce {
				signed[it.Number] = it.SHA256
			}
		}
	}
	due := map[int64]vitrine.Digest{}
	for _, n := range dem.Pending {
		digest, ok := signed[n]
		if !ok {
			return nil, vitrine.Refusef(vitrine.Unverified, "item %d of demand %s is recorded as produced, and no signed ruling produces it: nothing was sealed; the database was changed, restore its newest copy", n, dem.ID)
		}
		due[n] = digest
	}
	return due, nil
}

// fill copies what is due from the hold: in the first volume all that is in
// scope, and in each what rulings produce.
func (d *Desk) fill(ctx context.Context, w *production.Writer, hold *hold, dem vitrine.Demand, ruled map[int64]vitrine.Digest) error {
	first := len(dem.Packages) == 0
	total, done := int64(len(ruled)), int64(0)
	if first {
		total += dem.Collection.In
	}
	return hold.Items(func(it production.Item) error {
		digest, produced := ruled[it.Number]
		switch {
		case produced && digest != it.SHA256:
			return fmt.Errorf("item %d is not the one that was ruled on", it.Number)
		case !produced && !(first && it.Decision == production.In):
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := hold.Open(it)
		if err != nil {
			return err
		}
		defer r.Close()
		if _, err := w.Add(it, r); err != nil {
			return err
		}
		if done++; d.Sealing != nil {
			d.Sealing(done, total)
		}
		return nil
	})
}

func (d *Desk) addEnvelope(pkg *vitrine.Package, dem vitrine.Demand, fingerprints []string) error {
	text, err := production.Envelope{
		Name: pkg.Name, Size: pkg.Size, SHA256: pkg.SHA256, Demand: dem.ID, Mandate: dem.Mandate,
		Volume: pkg.Volume, Items: pkg.Items, Open: pkg.Open, Root: pkg.Root,
		SealedTo: fingerprints, SealedAt: d.Now().UTC().Truncate(time.Second),
	}.Sign(d.Ring.Sign)
	if err != nil {
		return fmt.Errorf("sign envelope: %w", err)
	}
	pkg.Envelope, _, err = d.Packages.Put(bytes.NewReader(text))
	return err
}
