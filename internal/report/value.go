package report

import (
	"fmt"
	"math/big"

	"github.com/vitrine-project/vitrine/ledger"
)

// kind is how a value is said.
type kind string

const (
	exact  kind = "exact"
	small  kind = "small"  // below the number from which it would be exact
	band   kind = "band"   // in a range that the law fixes
	hidden kind = "hidden" // not at all
)

// value is what a statement says of one field: the number if low and high are
// the same, else the range, both ends included, of which every number may be it.
type value struct {
	kind      kind
	low, high uint64
}

// said reads what a statement says of a field, and refuses what the field's
// rule does not allow: a page is no way around a rule.
func said(f ledger.Field, t ledger.Total) (value, error) {
	n, whole := uint64(f.Rule.N), uint64(1)<<(f.Width+27)-1
	ranged := t.Total == nil && t.Low != nil && t.Width != nil && *t.Width == n && n > 0
	switch {
	case t.Name != f.Name:
	case t.Total != nil && t.Low == nil && t.Width == nil && *t.Total <= whole &&
		(f.Rule.Kind == ledger.Exact || f.Rule.Kind == ledger.Small && *t.Total >= n):
		return value{exact, *t.Total, *t.Total}, nil
	case ranged && f.Rule.Kind == ledger.Small && *t.Low == 0:
		return value{small, 0, n - 1}, nil
	case ranged && f.Rule.Kind == ledger.Band && *t.Low%n == 0 && *t.Low <= whole:
		return value{band, *t.Low, *t.Low + n - 1}, nil
	case f.Rule.Kind == ledger.Hidden && t.Total == nil && t.Low == nil && t.Width == nil:
		return value{kind: hidden}, nil
	}
	return value{}, fmt.Errorf("field %s: what is said of %s does not follow its rule %s", f.Name, t.Name, f.Rule)
}

// String is the value as data files have it: 12, 250-499, or nothing.
func (v value) String() string {
	switch v.kind {
	case exact:
		return fmt.Sprint(v.low)
	case hidden:
		return ""
	}
	return fmt.Sprintf("%d-%d", v.low, v.high)
}

// total adds up values, if each is exact: a sum over a range or over something
// hidden would say more than these do, or less than it seems to.
func total(values []value) (uint64, bool) {
	sum := uint64(0)
	for _, v := range values {
		if v.kind != exact {
			return 0, false
		}
		sum += v.low
	}
	return sum, len(values) > 0
}

// scaled is n·by/of, rounded to nearest, in whole numbers: a float would not
// have the same digits on every machine.
func scaled(n, by, of uint64) uint64 {
	if of == 0 {
		return 0
	}
	x := new(big.Int).Mul(new(big.Int).SetUint64(2*n), new(big.Int).SetUint64(by))
	x.Add(x, new(big.Int).SetUint64(of))
	x.Div(x, new(big.Int).Mul(big.NewInt(2), new(big.Int).SetUint64(of)))
	return x.Uint64()
}

// percent is n of all in percent with two significant digits, rounded to
// nearest or up: the digits before the point and those behind it.
func percent(n, all uint64, up bool) (whole, part string) {
	if n == 0 || all == 0 {
		return "0", ""
	}
	num := new(big.Int).Mul(new(big.Int).SetUint64(n), big.NewInt(100))
	den := new(big.Int).SetUint64(all)
	digits := 0
	for limit := new(big.Int).Set(den); digits < 12; digits++ { // until num·10^digits/den ≥ 10
		limit.Mul(den, big.NewInt(10))
		if num.Cmp(limit) >= 0 {
			break
		}
		num.Mul(num, big.NewInt(10))
	}
	q, rest := new(big.Int).QuoRem(num, den, new(big.Int))
	if up && rest.Sign() > 0 || !up && rest.Lsh(rest, 1).Cmp(den) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	text := fmt.Sprintf("%0*s", digits+1, q.String())
	return text[:len(text)-digits], text[len(text)-digits:]
}
