package mail

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/production"
)

// The rules by which a Maildir tells when a message arrived.
const (
	ruleMaildirName = "maildir-name" // the seconds at the start of the file's name
	ruleMtime       = "mtime"        // the file's time of modification, which copying may change
	flagMtime       = "mtime"
)

// Why a single message cannot be read.
const (
	noPermission = "no-permission"
	noFile       = "no-file" // a link, a directory or a device
)

// letters reads the messages of one Maildir one after the other.
type letters struct {
	*box
	list    []entry  // sorted, as listed at the beginning
	at      int      // in list
	renamed []entry  // sorted, as listed when a message was last missed
	group   string   // the unique name that was looked at last
	opened  []uint64 // inodes of the messages of that name that were read
	places  int      // listed for that name so far
	missed  bool     // one of them was empty
	head    heading
	buffer  []byte
	ahead   *lettersAhead
}

// maxMoves is how often a message is looked for again that was renamed just
// when it was to be opened.
const maxMoves = 100

// errGone says that an entry is not where it was listed.
var errGone = errors.New("the message is not at that place any more")

// item yields the evidence on one message. An entry may be only another place
// of one that has its turn, too: a message that is renamed while the directory
// is listed can be listed twice. Behind the last entry of a name, whatever was
// not found at its place is looked for at others.
func (l *letters) item(ctx context.Context, e entry, yield func(collect.Item) error) error {
	if e.unique() != l.group {
		l.group, l.opened, l.missed, l.places = e.unique(), l.opened[:0], false, 0
	}
	l.places++
	it, ok, err := l.turn(e)
	switch {
	case errors.Is(err, errGone):
		l.missed = true
	case err != nil:
		return err
	case ok:
		if !l.missed && !l.more() {
			it.Position = l.group
		}
		if err := yield(it); err != nil {
			return err
		}
	}
	if !l.missed || l.more() {
		return nil
	}
	return l.elsewhere(ctx, e, yield)
}

// more reports whether the next entry is of the same name.
func (l *letters) more() bool {
	return l.at+1 < len(l.list) && l.list[l.at+1].unique() == l.group
}

// turn is look for the entry whose turn it is, which may have been read ahead.
func (l *letters) turn(e entry) (it collect.Item, ok bool, err error) {
	header, st, ok := l.ahead.take(l.at)
	switch {
	case !ok:
		return l.look(e)
	case !l.fresh(st):
		return it, false, nil
	}
	return l.evidence(e, st, header, false, true), true, nil
}

// look reads the message at a place. ok is false for one that was read before.
func (l *letters) look(e entry) (it collect.Item, ok bool, err error) {
	fd, err := collect.OpenAt(l.dirs[e.sub], e.name, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return it, false, errGone
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENXIO):
		return l.bare(e, unix.Stat_t{}, noFile), true, nil
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		st, err := collect.Lstat(l.dirs[e.sub], e.name)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return it, false, fmt.Errorf("look at a message: %w", err)
		}
		return l.bare(e, st, noPermission), l.fresh(st), nil
	case err != nil:
		return it, false, fmt.Errorf("open a message: %w", err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := collect.Again(func() error { return unix.Fstat(fd, &st) }); err != nil {
		return it, false, fmt.Errorf("look at a message: %w", err)
	}
	if !l.fresh(st) {
		return it, false, nil
	}
	it, err = l.read(fd, st, e)
	return it, true, err
}

// fresh takes note of a file, and reports whether it is seen for the first time.
func (l *letters) fresh(st unix.Stat_t) bool {
	if slices.Contains(l.opened, st.Ino) {
		return false
	}
	l.opened = append(l.opened, st.Ino)
	return true
}

// elsewhere yields the messages of e's name that were renamed since they were
// listed. What was listed when a message was last missed serves first, unless
// several files had the name.
func (l *letters) elsewhere(ctx context.Context, e entry, yield func(collect.Item) error) error {
	for n := range maxMoves {
		if n > 0 || l.places > 1 {
			var err error
			if l.renamed, _, err = l.box.list(ctx, e.unique()); err != nil {
				return err
			}
		}
		moved, err := l.among(l.renamed, e.unique(), yield)
		if err != nil {
			return err
		}
		if !moved && (n > 0 || l.places > 1 || len(l.opened) > 0) {
			break
		}
	}
	if len(l.opened) > 0 {
		return nil
	}
	return yield(l.bare(e, unix.Stat_t{}, collect.Vanished))
}

