package files

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// openFile opens the version of a file that k tells, from offset on.
// ErrVanished if it is not there any more, under its name or another in its
// directory.
func openFile(ctx context.Context, root *disk, k key, offset int64) (io.ReadCloser, error) {
	dir, last := root, len(k.path)-1
	for _, name := range k.path[:last] {
		sub, err := dir.enter(ctx, node{name: name})
		if dir != root {
			dir.Close()
		}
		if errors.Is(err, errGone) {
			return nil, collect.ErrVanished
		}
		if err != nil {
			return nil, err
		}
		dir = sub.(*disk)
	}
	if dir != root {
		defer dir.Close()
	}
	n, err := dir.look(ctx, node{name: k.path[last], inode: k.inode})
	if errors.Is(err, errGone) || err == nil && !k.is(n.inode, n.facts) {
		return nil, collect.ErrVanished
	}
	if err != nil {
		return nil, err
	}
	return dir.read(ctx, n.name, k, offset)
}

// read opens a file in this directory that look found to be a regular one.
func (d *disk) read(ctx context.Context, name string, k key, offset int64) (io.ReadCloser, error) {
	fd, err := collect.OpenAt(d.file, name, unix.O_NOCTTY)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) {
		return nil, collect.ErrVanished
	}
	if err != nil {
		return nil, collect.CannotRead(d.path+"/"+name, err)
	}
	r := &fileReader{file: os.NewFile(uintptr(fd), name), mount: d.mount, key: k, start: offset, left: k.size - offset}
	st, err := r.stat()
	if err == nil {
		// What is written to a file in the grain of its stamp does not show.
		if err = settle(ctx, timeOf(st.Ctime)); err == nil {
			r.opened, err = r.stat()
		}
	}
	if err == nil && !k.is(r.opened.Ino, (&disk{mount: d.mount}).facts(r.opened)) {
		err = collect.ErrVanished
	}
	if err == nil {
		_, err = r.file.Seek(offset, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, r.file.Close())
	}
	return r, nil
}

// fileReader reads a file and, at its end, makes sure that what it handed out
// is what the file holds.
type fileReader struct {
	file        *os.File
	mount       uint64
	key         key
	opened      unix.Statx_t
	sum         maphash.Hash // of what was handed out
	start, left int64
}

func (r *fileReader) stat() (unix.Statx_t, error) {
	return (&disk{file: r.file}).stat("", unix.AT_EMPTY_PATH)
}

func (r *fileReader) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	if r.left -= int64(n); r.left < 0 {
		return 0, errChanged
	}
	r.sum.Write(p[:n])
	if err == io.EOF && r.left != 0 {
		return n, errChanged
	}
	if err == io.EOF {
		if err := r.same(); err != nil {
			return n, err
		}
	}
	return n, err
}

// same compares the file's stamps with those at the beginning. A rename or a
// change of rights moves one of them, as does a write whose time was put back:
// then the bytes are read again until none moves.
func (r *fileReader) same() error {
	before := r.opened
	for range maxListings {
		now, err := r.stat()
		if err != nil {
			return fmt.Errorf("look at a file: %w", err)
		}
		if now.Mtime != r.opened.Mtime || now.Size != r.opened.Size {
			return errChanged
		}
		if now.Ctime == before.Ctime {
			return nil
		}
		var sum maphash.Hash
		sum.SetSeed(r.sum.Seed())
		if _, err := io.Copy(&sum, io.NewSectionReader(r.file, r.start, r.key.size-r.start)); err != nil {
			return fmt.Errorf("read a file again: %w", err)
		}
		if sum.Sum64() != r.sum.Sum64() {
			return errChanged
		}
		before = now
	}
	return errChanged
}

func (r *fileReader) Close() error { return r.file.Close() }
