package sequencer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/dirlock"
)

// What stands in a ledger's directory.
const (
	logDir       = "log"       // Tessera's tree: what is appended, published or not
	plansDir     = "plans"     // one file a tick
	headersDir   = "headers"   // N.json, as soon as it is taken
	documentsDir = "documents" // of notices, by digest
	pendingFile  = "pending.json"
	publicDir    = "published" // what anybody may see, laid out as spec/report.md says of ledger/CLASS/
)

// partial ends the name of a file that is not whole yet.
const partial = ".partial"

// lockDir makes the directory, for its owner only, and takes its lock.
func lockDir(dir string) (*os.File, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	return dirlock.Take(dir)
}

// makeDir makes a directory and those above it, and has their names last.
func makeDir(path string) error {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return nil
	}
	above := filepath.Dir(path)
	if above != path {
		if err := makeDir(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(above)
}

// syncDir makes new names in a directory last.
func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// write gives a file these bytes: after a crash it has them all, or is as it
// was before.
func (l *Log) write(name string, b []byte) error {
	path := l.path(name)
	if err := makeDir(filepath.Dir(path)); err != nil {
		return l.explain("write "+name, err)
	}
	if err := writeSynced(path+partial, b); err != nil {
		return l.explain("write "+name, err)
	}
	l.reached("file: synced")
	if err := os.Rename(path+partial, path); err != nil {
		return l.explain("write "+name, err)
	}
	return l.explain("write "+name, syncDir(filepath.Dir(path)))
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func (l *Log) path(name string) string { return filepath.Join(l.o.Dir, filepath.FromSlash(name)) }

func (l *Log) read(name string) ([]byte, error) {
	b, err := os.ReadFile(l.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return b, l.explain("read "+name, err)
}

// names lists the whole files of a directory, ascending.
func (l *Log) names(dir string) ([]string, error) {
	entries, err := os.ReadDir(l.path(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, l.explain("list "+dir, err)
	}
	var list []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), partial) {
			list = append(list, e.Name())
		}
	}
	return list, nil
}

// explain turns what the disk says into what a person can do about it, and all
// else into a fault.
func (l *Log) explain(doing string, err error) error {
	var told *vitrine.Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &told):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), strings.Contains(err.Error(), syscall.ENOSPC.Error()): // Tessera hands on the words alone
		return vitrine.DiskFull(l.o.Dir)
	case errors.Is(err, syscall.EROFS):
		return vitrine.Refusef(vitrine.Failed, "%s is read-only: make it writable and run the same command again; nothing is lost", l.o.Dir)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return vitrine.NoPermission(l.o.Dir, err)
	}
	return fmt.Errorf("ledger: %s: %w", doing, err)
}
