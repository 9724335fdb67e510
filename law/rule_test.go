package law_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine/law"
)

func TestRule(t *testing.T) {
	for text, want := range map[string]law.Rule{
		"exact": {Kind: law.Exact}, "hidden": {Kind: law.Hidden},
		"small:2": {Kind: law.Small, N: 2}, "small:10": {Kind: law.Small, N: 10}, "small:65535": {Kind: law.Small, N: 65535},
		"band:1": {Kind: law.Banded, N: 1}, "band:250": {Kind: law.Banded, N: 250}, "band:134217727": {Kind: law.Banded, N: 134217727},
	} {
		if got, err := law.ParseRule(text); err != nil || got != want || got.String() != text {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{
		"", "Exact", "exact:1", "exact:0", "exact:", "hidden:0", "small", "small:", "small:0", "small:1", "small:65536", "small:010", "small:+9",
		"band", "band:0", "band:134217728", "band:4294967546", "band:-1", "band:2 50", " band:250", "band:250 ", "band:250:1", "banded:250",
	} {
		if got, err := law.ParseRule(bad); err == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
	if _, err := json.Marshal(law.Rule{}); err == nil {
		t.Error("a rule that nobody set was written")
	}
}

func TestRuleBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.OneOf(
			rapid.Just(law.Rule{Kind: law.Exact}), rapid.Just(law.Rule{Kind: law.Hidden}),
			rapid.Map(rapid.Uint32Range(2, 65535), func(n uint32) law.Rule { return law.Rule{Kind: law.Small, N: n} }),
			rapid.Map(rapid.Uint32Range(1, 1<<27-1), func(n uint32) law.Rule { return law.Rule{Kind: law.Banded, N: n} }),
		).Draw(t, "rule")
		b, err := json.Marshal(r)
		var back law.Rule
		if err != nil || json.Unmarshal(b, &back) != nil || back != r {
			t.Fatalf("%v became %s became %v: %v", r, b, back, err)
		}
	})
}

func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"exact", "small:10", "band:250", "hidden", "band:0250", "small:99999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := law.ParseRule(s); err == nil && r.String() != s {
			t.Errorf("%q was read as %q", s, r)
		}
	})
}
