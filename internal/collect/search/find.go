package search

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
)

// Kind is how an item is read.
type Kind int

// The kinds. Nothing of Opaque can be searched.
const (
	Opaque  Kind = iota
	Message      // RFC 5322 with MIME
	File         // by its name's ending
	Values       // JSON: the values' texts, not their names
)

// Result is what a search found out.
type Result struct {
	Found bool
	// Unsearched says what could not be searched, shortly: media types,
	// charsets, defects. Empty: everything was. It is not set where Found is.
	Unsearched []string
}

// maxUnsearched is how many things that could not be searched are named.
const maxUnsearched = 8

// errFound ends a search that has found what it looks for.
var errFound = errors.New("found")

// errParts ends a search in more parts than are looked into.
var errParts = errors.New("too many parts")

// marks are beginnings of what is no text though it stands in one: it is
// encrypted or coded. They are in folded form.
var marks = [][]byte{
	[]byte("-----begin pgp message"), []byte("=ybegin line="), []byte("begin 600 "), []byte("begin 640 "), []byte("begin 644 "), []byte("begin 660 "),
	[]byte("begin 664 "), []byte("begin 666 "), []byte("begin 700 "), []byte("begin 744 "), []byte("begin 755 "), []byte("begin 777 "), []byte("begin-base64 "),
}

// Find looks for keywords in what r reads, and in an item's name if it is a
// file. Where it says that none was found and all was searched, it has read r
// to its end. Its only errors are r's.
func Find(kind Kind, name string, r io.Reader, keywords []string) (Result, error) {
	s := newSearch(keywords)
	in := &failing{r: r}
	err := s.item(kind, name, in)
	if in.err != nil {
		return Result{}, in.err
	}
	if err == errFound || s.found() {
		return Result{Found: true}, nil
	}
	switch err {
	case nil:
	case errParts:
		s.not("nesting")
	default:
		s.not("malformed")
	}
	if s.doubtful.found || s.apart.found {
		s.not("doubtful-place")
	}
	for _, t := range s.texts() {
		if t.marked {
			s.not("encoded-in-text")
		}
		if t.unclear {
			s.not("unreadable-characters")
		}
	}
	if len(s.unsearched) == 0 {
		if _, err := io.Copy(io.Discard, in); err != nil {
			return Result{}, in.err
		}
	}
	return Result{Unsearched: s.unsearched}, nil
}

// failing keeps its reader's error, so that none is taken for a defect of what
// was read.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// search is one item's.
type search struct {
	plain, tight, loose *text
	// doubtful is what is not, or perhaps not, part of what the item says: a
	// keyword there excludes nothing and includes nothing.
	doubtful, apart *text
	buffer          []byte
	unsearched      []string
	parts           int
}

func newSearch(keywords []string) *search {
	var keys [][]byte
	for _, k := range keywords {
		if f := Fold(k); f != "" {
			keys = append(keys, []byte(f))
		}
	}
	text := func(quotes bool) *text { return newText(newMatcher(keys, marks), quotes) }
	return &search{plain: text(true), tight: text(false), loose: text(false), doubtful: text(true), apart: text(false), buffer: make([]byte, lineBuffer)}
}

func (s *search) texts() []*text { return []*text{s.plain, s.tight, s.loose} }

func (s *search) found() bool { return s.plain.found || s.tight.found || s.loose.found }

// not notes what could not be searched.
func (s *search) not(what string) {
	if len(s.unsearched) < maxUnsearched && !slices.Contains(s.unsearched, what) {
		s.unsearched = append(s.unsearched, what)
		slices.Sort(s.unsearched)
	}
}

func (s *search) item(kind Kind, name string, r io.Reader) error {
	switch kind {
	case Message:
		return s.message(bufio.NewReaderSize(r, lineBuffer), 0)
	case File:
		return s.file(name, bufio.NewReaderSize(r, lineBuffer))
	case Values:
		return s.values(r)
	}
	s.not("form")
	return nil
}

// short searches a text that is known whole.
func (s *search) short(value string) error {
	s.plain.Write([]byte(strings.ToValidUTF8(value, "\uFFFD")))
	s.plain.close()
	if s.found() {
		return errFound
	}
	return nil
}

// copy searches UTF-8 and stops when a keyword is found.
func (s *search) copy(r io.Reader, texts ...*text) error {
	b := s.buffer
	for {
		n, err := r.Read(b)
		for _, t := range texts {
			t.Write(b[:n])
		}
		if s.found() {
			return errFound
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	for _, t := range texts {
		t.close()
	}
	if s.found() {
		return errFound
	}
	return nil
}

// plainly searches text in a charset.
func (s *search) plainly(r io.Reader, name string) error {
	e := charset(name)
	if e == nil {
		s.not("charset " + token(name))
		return nil
	}
	return s.copy(utf8Of(r, e), s.plain)
}

// endings are those of files that are text and nothing else.
var endings = []string{".txt", ".text", ".md", ".csv", ".tsv", ".log", ".srt"}

// file searches a file's name, and what is in it if its ending says that it is
// text, a page or a message.
func (s *search) file(name string, r *bufio.Reader) error {
	if err := s.short(name); err != nil {
		return err
	}
	if _, err := r.Peek(1); err == io.EOF {
		return nil
	}
	ending := strings.ToLower(path.Ext(name))
	switch {
	case slices.Contains(endings, ending):
		return s.plainly(r, "")
	case ending == ".html" || ending == ".htm":
		return s.html(r, "")
	case ending == ".eml":
		return s.message(r, 0)
	}
	s.not("file " + token(strings.TrimPrefix(ending, ".")))
	return nil
}

// maxToken is how much of a name that an item gives is told.
const maxToken = 60

// token is a media type's or charset's name, fit to be shown.
func token(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$&^_.+-/", r))
	}
	if s == "" || len(s) > maxToken || strings.ContainsFunc(s, odd) {
		return "unknown"
	}
	return s
}

// blankOnly reports whether r has nothing but white space.
func blankOnly(r io.Reader) (bool, error) {
	b := make([]byte, 4096)
	for {
		n, err := r.Read(b)
		if len(bytes.TrimSpace(b[:n])) > 0 {
			return false, nil
		}
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
}
