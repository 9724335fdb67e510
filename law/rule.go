package law

import (
	"fmt"
	"strconv"
	"strings"
)

// RuleKind says how a total may be published.
type RuleKind string

// The rules. They are written as in spec/ledger.md, section 4.
const (
	Exact  RuleKind = "exact"  // as it is
	Small  RuleKind = "small"  // as it is from N on, else as the band 0 … N − 1
	Banded RuleKind = "band"   // as the band of width N that it lies in
	Hidden RuleKind = "hidden" // not at all
)

// Limits of the number in a rule.
const (
	minSmall, maxSmall = 2, 1<<16 - 1
	minBand, maxBand   = 1, 1<<27 - 1
)

// Rule is how one field's total may be published. N is used by Small and
// Banded only.
type Rule struct {
	Kind RuleKind
	N    uint32
}

// String writes "exact", "small:10", "band:250" or "hidden".
func (r Rule) String() string {
	if r.Kind == Small || r.Kind == Banded {
		return fmt.Sprintf("%s:%d", r.Kind, r.N)
	}
	return string(r.Kind)
}

// Check refuses a rule that nobody could write.
func (r Rule) Check() error {
	low, high := uint32(0), uint32(0)
	switch r.Kind {
	case Exact, Hidden:
	case Small:
		low, high = minSmall, maxSmall
	case Banded:
		low, high = minBand, maxBand
	default:
		return fmt.Errorf("rule %q is not known: want exact, small:K, band:W or hidden", r.Kind)
	}
	if r.N < low || r.N > high {
		return fmt.Errorf("rule %q: the number of %s lies between %d and %d", r, r.Kind, low, high)
	}
	return nil
}

// ParseRule accepts exactly what String writes.
func ParseRule(s string) (Rule, error) {
	kind, number, numbered := strings.Cut(s, ":")
	r := Rule{Kind: RuleKind(kind)}
	if numbered {
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return Rule{}, fmt.Errorf("rule %q: %q is not a number", s, number)
		}
		r.N = uint32(n)
	}
	if err := r.Check(); err != nil {
		return Rule{}, err
	}
	if r.String() != s {
		return Rule{}, fmt.Errorf("rule %q is written %q", s, r)
	}
	return r, nil
}

// MarshalText writes what String does.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), r.Check() }

// UnmarshalText accepts what ParseRule does.
func (r *Rule) UnmarshalText(b []byte) error {
	p, err := ParseRule(string(b))
	if err == nil {
		*r = p
	}
	return err
}
