package chat

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// maxValue is how many bytes one message, or another single value, may have. An
// export of any size is read through a window of this size at most.
const maxValue = 64 << 20

var errLong = errors.New("a value is too long")

// guarded ends a value that goes on for ever.
type guarded struct {
	r    io.Reader
	left int64
}

func (g *guarded) Read(b []byte) (int, error) {
	if g.left <= 0 {
		return 0, errLong
	}
	n, err := g.r.Read(b)
	g.left -= int64(n)
	return n, err
}

// stream reads JSON token by token and knows where each stands.
type stream struct {
	dec   *json.Decoder
	guard *guarded
	shift int64 // from the decoder's offsets to those of the JSON
	good  int64 // the end of the last token or value that was whole
}

// newStream reads the JSON between two offsets. Where it begins with an element
// of an array, the array's bracket is put before it.
func newStream(r io.ReaderAt, at, end int64, inArray bool) *stream {
	s := &stream{guard: &guarded{r: bufio.NewReaderSize(io.NewSectionReader(r, at, end-at), 256<<10)}, shift: at, good: at}
	var from io.Reader = s.guard
	if inArray {
		from, s.shift = io.MultiReader(strings.NewReader("["), s.guard), at-1
	}
	s.dec = json.NewDecoder(from)
	return s
}

// token returns the next token and where it ends.
func (s *stream) token() (json.Token, error) {
	s.guard.left = maxValue
	t, err := s.dec.Token()
	if err == nil {
		s.good = s.offset()
	}
	return t, s.fault(err)
}

// value returns the bytes of the next value and where they begin.
func (s *stream) value() (raw []byte, start int64, err error) {
	s.guard.left = maxValue
	var m json.RawMessage
	if err := s.dec.Decode(&m); err != nil {
		return nil, 0, s.fault(err)
	}
	s.good = s.offset()
	return m, s.good - int64(len(m)), nil
}

func (s *stream) offset() int64 { return s.dec.InputOffset() + s.shift }

// fault tells malformed JSON from a failure to read it.
func (s *stream) fault(err error) error {
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errLong):
		return &broken{s.good, "a value has more than 64 MiB"}
	case errors.As(err, &syntax):
		return &broken{s.good, "the JSON is malformed"}
	case err == io.EOF, err == io.ErrUnexpectedEOF:
		return &broken{s.good, "the JSON ends too early"}
	}
	return err
}

// skip reads over the next value, whatever its size.
func (s *stream) skip() error {
	for depth := 0; ; {
		t, err := s.token()
		if err != nil {
			return err
		}
		if d, ok := t.(json.Delim); ok {
			if d == '{' || d == '[' {
				depth++
			} else {
				depth--
			}
		}
		if depth == 0 {
			return nil
		}
	}
}

// open reads the bracket with which an object or an array begins; false for null.
func (s *stream) open(bracket json.Delim) (bool, error) {
	at := s.good
	t, err := s.token()
	if err != nil || t == nil {
		return false, err
	}
	if t != bracket {
		return false, &broken{at, "a value is of another kind than the format has there"}
	}
	return true, nil
}

// object calls each with the keys of an object; each reads the value.
func (s *stream) object(each func(key string) error) error {
	if ok, err := s.open('{'); !ok {
		return err
	}
	for s.dec.More() {
		t, err := s.token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if err := each(key); err != nil {
			return err
		}
	}
	_, err := s.token()
	return err
}

// array calls each for the elements of an array; each reads the element.
func (s *stream) array(each func() error) (start int64, err error) {
	if ok, err := s.open('['); !ok {
		return s.good, err
	}
	start = s.good
	for s.dec.More() {
		if err := each(); err != nil {
			return start, err
		}
	}
	_, err = s.token()
	return start, err
}
