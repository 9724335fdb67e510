package replay

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

func parsed(t *testing.T, lines ...string) *Table {
	t.Helper()
	table, err := Parse([]byte(strings.Join(lines, "\n")+"\n"), 7)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(table.Rows) + len(table.Refused) + len(table.NotTotals); n != len(lines) || table.Lines != n {
		t.Errorf("%d lines, %d of them in a list: some are left out", len(lines), n)
	}
	return table
}

// TestRefused: what no ledger can publish is refused, each row with its reason.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		table   string
		refused string // the lines, parted by blanks
		why     string
	}{
		"more disclosed than received":   {"2021,us/subpoena,demand,183\n2021,us/subpoena,noncontent,269", "1 2", "in answer to 269 demands, and 183 were received"},
		"content and other data":         {"2021,us/subpoena,demand,9\n2021,us/subpoena,content,5\n2021,us/subpoena,noncontent,5\n2021,us/wiretap,demand,1", "1 2 3", "10 demands, and 9"},
		"more rejected than received":    {"2021,us/subpoena,demand,9\n2021,us/subpoena,rejected,10", "1 2", "10 demands are rejected, and 9"},
		"disclosed, none received":       {"2021,us/subpoena,content,1", "1", "no row that says how many were received"},
		"accounts without a demand":      {"2021,us/subpoena,demand,0\n2021,us/subpoena,account,1", "1 2", "no demand that specifies them"},
		"accounts over 16 bits":          {"2021,us/subpoena,demand,1\n2021,us/subpoena,account,65536", "1 2", "more than 1 demands can hold"},
		"a band one too wide":            {"2024-H2,us/national-security,demand,0-250", "1", "does not hold 250 numbers: the first band of this width is 0-249"},
		"a band of no structure":         {"2024-H2,us/national-security,demand,0-299", "1", "want bands of 1000, 500, 250, 100"},
		"a misaligned band":              {"2024-H2,us/national-security,demand,100-349", "1", "does not begin at a multiple of 250"},
		"a band upside down":             {"2024-H2,us/national-security,demand,249-0", "1", "no structure has"},
		"a band with a dash":             {"2024-H2,us/national-security,demand,0–249", "1", "with a hyphen"},
		"a band of 1000, combined":       {"2024-H2,us/national-security,demand,0-999", "1", "us/1874-a1 has no row us/national-security demand"},
		"a band of 250, by instrument":   {"2024-H2,us/nsl,demand,0-249", "1", "us/1874-a3 has no row us/nsl demand"},
		"a half-year in bands of 100":    {"2024-H2,us/national-security,demand,0-99", "1", "not a period of this structure"},
		"exact national security":        {"2024-H2,us/nsl,demand,12", "1", "in bands only"},
		"exact, combined":                {"2024-H2,us/national-security,account,12", "1", "in bands only"},
		"a band of public process":       {"2024-H2,us/subpoena,demand,0-249", "1", "no law lets us/subpoena be published in bands"},
		"a number outside its band":      {"2024-H2,us/national-security,demand,0-249,250", "1", "is not in the band 0-249"},
		"a number beside a number":       {"2024-H2,us/subpoena,demand,12,12", "1", "leave the fifth column out"},
		"a missing half-year":            {"2024-H1,us/subpoena,demand,1\n2025-H1,us/subpoena,demand,1\n2024-H1,us/national-security,demand,0-249", "1 2", "2024-H2 is missing between 2024-H1 and 2025-H1"},
		"a missing half-year, in bands":  {"2024-H1,us/nsl,demand,0-999\n2025-H1,us/nsl,demand,0-999\n2025-H1,us/subpoena,demand,4", "1 2", "2024-H2 is missing"},
		"overlapping structures":         {"2024-H1,us/national-security,demand,0-249\n2024-H1,us/nsl,demand,0-999", "1 2", "one structure a period"},
		"overlapping periods":            {"2024,us/subpoena,demand,3\n2024-H1,us/subpoena,demand,1", "1 2", "overlap"},
		"a structure that ends too soon": {"2024-H1,us/nsl,demand,0-999\n2024-H2,us/national-security,demand,0-249", "1 2", "new platforms"},
		"a date":                         {"6/30/13,us/subpoena,demand,1", "1", "day first or month first"},
		"half a half-year":               {"2024-01-01-45d,us/subpoena,demand,1", "1", "no whole month"},
		"no period":                      {"H1 2024,us/subpoena,demand,1", "1", "is not the name of a period"},
		"an unknown field":               {"2024-H1,us/subpoena,users,1", "1", `field "users" is none that a ledger counts`},
		"bulk accounts":                  {"2024-H1,us/subpoena,bulk_accounts,1", "1", "give accounts as account"},
		"a row twice":                    {"2024-H1,us/subpoena,demand,1\n2024-H1,us/wiretap,demand,1\n2024-H1,us/subpoena,demand,1", "1 3", "is there 2 times, in lines 1, 3"},
		"a space behind a name":          {"2025-H1,cross-border-request ,demand,40", "1", "has a space at its end"},
		"a space before a number":        {"2025-H1,cross-border-request, demand,40", "1", "has a space"},
		"a no-break space":               {"2025-H1,us/subpoena\u00a0,demand,40", "1", "has a space"},
		"a name that was misread":        {"2013-H2,c\u032bte-divoire,demand,2", "1", "no name of a sheet"},
		"a name with capitals":           {"2013-H2,US/subpoena,demand,2", "1", "no name of a sheet"},
		"thousands":                      {`2013-H2,us/subpoena,demand,"2,456"`, "1", "is no total"},
		"a leading zero":                 {"2013-H2,us/subpoena,demand,007", "1", "is no total"},
		"a negative number":              {"2013-H2,us/subpoena,demand,-1", "1", "is not a band"},
		"words":                          {"2013-H2,us/subpoena,demand,few", "1", "is no total"},
		"too many columns":               {"2013-H2,us/subpoena,demand,1,,", "1", "it has 6 columns"},
		"too few columns":                {"2013-H2,us/subpoena,demand", "1", "it has 3 columns"},
		"more than a replay counts":      {"2013-H2,us/subpoena,demand,1048576", "1", "more than a replay counts"},
		"small numbers in another band":  {"2027-H1,eu/epoc-content/de,demand,0-4", "1", "0-9 is the only one"},
	} {
		t.Run(name, func(t *testing.T) {
			table := parsed(t, strings.Split(c.table, "\n")...)
			var lines []string
			for _, r := range table.Refused {
				lines = append(lines, fmt.Sprint(r.Line))
				if !strings.Contains(r.Because(), c.why) {
					t.Errorf("line %d: %q does not say %q", r.Line, r.Because(), c.why)
				}
			}
			if got := strings.Join(lines, " "); got != c.refused {
				t.Errorf("lines %q were refused, not %q", got, c.refused)
			}
		})
	}
}

