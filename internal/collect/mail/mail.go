// Package mail reads Maildirs and mbox files as sources of collection. It
// promises every stored message with its bytes exactly as stored, in bounded
// memory, and the evidence on which a decision about it rests: the store's own
// time of arrival, every Date header, every correspondent, and what of these is
// in doubt. It never writes, never follows a symbolic link out of an account's
// mailbox, never builds a path from the text of a demand, and never decides.
// It follows RFC 5322, and spec/production.md for the rules by name.
package mail

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine"
)

// Category is what mail is: content, its header fields included.
const Category = vitrine.Content

// accountMark is where in a path the account stands.
const accountMark = "{account}"

// pattern is a source's path, cut at the account.
type pattern struct {
	base   string   // the directory that holds an entry for each account
	suffix string   // what the entry's name has behind the account
	rest   []string // names below the entry
}

// parsePattern cuts a path at {account}, which is one of its elements or, with
// a suffix, the beginning of the last one.
func parsePattern(path, suffix string) (pattern, error) {
	if strings.Count(path, accountMark) != 1 {
		return pattern{}, fmt.Errorf("path %q: want {account} in it, once", path)
	}
	elements := strings.Split(path, "/")
	i := slices.IndexFunc(elements, func(e string) bool { return strings.Contains(e, accountMark) })
	p := pattern{base: strings.Join(elements[:i], "/"), rest: elements[i+1:]}
	if p.base == "" {
		p.base = "."
		if i > 0 {
			p.base = "/"
		}
	}
	switch elements[i] {
	case accountMark:
	case accountMark + suffix:
		p.suffix = suffix
	default:
		return pattern{}, fmt.Errorf("path %q: %q is not {account} by itself", path, elements[i])
	}
	for _, e := range p.rest {
		if e == "" || e == "." || e == ".." {
			return pattern{}, fmt.Errorf("path %q: behind {account} want plain names", path)
		}
	}
	return p, nil
}

// find returns the name of the account's entry, read from the directory and
// compared whole; "" if there is none.
func (p pattern) find(a vitrine.Account) (string, error) {
	dir, err := os.Open(p.base)
	if err != nil {
		return "", unreadable(p.base, err)
	}
	defer dir.Close()
	want := string(a) + p.suffix
	for {
		names, err := dir.Readdirnames(4096)
		if slices.Contains(names, want) {
			return want, nil
		}
		if len(names) == 0 {
			if err != nil && err != io.EOF {
				return "", unreadable(p.base, err)
			}
			return "", nil
		}
	}
}

// names are the names that lead from base to what an account's entry holds.
func (p pattern) names(entry string, below ...string) []string {
	return slices.Concat([]string{entry}, p.rest, below)
}

// show is the path of names as people know it.
func (p pattern) show(names []string) string {
	return filepath.Join(p.base, filepath.Join(names...))
}

// descend opens the directory that the names lead to, one by one.
func (p pattern) descend(names []string) (*os.File, error) {
	dir, err := os.Open(p.base)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		next, err := openDir(dir, name)
		dir.Close()
		if err != nil {
			return nil, err
		}
		dir = next
	}
	return dir, nil
}

// openDir opens a directory in dir, which must not be a symbolic link.
func openDir(dir *os.File, name string) (*os.File, error) {
	st, err := lstat(dir, name)
	if err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil, errLink
	}
	fd, err := openat(dir, name, unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

var errLink = fmt.Errorf("a symbolic link is in the way: links are not followed, name the place itself in the config")

// openat opens an entry of dir for reading, itself and not where it leads.
func openat(dir *os.File, name string, flags int) (fd int, err error) {
	err = again(func() error {
		fd, err = unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|flags, 0)
		return err
	})
	return fd, err
}

func lstat(dir *os.File, name string) (st unix.Stat_t, err error) {
	err = again(func() error { return unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st, err
}

// again calls f until no signal interrupts it.
func again(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

// unreadable says which place could not be read and what to do.
func unreadable(path string, err error) error {
	return vitrine.Refusef(vitrine.Failed, "%s cannot be read (%v): nothing was collected, let this process read it and run the step again", path, err)
}
