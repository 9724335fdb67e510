package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// place is a field of the rows of a name.
type place struct {
	row   string
	field int
}

// bandChart draws what the law lets be shown as ranges only: each as a range.
func (l *language) bandChart(p Published, s series) (chart, bool) {
	periods := s.last(func(r row) bool { return slices.ContainsFunc(r.values, func(v value) bool { return v.kind == band }) })
	if len(periods) == 0 {
		return chart{}, false
	}
	slices.Reverse(periods)
	c := chart{ID: "chart-bands", Wide: true, Title: l.say("chart.band.other"), Note: l.say("chart.band.note"), Data: grid{Heads: []string{l.say("chart.period"), l.say("tables.kind"), l.say("tables.number")}}}
	places, most, national := s.bands(periods)
	if national {
		c.Title = l.say("chart.band")
	}
	for i, at := range places[:min(len(places), maxPanels)] {
		d, rows := l.ranges(p, s, periods, at, most)
		d.ID = fmt.Sprintf("%s-%d", c.ID, i+1)
		c.Panels, c.Heads, c.Data.Rows = append(c.Panels, d), append(c.Heads, d.Title), append(c.Data.Rows, rows...)
	}
	return c, true
}

// bands are the places that are a band in one of the periods, the number that
// none of them reaches, and whether national security is among them.
func (s series) bands(periods []law.Period) (places []place, most uint64, national bool) {
	for _, q := range periods {
		for _, r := range s.rows[q] {
			for k, v := range r.values {
				if v.kind != band {
					continue
				}
				if at := (place{r.name, k}); !slices.Contains(places, at) {
					places = append(places, at)
				}
				most, national = max(most, v.high+1), national || r.class == ledger.Restricted
			}
		}
	}
	return places, most, national
}

// ranges draws one place in each period, newest first.
func (l *language) ranges(p Published, s series, periods []law.Period, at place, most uint64) (d drawing, rows [][]string) {
	d.Width = units(480)
	var said []string
	y := tenth(0)
	for _, q := range periods {
		r, ok := s.rowWith(q, at.row)
		if !ok || at.field >= len(r.values) {
			continue
		}
		v := r.values[at.field]
		if d.Title == "" {
			d.Title = l.list(r)[at.field].Title
		}
		d.say(0, y+units(17), dimmed(q == p.Period), "start", short(q))
		d.across(v, y, most, l.value(v))
		said = append(said, l.say("chart.band.desc", d.Title, l.period(q), l.value(v)))
		rows = append(rows, []string{l.period(q), d.Title, l.value(v)})
		y += units(30)
	}
	d.Height = y - units(4)
	d.Lines = append(d.Lines, stroke{X1: units(70), X2: units(70), Y2: d.Height})
	d.Desc = strings.Join(said, " ")
	return d, rows
}

// rowWith returns the row of a name in a period, of either class.
func (s series) rowWith(p law.Period, name string) (row, bool) {
	if r, ok := s.row(p, name, ledger.Restricted); ok {
		return r, true
	}
	return s.row(p, name, ledger.Public)
}

// across draws a value across, from its least to its greatest number, on a
// scale that begins at zero.
func (d *drawing) across(v value, y tenth, most uint64, says string) {
	left, long := units(70), units(290)
	if v.kind == hidden {
		d.say(left+units(7), y+units(17), "dim", "start", says)
		return
	}
	from, to := left+tenth(scaled(v.low, uint64(long), most)), left+tenth(scaled(v.high+1, uint64(long), most))
	class := "range"
	if v.kind == exact {
		from, class = left, "b1"
	}
	d.Bars = append(d.Bars, bar{from, y + units(2), max(to-from, 10), units(20), class})
	if v.kind != exact && from > left {
		d.Lines = append(d.Lines, stroke{left, y + units(12), from, y + units(12), "lead"})
	}
	d.say(to+units(8), y+units(17), "v", "start", says)
}
