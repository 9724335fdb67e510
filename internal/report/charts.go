package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// charts draws what the reports up to a period say.
func (l *language) charts(p Published, s series) []chart {
	var all []chart
	for _, draw := range []func(Published, series) (chart, bool){l.accountsChart, l.kindsChart, l.outcomeChart, l.multiChart, l.bandChart} {
		if c, ok := draw(p, s); ok {
			all = append(all, c)
		}
	}
	return all
}

// point is how many accounts were named in a period, of how many.
type point struct {
	period law.Period
	n, of  uint64
	ok     bool
}

// points are those of the newest periods. Stated is false if the number of all
// accounts is not known for each.
func (s series) points() (all []point, stated bool) {
	stated = true
	for _, q := range s.last(func(r row) bool { _, ok := r.accounts(); return ok && r.class == ledger.Public }) {
		rows, _ := s.countable(q)
		n, ok := named(rows)
		a, has := s.stated[q.Name()]
		stated = stated && has
		all = append(all, point{q, n, a.Number, ok})
	}
	return all, stated
}

// accountsChart shows the share of all accounts that was named, or their
// number where the number of all accounts is not stated.
func (l *language) accountsChart(p Published, s series) (chart, bool) {
	points, stated := s.points()
	last := len(points) - 1
	if last < 1 || !points[last].ok || points[last].period != p.Period {
		return chart{}, false
	}
	c := chart{ID: "chart-accounts", Data: grid{Heads: []string{l.say("chart.period"), l.field(law.AccountField)}}}
	says := func(q point) string { return l.number(q.n) }
	height := func(q point) uint64 { return q.n }
	c.Title, c.Note = l.say("chart.accounts", says(points[last]), l.period(p.Period)), l.say("chart.accounts.note")
	if stated {
		says = func(q point) string { return l.ratio(q.n, q.of, false) }
		height = func(q point) uint64 { return scaled(q.n, 1e12, q.of) }
		c.Title, c.Note = l.say("chart.share", says(points[last])+l.percent, l.period(p.Period)), l.say("chart.share.note")
		c.Data.Heads = append(c.Data.Heads, capital(l.say("tables.share.all")), l.say("tables.share"))
	}
	for _, q := range points {
		c.Data.Rows = append(c.Data.Rows, l.pointRow(q, stated, says(q)))
	}
	d := columns(points, says, height)
	d.ID, d.Title, d.Desc = c.ID+"-1", c.Title, describe(c.Data)
	c.Panels = []drawing{d}
	return c, true
}

// pointRow is a point in the table beside the drawing.
func (l *language) pointRow(q point, stated bool, says string) []string {
	none := l.say("chart.none")
	record := []string{l.period(q.period), none}
	if q.ok {
		record[1] = l.number(q.n)
	}
	if !stated {
		return record
	}
	share := none
	if q.ok {
		share = says + l.percent
	}
	return append(record, l.number(q.of), share)
}

// columns draws points as upright bars, the last one in full colour.
func columns(points []point, says func(point) string, height func(point) uint64) drawing {
	d := drawing{Width: units(480), Height: units(228)}
	base, tall, step := units(196), units(160), units(480)/tenth(len(points))
	most := uint64(1)
	for _, q := range points {
		most = max(most, height(q))
	}
	for i, q := range points {
		x, w, class, label := step*tenth(i)+step/10, step*8/10, "b1", "v"
		if i == len(points)-1 {
			class, label = "b0", "hi"
		}
		if q.ok {
			top := d.column(value{exact, height(q), height(q)}, x, w, base, tall, most, class)
			d.say(x+w/2, top-units(8), label, "middle", says(q))
		}
		d.say(x+w/2, base+units(22), dimmed(i == len(points)-1), "middle", short(q.period))
	}
	d.Lines = []stroke{{X2: d.Width, Y1: base, Y2: base}}
	return d
}

func dimmed(now bool) string {
	if now {
		return "hi"
	}
	return "dim"
}

// describe says a table in words: what a drawing shows, for who cannot see it.
func describe(g grid) string {
	var rows []string
	for _, r := range g.Rows {
		var cells []string
		for i, c := range r[1:] {
			if len(g.Heads) > 2 {
				c = g.Heads[i+1] + " " + c
			}
			cells = append(cells, c)
		}
		rows = append(rows, r[0]+": "+strings.Join(cells, ", "))
	}
	return strings.Join(rows, "; ") + "."
}

// charted reports whether the row's demands are drawn among counts.
func (r row) charted() bool {
	_, ok := r.value(law.Demand)
	return ok && r.state == "" && !r.listed()
}

// largest keeps the order of the rows, and those that are seen best if there
// are too many. What is not exact stands where it would be least.
func largest(rows []row) []row {
	if len(rows) <= maxPanels {
		return rows
	}
	low := func(r row) uint64 { v, _ := r.value(law.Demand); return v.low }
	order := slices.Clone(rows)
	slices.SortStableFunc(order, func(a, b row) int { return cmp.Compare(low(b), low(a)) })
	keep := map[string]bool{}
	for _, r := range order[:maxPanels] {
		keep[r.name] = true
	}
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !keep[r.name] })
}
