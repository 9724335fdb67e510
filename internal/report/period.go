package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine/ledger"
)

// periodPage is a report's page.
type periodPage struct {
	shell
	Name, Heading string
	Ref           []string
	First         []string
	Hero          hero
	Sections      []section
	Charts        []chart
	Source        string // SHA-256 of series.csv
	Files         []file
	Later         []waiting
	Petitions     []petition
	Comment       comment
	Live          bool
	Check         check
	Terms         []fieldWords
	Small         string
	Corrections   []corrected
	Earlier       []link
	Contact       string
	Mail          bool
}

type file struct{ Path, Says string }

type link struct{ Path, Says string }

// check is what the page needs to be checked.
type check struct {
	Entries string
	URL     string // "" if nobody said where the site will be
	Ledgers []facts
	Names   []link // of sheets, reports and fields, as the verifier calls them
}

// facts are those of a ledger at the report's state.
type facts struct {
	Title, Origin, Entries, Root, Headers, Witnesses string
	Stated                                           []statedRow
}

// statedRow is what an auditor said, by which key, and where its paper stands.
type statedRow struct{ Says, Key, Paper string }

// Pages returns the files of reports/NAME/ but report.json and report.note.
// They depend on that report, on what auditors had said by then, and on those
// before it, never on a later one.
func Pages(v View, name string) (map[string][]byte, error) {
	v, err := v.checked()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(v.Reports, func(p Published) bool { return p.Statement.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("write pages: there is no report %s", name)
	}
	v.Reports = v.Reports[:i+1]
	rows, err := v.rows()
	if err != nil {
		return nil, err
	}
	files, err := v.data(rows)
	if err != nil {
		return nil, err
	}
	for _, l := range languages {
		page, err := render("period.html", v.periodPage(l, rows, files))
		if err != nil {
			return nil, err
		}
		files["index"+l.file+".html"] = page
	}
	return files, nil
}

// rows reads the tables of all reports.
func (v View) rows() ([][]row, error) {
	var all [][]row
	for _, p := range v.Reports {
		rows, err := rowsOf(p)
		if err != nil {
			return nil, fmt.Errorf("read report %s: %w", p.Statement.Name, err)
		}
		slices.SortStableFunc(rows, before)
		all = append(all, rows)
	}
	return all, nil
}

// data makes the files for machines of the last report.
func (v View) data(rows [][]row) (map[string][]byte, error) {
	last := len(v.Reports) - 1
	p := v.Reports[last]
	files := map[string][]byte{}
	all := records(p.Statement.Name, rows[last])
	makers := map[string]func() ([]byte, error){
		"tables.csv":     func() ([]byte, error) { return recordsCSV(all) },
		"tables.json":    func() ([]byte, error) { return v.recordsJSON(p, all) },
		"aggregator.csv": func() ([]byte, error) { return v.aggregatorCSV(rows[last]) },
		"series.csv":     func() ([]byte, error) { return v.seriesCSV(rows) },
		"words.json":     p.Words.Marshal,
	}
	for name, makes := range makers {
		b, err := makes()
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
		files[name] = b
	}
	return files, nil
}

func (v View) seriesCSV(rows [][]row) ([]byte, error) {
	var all []record
	for i, some := range rows {
		all = append(all, records(v.Reports[i].Statement.Name, some)...)
	}
	return recordsCSV(all)
}

// periodPage is the page of the last report.
func (v View) periodPage(l *language, rows [][]row, files map[string][]byte) periodPage {
	last := len(v.Reports) - 1
	p := v.Reports[last]
	s := v.series(rows)
	sum := sha256.Sum256(files["series.csv"])
	page := periodPage{
		shell: shell{language: l, Provider: v.Provider, Base: "../../", Page: "index", Here: "report", Newest: p.Statement.Name, Script: true, Title: l.say("title.period", l.period(p.Period), v.Provider)},
		Name:  p.Statement.Name, Heading: l.period(p.Period),
		Ref: v.ref(l, p), First: l.cautions(v.Provider, p), Hero: l.hero(p, seriesOf(rows[last:])),
		Sections: l.sections(p, rows[last]), Charts: l.charts(p, s), Source: hex.EncodeToString(sum[:]),
		Files: l.files(p), Later: l.later(p, v.Reports), Petitions: l.petitions(p.Words.Petitions), Comment: l.comment(p.Words), Live: p.Words.LiveTicks,
		Check: v.checks(l, p), Terms: l.terms(rows[last]), Corrections: l.corrections(p), Contact: p.Words.Contact, Mail: isMail(p.Words.Contact),
	}
	if n, ok := smallest(rows[last]); ok {
		page.Small = l.say("definitions.small.says", l.number(n.high+1))
	}
	for _, e := range slices.Backward(v.Reports[:last]) {
		page.Earlier = append(page.Earlier, link{"../" + e.Statement.Name + "/index" + l.file + ".html", l.period(e.Period)})
	}
	return page
}

// ref is the line above the title: the days, the state, the version.
func (v View) ref(l *language, p Published) []string {
	first, last := p.Period.From, p.Period.To.Add(-time.Second)
	ref := []string{l.date(first) + " – " + l.date(last)}
	s := p.Statement.Ledgers[0]
	if at, tick, err := p.chain(s.Class).TickAt(s.Size); err == nil {
		ref = append(ref, l.say("as-of", l.date(at.TickTime(tick))))
	}
	return append(ref, l.say("version", l.number(uint64(p.Version))))
}

func (l *language) files(p Published) []file {
	all := []file{
		{"tables.csv", l.say("data.tables.csv")}, {"tables.json", l.say("data.json")}, {"series.csv", l.say("data.series")}, {"aggregator.csv", l.say("data.aggregator")},
		{"words.json", l.say("data.words")}, {"report.json", l.say("data.report")}, {"report.note", l.say("data.note")},
	}
	for _, s := range p.Statement.Ledgers {
		says := "data.log"
		if s.Class == ledger.Restricted {
			says = "data.closed"
		}
		all = append(all, file{"../../ledger/" + string(s.Class) + "/checkpoint", l.say(says)})
	}
	return all
}

// terms are the fields that the report has, with what they mean.
func (l *language) terms(rows []row) []fieldWords {
	var all []fieldWords
	seen := map[string]bool{}
	for _, r := range rows {
		for _, f := range r.fields {
			if w, ok := l.fields[f.Name]; ok && !seen[f.Name] {
				all = append(all, w)
			}
			seen[f.Name] = true
		}
	}
	return all
}

// checks is what the section on checking says of the ledgers.
func (v View) checks(l *language, p Published) check {
	c := check{URL: v.URL, Names: v.names(l, p)}
	entries := uint64(0)
	for _, s := range p.Statement.Ledgers {
		title := "check.ledger.public"
		if s.Class == ledger.Restricted {
			title = "check.ledger.closed"
		}
		chain := p.chain(s.Class)
		f := facts{Title: l.say(title), Origin: s.Origin, Entries: l.number(s.Size), Root: s.Root.String(), Headers: l.number(uint64(len(s.Headers))), Witnesses: l.watchers(chain[len(chain)-1].Header)}
		for _, one := range p.Stated[s.Class] {
			f.Stated = append(f.Stated, l.stated(chain, one))
		}
		c.Ledgers = append(c.Ledgers, f)
		if chain[len(chain)-1].Publication != ledger.Auditor {
			entries += s.Size
		}
	}
	c.Entries = l.number(entries)
	return c
}

// names are those of what a check may speak of, as the page has them.
func (v View) names(l *language, p Published) []link {
	var all []link
	sheets := map[string]bool{}
	for _, r := range p.Statement.Ledgers {
		for _, h := range p.chain(r.Class) {
			for _, s := range h.Sheets {
				sheets[s.Name] = true
			}
			for _, t := range h.Tables {
				sheets[t.Name] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sheets)) {
		sheet := placed(name)
		title, _ := l.titles(sheet)
		if sheet.state != "" {
			title += ", " + l.states[sheet.state]
		}
		all = append(all, link{"sheet:" + name, title})
	}
	for _, one := range v.Reports {
		all = append(all, link{"report:" + one.Statement.Name, l.period(one.Period)})
	}
	for _, name := range slices.Sorted(maps.Keys(l.fields)) {
		all = append(all, link{"field:" + name, l.fields[name].Head})
	}
	return all
}

// stated says what an auditor looked at, of which cell, and what came of it.
func (l *language) stated(c ledger.Chain, one ledger.Stated) statedRow {
	row := statedRow{Paper: "../../ledger/" + string(c[0].Class) + "/documents/" + one.Digest.String()}
	if one.Err != nil {
		row.Says = l.say("auditors.wrong")
		return row
	}
	result := "auditors.failed"
	if one.Passed {
		result = "auditors.passed"
	}
	day, _ := time.Parse(time.DateOnly, one.Day) // it was parsed before
	period := l.period(periodOf(c[one.Period].Header))
	looked := l.say("auditors."+string(one.Procedure), period)
	if one.Procedure != ledger.ByBundles {
		sheet := placed(one.Sheet)
		title, _ := l.titles(sheet)
		if sheet.state != "" {
			title += ", " + l.states[sheet.state]
		}
		looked = l.say("auditors."+string(one.Procedure), title, period)
	}
	row.Says, row.Key = l.say("auditors.says", looked, l.say(result), l.date(day)), one.Auditor
	return row
}

func (l *language) watchers(h *ledger.Header) string {
	var names []string
	for _, w := range h.Witnesses.Keys {
		names = append(names, w.Organisation)
	}
	if h.Witnesses.Quorum == 0 || len(names) == 0 {
		return l.say("check.witnesses.no")
	}
	return l.say("check.witnesses.of", l.number(uint64(h.Witnesses.Quorum)), l.number(uint64(len(names))), strings.Join(names, ", "))
}

// isMail reports whether a contact can be written to with a click.
func isMail(s string) bool {
	return strings.Count(s, "@") == 1 && !strings.ContainsAny(s, " /:,;<>\"?&%") && !strings.HasPrefix(s, "@")
}
