package replay

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

func planned(t interface{ Fatal(...any) }, lines ...string) []Ledger {
	table, err := Parse([]byte(strings.Join(lines, "\n")), 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Refused) > 0 {
		t.Fatal(table.Refused)
	}
	plan, err := table.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// sheets are what tests take rows from: instruments, a State's part, others.
var sheets = []string{"us/subpoena", "us/search-warrant", "us/emergency", "eu/epoc-content", "eu/epoc-content/de", "ar/user-data", "us/wiretap", "de/user-data"}

// TestPlanHolds: whatever a table says, its facts fit in the slots, and as few
// bundles are made as demands and outcomes need, but for lists of accounts that
// the desk itself counts one by one.
func TestPlanHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		facts := 0
		for _, sheet := range rapid.SliceOfNDistinct(rapid.SampledFrom(sheets), 1, len(sheets), rapid.ID).Draw(t, "sheets") {
			demands := rapid.OneOf(rapid.IntRange(0, 9), rapid.IntRange(0, 3000)).Draw(t, "demands")
			lines = append(lines, fmt.Sprintf("2024-H1,%s,demand,%d", sheet, demands))
			facts += demands
			if demands == 0 {
				continue
			}
			if a := rapid.OneOf(rapid.IntRange(0, 9), rapid.IntRange(0, 5000)).Draw(t, "accounts"); a > 0 {
				lines = append(lines, fmt.Sprintf("2024-H1,%s,account,%d", sheet, a))
			}
			if o := rapid.IntRange(0, demands).Draw(t, "content"); o > 0 {
				lines = append(lines, fmt.Sprintf("2024-H1,%s,content,%d", sheet, o))
				facts += o
			}
		}
		plan := planned(t, lines...)
		if len(plan) != 1 || plan[0].Class != ledger.Public || len(plan[0].Periods) != 1 {
			t.Fatalf("%+v", plan)
		}
		p := plan[0].Periods[0]
		total, forced := 0, 0
		for _, n := range p.Slots {
			total += n
		}
		if total%ledger.Slots != 0 || len(p.Slots) != len(p.Groups) {
			t.Fatalf("%d slots for %d sheets in %d groups", total, len(p.Slots), len(p.Groups))
		}
		for _, g := range p.Groups {
			need, listed := g.Demands, 0
			for _, o := range g.Outcomes {
				need += o.Number
			}
			lists := g.Lists(p.Slots[g.Sheet])
			if len(lists) > g.Demands {
				t.Fatalf("%d demands, %d lists of accounts", g.Demands, len(lists))
			}
			for _, n := range lists {
				listed += n
				if g.Instrument != "" && (n > p.Slots[g.Sheet]/2) != g.Bulk {
					t.Fatalf("%s: the desk counts %d accounts otherwise than planned with %d slots", g.Sheet, n, p.Slots[g.Sheet])
				}
			}
			if listed != g.Accounts {
				t.Fatalf("%s: %d of %d accounts are specified", g.Sheet, listed, g.Accounts)
			}
			if !g.Bulk {
				need += g.Accounts
				forced += 2*g.Accounts + 2
			}
			if need > p.Ticks*p.Slots[g.Sheet] {
				t.Fatalf("%s: %d facts for %d slots in each of %d ticks", g.Sheet, need, p.Slots[g.Sheet], p.Ticks)
			}
		}
		least := (facts + ledger.Slots - 1) / ledger.Slots
		if most := (facts+6*len(p.Groups)+forced+ledger.Slots-1)/ledger.Slots + minTicks; p.Ticks*p.Bundles() < least || p.Ticks*p.Bundles() > most {
			t.Fatalf("%d bundles in each of %d ticks, want %d to %d", p.Bundles(), p.Ticks, least, most)
		}
	})
}

// TestPlanHidesActual: the slots of sheets with bands are the same whatever is
// counted in the bands.
func TestPlanHidesActual(t *testing.T) {
	structures := map[string][]string{
		"0-249": {"us/national-security demand", "us/national-security account"},
		"0-999": {"us/nsl demand", "us/nsl account", "us/fisa-content demand", "us/fisa-noncontent demand", "us/fisa-prtt account", "us/fisa-records-b account"},
		"0-499": {"us/nsl demand", "us/fisa-noncontent demand", "us/fisa-noncontent account"},
	}
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.SampledFrom([]string{"0-249", "0-999", "0-499"}).Draw(t, "bands")
		var width uint64
		fmt.Sscanf(first, "0-%d", &width)
		width++
		var slots []map[string]int
		ticks := map[int]bool{}
		lines := [2][]string{}
		for _, row := range structures[first] {
			low := width * rapid.Uint64Range(0, 4).Draw(t, "low")
			sheet, field, _ := strings.Cut(row, " ")
			for i := range lines {
				lines[i] = append(lines[i], fmt.Sprintf("2024-H1,%s,%s,%d-%d,%d", sheet, field, low, low+width-1, low+rapid.Uint64Range(0, width-1).Draw(t, "actual")))
			}
		}
		for i := range lines {
			plan := planned(t, lines[i]...)
			p := plan[len(plan)-1].Periods[0]
			if plan[len(plan)-1].Class != ledger.Restricted || len(p.Slots) != len(law.NationalSecurity.Sheets(law.Structure{})) {
				t.Fatalf("%+v", plan)
			}
			slots, ticks[p.Ticks] = append(slots, p.Slots), true
			for _, g := range p.Groups {
				if n := g.Demands + g.Accounts; n > p.Ticks*p.Slots[g.Sheet] {
					t.Fatalf("%s: %d facts for %d slots in each of %d ticks", g.Sheet, n, p.Slots[g.Sheet], p.Ticks)
				}
			}
		}
		if !maps.Equal(slots[0], slots[1]) || len(ticks) > 1 {
			t.Fatalf("the slots tell what was counted: %v and %v", slots[0], slots[1])
		}
	})
}

