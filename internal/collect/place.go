package collect

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine"
)

// accountMark is where in a path the account stands.
const accountMark = "{account}"

// Pattern is a source's path, cut at the account.
type Pattern struct {
	Base   string   // the directory that holds an entry for each account
	Suffix string   // what the entry's name has behind the account
	Rest   []string // names below the entry
}

// ParsePattern cuts a path at {account}, which is one of its elements or, with
// a suffix, the beginning of the last one.
func ParsePattern(path, suffix string) (Pattern, error) {
	if strings.Count(path, accountMark) != 1 {
		return Pattern{}, fmt.Errorf("path %q: want {account} in it, once", path)
	}
	elements := strings.Split(path, "/")
	i := slices.IndexFunc(elements, func(e string) bool { return strings.Contains(e, accountMark) })
	p := Pattern{Base: strings.Join(elements[:i], "/"), Rest: elements[i+1:]}
	if p.Base == "" {
		p.Base = "."
		if i > 0 {
			p.Base = "/"
		}
	}
	switch elements[i] {
	case accountMark:
	case accountMark + suffix:
		p.Suffix = suffix
	default:
		return Pattern{}, fmt.Errorf("path %q: %q is not {account} by itself", path, elements[i])
	}
	for _, e := range p.Rest {
		if e == "" || e == "." || e == ".." {
			return Pattern{}, fmt.Errorf("path %q: behind {account} want plain names", path)
		}
	}
	return p, nil
}

// Find returns the name of the account's entry, read from the directory and
// compared whole; "" if there is none.
func (p Pattern) Find(a vitrine.Account) (string, error) {
	dir, err := os.Open(p.Base)
	if err != nil {
		return "", CannotRead(p.Base, err)
	}
	defer dir.Close()
	want := string(a) + p.Suffix
	for {
		names, err := dir.Readdirnames(4096)
		if slices.Contains(names, want) {
			return want, nil
		}
		if len(names) == 0 {
			if err != nil && err != io.EOF {
				return "", CannotRead(p.Base, err)
			}
			return "", nil
		}
	}
}

// Names are the names that lead from base to what an account's entry holds.
func (p Pattern) Names(entry string, below ...string) []string {
	return slices.Concat([]string{entry}, p.Rest, below)
}

// Show is the path of names as people know it.
func (p Pattern) Show(names []string) string {
	return filepath.Join(p.Base, filepath.Join(names...))
}

// Descend opens the directory that the names lead to, one by one.
func (p Pattern) Descend(names []string) (*os.File, error) {
	dir, err := os.Open(p.Base)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		next, err := OpenDir(dir, name)
		dir.Close()
		if err != nil {
			return nil, err
		}
		dir = next
	}
	return dir, nil
}

// OpenDir opens a directory in dir, which must not be a symbolic link.
func OpenDir(dir *os.File, name string) (*os.File, error) {
	st, err := Lstat(dir, name)
	if err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil, ErrLink
	}
	fd, err := OpenAt(dir, name, unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// ErrLink is why a place cannot be reached that a symbolic link leads to.
var ErrLink = errors.New("a symbolic link is in the way: links are not followed, name the place itself in the config")

// OpenAt opens an entry of dir for reading, itself and not where it leads.
func OpenAt(dir *os.File, name string, flags int) (fd int, err error) {
	err = Again(func() error {
		fd, err = unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|flags, 0)
		return err
	})
	return fd, err
}

// Lstat looks at an entry of dir, itself and not where it leads.
func Lstat(dir *os.File, name string) (st unix.Stat_t, err error) {
	err = Again(func() error { return unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st, err
}

// Again calls f until no signal interrupts it.
func Again(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

// CannotRead says which place could not be read and what to do.
func CannotRead(path string, err error) error {
	return vitrine.Refusef(vitrine.Failed, "%s cannot be read (%v): nothing was collected, let this process read it and run the step again", path, err)
}

// Valid is a name of any bytes as UTF-8.
func Valid(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }
