package blob

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"

	"github.com/vitrine-project/vitrine"
)

// File is a blob in the making.
type File struct {
	dir    *Dir
	f      *os.File
	sum    hash.Hash
	size   int64
	failed error // the first failed write: such a file is never kept
	done   bool
}

// Create begins a blob. It has no name that anybody opens until Commit.
func (d *Dir) Create() (*File, error) {
	f, err := os.CreateTemp(d.path, "*"+partial)
	if err != nil {
		return nil, explain("create blob", d.path, err)
	}
	return &File{dir: d, f: f, sum: sha256.New()}, nil
}

// Write appends p.
func (f *File) Write(p []byte) (int, error) {
	if f.failed != nil {
		return 0, f.failed
	}
	n, err := f.f.Write(p)
	f.sum.Write(p[:n])
	f.size += int64(n)
	if err != nil {
		f.failed = explain("write blob", f.dir.path, err)
	}
	return n, f.failed
}

// Commit keeps what was written under its digest. When it returns, the bytes
// and the name are on the disk. The file is closed in any case.
func (f *File) Commit() (vitrine.Digest, int64, error) {
	digest := vitrine.Digest(f.sum.Sum(nil))
	if f.done {
		return vitrine.Digest{}, 0, errors.New("keep blob: it was ended before")
	}
	if f.failed != nil {
		f.Abort()
		return vitrine.Digest{}, 0, f.failed
	}
	if err := f.commit(digest); err != nil {
		f.Abort()
		return vitrine.Digest{}, 0, explain("keep blob", f.dir.path, err)
	}
	return digest, f.size, nil
}

func (f *File) commit(digest vitrine.Digest) error {
	f.dir.reached("blob: written")
	// A failed fsync is not tried again: the kernel may have dropped the pages.
	if err := f.f.Sync(); err != nil {
		return err
	}
	f.dir.reached("blob: synced")
	if err := same(f.f.Name(), digest); err != nil {
		return err
	}
	if err := os.Rename(f.f.Name(), f.dir.name(digest)); err != nil {
		return err
	}
	f.done = true
	f.dir.reached("blob: renamed")
	return errors.Join(f.f.Close(), syncDir(f.dir.path))
}

// Abort throws the blob away; after Commit it does nothing.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	// Errors matter to nobody: what stays is removed at the next OpenDir.
	f.f.Close()
	os.Remove(f.f.Name())
}

func digestOf(r io.Reader) (d vitrine.Digest, err error) {
	h := sha256.New()
	_, err = io.Copy(h, r)
	return vitrine.Digest(h.Sum(nil)), err
}
