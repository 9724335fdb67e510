package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// MaxFile bounds a file that somebody names, in bytes.
const MaxFile = 64 << 20

// Limit bounds a file of a published directory, by its path: what a directory
// says of itself must not fill the memory of whoever checks it.
func Limit(name string) int64 {
	rest, ok := strings.CutPrefix(name, "ledger/")
	_, kind, in := strings.Cut(rest, "/")
	first, _, _ := strings.Cut(kind, "/")
	switch {
	case !ok || !in:
		return 16 << 20 // pages, reports, and what checks them
	case strings.HasPrefix(kind, "tile/entries/"), first == "trailers":
		return 1 << 15 // a trailer of 255 sheets behind 255 leaves
	case first == "tile":
		return 32 * BundleSize
	case first == "checkpoint", first == "checkpoints":
		return 1 << 16
	case first == "notices.json":
		return 8 << 20
	}
	return maxHeader // headers and documents
}

// ErrTooLong says that a file is longer than its limit.
var ErrTooLong = errors.New("longer than such a file may be")

// Unread is a file that is there, or may be, and could not be read. It says
// nothing against the directory.
type Unread struct {
	Path string
	Err  error
}

func (u *Unread) Error() string { return fmt.Sprintf("read %s: %v", u.Path, u.Err) }
func (u *Unread) Unwrap() error { return u.Err }

// Files reads a published directory from a file system. What is not there is
// fs.ErrNotExist; what cannot be read is Unread. What is no file, or is reached
// by a link out of the directory, is refused before it is opened: to open a
// pipe may take for ever.
func Files(dir fs.FS) Fetch {
	return func(name string) ([]byte, error) {
		st, err := fs.Stat(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fs.ErrNotExist
		}
		if err != nil && strings.Contains(err.Error(), "escapes") {
			return nil, fmt.Errorf("%s is reached by a link out of the directory: put the file itself there", name)
		}
		if err == nil && !st.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is no regular file: put a file there", name)
		}
		var f fs.File
		if err == nil {
			f, err = dir.Open(name)
		}
		if err != nil {
			return nil, &Unread{name, err}
		}
		defer f.Close()
		return ReadFile(f, name, Limit(name))
	}
}

// ReadFile reads a file to its end, if it is not longer than a limit.
func ReadFile(r io.Reader, name string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, &Unread{name, err}
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is %w: %d bytes at most", name, ErrTooLong, limit)
	}
	return b, nil
}
