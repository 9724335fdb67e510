// Package keyring holds private keys and never returns one: it signs and it
// unseals. Keys are files that only their owner may read (OpenSSH private keys
// and age identities), or stay in an ssh-agent. Signatures are SSHSIG
// (PROTOCOL.sshsig of OpenSSH) over SHA-512.
package keyring

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
)

// maxKeyFile bounds a key, identity or signature file, in bytes.
const maxKeyFile = 1 << 20

// Ring holds the provider's two keys: the one that signs packages, and the one
// that holds are sealed to.
type Ring struct {
	signer ssh.Signer
	hold   *Identity
	sealTo age.Recipient
}

// Load reads the provider's SSH private key and the age identity for holds.
func Load(providerKey, holdKey string) (*Ring, error) {
	signer, err := readSigner(providerKey, nil)
	if err != nil {
		return nil, err
	}
	hold, err := OpenIdentity(holdKey)
	if err != nil {
		return nil, err
	}
	to, err := hold.recipient()
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%s: %v", holdKey, err)
	}
	return &Ring{signer, hold, to}, nil
}

// Public is the public key that packages are checked against.
func (r *Ring) Public() ssh.PublicKey { return r.signer.PublicKey() }

// Sign returns the provider's armored signature over message.
func (r *Ring) Sign(namespace string, message []byte) ([]byte, error) {
	return sign(r.signer, namespace, message)
}

// HoldRecipient is whom holds are sealed to.
func (r *Ring) HoldRecipient() age.Recipient { return r.sealTo }

// Unseal gives access to the plain bytes of a hold of the given sealed size,
// and says how many there are. Every read is authenticated.
func (r *Ring) Unseal(sealed io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	return r.hold.Unseal(sealed, size)
}

func sign(signer ssh.Signer, namespace string, message []byte) ([]byte, error) {
	sig, err := sshsig.Sign(bytes.NewReader(message), signer, sshsig.HashSHA512, namespace)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return sshsig.Armor(sig), nil
}

// Identity is an age identity file: it unseals what was sealed to it.
type Identity struct {
	path       string
	identities []age.Identity
}

// OpenIdentity reads an age identity file, as age-keygen or vitrine init write it.
func OpenIdentity(path string) (*Identity, error) {
	b, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	ids, err := age.ParseIdentities(bytes.NewReader(b))
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%s holds no age identity (a line that begins with AGE-SECRET-KEY-): check which file this is", path)
	}
	return &Identity{path, ids}, nil
}

// Unseal gives access to the plain bytes of a file sealed to the identity.
func (i *Identity) Unseal(sealed io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	plain, n, err := age.DecryptReaderAt(sealed, size, i.identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, 0, vitrine.Refusef(vitrine.Failed, "it is not sealed to the identity in %s: use the key whose fingerprint the record beside the package names (vitrine fingerprint KEY prints it)", i.path)
	case err != nil:
		return nil, 0, vitrine.Refusef(vitrine.Unverified, "it is not a whole sealed file: %v", err)
	}
	return plain, n, nil
}

// Recipient is the text of the one recipient that the identity belongs to.
func (i *Identity) Recipient() (string, error) {
	r, err := i.recipient()
	if err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "%s: %v", i.path, err)
	}
	return fmt.Sprint(r), nil
}

func (i *Identity) recipient() (age.Recipient, error) {
	if len(i.identities) != 1 {
		return nil, fmt.Errorf("want one identity, found %d", len(i.identities))
	}
	switch id := i.identities[0].(type) {
	case *age.X25519Identity:
		return id.Recipient(), nil
	case *age.HybridIdentity:
		return id.Recipient(), nil
	}
	return nil, fmt.Errorf("this kind of age identity cannot be used for holds")
}

// readPrivate reads a key file that only its owner may read.
func readPrivate(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, vitrine.Refusef(vitrine.Usage, "%s is not there: check the path", path)
	}
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	if !st.Mode().IsRegular() || st.Size() > maxKeyFile {
		return nil, vitrine.Refusef(vitrine.Usage, "%s is not a key file: check the path", path)
	}
	if strings.HasSuffix(path, ".pub") {
		return nil, vitrine.Refusef(vitrine.Usage, "%s is the public half of a key: give the private one", path)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, vitrine.Refusef(vitrine.Usage, "%s can be read by others: chmod 600 it, and consider whether the key is still secret", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	return b, nil
}

// readSigner reads an OpenSSH private key; passphrase is asked for an
// encrypted one.
func readSigner(path string, passphrase func(string) ([]byte, error)) (ssh.Signer, error) {
	b, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(b)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return unlock(path, b, passphrase)
	}
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%s is not an SSH private key: check the path (a signature's file ends in .sig, a public key's in .pub)", path)
	}
	return signer, nil
}

func unlock(path string, b []byte, passphrase func(string) ([]byte, error)) (ssh.Signer, error) {
	if passphrase == nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%s has a passphrase, which nobody can enter here: use a key without one, readable by its owner alone", path)
	}
	phrase, err := passphrase(path)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKeyWithPassphrase(b, phrase)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Failed, "the passphrase does not open %s: try again", path)
	}
	return signer, nil
}

// NewSSHKey writes a new ed25519 key to path and its public line to path.pub,
// and returns that line. Neither file may exist.
func NewSSHKey(path, comment string) (string, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " " + comment + "\n"
	if err := writeNew(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return "", err
	}
	return line, writeNew(path+".pub", []byte(line), 0o644)
}

// NewAgeKey writes a new age identity to path, which must not exist, and
// returns its recipient.
func NewAgeKey(path string) (string, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	text := fmt.Sprintf("# public key: %s\n%s\n", id.Recipient(), id)
	return id.Recipient().String(), writeNew(path, []byte(text), 0o600)
}

func writeNew(path string, b []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return vitrine.Refusef(vitrine.Usage, "%s is there already: a key is never overwritten", path)
	}
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}
