package mandate_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/mandate"
)

var update = flag.Bool("update", false, "write the vectors anew")

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// person is somebody with a key.
type person struct {
	name   string
	signer ssh.Signer
}

func newPerson(t testing.TB, name string) person {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return personOf(t, name, key)
}

func personOf(t testing.TB, name string, key any) person {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return person{name, signer}
}

func (p person) line() string { return string(ssh.MarshalAuthorizedKey(p.signer.PublicKey())) }

func (p person) sign(t testing.TB, namespace, text string, h sshsig.HashAlgorithm) vitrine.Approval {
	t.Helper()
	sig, err := sshsig.Sign(strings.NewReader(text), p.signer, h, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return vitrine.Approval{Signature: string(sshsig.Armor(sig))}
}

func policy(t testing.TB, need int, people ...person) mandate.Policy {
	t.Helper()
	p := mandate.Policy{Need: need}
	for _, who := range people {
		a, err := mandate.ParseApprover(who.name, who.line())
		if err != nil {
			t.Fatal(err)
		}
		p.Approvers = append(p.Approvers, a)
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}

func statementOf(t testing.TB, p mandate.Policy) mandate.Statement {
	t.Helper()
	from := time.Date(2026, 10, 1, 7, 0, 0, 0, time.UTC)
	period, err := vitrine.NewPeriod(from, from.AddDate(0, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return mandate.Statement{
		Demand: "abcdefghijklmnop", Reference: "26-CR-118", Authority: "us-dc-wawd", AuthorityName: "U.S. District Court, W.D. Washington",
		Instrument: "us/search-warrant", InstrumentName: "Search warrant", Articles: []string{"18 U.S.C. § 2703(a), (b)(1)(A)"},
		Document: vitrine.DigestOf([]byte("paper")), Received: now.Add(-time.Hour),
		Scope: vitrine.Scope{Accounts: []vitrine.Account{"alice", "Jörg Müller"}, Categories: []vitrine.Category{vitrine.Content}, Period: period, Clock: vitrine.ClockReceived,
			Zone: "America/Los_Angeles", Correspondents: []string{"x@example.org"}},
		Sources: []vitrine.Source{{Name: "mail", Kind: "maildir", Path: "/srv/mail of all/{account}"}}, SealTo: []string{"age:0001-0002"},
		Need: p.Need, Approvers: p.Approvers,
	}
}

func TestStatementReads(t *testing.T) {
	p := policy(t, 1, newPerson(t, "a"))
	s := statementOf(t, p)
	s.Scope.Accounts = []vitrine.Account{"Jörg Müller", "alice"} // sorted by bytes
	text := s.Text()
	for _, want := range []string{
		"26-CR-118", "alice", "Jörg Müller", "2026-10-01T07:00:00Z (included)", "2026-11-01T07:00:00Z (not included)", "America/Los_Angeles",
		"2026-10-01T00:00:00-07:00", "2026-11-01T00:00:00-07:00", "received (the store's own record of arrival)", "x@example.org",
		"mail maildir /srv/mail of all/{account}", "age:0001-0002", "§ 2703(a)", p.Approvers[0].Fingerprint, s.Document.String(),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the statement does not say %q:\n%s", want, text)
		}
	}
	back, err := mandate.ParseStatement([]byte(text))
	if err != nil || back.Text() != text || back.Scope.Period != s.Scope.Period || back.Sources[0] != s.Sources[0] {
		t.Errorf("%v:\n%s", err, text)
	}
}

// TestQuorum counts who signed.
func TestQuorum(t *testing.T) {
	a, b, c, stranger := newPerson(t, "a"), newPerson(t, "b"), newPerson(t, "c"), newPerson(t, "d")
	p := policy(t, 2, a, b, c)
	s := statementOf(t, p)
	s.Scope.Accounts = s.Scope.Accounts[:1]
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
		"line ends of Windows":   {[]vitrine.Approval{sign(a), {Signature: strings.ReplaceAll(sign(b).Signature, "\n", "\r\n")}}, ""},
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

// TestEveryByteCounts changes each byte of a signed statement.
func TestEveryByteCounts(t *testing.T) {
	a := newPerson(t, "a")
	p := policy(t, 1, a)
	s := statementOf(t, p)
	s.Scope.Accounts = s.Scope.Accounts[:1]
	text := s.Text()
	ok := []vitrine.Approval{a.sign(t, mandate.Namespace, text, sshsig.HashSHA512)}
	for i := range len(text) {
		bad := []byte(text)
		bad[i] ^= 1
		changed, err := mandate.ParseStatement(bad)
		if err != nil {
			continue
		}
		if m, err := p.Verify(changed, ok, now); err == nil || m.Valid() {
			t.Fatalf("byte %d changed, and still a mandate", i)
		}
	}
}

func TestOtherRules(t *testing.T) {
	a, b := newPerson(t, "a"), newPerson(t, "b")
	s := statementOf(t, policy(t, 1, a, b))
	s.Scope.Accounts = s.Scope.Accounts[:1]
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

func TestApproverKeys(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]any{"rsa 3072": long, "ecdsa": curve} {
		who := personOf(t, "a", key)
		p := policy(t, 1, who)
		s := statementOf(t, p)
		s.Scope.Accounts = s.Scope.Accounts[:1]
		if _, err := p.Verify(s, []vitrine.Approval{who.sign(t, mandate.Namespace, s.Text(), sshsig.HashSHA512)}, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := newPerson(t, "a").line()
	for says, line := range map[string]string{
		"3072": personOf(t, "a", short).line(), "not an SSH public key": "ssh-ed25519 AAAA", "without options": `command="x" ` + good, "more than one": good + good,
	} {
		if _, err := mandate.ParseApprover("a", line); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want an error about %q, got %v", says, err)
		}
	}
}

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
	if names, err := p.VerifyRuling(r, []vitrine.Approval{sign(a), sign(b)}, now); err != nil || len(names) != 2 {
		t.Errorf("%v, %v", names, err)
	}
	if _, err := p.VerifyRuling(r, []vitrine.Approval{sign(a)}, now); err == nil {
		t.Error("one signature was enough")
	}
	other := r
	other.Items = append([]mandate.RuledItem{}, r.Items...)
	other.Items[1].Produce = true
	if _, err := p.VerifyRuling(other, []vitrine.Approval{sign(a), sign(b)}, now); err == nil {
		t.Error("signatures over another ruling counted")
	}
	// Neither text can pass as the other.
	if _, err := mandate.ParseStatement([]byte(text)); err == nil {
		t.Error("a ruling was read as a statement")
	}
}

// TestNoInjection puts every character where a value can stand: either the
// text is refused, or it reads back as the very same values.
func TestNoInjection(t *testing.T) {
	p := policy(t, 1, newPerson(t, "a"))
	rapid.Check(t, func(rt *rapid.T) {
		s := statementOf(t, p)
		s.Scope.Accounts = s.Scope.Accounts[:1]
		value := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"x\naccount: mallory", "x\r\naccount: mallory", "x\u2028account: mallory", " x", "x ", "", "x: y", "\u202ex"})).Draw(rt, "value")
		switch rapid.IntRange(0, 7).Draw(rt, "field") {
		case 0:
			s.Reference = value
		case 1:
			s.AuthorityName = value
		case 2:
			s.Scope.Accounts = []vitrine.Account{vitrine.Account(value)}
		case 3:
			s.Sources[0].Path = value
		case 4:
			s.Articles = []string{value}
		case 5:
			s.Scope.Correspondents = []string{value}
		case 6:
			s.SealTo = []string{value}
		case 7:
			s.InstrumentName = value
		}
		back, err := mandate.ParseStatement([]byte(s.Text()))
		if err != nil {
			return
		}
		if back.Reference != s.Reference || back.AuthorityName != s.AuthorityName || fmt.Sprint(back.Scope.Accounts) != fmt.Sprint(s.Scope.Accounts) ||
			len(back.Scope.Accounts) != len(s.Scope.Accounts) || back.Sources[0] != s.Sources[0] || back.Articles[0] != s.Articles[0] || back.SealTo[0] != s.SealTo[0] || back.InstrumentName != s.InstrumentName {
			rt.Fatalf("%q reads back otherwise", value)
		}
	})
}

// TestStockSSH signs with ssh-keygen, and has ssh-keygen check.
func TestStockSSH(t *testing.T) {
	tool := need.Tool(t, "ssh-keygen")
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	run := func(stdin string, args ...string) string {
		cmd := exec.Command(tool, args...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("ssh-keygen %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for _, kind := range [][]string{{"-t", "ed25519"}, {"-t", "ecdsa"}, {"-t", "rsa", "-b", "3072"}} {
		os.Remove(key)
		run("", append([]string{"-q", "-N", "", "-f", key}, kind...)...)
		public, err := os.ReadFile(key + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		a, err := mandate.ParseApprover("a", string(public))
		if err != nil {
			t.Fatal(err)
		}
		p := mandate.Policy{Need: 1, Approvers: []mandate.Approver{a}}
		s := statementOf(t, p)
		s.Scope.Accounts = s.Scope.Accounts[:1]
		statement := filepath.Join(dir, "statement")
		os.Remove(statement + ".sig")
		if err := os.WriteFile(statement, []byte(s.Text()), 0o600); err != nil {
			t.Fatal(err)
		}
		run("", "-q", "-Y", "sign", "-n", mandate.Namespace, "-f", key, statement)
		sig, err := os.ReadFile(statement + ".sig")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Verify(s, []vitrine.Approval{{Signature: string(sig)}}, now); err != nil {
			t.Errorf("%v: %v", kind, err)
		}
		signers := filepath.Join(dir, "signers")
		if err := os.WriteFile(signers, append([]byte("a "), public...), 0o600); err != nil {
			t.Fatal(err)
		}
		run(s.Text(), "-Y", "verify", "-f", signers, "-I", "a", "-n", mandate.Namespace, "-s", statement+".sig")
		if !strings.Contains(run("", "-l", "-f", key+".pub"), a.Fingerprint) {
			t.Errorf("ssh-keygen prints another fingerprint than %s", a.Fingerprint)
		}
	}
}

func FuzzStatement(f *testing.F) {
	p := policy(f, 1, newPerson(f, "a"))
	s := statementOf(f, p)
	s.Scope.Accounts = s.Scope.Accounts[:1]
	f.Add([]byte(s.Text()))
	s.Scope.Zone, s.Scope.Correspondents = "", nil
	f.Add([]byte(s.Text()))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := mandate.ParseStatement(b)
		if err != nil {
			if vitrine.ExitCode(err) != 3 {
				t.Fatalf("exit %d: %v", vitrine.ExitCode(err), err)
			}
			return
		}
		if s.Text() != string(b) {
			t.Fatalf("%q has another form, %q", b, s.Text())
		}
		if _, err := s.Scope.Normal(); err != nil || len(s.Sources) == 0 || len(s.SealTo) == 0 || bytes.ContainsAny(b, "\r\x00") {
			t.Fatalf("accepted: %q", b)
		}
	})
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
		for i, it := range r.Items {
			if it.Number < 1 || i > 0 && it.Number <= r.Items[i-1].Number {
				t.Fatalf("accepted: %q", b)
			}
		}
	})
}
