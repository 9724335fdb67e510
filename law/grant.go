package law

import (
	"fmt"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
)

// grantings are the days of the first and the last granting, be it appealed.
func (p Petition) grantings() (first, last time.Time, ok bool) {
	for _, d := range p.Steps {
		if d.Step == Granted && !ok {
			first, ok = d.Day, true
		}
		if d.Step == Granted {
			last = d.Day
		}
	}
	return first, last, ok
}

func (p Petition) checkGrant() error {
	if len(p.Rules)+len(p.Openings) > maxChanges {
		return fmt.Errorf("a petition changes at most %d rules and cells", maxChanges)
	}
	first, last, ok := p.grantings()
	if !ok && len(p.Rules)+len(p.Openings) > 0 {
		return fmt.Errorf("rules and cells stand in a petition once it is granted: this one never was")
	}
	if err := p.checkRules(first); err != nil {
		return err
	}
	return p.checkOpenings(last)
}

func (p Petition) checkRules(granted time.Time) error {
	for i, c := range p.Rules {
		same := func(o RuleChange) bool { return o.Sheet == c.Sheet && o.Field == c.Field && o.From.Equal(c.From) }
		switch {
		case !restricted(c.Sheet, c.Field):
			return fmt.Errorf("field %q of sheet %q is not one that 50 U.S.C. § 1874 limits: there is nothing to permit", c.Field, c.Sheet)
		case c.Rule.Check() != nil:
			return c.Rule.Check()
		case !midnight(c.From) || !c.From.After(granted):
			return fmt.Errorf("field %q of sheet %q: a rule begins with a period after the granting, which was on %s", c.Field, c.Sheet, granted.Format(time.DateOnly))
		case slices.ContainsFunc(p.Rules[:i], same):
			return fmt.Errorf("field %q of sheet %q gets two rules at once", c.Field, c.Sheet)
		}
	}
	return nil
}

func (p Petition) checkOpenings(granted time.Time) error {
	for i, c := range p.Openings {
		switch {
		case !restricted(c.Sheet, Demand):
			return fmt.Errorf("sheet %q is not one that 50 U.S.C. § 1874 limits: there is nothing to permit", c.Sheet)
		case c.Period.Check() != nil:
			return c.Period.Check()
		case c.Period.To.After(granted):
			return fmt.Errorf("cell %s of %s had not ended when it was opened on %s: a new rule opens what is to come", c.Sheet, c.Period, granted.Format(time.DateOnly))
		case slices.ContainsFunc(p.Openings[:i], func(o Cell) bool { return o.Sheet == c.Sheet && o.Period.Equal(c.Period) }):
			return fmt.Errorf("cell %s of %s is opened twice", c.Sheet, c.Period)
		}
	}
	return nil
}

// restricted reports whether § 1874 limits what is said of a field.
func restricted(sheet, field string) bool {
	i, ok := Lookup(vitrine.InstrumentID(sheet))
	return ok && i.Class == Restricted && (field == Demand || field == AccountField)
}

// Apply returns the sheet as a header has it for a period that begins at from.
// Of several changes of a field the latest counts. It refuses rules that no
// sheet may have beside each other, such as one exact field beside a band.
func (p Petition) Apply(s Sheet, from time.Time) (Sheet, error) {
	s.Fields = slices.Clone(s.Fields)
	if since, ok := p.InForce(); !ok || !from.After(since) {
		return s, nil
	}
	latest := map[string]time.Time{}
	for _, c := range p.Rules {
		k := slices.IndexFunc(s.Fields, func(f Field) bool { return f.Name == c.Field })
		if c.Sheet != s.Name || k < 0 || c.From.After(from) || c.From.Before(latest[c.Field]) {
			continue
		}
		s.Fields[k].Rule, latest[c.Field] = c.Rule, c.From
	}
	return s, s.Check()
}
