package chat

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
	"github.com/vitrine-project/vitrine/internal/collect"
)

const accountMark = "{account}"

// pattern is a path whose last element has the account in it.
type pattern struct {
	base, prefix, suffix string
}

func parsePattern(path string) (pattern, error) {
	dir, last := filepath.Split(path)
	prefix, suffix, ok := strings.Cut(last, accountMark)
	if !ok || strings.Contains(suffix, accountMark) || strings.Contains(dir, accountMark) {
		return pattern{}, fmt.Errorf("path %q: want {account} in its last element, once, such as 8_{account}.tar", path)
	}
	return pattern{filepath.Clean("./" + dir), prefix, suffix}.absolute(dir), nil
}

func (p pattern) absolute(dir string) pattern {
	if filepath.IsAbs(dir) {
		p.base = filepath.Clean(dir)
	}
	return p
}

func (p pattern) name(a vitrine.Account) string { return p.prefix + string(a) + p.suffix }

// open opens the account's export, whose name is read from the directory and
// compared whole; nil if there is none. Its files are not listed yet.
func (p pattern) open(a vitrine.Account) (*export, error) {
	base, err := os.Open(p.base)
	if err != nil {
		return nil, collect.CannotRead(p.base, err)
	}
	defer base.Close()
	name := p.name(a)
	for {
		names, err := base.Readdirnames(4096)
		if slices.Contains(names, name) {
			break
		}
		if len(names) == 0 {
			if err != nil && err != io.EOF {
				return nil, collect.CannotRead(p.base, err)
			}
			return nil, nil
		}
	}
	e, err := p.enter(base, name)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	return e, err
}

func (p pattern) enter(base *os.File, name string) (*export, error) {
	e := &export{path: filepath.Join(p.base, name)}
	fd, err := collect.OpenAt(base, name, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, err
	}
	if err != nil {
		return nil, collect.CannotRead(e.path, err)
	}
	f := os.NewFile(uintptr(fd), name)
	st, err := f.Stat()
	switch {
	case err != nil:
		err = collect.CannotRead(e.path, err)
	case st.IsDir():
		e.dir = f
		err = e.unpacked()
	case st.Mode().IsRegular():
		e.file = f
	default:
		err = collect.CannotRead(e.path, errors.New("it is neither a tar nor a directory"))
	}
	if err == nil {
		e.stamp, _, err = stamp(e.file)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return e, nil
}
