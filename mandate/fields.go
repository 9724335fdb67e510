package mandate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
)

// fields reads the lines "key: value" of a signed text in their order. The
// first thing that is wrong is kept, and end returns it.
type fields struct {
	lines [][2]string
	err   error
}

// split checks the head and cuts the rest into keys and values that can stand
// on a line.
func split(text []byte, head string) (*fields, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("it is %d bytes long: at most %d", len(text), maxText)
	}
	body, ok := strings.CutPrefix(string(text), head)
	if !ok {
		return nil, fmt.Errorf("it does not begin with %q", strings.SplitN(head, "\n", 2)[0])
	}
	f := &fields{}
	for line := range strings.Lines(body) {
		line, ended := strings.CutSuffix(line, "\n")
		if !ended {
			return nil, fmt.Errorf("its last line has no end")
		}
		if line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		value = strings.TrimLeft(value, " ")
		if !ok {
			return nil, fmt.Errorf("line %q has no key", line)
		}
		if err := vitrine.Plain(key, value); err != nil {
			return nil, err
		}
		f.lines = append(f.lines, [2]string{key, value})
	}
	return f, nil
}

// next is the key of the next line, "" at the end.
func (f *fields) next() string {
	if len(f.lines) == 0 {
		return ""
	}
	return f.lines[0][0]
}

// one takes the next line, which must have that key and a value.
func (f *fields) one(key string) string {
	if f.err != nil {
		return ""
	}
	if f.next() != key || f.lines[0][1] == "" {
		f.err = fmt.Errorf("want a line %q, found %q", key, f.next())
		return ""
	}
	value := f.lines[0][1]
	f.lines = f.lines[1:]
	return value
}

// many takes all next lines with that key.
func (f *fields) many(key string) []string {
	n := slices.IndexFunc(f.lines, func(l [2]string) bool { return l[0] != key })
	if n < 0 {
		n = len(f.lines)
	}
	var values []string
	for range n {
		values = append(values, f.one(key))
	}
	return values
}

// end returns what was wrong, or that lines are left over.
func (f *fields) end() error {
	if f.err == nil && len(f.lines) > 0 {
		f.err = fmt.Errorf("the line %q does not belong here", f.next())
	}
	return f.err
}
