package search

import (
	"encoding/json"
	"io"
	"strings"
)

// maxValues bounds a record, in bytes.
const maxValues = 16 << 20

// values searches the texts and numbers of JSON; the names of fields are the
// store's words and nobody's. A text with markup is read as a page, too.
func (s *search) values(r io.Reader) error {
	limited := &io.LimitedReader{R: r, N: maxValues + 1}
	d := json.NewDecoder(limited)
	d.UseNumber()
	var open []bool // whether an object's name comes next, for each level; an array has none
	var object []bool
	for {
		token, err := d.Token()
		if limited.N <= 0 {
			s.not("too-large")
			return nil
		}
		if err == io.EOF && len(object) == 0 {
			return nil
		}
		if err != nil {
			s.not("malformed")
			return nil
		}
		last := len(object) - 1
		if name, ok := token.(string); ok && last >= 0 && object[last] && open[last] {
			open[last] = false
			if name == "base64" {
				s.not("bytes")
			}
			continue
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				object, open = append(object, v == '{'), append(open, v == '{')
				if len(object) > maxDepth {
					s.not("nesting")
					return nil
				}
				continue
			}
			object, open = object[:last], open[:last]
		case json.Number:
			err = s.short(v.String())
		case string:
			err = s.value(v)
		}
		if err != nil {
			return err
		}
		if last = len(object) - 1; last >= 0 {
			open[last] = object[last]
		}
	}
}

func (s *search) value(v string) error {
	if err := s.short(v); err != nil {
		return err
	}
	if strings.ContainsAny(v, "<&") {
		return s.page().read(strings.NewReader(v), 0)
	}
	return nil
}
