package replay

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
)

// bandsOnly is why some process has no exact totals.
const bandsOnly = "50 U.S.C. § 1874(a)"

// place finds the sheet's place in the law: a row of a structure, an instrument
// with its rule, or a sheet of the table's own, which is published exactly.
func (l *line) place() {
	if !restricted(l.Sheet) {
		l.placePublic()
		return
	}
	if !l.banded {
		l.refuse(bandsOnly, "%s %s is given exactly: national security process may be published in bands only, the first of which are 0-999, 0-499, 0-249 and 0-99", l.Sheet, l.Field)
		return
	}
	l.structure, l.why = structureOf(l.Low, l.High)
	if l.why != nil {
		return
	}
	s := l.structure
	if l.because(s.CheckBand(l.Low, l.High)); l.why != nil {
		return
	}
	i := slices.IndexFunc(s.Rows, func(r law.Row) bool { return r.Table == l.Sheet && r.Field == l.Field })
	if i < 0 {
		l.refuse(s.Article, "%s has no row %s %s; its rows are %s", s.ID, l.Sheet, l.Field, rowsOf(s))
		return
	}
	l.answers = s.Rows[i]
	l.because(s.CheckPeriod(l.Period))
	if l.High >= maxTotal {
		l.refuse("", "%s is more than a replay counts: at most %d", l.Said(), maxTotal)
	}
}

func rowsOf(s law.Structure) string {
	var all []string
	for _, r := range s.Rows {
		all = append(all, r.Table+" "+r.Field)
	}
	return strings.Join(all, ", ")
}

// restricted reports whether 50 U.S.C. § 1874 limits what is said of a sheet.
func restricted(sheet string) bool {
	if i, ok := law.Lookup(vitrine.InstrumentID(sheet)); ok {
		return i.Class == law.Restricted
	}
	return slices.ContainsFunc(law.Structures(), func(s law.Structure) bool {
		return slices.ContainsFunc(s.Rows, func(r law.Row) bool { return r.Table == sheet })
	})
}

// structureOf finds the structure whose bands are so wide.
func structureOf(low, high uint64) (law.Structure, *vitrine.Refusal) {
	var widths []string
	for _, s := range law.Structures() {
		switch w := uint64(s.Width); {
		case high >= low && high-low == w-1:
			return s, nil
		case high-low == w: // 0-250
			var why *vitrine.Refusal
			errors.As(s.CheckBand(low, high), &why)
			return law.Structure{}, why
		}
		widths = append(widths, fmt.Sprint(s.Width))
	}
	return law.Structure{}, &vitrine.Refusal{Kind: vitrine.Refused, Ground: bandsOnly, Text: fmt.Sprintf("band %d-%d is of a width that no structure has: want bands of %s", low, high, strings.Join(widths, ", "))}
}

func (l *line) placePublic() {
	sheet := sheetOf(l.Sheet)
	i := slices.IndexFunc(sheet.Fields, func(f law.Field) bool { return f.Name == l.Field })
	if i < 0 {
		l.refuse("", "sheet %s has no field %s", l.Sheet, l.Field)
		return
	}
	l.rule = sheet.Fields[i].Rule
	small := l.rule.Kind == law.Small
	switch {
	case l.banded && !small:
		l.refuse("", "%s is a band, and no law lets %s be published in bands: give the number", l.Said(), l.Sheet)
	case l.banded && (l.Low != 0 || l.High != uint64(l.rule.N)-1):
		l.refuse("", "%s is not the band of %s, whose rule is %s: 0-%d is the only one", l.Said(), l.Sheet, l.rule, l.rule.N-1)
	case !l.banded && small && l.Low < uint64(l.rule.N):
		l.strange("the rule of %s is %s: it is published as 0-%d", l.Sheet, l.rule, l.rule.N-1)
		l.Low, l.High, l.banded = 0, uint64(l.rule.N)-1, true
		l.columns = append(l.columns[:4:4], l.columns[3])
	}
	if l.Field != law.AccountField && l.Low >= maxTotal {
		l.refuse("", "%s is more than a replay counts: at most %d", l.Said(), maxTotal)
	}
}

// sheetOf is the law's sheet of that name, or one of the table's own, which
// counts and publishes what the law's ordinary sheets do.
func sheetOf(name string) law.Sheet {
	if s, ok := law.SheetOf(vitrine.InstrumentID(name), law.Structure{}); ok {
		return s
	}
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		if s, ok := law.SheetOf(vitrine.InstrumentID(name[:i]), law.Structure{}); ok {
			parts, _ := s.ByState() // none where the law does not split it
			if j := slices.IndexFunc(parts, func(p law.Sheet) bool { return p.Name == name }); j >= 0 {
				return parts[j]
			}
		}
	}
	s, _ := law.SheetOf("us/subpoena", law.Structure{})
	s.Name, s.Regime = name, ""
	return s
}
