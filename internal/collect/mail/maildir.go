package mail

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// KindMaildir is the kind of a source of Maildirs.
const KindMaildir = "maildir"

// inbox is the container's name of the messages in the mailbox itself.
const inbox = "INBOX"

// maxDepth is how deep folders may lie in each other.
const maxDepth = 16

// maildirs is a source of one Maildir for each account, with its folders: of
// Maildir++ (".Sent") or as directories in each other ("Archive/2002").
type maildirs struct {
	declaration vitrine.Source
	pattern     collect.Pattern
	span        int // how many messages are listed at once
	kept        kept
}

// Maildir returns the Maildirs at path, which has {account} as one whole
// element.
func Maildir(name, path string) (collect.Source, error) {
	p, err := collect.ParsePattern(path, "")
	if err != nil {
		return nil, err
	}
	return &maildirs{declaration: vitrine.Source{Name: name, Kind: KindMaildir, Path: path}, pattern: p, span: usualSpan}, nil
}

func (m *maildirs) Declaration() vitrine.Source { return m.declaration }

func (m *maildirs) Family() collect.Family { return collect.Mail }

func (m *maildirs) Holds() []vitrine.Category { return []vitrine.Category{Category} }

// Probe looks at the mount that the mailboxes lie on.
func (m *maildirs) Probe(context.Context) (collect.Access, error) {
	return collect.Mounted(m.pattern.Base)
}

// Inventory lists the mailbox and all its folders.
func (m *maildirs) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	entry, err := m.pattern.Find(a)
	if entry == "" || err != nil {
		return nil, err
	}
	names := m.pattern.Names(entry)
	root, err := m.pattern.Descend(names)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, collect.CannotRead(m.pattern.Show(names), err)
	}
	defer root.Close()
	var folders []string
	if err := m.folders(root, nil, func(f string) { folders = append(folders, f) }); err != nil {
		return nil, err
	}
	if len(folders) == 0 {
		return nil, vitrine.Refusef(vitrine.Failed, "%s is no Maildir: it has neither cur nor new: correct the source's path", m.pattern.Show(names))
	}
	var containers []collect.Container
	for _, f := range folders {
		c := collect.Container{Account: a, Name: collect.Valid(f), Kind: KindMaildir, Count: collect.NoCount, Key: entry + "\x00" + f}
		if f == "" {
			c.Name = inbox
		}
		if err := m.measure(ctx, &c); err != nil {
			return nil, err
		}
		containers = append(containers, c)
	}
	return containers, nil
}

// folders calls found with the path of each directory that has cur or new.
func (m *maildirs) folders(dir *os.File, path []string, found func(string)) error {
	if len(path) > maxDepth {
		return vitrine.Refusef(vitrine.Failed, "folder %s lies deeper than %d levels: move it up, or make it a source of its own", strings.Join(path, "/"), maxDepth)
	}
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return collect.CannotRead(strings.Join(path, "/"), err)
	}
	slices.Sort(names)
	if slices.Contains(names, "cur") || slices.Contains(names, "new") {
		found(strings.Join(path, "/"))
	}
	for _, name := range names {
		if name == "cur" || name == "new" || name == "tmp" {
			continue
		}
		if err := m.folder(dir, append(slices.Clone(path), name), found); err != nil {
			return err
		}
	}
	return nil
}

// folder looks for mail in one entry of a mailbox, if it is a directory.
func (m *maildirs) folder(dir *os.File, path []string, found func(string)) error {
	name := path[len(path)-1]
	st, err := collect.Lstat(dir, name)
	if errors.Is(err, unix.ENOENT) {
		return nil // a temporary file of the mail server's
	}
	if err != nil {
		return collect.CannotRead(strings.Join(path, "/"), err)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		err := collect.Again(func() error { return unix.Fstatat(int(dir.Fd()), name, &st, 0) })
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			return collect.CannotRead(strings.Join(path, "/"), collect.ErrLink)
		}
	case unix.S_IFDIR:
		sub, err := collect.OpenDir(dir, name)
		if err != nil {
			return collect.CannotRead(strings.Join(path, "/"), err)
		}
		defer sub.Close()
		return m.folders(sub, path, found)
	}
	return nil
}

// open opens the two directories of a container.
func (m *maildirs) open(c collect.Container) (*box, error) {
	entry, folder, _ := strings.Cut(c.Key, "\x00")
	var below []string
	if folder != "" {
		below = strings.Split(folder, "/")
	}
	names := m.pattern.Names(entry, below...)
	b := &box{path: m.pattern.Show(names), span: m.span}
	dir, err := m.pattern.Descend(names)
	if err != nil {
		return nil, collect.CannotRead(b.path, err)
	}
	defer dir.Close()
	for i, sub := range subs {
		b.dirs[i], err = collect.OpenDir(dir, sub)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			b.Close()
			return nil, collect.CannotRead(b.path+"/"+sub, err)
		}
	}
	return b, nil
}

// So many messages of a container are measured; of those behind them one in
// measuredOf stands for all.
const measured, measuredOf = 1 << 12, 16

// measure takes a container's state and size. The size is for progress only.
func (m *maildirs) measure(ctx context.Context, c *collect.Container) error {
	b, err := m.open(*c)
	if err != nil {
		return err
	}
	defer b.Close()
	n, each := 0, int64(1)
	c.State, err = b.state(ctx, func(e entry) {
		if n++; n > measured {
			if each = measuredOf; n%measuredOf != 0 {
				return
			}
		}
		if st, err := collect.Lstat(b.dirs[e.sub], e.name); err == nil {
			c.Size += each * st.Size
		}
	})
	return err
}

// Close returns the number of messages and a digest of their names without
// what changes when one is read or flagged.
func (m *maildirs) Close(ctx context.Context, c collect.Container) (string, error) {
	m.kept.close()
	b, err := m.open(c)
	if err != nil {
		return "", err
	}
	defer b.Close()
	return b.state(ctx, func(entry) {})
}

// Enumerate yields the messages in the order of their names. It reads no more
// of each than its header.
func (m *maildirs) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	m.kept.close() // of a visit that came to no end
	b, err := m.open(c)
	if err != nil {
		return err
	}
	defer b.Close()
	return b.each(ctx, after, func(list []entry) error {
		r := letters{box: b, list: list, ahead: b.readAhead(ctx, list)}
		defer r.ahead.stop()
		for i, e := range list {
			if err := ctx.Err(); err != nil {
				return err
			}
			r.at = i
			if err := r.item(ctx, e, yield); err != nil {
				return err
			}
		}
		return nil
	})
}

// Open returns a message's bytes. Whoever reads them to the end knows that
// they are those of the file whose header was enumerated.
func (m *maildirs) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	k, err := parseLetterKey(it.Key)
	if err != nil {
		return nil, err
	}
	return m.kept.with(c.Key, func() (*box, error) { return m.open(c) }, func(b *box) (io.ReadCloser, error) { return b.openLetter(ctx, k, offset) })
}
