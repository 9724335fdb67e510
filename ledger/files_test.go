//go:build unix

package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNoFile: a directory may hold what is no file, or a link to elsewhere, where
// a file should be. Nothing of it is opened.
func TestNoFile(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	put := func(path string, b string) { noError(os.WriteFile(path, []byte(b), 0o600)) }
	put(filepath.Join(outside, "secret"), "secret")
	put(filepath.Join(dir, "file"), "here")
	noError(os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	noError(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	noError(syscall.Mkfifo(filepath.Join(outside, "pipe"), 0o600))
	for name, to := range map[string]string{"link": "file", "link-to-pipe": "pipe", "link-out": filepath.Join(outside, "secret"), "up": "../" + filepath.Base(outside) + "/secret", "away": outside, "device": "/dev/zero", "nowhere": "none"} {
		noError(os.Symlink(to, filepath.Join(dir, name)))
	}
	root, err := os.OpenRoot(dir)
	noError(err)
	fetch := Files(root.FS())
	for name, words := range map[string]string{
		"file": "", "link": "", "none": "not exist", "nowhere": "not exist", "folder": "is no regular file", "pipe": "is no regular file", "link-to-pipe": "is no regular file",
		"link-out": "link out of the directory", "up": "link out of the directory", "away/secret": "link out of the directory", "away/pipe": "link out of the directory", "device": "link out of the directory",
	} {
		done := make(chan error, 1)
		go func() {
			b, err := fetch(name)
			if err == nil && string(b) != "here" {
				err = errors.New("another file was read")
			}
			done <- err
		}()
		select {
		case err := <-done:
			if (words == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v, want %q", name, err, words)
			}
			var u *Unread
			if errors.As(err, &u) {
				t.Errorf("%s: %v is said to be no fault of the directory", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: nothing came", name)
		}
	}
}

// TestTooLong: each kind of file has its limit.
func TestTooLong(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	noError(err)
	for path, limit := range map[string]int64{
		"index.html": 16 << 20, "reports/2026-H1/report.json": 16 << 20, "ledger/public/headers/0.json": 1 << 20, "ledger/public/notices.json": 8 << 20, "ledger/public/checkpoint": 1 << 16,
		"ledger/public/checkpoints/256": 1 << 16, "ledger/public/tile/entries/000": 1 << 15, "ledger/public/tile/0/x001/000": 8192, "ledger/restricted/trailers/000": 1 << 15, "ledger/public/documents/00": 1 << 20,
	} {
		full := filepath.Join(dir, filepath.FromSlash(path))
		noError(os.MkdirAll(filepath.Dir(full), 0o700))
		noError(os.WriteFile(full, nil, 0o600))
		noError(os.Truncate(full, limit))
		if _, err := Files(root.FS())(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		noError(os.Truncate(full, limit+1))
		if _, err := Files(root.FS())(path); !errors.Is(err, ErrTooLong) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of %d bytes: %v", path, limit+1, err)
		}
		noError(os.Remove(full))
	}
}
