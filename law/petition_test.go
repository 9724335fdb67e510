package law_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
)

// steps draws which step may follow which: a row the last step, a column the
// next, in the order of the columns.
const steps = `
            filed hearing granted denied appealed withdrawn
(none)      x     .       .       .      .        .
filed       .     x       x       x      .        x
hearing     .     x       x       x      .        x
granted     .     .       .       .      x        .
denied      .     .       .       .      x        .
appealed    .     x       x       x      .        x
withdrawn   .     .       .       .      .        .
`

func TestAfter(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(steps), "\n")
	columns := strings.Fields(lines[0])
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		from := law.Step(cells[0])
		if from == "(none)" {
			from = ""
		}
		for i, to := range columns {
			if may := slices.Contains(law.After(from), law.Step(to)); may != (cells[i+1] == "x") {
				t.Errorf("%q after %q: %v", to, from, may)
			}
		}
	}
}

var paper = vitrine.DigestOf([]byte("an order of the court"))

// petition takes steps and days, "filed 2026-01-05".
func petition(t testing.TB, of ...string) law.Petition {
	t.Helper()
	p := law.Petition{Kind: law.ToCourt, Court: "Foreign Intelligence Surveillance Court", Docket: "Misc. 26-01"}
	for _, s := range of {
		step, on, _ := strings.Cut(s, " ")
		p.Steps = append(p.Steps, law.Dated{Step: law.Step(step), Day: date(t, on), Paper: paper})
	}
	return p
}

// granted is a petition that opens national security letters.
func granted(t testing.TB) law.Petition {
	p := petition(t, "filed 2026-01-05", "hearing 2026-02-10", "granted 2026-05-20")
	p.Rules = []law.RuleChange{
		{Sheet: "us/nsl", Field: "demand", Rule: law.Rule{Kind: law.Exact}, From: date(t, "2026-07-01")},
		{Sheet: "us/nsl", Field: "account", Rule: law.Rule{Kind: law.Exact}, From: date(t, "2026-07-01")},
	}
	p.Openings = []law.Cell{{Sheet: "us/nsl", Period: period(t, "2025-H2")}}
	return p
}

func TestPetition(t *testing.T) {
	p := granted(t)
	p.Steps = slices.Grow(p.Steps, 1)
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	since, ok := p.InForce()
	if !ok || !since.Equal(date(t, "2026-05-20")) || p.Now() != law.Granted {
		t.Errorf("in force %v since %v, now %q", ok, since, p.Now())
	}
	b, err := json.Marshal(p)
	var back law.Petition
	if err != nil || json.Unmarshal(b, &back) != nil || !reflect.DeepEqual(back, p) {
		t.Errorf("%s became %+v, %v", b, back, err)
	}
	appealed, err := with(p, law.Dated{Step: law.Appealed, Day: date(t, "2026-06-01"), Paper: paper})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := appealed.InForce(); ok {
		t.Error("a grant that is appealed is in force")
	}
	again, err := with(appealed, law.Dated{Step: law.Granted, Day: date(t, "2026-09-01"), Paper: paper})
	if since, ok := again.InForce(); err != nil || !ok || !since.Equal(date(t, "2026-09-01")) {
		t.Errorf("granted on appeal: %v since %v, %v", ok, since, err)
	}
	if _, ok := (law.Petition{}).InForce(); ok {
		t.Error("a petition that nobody filed is in force")
	}
}

// with is a petition with one more step.
func with(p law.Petition, d law.Dated) (law.Petition, error) {
	p.Steps = append(slices.Clone(p.Steps), d)
	return p, p.Check()
}

