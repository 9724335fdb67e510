package replay

import (
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// share chooses the number of ticks with which the period has the fewest bundles,
// and gives each sheet its slots of a tick.
func (p *Period) share() {
	groups, best := p.Groups, Period{}
	for p.Ticks = minTicks; p.Ticks <= maxTicks; p.Ticks++ {
		p.Groups = slices.Clone(groups)
		p.shareTick()
		if best.Ticks == 0 || p.Ticks*p.Bundles() < best.Ticks*best.Bundles() {
			best = *p
		}
	}
	*p = best
}

// shareTick takes as few bundles as demands and outcomes need, and gives accounts
// leaves where these leave room.
func (p *Period) shareTick() {
	for i := range p.Groups {
		p.Groups[i].Bulk = p.Groups[i].canBulk()
	}
	for {
		p.slots()
		p.unbulk()
		again := false
		for i := range p.Groups {
			if g := &p.Groups[i]; g.Bulk && !g.deskBulks(p.Slots[g.Sheet]) {
				g.Bulk, again = false, true // the desk gives these leaves
			}
		}
		if !again {
			return
		}
	}
}

// slots are those that each group needs as it is, and what is left of the last
// bundle.
func (p *Period) slots() {
	p.Slots = map[string]int{}
	if p.Structure != "" {
		for _, s := range law.NationalSecurity.Sheets(law.Structure{}) {
			p.Slots[s.Name] = 1
		}
	}
	for _, s := range p.Made {
		p.Slots[s.Name] = 1
	}
	for _, g := range p.Groups {
		p.Slots[g.Sheet] = g.needs(p.Ticks)
	}
	p.fill()
}

// unbulk gives accounts leaves, the smallest numbers first, as long as that
// takes no more bundles.
func (p *Period) unbulk() {
	order := make([]*Group, len(p.Groups))
	for i := range p.Groups {
		order[i] = &p.Groups[i]
	}
	slices.SortStableFunc(order, func(a, b *Group) int { return a.Accounts - b.Accounts })
	bundles := p.Bundles()
	for _, g := range order {
		if !g.Bulk {
			continue
		}
		g.Bulk = false
		if p.slots(); p.Bundles() > bundles {
			g.Bulk = true
			p.slots()
		}
	}
}

// fill gives what is left of the last bundle to a sheet whose accounts are not
// counted in bulk, as the desk's choice depends on the slots of those.
func (p *Period) fill() {
	names := make([]string, 0, len(p.Slots))
	for name := range p.Slots {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	bulk := func(name string) bool {
		return slices.ContainsFunc(p.Groups, func(g Group) bool { return g.Sheet == name && g.Bulk })
	}
	i := max(slices.IndexFunc(names, func(name string) bool { return !bulk(name) }), 0)
	total := 0
	for _, n := range p.Slots {
		total += n
	}
	p.Slots[names[i]] += (ledger.Slots - total%ledger.Slots) % ledger.Slots
}

// canBulk reports whether the group's accounts can be a number in its demands.
func (g *Group) canBulk() bool {
	return g.Accounts > 0 && g.Demands > 0 && slices.ContainsFunc(sheetOf(g.Sheet).Fields, func(f law.Field) bool { return f.Name == law.BulkAccounts })
}

// needs is how many slots of each tick the group takes. The desk wants room for
// an outcome beside each demand.
func (g *Group) needs(ticks int) int {
	facts, slack := g.most, 0
	for _, o := range g.Outcomes {
		facts += o.Number
	}
	if !g.Bulk {
		facts += g.mostAccounts
	}
	if g.Instrument != "" {
		slack = 1
	}
	n := max((facts+ticks-1)/ticks+slack, 1)
	if g.Instrument != "" && !g.Bulk && g.canBulk() {
		n = max(n, 2*((g.Accounts+g.Demands-1)/g.Demands)) // else the desk counts them in bulk
	}
	return n
}

// deskBulks reports whether the desk counts the accounts in bulk, of demands
// that come as Lists says. It does so with more than half of a tick's slots.
func (g *Group) deskBulks(slots int) bool {
	if g.Instrument == "" {
		return true // there is no desk in between
	}
	lists := g.Lists(slots)
	return len(lists) > 0 && lists[len(lists)-1] > slots/2
}

// Lists says how many accounts each of the first demands specifies; all others
// specify none. With slots in a tick the desk gives each a leaf, or in bulk none.
// What no demand can hold is left, if the sheet has leaves only.
func (g *Group) Lists(slots int) []int {
	n, at := g.Demands, g.Accounts
	if g.Bulk {
		n = (at + maxBulk - 1) / maxBulk
	}
	var lists []int
	for i := range n {
		each := (at + n - i - 1) / (n - i)
		if !g.Bulk && g.Instrument != "" {
			each = min(each, slots/2)
		}
		if each == 0 {
			break
		}
		lists, at = append(lists, each), at-each
	}
	return lists
}
