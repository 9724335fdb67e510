package mail_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/mandate"
	"github.com/vitrine-project/vitrine/production"
)

var today = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// signed returns a mandate for a scope and the sources, signed by one approver.
func signed(t testing.TB, scope vitrine.Scope, sources ...collect.Source) mandate.Mandate {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	approver, err := mandate.ParseApprover("counsel", string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	if err != nil {
		t.Fatal(err)
	}
	policy := mandate.Policy{Need: 1, Approvers: []mandate.Approver{approver}}
	st := mandate.Statement{
		Demand: "abcdefghijklmnop", Reference: "26-CR-118", Authority: "us-dc-wawd", AuthorityName: "U.S. District Court",
		Instrument: "us/search-warrant", InstrumentName: "search warrant", Articles: []string{"18 U.S.C. § 2703(a)"}, Document: vitrine.DigestOf(nil),
		Received: today, Scope: scope, SealTo: []string{"SHA256:" + strings.Repeat("A", 43)}, Need: 1, Approvers: policy.Approvers,
	}
	for _, s := range sources {
		st.Sources = append(st.Sources, s.Declaration())
	}
	sig, err := sshsig.Sign(strings.NewReader(st.Text()), signer, sshsig.HashSHA512, mandate.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	m, err := policy.Verify(st, []vitrine.Approval{{Signature: string(sshsig.Armor(sig))}}, today)
	if err != nil {
		t.Fatalf("%v\n%s", err, st.Text())
	}
	return m
}

// held is a hold in memory.
type held struct {
	items []production.Item
	bytes [][]byte
}

func (h *held) Add(it production.Item, r io.Reader) (production.Item, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return it, err
	}
	it.Number, it.Size, it.SHA256 = int64(len(h.items)+1), int64(len(b)), vitrine.DigestOf(b)
	h.items, h.bytes = append(h.items, it), append(h.bytes, b)
	return it, nil
}

// collected runs a mandate.
func collected(t testing.TB, m mandate.Mandate, sources ...collect.Source) (vitrine.Collection, *held) {
	t.Helper()
	h := &held{}
	c, err := collect.Run(context.Background(), m, sources, h, func() time.Time { return today }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Closed() || c.In+c.Undeterminable != int64(len(h.items)) {
		t.Fatalf("the sums do not close: %+v, %d held", c.Counts, len(h.items))
	}
	return c, h
}

// scopeOf is a scope of one account's content.
func scopeOf(t testing.TB, from, to time.Time, clock vitrine.Clock, correspondents ...string) vitrine.Scope {
	t.Helper()
	p, err := vitrine.NewPeriod(from, to)
	if err != nil {
		t.Fatal(err)
	}
	s, err := vitrine.Scope{Accounts: []vitrine.Account{"alice"}, Categories: []vitrine.Category{vitrine.Content}, Period: p, Clock: clock, Correspondents: correspondents}.Normal()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// opened is a source that could be opened.
func opened(t testing.TB) func(collect.Source, error) collect.Source {
	return func(s collect.Source, err error) collect.Source {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// hook is a hold that does something once so many items are in it.
type hook struct {
	*held
	after int
	do    func() error
}

func (h *hook) Add(it production.Item, r io.Reader) (production.Item, error) {
	it, err := h.held.Add(it, r)
	if err == nil && len(h.items) == h.after {
		err = h.do()
	}
	return it, err
}
