package mail

import (
	"bytes"
	"io"

	"github.com/vitrine-project/vitrine"
)

// The forms of an mbox item's bytes.
const (
	formPlain = "mbox"    // nothing in it is quoted
	formRd    = "mboxrd"  // quoted, and what it hides is recorded
	formO     = "mboxo"   // quoted by a writer that left other such lines alone: nobody can take it back
	formCl2   = "mboxcl2" // bounded by its Content-Length, nothing is quoted
)

// maxQuotes is how many ">" before "From " still are a writer's quoting.
const maxQuotes = 1000

// piece is one message of an mbox: its From_ line and the bytes behind it.
type piece struct {
	fromLine
	size     int64 // of the bytes, from fromLine.end on
	form     string
	sum      vitrine.Digest
	isCut    bool // the file ends in its middle
	ended    bool // its header ends with a blank line
	hides    bool // its Content-Length steps over what looks like a From_ line
	doubt    bool // it has a line that may be a From_ line no rule reads
	unquoted bool
}

// scanner cuts a file into pieces.
type scanner struct {
	window
	head   heading
	quoted bool // the item has quoted lines
	bare   bool // it has lines that such a writer would have quoted
	doubt  bool // one of them stands where a From_ line would
	plain  bool // quoting is not looked for
	peeked []byte
}

// next returns the first From_ line that begins in [from, to). On its way it
// takes note of the item's quoted lines.
func (s *scanner) next(from, to int64) (f fromLine, found bool, err error) {
	for at := from; at < to; {
		b, err := s.view(at, len(fromMark))
		if err != nil {
			return f, false, err
		}
		i := bytes.Index(b, fromMark)
		if i < 0 {
			if at += int64(len(b)) - int64(len(fromMark)) + 1; s.base+int64(len(s.buffer)) == s.end {
				return f, false, nil
			}
			continue
		}
		if at += int64(i); at >= to {
			break
		}
		f, found, err = s.candidate(at)
		if found || err != nil {
			return f, found, err
		}
		at++
	}
	return f, false, nil
}

// candidate looks at a "From " at a place.
func (s *scanner) candidate(at int64) (f fromLine, ok bool, err error) {
	begins := at
	for begins > s.base && at-begins < maxQuotes && s.buffer[begins-s.base-1] == '>' {
		begins--
	}
	if begins > s.base && s.buffer[begins-s.base-1] != '\n' || begins == s.base && begins > 0 {
		return f, false, nil // not at the beginning of a line
	}
	if begins < at {
		if s.on && !s.plain && begins >= s.hashed {
			s.quoted = true
			err = s.quote(&s.window, begins)
		}
		return f, false, err
	}
	b, err := s.view(at, maxFromLine+lookAhead)
	if err != nil {
		return f, false, err
	}
	received, n, ok := parseFromLine(b[:min(len(b), maxFromLine+lookAhead)])
	s.bare = s.bare || !ok
	s.doubt = s.doubt || !ok && s.afterBlank(at) && mayBeFromLine(b)
	return fromLine{at, at + int64(n), received}, ok, nil
}

// afterBlank reports whether the line before a place is empty.
func (s *scanner) afterBlank(at int64) bool {
	b := s.buffer[:at-s.base]
	return bytes.HasSuffix(b, []byte("\n\n")) || bytes.HasSuffix(b, []byte("\n\r\n"))
}

// pieces yields every piece from the first From_ line on, which first is.
func (s *scanner) pieces(first fromLine, yield func(piece) error) error {
	for f, more := first, true; more; {
		p := piece{fromLine: f}
		var err error
		if f, more, err = s.piece(&p); err != nil {
			return err
		}
		if err := yield(p); err != nil {
			return err
		}
	}
	return nil
}

