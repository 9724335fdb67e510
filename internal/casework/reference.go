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
	var others []vitrine.Demand
	err := d.DB.View(ctx, func(tx *store.Tx) error {
		this, err := tx.Demand(id)
		if err != nil {
			return err
		}
		all, err := tx.Demands()
		if err != nil || over(this) {
			return err
		}
		for _, other := range all {
			dem, err := tx.Demand(other)
			if err != nil {
				return err
			}
			same := dem.Submission.Authority == this.Submission.Authority && dem.Submission.Reference == this.Submission.Reference
			if same && !over(dem) && dem.Submission.Document.SHA256 != this.Submission.Document.SHA256 {
				others = append(others, dem)
			}
		}
		return nil
	})
	return others, err
}

func over(dem vitrine.Demand) bool {
	return dem.Stage == vitrine.Rejected || dem.Stage == vitrine.Voided
}

// Demands lists all demands as they stand, oldest first, without the readings
// of a paper that another took the place of.
func (d *Desk) Demands(ctx context.Context) ([]vitrine.Demand, error) {
	var all []vitrine.Demand
	err := d.DB.View(ctx, func(tx *store.Tx) error {
		ids, err := tx.Demands()
		if err != nil {
			return err
		}
		for _, id := range ids {
			dem, err := tx.Demand(id)
			if err != nil {
				return err
			}
			if dem.Refusal == nil || dem.Refusal.Ground != Replaced {
				all = append(all, dem)
			}
		}
		return nil
	})
	return all, err
}
