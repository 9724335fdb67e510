package report

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
)

// Correct publishes a next version of a report: its words as Words has them now,
// with what was corrected, and the same totals. The version before stays beside
// it. Nothing else of the site changes.
func (b Builder) Correct(ctx context.Context, out, name, because string, day time.Time) (Built, error) {
	kept, err := b.kept()
	if err != nil {
		return Built{}, err
	}
	if err := b.lost(kept); err != nil {
		return Built{}, err
	}
	i := slices.IndexFunc(kept, func(p Published) bool { return p.Statement.Name == name })
	if i < 0 {
		return Built{}, vitrine.Refusef(vitrine.Usage, "there is no report %q: there are %s", name, strings.Join(names(kept), ", "))
	}
	old := kept[i]
	words := b.Words(old.Period)
	if words.Corrections = old.Words.Corrections; reflect.DeepEqual(words, old.Words) {
		return Built{}, vitrine.Refusef(vitrine.Usage, "the words of report %s are those of the config: correct the comment, the contact or the accounts there first. A number is never corrected: what comes late counts in the period that is open", name)
	}
	words.Corrections = append(slices.Clip(old.Words.Corrections), Correction{Version: old.Version + 1, Day: day.UTC().Format(time.DateOnly), Text: because})
	if err := words.check(); err != nil {
		return Built{}, err
	}
	if err := b.correct(kept, i, words); err != nil {
		return Built{}, fmt.Errorf("correct report %s: %w", name, err)
	}
	return b.finish(ctx, out, kept, "")
}

func (b Builder) correct(kept []Published, i int, words Words) error {
	old := kept[i]
	_, r, err := b.read(old.folder)
	if err != nil {
		return err
	}
	earlier := map[string][]byte{}
	for v := 1; v <= old.Version; v++ {
		for _, kind := range []string{"json", "note"} {
			numbered := fmt.Sprintf("report-%d.%s", v, kind)
			from := numbered
			if v == old.Version {
				from = "report." + kind
			}
			if earlier[numbered], err = os.ReadFile(filepath.Join(b.dir(old), from)); err != nil {
				return err
			}
		}
	}
	kept[i].Words, kept[i].Version = words, old.Version+1
	return b.keep(kept, i, r, earlier)
}
