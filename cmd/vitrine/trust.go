package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/intake"
	"github.com/vitrine-project/vitrine/mandate"
	"github.com/vitrine-project/vitrine/production"
)

// trustFile names the public keys that a package is checked against: whoever
// verifies takes it from the provider by a channel other than the package's.
type trustFile struct {
	Provider string           `toml:"provider"`
	Need     int              `toml:"need"`
	Approver []ApproverConfig `toml:"approver"`
}

// trust is a trustFile, parsed.
type trust struct {
	provider ssh.PublicKey
	policy   mandate.Policy
}

func loadTrust(path string) (trust, error) {
	b, err := readFile(path)
	if err != nil {
		return trust{}, err
	}
	t, err := parseTrust(b)
	if err != nil {
		return t, inFile(path, err)
	}
	return t, nil
}

func parseTrust(b []byte) (trust, error) {
	var f trustFile
	if err := intake.Decode(b, &f); err != nil {
		return trust{}, err
	}
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(f.Provider))
	if err != nil || len(bytes.TrimSpace(rest)) > 0 {
		return trust{}, vitrine.Refusef(vitrine.Usage, "provider is not one SSH public key")
	}
	policy, err := Config{Quorum: QuorumConfig{f.Need}, Approver: f.Approver}.Policy()
	return trust{key, policy}, err
}

// production is the trust in the form that package production checks against.
// The zero trust checks nothing about who made a package.
func (t trust) production(now func() time.Time) production.Trust {
	if t.provider == nil {
		return production.Trust{}
	}
	return production.Trust{
		Provider: t.provider,
		Mandate: func(about production.About, statement []byte, signatures [][]byte) error {
			st, err := mandate.ParseStatement(statement)
			if err != nil {
				return err
			}
			if st.Demand != about.Demand || st.Authority != about.Authority || st.Reference != about.Reference {
				return fmt.Errorf("it is about demand %s (%s of %s), the package about %s (%s of %s)", st.Demand, st.Reference, st.Authority, about.Demand, about.Reference, about.Authority)
			}
			_, err = t.policy.Verify(st, approvals(signatures), now())
			return err
		},
		Ruling: func(about production.About, text []byte, signatures [][]byte) (map[int64]vitrine.Digest, error) {
			r, err := mandate.ParseRuling(text)
			if err != nil {
				return nil, err
			}
			if r.Demand != about.Demand || r.Mandate != about.Mandate || r.Hold != about.Hold {
				return nil, fmt.Errorf("it is about another collection than the package")
			}
			if _, err := t.policy.VerifyRuling(r, approvals(signatures)); err != nil {
				return nil, err
			}
			produced := map[int64]vitrine.Digest{}
			for _, it := range r.Items {
				if it.Produce {
					produced[it.Number] = it.SHA256
				}
			}
			return produced, nil
		},
	}
}

func approvals(signatures [][]byte) []vitrine.Approval {
	var out []vitrine.Approval
	for _, s := range signatures {
		out = append(out, vitrine.Approval{Signature: string(s)})
	}
	return out
}

// writeTrust writes the public keys of the config as a trust file.
func writeTrust(path string, c Config, provider ssh.PublicKey) error {
	f := trustFile{Provider: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(provider))), Need: c.Quorum.Need, Approver: c.Approver}
	var b bytes.Buffer
	b.WriteString("# The public keys that this provider's packages are checked against: vitrine verify --trust.\n")
	if err := toml.NewEncoder(&b).Encode(f); err != nil {
		return fmt.Errorf("write trust file: %w", err)
	}
	if err := replaceFile(path, b.Bytes()); err != nil {
		return fmt.Errorf("write trust file: %w", err)
	}
	return nil
}
