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
	Heading string
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
	if err := v.check(); err != nil {
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
	s := seriesOf(rows)
	for i, p := range v.Reports {
		page.Periods = append(page.Periods, l.reported(p, rows[i], s))
	}
	slices.Reverse(page.Periods)
	if n := len(v.Reports); n > 0 {
		p := v.Reports[n-1]
		page.Heading, page.Ref, page.First, page.Hero = l.period(p.Period), v.ref(l, p), l.cautions(v.Provider, p), l.hero(p, s)
		page.Contact, page.Mail = p.Words.Contact, isMail(p.Words.Contact)
		if c, ok := l.accountsChart(p, s); ok {
			page.Charts = append(page.Charts, c)
		}
	}
	return page
}

// reported is a line of the list: sums only where everything may be added up.
func (l *language) reported(p Published, rows []row, s series) reported {
	r := reported{Name: p.Statement.Name, Title: l.period(p.Period), Demands: l.say("site.sum"), Accounts: l.say("site.sum"), Share: l.say("chart.none"), National: l.say("site.bands")}
	exact, left := s.countable(p.Period)
	if n, ok := sum(exact, law.Demand); ok && len(left) == 0 {
		r.Demands = l.number(n)
	}
	if n, ok := named(exact); ok && len(left) == 0 {
		r.Accounts = l.number(n)
		if a, stated := p.Words.share(p.Period.Name()); stated {
			r.Share = l.share(n, a.Number, false)
		}
	}
	closed := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.class != ledger.Restricted || r.period != p.Period })
	switch {
	case len(p.chain(ledger.Restricted)) == 0:
		r.National = l.say("site.not")
	case len(closed) == 0:
		r.National = l.say("site.later")
	case len(closed) == 1:
		if v, ok := closed[0].value(law.Demand); ok {
			r.National = l.value(v)
		}
	}
	return r
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
