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
	signed := sign(good, a, c)
	// written is the mandate with its second signature written otherwise.
	written := func(form string) []vitrine.Approval {
		return []vitrine.Approval{signed[0], {Signature: armors(t, signed[1].Signature)[form].armored}}
	}
	touched, untouched := tokenEd25519(t, "token", true), tokenEd25519(t, "token", false)
	byToken := statementOf(t, policy(t, 1, touched))
	byToken.Scope.Accounts = s.Scope.Accounts
	token := func(expect, comment string, who person) vector {
		return vector{"touch", expect, comment, 1, []person{who}, byToken.Text(), sign(byToken.Text(), who)}
	}
	plain := s
	plain.Scope.Zone, plain.Scope.Correspondents = "", nil
	worded := s
	worded.Scope.Keywords = []string{"grey heron", "müller"}
	said := worded.Text()
	reword := func(old, new string) string {
		if !strings.Contains(said, old) {
			t.Fatalf("the statement has no %q", old)
		}
		return strings.Replace(said, old, new, 1)
	}
	return map[string]vector{
		"mandate-keywords":      v("none", "mandate", "a phrase and a word", said, sign(said, a, c)),
		"form-keyword-order":    v("form", "malformed", "keywords that are not in their order", reword("keyword:           grey heron\n", "keyword:           zebra\nkeyword:           grey heron\n"), nil),
		"form-keyword-twice":    v("form", "malformed", "one keyword twice", reword("keyword:           grey heron\n", "keyword:           grey heron\nkeyword:           grey heron\n"), nil),
		"form-keywords-none":    v("form", "malformed", "keywords announced and none named", reword("keyword:           grey heron\nkeyword:           müller\n", ""), nil),
		"form-keywords-any":     v("form", "malformed", "a line that says there are no keywords", change("correspondent:     x@example.org\n", "correspondent:     x@example.org\nkeywords:          any\n"), nil),
		"form-keyword-alone":    v("form", "malformed", "a keyword that nothing explains", change("correspondent:     x@example.org\n", "correspondent:     x@example.org\nkeyword:           grey heron\n"), nil),
		"form-keywords-before":  v("form", "malformed", "keywords before the correspondents", moved(said), nil),
		"value-keyword-pattern": v("value", "malformed", "a keyword that is a pattern", reword("grey heron", "grey*"), nil),
		"value-keyword-quotes":  v("value", "malformed", "a keyword in quotes", reword("grey heron", `"grey heron"`), nil),
		"value-keyword-short":   v("value", "malformed", "a keyword of one character", reword("grey heron", "g"), nil),
		"value-keyword-long":    v("value", "malformed", "a keyword of 201 characters", reword("grey heron", strings.Repeat("g", 201)), nil),
		"quorum-keyword-gone":   v("quorum", "refused", "signatures for fewer items than the text reaches", good, sign(said, a, c)),
		"mandate":               v("none", "mandate", "two of three approvers", good, sign(good, a, c)),
		"mandate-instants":      v("none", "mandate", "no zone, any correspondent", plain.Text(), sign(plain.Text(), a, b)),
		"mandate-sha256":        v("none", "mandate", "the signature's hash is SHA-256", good, append(sign(good, a), b.sign(t, mandate.Namespace, good, sshsig.HashSHA256))),
		"ruling":                v("none", "ruling", "two of three approvers", r.Text(), sign(r.Text(), a, b)),
		"quorum-one":            v("quorum", "refused", "one signature of two", good, sign(good, a)),
		"quorum-twice":          v("quorum", "refused", "the same approver twice", good, sign(good, a, a)),
		"quorum-stranger":       v("quorum", "refused", "a key that nobody pinned", good, sign(good, a, mallory)),
		"quorum-namespace":      v("quorum", "refused", "a signature for another purpose", good, append(sign(good, a), b.sign(t, "file", good, sshsig.HashSHA512))),
		"quorum-other-text":     v("quorum", "refused", "a signature over the statement with one account more", good, append(sign(good, a), sign(change("account:           alice\n", "account:           alice\naccount:           bob\n"), b)...)),
		"rules-need":            v("rules", "refused", "the statement names a smaller quorum than the policy", change("need:              2", "need:              1"), sign(change("need:              2", "need:              1"), a, b)),
		"form-blank":            v("form", "malformed", "one blank more between key and value", change("account:           alice", "account:            alice"), nil),
		"form-no-end":           v("form", "malformed", "the last line has no end", strings.TrimSuffix(good, "\n"), nil),
		"form-crlf":             v("form", "malformed", "line ends of another system", strings.ReplaceAll(good, "\n", "\r\n"), nil),
		"form-line-more":        v("form", "malformed", "a line that does not belong there", good+"also:              everything\n", nil),
		"form-order":            v("form", "malformed", "accounts that are not in their order", change("account:           alice\n", "account:           bob\naccount:           alice\n"), nil),
		"form-head":             v("form", "malformed", "another sentence at the head", change("and no other,", "and others,"), nil),
		"value-pattern":         v("value", "malformed", "an account that is a pattern", change("account:           alice", "account:           *"), nil),
		"value-hidden":          v("value", "malformed", "a character that turns the text", change("account:           alice", "account:           ali\u202ece"), nil),
		"value-period":          v("value", "malformed", "a period that ends before it begins", change("to:                2026-11-01T07:00:00Z", "to:                2026-09-01T07:00:00Z"), nil),
		"value-zone":            v("value", "malformed", "ends in the zone that are other instants", change("2026-10-01T00:00:00-07:00", "2026-10-01T00:00:00-08:00"), nil),
		"value-ruling-twice":    v("value", "malformed", "an item that is ruled on twice", strings.Replace(r.Text(), "item:    5", "item:    2", 1), nil),
		"value-ruling-action":   v("value", "malformed", "neither produce nor withhold", strings.Replace(r.Text(), " withhold ", " keep ", 1), nil),
		"value-received":        v("value", "malformed", "received before 1970", change("2026-11-20T11:00:00Z", "0001-01-01T00:00:00Z"), nil),
		"value-fingerprint":     v("value", "malformed", "an approver's fingerprint that is none", change(p.Approvers[0].Fingerprint, "SHA256:anything"), nil),
		"value-path":            v("value", "malformed", "a path that begins with a blank", change("maildir /srv/mail of all", "maildir  /srv/mail of all"), nil),
		"value-ruling-reason":   v("value", "malformed", "a reason that begins with a blank", strings.Replace(r.Text(), " withhold ", " withhold  ", 1), nil),
		"value-source":          v("value", "malformed", "a source without a path", change("source:            mail maildir /srv/mail of all/{account}", "source:            mail maildir"), nil),
		"rules-order":           v("rules", "refused", "the approvers in another order than the policy's", swapped(good), sign(swapped(good), a, b)),
		"confusion-ruling-sig":  v("quorum", "refused", "a ruling's signatures under a statement", good, sign(r.Text(), a, b)),
		"confusion-mandate-sig": v("quorum", "refused", "a statement's signatures under a ruling", r.Text(), sign(good, a, b)),
		"armor-crlf":            v("armor", "refused", "line ends of another system around one signature", good, written("line ends of Windows")),
		"armor-headers":         v("armor", "refused", "a header line before the base64", good, written("headers")),
		"armor-spare-bits":      v("armor", "refused", "bits set that the padding cuts off", good, written("spare bits")),
		"armor-after":           v("armor", "refused", "text after the signature", good, written("text after")),
		"armor-blob-longer":     v("armor", "refused", "a byte after the signature's blob", good, written("bytes after the blob")),
		"armor-inner-longer":    v("armor", "refused", "a byte after the inner signature", good, written("bytes in the signature")),
		"armor-reserved":        v("armor", "refused", "a value in the reserved field, which is not signed", good, written("a reserved value")),
		"touch":                 token("mandate", "a security key that somebody touched", touched),
		"touch-none":            token("refused", "a security key that nobody touched", untouched),
	}
}

