package casework

import (
	"errors"
	"fmt"
	"io"

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

func (d *Desk) openHold(dem vitrine.Demand) (*hold, error) {
	return d.openBag(dem.Collection.Hold, dem)
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
