package law

import (
	"fmt"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
)

// Limits of a petition.
const (
	maxSteps   = 100
	maxChanges = 1000
	maxText    = 200 // bytes of a court's name, a docket, an office
)

// PetitionKind is the way to more than 50 U.S.C. § 1874(a) allows.
type PetitionKind string

// The ways.
const (
	ToCourt   PetitionKind = "petition"  // a court is asked
	Agreement PetitionKind = "agreement" // the Government agrees to another time, form or manner: § 1874(c)
)

// Step is what can happen to a petition.
type Step string

// The steps. An appeal that ends without another decision leaves the one that
// was appealed: that is entered again, with the paper that says so.
const (
	Filed     Step = "filed" // for an agreement: proposed
	Hearing   Step = "hearing"
	Granted   Step = "granted" // for an agreement: signed by both
	Denied    Step = "denied"
	Appealed  Step = "appealed"
	Withdrawn Step = "withdrawn"
)

// follows says which step may come after which; the empty one is the beginning.
var follows = map[Step][]Step{
	"":       {Filed},
	Filed:    {Hearing, Granted, Denied, Withdrawn},
	Hearing:  {Hearing, Granted, Denied, Withdrawn},
	Granted:  {Appealed},
	Denied:   {Appealed},
	Appealed: {Hearing, Granted, Denied, Withdrawn},
}

// Dated is a step, the day (midnight UTC) on which it was taken, and the paper
// that shows it.
type Dated struct {
	Step  Step           `json:"step"`
	Day   time.Time      `json:"day"`
	Paper vitrine.Digest `json:"paper"`
}

// RuleChange is a rule that takes the place of a field's own in every period
// that begins at From or later.
type RuleChange struct {
	Sheet string    `json:"sheet"`
	Field string    `json:"field"`
	Rule  Rule      `json:"rule"`
	From  time.Time `json:"from"`
}

// Petition asks for permission to publish more of national-security process
// than § 1874(a) allows. Rules and Openings are what was granted, not what was
// asked for, and have no effect but while the last step is the granting.
type Petition struct {
	Kind     PetitionKind `json:"kind"`
	Court    string       `json:"court,omitempty"`  // of a petition
	Docket   string       `json:"docket,omitempty"` // of a petition
	Office   string       `json:"office,omitempty"` // of the Government that agrees
	Steps    []Dated      `json:"steps"`
	Rules    []RuleChange `json:"rules,omitempty"`
	Openings []Cell       `json:"openings,omitempty"` // past cells, each to be opened once more, exactly
}

// Now is the last step.
func (p Petition) Now() Step {
	if len(p.Steps) == 0 {
		return ""
	}
	return p.Steps[len(p.Steps)-1].Step
}

// InForce reports whether what was granted holds, and since which day. Once an
// appeal is filed it does not: what was published then could not be taken back.
func (p Petition) InForce() (since time.Time, ok bool) {
	if p.Now() != Granted {
		return time.Time{}, false
	}
	return p.Steps[len(p.Steps)-1].Day, true
}

// Check refuses a petition that cannot be: a step that may not follow, a day
// before the last one's, and a grant of what no court or Government could give.
func (p Petition) Check() error {
	if err := p.checkParties(); err != nil {
		return err
	}
	if len(p.Steps) < 1 || len(p.Steps) > maxSteps {
		return fmt.Errorf("a petition has 1 to %d steps, not %d", maxSteps, len(p.Steps))
	}
	last := Dated{}
	for _, d := range p.Steps {
		switch {
		case !slices.Contains(follows[last.Step], d.Step):
			return fmt.Errorf("step %q may not follow %q: want one of %v", d.Step, last.Step, follows[last.Step])
		case p.Kind == Agreement && (d.Step == Hearing || d.Step == Appealed):
			return fmt.Errorf("step %q: an agreement is proposed, then signed, denied or withdrawn", d.Step)
		case !midnight(d.Day) || d.Day.Year() < 1970 || d.Day.Year() > 9999:
			return fmt.Errorf("step %q: its day is midnight UTC, not %s", d.Step, d.Day.Format(time.RFC3339))
		case d.Day.Before(last.Day):
			return fmt.Errorf("step %q is of %s, before the one that it follows", d.Step, d.Day.Format(time.DateOnly))
		case d.Paper.IsZero():
			return fmt.Errorf("step %q names no paper", d.Step)
		}
		last = d
	}
	return p.checkGrant()
}

func (p Petition) checkParties() error {
	texts := []string{p.Court, p.Docket}
	switch {
	case p.Kind == ToCourt && p.Office == "":
	case p.Kind == Agreement && p.Court == "" && p.Docket == "":
		texts = []string{p.Office}
	default:
		return fmt.Errorf("a %s names a court and its docket, an %s the office that signs: this %q has others", ToCourt, Agreement, p.Kind)
	}
	for _, s := range texts {
		if s == "" || len(s) > maxText {
			return fmt.Errorf("a court, a docket or an office has 1 to %d bytes", maxText)
		}
		if err := vitrine.Plain("the text", s); err != nil {
			return err
		}
	}
	return nil
}
