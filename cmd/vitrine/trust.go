package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
	"golang.org/x/crypto/ssh"
)

// trustFile names the public keys that a package is checked against: whoever
// verifies takes it from the provider by a channel other than the package's.
type trustFile struct {
	Provider string           `toml:"provider"`
	Need     int              `toml:"need"`
	Approver []ApproverConfig `toml:"approver"`
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
