package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

func readCSV(t testing.TB, b []byte) []map[string]string {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// TestColumns pins the names, which others rely on.
func TestColumns(t *testing.T) {
	files := site(t, plans(t)["full"].view(t))
	for name, want := range map[string]string{
		"tables.csv":     "report,period_start,period_end,ledger,regime,table,instrument,state,field,rule,kind,value,low,high,law,cells\n",
		"series.csv":     "report,period_start,period_end,ledger,regime,table,instrument,state,field,rule,kind,value,low,high,law,cells\n",
		"aggregator.csv": "report_start,report_end,platform,property,country,request_type,request_subtype,num_requests,num_accounts_specified,num_requests_complied,num_accounts_complied,agency,reason\n",
	} {
		if got := string(files["reports/2026-H2/"+name]); !strings.HasPrefix(got, want) {
			t.Errorf("%s begins with %s", name, strings.SplitN(got, "\n", 2)[0])
		}
	}
}

// TestRows reads tables.csv and tables.json again and wants each field of each
// table of the statement, in the words of spec/report.md.
func TestRows(t *testing.T) {
	for name, p := range plans(t) {
		v := p.view(t)
		files := site(t, v)
		series := 0
		for _, r := range v.Reports {
			want := told(r)
			rows := readCSV(t, files["reports/"+r.Statement.Name+"/tables.csv"])
			var got []string
			for _, row := range rows {
				got = append(got, strings.Join([]string{row["ledger"], row["table"], row["field"], row["value"]}, " "))
				if low, high, found := strings.Cut(row["value"], "-"); found && (row["low"] != low || row["high"] != high) || !found && (row["low"] != low || row["high"] != low) {
					t.Errorf("%s: %v has other ends than its value", name, row)
				}
				if row["report"] != r.Statement.Name || row["law"] == "" && name != "unknown" && name != "permitted" && row["kind"] != "hidden" {
					t.Errorf("%s: %v", name, row)
				}
			}
			series += len(rows)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%s: %s has\n%s\nwant\n%s", name, r.Statement.Name, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			sameRows(t, files["reports/"+r.Statement.Name+"/tables.json"], rows)
			if n := len(readCSV(t, files["reports/"+r.Statement.Name+"/series.csv"])); n != series {
				t.Errorf("%s: series.csv of %s has %d rows, the reports so far %d", name, r.Statement.Name, n, series)
			}
		}
		if n := len(readCSV(t, files["series.csv"])); n != series {
			t.Errorf("%s: series.csv of the site has %d rows, not %d", name, n, series)
		}
	}
}

// told is what a statement says.
func told(p Published) []string {
	var all []string
	for _, table := range p.Statement.Tables {
		for _, f := range table.Fields {
			value := ""
			switch {
			case f.Total != nil:
				value = fmt.Sprint(*f.Total)
			case f.Low != nil:
				value = fmt.Sprintf("%d-%d", *f.Low, *f.Low+*f.Width-1)
			}
			all = append(all, strings.Join([]string{string(table.Class), table.Name, f.Name, value}, " "))
		}
	}
	return all
}

// sameRows compares tables.json with the lines of tables.csv.
func sameRows(t *testing.T, b []byte, lines []map[string]string) {
	var file struct {
		Columns []struct{ Name, Means string }
		Rows    []map[string]any
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Rows) != len(lines) || len(file.Columns) != len(lines[0]) {
		t.Fatalf("%d rows and %d columns in JSON, %d and %d in CSV", len(file.Rows), len(file.Columns), len(lines), len(lines[0]))
	}
	for i, line := range lines {
		for name, want := range line {
			got := file.Rows[i][name]
			if got == nil {
				got = ""
			}
			if fmt.Sprintf("%v", got) != strings.TrimPrefix(want, "'") {
				t.Errorf("row %d: %s is %v in JSON, %s in CSV", i, name, got, want)
			}
		}
	}
}

// TestAggregator wants what was made up by hand in the lines for comparing.
func TestAggregator(t *testing.T) {
	rows := readCSV(t, site(t, plans(t)["full"].view(t))["reports/2026-H2/aggregator.csv"])
	if len(rows) != len(ordinarySheets)+1 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		id := r["request_subtype"]
		if r["report_start"] != "2026-07-01" || r["report_end"] != "2026-12-31" || r["platform"] != "Havre Mail" || r["country"] != strings.ToUpper(id[:2]) {
			t.Errorf("%v", r)
		}
		want := [3]string{"250-499", "250-499", ""}
		if id != "us/national-security" {
			c := func(field string) uint64 { return counted(5, id, field) }
			want = [3]string{fmt.Sprint(c(law.Demand)), fmt.Sprint(c(law.AccountField) + c(law.BulkAccounts)), fmt.Sprint(c(law.ContentField) + c(law.Noncontent))}
		}
		if got := [3]string{r["num_requests"], r["num_accounts_specified"], r["num_requests_complied"]}; got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
	for _, r := range readCSV(t, site(t, plans(t)["states"].view(t))["reports/2026-H1/aggregator.csv"]) {
		if r["request_subtype"] == "eu/epoc-subscriber/de" && (r["country"] != "DE" || r["num_requests"] != "0-9" || r["num_requests_complied"] != "") {
			t.Errorf("%v", r)
		}
	}
}

// TestSpecified keeps accounts of very large demands apart where a sum would
// rest on a range.
func TestSpecified(t *testing.T) {
	exactly := func(n uint64) value { return value{exact, n, n} }
	for _, c := range []struct {
		account, bulk value
		want          string
	}{
		{exactly(4), exactly(1000), "1004"},
		{value{small, 0, 9}, exactly(0), "0-9"},
		{value{small, 0, 9}, exactly(1000), ""},
		{exactly(4), value{small, 0, 9}, ""},
		{value{kind: hidden}, exactly(0), ""},
	} {
		r := row{fields: []ledger.Field{{Name: law.AccountField}, {Name: law.BulkAccounts}}, values: []value{c.account, c.bulk}}
		if got := r.specified(); got != c.want {
			t.Errorf("%v and %v: %q, want %q", c.account, c.bulk, got, c.want)
		}
	}
}

// TestWords reads words.json back.
func TestWords(t *testing.T) {
	for name, p := range plans(t) {
		v := p.view(t)
		files, err := Pages(v, v.newest())
		if err != nil {
			t.Fatal(err)
		}
		var w Words
		if err := json.Unmarshal(files["words.json"], &w); err != nil {
			t.Fatal(err)
		}
		again, err := w.Marshal()
		if err != nil || !bytes.Equal(again, files["words.json"]) {
			t.Errorf("%s: words.json reads back as %s", name, again)
		}
	}
}
