package ledger

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of a sheet (spec/ledger.md, section 4).
const (
	maxFields = 8
	sumBits   = 27 // 2^27 leaves may be added up
	maxLeaves = 1 << sumBits
	maxWidths = 32
)

// RuleKind says how a field's total is published.
type RuleKind string

// The rules.
const (
	Exact  RuleKind = "exact"
	Small  RuleKind = "small"
	Band   RuleKind = "band"
	Hidden RuleKind = "hidden"
)

// Rule is how a field's total is published: exactly; exactly from N on, else as
// the band below N (Small); as a band of width N (Band); or not at all.
type Rule struct {
	Kind RuleKind
	N    uint32
}

// ParseRule reads "exact", "small:K", "band:W" or "hidden".
func ParseRule(s string) (Rule, error) {
	kind, number, numbered := strings.Cut(s, ":")
	r := Rule{Kind: RuleKind(kind)}
	if numbered {
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return r, fmt.Errorf("rule %q: %w", s, err)
		}
		r.N = uint32(n)
	}
	switch r.Kind {
	case Exact, Hidden:
		if numbered {
			return r, fmt.Errorf("rule %q takes no number", s)
		}
	case Small:
		if r.N < 2 || r.N >= 1<<16 {
			return r, fmt.Errorf("rule %q: want a number from 2 to 65535", s)
		}
	case Band:
		if r.N < 1 || r.N >= maxLeaves {
			return r, fmt.Errorf("rule %q: want a width from 1 to 2^27 - 1", s)
		}
	default:
		return r, fmt.Errorf("rule %q is none of exact, small:K, band:W and hidden", s)
	}
	if r.String() != s {
		return r, fmt.Errorf("rule %q is written %q", s, r)
	}
	return r, nil
}

func (r Rule) String() string {
	if r.Kind == Small || r.Kind == Band {
		return fmt.Sprintf("%s:%d", r.Kind, r.N)
	}
	return string(r.Kind)
}

// MarshalText writes the rule as ParseRule reads it.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what ParseRule reads.
func (r *Rule) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRule(string(b))
	return err
}

// Field is one number that a sheet counts: Width bits a leaf.
type Field struct {
	Name  string `json:"name"`
	Rule  Rule   `json:"rule"`
	Width int    `json:"width"`
}

// Sheet is what the demands under one instrument are counted on. The cells of
// a sheet with Deferred join a table of the sheet Joins, published at least so
// many seconds after their period.
type Sheet struct {
	Deferred uint64  `json:"deferred,omitempty"`
	Fields   []Field `json:"fields"`
	Joins    string  `json:"joins,omitempty"`
	Name     string  `json:"name"`
}

var (
	sheetName = letters("/-")
	fieldName = letters("/_-")
)

func (s Sheet) check() error {
	if !sheetName.MatchString(s.Name) {
		return fmt.Errorf("sheet name %q: want 1 to 64 of a-z, 0-9, - and /", s.Name)
	}
	if len(s.Fields) < 1 || len(s.Fields) > maxFields {
		return fmt.Errorf("sheet %s has %d fields, not 1 to %d", s.Name, len(s.Fields), maxFields)
	}
	if (s.Deferred == 0) != (s.Joins == "") {
		return fmt.Errorf("sheet %s: deferred and joins stand together", s.Name)
	}
	widths, banded, open := 0, false, false
	for i, f := range s.Fields {
		if !fieldName.MatchString(f.Name) || f.Name == dummyType {
			return fmt.Errorf("sheet %s: field name %q", s.Name, f.Name)
		}
		if slices.ContainsFunc(s.Fields[:i], func(g Field) bool { return g.Name == f.Name }) {
			return fmt.Errorf("sheet %s has field %s twice", s.Name, f.Name)
		}
		if f.Width < 1 || f.Width > maxWidths {
			return fmt.Errorf("sheet %s: field %s has %d bits, not 1 to %d", s.Name, f.Name, f.Width, maxWidths)
		}
		widths += f.Width
		banded = banded || f.Rule.Kind == Band
		open = open || f.Rule.Kind == Exact || f.Rule.Kind == Small
	}
	if widths > maxWidths {
		return fmt.Errorf("sheet %s: widths add up to %d bits, more than %d", s.Name, widths, maxWidths)
	}
	if banded && open {
		return fmt.Errorf("sheet %s has a field with a band, so every field has a band or is hidden", s.Name)
	}
	return nil
}

// limit is the first number that a field's total cannot reach.
func (f Field) limit() uint64 { return 1 << (f.Width + sumBits) }

// offset is the bit at which field k begins in the packed value.
func (s Sheet) offset(k int) int {
	o := 0
	for _, f := range s.Fields[:k] {
		o += f.Width + sumBits
	}
	return o
}

// field returns the place of a field, or -1.
func (s Sheet) field(name string) int {
	return slices.IndexFunc(s.Fields, func(f Field) bool { return f.Name == name })
}

// sameRules reports whether the cells of both may be added up in one table.
func (s Sheet) sameRules(t Sheet) bool { return slices.Equal(s.Fields, t.Fields) }

// exact is the sheet as an opening tells it.
func (s Sheet) exact() Sheet {
	s.Fields = slices.Clone(s.Fields)
	for k := range s.Fields {
		s.Fields[k].Rule = Rule{Kind: Exact}
	}
	return s
}

// fits reports whether every v is below its field's width.
func (s Sheet) fits(v Values) error {
	for k := range v {
		if k >= len(s.Fields) {
			if v[k] != 0 {
				return fmt.Errorf("sheet %s has no field %d", s.Name, k)
			}
		} else if uint64(v[k])>>s.Fields[k].Width != 0 {
			return fmt.Errorf("%d in field %s, which has %d bits", v[k], s.Fields[k].Name, s.Fields[k].Width)
		}
	}
	return nil
}

// weights are the weights of a leaf's bits on the sheet.
func (s Sheet) weights() []scalar {
	list := make([]scalar, 0, proofBits)
	for k, f := range s.Fields {
		for i := range f.Width {
			list = append(list, *powerOfTwo(s.offset(k) + i))
		}
	}
	return list
}
