package search

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

const (
	// lineBuffer is how much of a line is read at a time.
	lineBuffer = 8 << 10
	// maxHeader bounds a header, in bytes.
	maxHeader = 1 << 20
)

// header has the fields that matter, by their names in lower case, each value
// unfolded.
type header map[string][][]byte

// wanted are the fields that are read.
var wanted = map[string]bool{"subject": true, "content-type": true, "content-disposition": true, "content-transfer-encoding": true}

// first is the first field of that name.
func (h header) first(name string) string {
	if len(h[name]) == 0 {
		return ""
	}
	return string(h[name][0])
}

// header reads up to and with the blank line, or up to a line that is no field:
// readers differ about those.
func (s *search) header(r *bufio.Reader) (header, error) {
	h, name, size := header{}, "", 0
	for {
		start, err := r.Peek(2)
		if len(start) == 0 {
			return h, eof(err)
		}
		if start[0] == '\n' || string(start) == "\r\n" {
			_, err := r.ReadSlice('\n')
			return h, eof(err)
		}
		line, err := s.line(r, name == "" && size == 0, &size)
		if err != nil || line == nil {
			return h, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if strings.ContainsAny(text, "\r\x00") {
			s.not("malformed")
		}
		if text[:1] == " " || text[:1] == "\t" {
			if all := h[name]; wanted[name] && len(all) > 0 {
				all[len(all)-1] = append(all[len(all)-1], text...)
			}
			continue
		}
		field, value, _ := strings.Cut(text, ":")
		name = strings.ToLower(strings.TrimRight(field, " \t"))
		if wanted[name] {
			if h[name] = append(h[name], []byte(value)); name != "subject" && len(h[name]) > 1 {
				s.not("malformed")
			}
		}
	}
}

// line reads a header's next line; nil if it is none, and so the header's end.
func (s *search) line(r *bufio.Reader, first bool, size *int) ([]byte, error) {
	b, err := r.Peek(lineBuffer)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i+1]
	}
	from := first && (bytes.HasPrefix(b, []byte("From ")) || bytes.HasPrefix(b, []byte(">From ")))
	if !from && !field(b) {
		s.not("malformed")
		return nil, nil
	}
	var all []byte
	for {
		part, err := r.ReadSlice('\n')
		all = append(all, part...)
		if *size += len(part); *size > maxHeader {
			s.not("header")
			return nil, nil
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if from {
			return []byte("from : \n"), eof(err)
		}
		return all, eof(err)
	}
}

// field reports whether a line goes on with a field, or is one.
func field(b []byte) bool {
	if b[0] == ' ' || b[0] == '\t' {
		return true
	}
	name, _, ok := strings.Cut(string(b), ":")
	name = strings.TrimRight(name, " \t")
	return ok && name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// eof is err unless it is the end of what is read.
func eof(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
