package mandate_test

import (
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/mandate"
)

// TestClass: counsel alone signs how a class is run, and each setting stands in
// what is signed.
func TestClass(t *testing.T) {
	c := mandate.Class{Origin: "glass.example/restricted", Publication: "live", Structure: "us/1874-a3", Period: "calendar-half", Lag: "720h0m0s"}
	people := []person{newPerson(t, "counsel"), newPerson(t, "director")}
	p := policy(t, 2, people...)
	var approvals []vitrine.Approval
	for _, who := range people {
		approvals = append(approvals, who.sign(t, mandate.Namespace, c.Text(), sshsig.HashSHA512))
	}
	if err := p.VerifyClass(c, "counsel", approvals[0]); err != nil {
		t.Error(err)
	}
	if err := p.VerifyClass(c, "counsel", approvals[1]); err == nil || !strings.Contains(err.Error(), "director signed") {
		t.Errorf("the director's signature: %v", err)
	}
	for _, other := range []mandate.Class{
		{"other.example", c.Publication, c.Structure, c.Period, c.Lag}, {c.Origin, "auditor", c.Structure, c.Period, c.Lag}, {c.Origin, c.Publication, "us/1874-a1", c.Period, c.Lag},
		{c.Origin, c.Publication, c.Structure, "calendar-year", c.Lag}, {c.Origin, c.Publication, c.Structure, c.Period, "24h0m0s"}, {c.Origin, c.Publication, c.Structure, c.Period, "720h0m0s\n"},
	} {
		if err := p.VerifyClass(other, "counsel", approvals[0]); err == nil {
			t.Errorf("the signature is taken for %+v", other)
		}
	}
}
