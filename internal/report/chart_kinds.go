package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine/law"
)

// kindsChart shows the kinds of one period, where there is no other to compare.
func (l *language) kindsChart(p Published, s series) (chart, bool) {
	rows := slices.DeleteFunc(slices.Clone(s.rows[p.Period]), func(r row) bool { return !r.charted() })
	if len(rows) == 0 || len(s.last(row.charted)) > 1 {
		return chart{}, false
	}
	rows = largest(rows)
	most := uint64(1)
	for _, r := range rows {
		v, _ := r.value(law.Demand)
		most = max(most, v.high)
	}
	c := chart{ID: "chart-kinds", Title: l.say("chart.kinds"), Note: l.say("chart.kinds.note", l.period(p.Period))}
	c.Data.Heads = []string{l.say("tables.kind"), l.field(law.Demand)}
	d := drawing{ID: c.ID + "-1", Title: c.Title, Width: units(480)}
	for i, r := range rows {
		v, _ := r.value(law.Demand)
		title, _ := l.titles(r)
		y, long := units(44*i), tenth(scaled(v.high, uint64(units(400)), most))
		class := "b1"
		if v.kind != exact {
			class = "range"
		}
		d.say(0, y+units(14), "v", "start", title)
		d.Bars = append(d.Bars, bar{0, y + units(20), long, units(16), class})
		d.say(long+units(7), y+units(33), "v", "start", l.value(v))
		c.Data.Rows = append(c.Data.Rows, []string{title, l.value(v)})
	}
	d.Height = units(44 * len(rows))
	d.Desc = describe(c.Data)
	c.Panels = []drawing{d}
	return c, true
}

// multiChart shows each kind of demand over time, all on one scale.
func (l *language) multiChart(p Published, s series) (chart, bool) {
	periods := s.last(row.charted)
	rows := slices.DeleteFunc(slices.Clone(s.rows[p.Period]), func(r row) bool { return !r.charted() })
	if len(periods) < 2 || len(rows) == 0 {
		return chart{}, false
	}
	slices.SortStableFunc(rows, before)
	rows = largest(rows)
	c := chart{ID: "chart-kinds", Wide: true, Title: l.say("chart.multi"), Note: l.say("chart.multi.note"), Data: grid{Heads: []string{l.say("tables.kind")}}}
	most := uint64(1)
	for _, q := range periods {
		c.Data.Heads = append(c.Data.Heads, short(q))
		for _, r := range rows {
			if v, ok := s.demands(q, r); ok {
				most = max(most, v.high)
			}
		}
	}
	for i, r := range rows {
		d, record := l.panel(r, s, periods, most)
		d.ID = fmt.Sprintf("%s-%d", c.ID, i+1)
		c.Panels, c.Heads, c.Data.Rows = append(c.Panels, d), append(c.Heads, d.Title), append(c.Data.Rows, record)
	}
	return c, true
}

// demands is what a period says of the demands of a row of that name.
func (s series) demands(p law.Period, r row) (value, bool) {
	now, ok := s.row(p, r.name, r.class)
	if !ok {
		return value{}, false
	}
	return now.value(law.Demand)
}

// panel draws one kind of demand over time, and says the same for the table.
func (l *language) panel(r row, s series, periods []law.Period, most uint64) (drawing, []string) {
	title, _ := l.titles(r)
	d := drawing{Title: title, Width: units(160), Height: units(108)}
	record := []string{title}
	base, step := units(88), min(units(48), units(160)/tenth(len(periods)))
	last := len(periods) - 1
	for j, q := range periods {
		v, ok := s.demands(q, r)
		if !ok {
			record = append(record, l.say("chart.none"))
			continue
		}
		record = append(record, l.value(v))
		class, label, x, w := "b1", "v", step*tenth(j), step-units(3)
		if j == last {
			class, label = "b0", "hi"
		}
		top := d.column(v, x, w, base, units(66), most, class)
		if j == 0 || j == last {
			d.say(x+w/2, top-units(5), label, "middle", l.marked(v))
		}
	}
	end := step*tenth(len(periods)) - units(3)
	d.Lines = []stroke{{X2: end, Y1: base, Y2: base}}
	d.say(0, base+units(16), "dim", "start", short(periods[0]))
	d.say(end, base+units(16), "hi", "end", short(periods[last]))
	d.Desc = l.say("chart.panel", title, strings.Join(record[1:], ", "))
	return d, record
}

// marked is a value where there is little room.
func (l *language) marked(v value) string {
	if v.kind == small {
		return l.say("value.short", l.number(v.high+1))
	}
	return l.value(v)
}
