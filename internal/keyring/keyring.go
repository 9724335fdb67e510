// Package keyring holds private keys and never returns one: it signs and it
// unseals. Keys are files that only their owner may read (OpenSSH private keys
// and age identities), or stay in an ssh-agent. Signatures are SSHSIG
// (PROTOCOL.sshsig of OpenSSH) over SHA-512.
package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
)

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
