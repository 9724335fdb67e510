package mandate_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/mandate"
)

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
		Scope: vitrine.Scope{Accounts: []vitrine.Account{"Jörg Müller", "alice"}, Categories: []vitrine.Category{vitrine.Content}, Period: period, Clock: vitrine.ClockReceived,
			Zone: "America/Los_Angeles", Correspondents: []string{"x@example.org"}},
		Sources: []vitrine.Source{{Name: "mail", Kind: "maildir", Path: "/srv/mail of all/{account}"}}, SealTo: []string{"age:0001-0002"},
		Need: p.Need, Approvers: p.Approvers,
	}
}
