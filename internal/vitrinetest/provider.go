// Package vitrinetest is a whole small provider in a temporary directory, for
// tests: a desk on a real database, a Maildir, three approvers with keys, one
// authority, and a clock. Nothing in it is a stand-in.
package vitrinetest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/authority"
	"github.com/vitrine-project/vitrine/internal/blob"
	"github.com/vitrine-project/vitrine/internal/casework"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/collect/mail"
	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/internal/sequencer"
	"github.com/vitrine-project/vitrine/internal/store"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
	"github.com/vitrine-project/vitrine/mandate"
)

// Provider is the desk and what lies around it.
type Provider struct {
	*casework.Desk
	Dir       string
	Identity  string              // the authority's age identity file
	Ticks     int                 // so many a period of a ledger, in place of daily ones
	Witnesses []sequencer.Witness // that a ledger takes, all of them
	approvers []ssh.Signer
}

// Now is when everything happens.
var Now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// Month is October 2026, in which alice has two messages; a third is later.
func Month(t testing.TB) vitrine.Period {
	t.Helper()
	p, err := vitrine.NewPeriod(time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	must(t, err)
	return p
}

// New builds a provider on SQLite, or on the database of that URL.
func New(t testing.TB, database string) *Provider {
	t.Helper()
	dir := t.TempDir()
	p := &Provider{Dir: dir, Identity: filepath.Join(dir, "court.key"), Desk: &casework.Desk{
		Provider: "Glass Mail", Outbox: filepath.Join(dir, "out"), Spool: filepath.Join(dir, "spool"), Unfinished: filepath.Join(dir, "unfinished"), Now: func() time.Time { return Now },
	}}
	must(t, os.Mkdir(p.Spool, 0o700))
	p.mail(t)
	p.people(t)
	for d, name := range map[**blob.Dir]string{&p.Originals: "originals", &p.Holds: "holds", &p.Packages: "packages"} {
		opened, err := blob.OpenDir(filepath.Join(dir, name))
		must(t, err)
		*d = opened
	}
	db, err := store.Open(t.Context(), store.Options{Dir: filepath.Join(dir, "data"), URL: database, Now: func() time.Time { return p.Now() }})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	p.DB = db
	return p
}

func (p *Provider) mail(t testing.TB) {
	t.Helper()
	for _, sub := range []string{"cur", "new", "tmp"} {
		must(t, os.MkdirAll(filepath.Join(p.Dir, "mail", "alice", sub), 0o700))
	}
	for i, at := range []time.Time{Month(t).From(), Month(t).To().Add(-time.Second), Month(t).To()} {
		name := filepath.Join(p.Dir, "mail", "alice", "cur", fmt.Sprintf("%d.M%d.glass:2,S", at.Unix(), i))
		must(t, os.WriteFile(name, fmt.Appendf(nil, "From: bob@example.org\nDate: %s\n\nmessage %d\n", at.Format(time.RFC1123Z), i), 0o600))
	}
	source, err := mail.Maildir("mail", filepath.Join(p.Dir, "mail", "{account}"))
	must(t, err)
	p.Sources = []collect.Configured{{Source: source, MayWrite: "a test"}}
}

func (p *Provider) people(t testing.TB) {
	t.Helper()
	_, err := keyring.NewSSHKey(filepath.Join(p.Dir, "provider"), "provider")
	must(t, err)
	_, err = keyring.NewAgeKey(filepath.Join(p.Dir, "hold"))
	must(t, err)
	p.Ring, err = keyring.Load(filepath.Join(p.Dir, "provider"), filepath.Join(p.Dir, "hold"))
	must(t, err)
	recipient, err := keyring.NewAgeKey(p.Identity)
	must(t, err)
	p.Directory, err = authority.NewDirectory([]authority.Entry{{ID: "us-x", Name: "The Court", SealTo: []string{recipient}}})
	must(t, err)
	p.Policy.Need = 2
	for _, name := range []string{"a", "b", "c"} {
		seed := sha256.Sum256([]byte(name))
		signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed[:]))
		must(t, err)
		approver, err := mandate.ParseApprover(name, string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
		must(t, err)
		p.approvers, p.Policy.Approvers = append(p.approvers, signer), append(p.Policy.Approvers, approver)
	}
}

// Submission is a search warrant for alice's content in Month.
func (p *Provider) Submission(t testing.TB) vitrine.Submission {
	t.Helper()
	return vitrine.Submission{
		Reference: "R-1", Authority: "us-x", Instrument: "us/search-warrant", Document: vitrine.Document{Name: "warrant.pdf"}, Received: Now.Add(-time.Hour),
		Asked: vitrine.Scope{Accounts: []vitrine.Account{"alice"}, Categories: []vitrine.Category{vitrine.Content}, Period: Month(t), Clock: vitrine.ClockReceived},
	}
}

// Count gives the provider a ledger of a class, which begins at its clock's
// present with daily ticks, or as many as Ticks says, and nobody who watches.
func (p *Provider) Count(t testing.TB, class ledger.Class, sheets ...string) *casework.Book {
	t.Helper()
	dir := filepath.Join(p.Dir, "ledger", string(class))
	origin := "glass.example/" + string(class)
	keys := map[string]*keyring.Notary{}
	for name, as := range map[string]string{"log": origin, "promise": origin + "/promise", "report": origin + "/report"} {
		path := filepath.Join(p.Dir, "keys", string(class), name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, keyring.NewNoteKey(path, as))
		k, err := keyring.OpenNotary(path)
		must(t, err)
		keys[name] = k
	}
	b := &casework.Book{Promises: keys["promise"], Reports: keys["report"], Counting: casework.Counting{
		Class: class, Origin: origin, Cadence: law.Months, Delta: 24 * time.Hour, Lag: 24 * time.Hour, Ticks: p.Ticks, Sheets: sheets, Publication: ledger.Live, Audit: ledger.AuditRule{Randomness: "none", Sample: 60},
		Keys: ledger.Keys{Log: keys["log"].Public(), Promise: []string{keys["promise"].Public()}, Report: keys["report"].Public()},
	}}
	for _, w := range p.Witnesses {
		b.Counting.Witnesses.Quorum++
		b.Counting.Witnesses.Keys = append(b.Counting.Witnesses.Keys, ledger.Witness{Key: w.Key, Organisation: w.Key})
	}
	b.Sealer = keyring.NewPeriods(filepath.Join(p.Dir, "keys", string(class)), string(class), b.NowPeriod)
	var err error
	b.Log, err = sequencer.Open(t.Context(), sequencer.Options{Dir: dir, Signer: keys["log"], Witnesses: p.Witnesses, Seal: b.Sealer, Rand: rand.Reader, Now: func() time.Time { return p.Now() }})
	must(t, err)
	t.Cleanup(func() { must(t, b.Log.Close()) })
	if p.Books == nil {
		p.Books = map[ledger.Class]*casework.Book{}
	}
	p.Books[class] = b
	must(t, p.Prepare(t.Context()))
	return b
}

// Signed are n approvers' signatures over a text.
func (p *Provider) Signed(t testing.TB, text string, n int) []vitrine.Approval {
	t.Helper()
	var out []vitrine.Approval
	for _, who := range p.approvers[:n] {
		sig, err := sshsig.Sign(strings.NewReader(text), who, sshsig.HashSHA512, mandate.Namespace)
		must(t, err)
		out = append(out, vitrine.Approval{Signature: string(sshsig.Armor(sig))})
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
