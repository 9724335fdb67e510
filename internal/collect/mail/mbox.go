package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// KindMbox is the kind of a source of mbox files.
const KindMbox = "mbox"

const flagTruncated = "truncated" // the file ends in the middle of the message

// mboxes is a source of one mbox file for each account.
type mboxes struct {
	declaration vitrine.Source
	pattern     collect.Pattern
}

// Mbox returns the mbox files at path, which has {account} as one whole
// element, or {account}.mbox as the last.
func Mbox(name, path string) (collect.Source, error) {
	p, err := collect.ParsePattern(path, ".mbox")
	if err != nil {
		return nil, err
	}
	if p.Suffix != "" && len(p.Rest) > 0 {
		return nil, fmt.Errorf("path %q: {account}%s is a file: nothing can lie below it", path, p.Suffix)
	}
	return &mboxes{vitrine.Source{Name: name, Kind: KindMbox, Path: path}, p}, nil
}

func (m *mboxes) Declaration() vitrine.Source { return m.declaration }

func (m *mboxes) Family() collect.Family { return collect.Mail }

func (m *mboxes) Holds() []vitrine.Category { return []vitrine.Category{Category} }

// Probe looks at the mount that the mailboxes lie on.
func (m *mboxes) Probe(context.Context) (collect.Access, error) {
	return collect.Mounted(m.pattern.Base)
}

// Inventory lists the account's one file.
func (m *mboxes) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	entry, err := m.pattern.Find(a)
	if entry == "" || err != nil {
		return nil, err
	}
	c := collect.Container{Account: a, Name: collect.Valid(strings.Join(m.pattern.Names(entry), "/")), Kind: KindMbox, Count: collect.NoCount, Key: entry}
	f, st, err := m.open(c)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c.State, c.Size = fileState(st), st.Size
	return []collect.Container{c}, nil
}

// open opens the account's file. Of its errors only ENOENT is not for people.
func (m *mboxes) open(c collect.Container) (*os.File, unix.Stat_t, error) {
	var st unix.Stat_t
	names := m.pattern.Names(c.Key)
	path, last := m.pattern.Show(names), len(names)-1
	dir, err := m.pattern.Descend(names[:last])
	if err == nil {
		defer dir.Close()
		if st, err = collect.Lstat(dir, names[last]); err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			err = collect.ErrLink
		}
	}
	fd := -1
	if err == nil {
		fd, err = collect.OpenAt(dir, names[last], 0)
	}
	if err == nil {
		err = collect.Again(func() error { return unix.Fstat(fd, &st) })
	}
	if errors.Is(err, unix.ENOENT) {
		return nil, st, fmt.Errorf("open %s: %w", path, err)
	}
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = errors.Join(errors.New("it is no file"), unix.Close(fd))
	}
	if err != nil {
		return nil, st, collect.CannotRead(path, err)
	}
	return os.NewFile(uintptr(fd), path), st, nil
}

// fileState is a token for a file's content, as far as the system tells.
func fileState(st unix.Stat_t) string {
	return fmt.Sprintf("inode=%d size=%d mtime=%d", st.Ino, st.Size, st.Mtim.Nano())
}

// Close returns the file's inode, size and time of modification.
func (m *mboxes) Close(_ context.Context, c collect.Container) (string, error) {
	f, st, err := m.open(c)
	if err != nil {
		return "", err
	}
	return fileState(st), f.Close()
}

// Enumerate yields the messages in the order of the file, up to where it ended
// at the beginning. Mail that is appended meanwhile does no harm; any other
// change of the file is an error.
func (m *mboxes) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	past := int64(-1)
	if after != "" {
		at, err := strconv.ParseUint(after, 10, 63)
		if err != nil {
			return fmt.Errorf("go on behind position %q: %w", after, err)
		}
		past = int64(at)
	}
	f, st, err := m.open(c)
	if err != nil {
		return err
	}
	defer f.Close()
	run := &pass{ctx: ctx, file: f, begin: max(past, 0), end: st.Size, path: f.Name(), key: strconv.FormatUint(st.Ino, 10), limits: usual}
	first := past >= 0
	before, err := run.all(func(it collect.Item) error {
		if first { // it is the one behind which the visit goes on
			first = false
			return nil
		}
		it.Position = it.Name // where its From_ line begins
		return yield(it)
	})
	if err != nil {
		return err
	}
	return m.unchanged(run, f, st, before)
}

// unchanged makes sure that what was read is still what the file begins with.
func (m *mboxes) unchanged(run *pass, f *os.File, st unix.Stat_t, before vitrine.Digest) error {
	var now unix.Stat_t
	if err := collect.Again(func() error { return unix.Fstat(int(f.Fd()), &now) }); err != nil {
		return fmt.Errorf("look at mailbox: %w", err)
	}
	// A stamp as new as that can stand for several changes.
	settled := time.Since(time.Unix(now.Ctim.Unix())) > still
	if now.Size == st.Size && now.Mtim == st.Mtim && now.Ctim == st.Ctim && settled {
		return nil
	}
	if now.Size < st.Size {
		return errShrank
	}
	whole := &pass{ctx: run.ctx, file: f, begin: run.begin, end: st.Size, path: run.path, key: run.key, limits: run.limits}
	after, err := whole.all(func(collect.Item) error { return nil })
	if err != nil {
		return err
	}
	if after != before {
		return vitrine.Refusef(vitrine.Failed, "%s changed while it was read: nothing was kept, run the step again", run.path)
	}
	return run.settled(now.Size)
}

// Open returns the bytes of one message. That they are the ones enumerated
// shows in their digest.
func (m *mboxes) Open(_ context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	f, st, err := m.open(c)
	if err != nil {
		return nil, err
	}
	if strconv.FormatUint(st.Ino, 10) != it.Key || st.Size < it.Offset+it.Size {
		return nil, errors.Join(errChanged, f.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, it.Offset+offset, it.Size-offset), f}, nil
}
