package chat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// walk goes through one conversation.
type walk struct {
	ctx          context.Context
	export       *export
	index        *index
	conversation *conversation
	yield        func(collect.Item) error
}

// place is where an item stands in a conversation: the message that begins at
// start in a list, itself (0) or what it refers to (1, 2, …).
type place struct {
	list   int
	start  int64
	part   int
	digest string // of the message
}

func (p place) String() string { return fmt.Sprintf("%d.%d.%d.%s", p.list, p.start, p.part, p.digest) }

func parsePlace(s string) (place, error) {
	wrong := fmt.Errorf("position %q is none of this conversation", s)
	parts := strings.Split(s, ".")
	if len(parts) != 4 || len(parts[3]) != 16 {
		return place{}, wrong
	}
	list, err1 := strconv.Atoi(parts[0])
	start, err2 := strconv.ParseInt(parts[1], 10, 64)
	part, err3 := strconv.Atoi(parts[2])
	p := place{list, start, part, parts[3]}
	if err1 != nil || err2 != nil || err3 != nil || list < 0 || start < 0 || part < 0 || p.String() != s {
		return place{}, wrong
	}
	return p, nil
}

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// all yields what stands behind a position.
func (w *walk) all(after string) error {
	from := place{list: 0, part: -1}
	if after != "" {
		var err error
		if from, err = parsePlace(after); err != nil {
			return err
		}
		if from.list >= len(w.conversation.lists) {
			return errChanged(w.export.path)
		}
	}
	for i := from.list; i < len(w.conversation.lists); i++ {
		if err := w.list(i, from); err != nil {
			return err
		}
		from = place{part: -1}
	}
	return nil
}

// list yields the messages of one list from the place on.
func (w *walk) list(n int, from place) error {
	l := w.conversation.lists[n]
	begin := l.start
	if from.part >= 0 {
		if begin = from.start; begin < l.start || begin >= l.end {
			return errChanged(w.export.path)
		}
	}
	s := newStream(w.export.file, begin, l.end, true)
	if _, err := s.token(); err != nil {
		return err
	}
	for s.good < l.end {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		raw, start, err := s.value()
		var b *broken
		if errors.As(err, &b) {
			return errChanged(w.export.path) // it was whole when it was scanned
		}
		if err != nil {
			return err
		}
		at := place{n, start, 0, digestOf(string(raw))}
		first := 0
		if from.part >= 0 {
			if from.start != start || from.digest != at.digest {
				return errChanged(w.export.path)
			}
			first, from.part = from.part+1, -1
		}
		if err := w.message(raw, at, l.end-start, first); err != nil {
			return err
		}
	}
	return nil
}

// message yields a message and what it refers to, from a part on. fromEnd tells
// it from one with the same bytes.
func (w *walk) message(raw []byte, at place, fromEnd int64, first int) error {
	m := parseMessage(raw)
	it := m.evidence()
	it.Membership = w.conversation.membership(m, w.index.owner)
	it.Offset, it.Size, it.SHA256 = at.start, int64(len(raw)), vitrine.DigestOf(raw)
	it.Identity = fmt.Sprintf("%s %d.%d", it.SHA256.Hex(), at.list, fromEnd)
	it.Key, it.Position = strconv.FormatInt(at.start, 10), at.String()
	if first == 0 {
		if err := w.yield(it); err != nil {
			return err
		}
	}
	for _, ref := range m.refs {
		for _, f := range w.referred(ref) {
			if at.part++; at.part < first {
				continue
			}
			f.Received, f.Membership, f.Doubtful = it.Received, it.Membership, it.Doubtful
			f.Identity += " of " + it.Identity
			f.Position = at.String()
			f.Extra = map[string]string{"message": shown(m.id), "reference": shown(ref)}
			if err := w.yield(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// missing is why a file cannot be read that a message refers to.
const missing = "the export does not hold this file"

// referred are the files that a reference means, or the one that is missing.
func (w *walk) referred(ref string) (all []collect.Item) {
	for _, n := range w.index.files(ref) {
		all = append(all, fileItem(w.index.members[n], n))
	}
	if len(all) == 0 {
		all = []collect.Item{{Name: "media/" + shown(ref), Category: Category, Form: "stored", Unreadable: missing, Identity: "missing " + ref}}
	}
	return all
}
