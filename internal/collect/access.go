package collect

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Mounted is the access to what lies below a directory of this machine. Only a
// mount that is read-only for this process proves anything: modes of files do
// not, since whoever owns a file can change them.
func Mounted(dir string) (Access, error) {
	var st unix.Statfs_t
	for {
		err := unix.Statfs(dir, &st)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return Access{}, fmt.Errorf("look at the mount of %s: %w", dir, err)
		}
		break
	}
	if st.Flags&unix.ST_RDONLY != 0 {
		return Access{Shown: "the mount is read-only"}, nil
	}
	return Access{
		Shown:  "the mount's flags",
		Writes: fmt.Sprintf("%s is mounted for writing; a read-only mount is made by ReadOnlyPaths= in a systemd unit, or by mount --bind -o ro", filepath.Clean(dir)),
	}, nil
}
