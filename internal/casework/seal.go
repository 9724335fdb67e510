package casework

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/letter"
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
	m, err := d.verify(dem.Statement, dem.Approvals)
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
			return nil, fmt.Errorf("event %d: the ruling is about another collection", e.Seq)
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
			return nil, fmt.Errorf("item %d is recorded as produced, and no signed ruling produces it", n)
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

// bag says whose bag is closed: a volume, or with volume 0 the hold.
type bag struct {
	dem    vitrine.Demand
	volume int
	events []vitrine.Event
}

// closeBag adds the papers that lie beside the items and closes the bag.
func (d *Desk) closeBag(w *production.Writer, col vitrine.Collection, b bag) (production.Sealed, error) {
	dem := b.dem
	tags, err := d.papers(b)
	if err != nil {
		return production.Sealed{}, err
	}
	for _, t := range tags {
		if err := w.Tag(t.name, t.content); err != nil {
			return production.Sealed{}, err
		}
	}
	info := production.Info{
		Demand: dem.ID, Volume: b.volume, Mandate: dem.Mandate, Provider: d.Provider,
		Authority: string(dem.Submission.Authority), Reference: dem.Submission.Reference,
		Collection: col, Open: dem.Open(), Sealed: d.Now().UTC().Truncate(time.Second),
	}
	for _, produced := range dem.Decided {
		if !produced {
			info.Withheld++
		}
	}
	return w.Close(info, d.Ring.Sign)
}

type tag struct {
	name    string
	content []byte
}

func (d *Desk) papers(b bag) ([]tag, error) {
	tags := []tag{{"mandate/statement.txt", []byte(b.dem.Statement)}}
	for i, a := range b.dem.Approvals {
		tags = append(tags, tag{fmt.Sprintf("mandate/%d.sig", i+1), []byte(a.Signature)})
	}
	if b.volume == 0 {
		return tags, nil
	}
	rulings := 0
	for _, e := range b.events {
		if e.Stage != vitrine.Decided {
			continue
		}
		rulings++
		tags = append(tags, tag{fmt.Sprintf("ruling/%d.txt", rulings), []byte(e.Statement)})
		for i, a := range e.Approvals {
			tags = append(tags, tag{fmt.Sprintf("ruling/%d.%d.sig", rulings, i+1), []byte(a.Signature)})
		}
	}
	custody, err := custody(b.events)
	if err != nil {
		return nil, err
	}
	kind := letter.Production
	if c := b.dem.Collection; c.In+c.Undeterminable+c.Unreadable == 0 {
		kind = letter.NoData
	}
	text, err := d.letter(b.dem, kind)
	if err != nil {
		return nil, err
	}
	return append(tags, tag{"custody.jsonl", custody}, tag{"letter.txt", []byte(text)}), nil
}

// custody is the record of who did what and when, a line an event, each with
// the digest of the event as it is stored.
func custody(events []vitrine.Event) ([]byte, error) {
	var b bytes.Buffer
	for _, e := range events {
		body, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		line, err := json.Marshal(struct {
			Seq   int            `json:"seq"`
			At    time.Time      `json:"at"`
			By    string         `json:"by"`
			Stage vitrine.Stage  `json:"stage"`
			Names []string       `json:"approvers,omitempty"`
			Event vitrine.Digest `json:"event"`
		}{e.Seq, e.At, e.By, e.Stage, e.Approvers, vitrine.DigestOf(body)})
		if err != nil {
			return nil, err
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes(), nil
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

// hold is an opened hold: its items can be listed and read, by this package's
// steps only.
type hold struct {
	*production.Reader
	file io.Closer
}

func (h *hold) Close() error { return h.file.Close() }

func (d *Desk) openHold(dem vitrine.Demand) (*hold, error) {
	f, size, err := d.Holds.Open(dem.Collection.Hold)
	if err != nil {
		return nil, fmt.Errorf("open hold: %w", err)
	}
	plain, n, err := d.Ring.Unseal(f, size)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open hold: %w", err), f.Close())
	}
	r, err := production.NewReader(plain, n)
	if err == nil {
		err = r.Verify(d.Ring.Public(), dem.ID, dem.Mandate, 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open hold: %w", err), f.Close())
	}
	return &hold{r, f}, nil
}
