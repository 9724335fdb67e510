package files

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine/internal/collect"
)

// How often a directory is listed until it stood still meanwhile. One that
// never does is taken as it was last: what is missed shows when states are
// compared.
const (
	maxListings = 12
	still       = 100 * time.Millisecond // more than the grain of a file system's stamps
)

const statMask = unix.STATX_BASIC_STATS | unix.STATX_BTIME | unix.STATX_MNT_ID

// disk is a directory of this machine.
type disk struct {
	file  *os.File
	path  string // as people know it
	mount uint64 // that the account's directory lies on
}

func (d *disk) Close() error { return d.file.Close() }

// ground is the directory f as the top of a tree.
func ground(f *os.File, path string) (*disk, error) {
	d := &disk{file: f, path: path}
	st, err := d.stat("", unix.AT_EMPTY_PATH)
	if err != nil {
		return nil, collect.CannotRead(path, err)
	}
	d.mount = mountOf(st)
	return d, nil
}

func (d *disk) stat(name string, flags int) (st unix.Statx_t, err error) {
	err = collect.Again(func() error {
		return unix.Statx(int(d.file.Fd()), name, flags|unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, statMask, &st)
	})
	return st, err
}

// mountOf is the mount that an entry lies on, or its device where the system
// does not tell mounts apart.
func mountOf(st unix.Statx_t) uint64 {
	if st.Mask&unix.STATX_MNT_ID != 0 {
		return st.Mnt_id
	}
	return 1<<63 | unix.Mkdev(st.Dev_major, st.Dev_minor)
}

func timeOf(t unix.StatxTimestamp) time.Time { return time.Unix(t.Sec, int64(t.Nsec)) }

// list lists the directory until its stamp shows that nothing came or went.
func (d *disk) list(ctx context.Context, from string, span int) ([]node, bool, error) {
	for n := 1; ; n++ {
		before, err := d.stat("", unix.AT_EMPTY_PATH)
		if err != nil {
			return nil, false, collect.CannotRead(d.path, err)
		}
		found := smallest{from: from, span: span}
		if err := d.once(found.add); err != nil {
			return nil, false, collect.CannotRead(d.path, err)
		}
		after, err := d.stat("", unix.AT_EMPTY_PATH)
		if err != nil {
			return nil, false, collect.CannotRead(d.path, err)
		}
		same := before.Mtime == after.Mtime && before.Ctime == after.Ctime
		if age := time.Since(timeOf(after.Ctime)); n == maxListings || same && (age > still || age < 0) {
			nodes, more := found.sorted()
			return nodes, more, nil
		}
		if err := settle(ctx, timeOf(after.Ctime)); err != nil {
			return nil, false, err
		}
	}
}

// settle waits until a stamp is old enough that another change would show.
func settle(ctx context.Context, stamp time.Time) error {
	left := still - time.Since(stamp)
	if left <= 0 || left > still {
		return ctx.Err()
	}
	t := time.NewTimer(left + time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Of a directory's entry as getdents64(2) writes it.
const (
	direntHead = 19
	direntType = 18
)

// once lists the directory one time.
func (d *disk) once(each func(node)) error {
	fd := int(d.file.Fd())
	if _, err := unix.Seek(fd, 0, 0); err != nil {
		return err
	}
	buffer := make([]byte, 64<<10)
	for {
		n := 0
		err := collect.Again(func() (err error) { n, err = unix.Getdents(fd, buffer); return err })
		if err != nil || n <= 0 {
			return err
		}
		for b := buffer[:n]; len(b) > direntHead; {
			length := int(binary.NativeEndian.Uint16(b[16:]))
			if length <= direntHead || length > len(b) {
				return errors.New("the system's listing is malformed")
			}
			name, _, _ := strings.Cut(string(b[direntHead:length]), "\x00")
			if name != "." && name != ".." {
				each(node{name: name, inode: binary.NativeEndian.Uint64(b), hint: hints[b[direntType]]})
			}
			b = b[length:]
		}
	}
}

var hints = map[byte]kind{unix.DT_REG: regular, unix.DT_DIR: directory, unix.DT_LNK: link, unix.DT_FIFO: special, unix.DT_SOCK: special, unix.DT_CHR: special, unix.DT_BLK: special}

// look finds an entry, and one that was renamed in its directory meanwhile by
// its inode.
func (d *disk) look(_ context.Context, n node) (node, error) {
	st, err := d.stat(n.name, 0)
	for try := 0; errors.Is(err, unix.ENOENT) && try < maxListings; try++ {
		moved := ""
		if err := d.once(func(m node) {
			if m.inode == n.inode {
				moved = m.name
			}
		}); err != nil {
			return n, collect.CannotRead(d.path, err)
		}
		if moved == "" {
			return n, errGone
		}
		n.name = moved
		st, err = d.stat(n.name, 0)
	}
	if errors.Is(err, unix.ENOENT) {
		return n, errGone
	}
	if err != nil {
		return n, collect.CannotRead(d.path+"/"+n.name, err)
	}
	n.facts, n.inode = d.facts(st), st.Ino
	if n.kind == regular && n.barred == "" && !d.may(n.name) {
		n.barred = barredPermission
	}
	return n, nil
}

func (d *disk) facts(st unix.Statx_t) *facts {
	f := &facts{size: int64(st.Size), modified: timeOf(st.Mtime), changed: timeOf(st.Ctime), links: uint64(st.Nlink)}
	if st.Mask&unix.STATX_BTIME != 0 {
		f.born = timeOf(st.Btime)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		f.kind = regular
	case unix.S_IFDIR:
		f.kind, f.links = directory, 1
	case unix.S_IFLNK:
		f.kind = link
	default:
		f.kind = special
	}
	if mountOf(st) != d.mount {
		f.barred = barredMount
	}
	return f
}

// may reports whether a file can be read, without opening it.
func (d *disk) may(name string) bool {
	err := collect.Again(func() error {
		return unix.Faccessat(int(d.file.Fd()), name, unix.R_OK, unix.AT_EACCESS|unix.AT_SYMLINK_NOFOLLOW)
	})
	return !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM)
}

func (d *disk) enter(_ context.Context, n node) (folder, error) {
	sub, err := d.down(n.name)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, collect.ErrLink), errors.Is(err, errGone):
		return nil, errGone
	case err != nil:
		return nil, collect.CannotRead(d.path+"/"+n.name, err)
	}
	return sub, nil
}

// down opens a directory in this one, if it lies on the same mount.
func (d *disk) down(name string) (*disk, error) {
	f, err := collect.OpenDir(d.file, name)
	if err != nil {
		return nil, err
	}
	sub := &disk{file: f, path: d.path + "/" + name, mount: d.mount}
	st, err := sub.stat("", unix.AT_EMPTY_PATH)
	if err == nil && mountOf(st) != d.mount {
		err = errGone
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return sub, nil
}
