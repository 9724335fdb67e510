package mail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// subs are the directories of a Maildir that hold messages. A message moves
// from new to cur: new is listed first, so that it is not missed in between.
var subs = [...]string{"new", "cur"}

// How often a Maildir is listed. While messages are renamed a listing may miss
// some: it is done when the directories stood still for two listings and some
// time, or when so many in a row found nothing that those before had not.
const (
	enoughListings = 12
	maxListings    = 200
	usualSpan      = 1 << 17                // messages listed at once, or up to twice as many where that is all: memory does not grow with the mailbox
	still          = 100 * time.Millisecond // more than the grain of a file system's stamps
)

// box is one Maildir, open for reading.
type box struct {
	path    string
	dirs    [len(subs)]*os.File // nil where the directory does not exist
	span    int                 // how many messages are listed at once
	dirents []byte              // names as the system lists them
}

// Close lets the directories go.
func (b *box) Close() {
	for _, d := range b.dirs {
		if d != nil {
			d.Close()
		}
	}
}

// entry is a file of a Maildir.
type entry struct {
	sub    int // of subs
	name   string
	prefix int // length of the part before the first colon, 0 where it was not looked for
}

// at is the entry of that name, ready to be compared often.
func at(sub int, name string) entry {
	u, _, _ := strings.Cut(name, ":")
	return entry{sub, name, len(u)}
}

// unique is the part of a message's name that stays when it is moved or
// flagged.
func (e entry) unique() string {
	if e.prefix > 0 {
		return e.name[:e.prefix]
	}
	u, _, _ := strings.Cut(e.name, ":")
	return u
}

func (e entry) String() string { return subs[e.sub] + "/" + e.name }

func byUnique(a, b entry) int {
	if c := strings.Compare(a.unique(), b.unique()); c != 0 {
		return c
	}
	if c := strings.Compare(a.name, b.name); c != 0 {
		return c
	}
	return a.sub - b.sub
}

// each calls f for all messages behind the name after, in the order of their
// names, a span at a time.
func (b *box) each(ctx context.Context, after string, f func([]entry) error) error {
	from := ""
	if after != "" {
		from = after + "\x00" // the next name there can be
	}
	for {
		list, more, err := b.list(ctx, from)
		if err != nil || len(list) == 0 {
			return err
		}
		if err := f(list); err != nil || !more {
			return err
		}
		from = list[len(list)-1].unique() + "\x00"
	}
}

// list returns the first span of messages from a name on, sorted, and whether
// there are more. Mail that is delivered meanwhile does not keep it from ending.
func (b *box) list(ctx context.Context, from string) (list []entry, full bool, err error) {
	var known []entry // not complete behind a span once a listing is full
	before, err := b.stamps()
	if err != nil {
		return nil, false, err
	}
	for n, barren := 0, 0; n < maxListings; n++ {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		stood := before.old(still) // whatever changes from now on shows in the stamps
		more, cut, err := b.once(from)
		if err != nil {
			return nil, false, err
		}
		now, err := b.stamps()
		if err != nil {
			return nil, false, err
		}
		all, added := merge(known, more)
		some, moved := len(added) > 0, slices.ContainsFunc(added, func(e entry) bool { return subs[e.sub] != "new" })
		known, full = b.cut(all, full || cut)
		if now == before && (stood || n > 0 && !some && now.old(still)) {
			return known, full, nil
		}
		before = now
		barren++
		if moved || some && n < enoughListings {
			barren = 0
		}
		if barren >= enoughListings {
			return known, full, nil
		}
	}
	return nil, false, vitrine.Refusef(vitrine.Failed, "%s changes faster than it can be listed: run the step again when less is going on", b.path)
}

// stamps are the times at which names in the directories last changed.
type stamps [len(subs)]unix.Timespec

// old reports whether all stamps lie further back than d. It asks the system's
// clock, as that is what sets the stamps.
func (s stamps) old(d time.Duration) bool {
	for _, t := range s {
		if time.Since(time.Unix(t.Unix())) < d {
			return false
		}
	}
	return true
}

