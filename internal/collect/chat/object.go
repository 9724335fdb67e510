package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// fields calls each for the fields of a JSON object that is known to be valid,
// in their order. It reports false for a value that is no object.
func fields(b []byte, each func(key string, value []byte)) bool {
	return fieldsAt(b, func(key string, _ int, value []byte) { each(key, value) })
}

// fieldsAt is fields, and says where each field begins.
func fieldsAt(whole []byte, each func(key string, start int, value []byte)) bool {
	b := blanks(whole)
	if len(b) == 0 || b[0] != '{' {
		return false
	}
	for b = blanks(b[1:]); len(b) > 0 && b[0] == '"'; {
		start := offsetIn(whole, b)
		n := valueLength(b)
		key := text(b[:n])
		b = blanks(b[n:])
		if len(b) == 0 || b[0] != ':' {
			return false
		}
		b = blanks(b[1:])
		n = valueLength(b)
		each(key, start, b[:n])
		if b = blanks(b[n:]); len(b) > 0 && b[0] == ',' {
			b = blanks(b[1:])
		}
	}
	return len(b) == 1 && b[0] == '}'
}

// offsetIn is where a part of b begins in it.
func offsetIn(b, part []byte) int { return cap(b) - cap(part) }

// without is a valid object without a field, its other bytes as they are.
func without(b []byte, field string) []byte {
	for {
		start, end := -1, 0
		fieldsAt(b, func(key string, at int, value []byte) {
			if key == field && start < 0 {
				start, end = at, offsetIn(b, value)+len(value)
			}
		})
		if start < 0 {
			return b
		}
		head, tail := bytes.TrimRight(b[:start], " \t\r\n"), blanks(b[end:])
		if len(tail) > 0 && tail[0] == ',' {
			tail = tail[1:]
		} else {
			head = bytes.TrimSuffix(head, []byte(","))
		}
		b = append(append([]byte(nil), head...), tail...)
	}
}

// elements calls each for the elements of a JSON array that is known to be
// valid. It reports false for a value that is none.
func elements(b []byte, each func(value []byte)) bool {
	b = blanks(b)
	if len(b) == 0 || b[0] != '[' {
		return false
	}
	for b = blanks(b[1:]); len(b) > 0 && b[0] != ']'; {
		n := valueLength(b)
		if n == 0 {
			return false
		}
		each(b[:n])
		if b = blanks(b[n:]); len(b) > 0 && b[0] == ',' {
			b = blanks(b[1:])
		}
	}
	return len(b) == 1
}

func blanks(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }

// valueLength is the length of the valid JSON value at the start of b.
func valueLength(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if i >= len(b) {
				return len(b)
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}

// text is a JSON string, or a number as it is written; "" for anything else.
func text(value []byte) string {
	if len(value) == 0 {
		return ""
	}
	if c := value[0]; c != '"' {
		if c == '-' || c >= '0' && c <= '9' {
			return string(value)
		}
		return ""
	}
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// broken is JSON that stops making sense.
type broken struct {
	at  int64 // what stands before is whole
	why string
}

func (b *broken) Error() string { return fmt.Sprintf("%s behind byte %d", b.why, b.at) }
