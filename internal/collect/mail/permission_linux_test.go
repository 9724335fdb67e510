package mail_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect/mail"
)

// bound makes permissions bind the rest of the test, which root would pass by:
// this thread touches files as a user that owns nothing but what it makes.
func bound(t *testing.T) {
	if os.Geteuid() != 0 {
		return
	}
	runtime.LockOSThread()
	dir := filepath.Dir(t.TempDir())
	if err := os.Chown(dir, 65534, -1); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setfsuid(65534); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setfsuid(0); err != nil {
			t.Fatal(err)
		}
		runtime.UnlockOSThread()
	})
}

// TestMaildirPermission: one message that may not be read is counted, a whole
// folder is an error.
func TestMaildirPermission(t *testing.T) {
	bound(t)
	root := t.TempDir()
	tree(t, root, map[string]string{"alice/cur/1000000000.a": "Subject: a\n\n", "alice/cur/1000000001.b": "", "bob/cur/1.a": ""})
	for _, path := range []string{"alice/cur/1000000001.b", "bob/cur"} {
		if err := os.Chmod(filepath.Join(root, path), 0); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(filepath.Join(root, path), 0o700)
	}
	s := opened(t)(mail.Maildir("m", root+"/{account}"))
	if _, items := names(t, s, "alice"); !slices.Equal(items, []string{"INBOX:1000000000.a", "INBOX:1000000001.bno-permission"}) {
		t.Errorf("items %q", items)
	}
	_, err := s.Inventory(context.Background(), "bob")
	says(t, err, "cannot be read")
}
