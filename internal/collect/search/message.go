package search

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
)

const (
	// maxDepth is how deep parts may lie in each other.
	maxDepth = 32
	// maxParts is how many parts a message may have.
	maxParts = 10000
)

// message searches a message's subject and what it holds.
func (s *search) message(r *bufio.Reader, depth int) error {
	h, err := s.header(r)
	if err != nil {
		return err
	}
	for _, v := range h["subject"] {
		if err := s.subject(string(v)); err != nil {
			return err
		}
	}
	return s.entity(h, r, "text/plain", depth)
}

// entity searches one part: its names, and its content by its type.
func (s *search) entity(h header, r *bufio.Reader, usual string, depth int) error {
	if s.parts++; s.parts > maxParts {
		return errParts
	}
	if depth > maxDepth {
		s.not("nesting")
		return nil
	}
	kind, content, ok := params(h.first("content-type"))
	_, disposition, fine := params(h.first("content-disposition"))
	if !ok || !fine {
		s.not("malformed")
	}
	for _, all := range []map[string]string{content, disposition} {
		if err := s.names(all); err != nil {
			return err
		}
	}
	switch {
	case kind == "":
		kind = usual
	case !strings.Contains(kind, "/"):
		s.not("malformed")
		kind = "text/plain"
	}
	coding := strings.ToLower(strings.TrimSpace(uncommented(h.first("content-transfer-encoding"))))
	if strings.HasPrefix(kind, "multipart/") {
		if !slices.Contains(plainCodings, coding) {
			s.not("malformed")
		}
		return s.multipart(kind, content["boundary"], r, depth)
	}
	decoded := s.decoded(r, coding)
	if decoded == nil {
		s.not("encoding " + token(coding))
		return nil
	}
	return s.leaf(kind, uncommented(content["charset"]), decoded, depth)
}

// leaf searches what is no multipart.
func (s *search) leaf(kind, charset string, r io.Reader, depth int) error {
	switch {
	case kind == "message/rfc822" || kind == "message/global" || kind == "message/news":
		return s.message(bufio.NewReaderSize(r, lineBuffer), depth+1)
	case kind == "text/html":
		return s.html(bufio.NewReaderSize(r, lineBuffer), charset)
	case slices.Contains(partly, kind):
		s.not(kind)
		return s.plainly(r, charset)
	case isText(kind):
		return s.plainly(r, charset)
	case kind == "application/pgp-signature":
		return s.signature(r)
	}
	blank, err := blankOnly(r)
	if !blank && err == nil {
		s.not(token(kind))
	}
	return err
}

// maxSignature is how long a signature may be, in bytes.
const maxSignature = 16 << 10

// signature makes sure that a signature is one: it says nothing.
func (s *search) signature(r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, maxSignature+1))
	if text := bytes.TrimSpace(b); len(text) > 0 && (!bytes.HasPrefix(text, []byte("-----BEGIN PGP SIGNATURE-----")) || len(b) > maxSignature) {
		s.not("application/pgp-signature")
	}
	return err
}

// multipart searches each part. What lies before the first and behind the last
// is shown by few readers.
func (s *search) multipart(kind, boundary string, r *bufio.Reader, depth int) error {
	if kind == "multipart/encrypted" {
		s.not(kind)
		return nil
	}
	if boundary = strings.TrimRight(boundary, " \t"); boundary == "" || len(boundary) > maxBoundary {
		s.not("malformed")
		return s.plainly(r, "")
	}
	usual := "text/plain"
	if kind == "multipart/digest" {
		usual = "message/rfc822"
	}
	p := &parts{r: r, delimiter: "--" + boundary, start: true}
	if err := s.copy(utf8Of(p, charset("")), s.doubtful); err != nil {
		return err
	}
	if !p.next() {
		s.not("malformed") // there are no parts
		return nil
	}
	for !p.closed {
		if err := s.part(p, usual, depth); err != nil {
			return err
		}
		if !p.next() {
			return nil // cut off: what is there was searched
		}
	}
	err := s.copy(utf8Of(p, charset("")), s.doubtful)
	if p.next() {
		s.not("malformed") // parts behind the end
	}
	return err
}

// part searches one part and reads it to its end.
func (s *search) part(p *parts, usual string, depth int) error {
	r := bufio.NewReaderSize(p, lineBuffer)
	h, err := s.header(r)
	if err == nil {
		err = s.entity(h, r, usual, depth+1)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, p)
	}
	return err
}
