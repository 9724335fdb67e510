package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
)

// chosen checks that nobody chose among headers when a period had begun: each
// is the last one that was announced before, or, if none was, continues the one
// before it.
func (l *Ledger) chosen() error {
	for i, p := range l.Chain[1:] {
		if other, ok := l.announcedLast(p.Hash, l.Chain[i].From, p.From); ok {
			return fmt.Errorf("header %d is not the one that was announced last before its period: %s was, in bundle %d", p.Number, other.Digest, other.Bundle)
		}
		if l.announcedBefore(p) {
			continue
		}
		if err := p.continues(l.Chain[i].Header); err != nil {
			return fmt.Errorf("header %d was not announced before its period, and %w", p.Number, err)
		}
	}
	return l.coming()
}

// coming checks the header that is public ahead of its period.
func (l *Ledger) coming() error {
	if l.next == nil {
		return nil
	}
	last := l.Chain[len(l.Chain)-1]
	if other, ok := l.announcedLast(l.next.Hash, last.From, last.To); ok {
		return fmt.Errorf("headers/%d.json is not the header that was announced last: %s was, in bundle %d", len(l.Chain), other.Digest, other.Bundle)
	}
	if _, ok := l.notice(NoticeHeader, l.next.Hash); ok {
		return nil
	}
	if err := l.next.continues(last.Header); err != nil {
		return fmt.Errorf("headers/%d.json is public and was not announced, and %w", len(l.Chain), err)
	}
	return nil
}

// announcedLast finds a header that was announced between two times, behind the
// one with this hash, and that never came.
func (l *Ledger) announcedLast(hash Hash, from, to uint64) (other Notice, ok bool) {
	for _, n := range l.notices {
		if n.Kind != NoticeHeader {
			continue
		}
		if n.Digest == hash {
			ok = false
			continue
		}
		used := l.next != nil && l.next.Hash == n.Digest || slices.ContainsFunc(l.Chain, func(p *Period) bool { return p.Hash == n.Digest })
		if at := l.seen(n.Bundle); !used && at >= from && at < to {
			other, ok = n, true
		}
	}
	return other, ok
}

// readNext reads the header that is public ahead of its period, if there is one.
func (l *Ledger) readNext() error {
	b, err := l.reader.get("headers/" + strconv.Itoa(len(l.Chain)) + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	h, err := ParseHeader(b)
	if err != nil {
		return err
	}
	chain, err := l.Chain.With(h)
	if err != nil {
		return err
	}
	l.next = chain[len(chain)-1]
	return nil
}

// documents checks that the public documents of notices are there.
func (l *Ledger) documents() error {
	for _, n := range l.notices {
		if n.Kind != NoticeStatement && n.Kind != NoticePetition && n.Kind != NoticeKey {
			continue
		}
		path := "documents/" + n.Digest.String()
		b, err := l.reader.get(path)
		if err != nil {
			return err
		}
		if sha256.Sum256(b) != [32]byte(n.Digest) {
			return fmt.Errorf("%s is not the document of the notice in bundle %d", path, n.Bundle)
		}
	}
	return nil
}
