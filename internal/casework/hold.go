package casework

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

// hold is an opened hold: its items can be listed and read, by this package's
// steps only.
type hold struct {
	*production.Reader
	file io.Closer
}

func (h *hold) Close() error { return h.file.Close() }

// openHold opens the hold of a demand's collection, if what is recorded of that
// is what the hold itself says under the provider's signature: counts, visits and
// what identifiers led to are read from the record, and a piece is no hold.
func (d *Desk) openHold(dem vitrine.Demand) (*hold, error) {
	h, err := d.openBag(dem.Collection.Hold, dem)
	if err != nil {
		return nil, err
	}
	if err := h.agrees(*dem.Collection); err != nil {
		return nil, errors.Join(fmt.Errorf("open hold: %w", err), h.Close())
	}
	return h, nil
}

func (h *hold) agrees(col vitrine.Collection) error {
	changed := vitrine.Refusef(vitrine.Unverified, "what is recorded of the collection is not what its hold says: nothing was done; the database was changed, restore its newest copy")
	if _, err := h.Paper(nameCursor); err == nil {
		return changed
	}
	paper, err := h.Paper(nameSources)
	if err != nil {
		return err
	}
	want, err := sources(col)
	if err != nil {
		return err
	}
	said := h.Collection()
	if !bytes.Equal(paper, want) || said.Counts != col.Counts || !slices.Equal(said.Containers, col.Containers) ||
		!slices.Equal(said.Missing, col.Missing) || !said.Began.Equal(col.Began) || !said.Ended.Equal(col.Ended) {
		return changed
	}
	return nil
}

// openBag opens the hold of that digest, or a piece of it.
func (d *Desk) openBag(digest vitrine.Digest, dem vitrine.Demand) (*hold, error) {
	f, size, err := d.Holds.Open(digest)
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
