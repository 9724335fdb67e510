package report

import (
	"fmt"
	"slices"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// sitePage is the first page of a site.
type sitePage struct {
	shell
	First   []string
	Ref     []string
	Hero    hero
	Charts  []chart
	Periods []reported
	Contact string
	Mail    bool
}

// reported is a report in the list of all.
type reported struct {
	Name, Title              string
	Demands, Accounts, Share string
	National                 string
	Left                     []string // what the sums leave out
}

// methodPage says how demands are counted.
type methodPage struct {
	shell
	Terms      []fieldWords
	Laws       []lawRow
	Structures []structureRow
	Columns    []column
}

type lawRow struct{ Title, Secrecy, Publication, Source, Standing string }

type structureRow struct {
	Article, Width string
	Rows, Waits    []string
}

// Site returns the files at the top of a site: they change with each report.
func Site(v View) (map[string][]byte, error) {
	files, err := v.top()
	if err != nil {
		return nil, err
	}
	return files, checker(files)
}

// top is what a site has at its top but the program that checks.
func (v View) top() (map[string][]byte, error) {
	v, err := v.checked()
	if err != nil {
		return nil, err
	}
	rows, err := v.rows()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	if err := static(files); err != nil {
		return nil, err
	}
	if files["series.csv"], err = v.seriesCSV(rows); err != nil {
		return nil, fmt.Errorf("write series.csv: %w", err)
	}
	for _, l := range languages {
		first, err := render("site.html", v.sitePage(l, rows))
		if err != nil {
			return nil, err
		}
		method, err := render("method.html", v.methodPage(l))
		if err != nil {
			return nil, err
		}
		files["index"+l.file+".html"], files["method"+l.file+".html"] = first, method
	}
	return files, nil
}

func (v View) newest() string {
	if len(v.Reports) == 0 {
		return ""
	}
	return v.Reports[len(v.Reports)-1].Statement.Name
}

func (v View) sitePage(l *language, rows [][]row) sitePage {
	page := sitePage{shell: shell{language: l, Provider: v.Provider, Page: "index", Here: "all", Newest: v.newest(), Title: l.say("title.site", v.Provider)}}
	for i, p := range v.Reports {
		page.Periods = append(page.Periods, l.reported(p, rows[i]))
		if h := l.hero(p, seriesOf(rows[i:i+1])); h.Number != "" || i == 0 {
			page.Hero, page.Ref = h, v.ref(l, p)
		}
	}
	slices.Reverse(page.Periods)
	if n := len(v.Reports); n > 0 {
		p := v.Reports[n-1]
		page.First, page.Contact, page.Mail = l.cautions(v.Provider, p), p.Words.Contact, isMail(p.Words.Contact)
		for _, draw := range []func(Published, series) (chart, bool){l.accountsChart, l.outcomeChart} {
			if c, ok := draw(p, v.series(rows)); ok {
				page.Charts = append(page.Charts, c)
			}
		}
	}
	return page
}

// reported is a line of the list, with the sums that stand first in the report:
// of what may be added up, and what they leave out.
func (l *language) reported(p Published, rows []row) reported {
	none := l.say("chart.none")
	r := reported{Name: p.Statement.Name, Title: l.period(p.Period), Demands: none, Accounts: none, Share: none, National: l.national(p, rows)}
	if r.Name != p.Period.Name() {
		r.Title += " (" + r.Name + ")"
	}
	exact, left := seriesOf([][]row{rows}).countable(p.Period)
	n, ok := sum(exact, law.Demand)
	if !ok {
		return r
	}
	r.Demands = l.number(n)
	if n, ok := named(exact); ok {
		r.Accounts = l.number(n)
		if a, stated := p.Words.share(p.Period.Name()); stated {
			r.Share = l.share(n, a.Number, false)
		}
	}
	for _, regime := range left {
		r.Left = append(r.Left, l.say("site.left", l.regime(regime)))
	}
	return r
}

// national is what the list says of national security process: a single range
// if it is of all of it.
func (l *language) national(p Published, rows []row) string {
	if len(p.chain(ledger.Restricted)) == 0 {
		return l.say("site.not")
	}
	closed := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.class != ledger.Restricted })
	if len(closed) == 0 {
		return l.say("site.later")
	}
	v, ok := closed[0].value(law.Demand)
	if len(closed) == 1 && ok && closed[0].name == string(law.NationalSecurity) && closed[0].period == p.Period {
		return l.value(v)
	}
	return l.say("site.bands")
}

func (v View) methodPage(l *language) methodPage {
	page := methodPage{shell: shell{language: l, Provider: v.Provider, Page: "method", Here: "method", Newest: v.newest(), Title: l.say("title.method", v.Provider)}}
	sheet, _ := law.SheetOf("us/subpoena", law.Structure{})
	for _, f := range sheet.Fields {
		page.Terms = append(page.Terms, l.fields[f.Name])
	}
	for _, in := range law.All() {
		title, _ := l.titles(placed(string(in.ID)))
		page.Laws = append(page.Laws, lawRow{title, in.Secrecy, in.Publication, in.Source, string(in.Standing)})
	}
	for _, s := range law.Structures() {
		page.Structures = append(page.Structures, l.structure(s))
	}
	for _, c := range recordColumns {
		page.Columns = append(page.Columns, column{c, l.say("column." + c)})
	}
	return page
}

func (l *language) structure(s law.Structure) structureRow {
	r := structureRow{Article: s.Article, Width: l.number(uint64(s.Width))}
	for _, a := range s.Rows {
		r.Rows = append(r.Rows, a.Letter+": "+l.lawRow(a))
		wait := l.say("method.wait.none")
		if a.Delay > 0 {
			wait = l.say("method.wait.days", l.number(uint64(a.Delay)))
		}
		if !slices.Contains(r.Waits, wait) {
			r.Waits = append(r.Waits, wait)
		}
	}
	return r
}
