package mandate

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Limits of one armored signature.
const (
	maxSignature = 16 << 10 // bytes
	maxLine      = 76       // characters of base64 on a line
)

const (
	armorBegin = "-----BEGIN SSH SIGNATURE-----"
	armorEnd   = "-----END SSH SIGNATURE-----"
)

var errArmor = errors.New("it is not an SSH signature: want the file that ssh-keygen -Y sign writes, and nothing else in it")

// unarmor reads one armored signature that stands alone. It refuses bytes that
// would not be written so, since they could be changed without its being seen.
func unarmor(s string) (*sshsig.Signature, error) {
	blob, err := dearmor(s)
	if err != nil {
		return nil, err
	}
	sig, err := sshsig.ParseSignature(blob)
	if err != nil {
		return nil, errArmor
	}
	if sig.HashAlgorithm.Supported() != nil {
		return nil, fmt.Errorf("it uses the hash %q: want sha512 or sha256", sig.HashAlgorithm)
	}
	if !bytes.Equal(sig.Marshal(), blob) || !minimal(sig.Signature) {
		return nil, errArmor
	}
	return sig, nil
}

// dearmor returns the bytes between the two marker lines. Lines end in LF, as
// ssh-keygen insists too; all lines of base64 but the last are as long as the
// first.
func dearmor(s string) ([]byte, error) {
	if len(s) > maxSignature {
		return nil, errArmor
	}
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	last := len(lines) - 2
	if last < 1 || lines[0] != armorBegin || lines[last+1] != armorEnd {
		return nil, errArmor
	}
	width := len(lines[1])
	for i, line := range lines[1 : last+1] {
		if line == "" || len(line) > min(width, maxLine) || i+1 < last && len(line) != width {
			return nil, errArmor
		}
	}
	text := strings.Join(lines[1:last+1], "")
	blob, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.Contains(text, "\r") { // which DecodeString skips
		return nil, errArmor
	}
	return blob, nil
}

// minimal reports whether nothing stands in a signature that verifying would
// skip: bytes after it, or zeros before a number.
func minimal(s *ssh.Signature) bool {
	ecdsa := strings.HasPrefix(s.Format, "ecdsa-") || s.Format == ssh.KeyAlgoSKECDSA256
	if ecdsa {
		var rs struct{ R, S *big.Int }
		if ssh.Unmarshal(s.Blob, &rs) != nil || !bytes.Equal(ssh.Marshal(rs), s.Blob) {
			return false
		}
	}
	if s.Format == ssh.KeyAlgoSKED25519 || s.Format == ssh.KeyAlgoSKECDSA256 {
		return len(s.Rest) == 1+4 // flags and counter
	}
	return len(s.Rest) == 0
}
