package casework

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/mandate"
	"github.com/vitrine-project/vitrine/production"
)

// UsualPiece is how much of a collection is done again at most when a process
// dies: what fits into one piece is collected in one pass.
var UsualPiece = collect.Limit{Seen: 1 << 18, Held: 1 << 29}

// nameCursor is the paper of a piece that says how the collection goes on.
const nameCursor = "cursor.json"

// cursor is that paper. It is signed with the record of its piece.
type cursor struct {
	Number     int                `json:"number"`   // 1, 2, …
	Previous   vitrine.Digest     `json:"previous"` // of the sealed piece before
	Collection vitrine.Collection `json:"collection"`
	Next       *collect.Place     `json:"next"` // null: there is no more
}

// piece is a finished piece: the digest of its sealed file, and what it says.
type piece struct {
	digest vitrine.Digest
	cursor
}

// collecting is one run of the collecting step.
type collecting struct {
	*Desk
	dem     vitrine.Demand
	mandate mandate.Mandate
	version *vitrine.CatalogueVersion
	pieces  []piece // finished
}

// all collects what is missing and returns the collection with its hold. What
// fits into one piece goes into the hold at once; several are joined.
func (c *collecting) all(ctx context.Context) (vitrine.Collection, error) {
	if err := c.listed(); err != nil {
		return vitrine.Collection{}, err
	}
	if err := c.resume(ctx); err != nil {
		return vitrine.Collection{}, err
	}
	if err := os.MkdirAll(c.dir(), 0o700); err != nil {
		return vitrine.Collection{}, fmt.Errorf("make directory: %w", err)
	}
	for len(c.pieces) == 0 || c.pieces[len(c.pieces)-1].Next != nil {
		col, whole, err := c.piece(ctx)
		if err != nil || whole {
			return col, err
		}
	}
	return c.join(ctx)
}

// resolved refuses a collection in which an identifier led to so many accounts
// that nothing of them was read: to hand that over would read as "no data".
func resolved(col vitrine.Collection) error {
	for _, r := range col.Resolved {
		if r.Outcome == vitrine.ResolvedTooMany {
			return &vitrine.Refusal{Kind: vitrine.Refused, Ground: "identifier-ambiguous", Text: fmt.Sprintf("%q was more people's than anybody can tell apart, and nothing of theirs was read: ask the authority for what tells them apart (a port, the second, another identifier), which is a new demand, and void this one", r.Identifier)}
		}
	}
	return nil
}

// listed has the collection run under the provider's catalogue, if it has one.
func (c *collecting) listed() (err error) {
	if c.Catalogue != nil {
		c.version, err = c.Catalogue()
	}
	return err
}

func (c *collecting) dir() string { return c.unfinished(c.dem.ID) }

func (d *Desk) unfinished(id vitrine.ID) string { return filepath.Join(d.Unfinished, string(id)) }

// resume finds the pieces that an earlier process finished under this mandate.
// If any of them is not what was signed, all are thrown away: whatever was
// collected is still where it was.
func (c *collecting) resume(ctx context.Context) error {
	kept, err := c.keptPieces(ctx)
	if err != nil {
		return err
	}
	for i, k := range kept[c.dem.ID] {
		p, err := c.read(k, i)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var refusal *vitrine.Refusal
		switch {
		case errors.Is(err, errChain), errors.Is(err, fs.ErrNotExist), errors.As(err, &refusal) && refusal.Kind == vitrine.Unverified:
			c.pieces = nil
			return c.dropPieces(ctx, c.dem.ID)
		case err != nil:
			return err // what its user deleted since may be in no other place
		}
		c.pieces = append(c.pieces, p)
	}
	return nil
}

func (d *Desk) keptPieces(ctx context.Context) (kept map[vitrine.ID][]store.Piece, err error) {
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		kept, err = tx.Pieces()
		return err
	})
	return kept, err
}

var errChain = errors.New("it does not continue the piece before")

// read reads a piece's cursor, if it is the i-th of this collection.
func (c *collecting) read(k store.Piece, i int) (piece, error) {
	p := piece{digest: k.Digest}
	h, err := c.openBag(k.Digest, c.dem)
	if err != nil {
		return p, err
	}
	defer h.Close()
	text, err := h.Paper(nameCursor)
	if err == nil {
		err = json.Unmarshal(text, &p.cursor)
	}
	previous := vitrine.Digest{}
	if i > 0 {
		previous = c.pieces[i-1].digest
	}
	if err == nil && (k.Mandate != c.mandate.Digest() || p.Number != i+1 || p.Previous != previous) {
		err = errChain
	}
	return p, err
}

