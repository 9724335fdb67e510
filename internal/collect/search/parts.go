package search

import (
	"bufio"
	"io"
	"strings"
)

// maxBoundary is how long a boundary may be; RFC 2046 allows 70 characters.
const maxBoundary = 512

// parts reads a multipart's body up to the next delimiter.
type parts struct {
	r         *bufio.Reader
	delimiter string // with its two hyphens
	start     bool   // at the beginning of a line
	line      []byte // of what was peeked, what is still to be handed out
	at        bool   // stands at a delimiter, which was read
	closed    bool   // it was the last one
}

// next goes on behind a delimiter; false if the end came instead.
func (p *parts) next() bool {
	if !p.at {
		return false
	}
	p.at, p.start = false, true
	return true
}

// Read returns io.EOF at a delimiter and at the end.
func (p *parts) Read(b []byte) (int, error) {
	if p.at {
		return 0, io.EOF
	}
	if len(p.line) == 0 {
		line, err := p.r.ReadSlice('\n')
		if len(line) == 0 && err != nil {
			return 0, err
		}
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return 0, err
		}
		if p.start {
			if p.at, p.closed = p.delimits(line); p.at {
				return 0, io.EOF
			}
		}
		p.line, p.start = line, line[len(line)-1] == '\n'
	}
	n := copy(b, p.line)
	p.line = p.line[n:]
	return n, nil
}

// delimits reports whether a line is a delimiter, and whether it is the last.
func (p *parts) delimits(line []byte) (is, last bool) {
	rest, ok := strings.CutPrefix(strings.TrimRight(string(line), " \t\r\n"), p.delimiter)
	switch {
	case !ok:
		return false, p.closed
	case rest == "":
		return true, false
	}
	return rest == "--", rest == "--" || p.closed
}