// among yields the messages of one name in a listing that were not read yet,
// and reports whether one had moved on.
func (l *letters) among(list []entry, unique string, yield func(collect.Item) error) (moved bool, err error) {
	i, _ := slices.BinarySearchFunc(list, unique, toUnique)
	for ; i < len(list) && list[i].unique() == unique; i++ {
		it, ok, err := l.look(list[i])
		switch {
		case errors.Is(err, errGone):
			moved = true
		case err != nil:
			return moved, err
		case ok:
			if err := yield(it); err != nil {
				return moved, err
			}
		}
	}
	return moved, nil
}

func toUnique(e entry, unique string) int { return strings.Compare(e.unique(), unique) }

// bare is a message of which nothing but its entry could be read.
func (l *letters) bare(e entry, st unix.Stat_t, why string) collect.Item {
	it := collect.Item{Name: collect.Valid(e.name), Category: Category, Form: "stored", Unreadable: why, Size: st.Size}
	it.Identity = e.unique()
	it.Received, it.Flags = received(e, time.Unix(st.Mtim.Unix()))
	if st.Ino == 0 && it.Received.Rule == ruleMtime {
		it.Received = production.Interval{Rule: ruleMtime}
	}
	return it
}

func (l *letters) read(fd int, st unix.Stat_t, e entry) (collect.Item, error) {
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return l.bare(e, st, noFile), nil
	}
	header, isCut, ended, err := l.header(fd)
	if err != nil {
		return collect.Item{}, fmt.Errorf("read a message's header: %w", err)
	}
	return l.evidence(e, st, header, isCut, ended), nil
}

// evidence is what a message's name, file and header say.
func (l *letters) evidence(e entry, st unix.Stat_t, header []byte, isCut, ended bool) collect.Item {
	l.head.read(header, isCut)
	it := collect.Item{Name: collect.Valid(e.name), Size: st.Size, Form: "stored"}
	it.Identity = fmt.Sprintf("%s/%d/%d/%d", e.unique(), st.Ino, st.Size, st.Mtim.Nano())
	it.Received, it.Flags = received(e, time.Unix(st.Mtim.Unix()))
	it.Flags = append(it.Flags, marks(e)...)
	if !ended && !isCut {
		it.Flags = append(it.Flags, flagNoBlank)
	}
	l.head.into(&it)
	it.Key = letterKey{entry: e, ino: st.Ino, size: st.Size, mtime: st.Mtim.Nano(), head: int64(len(header)), sum: sha256.Sum256(header)}.String()
	return it
}

// header reads a message's header with its blank line, up to maxHeader.
func (l *letters) header(fd int) (header []byte, isCut, ended bool, err error) {
	if l.buffer == nil {
		l.buffer = make([]byte, maxHeader)
	}
	for n, want := 0, firstRead; ; want = min(4*want, maxHeader) {
		n, err = preadFull(fd, l.buffer[:want], n)
		if err != nil {
			return nil, false, false, err
		}
		end, ok := headerEnd(l.buffer[:n])
		if ok || n < want || want == maxHeader {
			return l.buffer[:end], !ok && n == maxHeader, ok, nil
		}
	}
}

// preadFull fills b, of which n bytes are read already, as far as there is
// anything to read.
func preadFull(fd int, b []byte, n int) (int, error) {
	for n < len(b) {
		m, err := unix.Pread(fd, b[n:], int64(n))
		if err == unix.EINTR {
			continue
		}
		if err != nil || m == 0 {
			return n, err
		}
		n += m
	}
	return n, nil
}

// received is the store's own record of when a message arrived.
func received(e entry, mtime time.Time) (production.Interval, []string) {
	seconds, rest, ok := number(e.name, 9, 10)
	if ok && rest != "" && rest[0] == '.' && seconds > 0 {
		at := time.Unix(int64(seconds), 0).UTC()
		return production.Interval{From: at, To: at, Rule: ruleMaildirName, Raw: e.name[:len(e.name)-len(rest)]}, nil
	}
	at := mtime.UTC().Truncate(time.Second)
	return production.Interval{From: at, To: at, Rule: ruleMtime}, []string{flagMtime}
}

// marks are the states that a mail program gave a message: "maildir-new", or
// "maildir-S" for seen and so on, as https://cr.yp.to/proto/maildir.html has
// them.
func marks(e entry) []string {
	var marks []string
	if subs[e.sub] == "new" {
		marks = append(marks, "maildir-new")
	}
	_, info, _ := strings.Cut(e.name, ":2,")
	for _, c := range []byte(info) {
		if strings.IndexByte("PRSTDF", c) >= 0 {
			marks = append(marks, "maildir-"+string(c))
		}
	}
	return marks
}