// piece collects one more piece. whole says that it is all there is, and that
// what it returns is the collection.
func (c *collecting) piece(ctx context.Context) (col vitrine.Collection, whole bool, err error) {
	p := piece{cursor: cursor{Number: len(c.pieces) + 1}}
	var from *collect.Place
	if last := len(c.pieces) - 1; last >= 0 {
		from, p.Previous = c.pieces[last].Next, c.pieces[last].digest
	}
	limit := c.Piece
	if limit == (collect.Limit{}) {
		limit = UsualPiece
	}
	sources, err := c.sourcesFor(ctx, c.mandate)
	if err != nil {
		return col, false, err
	}
	var size int64
	p.digest, size, err = c.hold(func(w *production.Writer) (vitrine.Collection, bag, error) {
		job := collect.Job{Mandate: c.mandate, Sources: sources, Preserve: preserves(c.dem), Hold: w, Now: c.Now, Progress: c.Collecting, Dir: c.dir(), Limit: limit}
		if p.Collection, p.Next, err = job.Piece(ctx, from); err != nil {
			return col, bag{}, err
		}
		p.Collection.Catalogue = c.version
		whole = from == nil && p.Next == nil
		b := bag{dem: c.dem}
		if !whole {
			b.cursor, err = json.Marshal(p.cursor)
		}
		return p.Collection, b, err
	})
	if err != nil {
		return col, false, err
	}
	if whole {
		p.Collection.Hold, p.Collection.HoldSize = p.digest, size
		return p.Collection, true, nil
	}
	c.pieces = append(c.pieces, p)
	err = c.DB.Update(ctx, func(tx *store.Tx) error {
		return tx.AddPiece(c.dem.ID, store.Piece{Mandate: c.mandate.Digest(), Digest: p.digest})
	})
	c.reached("collect: piece kept")
	return col, false, err
}

// hold seals to the provider itself what fill puts into a bag, and keeps it.
func (d *Desk) hold(fill func(*production.Writer) (vitrine.Collection, bag, error)) (vitrine.Digest, int64, error) {
	file, err := d.Holds.Create()
	if err != nil {
		return vitrine.Digest{}, 0, fmt.Errorf("create hold: %w", err)
	}
	defer file.Abort()
	w, err := production.Create(file, d.Spool, []age.Recipient{d.Ring.HoldRecipient()})
	if err != nil {
		return vitrine.Digest{}, 0, fmt.Errorf("create hold: %w", err)
	}
	defer w.Abort()
	col, b, err := fill(w)
	if err != nil {
		return vitrine.Digest{}, 0, err
	}
	d.reached("collect: items held")
	sealed, err := d.closeBag(w, col, b)
	if err != nil {
		return vitrine.Digest{}, 0, fmt.Errorf("close hold: %w", err)
	}
	digest, size, err := file.Commit()
	if err != nil {
		return vitrine.Digest{}, 0, fmt.Errorf("keep hold: %w", err)
	}
	if digest != sealed.SHA256 || size != sealed.Size {
		return vitrine.Digest{}, 0, fmt.Errorf("keep hold: the file on disk is not what was sealed")
	}
	return digest, size, nil
}

// join makes one hold of all pieces, with one numbering.
func (c *collecting) join(ctx context.Context) (col vitrine.Collection, err error) {
	var cols []vitrine.Collection
	for _, p := range c.pieces {
		cols = append(cols, p.Collection)
	}
	col = collect.Join(cols...)
	col.Hold, col.HoldSize, err = c.hold(func(w *production.Writer) (vitrine.Collection, bag, error) {
		for _, p := range c.pieces {
			if err := c.copy(ctx, w, p); err != nil {
				return col, bag{}, fmt.Errorf("join piece %d: %w", p.Number, err)
			}
		}
		return col, bag{dem: c.dem}, nil
	})
	return col, err
}

func (c *collecting) copy(ctx context.Context, w *production.Writer, p piece) error {
	h, err := c.openBag(p.digest, c.dem)
	if err != nil {
		return err
	}
	defer h.Close()
	return h.Items(func(it production.Item) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := h.Open(it)
		if err != nil {
			return err
		}
		it.Number = 0
		_, err = w.Add(it, r)
		return err
	})
}

// dropPieces destroys the pieces of a demand's collection.
func (d *Desk) dropPieces(ctx context.Context, id vitrine.ID) error {
	pieces, err := d.keptPieces(ctx)
	if err != nil {
		return err
	}
	kept := pieces[id]
	for _, k := range kept {
		if err := d.Holds.Delete(k.Digest); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("destroy piece: %w", err)
		}
	}
	if err := os.RemoveAll(d.unfinished(id)); err != nil {
		return fmt.Errorf("clear directory: %w", err)
	}
	if len(kept) == 0 {
		return nil
	}
	return d.DB.Update(ctx, func(tx *store.Tx) error { return tx.DropPieces(id) })
}
