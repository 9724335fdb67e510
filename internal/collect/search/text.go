package search

import (
	"bytes"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	// segment is how long a word may be before it is folded in parts, cut where
	// no character can depend on the next.
	segment = 4 << 10
	// maxSegment is how long it may be where there is no such place.
	maxSegment = 64 << 10
)

// text folds UTF-8 and hands it to a matcher. Cut it in any places but within
// characters, and it finds the same.
type text struct {
	*matcher
	fold    cases.Caser
	word    []byte // what is not folded yet
	wide    bool   // word has characters beyond ASCII
	next    int    // length of word at which it is cut
	begin   bool   // only quote marks and blanks stand on the line so far
	quotes  bool   // whether lines are quoted with >
	unclear bool   // something could not be read
}

func newText(m *matcher, quotes bool) *text {
	return &text{matcher: m, fold: cases.Fold(), next: segment, begin: true, quotes: quotes}
}

// Write takes UTF-8; what was not readable stands in it as U+FFFD.
func (t *text) Write(b []byte) (int, error) {
	for _, c := range b {
		switch {
		case c <= ' ':
			t.gap(c)
		case c == '>' && t.begin && t.quotes:
			t.gap(' ')
		default:
			t.begin = false
			t.wide = t.wide || c >= 0x80
			if t.word = append(t.word, c); len(t.word) >= t.next {
				t.cut()
			}
		}
	}
	return len(b), nil
}

// gap is white space or a control character, behind which nothing composes
// with what went before.
func (t *text) gap(c byte) {
	t.flush(len(t.word))
	switch c {
	case '\n', '\r':
		t.begin = true
	case 0, 0x0e, 0x0f, 0x1b: // no text at all, or a shift of charsets
		t.unclear = true
	}
	t.blank()
}

// cut folds the front of a long word.
func (t *text) cut() {
	at := len(t.word) - 1 // the last of ASCII may compose with what comes
	if t.wide {
		at = norm.NFKC.LastBoundary(t.word)
	}
	if at <= 0 && len(t.word) < maxSegment {
		t.next = 2 * len(t.word)
		return
	}
	if at <= 0 {
		at, t.unclear = len(t.word), true
	}
	t.flush(at)
}

// flush folds the word up to at.
func (t *text) flush(at int) {
	if at == 0 {
		return
	}
	b := t.word[:at]
	if t.wide {
		t.unclear = t.unclear || bytes.ContainsRune(b, unicode.ReplacementChar)
		t.spaced(folded(b, t.fold))
	} else {
		for i, c := range b {
			if 'A' <= c && c <= 'Z' {
				b[i] = c + 'a' - 'A'
			}
		}
		t.write(b)
	}
	t.word = append(t.word[:0], t.word[at:]...)
	t.next = segment
	t.wide = t.wide && len(t.word) > 0
}

// spaced writes folded text in which white space of other kinds may stand.
func (t *text) spaced(b []byte) {
	for len(b) > 0 {
		i := bytes.IndexFunc(b, unicode.IsSpace)
		if i < 0 {
			t.write(b)
			return
		}
		t.write(b[:i])
		t.blank()
		b = bytes.TrimLeftFunc(b[i:], unicode.IsSpace)
	}
}

// close ends the text.
func (t *text) close() {
	t.flush(len(t.word))
	t.end()
	t.begin = true
}
