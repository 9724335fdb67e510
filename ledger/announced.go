package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
)

// chosen checks that nobody chose among headers when a period had begun: each
// is the last one that was announced before, or, if none was, continues the one
// before it.
func (l *Ledger) chosen() error {
	said := l.headersSaid()
	for i, p := range l.Chain[1:] {
		if other, ok := said.last(p.Hash, l.Chain[i].From, p.From); ok {
			return fmt.Errorf("header %d is not the one that was announced last before its period: %s was, in bundle %d", p.Number, other.Digest, other.Bundle)
		}
		if l.announcedBefore(p) {
			continue
		}
		if err := p.continues(l.Chain[i].Header); err != nil {
			return fmt.Errorf("header %d was not announced before its period, and %w", p.Number, err)
		}
	}
	return l.coming(said)
}

// coming checks the header that is public ahead of its period.
func (l *Ledger) coming(said headersSaid) error {
	if l.next == nil {
		return nil
	}
	last := l.Chain[len(l.Chain)-1]
	if other, ok := said.last(l.next.Hash, last.From, last.To); ok {
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

// headersSaid are the notices of headers, in order, each looked at once: there
// may be as many as anybody likes to say.
type headersSaid []headerSaid

type headerSaid struct {
	Notice
	seen uint64
	used bool // it is the hash of a header that came
}

func (l *Ledger) headersSaid() headersSaid {
	came := map[Hash]bool{}
	for _, p := range l.Chain {
		came[p.Hash] = true
	}
	if l.next != nil {
		came[l.next.Hash] = true
	}
	var list headersSaid
	for _, n := range l.notices {
		if n.Kind == NoticeHeader {
			list = append(list, headerSaid{n, l.seen(n.Bundle), came[n.Digest]})
		}
	}
	return list
}

// last finds a header that was announced between two times, behind the one with
// this hash, and that never came. A notice from the second time on excuses
// nothing.
func (list headersSaid) last(hash Hash, from, to uint64) (other Notice, ok bool) {
	for _, n := range list {
		if n.Digest == hash && n.seen < to {
			ok = false
			continue
		}
		if !n.used && n.seen >= from && n.seen < to {
			other, ok = n.Notice, true
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

// documents checks that the public documents of notices are there, and reads
// what auditors say. One that is no statement is no fault of the ledger: it is
// said, and nothing follows from it.
func (l *Ledger) documents() error {
	for _, n := range l.notices {
		if !Documented(n.Kind) {
			continue
		}
		b, err := l.document(n)
		if err != nil {
			return err
		}
		if n.Kind == NoticeStatement {
			l.Statements = append(l.Statements, l.judge(n.Digest, b))
		}
	}
	return nil
}

// document reads the public document of a notice.
func (l *Ledger) document(n Notice) ([]byte, error) {
	path := "documents/" + n.Digest.String()
	b, err := l.reader.get(path)
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(b) != [32]byte(n.Digest) {
		return nil, fmt.Errorf("%s is not the document of the notice in bundle %d", path, n.Bundle)
	}
	if n.Kind == NoticeStatement && (len(b) == 0 || len(b) > maxStatement) {
		return nil, fmt.Errorf("%s is a statement of %d bytes: it has 1 to %d", path, len(b), maxStatement)
	}
	return b, nil
}
