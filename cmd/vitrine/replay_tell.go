package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/vitrine-project/vitrine/internal/replay"
)

// tellReplay prints what became of each line of the table.
func (d demo) tellReplay(out Replayed) error {
	if d.json {
		return json.NewEncoder(d.stdout).Encode(out)
	}
	w := d.stdout
	if out.Public != "" {
		fmt.Fprintf(w, "%s was replayed with made-up demands, and published in %s; the full audit accepts (%s).\n\n", d.table, out.Public, counted(int(out.Bundles), "bundle"))
	}
	for _, row := range out.Replayed {
		fmt.Fprintf(w, "%5d  %s\n", row.Line, told(row))
	}
	for _, list := range []struct {
		title   string
		remarks []replay.Remark
	}{{"Flagged", out.Flagged}, {"Not totals", out.NotTotals}, {"Refused", out.Refused}} {
		if len(list.remarks) > 0 {
			fmt.Fprintf(w, "\n%s:\n", list.title)
		}
		for _, m := range list.remarks {
			fmt.Fprintf(w, "%5d  %s\n       %s\n", m.Line, m.Row, m.Because())
		}
	}
	fmt.Fprintf(w, "\n%d rows replayed, %d refused, %d not totals, %d left out.\n", len(out.Replayed), len(out.Refused), len(out.NotTotals), out.LeftOut)
	if out.Public != "" {
		fmt.Fprintf(w, "Fields that the table does not name are published as 0.\nAnybody checks it with: vitrine-verify report %s\nWhen you are done: rm -r %s\n", out.Public, filepath.Dir(out.Public))
	}
	return nil
}

// told is one row beside what was published.
func told(row replay.Result) string {
	s := fmt.Sprintf("%s %s %s: %s, published %s", row.Period, row.Sheet, row.Field, row.Said, row.Published)
	if row.In != row.Field {
		s += " in field " + row.In
	}
	switch {
	case !row.Equal:
		return s + ": THEY DIFFER"
	case row.Proof == "range":
		return s + ", the same band, proved"
	}
	return s + ", equal, proved"
}