// piece reads the piece that begins with p's From_ line and returns the next.
func (s *scanner) piece(p *piece) (next fromLine, more bool, err error) {
	s.quoted, s.bare, s.plain, s.doubt = false, false, false, false
	s.begin(p.end)
	b, err := s.view(p.end, s.header+maxFromLine+lookAhead) // nothing below moves the window
	if err != nil {
		return next, false, err
	}
	b = b[:min(len(b), s.header)]
	n, ended := headerEnd(b)
	body := p.end + int64(n)
	next, more, err = s.next(p.end, body)
	if err != nil {
		return next, more, err
	}
	if more {
		n, ended = int(next.at-p.end), false
	}
	fields := s.bytes(p.end, p.end+int64(n))
	s.head.read(fields, !ended && !more && n == s.header)
	p.ended, p.hides = ended, s.head.lengths > 1
	if more {
		return next, true, s.finishPiece(p, s.trimmed(p.end, next.at))
	}
	return s.bodyOf(p, body)
}

// bodyOf reads on from the end of the header.
func (s *scanner) bodyOf(p *piece, body int64) (next fromLine, more bool, err error) {
	if end := body + s.head.length; p.ended && s.head.length >= 0 {
		p.isCut = end > s.end
		var lands bool
		if next, more, lands, err = s.lands(body, end); err != nil {
			return next, more, err
		}
		if lands {
			return next, more, s.bounded(p, body, end)
		}
	}
	next, more, err = s.next(body, s.end)
	if err != nil {
		return next, more, err
	}
	stop := s.end
	if more {
		stop = next.at
	} else if err := s.upToEnd(); err != nil {
		return next, more, err
	} else if s.buffer[len(s.buffer)-1] != '\n' {
		p.isCut = true
	}
	return next, more, s.finishPiece(p, s.trimmed(p.end, stop))
}

// bounded ends a piece where its Content-Length says. What looks like a From_
// line before that makes it uncertain: the length may be a sender's.
func (s *scanner) bounded(p *piece, body, end int64) error {
	p.form, s.plain, s.digest.unquoted = formCl2, true, nil
	for at := body; ; {
		f, found, err := s.next(at, end)
		if err != nil {
			return err
		}
		if !found {
			break
		}
		p.hides = true
		at = f.at + 1
	}
	if _, err := s.view(end, 0); err != nil {
		return err
	}
	return s.finishPiece(p, end)
}

// upToEnd brings the end of the file into the window.
func (s *scanner) upToEnd() error {
	_, err := s.view(s.end, 0)
	return err
}

// trimmed returns where an item ends that stops at a place: before the one
// blank line that separates it from what follows.
func (s *scanner) trimmed(start, stop int64) int64 {
	b := s.bytes(max(start, s.base), stop)
	for _, blank := range []string{"\r\n", "\n"} {
		if rest, ok := bytes.CutSuffix(b, []byte(blank)); ok && (len(rest) == 0 || rest[len(rest)-1] == '\n') {
			return stop - int64(len(blank))
		}
	}
	return stop
}

func (s *scanner) finishPiece(p *piece, end int64) error {
	p.size = end - p.fromLine.end
	p.sum = s.finish(&s.window, end)
	p.doubt = s.doubt
	switch {
	case p.form != "":
	case s.quoted && s.bare:
		p.form = formO
	case s.quoted:
		p.form, p.unquoted = formRd, true
	default:
		p.form = formPlain
	}
	return nil
}

// lands reports whether a Content-Length leads exactly to the end of the file
// or to a From_ line, with at most one line's end in between.
func (s *scanner) lands(body, end int64) (next fromLine, more, ok bool, err error) {
	if end > s.end {
		return next, false, false, nil
	}
	from := max(end-1, body)
	if s.peeked == nil {
		s.peeked = make([]byte, lookAhead)
	}
	b := s.peeked[:min(int64(len(s.peeked)), s.end-from)]
	if n, err := s.file.ReadAt(b, from); n < len(b) {
		if err == io.EOF {
			err = errShrank
		}
		return next, false, false, err
	}
	at := end - from
	atLine := at == 0 || b[0] == '\n'
	for _, blank := range []string{"\r\n", "\n"} {
		if bytes.HasPrefix(b[at:], []byte(blank)) {
			at, atLine = at+int64(len(blank)), true
			break
		}
	}
	if at == int64(len(b)) {
		return next, false, from+at == s.end, nil
	}
	if !atLine || !bytes.HasPrefix(b[at:], fromMark) {
		return next, false, false, nil
	}
	received, n, ok := parseFromLine(b[at:])
	return fromLine{from + at, from + at + int64(n), received}, true, ok, nil
}
