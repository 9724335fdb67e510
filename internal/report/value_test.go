package report

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/ledger"
	"pgregory.net/rapid"
)

func n(x uint64) *uint64 { return &x }

// TestSaid tries what a rule allows and what it does not: a statement that says
// a number exactly where its rule keeps it in a band must not become a page.
func TestSaid(t *testing.T) {
	field := func(rule string) ledger.Field {
		r, err := ledger.ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		return ledger.Field{Name: "demand", Rule: r, Width: 1}
	}
	point := &ledger.Hash{1}
	for _, c := range []struct {
		rule  string
		total ledger.Total
		want  string // "refused" or the value
	}{
		{"exact", ledger.Total{Name: "demand", Total: n(0)}, "0"},
		{"exact", ledger.Total{Name: "demand", Total: n(317)}, "317"},
		{"exact", ledger.Total{Name: "account", Total: n(317)}, "refused"},
		{"exact", ledger.Total{Name: "demand", Total: n(1 << 28)}, "refused"},
		{"exact", ledger.Total{Name: "demand", Point: point}, "refused"},
		{"exact", ledger.Total{Name: "demand", Low: n(0), Width: n(10), Point: point}, "refused"},
		{"small:10", ledger.Total{Name: "demand", Total: n(10)}, "10"},
		{"small:10", ledger.Total{Name: "demand", Total: n(9)}, "refused"},
		{"small:10", ledger.Total{Name: "demand", Low: n(0), Width: n(10), Point: point}, "0-9"},
		{"small:10", ledger.Total{Name: "demand", Low: n(10), Width: n(10), Point: point}, "refused"},
		{"small:10", ledger.Total{Name: "demand", Low: n(0), Width: n(5), Point: point}, "refused"},
		{"small:10", ledger.Total{Name: "demand", Point: point}, "refused"},
		{"band:250", ledger.Total{Name: "demand", Low: n(250), Width: n(250), Point: point}, "250-499"},
		{"band:250", ledger.Total{Name: "demand", Low: n(100), Width: n(250), Point: point}, "refused"},
		{"band:250", ledger.Total{Name: "demand", Low: n(0), Width: n(1000), Point: point}, "refused"},
		{"band:250", ledger.Total{Name: "demand", Total: n(317)}, "refused"},
		{"band:250", ledger.Total{Name: "demand", Low: n(250), Width: n(250), Total: n(317), Point: point}, "refused"},
		{"band:250", ledger.Total{Name: "demand", Point: point}, "refused"},
		{"hidden", ledger.Total{Name: "demand", Point: point}, ""},
		{"hidden", ledger.Total{Name: "demand", Total: n(3)}, "refused"},
		{"hidden", ledger.Total{Name: "demand", Low: n(0), Width: n(10), Point: point}, "refused"},
	} {
		v, err := said(field(c.rule), c.total)
		got := v.String()
		if err != nil {
			got = "refused"
		}
		if got != c.want {
			t.Errorf("%s of %+v: %q, want %q", c.rule, c.total, got, c.want)
		}
	}
}

// TestPercent compares with rational arithmetic.
func TestPercent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.Uint64Range(1, 1<<40).Draw(t, "all")
		part := rapid.Uint64Range(0, all).Draw(t, "part")
		up := rapid.Bool().Draw(t, "up")
		whole, behind := percent(part, all, up)
		got, ok := new(big.Rat).SetString(whole + "." + behind + "0")
		if !ok {
			t.Fatalf("%q.%q is no number", whole, behind)
		}
		true_ := new(big.Rat).SetFrac(new(big.Int).Mul(new(big.Int).SetUint64(part), big.NewInt(100)), new(big.Int).SetUint64(all))
		off := new(big.Rat).Sub(got, true_)
		if up && off.Sign() < 0 {
			t.Fatalf("%d of %d is at most %s.%s percent?", part, all, whole, behind)
		}
		step := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(behind))), nil))
		if off.Abs(off).Cmp(step) >= 0 || !up && off.Cmp(step.Mul(step, big.NewRat(1, 2))) > 0 {
			t.Fatalf("%d of %d is %s.%s percent: off by %s", part, all, whole, behind, off.FloatString(12))
		}
		if digits := strings.TrimLeft(whole+behind, "0"); part > 0 && len(behind) < 12 && len(digits) < 2 {
			t.Fatalf("%d of %d: %s.%s has fewer than two digits", part, all, whole, behind)
		}
	})
	for _, c := range []struct {
		part, all uint64
		want      string
	}{{180, 4186000, "0.0043"}, {1, 3, "33."}, {3, 3, "100."}, {0, 5, "0."}, {1, 1_000_000_000_000, "0.00000000010"}} {
		if whole, behind := percent(c.part, c.all, false); whole+"."+behind != c.want {
			t.Errorf("%d of %d: %s.%s, want %s", c.part, c.all, whole, behind, c.want)
		}
	}
}

func TestUnformula(t *testing.T) {
	for in, want := range map[string]string{"=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\tx": "'\tx", "250-499": "250-499", "": "", "a=b": "a=b"} {
		if got := unformula(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestTenths(t *testing.T) {
	for in, want := range map[tenth]string{0: "0", 5: "0.5", 10: "1", 123: "12.3"} {
		if got := fmt.Sprint(in); got != want {
			t.Errorf("%d: %s, want %s", int(in), got, want)
		}
	}
}
