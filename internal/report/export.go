package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine/law"
)

// record is one field of one table, as tables.csv, tables.json and series.csv
// have it. The names of the columns are stable; new ones come last.
type record struct {
	Report      string  `json:"report"`
	PeriodStart string  `json:"period_start"` // first day
	PeriodEnd   string  `json:"period_end"`   // last day
	Ledger      string  `json:"ledger"`       // public or restricted
	Regime      string  `json:"regime"`
	Table       string  `json:"table"`
	Instrument  string  `json:"instrument"`
	State       string  `json:"state"` // ISO 3166-1 alpha-2
	Field       string  `json:"field"`
	Rule        string  `json:"rule"`  // exact, small:K, band:W, hidden
	Kind        string  `json:"kind"`  // exact, small, band, hidden
	Value       string  `json:"value"` // 12, 250-499, or empty
	Low         *uint64 `json:"low"`
	High        *uint64 `json:"high"`
	Law         string  `json:"law"`
	Cells       string  `json:"cells"` // sheet@period, parted by blanks
}

var recordColumns = []string{"report", "period_start", "period_end", "ledger", "regime", "table", "instrument", "state", "field", "rule", "kind", "value", "low", "high", "law", "cells"}

func (r record) columns() []string {
	return []string{r.Report, r.PeriodStart, r.PeriodEnd, r.Ledger, r.Regime, r.Table, r.Instrument, r.State, r.Field, r.Rule, r.Kind, r.Value, digits(r.Low), digits(r.High), r.Law, r.Cells}
}

func digits(n *uint64) string {
	if n == nil {
		return ""
	}
	return value{exact, *n, *n}.String()
}

// records are the rows of a report, one for each field.
func records(report string, rows []row) []record {
	all := []record{}
	for _, r := range rows {
		from, to := days(r.period)
		for k, f := range r.fields {
			rec := record{
				Report: report, PeriodStart: from, PeriodEnd: to, Ledger: string(r.class), Regime: r.regime, Table: r.name, Instrument: r.instrument, State: strings.ToUpper(r.state),
				Field: f.Name, Rule: f.Rule.String(), Kind: string(r.values[k].kind), Value: r.values[k].String(), Law: r.article(k), Cells: strings.Join(r.cells, " "),
			}
			if v := r.values[k]; v.kind != hidden {
				rec.Low, rec.High = &v.low, &v.high
			}
			all = append(all, rec)
		}
	}
	return all
}

// days are the first and the last day of a period.
func days(p law.Period) (first, last string) {
	return p.From.Format(time.DateOnly), p.To.Add(-time.Second).Format(time.DateOnly)
}

func recordsCSV(all []record) ([]byte, error) {
	table := [][]string{recordColumns}
	for _, r := range all {
		table = append(table, r.columns())
	}
	return csvOf(table)
}

// exported is tables.json.
type exported struct {
	Format      string   `json:"format"`
	Provider    string   `json:"provider"`
	Report      string   `json:"report"`
	PeriodStart string   `json:"period_start"`
	PeriodEnd   string   `json:"period_end"`
	Columns     []column `json:"columns"`
	Rows        []record `json:"rows"`
}

type column struct {
	Name  string `json:"name"`
	Means string `json:"means"`
}

func (v View) recordsJSON(p Published, all []record) ([]byte, error) {
	e := exported{Format: "vitrine/tables/v1", Provider: v.Provider, Report: p.Statement.Name, Rows: all}
	e.PeriodStart, e.PeriodEnd = days(p.Period)
	for _, name := range recordColumns {
		e.Columns = append(e.Columns, column{name, english.say("column." + name)})
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(e)
	return out.Bytes(), err
}

// aggregatorColumns are those with which reports of many companies are
// collected.
var aggregatorColumns = []string{
	"report_start", "report_end", "platform", "property", "country", "request_type", "request_subtype",
	"num_requests", "num_accounts_specified", "num_requests_complied", "num_accounts_complied", "agency", "reason",
}

// aggregatorCSV has one line a table. What the rows do not say stays empty:
// accounts of which something was disclosed are not counted.
func (v View) aggregatorCSV(rows []row) ([]byte, error) {
	table := [][]string{aggregatorColumns}
	for _, r := range rows {
		from, to := days(r.period)
		demands, _ := r.value(law.Demand)
		table = append(table, []string{from, to, v.Provider, "", r.country(), r.regime, r.name, demands.String(), r.specified(), r.complied(), "", "", ""})
	}
	return csvOf(table)
}

// specified is how many accounts the demands specify, or the range that it is
// in, or nothing where those of very large demands are a range of their own.
func (r row) specified() string {
	if n, ok := r.accounts(); ok {
		return value{exact, n, n}.String()
	}
	accounts, _ := r.value(law.AccountField)
	if bulk, ok := r.value(law.BulkAccounts); ok && (bulk.kind != exact || bulk.low > 0) {
		return ""
	}
	return accounts.String()
}

// complied is the number of demands in answer to which anything was disclosed,
// if both of its parts are exact.
func (r row) complied() string {
	content, ok := r.value(law.ContentField)
	other, ok2 := r.value(law.Noncontent)
	n, ok3 := total([]value{content, other})
	if !ok || !ok2 || !ok3 {
		return ""
	}
	return value{exact, n, n}.String()
}

// country is the one whose authorities made the demands, or EU.
func (r row) country() string {
	if r.state != "" {
		return strings.ToUpper(r.state)
	}
	if jurisdiction, _, _ := strings.Cut(r.regime, "/"); len(jurisdiction) == 2 {
		return strings.ToUpper(jurisdiction)
	}
	return ""
}

// csvOf writes a table whose texts no spreadsheet takes for formulas.
func csvOf(table [][]string) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	for _, line := range table {
		safe := make([]string, len(line))
		for i, cell := range line {
			safe[i] = unformula(cell)
		}
		if err := w.Write(safe); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

func unformula(s string) string {
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r\n") {
		return "'" + s
	}
	return s
}
