package truth

import (
	"fmt"
	"slices"
	"time"
)

// Edges of the periods that are asked for. Berlin's clocks go forward on the
// second of the two days of civil dates.
var (
	monthFrom = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	monthTo   = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	civilFrom = time.Date(2026, 3, 27, 23, 0, 0, 0, time.UTC) // 28 March, 00:00 in Berlin (UTC+1)
	civilTo   = time.Date(2026, 3, 29, 22, 0, 0, 0, time.UTC) // 30 March, 00:00 in Berlin (UTC+2)
	second    = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
)

// Asked is the account that most scopes name; Wanted is a correspondent.
const (
	Asked  = "alice"
	Wanted = "wanted@example.org"
)

// planner collects what is planted for a store that has some features.
type planner struct {
	has  []Feature
	plan Plan
	n    int
	make func(*planner, Item, content) Item
}

// content is what an item says, whatever its form.
type content struct {
	text    string
	dates   []time.Time // of the sender's; nil: the same as the record
	undated bool        // no Date at all
	quotes  *Item
	address string // the correspondent; "" a stranger
}

// New returns the plan for a family of stores and the features that a kind of
// it has.
func New(family string, has ...Feature) Plan {
	p := &planner{has: has}
	switch family {
	case Mail:
		p.make = (*planner).letter
		p.common()
		p.mail()
	case Files:
		p.make = (*planner).file
		p.common()
		p.files()
	case Chat:
		p.make = (*planner).event
		p.common()
		p.chat()
	case Records:
		p.records()
	}
	p.scopes(family)
	return p.plan
}

func (p *planner) having(f Feature) bool { return slices.Contains(p.has, f) }

// add plants an item and returns it.
func (p *planner) add(it Item, c content) Item {
	it = p.made(it, c)
	p.plan.Items = append(p.plan.Items, it)
	return it
}

func (p *planner) made(it Item, c content) Item {
	p.n++
	if it.Account == "" {
		it.Account = Asked
	}
	if it.Container == "" {
		it.Container = Main
	}
	if it.Category == "" {
		it.Category = Content
	}
	if it.Name == "" {
		it.Name = fmt.Sprintf("%03d", p.n)
	}
	if c.text == "" {
		c.text = it.Label
	}
	return p.make(p, it, c)
}

// at is an item by its label and the store's record.
func at(label string, received time.Time) Item { return Item{Label: label, Received: At(received)} }

// common plants what every store of content has.
func (p *planner) common() {
	for _, e := range []struct {
		label string
		at    time.Time
	}{{"month from", monthFrom}, {"month to", monthTo}, {"civil from", civilFrom}, {"civil to", civilTo}, {"second", second}} {
		for _, d := range []time.Duration{-time.Second, 0, time.Second} {
			p.add(at(fmt.Sprintf("%s %+.0fs", e.label, d.Seconds()), e.at.Add(d)), content{})
		}
	}
	p.add(at("utc midnight in civil dates", time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)), content{})
	p.add(at("the hour that clocks skip", time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)), content{})
	p.add(at("years before", monthFrom.AddDate(-20, 0, 0)), content{})
	p.accounts()
	p.containers()
	p.odd()
	p.traffic()
}

// accounts plants those that are beside the one asked for, each with what
// would be in.
func (p *planner) accounts() {
	names := []string{"bob", "alic", "alice2", "alice.b"}
	if p.having(Case) {
		names = append(names, "Alice", "ALICE")
	}
	for _, a := range names {
		p.add(Item{Label: "another account", Account: a, Received: At(second)}, content{text: "of " + a})
	}
	p.add(Item{Label: "another's before", Account: "bob", Received: At(monthFrom.Add(-time.Second))}, content{})
}

func (p *planner) containers() {
	names := []string{}
	if p.having(Containers) {
		names = append(names, "Archive", "Archive/2026", "Archive2")
	}
	if p.having(Containers) && p.having(Scripts) {
		names = append(names, "Gesendete Grüße", "受信箱", "Входящие")
	}
	for _, c := range names {
		p.add(Item{Label: "in " + c, Container: c, Received: At(second)}, content{})
		p.add(Item{Label: "outside in " + c, Container: c, Received: At(monthTo)}, content{})
	}
	if p.having(Containers) {
		p.add(Item{Label: "another account's container", Account: "bob", Container: "Archive", Received: At(second)}, content{})
	}
}

