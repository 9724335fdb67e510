package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// MaxFile bounds a file of a published directory, in bytes.
const MaxFile = 64 << 20

// Unread is a file that is there, or may be, and could not be read. It says
// nothing against the directory.
type Unread struct {
	Path string
	Err  error
}

func (u *Unread) Error() string { return fmt.Sprintf("read %s: %v", u.Path, u.Err) }
func (u *Unread) Unwrap() error { return u.Err }

// Files reads a published directory from a file system. What is not there is
// fs.ErrNotExist; what cannot be read is Unread.
func Files(dir fs.FS) Fetch {
	return func(path string) ([]byte, error) {
		f, err := dir.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fs.ErrNotExist
		}
		if err != nil {
			return nil, &Unread{path, err}
		}
		defer f.Close()
		return ReadFile(f, path)
	}
}

// ReadFile reads a file to its end, if it is not too long.
func ReadFile(r io.Reader, path string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err == nil && len(b) > MaxFile {
		err = fmt.Errorf("it is longer than %d MiB", MaxFile>>20)
	}
	if err != nil {
		return nil, &Unread{path, err}
	}
	return b, nil
}
