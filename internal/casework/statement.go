package casework

import (
	"slices"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/intake"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/mandate"
	"github.com/vitrine-project/vitrine/production"
)

// Statement is the text that approvers would sign for granting this scope
// under today's config: it binds everything that collecting and sealing use.
// held are the holds that it can be answered from; one that preserves uses none.
func (d *Desk) Statement(dem vitrine.Demand, granted vitrine.Scope, held ...collect.Configured) (mandate.Statement, error) {
	sub := dem.Submission
	instrument, ok := law.Lookup(sub.Instrument)
	if !ok {
		return mandate.Statement{}, vitrine.Refusef(vitrine.Refused, "instrument %q is not known: vitrine answers none it does not know", sub.Instrument)
	}
	if err := granted.Specific(); err != nil {
		return mandate.Statement{}, err
	}
	if err := instrument.Check(granted); err != nil {
		return mandate.Statement{}, err
	}
	entry, ok := d.Directory.Find(sub.Authority)
	if !ok {
		return mandate.Statement{}, vitrine.Refusef(vitrine.Refused, "authority %q is not in the directory", sub.Authority)
	}
	st := mandate.Statement{
		Demand: dem.ID, Reference: sub.Reference,
		Authority: sub.Authority, AuthorityName: entry.Name,
		Instrument: sub.Instrument, InstrumentName: instrument.Name, Articles: articles(instrument, granted),
		Document: sub.Document.SHA256, Received: sub.Received, Scope: granted,
		Need: d.Policy.Need,
	}
	if !instrument.Produces {
		held = nil
	}
	for _, s := range slices.Concat(d.Sources, held) {
		holds := slices.ContainsFunc(s.Holds(), func(c vitrine.Category) bool { return slices.Contains(granted.Categories, c) })
		if holds || slices.ContainsFunc(granted.Accounts, func(a vitrine.Account) bool { return resolves(s, a) }) {
			st.Sources = append(st.Sources, s.Declaration())
		}
	}
	if err := d.answerable(granted); err != nil {
		return mandate.Statement{}, err
	}
	if err := d.resolvable(granted); err != nil {
		return mandate.Statement{}, err
	}
	for _, r := range entry.SealTo {
		st.SealTo = append(st.SealTo, production.Fingerprint(r))
	}
	st.Approvers = d.Policy.Approvers
	return st, st.Check()
}

// answerable refuses a category that no source can answer for: silence about
// it would read as "no data".
func (d *Desk) answerable(granted vitrine.Scope) error {
	for _, c := range granted.Categories {
		held := slices.ContainsFunc(d.Sources, func(s collect.Configured) bool { return slices.Contains(s.Holds(), c) })
		if !held {
			return vitrine.Refusef(vitrine.Usage, "no source in the config holds %s data: add one that does; or grant less with --grant and the reason data-not-held; or, where nothing else was asked for, --refuse \"We hold no such data.\" --ground data-not-held", c)
		}
	}
	return nil
}

// resolvable refuses an identifier of a kind that no source leads to an account
// from: to say nothing of it would read as "no data".
func (d *Desk) resolvable(granted vitrine.Scope) error {
	for _, a := range granted.Accounts {
		_, ok := a.Identifier()
		if ok && !slices.ContainsFunc(d.Sources, func(s collect.Configured) bool { return resolves(s, a) }) {
			return vitrine.Refusef(vitrine.Usage, "no source in the config says whose %q is: declare the rows that lead from such an identifier to an account (docs/sources.md, Identifiers), or name the account by the provider's own name", a)
		}
	}
	return nil
}

// resolves reports whether a source says whose a is, if that is an identifier.
func resolves(s collect.Configured, a vitrine.Account) bool {
	id, ok := a.Identifier()
	r, can := s.Source.(collect.Resolver)
	return ok && can && slices.Contains(r.Resolves(), id.Kind)
}

func articles(i law.Instrument, s vitrine.Scope) []string {
	var out []string
	for _, c := range s.Categories {
		if a := i.Reaches[c].Article; !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// Ruling is the statement to be signed for deciding undeterminable items. Each
// decision is bound to the item's digest, read from the hold's own list.
func (d *Desk) Ruling(dem vitrine.Demand, decisions []intake.Decision) (mandate.Ruling, error) {
	r := mandate.Ruling{Demand: dem.ID, Mandate: dem.Mandate}
	if dem.Collection == nil || dem.Open() == 0 {
		return r, vitrine.Refusef(vitrine.Usage, "no item of demand %s is open: nothing to decide", dem.ID)
	}
	r.Hold = dem.Collection.Hold
	hold, err := d.openHold(dem)
	if err != nil {
		return r, err
	}
	defer hold.Close()
	open := map[int64]intake.Decision{}
	for _, dec := range decisions {
		if _, done := dem.Decided[dec.Number]; done {
			return r, vitrine.Refusef(vitrine.Usage, "item %d is decided already: leave it out of the decisions", dec.Number)
		}
		open[dec.Number] = dec
	}
	err = hold.Items(func(it production.Item) error {
		dec, ok := open[it.Number]
		if !ok || it.Decision != production.Undeterminable {
			return nil
		}
		delete(open, it.Number)
		r.Items = append(r.Items, mandate.RuledItem{Number: it.Number, SHA256: it.SHA256, Produce: dec.Produce, Reason: dec.Reason})
		return nil
	})
	for n := range open {
		return r, vitrine.Refusef(vitrine.Usage, "item %d is not an undeterminable item of demand %s: the list of open items lies beside the package", n, dem.ID)
	}
	return r, err
}
