package casework

import (
	"context"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
)

// Besides lists the demands that the same authority sent under the same
// reference with another document, and that were neither refused nor voided. Each
// of them is counted: only people know whether one takes another's place.
func (d *Desk) Besides(ctx context.Context, id vitrine.ID) ([]vitrine.Demand, error) {
	this, err := d.Demand(ctx, id)
	if err != nil || over(this) {
		return nil, err
	}
	var others []vitrine.Demand
	err = d.every(ctx, func(dem vitrine.Demand) {
		same := dem.Submission.Authority == this.Submission.Authority && dem.Submission.Reference == this.Submission.Reference
		if same && !over(dem) && dem.Submission.Document.SHA256 != this.Submission.Document.SHA256 {
			others = append(others, dem)
		}
	})
	return others, err
}

func over(dem vitrine.Demand) bool {
	return dem.Stage == vitrine.Rejected || dem.Stage == vitrine.Voided
}

// Demands lists all demands as they stand, oldest first, without the readings
// of a paper that another took the place of.
func (d *Desk) Demands(ctx context.Context) (all []vitrine.Demand, err error) {
	err = d.every(ctx, func(dem vitrine.Demand) {
		if dem.Refusal == nil || dem.Refusal.Ground != Replaced {
			all = append(all, dem)
		}
	})
	return all, err
}

// every calls do with each demand as it stands, oldest first.
func (d *Desk) every(ctx context.Context, do func(vitrine.Demand)) error {
	return d.DB.View(ctx, func(tx *store.Tx) error {
		ids, err := tx.Demands()
		if err != nil {
			return err
		}
		for _, id := range ids {
			dem, err := tx.Demand(id)
			if err != nil {
				return err
			}
			do(dem)
		}
		return nil
	})
}
