package production

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/vitrine-project/vitrine"
)

// Extract lays the bag out in dir, which must not exist, and checks every
// item's digest on the way. Until all is there it lies in a directory beside
// it, whose name ends in .partial.
func (r *Reader) Extract(dir string, progress func(done, total int64)) error {
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return vitrine.Refusef(vitrine.Usage, "%s is there already: choose a directory that does not exist", dir)
	}
	dir = filepath.Clean(dir)
	err := os.MkdirAll(filepath.Dir(dir), 0o700)
	if err != nil {
		return vitrine.Refusef(vitrine.Usage, "%v: choose a directory that can be made", err)
	}
	partial, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".*.partial")
	if err == nil {
		err = os.Mkdir(filepath.Join(partial, "data"), 0o700)
	}
	if err != nil {
		return vitrine.Refusef(vitrine.Usage, "%v: choose a directory that can be made", err)
	}
	x := extraction{r: r, root: partial, progress: progress}
	if err := x.all(); err != nil {
		return errors.Join(err, os.RemoveAll(partial))
	}
	if err := os.Rename(partial, dir); err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	return nil
}

type extraction struct {
	r        *Reader
	root     string
	done     int64
	progress func(done, total int64)
}

func (x *extraction) all() error {
	err := x.r.Items(func(it Item) error {
		content, err := x.r.Open(it)
		if err != nil {
			return err
		}
		return x.write(*it.at, content)
	})
	if err != nil {
		return err
	}
	for _, name := range x.r.tagsInZip {
		e := x.r.tags[name]
		content, err := x.r.open(e)
		if err != nil {
			return err
		}
		if err := x.write(e, content); err != nil {
			return err
		}
	}
	return nil
}

// write makes one file. Its name is one of our own grammar, so it cannot lead
// out of the directory.
func (x *extraction) write(e entry, content io.Reader) error {
	if sub := path.Dir(e.name); sub != "." && sub != "data" {
		if err := os.MkdirAll(filepath.Join(x.root, sub), 0o700); err != nil {
			return fmt.Errorf("extract: %w", err)
		}
	}
	f, err := os.OpenFile(filepath.Join(x.root, filepath.FromSlash(e.name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	crc := crc32.NewIEEE()
	n, err := io.Copy(io.MultiWriter(f, crc), content)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("extract %s: %w", e.name, err)
	}
	if n != e.size || crc.Sum32() != e.crc {
		return unverified("%s does not have its checksum", e.name)
	}
	if x.done += n; x.progress != nil {
		x.progress(x.done, x.r.bytes)
	}
	return nil
}
