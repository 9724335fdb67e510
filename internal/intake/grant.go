package intake

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
)

type grantFile struct {
	Accounts       []string          `toml:"accounts"`
	Categories     []string          `toml:"categories"`
	From           moment            `toml:"from"`
	To             moment            `toml:"to"`
	Zone           string            `toml:"zone"`
	Clock          string            `toml:"clock"`
	Correspondents []string          `toml:"correspondents"`
	Keywords       []string          `toml:"keywords"`
	Reasons        map[string]string `toml:"reasons"`
}

// ParseGrant reads a grant file: the demand's fields, of which those left out
// stay as asked, and under [reasons] a code of law.Reasons for each field in
// which less is given. More than was asked is refused.
func ParseGrant(b []byte, asked vitrine.Scope) (vitrine.Scope, []vitrine.Difference, error) {
	var f grantFile
	if err := Decode(b, &f); err != nil {
		return vitrine.Scope{}, nil, err
	}
	granted, err := f.scope(asked)
	if err != nil {
		return granted, nil, usage(err)
	}
	differences, err := asked.Narrowed(granted)
	if err != nil {
		return granted, nil, &vitrine.Refusal{Kind: vitrine.Refused, Ground: "grant", Text: err.Error()}
	}
	differences, err = f.explain(differences)
	return granted, differences, usage(err)
}

func (f grantFile) scope(asked vitrine.Scope) (vitrine.Scope, error) {
	s := asked
	if f.Accounts != nil {
		s.Accounts = nil
		for _, a := range f.Accounts {
			s.Accounts = append(s.Accounts, vitrine.Account(a))
		}
	}
	if f.Categories != nil {
		s.Categories = nil
		for _, c := range f.Categories {
			s.Categories = append(s.Categories, vitrine.Category(c))
		}
	}
	if f.Clock != "" {
		s.Clock = vitrine.Clock(f.Clock)
	}
	if f.Correspondents != nil {
		s.Correspondents = f.Correspondents
	}
	if f.Keywords != nil {
		var err error
		if s.Keywords, err = keywords(f.Keywords); err != nil {
			return s, err
		}
	}
	if err := f.narrow(&s); err != nil {
		return s, err
	}
	return s.Normal()
}

// narrow sets the period's ends that the file gives; the others stay. Plain
// dates are read in the file's zone, or else in the demand's.
func (f grantFile) narrow(s *vitrine.Scope) error {
	given := f.From.given || f.To.given
	dates := f.From.isDate() || f.To.isDate()
	switch {
	case !given && f.Zone != "":
		return fmt.Errorf("zone is given without from or to: take it out, or say what it is for")
	case !given:
		return nil
	case f.From.given && f.To.given && f.From.isDate() != f.To.isDate():
		return errMixed
	case !dates && f.Zone != "":
		return errZoneForInstants
	case dates && f.Zone != "":
		s.Zone = f.Zone
	}
	from, to := s.Period.From(), s.Period.To()
	var err error
	if f.From.given {
		if from, err = f.From.in("from", s.Zone); err != nil {
			return err
		}
	}
	if f.To.given {
		if to, err = f.To.in("to", s.Zone); err != nil {
			return err
		}
	}
	s.Period, err = vitrine.NewPeriod(from, to)
	return err
}

// explain puts the file's reasons to the differences: one each, none left over.
func (f grantFile) explain(differences []vitrine.Difference) ([]vitrine.Difference, error) {
	left := maps.Clone(f.Reasons)
	for i, d := range differences {
		code, ok := left[d.Field]
		if !ok {
			return nil, fmt.Errorf("%s gives less than was asked (%s, not %s) without a reason: under [reasons] write %s = with one of %s", d.Field, d.Granted, d.Asked, d.Field, codes())
		}
		if _, known := law.Says(code); !known {
			return nil, fmt.Errorf("reason %q for %s is not known: want one of %s", code, d.Field, codes())
		}
		differences[i].Reason = code
		delete(left, d.Field)
	}
	for _, field := range slices.Sorted(maps.Keys(left)) {
		return nil, fmt.Errorf("[reasons] has %q, but nothing less is given there: take it out, or correct the field", field)
	}
	return differences, nil
}

func codes() string {
	var out []string
	for _, r := range law.Reasons() {
		out = append(out, r.Code)
	}
	return strings.Join(out, ", ")
}
