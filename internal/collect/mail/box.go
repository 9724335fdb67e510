package mail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	usualSpan      = 1 << 16                // messages listed at once: memory does not grow with the mailbox
	still          = 100 * time.Millisecond // more than the grain of a file system's stamps
)

// box is one Maildir, open for reading.
type box struct {
	path string
	dirs [len(subs)]*os.File // nil where the directory does not exist
	span int                 // how many messages are listed at once
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
	sub  int // of subs
	name string
}

// unique is the part of a message's name that stays when it is moved or
// flagged.
func (e entry) unique() string {
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
		list, err := b.list(ctx, from)
		if err != nil || len(list) == 0 {
			return err
		}
		if err := f(list); err != nil {
			return err
		}
		from = list[len(list)-1].unique() + "\x00"
	}
}

// list returns the first span of messages from a name on, sorted. Mail that is
// delivered meanwhile does not keep it from ending.
func (b *box) list(ctx context.Context, from string) ([]entry, error) {
	var known []entry
	var before stamps
	for n, barren := 0, 0; n < maxListings; n++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		more, err := b.once(from)
		if err != nil {
			return nil, err
		}
		now, err := b.stamps()
		if err != nil {
			return nil, err
		}
		all, added := merge(known, more)
		if known = b.cut(all); n > 0 && len(added) == 0 && now == before && now.old(still) {
			return known, nil
		}
		before = now
		barren++
		if slices.ContainsFunc(added, func(e entry) bool { return subs[e.sub] != "new" }) || len(added) > 0 && n < enoughListings {
			barren = 0
		}
		if barren >= enoughListings {
			return known, nil
		}
	}
	return nil, vitrine.Refusef(vitrine.Failed, "%s changes faster than it can be listed: run the step again when less is going on", b.path)
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

// once lists both directories one time, as far as a span goes. Names that
// begin with a dot are no messages.
func (b *box) once(from string) ([]entry, error) {
	var list []entry
	for i, d := range b.dirs {
		if d == nil {
			continue
		}
		if _, err := d.Seek(0, 0); err != nil {
			return nil, collect.CannotRead(b.path+"/"+subs[i], err)
		}
		for {
			names, err := d.Readdirnames(4096)
			for _, name := range names {
				if e := (entry{i, name}); name[0] != '.' && e.unique() >= from {
					list = append(list, e)
				}
			}
			if len(list) >= 2*b.span {
				slices.SortFunc(list, byUnique)
				list = b.cut(list)
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, collect.CannotRead(b.path+"/"+subs[i], err)
			}
		}
	}
	slices.SortFunc(list, byUnique)
	return b.cut(list), nil
}

// cut shortens a sorted listing to a span, never between two places of one
// name.
func (b *box) cut(list []entry) []entry {
	if len(list) <= b.span {
		return list
	}
	last := list[b.span-1].unique()
	n := b.span
	for n < len(list) && list[n].unique() == last {
		n++
	}
	clear(list[n:]) // lets their names go
	return list[:n]
}

// merge joins two sorted listings. Of a name that both have, the places of the
// later one stand; added are the entries whose names only the later one has.
func merge(before, after []entry) (all, added []entry) {
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