// swapped exchanges the last two lines.
func swapped(text string) string {
	lines := strings.SplitAfter(text, "\n")
	n := len(lines) - 1 // the last part is empty
	lines[n-1], lines[n-2] = lines[n-2], lines[n-1]
	return strings.Join(lines, "")
}

// moved puts the keywords before the correspondent.
func moved(text string) string {
	lines := strings.SplitAfter(text, "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "correspondent:") })
	correspondent := lines[at]
	lines = slices.Insert(slices.Delete(lines, at, at+1), at+3, correspondent)
	return strings.Join(lines, "")
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
	made := 0
	for name, b := range vectorFiles(t) {
		if !strings.HasPrefix(name, byTool) {
			made++
			if string(b) != string(want[name].archive()) {
				t.Errorf("%s is not what its case makes: go test -update", name)
			}
		}
		r := readVector(t, b)
		if got := outcome(r.policy, r.text, r.sigs); got != r.expect {
			t.Errorf("%s: %s, want %s", name, got, r.expect)
		}
	}
	if made != len(want) {
		t.Errorf("%d files, %d cases: go test -update", made, len(want))
	}
}

// vectorFiles returns every vector by its name.
func vectorFiles(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(vectors, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors (%v)", err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(path), ".txtar")] = b
	}
	return files
}

// reading is a vector as a stranger reads it.
type reading struct {
	class, expect string
	policy        mandate.Policy
	lines         map[string]string // an approver's name to the key's line
	text          string
	sigs          []vitrine.Approval
}

func readVector(t testing.TB, b []byte) reading {
	t.Helper()
	a := txtar.Parse(b)
	r := reading{lines: map[string]string{}}
	p := &r.policy
	for line := range strings.Lines(string(a.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "class":
			r.class = value
		case "expect":
			r.expect = value
		case "need":
			p.Need, _ = strconv.Atoi(value)
		case "approver":
			who, keyLine, _ := strings.Cut(value, " ")
			approver, err := mandate.ParseApprover(who, keyLine)
			if err != nil {
				t.Fatal(err)
			}
			p.Approvers = append(p.Approvers, approver)
			r.lines[who] = keyLine
		}
	}
	text, err := strconv.Unquote(strings.TrimSpace(string(a.Files[0].Data)))
	if err != nil {
		t.Fatal(err)
	}
	r.text = text
	for _, f := range a.Files[1:] {
		r.sigs = append(r.sigs, vitrine.Approval{Signature: string(f.Data)})
	}
	return r
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
