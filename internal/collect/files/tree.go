package files

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// KindTree is the kind of a source of directory trees.
const KindTree = "tree"

// trees is a source of one directory tree for each account.
type trees struct {
	declaration vitrine.Source
	pattern     collect.Pattern
	span        int
}

// Tree returns the directory trees at path, which has {account} as one whole
// element.
func Tree(name, path string) (collect.Source, error) {
	p, err := collect.ParsePattern(path, "")
	if err != nil {
		return nil, err
	}
	return &trees{vitrine.Source{Name: name, Kind: KindTree, Path: path}, p, usualSpan}, nil
}

func (t *trees) Declaration() vitrine.Source { return t.declaration }

func (t *trees) Family() collect.Family { return collect.Files }

func (t *trees) Holds() []vitrine.Category { return []vitrine.Category{Category} }

// Probe looks at the mount that the trees lie on.
func (t *trees) Probe(context.Context) (collect.Access, error) {
	return collect.Mounted(t.pattern.Base)
}

// Inventory lists the account's one tree.
func (t *trees) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	entry, err := t.pattern.Find(a)
	if entry == "" || err != nil {
		return nil, err
	}
	c := collect.Container{Account: a, Name: whole, Kind: KindTree, Count: collect.NoCount, Key: entry}
	root, err := t.root(c)
	if errors.Is(err, errGone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := t.guarded(root); err != nil {
		return nil, err
	}
	c.State, c.Size, err = measure(ctx, root, t.span)
	return []collect.Container{c}, err
}

// root opens the account's directory. errGone if there is none.
func (t *trees) root(c collect.Container) (*disk, error) {
	names := t.pattern.Names(c.Key)
	f, err := t.pattern.Descend(names)
	if errors.Is(err, unix.ENOENT) {
		return nil, errGone
	}
	if err != nil {
		return nil, collect.CannotRead(t.pattern.Show(names), err)
	}
	d, err := ground(f, t.pattern.Show(names))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return d, nil
}

// guarded makes sure that what Probe showed of the whole holds for the
// account's directory, which can be a mount of its own.
func (t *trees) guarded(root *disk) error {
	above, err := collect.Mounted(t.pattern.Base)
	if err != nil || above.Writes != "" {
		return err
	}
	var st unix.Statfs_t
	if err := collect.Again(func() error { return unix.Fstatfs(int(root.file.Fd()), &st) }); err != nil {
		return collect.CannotRead(root.path, err)
	}
	if st.Flags&unix.ST_RDONLY == 0 {
		return vitrine.Refusef(vitrine.Refused, "%s is a mount of its own, for writing, while the mount above it is read-only: nothing was read; mount it read-only, too", root.path)
	}
	return nil
}

// Close returns the number of files and a digest of their names and versions.
func (t *trees) Close(ctx context.Context, c collect.Container) (string, error) {
	root, err := t.root(c)
	if err != nil {
		return "", t.gone(c, err)
	}
	defer root.Close()
	state, _, err := measure(ctx, root, t.span)
	return state, err
}

// gone is a missing directory of an account that had one.
func (t *trees) gone(c collect.Container, err error) error {
	if errors.Is(err, errGone) {
		return collect.CannotRead(t.pattern.Show(t.pattern.Names(c.Key)), err)
	}
	return err
}

// Enumerate yields the files in the order of their paths, name by name. It
// opens none of them.
func (t *trees) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	root, err := t.root(c)
	if err != nil {
		return t.gone(c, err)
	}
	defer root.Close()
	return enumerate(ctx, root, t.span, after, yield)
}

// Open returns a file's bytes. Whoever reads them to the end knows that they
// are those of the version that was enumerated.
func (t *trees) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	k, err := parseKey(it.Key)
	if err != nil {
		return nil, err
	}
	root, err := t.root(c)
	if err != nil {
		return nil, t.gone(c, err)
	}
	defer root.Close()
	return openFile(ctx, root, k, offset)
}
