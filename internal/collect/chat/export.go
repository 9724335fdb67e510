package chat

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// messagesFile holds all that was said.
const messagesFile = "messages.json"

// maxMembers bounds the files of one export, so that their list fits in memory.
const maxMembers = 1 << 20

// export is one account's export, open.
type export struct {
	file     *os.File // the tar, or messages.json of a directory
	dir      *os.File // nil for a tar
	path     string   // as people know it
	at, size int64    // where messages.json lies in file
	found    bool     // it does
	members  []member // the other files, by name
	damage   []damage
	stamp    string // of file
	state    string // of all, "" until the files are listed

	mu    sync.Mutex
	users int // beside the one who opened it
}

// member is a file of an export other than messages.json.
type member struct {
	name       string
	at, size   int64 // at: in the tar
	stamp      string
	barred     string // why it cannot be read
	referenced bool
}

// damage is a part of an export that cannot be read.
type damage struct {
	name     string
	at, size int64
	why      string
}

// share is the same export for one more user, who closes it, too.
func (e *export) share() *export {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.users++
	return e
}

func (e *export) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users--; e.users >= 0 {
		return nil
	}
	err := e.file.Close()
	if e.dir != nil {
		err = errors.Join(err, e.dir.Close())
	}
	return err
}

// stamp tells two states of a file apart.
func stamp(f *os.File) (token string, size int64, err error) {
	var st unix.Stat_t
	if err := collect.Again(func() error { return unix.Fstat(int(f.Fd()), &st) }); err != nil {
		return "", 0, fmt.Errorf("look at file: %w", err)
	}
	return stampOf(st), st.Size, nil
}

func stampOf(st unix.Stat_t) string {
	return fmt.Sprintf("bytes %d, written %d.%09d", st.Size, st.Mtim.Sec, st.Mtim.Nsec)
}

// list finds the files of the export.
func (e *export) list(ctx context.Context) error {
	if e.dir != nil {
		return e.readDir(ctx)
	}
	return e.readTar(ctx)
}

// readTar finds the files of a tar. What the archive ends in the middle of is
// damage.
func (e *export) readTar(ctx context.Context) error {
	state, whole, err := stamp(e.file)
	if err != nil {
		return err
	}
	e.state = state
	if _, err := e.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("seek in %s: %w", e.path, err)
	}
	r := tar.NewReader(e.file)
	found := false
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if cerr := ctx.Err(); cerr != nil {
			return cerr
		}
		at, serr := e.file.Seek(0, io.SeekCurrent)
		if serr != nil {
			return fmt.Errorf("seek in %s: %w", e.path, serr)
		}
		if err != nil {
			e.damage = append(e.damage, damage{"the archive", min(at, whole), whole - min(at, whole), "the archive is malformed or ends too early"})
			break
		}
		if !found && path.Clean(h.Name) == messagesFile && h.Typeflag == tar.TypeReg && !sparse(h) {
			found, e.at, e.size = true, at, min(h.Size, max(whole-at, 0))
			continue
		}
		if h.Typeflag != tar.TypeDir {
			e.members = append(e.members, memberOf(h, at, whole))
		}
		if len(e.members) > maxMembers {
			return vitrine.Refusef(vitrine.Failed, "%s has more than %d files: nothing was collected; split the export", e.path, maxMembers)
		}
	}
	if e.found = found; !found && len(e.damage) == 0 {
		return vitrine.Refusef(vitrine.Failed, "%s holds no %s: nothing was collected; see that it is a Skype export, as a plain tar", e.path, messagesFile)
	}
	return nil
}

func sparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func memberOf(h *tar.Header, at, whole int64) member {
	m := member{name: h.Name, at: at, size: h.Size}
	switch {
	case h.Typeflag != tar.TypeReg:
		m.barred, m.size = "it is no ordinary file", 0
	case sparse(h):
		m.barred = "it is stored with holes"
	case at+h.Size > whole:
		m.barred = "the archive ends before it does"
	}
	return m
}

// readDir finds the files of an export that was unpacked. Links are not
// followed.
func (e *export) readDir(ctx context.Context) error {
	if _, err := e.dir.Seek(0, io.SeekStart); err != nil {
		return collect.CannotRead(e.path, err)
	}
	if err := e.below(ctx, e.dir, ""); err != nil {
		return collect.CannotRead(e.path, err)
	}
	slices.SortFunc(e.members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	state, size, err := stamp(e.file)
	if err != nil {
		return err
	}
	e.size, e.found = size, true
	h := newDigest()
	h.add(state)
	for _, m := range e.members {
		h.add(m.name, m.stamp)
	}
	e.state = state + ", files " + h.short()
	return nil
}

// unpacked opens messages.json of a directory.
func (e *export) unpacked() error {
	fd, err := collect.OpenAt(e.dir, messagesFile, 0)
	if err != nil {
		return collect.CannotRead(e.path+"/"+messagesFile, err)
	}
	e.file = os.NewFile(uintptr(fd), messagesFile)
	st, err := e.file.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("it is no ordinary file")
	}
	if err != nil {
		return errors.Join(collect.CannotRead(e.path+"/"+messagesFile, err), e.file.Close())
	}
	return nil
}

// below lists a directory of the export and those in it.
func (e *export) below(ctx context.Context, dir *os.File, prefix string) error {
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if prefix == "" && name == messagesFile {
			continue
		}
		st, err := collect.Lstat(dir, name)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return err
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			if err := e.into(ctx, dir, name, prefix); err != nil {
				return err
			}
		case unix.S_IFREG:
			e.members = append(e.members, member{name: prefix + name, size: st.Size, stamp: stampOf(st)})
		default:
			e.members = append(e.members, member{name: prefix + name, stamp: stampOf(st), barred: "it is no ordinary file"})
		}
		if len(e.members) > maxMembers {
			return fmt.Errorf("it has more than %d files: split the export", maxMembers)
		}
	}
	return nil
}

// maxDepth is how deep the directories of an export lie in each other.
const maxDepth = 8

func (e *export) into(ctx context.Context, dir *os.File, name, prefix string) error {
	if strings.Count(prefix, "/") >= maxDepth {
		return fmt.Errorf("directories lie deeper than %d", maxDepth)
	}
	sub, err := collect.OpenDir(dir, name)
	if err != nil {
		return err
	}
	defer sub.Close()
	return e.below(ctx, sub, prefix+name+"/")
}

// read opens the bytes of a member.
func (e *export) read(m member) (io.Reader, io.Closer, error) {
	if e.dir == nil {
		return io.NewSectionReader(e.file, m.at, m.size), io.NopCloser(nil), nil
	}
	names := strings.Split(m.name, "/")
	dir := e.dir
	for _, name := range names[:len(names)-1] {
		sub, err := collect.OpenDir(dir, name)
		if dir != e.dir {
			dir.Close()
		}
		if err != nil {
			return nil, nil, collect.ErrVanished
		}
		dir = sub
	}
	fd, err := collect.OpenAt(dir, names[len(names)-1], 0)
	if dir != e.dir {
		dir.Close()
	}
	if err != nil {
		return nil, nil, collect.ErrVanished
	}
	f := os.NewFile(uintptr(fd), m.name)
	if now, _, err := stamp(f); err != nil || now != m.stamp {
		return nil, nil, errors.Join(errChanged(e.path), err, f.Close())
	}
	return io.LimitReader(f, m.size), f, nil
}

func errChanged(path string) error {
	return vitrine.Refusef(vitrine.Failed, "%s changed while it was read: nothing was kept; run the step again, on a copy if it goes on changing", path)
}
