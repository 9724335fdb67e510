package mandate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/mandate"
)

// TestQuorum counts who signed.
func TestQuorum(t *testing.T) {
	a, b, c, stranger := newPerson(t, "a"), newPerson(t, "b"), newPerson(t, "c"), newPerson(t, "d")
	p := policy(t, 2, a, b, c)
	s := statementOf(t, p)
	text := s.Text()
	sign := func(who person) vitrine.Approval { return who.sign(t, mandate.Namespace, text, sshsig.HashSHA512) }
	for name, tc := range map[string]struct {
		approvals []vitrine.Approval
		says      string // of the refusal; "" where it is a mandate
	}{
		"two":                    {[]vitrine.Approval{sign(a), sign(c)}, ""},
		"three":                  {[]vitrine.Approval{sign(a), sign(b), sign(c)}, ""},
		"with a useless one":     {[]vitrine.Approval{sign(a), sign(stranger), sign(b)}, ""},
		"sha256":                 {[]vitrine.Approval{sign(a), b.sign(t, mandate.Namespace, text, sshsig.HashSHA256)}, ""},
		"none":                   {nil, "0 of 2"},
		"one":                    {[]vitrine.Approval{sign(a)}, "1 of 2"},
		"one twice":              {[]vitrine.Approval{sign(a), sign(a)}, "1 of 2 approvals count; signature 2: a signed before"},
		"a stranger":             {[]vitrine.Approval{sign(a), sign(stranger)}, "is no approver's"},
		"another text":           {[]vitrine.Approval{sign(a), b.sign(t, mandate.Namespace, text+"\n", sshsig.HashSHA512)}, "b signed another text"},
		"another namespace":      {[]vitrine.Approval{sign(a), b.sign(t, "file", text, sshsig.HashSHA512)}, `b signed for "file"`},
		"not a signature":        {[]vitrine.Approval{sign(a), {Signature: "hello"}}, "not an SSH signature"},
		"two in one":             {[]vitrine.Approval{{Signature: sign(a).Signature + sign(b).Signature}}, "0 of 2"},
		"with text before":       {[]vitrine.Approval{sign(a), {Signature: "x\n" + sign(b).Signature}}, "1 of 2"},
		"an empty one":           {[]vitrine.Approval{sign(a), {}}, "1 of 2"},
		"line ends of Windows":   {[]vitrine.Approval{sign(a), {Signature: strings.ReplaceAll(sign(b).Signature, "\n", "\r\n")}}, "1 of 2"},
		"an unreadably long one": {[]vitrine.Approval{sign(a), {Signature: strings.Repeat("x", 1<<20)}}, "1 of 2"},
	} {
		m, err := p.Verify(s, tc.approvals, now)
		if tc.says == "" {
			if err != nil || !m.Valid() || m.Digest() != vitrine.DigestOf([]byte(text)) || len(m.Approvers()) < 2 {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var r *vitrine.Refusal
		if !errors.As(err, &r) || r.Kind != vitrine.Refused || !strings.Contains(r.Text, tc.says) || m.Valid() {
			t.Errorf("%s: %v, want a refusal that says %q", name, err, tc.says)
		}
	}
}

func TestOtherRules(t *testing.T) {
	a, b := newPerson(t, "a"), newPerson(t, "b")
	s := statementOf(t, policy(t, 1, a, b))
	ok := []vitrine.Approval{a.sign(t, mandate.Namespace, s.Text(), sshsig.HashSHA512), b.sign(t, mandate.Namespace, s.Text(), sshsig.HashSHA512)}
	for name, p := range map[string]mandate.Policy{"need 2": policy(t, 2, a, b), "one more": policy(t, 1, a, b, newPerson(t, "c")), "other names": policy(t, 1, person{"x", a.signer}, b)} {
		if _, err := p.Verify(s, ok, now); err == nil || !strings.Contains(err.Error(), "another quorum") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := policy(t, 1, a, b).Verify(s, ok, s.Received.Add(-time.Hour)); err == nil {
		t.Error("a demand of the future was mandated")
	}
}

func TestPolicyCheck(t *testing.T) {
	a, b := newPerson(t, "a"), newPerson(t, "b")
	pa, err := mandate.ParseApprover("a", a.line())
	if err != nil {
		t.Fatal(err)
	}
	pb, err := mandate.ParseApprover("b", b.line())
	if err != nil {
		t.Fatal(err)
	}
	twice, err := mandate.ParseApprover("c", a.line())
	if err != nil {
		t.Fatal(err)
	}
	for says, p := range map[string]mandate.Policy{
		"at least one":  {Need: 0, Approvers: []mandate.Approver{pa}},
		"could ever be": {Need: 3, Approvers: []mandate.Approver{pa, pb}},
		"same key":      {Need: 2, Approvers: []mandate.Approver{pa, twice}},
		"named":         {Need: 1, Approvers: []mandate.Approver{pa, pa}},
	} {
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want an error about %q, got %v", says, err)
		}
	}
}

// offered is one signature with what is known of how it was made.
type offered struct {
	approval vitrine.Approval
	by       int // of the people; the last two are nobody's approver
	good     bool
}

// TestQuorumModel offers random bags of signatures, good and bad, under random
// policies: it is a mandate exactly if as many different approvers as needed
// signed that text for that purpose, and they are the ones who are named.
func TestQuorumModel(t *testing.T) {
	var people []person
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		people = append(people, newPerson(t, name))
	}
	outcomes := map[bool]int{}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(rt, "approvers")
		p := policy(t, rapid.IntRange(1, n).Draw(rt, "need"), people[:n]...)
		s := statementOf(t, p)
		bag := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) offered { return drawSignature(t, rt, people, s.Text()) }), 0, 8).Draw(rt, "bag")
		var approvals []vitrine.Approval
		signed := map[int]bool{}
		for _, o := range bag {
			approvals = append(approvals, o.approval)
			if o.good && o.by < n {
				signed[o.by] = true
			}
		}
		var want []string
		for i, who := range people[:n] {
			if signed[i] {
				want = append(want, who.name)
			}
		}
		m, err := p.Verify(s, approvals, now)
		enough := len(want) >= p.Need
		outcomes[enough]++
		if (err == nil) != enough || m.Valid() != enough || enough && !slices.Equal(m.Approvers(), want) {
			rt.Fatalf("%v signed, %d needed: %v, %v", want, p.Need, m.Approvers(), err)
		}
	})
	if outcomes[true] == 0 || outcomes[false] == 0 {
		t.Errorf("%v: the test shows nothing", outcomes)
	}
}

