package mandate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/mandate"
)

func TestStatementReads(t *testing.T) {
	p := policy(t, 1, newPerson(t, "a"))
	s := statementOf(t, p)
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

// TestEveryByteCounts changes each byte of a signed statement.
func TestEveryByteCounts(t *testing.T) {
	a := newPerson(t, "a")
	p := policy(t, 1, a)
	s := statementOf(t, p)
	text := s.Text()
	ok := []vitrine.Approval{a.sign(t, mandate.Namespace, text, sshsig.HashSHA512)}
	read := 0
	for i := range len(text) {
		bad := []byte(text)
		bad[i] ^= 1
		changed, err := mandate.ParseStatement(bad)
		if err != nil {
			continue
		}
		read++
		if m, err := p.Verify(changed, ok, now); err == nil || m.Valid() {
			t.Fatalf("byte %d changed, and still a mandate", i)
		}
	}
	if read == 0 {
		t.Error("no changed text could be read: the test shows nothing")
	}
}

// valuesOf lists every value of a statement, each quoted with its field.
func valuesOf(s mandate.Statement) string {
	var b strings.Builder
	say := func(field string, v any) { fmt.Fprintf(&b, "%s=%q\n", field, fmt.Sprint(v)) }
	say("demand", s.Demand)
	say("reference", s.Reference)
	say("authority", s.Authority)
	say("authority name", s.AuthorityName)
	say("instrument", s.Instrument)
	say("instrument name", s.InstrumentName)
	for _, a := range s.Articles {
		say("article", a)
	}
	say("document", s.Document)
	say("received", s.Received.UnixNano())
	for _, a := range s.Scope.Accounts {
		say("account", a)
	}
	for _, c := range s.Scope.Categories {
		say("category", c)
	}
	say("from", s.Scope.Period.From().UnixNano())
	say("to", s.Scope.Period.To().UnixNano())
	say("zone", s.Scope.Zone)
	say("clock", s.Scope.Clock)
	for _, c := range s.Scope.Correspondents {
		say("correspondent", c)
	}
	for _, k := range s.Scope.Keywords {
		say("keyword", k)
	}
	for _, src := range s.Sources {
		say("source name", src.Name)
		say("source kind", src.Kind)
		say("source path", src.Path)
	}
	for _, k := range s.SealTo {
		say("seal to", k)
	}
	say("need", s.Need)
	for _, a := range s.Approvers {
		say("approver", a.Name)
		say("fingerprint", a.Fingerprint)
	}
	return b.String()
}

// hostile are values that try to be more than one value.
var hostile = []string{
	"ab\nkeyword:           cd", "x@y\ncorrespondent:     z@y", "x\naccount:           mallory", "x\r\naccount: mallory", "x\raccount", "x\u2028account: mallory", "x\u2029y", "x\u0085y", "x\vy", "\n", "x\n",
	" x", "x ", "", " ", "a b", "a  b", "x: y", ":", "-", "any", "\u202ex", "\u200bx", "\u00a0x", "x\u00a0y", "\xff", "x\x00", "é", "e\u0301",
	"content", "mail", "mbox", "a@b", "A@B", "a@b c", "UTC", "Europe/Berlin", "Local", "SHA256:", "*", "..", "a/b", "2026-01-01T00:00:00Z", "received (x)",
}

// drawHostile changes up to three fields of s.
func drawHostile(t *rapid.T, s *mandate.Statement) {
	v := func() string {
		return rapid.OneOf(rapid.SampledFrom(hostile), rapid.String(), rapid.StringMatching(`[a-z]{1,8}( [a-z:]{1,5})?`)).Draw(t, "value")
	}
	fields := []func(){
		func() { s.Demand = vitrine.ID(v()) },
		func() { s.Reference = v() },
		func() { s.Authority = vitrine.AuthorityID(v()) },
		func() { s.AuthorityName = v() },
		func() { s.Instrument = vitrine.InstrumentID(v()) },
		func() { s.InstrumentName = v() },
		func() { s.Articles = []string{v(), v()} },
		func() { s.Scope.Accounts = []vitrine.Account{vitrine.Account(v())} },
		func() { s.Scope.Accounts = []vitrine.Account{vitrine.Account(v()), vitrine.Account(v())} },
		func() { s.Scope.Categories = []vitrine.Category{vitrine.Category(v())} },
		func() { s.Scope.Clock = vitrine.Clock(v()) },
		func() { s.Scope.Zone = v() },
		func() { s.Scope.Correspondents = []string{v()} },
		func() { s.Scope.Correspondents = nil },
		func() { s.Scope.Keywords = []string{v()} },
		func() { s.Scope.Keywords = []string{v(), v()} },
		func() { s.Sources = []vitrine.Source{{Name: v(), Kind: "maildir", Path: "/x"}} },
		func() { s.Sources = []vitrine.Source{{Name: "mail", Kind: v(), Path: "/x"}} },
		func() { s.Sources = []vitrine.Source{{Name: "mail", Kind: "maildir", Path: v()}} },
		func() { s.SealTo = []string{v(), v()} },
		func() { s.Received = time.Unix(rapid.Int64Range(-1e11, 1e12).Draw(t, "received"), 0) },
		func() { s.Received = s.Received.Add(time.Millisecond) },
		func() { s.Need = rapid.IntRange(-1, 3).Draw(t, "need") },
		func() { s.Approvers = []mandate.Approver{{Name: v(), Fingerprint: s.Approvers[0].Fingerprint}} },
		func() { s.Approvers = []mandate.Approver{{Name: "a", Fingerprint: v()}} },
	}
	for range rapid.IntRange(1, 3).Draw(t, "fields") {
		rapid.SampledFrom(fields).Draw(t, "field")()
	}
}

// TestNoInjection puts hostile values where values can stand: a statement that
// passes Check has a text of the specified form that reads back as the very
// same values, and one that does not pass is never mandated.
func TestNoInjection(t *testing.T) {
	a := newPerson(t, "a")
	p := policy(t, 1, a)
	passed, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		s := statementOf(t, p)
		drawHostile(rt, &s)
		text := s.Text()
		back, err := mandate.ParseStatement([]byte(text))
		if s.Check() == nil {
			passed++
			if err != nil || back.Text() != text || valuesOf(back) != valuesOf(s) {
				rt.Fatalf("reads back otherwise (%v):\n%s", err, text)
			}
			if !statementGrammar.MatchString(text) || !plainText(text) {
				rt.Fatalf("not of the specified form:\n%s", text)
			}
			return
		}
		refused++
		if err == nil && valuesOf(back) == valuesOf(s) {
			rt.Fatalf("refused for nothing:\n%s", text)
		}
		q := mandate.Policy{Need: s.Need, Approvers: s.Approvers}
		for _, q := range []mandate.Policy{p, q} {
			if m, err := q.Verify(s, []vitrine.Approval{a.sign(t, mandate.Namespace, text, sshsig.HashSHA512)}, now); err == nil || m.Valid() {
				rt.Fatalf("mandated:\n%s", text)
			}
		}
	})
	if passed == 0 || refused == 0 {
		t.Errorf("%d passed, %d refused: the test shows nothing", passed, refused)
	}
}

