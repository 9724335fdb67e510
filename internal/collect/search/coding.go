package search

import (
	"bufio"
	"io"
	"slices"
)

// plainCodings are those in which bytes stand as they are.
var plainCodings = []string{"", "7bit", "8bit", "binary", "7-bit", "8-bit"}

// decoded takes a content transfer encoding off; nil if it is not known. What
// the encoding does not have is noted and read as most readers do.
func (s *search) decoded(r *bufio.Reader, coding string) io.Reader {
	if slices.Contains(plainCodings, coding) {
		return r
	}
	switch coding {
	case "base64":
		return &base64{r: r, defect: func() { s.not("malformed-base64") }}
	case "quoted-printable":
		return &quoted{r: r, defect: func() { s.not("malformed-quoted-printable") }}
	}
	return nil
}

// base64 decodes RFC 2045 section 6.8, with padding in the middle.
type base64 struct {
	r      *bufio.Reader
	defect func()
	bits   uint32
	n      int // characters in bits
	padded bool
	group  [3]byte
	left   []byte // of group, what is still to be handed out
}

func (d *base64) Read(b []byte) (n int, err error) {
	for n < len(b) {
		if len(d.left) == 0 {
			if err = d.next(); err != nil {
				break
			}
		}
		m := copy(b[n:], d.left)
		n, d.left = n+m, d.left[m:]
	}
	if n > 0 {
		err = nil // it comes again
	}
	return n, err
}

// next decodes some bytes into left.
func (d *base64) next() error {
	for len(d.left) == 0 {
		c, err := d.r.ReadByte()
		if err == io.EOF && d.n > 0 {
			d.defect()
			d.flush()
			continue
		}
		if err != nil {
			return err
		}
		d.take(c)
	}
	return nil
}

// take decodes one character.
func (d *base64) take(c byte) {
	v := value(c)
	switch {
	case c == '=':
		d.padded = true
		d.flush()
	case v < 0:
		if c != '\r' && c != '\n' && c != ' ' && c != '\t' {
			d.defect()
		}
	default:
		if d.padded {
			d.padded = false
			d.defect() // something behind the end
		}
		d.bits = d.bits<<6 | uint32(v)
		if d.n++; d.n == 4 {
			d.flush()
		}
	}
}

// flush makes bytes of the characters so far.
func (d *base64) flush() {
	if d.n == 1 {
		d.defect()
	}
	bits := d.bits << (6 * (4 - d.n))
	d.group = [3]byte{byte(bits >> 16), byte(bits >> 8), byte(bits)}
	d.left = d.group[:max(d.n-1, 0)]
	d.bits, d.n = 0, 0
}

// value is a base64 character's value, -1 if it is none.
func value(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

// quoted decodes RFC 2045 section 6.7.
type quoted struct {
	r      *bufio.Reader
	defect func()
}

func (d *quoted) Read(b []byte) (int, error) {
	for n := 0; ; {
		if n == len(b) {
			return n, nil
		}
		c, err := d.r.ReadByte()
		if err != nil {
			if n > 0 {
				return n, nil
			}
			return 0, err
		}
		if c == '=' {
			var soft bool
			if c, soft = d.escaped(); soft {
				continue
			}
		}
		b[n] = c
		n++
	}
}

// escaped reads what is behind an equals sign: a byte, or a soft line break.
func (d *quoted) escaped() (c byte, soft bool) {
	next, _ := d.r.Peek(2)
	if len(next) == 2 && hex(next[0]) >= 0 && hex(next[1]) >= 0 {
		c = byte(hex(next[0])<<4 | hex(next[1]))
		d.r.Discard(2)
		return c, false
	}
	if len(next) == 0 {
		return 0, true
	}
	for i := 1; ; i++ {
		ahead, _ := d.r.Peek(i)
		if len(ahead) < i {
			break
		}
		switch ahead[i-1] {
		case ' ', '\t', '\r':
			continue
		case '\n':
			d.r.Discard(i)
			return 0, true
		}
		break
	}
	d.defect()
	return '=', false
}

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
