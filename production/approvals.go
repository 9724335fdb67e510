package production

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
)

// papers are the names of the tag files that begin and end so, sorted.
func (v *verification) papers(prefix, suffix string) []string {
	var names []string
	for name := range v.record.Tags {
		if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// signatures reads the approvers' signatures whose names begin with prefix;
// there must be one.
func (v *verification) signatures(prefix, over string) ([][]byte, error) {
	var out [][]byte
	for _, name := range v.papers(prefix, ".sig") {
		b, err := v.read(name, maxLine)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	if len(out) == 0 {
		return nil, unverified("%s has no approver's signature", over)
	}
	return out, nil
}

// mandate checks that the bag holds the statement it was made under, with
// signatures.
func (v *verification) mandate() error {
	statement, err := v.read(nameStatement, maxRecord)
	if err != nil {
		return err
	}
	if vitrine.DigestOf(statement) != v.record.Mandate {
		return unverified("%s is not the mandate that the record names", nameStatement)
	}
	sigs, err := v.signatures("mandate/", nameStatement)
	if err != nil {
		return err
	}
	if v.trust.Mandate == nil {
		v.report.say("%d approvers' signatures lie with the mandate; not checked whose", len(sigs))
		return nil
	}
	if err := v.trust.Mandate(v.about(), statement, sigs); err != nil {
		return unverified("the mandate is not signed by those you trust: %v", err)
	}
	v.report.say("the mandate is signed by enough of the approvers you trust")
	return nil
}

// about is what the signed record says of the mandate's and rulings' subject.
func (v *verification) about() About {
	r := v.record
	return About{r.Demand, vitrine.AuthorityID(r.Authority), r.Reference, r.Mandate, r.Hold}
}

// rulings checks each ruling in the bag.
func (v *verification) rulings() error {
	texts := v.papers("ruling/", ".txt")
	for n := range texts {
		if err := v.ruling(n + 1); err != nil {
			return err
		}
	}
	switch r := v.record; {
	case v.trust.Ruling == nil && len(texts) > 0:
		v.report.say("%d rulings on undeterminable items lie in the bag; not checked whose", len(texts))
	case v.trust.Ruling != nil && int64(len(v.ruled)) != r.Collection.Undeterminable-r.Open-r.Withheld:
		return unverified("%d undeterminable items are neither open nor withheld, %d were ruled to be produced", r.Collection.Undeterminable-r.Open-r.Withheld, len(v.ruled))
	}
	return nil
}

func (v *verification) ruling(n int) error {
	name := fmt.Sprintf("ruling/%d.txt", n)
	if _, ok := v.record.Tags[name]; !ok {
		return unverified("%s is missing: rulings have the numbers 1, 2, …", name)
	}
	text, err := v.read(name, maxRecord)
	if err != nil {
		return err
	}
	sigs, err := v.signatures(fmt.Sprintf("ruling/%d.", n), name)
	if err != nil {
		return err
	}
	if v.trust.Ruling == nil {
		return nil
	}
	produced, err := v.trust.Ruling(v.about(), text, sigs)
	if err != nil {
		return unverified("%s is not signed by those you trust: %v", name, err)
	}
	maps.Copy(v.ruled, produced)
	return nil
}
