package report

import (
	"slices"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// outcomes are the parts of the chart of what was given, in its order.
var outcomes = []struct{ field, class string }{{law.Noncontent, "b1"}, {law.ContentField, "b0"}, {law.NoData, "b2"}, {law.Rejected, "range"}}

// outcomeChart shows what was given in answer to demands that may be added up.
func (l *language) outcomeChart(p Published, s series) (chart, bool) {
	periods := s.last(func(r row) bool {
		rows, _ := s.countable(r.period)
		_, ok := sum(rows, law.ContentField)
		return ok && r.class == ledger.Public
	})
	if len(periods) == 0 || periods[len(periods)-1] != p.Period {
		return chart{}, false
	}
	c := chart{ID: "chart-outcome", Note: l.say("chart.outcome.note"), Data: grid{Heads: []string{l.say("chart.period"), l.field(law.Demand)}}}
	for _, o := range outcomes {
		c.Key = append(c.Key, key{o.class, l.say("chart." + o.field)})
		c.Data.Heads = append(c.Data.Heads, capital(l.say("chart."+o.field)))
	}
	slices.Reverse(periods)
	most := uint64(1)
	for _, q := range periods {
		most = max(most, s.answered(q))
	}
	d := drawing{ID: c.ID + "-1", Width: units(480)}
	for i, q := range periods {
		rows, _ := s.countable(q)
		demands, _ := sum(rows, law.Demand)
		record := []string{l.period(q), l.number(demands)}
		x, y := units(70), units(30*i)
		d.say(0, y+units(17), dimmed(i == 0), "start", short(q))
		for _, o := range outcomes {
			n, _ := sum(rows, o.field)
			record = append(record, l.number(n))
			w := tenth(scaled(n, uint64(units(405)), most))
			if w > 0 {
				d.Bars = append(d.Bars, bar{x, y, w, units(24), o.class})
			}
			if w > wide(l.number(n))+units(6) {
				d.say(x+w/2, y+units(17), "on-"+o.class, "middle", l.number(n))
			}
			x += w
		}
		if i == 0 {
			content, _ := sum(rows, law.ContentField)
			c.Title = l.say("chart.outcome", l.number(content), l.number(demands))
		}
		c.Data.Rows = append(c.Data.Rows, record)
	}
	d.Height = units(30*len(periods) - 4)
	d.Lines = []stroke{{X1: units(70), X2: units(70), Y2: d.Height}}
	d.Title, d.Desc = c.Title, describe(c.Data)
	c.Panels = []drawing{d}
	return c, true
}

// answered is how many demands of a period have an answer.
func (s series) answered(p law.Period) uint64 {
	rows, _ := s.countable(p)
	all := uint64(0)
	for _, o := range outcomes {
		n, _ := sum(rows, o.field)
		all += n
	}
	return all
}
