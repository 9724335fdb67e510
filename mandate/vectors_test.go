package mandate_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"golang.org/x/tools/txtar"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/mandate"
)

const vectors = "../spec/vectors/mandate"

var update = flag.Bool("update", false, "write the vectors anew")

// seeded is a person whose key is the SHA-256 of their name, so that vectors
// can be made again byte for byte.
func seeded(t testing.TB, name string) person {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	return personOf(t, name, ed25519.NewKeyFromSeed(seed[:]))
}

// vector is one file: a header of "key: value" lines, and the files statement
// (or ruling) and N.sig.
type vector struct {
	class, expect, comment string
	need                   int
	people                 []person
	text                   string
	sigs                   []vitrine.Approval
}

func cases(t *testing.T) map[string]vector {
	a, b, c, mallory := seeded(t, "a"), seeded(t, "b"), seeded(t, "c"), seeded(t, "mallory")
	people := []person{a, b, c}
	p := policy(t, 2, people...)
	s := statementOf(t, p)
	s.Scope.Accounts = []vitrine.Account{"alice"}
	good := s.Text()
	r := mandate.Ruling{Demand: s.Demand, Mandate: vitrine.DigestOf([]byte(good)), Hold: vitrine.DigestOf([]byte("hold")),
		Items: []mandate.RuledItem{{Number: 2, SHA256: vitrine.DigestOf([]byte("2")), Produce: true}, {Number: 5, SHA256: vitrine.DigestOf([]byte("5")), Reason: "privileged"}}}
	sign := func(text string, who ...person) []vitrine.Approval {
		var out []vitrine.Approval
		for _, w := range who {
			out = append(out, w.sign(t, mandate.Namespace, text, sshsig.HashSHA512))
		}
		return out
	}
	v := func(class, expect, comment, text string, sigs []vitrine.Approval) vector {
		return vector{class, expect, comment, 2, people, text, sigs}
	}
	change := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the statement has no %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	plain := s
	plain.Scope.Zone, plain.Scope.Correspondents = "", nil
	return map[string]vector{
		"mandate":              v("none", "mandate", "two of three approvers", good, sign(good, a, c)),
		"mandate-instants":     v("none", "mandate", "no zone, any correspondent", plain.Text(), sign(plain.Text(), a, b)),
		"mandate-sha256":       v("none", "mandate", "the signature's hash is SHA-256", good, append(sign(good, a), b.sign(t, mandate.Namespace, good, sshsig.HashSHA256))),
		"ruling":               v("none", "ruling", "two of three approvers", r.Text(), sign(r.Text(), a, b)),
		"quorum-one":           v("quorum", "refused", "one signature of two", good, sign(good, a)),
		"quorum-twice":         v("quorum", "refused", "the same approver twice", good, sign(good, a, a)),
		"quorum-stranger":      v("quorum", "refused", "a key that nobody pinned", good, sign(good, a, mallory)),
		"quorum-namespace":     v("quorum", "refused", "a signature for another purpose", good, append(sign(good, a), b.sign(t, "file", good, sshsig.HashSHA512))),
		"quorum-other-text":    v("quorum", "refused", "a signature over the statement with one account more", good, append(sign(good, a), sign(change("account:           alice\n", "account:           alice\naccount:           bob\n"), b)...)),
		"rules-need":           v("rules", "refused", "the statement names a smaller quorum than the policy", change("need:              2", "need:              1"), sign(change("need:              2", "need:              1"), a, b)),
		"form-blank":           v("form", "malformed", "one blank more between key and value", change("account:           alice", "account:            alice"), nil),
		"form-no-end":          v("form", "malformed", "the last line has no end", strings.TrimSuffix(good, "\n"), nil),
		"form-crlf":            v("form", "malformed", "line ends of another system", strings.ReplaceAll(good, "\n", "\r\n"), nil),
		"form-line-more":       v("form", "malformed", "a line that does not belong there", good+"also:              everything\n", nil),
		"form-order":           v("form", "malformed", "accounts that are not in their order", change("account:           alice\n", "account:           bob\naccount:           alice\n"), nil),
		"form-head":            v("form", "malformed", "another sentence at the head", change("and no other,", "and others,"), nil),
		"value-pattern":        v("value", "malformed", "an account that is a pattern", change("account:           alice", "account:           *"), nil),
		"value-hidden":         v("value", "malformed", "a character that turns the text", change("account:           alice", "account:           ali\u202ece"), nil),
		"value-period":         v("value", "malformed", "a period that ends before it begins", change("to:                2026-11-01T07:00:00Z", "to:                2026-09-01T07:00:00Z"), nil),
		"value-zone":           v("value", "malformed", "ends in the zone that are other instants", change("2026-10-01T00:00:00-07:00", "2026-10-01T00:00:00-08:00"), nil),
		"value-ruling-twice":   v("value", "malformed", "an item that is ruled on twice", strings.Replace(r.Text(), "item:    5", "item:    2", 1), nil),
		"value-ruling-action":  v("value", "malformed", "neither produce nor withhold", strings.Replace(r.Text(), " withhold ", " keep ", 1), nil),
		"confusion-ruling-sig": v("quorum", "refused", "a ruling's signatures under a statement", good, sign(r.Text(), a, b)),
	}
}

