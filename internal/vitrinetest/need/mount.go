package need

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// ReadOnly returns a place where dir can only be read, by a mount that ends
// with the test. Where that takes rights that the test has not, ok is false, or
// it fails if VITRINE_REQUIRE names "mount".
func ReadOnly(t testing.TB, dir string) (mounted string, ok bool) {
	t.Helper()
	mounted = t.TempDir()
	err := syscall.Mount(dir, mounted, "", syscall.MS_BIND, "")
	if err == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(mounted, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmount: %v", err)
			}
		})
		err = syscall.Mount("", mounted, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, "")
	}
	if err == nil {
		return mounted, true
	}
	required := strings.Split(os.Getenv("VITRINE_REQUIRE"), ",")
	if slices.Contains(required, "mount") || slices.Contains(required, "all") {
		t.Fatalf("needs mount, which VITRINE_REQUIRE demands: run as root: %v", err)
	}
	t.Logf("no mount for reading only (%v): the suite sees the one that can be written to", err)
	return dir, false
}
