// Package signed makes mandates for tests below the desk: a statement on a
// given scope and sources, really signed by one approver's key.
package signed

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/mandate"
)

// Now is when the mandate is signed.
var Now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// Mandate returns a mandate for a scope and sources.
func Mandate(t testing.TB, scope vitrine.Scope, sources ...vitrine.Source) mandate.Mandate {
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
		Received: Now, Scope: scope, Sources: sources, SealTo: []string{"SHA256:" + strings.Repeat("A", 43)}, Need: 1, Approvers: policy.Approvers,
	}
	sig, err := sshsig.Sign(strings.NewReader(st.Text()), signer, sshsig.HashSHA512, mandate.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	m, err := policy.Verify(st, []vitrine.Approval{{Signature: string(sshsig.Armor(sig))}}, Now)
	if err != nil {
		t.Fatalf("%v\n%s", err, st.Text())
	}
	return m
}
