//go:build !js

package checking

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/BurntSushi/toml"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/mandate"
	"github.com/vitrine-project/vitrine/production"
)

// trustFile names the public keys that a package is checked against.
type trustFile struct {
	Provider string `toml:"provider"`
	Need     int    `toml:"need"`
	Approver []struct {
		Name string `toml:"name"`
		Key  string `toml:"key"`
	} `toml:"approver"`
}

// LoadTrust reads a trust file: the provider's key, and whose signatures make a
// mandate.
func LoadTrust(path string, now func() time.Time) (production.Trust, error) {
	b, err := readFile(path)
	if err != nil {
		return production.Trust{}, err
	}
	t, err := parseTrust(b, now)
	if err != nil {
		return t, vitrine.Refusef(vitrine.Usage, "%s: %v", path, err)
	}
	return t, nil
}

func parseTrust(b []byte, now func() time.Time) (production.Trust, error) {
	var f trustFile
	meta, err := toml.Decode(string(b), &f)
	if err == nil && len(meta.Undecoded()) > 0 {
		err = fmt.Errorf("%s is not known", meta.Undecoded()[0])
	}
	if err != nil {
		return production.Trust{}, fmt.Errorf("read trust file: %w", err)
	}
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(f.Provider))
	if err != nil || len(bytes.TrimSpace(rest)) > 0 {
		return production.Trust{}, errors.New("provider is not one SSH public key: give the line that the provider published")
	}
	policy := mandate.Policy{Need: f.Need}
	for _, a := range f.Approver {
		approver, err := mandate.ParseApprover(a.Name, a.Key)
		if err != nil {
			return production.Trust{}, fmt.Errorf("approver %q: %w", a.Name, err)
		}
		policy.Approvers = append(policy.Approvers, approver)
	}
	if err := policy.Check(); err != nil {
		return production.Trust{}, err
	}
	q := quorum{policy, now}
	return production.Trust{Provider: key, Mandate: q.mandate, Ruling: q.ruling}, nil
}

// quorum checks mandates and rulings of packages.
type quorum struct {
	policy mandate.Policy
	now    func() time.Time
}

func (q quorum) mandate(about production.About, statement []byte, signatures [][]byte) error {
	s, err := mandate.ParseStatement(statement)
	if err != nil {
		return err
	}
	if s.Demand != about.Demand || s.Authority != about.Authority || s.Reference != about.Reference {
		return fmt.Errorf("it is about demand %s (%s of %s), the package about %s (%s of %s)", s.Demand, s.Reference, s.Authority, about.Demand, about.Reference, about.Authority)
	}
	_, err = q.policy.Verify(s, approvals(signatures), q.now())
	return err
}

func (q quorum) ruling(about production.About, text []byte, signatures [][]byte) (map[int64]vitrine.Digest, error) {
	r, err := mandate.ParseRuling(text)
	if err != nil {
		return nil, err
	}
	if r.Demand != about.Demand || r.Mandate != about.Mandate || r.Hold != about.Hold {
		return nil, errors.New("it is about another collection than the package")
	}
	if _, err := q.policy.VerifyRuling(r, approvals(signatures)); err != nil {
		return nil, err
	}
	produced := map[int64]vitrine.Digest{}
	for _, it := range r.Items {
		if it.Produce {
			produced[it.Number] = it.SHA256
		}
	}
	return produced, nil
}

func approvals(signatures [][]byte) []vitrine.Approval {
	var list []vitrine.Approval
	for _, s := range signatures {
		list = append(list, vitrine.Approval{Signature: string(s)})
	}
	return list
}
