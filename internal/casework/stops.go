package casework

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// longest is how long after its second a tick is made up without a question, if
// its period is not longer.
const longest = 35 * 24 * time.Hour

// awake refuses to believe a clock by which no tick was made for a whole period,
// unless a person says what day it is: of a clock that runs ahead, ticks that
// are still to come would be published. Where there are witnesses they say it.
func (d *Desk) awake(b *Book) error {
	p, tick, at, ok := b.Log.Next()
	if !ok || tick == 0 || p.Witnesses.Quorum > 0 {
		return nil
	}
	now, today := d.Now(), d.Now().UTC().Format(time.DateOnly)
	if late := now.Sub(at); late <= max(longest, time.Duration(p.To-p.From)*time.Second) || d.Today == today {
		return nil
	}
	return vitrine.Refusef(vitrine.Refused, "this machine's clock says that it is %s, and the tick of %s was not made: either nothing ran for so long, or the clock is wrong and would have ticks published that are still to come. "+
		"Nothing was done; set the clock right, or, if it is, run once: vitrine report build --today %s, with --config and --out as ever", today, at.UTC().Format(time.DateOnly), today)
}

// stranded refuses a config without a sheet on which more facts wait than the
// ticks that have the sheet have room for: they could never be counted.
func (d *Desk) stranded(ctx context.Context, b *Book) error {
	chain := b.Log.Chain()
	if len(chain) == 0 {
		return nil
	}
	var waiting map[string]int
	if err := d.DB.View(ctx, func(tx *store.Tx) (err error) { waiting, err = tx.Backlogs(string(b.Class)); return err }); err != nil {
		return err
	}
	for _, sheet := range slices.Sorted(maps.Keys(waiting)) {
		if !slices.ContainsFunc(chain, func(p *ledger.Period) bool { _, ok := p.Sheet(sheet); return ok }) {
			continue // of a row that was changed: it is said before anything is counted
		}
		if n := waiting[sheet]; n > b.roomLeft(chain, sheet) && !b.names(chain, sheet) {
			return vitrine.Refusef(vitrine.Usage, "sheet %s is no longer in the config, and %d facts that wait to be counted on it find no room in the ticks that still have it: nothing was done; put it back into [ledger] sheets, and take it out when they are counted", sheet, n)
		}
	}
	return nil
}

// roomLeft is how many facts of a sheet the headers that were taken have room
// for in the ticks that are not made.
func (b *Book) roomLeft(chain ledger.Chain, sheet string) (slots int) {
	next, tick, _, ok := b.Log.Next()
	for _, p := range chain {
		if !ok || p.Number < next.Number {
			continue
		}
		left := p.Ticks
		if p.Number == next.Number && tick > 0 {
			left -= tick - 1
		}
		for _, g := range p.Grid {
			if g.Sheet == sheet {
				slots += g.Slots * int(left)
			}
		}
	}
	return slots
}

// names reports whether the next header that the config makes has a sheet.
func (b *Book) names(chain ledger.Chain, sheet string) bool {
	p, err := b.Cadence.Starting(instant(chain[len(chain)-1].To))
	if err != nil {
		return true
	}
	h, err := b.header(chain, law.Period{From: p.From, To: p.To})
	if err != nil {
		return true // what is wrong is said when it is made
	}
	_, ok := h.Sheet(sheet)
	return ok
}
