package keyring

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
)

// maxKeyFile bounds a key, identity or signature file, in bytes.
const maxKeyFile = 1 << 20

// readPrivate reads a key file that only its owner may read.
func readPrivate(path string) ([]byte, error) {
	return readSmall(path, "key file", func(m fs.FileMode) error {
		if m.Perm()&0o077 != 0 {
			return vitrine.Refusef(vitrine.Usage, "%s can be read by others: chmod 600 it, and consider whether the key is still secret", path)
		}
		return nil
	})
}

// readSmall reads a regular file of bounded size whose mode passes. What is
// checked is what was opened, whatever the path leads to by then.
func readSmall(path, what string, passes func(fs.FileMode) error) ([]byte, error) {
	// Opening a pipe would wait for somebody to write to it.
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, vitrine.Refusef(vitrine.Usage, "%s is not there: check the path", path)
	}
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	notOne := vitrine.Refusef(vitrine.Usage, "%s is not a %s: check the path", path, what)
	if !st.Mode().IsRegular() {
		return nil, notOne
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	defer f.Close()
	if st, err = f.Stat(); err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	if err := passes(st.Mode()); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	if len(b) > maxKeyFile {
		return nil, notOne
	}
	return b, nil
}

// NewSSHKey writes a new ed25519 key to path and its public line to path.pub,
// and returns that line. Neither file may exist.
func NewSSHKey(path, comment string) (string, error) {
	if err := vitrine.Plain("the key's comment", comment); err != nil {
		return "", err
	}
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
	line := strings.TrimSpace(strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))+" "+comment) + "\n"
	// The public half first: a private key that lies there is whole.
	if err := writeNew(path+".pub", []byte(line), 0o644); err != nil {
		return "", err
	}
	if err := writeNew(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return "", errors.Join(err, os.Remove(path+".pub"))
	}
	return line, nil
}

// NewAgeKey writes a new age identity to path, which must not exist, and
// returns its recipient.
func NewAgeKey(path string) (string, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	text := fmt.Sprintf("# public key: %s\n%s\n", id.Recipient(), id)
	if err := writeNew(path, []byte(text), 0o600); err != nil {
		return "", err
	}
	return id.Recipient().String(), nil
}

// writeNew writes a file that is not there yet, whole and on the disk, or
// leaves none under that name, wherever it is stopped: data that is sealed to a
// lost key is lost.
func writeNew(path string, b []byte, mode fs.FileMode) error {
	if _, err := os.Lstat(path); err == nil {
		return taken(path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".unfinished-*")
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = errors.Join(f.Chmod(mode), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Link(f.Name(), path) // unlike a renaming, it replaces nothing
	}
	err = errors.Join(err, os.Remove(f.Name()))
	if errors.Is(err, fs.ErrExist) {
		return taken(path)
	}
	if err == nil {
		err = syncDir(path)
	}
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}

func taken(path string) error {
	return vitrine.Refusef(vitrine.Usage, "%s is there already: a key is never overwritten", path)
}

func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