// TestOneIsNotTwo: a value whose line would be read as two lines is refused.
func TestOneIsNotTwo(t *testing.T) {
	p := policy(t, 1, newPerson(t, "a"))
	for name, change := range map[string]func(*mandate.Statement, string){
		"keyword":       func(s *mandate.Statement, v string) { s.Scope.Keywords = []string{v} },
		"correspondent": func(s *mandate.Statement, v string) { s.Scope.Correspondents = []string{v} },
		"article":       func(s *mandate.Statement, v string) { s.Articles = []string{v} },
	} {
		s, line := statementOf(t, p), "b@c"
		change(&s, "a@c\n"+(name + ":                  ")[:19]+line)
		if back, err := mandate.ParseStatement([]byte(s.Text())); err != nil || s.Check() == nil {
			t.Errorf("%s: read as %+v (%v), and passed", name, back.Scope, err)
		}
	}
}

func FuzzStatement(f *testing.F) {
	p := policy(f, 1, newPerson(f, "a"))
	s := statementOf(f, p)
	f.Add([]byte(s.Text()))
	s.Scope.Zone, s.Scope.Correspondents = "", nil
	f.Add([]byte(s.Text()))
	s.Scope.Keywords = []string{"grey heron", "müller"}
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
		if !statementGrammar.Match(b) || !plainText(string(b)) {
			t.Fatalf("accepted, but not of the specified form: %q", b)
		}
		if err := s.Check(); err != nil {
			t.Fatalf("what was read does not pass: %v", err)
		}
	})
}