// drawSignature makes a signature that has at most one thing wrong with it.
func drawSignature(t testing.TB, rt *rapid.T, people []person, text string) offered {
	by := rapid.IntRange(0, len(people)-1).Draw(rt, "by")
	h := rapid.SampledFrom([]sshsig.HashAlgorithm{sshsig.HashSHA256, sshsig.HashSHA512}).Draw(rt, "hash")
	who := people[by]
	switch rapid.SampledFrom([]string{"", "", "", "text", "namespace", "character", "cut"}).Draw(rt, "wrong") {
	case "text":
		i := rapid.IntRange(0, len(text)-1).Draw(rt, "byte")
		changed := []byte(text)
		changed[i] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
		return offered{who.sign(t, mandate.Namespace, string(changed), h), by, false}
	case "namespace":
		ns := rapid.SampledFrom([]string{"file", "git", "vitrine-production", mandate.Namespace + " ", "Vitrine-Mandate"}).Draw(rt, "namespace")
		return offered{who.sign(t, ns, text, h), by, false}
	case "character":
		armored := []byte(who.sign(t, mandate.Namespace, text, h).Signature)
		i := rapid.IntRange(0, len(armored)-2).Draw(rt, "place")
		c := rapid.SampledFrom([]byte("ABab01+/=- \n\r\t:")).Filter(func(c byte) bool { return c != armored[i] }).Draw(rt, "character")
		armored[i] = c
		return offered{vitrine.Approval{Signature: string(armored)}, by, false}
	case "cut":
		armored := who.sign(t, mandate.Namespace, text, h).Signature
		return offered{vitrine.Approval{Signature: armored[:rapid.IntRange(0, len(armored)-2).Draw(rt, "length")]}, by, false}
	}
	return offered{who.sign(t, mandate.Namespace, text, h), by, true}
}

// TestZeroMandate: what did not come from Verify is no mandate.
func TestZeroMandate(t *testing.T) {
	var m mandate.Mandate
	if m.Valid() || !m.Digest().IsZero() || m.Approvers() != nil {
		t.Error("the zero Mandate passes")
	}
}

func TestTooManySignatures(t *testing.T) {
	a := newPerson(t, "a")
	p := policy(t, 1, a)
	s := statementOf(t, p)
	one := a.sign(t, mandate.Namespace, s.Text(), sshsig.HashSHA512)
	if _, err := p.Verify(s, slices.Repeat([]vitrine.Approval{one}, mandate.MaxApprovals), now); err != nil {
		t.Error(err)
	}
	if _, err := p.Verify(s, slices.Repeat([]vitrine.Approval{one}, mandate.MaxApprovals+1), now); vitrine.ExitCode(err) != 4 {
		t.Errorf("want a refusal, got %v", err)
	}
}
