package mandate_test

import (
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/mandate"
)

func TestRuling(t *testing.T) {
	a, b := newPerson(t, "a"), newPerson(t, "b")
	p := policy(t, 2, a, b)
	r := mandate.Ruling{Demand: "abcdefghijklmnop", Mandate: vitrine.DigestOf([]byte("m")), Hold: vitrine.DigestOf([]byte("h")), Items: []mandate.RuledItem{
		{Number: 3, SHA256: vitrine.DigestOf([]byte("3")), Produce: true}, {Number: 7, SHA256: vitrine.DigestOf([]byte("7")), Reason: "privileged: counsel's letter"},
	}}
	text := r.Text()
	back, err := mandate.ParseRuling([]byte(text))
	if err != nil || back.Text() != text || len(back.Items) != 2 || back.Items[1] != r.Items[1] {
		t.Fatalf("%v: %+v", err, back)
	}
	sign := func(who person) vitrine.Approval { return who.sign(t, mandate.Namespace, text, sshsig.HashSHA512) }
	if names, err := p.VerifyRuling(r, []vitrine.Approval{sign(a), sign(b)}); err != nil || len(names) != 2 {
		t.Errorf("%v, %v", names, err)
	}
	if _, err := p.VerifyRuling(r, []vitrine.Approval{sign(a)}); err == nil {
		t.Error("one signature was enough")
	}
	other := r
	other.Items = append([]mandate.RuledItem{}, r.Items...)
	other.Items[1].Produce = true
	if _, err := p.VerifyRuling(other, []vitrine.Approval{sign(a), sign(b)}); err == nil {
		t.Error("signatures over another ruling counted")
	}
	// Neither text can pass as the other.
	if _, err := mandate.ParseStatement([]byte(text)); err == nil {
		t.Error("a ruling was read as a statement")
	}
}

func FuzzRuling(f *testing.F) {
	r := mandate.Ruling{Demand: "abcdefghijklmnop", Items: []mandate.RuledItem{{Number: 1, Produce: true}, {Number: 2, Reason: "x"}}}
	f.Add([]byte(r.Text()))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := mandate.ParseRuling(b)
		if err != nil {
			return
		}
		if r.Text() != string(b) {
			t.Fatalf("%q has another form, %q", b, r.Text())
		}
		if !rulingGrammar.Match(b) || !plainText(string(b)) {
			t.Fatalf("accepted, but not of the specified form: %q", b)
		}
		for i, it := range r.Items {
			if it.Number < 1 || i > 0 && it.Number <= r.Items[i-1].Number {
				t.Fatalf("accepted: %q", b)
			}
		}
	})
}

// TestRulingInjection: a reason never becomes another item.
func TestRulingInjection(t *testing.T) {
	a := newPerson(t, "a")
	p := policy(t, 1, a)
	more := "x\nitem:    9 " + vitrine.DigestOf(nil).String() + " produce -"
	passed, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		r := mandate.Ruling{Demand: "abcdefghijklmnop", Mandate: vitrine.DigestOf([]byte("m")), Hold: vitrine.DigestOf([]byte("h"))}
		for range rapid.IntRange(0, 3).Draw(rt, "items") {
			r.Items = append(r.Items, mandate.RuledItem{
				Number: rapid.Int64Range(-1, 9).Draw(rt, "number"), SHA256: vitrine.DigestOf([]byte("x")), Produce: rapid.Bool().Draw(rt, "produce"),
				Reason: rapid.OneOf(rapid.SampledFrom(append([]string{more}, hostile...)), rapid.String()).Draw(rt, "reason"),
			})
		}
		text := r.Text()
		_, err := p.VerifyRuling(r, []vitrine.Approval{a.sign(t, mandate.Namespace, text, sshsig.HashSHA512)})
		if err != nil {
			refused++
			return
		}
		passed++
		if !rulingGrammar.MatchString(text) || !plainText(text) || strings.Count(text, "\nitem:") != len(r.Items) {
			rt.Fatalf("signed as a ruling of %d items:\n%s", len(r.Items), text)
		}
	})
	if passed == 0 || refused == 0 {
		t.Errorf("%d passed, %d refused: the test shows nothing", passed, refused)
	}
}
