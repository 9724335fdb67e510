package casework

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/ledger"
	"github.com/vitrine-project/vitrine/production"
)

// Where the outbox has what the ledger gives to the sender of a demand.

// SubmittedPath is the receipt that anybody gets for what was sent.
func (d *Desk) SubmittedPath(id vitrine.ID) string {
	return filepath.Join(d.Outbox, string(id)+".received.txt")
}

// PromisesPath is what an authority that was checked is promised, sealed to it.
func (d *Desk) PromisesPath(id vitrine.ID) string {
	return filepath.Join(d.Outbox, string(id)+".promises.age")
}

// ReceiptsPath is the receipts of the n facts that stand in the ledger, sealed
// to the authority: all of them, so that the newest file is enough.
func (d *Desk) ReceiptsPath(id vitrine.ID, n int) string {
	return filepath.Join(d.Outbox, fmt.Sprintf("%s.receipts-%d.age", id, n))
}

// acknowledge gives whoever sent the demand a signed receipt for it, at once.
func (d *Desk) acknowledge(ctx context.Context, id vitrine.ID) error {
	dem, err := d.Demand(ctx, id)
	if err != nil {
		return err
	}
	b := d.signs(dem.Submission.Instrument)
	if b == nil {
		return nil
	}
	received := uint64(dem.Submission.Received.Unix())
	note, err := ledger.Submitted{
		Origin: b.Origin, Document: ledger.Hash(dem.Submission.Document.SHA256), Received: received, AnswerBy: received + ledger.AnswerWithin,
	}.Sign(b.Promises)
	if err != nil {
		return err
	}
	return d.place(d.SubmittedPath(id), note)
}

// promise gives the authority the openings of its demand's leaves, with the
// time by which they stand in the log.
func (d *Desk) promise(ctx context.Context, id vitrine.ID) error {
	_, err := d.sealed(ctx, id, func(int) string { return d.PromisesPath(id) }, func(b *Book, f store.Fact) ([]byte, error) {
		if f.Type != ledger.TypeDemand && f.Type != ledger.TypeAccount {
			return nil, nil
		}
		open, err := b.open(f)
		if err != nil {
			return nil, err
		}
		p, err := b.Log.Chain()[f.Period].Promise(open, uint64(f.Received))
		if err != nil {
			return nil, err
		}
		return p.Sign(b.Promises)
	})
	return err
}

// Receipts gives each authority the proofs of what stands in the log of its
// demands, as far as it does not have them, and returns the files that are new.
func (d *Desk) Receipts(ctx context.Context) (paths []string, err error) {
	var ids []vitrine.ID
	if err := d.DB.View(ctx, func(tx *store.Tx) (err error) { ids, err = tx.Demands(); return err }); err != nil {
		return nil, err
	}
	for _, id := range ids {
		path, err := d.Receipt(ctx, id)
		if err != nil {
			return paths, fmt.Errorf("receipts of demand %s: %w", id, err)
		}
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// Receipt gives the authority the proofs of what stands in the log of one
// demand, and returns the file if it is new.
func (d *Desk) Receipt(ctx context.Context, id vitrine.ID) (path string, err error) {
	return d.sealed(ctx, id, func(n int) string { return d.ReceiptsPath(id, n) }, func(b *Book, f store.Fact) ([]byte, error) {
		if f.Index < 0 {
			return nil, nil
		}
		open, err := b.open(f)
		if err != nil {
			return nil, err
		}
		return b.Log.Receipt(uint64(f.Index), open, true)
	})
}

// sealed writes what make returns of each fact of a demand, one behind the
// other, sealed to the authority's keys; nothing if there is nothing, or nobody
// in the directory to give it to.
//
// What is there already is left as it is: sealed twice, it would differ.
func (d *Desk) sealed(ctx context.Context, id vitrine.ID, path func(n int) string, make func(*Book, store.Fact) ([]byte, error)) (string, error) {
	dem, err := d.Demand(ctx, id)
	if err != nil {
		return "", err
	}
	b, _ := d.book(dem.Submission.Instrument)
	entry, known := d.Directory.Find(dem.Submission.Authority)
	if b == nil || !known {
		return "", nil
	}
	var facts []store.Fact
	if err := d.DB.View(ctx, func(tx *store.Tx) (err error) { facts, err = tx.FactsOf(id); return err }); err != nil {
		return "", err
	}
	var all bytes.Buffer
	n := 0
	for _, f := range facts {
		one, err := make(b, f)
		if b.gone(d, f, err) {
			return "", nil // it had its papers before
		}
		if err != nil {
			return "", err
		}
		if all.Write(one); len(one) > 0 {
			n++
		}
	}
	if _, err := os.Stat(path(n)); n == 0 || err == nil {
		return "", nil
	}
	var to []age.Recipient
	for _, s := range entry.SealTo {
		r, err := production.ParseRecipient(s)
		if err != nil {
			return "", err
		}
		to = append(to, r)
	}
	out, err := keyring.SealTo(all.Bytes(), to...)
	if err != nil {
		return "", err
	}
	return path(n), d.place(path(n), out)
}

func (d *Desk) place(path string, b []byte) error {
	if err := d.makeOutbox(); err != nil {
		return err
	}
	return placeText(path, b, d.Reached)
}

func (d *Desk) makeOutbox() error {
	if err := os.MkdirAll(d.Outbox, 0o700); err != nil {
		return fmt.Errorf("make outbox: %w", err)
	}
	return nil
}

// UserReceipt is the receipt of one account's leaf. It shows nothing of the
// demand but that account.
func (d *Desk) UserReceipt(ctx context.Context, id vitrine.ID, account vitrine.Account) ([]byte, error) {
	dem, err := d.Demand(ctx, id)
	if err != nil {
		return nil, err
	}
	if dem.Stage == vitrine.New {
		return nil, vitrine.Refusef(vitrine.Usage, "demand %s is not known: check the id, which vitrine answer prints", id)
	}
	b, _ := d.book(dem.Submission.Instrument)
	if b == nil {
		return nil, vitrine.Refusef(vitrine.Usage, "demand %s is under %s, which no ledger of this config counts: there is no receipt to give", id, dem.Submission.Instrument)
	}
	var facts []store.Fact
	if err := d.DB.View(ctx, func(tx *store.Tx) (err error) { facts, err = tx.FactsOf(id); return err }); err != nil {
		return nil, err
	}
	for _, f := range facts {
		if f.Type != ledger.TypeAccount || f.Account != string(account) || f.Index < 0 {
			continue
		}
		open, err := b.open(f)
		if b.gone(d, f, err) {
			return nil, vitrine.Refusef(vitrine.Refused, "the key of the period that demand %s is counted in was destroyed: no receipt can be made any more", id)
		}
		if err != nil {
			return nil, err
		}
		return b.Log.Receipt(uint64(f.Index), open, false)
	}
	return nil, vitrine.Refusef(vitrine.Failed, "account %q of demand %s is not in the log yet: it is after the next tick", account, id)
}
