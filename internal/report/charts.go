package report

import (
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

// accountsChart shows the share of all accounts that was named, or their
// number where the number of all accounts is not stated.
func (l *language) accountsChart(p Published, s series) (chart, bool) {
	periods := s.last(func(r row) bool { _, ok := r.accounts(); return ok && r.class == ledger.Public })
	type point struct {
		n, of uint64
		ok    bool
	}
	var points []point
	stated, most := true, uint64(0)
	for _, q := range periods {
		rows, _ := s.countable(q)
		n, ok := named(rows)
		a, has := s.stated[q.Name()]
		stated = stated && has
		points = append(points, point{n, a.Number, ok})
	}
	if len(periods) < 2 || !points[len(points)-1].ok || periods[len(periods)-1] != p.Period {
		return chart{}, false
	}
	says := func(i int) string { return l.number(points[i].n) }
	height := func(i int) uint64 { return points[i].n }
	c := chart{ID: "chart-accounts", Data: grid{Heads: []string{l.say("chart.period"), l.field(law.AccountField)}}}
	last := len(points) - 1
	c.Title, c.Note = l.say("chart.accounts", says(last), l.period(p.Period)), l.say("chart.accounts.note")
	if stated {
		says = func(i int) string { return l.ratio(points[i].n, points[i].of, false) }
		height = func(i int) uint64 { return scaled(points[i].n, 1e12, points[i].of) }
		c.Title, c.Note = l.say("chart.share", says(last)+l.percent, l.period(p.Period)), l.say("chart.share.note")
		c.Data.Heads = append(c.Data.Heads, capital(l.say("tables.share.all")), l.say("tables.share"))
	}
	for i := range points {
		most = max(most, height(i))
	}
	d := drawing{ID: c.ID + "-1", Title: c.Title, Width: units(480), Height: units(228)}
	base, tall, step := units(196), units(160), units(480)/tenth(len(points))
	for i, q := range periods {
		x, w, class, text := step*tenth(i)+step/10, step*8/10, "b1", "v"
		if i == last {
			class, text = "b0", "hi"
		}
		record := []string{l.period(q)}
		if points[i].ok {
			top := d.column(value{exact, height(i), height(i)}, x, w, base, tall, max(most, 1), class)
			d.say(x+w/2, top-units(8), text, "middle", says(i))
			record = append(record, l.number(points[i].n))
		} else {
			record = append(record, l.say("chart.none"))
		}
		if stated {
			record = append(record, l.number(points[i].of), l.say("chart.none"))
			if points[i].ok {
				record[3] = says(i) + l.percent
			}
		}
		d.say(x+w/2, base+units(22), dimmed(i == last), "middle", short(q))
		c.Data.Rows = append(c.Data.Rows, record)
	}
	d.Lines = []stroke{{X2: d.Width, Y1: base, Y2: base}}
	d.Desc = describe(c.Data)
	c.Panels = []drawing{d}
	return c, true
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

// kindsChart shows the kinds of one period, where there is no other to compare.
func (l *language) kindsChart(p Published, s series) (chart, bool) {
	rows := slices.DeleteFunc(slices.Clone(s.rows[p.Period]), func(r row) bool { return !r.charted() })
	if len(rows) == 0 || len(s.last(row.charted)) > 1 {
		return chart{}, false
	}
	rows = largest(rows, s)
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

// charted reports whether the row's demands are drawn among counts.
func (r row) charted() bool {
	_, ok := r.value(law.Demand)
	return ok && r.state == "" && !r.listed()
}

// largest keeps the order of the rows, and those that are seen best if there
// are too many. What is not exact stands where it would be least.
func largest(rows []row, s series) []row {
	if len(rows) <= maxPanels {
		return rows
	}
	low := func(r row) uint64 { v, _ := r.value(law.Demand); return v.low }
	order := slices.Clone(rows)
	slices.SortStableFunc(order, func(a, b row) int {
		switch x, y := low(a), low(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	keep := map[string]bool{}
	for _, r := range order[:maxPanels] {
		keep[r.name] = true
	}
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !keep[r.name] })
}

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

// multiChart shows each kind of demand over time, all on one scale.
func (l *language) multiChart(p Published, s series) (chart, bool) {
	periods := s.last(row.charted)
	if len(periods) < 2 {
		return chart{}, false
	}
	rows := slices.DeleteFunc(slices.Clone(s.rows[p.Period]), func(r row) bool { return !r.charted() })
	slices.SortStableFunc(rows, before)
	rows = largest(rows, s)
	if len(rows) == 0 {
		return chart{}, false
	}
	c := chart{ID: "chart-kinds", Wide: true, Title: l.say("chart.multi"), Note: l.say("chart.multi.note"), Data: grid{Heads: []string{l.say("tables.kind")}}}
	most := uint64(1)
	for _, q := range periods {
		c.Data.Heads = append(c.Data.Heads, short(q))
		for _, r := range rows {
			if now, ok := s.row(q, r.name, r.class); ok {
				v, _ := now.value(law.Demand)
				most = max(most, v.high)
			}
		}
	}
	for i, r := range rows {
		title, _ := l.titles(r)
		d := drawing{ID: c.ID + "-" + l.number(uint64(i+1)), Title: title, Width: units(160), Height: units(108)}
		record := []string{title}
		base, step := units(88), min(units(48), units(160)/tenth(len(periods)))
		for j, q := range periods {
			now, ok := s.row(q, r.name, r.class)
			v, has := now.value(law.Demand)
			if !ok || !has {
				record = append(record, l.say("chart.none"))
				continue
			}
			record = append(record, l.value(v))
			class, label := "b1", "v"
			if j == len(periods)-1 {
				class, label = "b0", "hi"
			}
			x := step * tenth(j)
			top := d.column(v, x, step-units(3), base, units(66), most, class)
			if j == 0 || j == len(periods)-1 {
				d.say(x+(step-units(3))/2, top-units(5), label, "middle", marked(v, l))
			}
		}
		d.Lines = []stroke{{X2: step*tenth(len(periods)) - units(3), Y1: base, Y2: base}}
		d.say(0, base+units(16), "dim", "start", short(periods[0]))
		d.say(step*tenth(len(periods))-units(3), base+units(16), "hi", "end", short(periods[len(periods)-1]))
		d.Desc = l.say("chart.panel", title, strings.Join(record[1:], ", "))
		c.Panels, c.Heads = append(c.Panels, d), append(c.Heads, title)
		c.Data.Rows = append(c.Data.Rows, record)
	}
	return c, true
}

// marked is a value where there is little room.
func marked(v value, l *language) string {
	if v.kind == small {
		return "<" + l.number(v.high+1)
	}
	return l.value(v)
}

// bandChart draws what the law lets be shown as ranges only: each as a range.
func (l *language) bandChart(p Published, s series) (chart, bool) {
	banded := func(r row) bool { return slices.ContainsFunc(r.values, func(v value) bool { return v.kind == band }) }
	periods := s.last(banded)
	if len(periods) == 0 {
		return chart{}, false
	}
	slices.Reverse(periods)
	c := chart{ID: "chart-bands", Wide: true, Title: l.say("chart.band.other"), Note: l.say("chart.band.note"), Data: grid{Heads: []string{l.say("chart.period"), l.say("tables.kind"), l.say("tables.number")}}}
	var names []ledger.CellName // a row's name and the place of its field
	most := uint64(1)
	for _, q := range periods {
		for _, r := range s.rows[q] {
			for k, v := range r.values {
				name := ledger.CellName{Sheet: r.name, Period: uint64(k)}
				if v.kind != band {
					continue
				}
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
				most = max(most, v.high+1)
				if r.class == ledger.Restricted {
					c.Title = l.say("chart.band")
				}
			}
		}
	}
	for i, name := range names[:min(len(names), maxPanels)] {
		d := drawing{ID: c.ID + "-" + l.number(uint64(i+1)), Width: units(480)}
		var said []string
		y := tenth(0)
		for _, q := range periods {
			r, ok := s.rowWith(q, name.Sheet)
			if !ok || int(name.Period) >= len(r.values) {
				continue
			}
			v := r.values[name.Period]
			if d.Title == "" {
				d.Title = l.list(r)[name.Period].Title
			}
			d.say(0, y+units(17), dimmed(q == p.Period), "start", short(q))
			d.range_(v, y, most, l.value(v))
			said = append(said, l.say("chart.band.desc", d.Title, l.period(q), l.value(v)))
			c.Data.Rows = append(c.Data.Rows, []string{l.period(q), d.Title, l.value(v)})
			y += units(30)
		}
		d.Height = y - units(4)
		d.Lines = append(d.Lines, stroke{X1: units(70), X2: units(70), Y2: d.Height})
		d.Desc = strings.Join(said, " ")
		c.Panels, c.Heads = append(c.Panels, d), append(c.Heads, d.Title)
	}
	return c, true
}

// rowWith returns the row of a name in a period, of either class.
func (s series) rowWith(p law.Period, name string) (row, bool) {
	if r, ok := s.row(p, name, ledger.Restricted); ok {
		return r, true
	}
	return s.row(p, name, ledger.Public)
}

// range_ draws a value across, from its least to its greatest number, on a
// scale that begins at zero.
func (d *drawing) range_(v value, y tenth, most uint64, says string) {
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
