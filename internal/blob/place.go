package blob

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vitrine-project/vitrine"
)

// errOther says that a file holds other bytes than it should.
var errOther = errors.New("the bytes are not the ones that were written")

// Place puts the bytes of r, whose digest is want, at path, for people to take
// away. The file gets its name only when all of it is on the disk and was read
// back. If the same bytes lie there already, nothing happens; if others do,
// Place refuses. reached, if not nil, is called at "place: written", "place:
// synced" and "place: renamed".
func Place(r io.Reader, want vitrine.Digest, path string, reached func(point string)) error {
	if reached == nil {
		reached = func(string) {}
	}
	dir := filepath.Dir(path)
	switch err := same(path, want); {
	case err == nil:
		// Killed between the new name and the end of the old one.
		if err := os.Remove(path + partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain("remove unfinished file", dir, err)
		}
		return explain("place file", dir, syncDir(dir))
	case errors.Is(err, errOther):
		return vitrine.Refusef(vitrine.Failed, "%s is there already with other content: it is not overwritten; move it away and run the same command again", path)
	case !errors.Is(err, fs.ErrNotExist):
		return explain("look at "+filepath.Base(path), dir, err)
	}
	if err := place(r, want, path, reached); err != nil {
		os.Remove(path + partial)
		if errors.Is(err, fs.ErrExist) {
			return vitrine.Refusef(vitrine.Failed, "%s appeared while it was being written: another command uses %s; run the same command again", path, dir)
		}
		return explain("place file", dir, err)
	}
	return nil
}

func place(r io.Reader, want vitrine.Digest, path string, reached func(string)) error {
	if err := write(r, path+partial, reached); err != nil {
		return err
	}
	if err := same(path+partial, want); err != nil {
		return err
	}
	if err := publish(path+partial, path); err != nil {
		return err
	}
	reached("place: renamed")
	return syncDir(filepath.Dir(path))
}

func write(r io.Reader, name string, reached func(string)) error {
	// O_EXCL, so that a link planted under this name is not followed.
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create unfinished file: %w", err)
	}
	defer f.Close()
	if _, err := io.Copy(f, r); err != nil {
		return err
	}
	reached("place: written")
	if err := f.Sync(); err != nil {
		return err
	}
	reached("place: synced")
	return f.Close()
}

// publish gives a whole file its name, which must be free. A link fails where
// a rename would overwrite; file systems without links get the rename.
func publish(name, path string) error {
	switch err := os.Link(name, path); {
	case err == nil:
		return os.Remove(name)
	case errors.Is(err, fs.ErrExist):
		return err
	}
	return os.Rename(name, path)
}