// odd plants what readers are tempted to leave out or to mend.
func (p *planner) odd() {
	noon := second.Add(24 * time.Hour)
	if p.having(Duplicate) {
		first := p.add(at("stored twice", noon), content{})
		again := first
		again.Label, again.Name = "stored twice, again", first.Name+"b"
		p.plan.Items = append(p.plan.Items, again)
		if p.having(Containers) {
			again.Label, again.Container = "stored twice, elsewhere", "Archive"
			p.plan.Items = append(p.plan.Items, again)
		}
	}
	for _, f := range []Feature{Draft, Deleted} {
		if p.having(f) {
			p.add(Item{Label: string(f), Mark: f, Received: At(noon)}, content{})
			p.add(Item{Label: string(f) + " outside", Mark: f, Received: At(monthTo)}, content{})
		}
	}
	if p.having(Quoted) {
		before := p.add(at("quoted, outside", monthFrom.Add(-time.Hour)), content{text: "what was said in February"})
		p.add(at("quotes one outside", noon.Add(time.Hour)), content{quotes: &before})
		inside := p.add(at("quoted, inside", noon.Add(2*time.Hour)), content{text: "what was said in March"})
		p.add(at("quotes one inside", monthTo.Add(time.Hour)), content{quotes: &inside})
	}
	if p.having(Large) {
		p.add(at("large", noon.Add(3*time.Hour)), content{text: large()})
		p.add(at("large outside", monthTo.Add(3*time.Hour)), content{text: large()})
	}
	if p.having(Undated) {
		p.add(Item{Label: "undated"}, content{})
	}
}

// traffic plants what goes while it is read, and makes what comes.
func (p *planner) traffic() {
	if !p.having(Traffic) {
		return
	}
	for i, when := range []time.Time{second, second.Add(time.Hour), monthTo} {
		it := p.add(at(fmt.Sprintf("goes %d", i+1), when), content{})
		p.plan.Gone = append(p.plan.Gone, it.Label)
	}
	for i, when := range []time.Time{second.Add(5 * time.Hour), monthTo} { // not as many as go and are outside
		p.plan.Come = append(p.plan.Come, p.made(at(fmt.Sprintf("comes %d", i+1), when), content{}))
	}
}

// large is about 3 MB in lines, no two alike.
func large() string {
	var b []byte
	for i := range 40_000 {
		b = fmt.Appendf(b, "line %06d of a large item, with some text to make it long enough to matter.\n", i)
	}
	return string(b)
}

// scopes asks the questions.
func (p *planner) scopes(family string) {
	add := func(s Scope) {
		if len(s.Accounts) == 0 {
			s.Accounts = []string{Asked}
		}
		if len(s.Categories) == 0 {
			s.Categories = []string{Content}
			if family == Records {
				s.Categories = []string{Subscriber, TrafficCat}
			}
		}
		p.plan.Scopes = append(p.plan.Scopes, s)
	}
	add(Scope{Label: "month", From: monthFrom, To: monthTo})
	add(Scope{Label: "civil dates in Berlin", From: civilFrom, To: civilTo, Zone: "Europe/Berlin"})
	add(Scope{Label: "one second", From: second, To: second.Add(time.Second)})
	add(Scope{Label: "nothing then", From: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(1999, 1, 2, 0, 0, 0, 0, time.UTC)})
	add(Scope{Label: "two accounts", Accounts: []string{Asked, "bob"}, From: monthFrom, To: monthTo})
	add(Scope{Label: "nobody", Accounts: []string{"carol"}, From: monthFrom, To: monthTo})
	add(Scope{Label: "by the sender's clock", From: monthFrom, To: monthTo, Sent: true})
	if family != Records {
		add(Scope{Label: "another category", Categories: []string{Subscriber, "identity", TrafficCat}, From: monthFrom, To: monthTo})
	} else {
		add(Scope{Label: "subscriber", Categories: []string{Subscriber}, From: monthFrom, To: monthTo})
		add(Scope{Label: "traffic", Categories: []string{TrafficCat}, From: monthFrom, To: monthTo})
		add(Scope{Label: "another category", Categories: []string{Content}, From: monthFrom, To: monthTo})
	}
	if p.having(Case) {
		add(Scope{Label: "another case", Accounts: []string{"ALICE"}, From: monthFrom, To: monthTo})
	}
	if p.having(Correspondents) {
		add(Scope{Label: "correspondent", From: monthFrom, To: monthTo, Correspondents: []string{Wanted}})
		add(Scope{Label: "correspondent by the sender's clock", From: monthFrom, To: monthTo, Sent: true, Correspondents: []string{Wanted}})
	}
}
