package keyring

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/vitrine-project/vitrine"
)

// Approve makes or reads one approver's signature over text. path is a private
// key file, or a .pub whose key an ssh-agent holds, or a .sig that ssh-keygen
// wrote. passphrase is asked for an encrypted private key; nil: there is
// nobody to ask.
func Approve(path, namespace string, text []byte, passphrase func(path string) ([]byte, error)) (vitrine.Approval, error) {
	switch {
	case strings.HasSuffix(path, ".sig"):
		b, err := readPublic(path)
		// Signatures have LF alone; a file from Windows may have gained CRs.
		return vitrine.Approval{Signature: strings.ReplaceAll(string(b), "\r\n", "\n")}, err
	case strings.HasSuffix(path, ".pub"):
		return askAgent(path, namespace, text)
	}
	signer, err := readSigner(path, passphrase)
	if err != nil {
		return vitrine.Approval{}, err
	}
	sig, err := sign(signer, namespace, text)
	return vitrine.Approval{Signature: string(sig)}, err
}

// askAgent has the ssh-agent sign with the key whose public half is at path.
func askAgent(path, namespace string, text []byte) (vitrine.Approval, error) {
	b, err := readPublic(path)
	if err != nil {
		return vitrine.Approval{}, err
	}
	want, _, _, _, err := ssh.ParseAuthorizedKey(b)
	if err != nil {
		return vitrine.Approval{}, vitrine.Refusef(vitrine.Usage, "%s is not an SSH public key: check the path", path)
	}
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return vitrine.Approval{}, vitrine.Refusef(vitrine.Usage, "%s: no ssh-agent is running (SSH_AUTH_SOCK is not set): start one and ssh-add the key, or give the private key file", path)
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return vitrine.Approval{}, vitrine.Refusef(vitrine.Failed, "%s: the ssh-agent does not answer: %v", path, err)
	}
	defer conn.Close()
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		return vitrine.Approval{}, vitrine.Refusef(vitrine.Failed, "%s: the ssh-agent does not list its keys: %v", path, err)
	}
	for _, s := range signers {
		if bytes.Equal(s.PublicKey().Marshal(), want.Marshal()) {
			sig, err := sign(s, namespace, text)
			return vitrine.Approval{Signature: string(sig)}, err
		}
	}
	return vitrine.Approval{}, vitrine.Refusef(vitrine.Usage, "%s: the ssh-agent does not hold this key: ssh-add it", path)
}

// readPublic reads a small file that is no secret.
func readPublic(path string) ([]byte, error) {
	return readSmall(path, "key or signature file", func(fs.FileMode) error { return nil })
}