func (b *box) stamps() (s stamps, err error) {
	for i, d := range b.dirs {
		var st unix.Stat_t
		if d == nil {
			continue
		}
		if err := collect.Again(func() error { return unix.Fstat(int(d.Fd()), &st) }); err != nil {
			return s, collect.CannotRead(b.path+"/"+subs[i], err)
		}
		s[i] = st.Mtim
	}
	return s, nil
}

// once lists both directories one time, and reports whether it left out what
// lies behind a span.
func (b *box) once(from string) (list []entry, full bool, err error) {
	for i, d := range b.dirs {
		if d == nil {
			continue
		}
		err := b.names(d, func(name string) {
			if e := at(i, name); name[0] != '.' && e.unique() >= from { // names that begin with a dot are no messages
				list = append(list, e)
			}
			if len(list) >= 4*b.span {
				slices.SortFunc(list, byUnique)
				list, full = b.cut(list, true)
			}
		})
		if err != nil {
			return nil, false, collect.CannotRead(b.path+"/"+subs[i], err)
		}
	}
	slices.SortFunc(list, byUnique)
	list, full = b.cut(list, full)
	return list, full, nil
}

// names calls f with every name in a directory. It asks for more of them at
// once than the standard library does.
func (b *box) names(d *os.File, f func(name string)) error {
	if b.dirents == nil {
		b.dirents = make([]byte, 256<<10)
	}
	fd := int(d.Fd())
	if _, err := unix.Seek(fd, 0, io.SeekStart); err != nil {
		return err
	}
	var names []string
	for {
		var n int
		err := collect.Again(func() (err error) {
			n, err = unix.ReadDirent(fd, b.dirents)
			return err
		})
		if n <= 0 || err != nil {
			return err
		}
		for rest := b.dirents[:n]; len(rest) > 0; {
			var used int
			used, _, names = unix.ParseDirent(rest, -1, names[:0])
			if used <= 0 {
				return errors.New("the system lists it in a form that is not known")
			}
			rest = rest[used:]
			for _, name := range names {
				f(name)
			}
		}
	}
}

// cut shortens a sorted listing to a span if it is full already, or longer than
// two of them, and never between two places of one name.
func (b *box) cut(list []entry, full bool) ([]entry, bool) {
	if len(list) <= b.span || !full && len(list) <= 2*b.span {
		return list, full
	}
	last := list[b.span-1].unique()
	n := b.span
	for n < len(list) && list[n].unique() == last {
		n++
	}
	clear(list[n:]) // lets their names go
	return list[:n], true
}

// merge joins two sorted listings. Of a name that both have, the places of the
// later one stand; added are the entries whose names only the later one has.
func merge(before, after []entry) (all, added []entry) {
	if len(before) == 0 {
		return after, after
	}
	for i, j := 0, 0; i < len(before) || j < len(after); {
		switch {
		case j == len(after) || i < len(before) && before[i].unique() < after[j].unique():
			all = append(all, before[i])
			i++
		case i == len(before) || after[j].unique() < before[i].unique():
			all, added = append(all, after[j]), append(added, after[j])
			j++
		default:
			u := after[j].unique()
			for i < len(before) && before[i].unique() == u {
				i++
			}
			for ; j < len(after) && after[j].unique() == u; j++ {
				all = append(all, after[j])
			}
		}
	}
	return all, added
}

// state is a token for what is listed, blind to moves and flags. each is told
// of every message on the way.
func (b *box) state(ctx context.Context, each func(entry)) (string, error) {
	h, n := sha256.New(), 0
	err := b.each(ctx, "", func(list []entry) error {
		for _, e := range list {
			h.Write([]byte(e.unique()))
			h.Write([]byte{0})
			each(e)
		}
		n += len(list)
		return nil
	})
	return fmt.Sprintf("files=%d names=%s", n, hex.EncodeToString(h.Sum(nil)[:16])), err
}