// TestNoTable: what is no table is refused as a whole.
func TestNoTable(t *testing.T) {
	for name, c := range map[string][2]string{
		"carriage returns alone": {"2024-H1,us/subpoena,demand,1\r2024-H2,us/subpoena,demand,1\r", "carriage return alone"},
		"empty":                  {"", "has no rows"},
		"only a head":            {"period,sheet,field,value\n", "has no rows"},
		"an open quote":          {"2024-H1,\"us/subpoena,demand,1\n", "cannot be read as CSV"},
		"too long":               {strings.Repeat("2024-H1,us/subpoena,demand,1\n", maxBytes/28), "bytes: want at most"},
		"too many":               {strings.Repeat("2024-H1,us/subpoena,demand,1\n", maxRows+1), "more than 20000 rows"},
	} {
		_, err := Parse([]byte(c[0]), 0)
		var r *vitrine.Refusal
		if !errors.As(err, &r) || r.Kind != vitrine.Usage || !strings.Contains(r.Text, c[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNotTotals: percentages and blanks are listed, and are neither rows nor 0.
func TestNotTotals(t *testing.T) {
	table := parsed(t, "2013-H1,us/subpoena,demand,7458", "2013-H1,us/subpoena,percent,84", "2013-H1,us/subpoena,content,84%", "2013-H1,us/subpoena,account,")
	if len(table.Rows) != 1 || len(table.NotTotals) != 3 || len(table.Refused) != 0 {
		t.Fatalf("%+v", table)
	}
	if w := table.NotTotals[2].Why; !strings.Contains(w, "which is not 0") {
		t.Errorf("%q", w)
	}
}

// TestReplayable: forms in which a table may come, and rows that are strange and
// may be true.
func TestReplayable(t *testing.T) {
	b := "\ufeffperiod,sheet,field,value,actual\r\n\r\n2013-H2,tr/user-data,demand,204,\r\n2013-H2,tr/user-data,account,163\r\n2013-H2,us/national-security,account,2000-2249,2100\r\n2013-H2,eu/epoc-content/de,demand,3"
	table, err := Parse([]byte(b), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 4 || len(table.Refused)+len(table.NotTotals) != 0 {
		t.Fatalf("%+v", table)
	}
	for i, want := range []Row{{Line: 3, Low: 204, High: 204, Actual: 204}, {Line: 4, Low: 163, High: 163, Actual: 163}, {Line: 5, Low: 2000, High: 2249, Actual: 2100}, {Line: 6, Low: 0, High: 9, Actual: 3}} {
		if r := table.Rows[i]; r.Line != want.Line || r.Low != want.Low || r.High != want.High || r.Actual != want.Actual {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	if c := table.Rows[2].Class(); c != ledger.Restricted {
		t.Errorf("national security is counted in the %s ledger", c)
	}
	var flags []string
	for _, f := range table.Flagged {
		flags = append(flags, f.Why)
	}
	if !slices.Equal(flags, []string{"163 accounts are fewer than the 204 demands that specify them", "the rule of eu/epoc-content/de is small:10: it is published as 0-9"}) {
		t.Errorf("%q", flags)
	}
}

// TestDrawn: a number that the table does not give lies in its band, follows
// from the seed, and differs with it.
func TestDrawn(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(40) {
		for range 2 {
			table, err := Parse([]byte("2024-H2,us/national-security,demand,750-999\n"), seed)
			if err != nil {
				t.Fatal(err)
			}
			n := table.Rows[0].Actual
			if n < 750 || n > 999 {
				t.Fatalf("seed %d draws %d", seed, n)
			}
			seen[n] = true
		}
	}
	if len(seen) < 25 || len(seen) > 40 {
		t.Errorf("40 seeds draw %d numbers", len(seen))
	}
}

// FuzzParse: each line is in one list, and rows are what they say.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"2013-H1,us/search-warrant,demand,2456\n", "2024-H2,us/national-security,demand,750-999,812\n", "period,sheet,field,value\n2024,us/national-security,account,0-99\n",
		"2024-H1,us/nsl,demand,0-999\n2024-H2,us/nsl,demand,1000-1999,1\n", "2024-H1,\"a\",demand,\"1\"\n", "6/30/13,AR,,98\n", "2026,eu/epoc-content/de,demand,0-9\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := Parse(b, 1)
		if err != nil {
			return
		}
		if len(table.Rows)+len(table.Refused)+len(table.NotTotals) != table.Lines {
			t.Fatalf("%d lines are left out", table.Lines-len(table.Rows)-len(table.Refused)-len(table.NotTotals))
		}
		var again []string
		for _, r := range table.Rows {
			if r.Actual < r.Low || r.Actual > r.High || r.High > r.Low && !strings.Contains(r.Said(), "-") {
				t.Fatalf("%+v", r)
			}
			s := strings.Join([]string{r.Period.Name(), r.Sheet, r.Field, r.Said()}, ",")
			if r.High > r.Low {
				s += fmt.Sprint(",", r.Actual)
			}
			again = append(again, s)
		}
		if len(table.Refused)+len(table.NotTotals) > 0 || len(again) == 0 {
			return // a line that is no row may be what made the sequence whole
		}
		second, err := Parse([]byte(strings.Join(again, "\n")), 2)
		if err != nil || len(second.Rows) != len(table.Rows) {
			t.Fatalf("read again, %v: %+v", err, second)
		}
		for i, r := range second.Rows {
			r.Line = table.Rows[i].Line
			if r.Name() != table.Rows[i].Name() || r.Actual != table.Rows[i].Actual || r.Said() != table.Rows[i].Said() {
				t.Fatalf("%+v was read again as %+v", table.Rows[i], r)
			}
		}
	})
}