func (v vector) archive() []byte {
	var head strings.Builder
	fmt.Fprintf(&head, "class: %s\nexpect: %s\ncomment: %s\nneed: %d\n", v.class, v.expect, v.comment, v.need)
	for _, p := range v.people {
		fmt.Fprintf(&head, "approver: %s %s", p.name, p.line())
	}
	name := "statement"
	if strings.HasPrefix(v.text, "Vitrine ruling") {
		name = "ruling"
	}
	// The text stands with its line ends visible, since some vectors are about them.
	a := txtar.Archive{Comment: []byte(head.String()), Files: []txtar.File{{Name: name, Data: []byte(strconv.Quote(v.text) + "\n")}}}
	for i, s := range v.sigs {
		a.Files = append(a.Files, txtar.File{Name: fmt.Sprintf("%d.sig", i+1), Data: []byte(s.Signature)})
	}
	return txtar.Format(&a)
}

// TestVectors runs every file of the vectors, and wants the files to be those
// that the cases make.
func TestVectors(t *testing.T) {
	want := cases(t)
	if *update {
		for name, v := range want {
			if err := os.WriteFile(filepath.Join(vectors, name+".txtar"), v.archive(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	names, err := filepath.Glob(filepath.Join(vectors, "*.txtar"))
	if err != nil || len(names) != len(want) {
		t.Fatalf("%d files, %d cases (%v): go test -update", len(names), len(want), err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(b) != string(want[strings.TrimSuffix(filepath.Base(name), ".txtar")].archive()) {
			t.Errorf("%s is not what its case makes: go test -update", name)
		}
		run(t, filepath.Base(name), txtar.Parse(b))
	}
}

// run reads a vector as a stranger would, and compares the outcome.
func run(t *testing.T, name string, a *txtar.Archive) {
	t.Helper()
	var expect string
	var p mandate.Policy
	for line := range strings.Lines(string(a.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "expect":
			expect = value
		case "need":
			p.Need, _ = strconv.Atoi(value)
		case "approver":
			who, keyLine, _ := strings.Cut(value, " ")
			approver, err := mandate.ParseApprover(who, keyLine)
			if err != nil {
				t.Fatal(err)
			}
			p.Approvers = append(p.Approvers, approver)
		}
	}
	text, err := strconv.Unquote(strings.TrimSpace(string(a.Files[0].Data)))
	if err != nil {
		t.Fatal(err)
	}
	var sigs []vitrine.Approval
	for _, f := range a.Files[1:] {
		sigs = append(sigs, vitrine.Approval{Signature: string(f.Data)})
	}
	if got := outcome(p, text, sigs); got != expect {
		t.Errorf("%s: %s, want %s", name, got, expect)
	}
}

func outcome(p mandate.Policy, text string, sigs []vitrine.Approval) string {
	s, err := mandate.ParseStatement([]byte(text))
	if err != nil {
		r, err := mandate.ParseRuling([]byte(text))
		if err != nil {
			return "malformed"
		}
		if _, err := p.VerifyRuling(r, sigs); err != nil {
			return "refused"
		}
		return "ruling"
	}
	m, err := p.Verify(s, sigs, now)
	var refusal *vitrine.Refusal
	switch {
	case err == nil && m.Valid():
		return "mandate"
	case errors.As(err, &refusal) && refusal.Kind == vitrine.Refused && slices.Contains([]string{"quorum", "received"}, refusal.Ground):
		return "refused"
	}
	return fmt.Sprint(err)
}
