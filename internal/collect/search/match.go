package search

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// window is how much folded text is searched at a time, in bytes.
const window = 64 << 10

// matcher looks for keywords in folded text that comes in any pieces.
type matcher struct {
	keys    [][]byte
	marks   [][]byte // what is looked for without regard to words
	longest int
	text    []byte
	before  rune // the character before text, 0 at the beginning
	found   bool
	marked  bool
}

func newMatcher(keys, marks [][]byte) *matcher {
	m := &matcher{keys: keys, marks: marks}
	for _, k := range append(keys[:len(keys):len(keys)], marks...) {
		m.longest = max(m.longest, len(k))
	}
	return m
}

// blank writes white space; a run of it is one.
func (m *matcher) blank() {
	if n := len(m.text); n > 0 && m.text[n-1] != ' ' || n == 0 && m.before != ' ' && m.before != 0 {
		m.text = append(m.text, ' ')
	}
}

// write takes whole characters of folded text.
func (m *matcher) write(b []byte) {
	m.text = append(m.text, b...)
	if len(m.text) < window {
		return
	}
	m.scan(false)
	// What stays is longer than any keyword with a character behind it.
	keep := len(m.text) - m.longest - utf8.UTFMax
	for keep > 0 && !utf8.RuneStart(m.text[keep]) {
		keep--
	}
	if keep > 0 {
		m.before, _ = utf8.DecodeLastRune(m.text[:keep])
		m.text = append(m.text[:0], m.text[keep:]...)
	}
}

// end says that nothing goes on behind what was written: a keyword does not
// stand across it.
func (m *matcher) end() {
	m.scan(true)
	m.text, m.before = m.text[:0], 0
}

func (m *matcher) scan(last bool) {
	for _, k := range m.keys {
		if m.found {
			break
		}
		m.found = m.says(k, last)
	}
	for _, k := range m.marks {
		m.marked = m.marked || bytes.Contains(m.text, k)
	}
}

// says reports whether the text says a keyword. What ends with the text is left
// for the next time, unless it is the last.
func (m *matcher) says(key []byte, last bool) bool {
	first, _ := utf8.DecodeRune(key)
	final, _ := utf8.DecodeLastRune(key)
	for at := 0; ; at++ {
		i := bytes.Index(m.text[at:], key)
		if i < 0 {
			return false
		}
		at += i
		end := at + len(key)
		if end == len(m.text) && !last {
			return false
		}
		before, behind := m.before, rune(0)
		if at > 0 {
			before, _ = utf8.DecodeLastRune(m.text[:at])
		}
		if end < len(m.text) {
			behind, _ = utf8.DecodeRune(m.text[end:])
		}
		if !joined(before, first) && !joined(final, behind) {
			return true
		}
	}
}

// joined reports whether two characters side by side are of one word. A
// character that could not be read may be a letter.
func joined(a, b rune) bool {
	return wordly(a) && wordly(b) && !unspaced(a) && !unspaced(b)
}

func wordly(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || r == utf8.RuneError
}

// unspaced reports whether r is of a script that is written without blanks
// between words, or joins endings on.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan)
}
