package mandate

import (
	"fmt"
	"strings"

	"github.com/vitrine-project/vitrine"
)

// Class is how the ledger of process that may be told in bands only is run: the
// class as a whole, never one demand. Counsel signs it.
type Class struct {
	Origin      string // of the ledger
	Publication string // auditor, after-embargo or live
	Structure   string // of 50 U.S.C. § 1874(a), such as us/1874-a3
	Period      string // calendar-half or calendar-year
	Lag         string // such as 720h
}

const classHead = `Vitrine restricted class, version 1

Whoever signs this text approves, as counsel, that all process of this class is
counted and published as said here, from the next period on, whatever comes.

`

// Text is the one text that is signed: spec/mandate.md.
func (c Class) Text() string {
	return classHead + fmt.Sprintf("origin:      %s\npublication: %s\nstructure:   %s\nperiod:      %s\nlag:         %s\n", c.Origin, c.Publication, c.Structure, c.Period, c.Lag)
}

// VerifyClass refuses a signature over c that is not that of the approver named
// counsel.
func (p Policy) VerifyClass(c Class, counsel string, a vitrine.Approval) error {
	for _, v := range []string{c.Origin, c.Publication, c.Structure, c.Period, c.Lag} {
		if v == "" || strings.ContainsAny(v, "\r\n") {
			return vitrine.Refusef(vitrine.Usage, "a setting of the restricted class is %q: want one line", v)
		}
	}
	return p.VerifyCounsel(c.Text(), counsel, a)
}

// VerifyCounsel refuses a signature over a text that is not that of the approver
// named counsel.
func (p Policy) VerifyCounsel(text, counsel string, a vitrine.Approval) error {
	i, err := p.signer(text, a)
	if err != nil {
		return err
	}
	if p.Approvers[i].Name != counsel {
		return fmt.Errorf("%s signed, and counsel is %s", p.Approvers[i].Name, counsel)
	}
	return nil
}
