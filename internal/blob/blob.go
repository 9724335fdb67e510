// Package blob keeps immutable files by the SHA-256 of their content:
// originals, holds and packages. A file has its final name only once all its
// bytes are on the disk and were read back with that digest; what a killed
// process left half-written is removed at the next start. Nothing is ever
// overwritten with other bytes. The caller holds the lock of the data
// directory, so that one process writes at a time.
package blob

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/vitrine-project/vitrine"
)

// partial ends the name of a file that is not whole yet.
const partial = ".partial"

// Dir is one directory of blobs.
type Dir struct {
	path string
	// Reached is called at "blob: written", "blob: synced" and "blob: renamed",
	// for tests that kill the process there.
	Reached func(point string)
}

// OpenDir makes the directory if it is not there and removes what a killed
// process left half-written in it.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, explain("make directory", filepath.Dir(path), err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, explain("make directory", filepath.Dir(path), err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, explain("list blobs", path, err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), partial) {
			continue
		}
		if err := os.Remove(filepath.Join(path, e.Name())); err != nil {
			return nil, explain("remove unfinished blob", path, err)
		}
	}
	return &Dir{path: path}, nil
}

// Put keeps all of r.
func (d *Dir) Put(r io.Reader) (vitrine.Digest, int64, error) {
	f, err := d.Create()
	if err != nil {
		return vitrine.Digest{}, 0, err
	}
	defer f.Abort()
	if _, err := io.Copy(f, r); err != nil {
		return vitrine.Digest{}, 0, err
	}
	return f.Commit()
}

// Open returns the blob's bytes and their number; fs.ErrNotExist if there is
// none. They are not read through: who needs certainty takes the digest.
func (d *Dir) Open(digest vitrine.Digest) (*os.File, int64, error) {
	f, err := os.Open(d.name(digest))
	if err != nil {
		return nil, 0, explain("open blob", d.path, err)
	}
	st, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(explain("open blob", d.path, err), f.Close())
	}
	return f, st.Size(), nil
}

// Delete removes the blob for good; fs.ErrNotExist if there is none.
func (d *Dir) Delete(digest vitrine.Digest) error {
	if err := os.Remove(d.name(digest)); err != nil {
		return explain("delete blob", d.path, err)
	}
	if err := syncDir(d.path); err != nil {
		return explain("delete blob", d.path, err)
	}
	return nil
}

// Digests lists what is kept, so that what nobody refers to can be deleted.
func (d *Dir) Digests() ([]vitrine.Digest, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, explain("list blobs", d.path, err)
	}
	var all []vitrine.Digest
	for _, e := range entries {
		if digest, err := vitrine.ParseDigest("sha256:" + e.Name()); err == nil {
			all = append(all, digest)
		}
	}
	return all, nil
}

func (d *Dir) name(digest vitrine.Digest) string { return filepath.Join(d.path, digest.Hex()) }

func (d *Dir) reached(point string) {
	if d.Reached != nil {
		d.Reached(point)
	}
}

// syncDir makes new names in a directory last.
func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// same says whether the file's bytes, read from its beginning, have the digest.
func same(path string, want vitrine.Digest) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	got, err := digestOf(f)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%w: read back %s, want %s", errOther, got, want)
	}
	return nil
}