func TestAgreement(t *testing.T) {
	p := law.Petition{Kind: law.Agreement, Office: "Department of Justice, National Security Division", Steps: petition(t, "filed 2026-01-05", "granted 2026-03-01").Steps}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	for _, step := range []string{"filed 2026-01-05 hearing 2026-03-01", "filed 2026-01-05 granted 2026-03-01 appealed 2026-03-02"} {
		bad, f := p, strings.Fields(step)
		bad.Steps = nil
		for i := 0; i < len(f); i += 2 {
			bad.Steps = append(bad.Steps, law.Dated{Step: law.Step(f[i]), Day: date(t, f[i+1]), Paper: paper})
		}
		if bad.Check() == nil {
			t.Errorf("an agreement had the steps %s", step)
		}
	}
}

func TestPetitionCheck(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*law.Petition)
		says  string
	}{
		"no kind":            {func(p *law.Petition) { p.Kind = "" }, "names a court"},
		"no court":           {func(p *law.Petition) { p.Court = "" }, "1 to 200 bytes"},
		"no docket":          {func(p *law.Petition) { p.Docket = "" }, "1 to 200 bytes"},
		"long docket":        {func(p *law.Petition) { p.Docket = strings.Repeat("1", 201) }, "1 to 200 bytes"},
		"hidden character":   {func(p *law.Petition) { p.Docket = "26\u200b1" }, "cannot be seen"},
		"both":               {func(p *law.Petition) { p.Office = "Department of Justice" }, "has others"},
		"agreement, court":   {func(p *law.Petition) { p.Kind, p.Office = law.Agreement, "Department of Justice" }, "has others"},
		"no steps":           {func(p *law.Petition) { p.Steps = nil }, "1 to 100 steps"},
		"not filed":          {func(p *law.Petition) { p.Steps = p.Steps[1:] }, "may not follow"},
		"unknown step":       {func(p *law.Petition) { p.Steps[2].Step = "allowed" }, "may not follow"},
		"backwards":          {func(p *law.Petition) { p.Steps[1].Day = date(t, "2026-01-04") }, "before the one that it follows"},
		"an hour":            {func(p *law.Petition) { p.Steps[1].Day = p.Steps[1].Day.Add(time.Hour) }, "midnight UTC"},
		"no day":             {func(p *law.Petition) { p.Steps[0].Day = time.Time{} }, "midnight UTC"},
		"no paper":           {func(p *law.Petition) { p.Steps[2].Paper = vitrine.Digest{} }, "names no paper"},
		"never granted":      {func(p *law.Petition) { p.Steps = p.Steps[:2] }, "never was"},
		"denied":             {func(p *law.Petition) { p.Steps[2].Step = law.Denied }, "never was"},
		"rule of the past":   {func(p *law.Petition) { p.Rules[0].From = date(t, "2026-01-01") }, "after the granting"},
		"rule of the day":    {func(p *law.Petition) { p.Rules[0].From = date(t, "2026-05-20") }, "after the granting"},
		"rule at noon":       {func(p *law.Petition) { p.Rules[0].From = p.Rules[0].From.Add(12 * time.Hour) }, "after the granting"},
		"public sheet":       {func(p *law.Petition) { p.Rules[0].Sheet = "us/subpoena" }, "nothing to permit"},
		"unknown sheet":      {func(p *law.Petition) { p.Rules[0].Sheet = "us/writ" }, "nothing to permit"},
		"unknown field":      {func(p *law.Petition) { p.Rules[0].Field = "content" }, "nothing to permit"},
		"no rule":            {func(p *law.Petition) { p.Rules[0].Rule = law.Rule{} }, "is not known"},
		"two rules":          {func(p *law.Petition) { p.Rules[1].Field = "demand" }, "two rules at once"},
		"opening to come":    {func(p *law.Petition) { p.Openings[0].Period = period(t, "2026-H1") }, "had not ended"},
		"opening twice":      {func(p *law.Petition) { p.Openings = append(p.Openings, p.Openings[0]) }, "opened twice"},
		"opening, public":    {func(p *law.Petition) { p.Openings[0].Sheet = "us/subpoena" }, "nothing to permit"},
		"opening, no period": {func(p *law.Petition) { p.Openings[0].Period = law.Period{} }, "is empty"},
		"very many":          {func(p *law.Petition) { p.Openings = make([]law.Cell, 1000) }, "at most 1000"},
	} {
		p := granted(t)
		c.spoil(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestApply(t *testing.T) {
	a3, _ := law.LookupStructure("us/1874-a3")
	sheet, _ := law.SheetOf("us/nsl", a3)
	const banded, open = "demand/1/band:250 account/1/band:250", "demand/1/exact account/1/exact"
	p := granted(t)
	check := func(name string, p law.Petition, from, want string) {
		t.Helper()
		got, err := p.Apply(sheet, date(t, from))
		if err != nil || layout(got) != want || layout(sheet) != banded {
			t.Errorf("%s: %s, %v, want %s", name, layout(got), err, want)
		}
	}
	check("the period it begins with", p, "2026-07-01", open)
	check("a later period", p, "2027-01-01", open)
	check("the period before", p, "2026-01-01", banded)
	check("only filed", petition(t, "filed 2026-01-05"), "2026-07-01", banded)
	appealed, _ := with(p, law.Dated{Step: law.Appealed, Day: date(t, "2026-06-01"), Paper: paper})
	check("appealed", appealed, "2026-07-01", banded)
	again, _ := with(appealed, law.Dated{Step: law.Granted, Day: date(t, "2026-09-01"), Paper: paper})
	check("while it was appealed", again, "2026-07-01", banded)
	check("after the appeal", again, "2027-01-01", open)

	later := granted(t)
	later.Rules = slices.Concat([]law.RuleChange{
		{Sheet: "us/nsl", Field: "demand", Rule: law.Rule{Kind: law.Hidden}, From: date(t, "2027-01-01")},
	}, later.Rules, []law.RuleChange{
		{Sheet: "us/fisa-content", Field: "account", Rule: law.Rule{Kind: law.Hidden}, From: date(t, "2026-07-01")},
	})
	if err := later.Check(); err != nil {
		t.Error(err)
	}
	check("the latest rule", later, "2027-01-01", "demand/1/hidden account/1/exact")
	check("before the latest rule", later, "2026-07-01", open)

	half := granted(t)
	half.Rules = half.Rules[:1]
	if got, err := half.Apply(sheet, date(t, "2026-07-01")); err == nil {
		t.Errorf("an exact field beside a band: %s", layout(got))
	}
}

// TestRandomSteps walks at random and wants Check to accept exactly what the
// drawn table allows, and only a petition whose last step is the granting to be in force.
func TestRandomSteps(t *testing.T) {
	all := []law.Step{law.Filed, law.Hearing, law.Granted, law.Denied, law.Appealed, law.Withdrawn}
	allowed := map[law.Step]string{
		"": "filed", "filed": "hearing granted denied withdrawn", "hearing": "hearing granted denied withdrawn",
		"granted": "appealed", "denied": "appealed", "appealed": "hearing granted denied withdrawn", "withdrawn": "",
	}
	rapid.Check(t, func(t *rapid.T) {
		p := law.Petition{Kind: law.ToCourt, Court: "FISC", Docket: "1"}
		day, ok, last := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), true, law.Step("")
		for range rapid.IntRange(1, 8).Draw(t, "n") {
			next := rapid.SampledFrom(all).Draw(t, "step")
			if rapid.Bool().Draw(t, "lawful") && allowed[last] != "" {
				next = law.Step(rapid.SampledFrom(strings.Fields(allowed[last])).Draw(t, "next"))
			}
			ok = ok && slices.Contains(strings.Fields(allowed[last]), string(next))
			day, last = day.AddDate(0, 0, rapid.IntRange(0, 90).Draw(t, "days")), next
			p.Steps = append(p.Steps, law.Dated{Step: next, Day: day, Paper: paper})
		}
		if err := p.Check(); (err == nil) != ok {
			t.Fatalf("%v: %v", p.Steps, err)
		}
		if since, in := p.InForce(); in != (last == law.Granted) || in && !since.Equal(day) {
			t.Fatalf("%v in force: %v since %v", p.Steps, in, since)
		}
	})
}