// TestPlan: periods without rows of their own, and ledgers beside each other.
func TestPlan(t *testing.T) {
	table, err := Parse([]byte("2023-H1,us/nsl,demand,0-999,5\n2023-H2,us/nsl,demand,5\n2024-H1,us/nsl,account,0-999\n2024,us/wiretap,demand,3\n2024,us/wiretap,account,1\n2024,us/subpoena,demand,1"), 0)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := table.Plan()
	if err != nil {
		t.Fatal(err)
	}
	public, restricted := plan[0], plan[1]
	if len(public.Periods) != 1 || public.Periods[0].Name() != "2024" || public.Periods[0].Cadence != law.Years || len(public.Periods[0].Made) != 1 || public.Periods[0].Sheets[0] != "us/subpoena" {
		t.Errorf("%+v", public)
	}
	if len(restricted.Periods) != 3 {
		t.Fatalf("%+v", restricted)
	}
	for _, p := range restricted.Periods {
		if p.Structure != "us/1874-a1" {
			t.Errorf("%s has structure %q", p, p.Structure)
		}
	}
	only, err := table.Plan()
	if err != nil || len(only) != 2 {
		t.Fatal(err, only)
	}
	bands := planned(t, "2023-H1,us/nsl,demand,0-999,5")
	if len(bands) != 2 || bands[0].Class != ledger.Public || bands[0].Periods[0].Made[0].Name != beyond {
		t.Errorf("a report without a public ledger: %+v", bands)
	}
}

// TestCompare: a row is equal to what was published of it, or is not.
func TestCompare(t *testing.T) {
	table := parsed(t, "2024-H1,us/wiretap,demand,3", "2024-H1,us/wiretap,account,9", "2024-H1,us/national-security,demand,0-249,4", "2024-H1,us/national-security,account,250-499,251")
	n := func(v uint64) *uint64 { return &v }
	from, to := uint64(table.Rows[0].Period.From.Unix()), uint64(table.Rows[0].Period.To.Unix())
	verdict := func(demand, account, bulk, low, width uint64, from uint64) *ledger.Verdict {
		chain := ledger.Chain{&ledger.Period{Header: &ledger.Header{From: from, To: to}}}
		return &ledger.Verdict{
			Ledgers: []ledger.Ledger{{Class: ledger.Public, Chain: chain}, {Class: ledger.Restricted, Chain: chain}},
			Reports: []*ledger.Report{{Statement: ledger.Statement{Name: "2024-H1", Tables: []ledger.Row{
				{Class: ledger.Public, Name: "us/wiretap", Fields: []ledger.Total{{Name: "demand", Total: n(demand)}, {Name: "account", Total: n(account)}, {Name: "bulk_accounts", Total: n(bulk)}}},
				{Class: ledger.Restricted, Name: "us/national-security", Fields: []ledger.Total{{Name: "demand", Low: n(low), Width: n(width)}, {Name: "account", Low: n(250), Width: n(width)}}},
			}}}},
		}
	}
	for name, c := range map[string]struct {
		v    *ledger.Verdict
		want string
	}{
		"as it is":          {verdict(3, 9, 0, 0, 250, from), "3=demand 9=account 0-249=demand 250-499=account"},
		"in bulk":           {verdict(3, 0, 9, 0, 250, from), "3=demand 9=bulk_accounts 0-249=demand 250-499=account"},
		"half in bulk":      {verdict(3, 4, 5, 0, 250, from), "3=demand 4/account 0-249=demand 250-499=account"},
		"one less":          {verdict(2, 9, 0, 0, 250, from), "2/demand 9=account 0-249=demand 250-499=account"},
		"another band":      {verdict(3, 9, 0, 250, 250, from), "3=demand 9=account 250-499/demand 250-499=account"},
		"a wider band":      {verdict(3, 9, 0, 0, 500, from), "3=demand 9=account 0-499/demand 250-749/account"},
		"of another period": {verdict(3, 9, 0, 0, 250, from-1), "/ / / /"},
		"nothing at all":    {&ledger.Verdict{}, "/ / / /"},
	} {
		var got []string
		for _, r := range table.Compare(c.v) {
			sign := "/"
			if r.Equal {
				sign = "="
			}
			got = append(got, r.Published+sign+r.In)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
}

// TestPlanLimits: what no header can hold is refused before anything is made.
func TestPlanLimits(t *testing.T) {
	var sheets, demands []string
	for i := range 257 {
		sheets = append(sheets, fmt.Sprintf("2024-H1,s/%d,demand,1", i))
	}
	for i := range 3 {
		demands = append(demands, fmt.Sprintf("2024-H1,s/%d,demand,1000000", i))
	}
	for want, lines := range map[string][]string{"rows of 257 sheets": sheets, "bundles in each tick": demands} {
		if _, err := parsed(t, lines...).Plan(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
