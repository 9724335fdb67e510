package intake

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/vitrine-project/vitrine"
)

// MaxFile bounds each file, in bytes.
const MaxFile = 1 << 20

// Misread is what is wrong at one place of a file. Its text begins with line
// and column, so that the file's name and a colon go before it.
type Misread struct {
	Line, Column int
	Why          *vitrine.Refusal
}

func (m *Misread) Error() string { return fmt.Sprintf("%d:%d: %s", m.Line, m.Column, m.Why.Text) }

// Unwrap is the answer for the file's writer.
func (m *Misread) Unwrap() error { return m.Why }

// Decode reads TOML into v; a key that v does not have is an error, and so is
// one in other letters: two spellings of one key are two readings of the file.
func Decode(b []byte, v any) error {
	if len(b) > MaxFile {
		return vitrine.Refusef(vitrine.Usage, "the file is %d bytes long: at most %d", len(b), MaxFile)
	}
	meta, err := toml.NewDecoder(bytes.NewReader(b)).Decode(v)
	if err != nil {
		return misread(b, err)
	}
	if left := meta.Undecoded(); len(left) > 0 {
		return unknown(b, left[0], v)
	}
	for _, key := range meta.Keys() {
		if strings.ContainsFunc(strings.Join(key, ""), notInKeys) {
			return unknown(b, key, v)
		}
	}
	return nil
}

// notInKeys reports what no key of ours holds. The decoder takes keys whatever
// their case, so that "accounts" and "ACCOUNTS" could stand in one file.
func notInKeys(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-')
}

// at says that something is wrong where a key is set, if that place is found.
func at(b []byte, key []string, format string, args ...any) error {
	why := vitrine.Refusef(vitrine.Usage, format, args...)
	line, column := locate(b, key)
	if line == 0 {
		return why
	}
	return &Misread{Line: line, Column: column, Why: why}
}

// wrongKind is the decoder's text for a value that is of another kind than its
// key wants; it gives the error no type.
var wrongKind = regexp.MustCompile(`^toml: (?:line (\d+) )?\(last key "(.*)"\): incompatible types: TOML value has type (.+); destination has type (.+)$`)

// misread puts the decoder's error in words, with its place.
func misread(b []byte, err error) error {
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		text := syntax.Message
		if syntax.LastKey != "" && !strings.Contains(text, syntax.LastKey) {
			text = syntax.LastKey + ": " + text
		}
		if i := slices.IndexFunc(expected, func(e [2]string) bool { return strings.HasPrefix(syntax.Message, e[0]) }); i >= 0 {
			text += ": " + expected[i][1]
		}
		return &Misread{Line: max(syntax.Position.Line, 1), Column: max(syntax.Position.Col, 1), Why: vitrine.Refusef(vitrine.Usage, "%s", oneLine(text))}
	}
	m := wrongKind.FindStringSubmatch(err.Error())
	if m == nil {
		return vitrine.Refusef(vitrine.Usage, "%s", oneLine(strings.TrimPrefix(err.Error(), "toml: ")))
	}
	found := at(b, strings.Split(m[2], "."), "%s is %s: want %s", m[2], plainKind(m[3]), kindOr(m[4]))
	if line, err := strconv.Atoi(m[1]); err == nil && !errors.As(found, new(*Misread)) {
		return &Misread{Line: line, Column: 1, Why: found.(*vitrine.Refusal)}
	}
	return found
}

// expected says what to write, by how the decoder's complaint begins.
var expected = [][2]string{
	{"strings cannot contain newlines", "a quote is missing at the end of the text"},
	{"unexpected EOF; expected key separator", "want key = value"},
	{"unexpected EOF", "a quote or a bracket that was opened is missing its end"},
	{"invalid datetime", "want a time such as 2026-11-20T09:00:00Z, or a day such as 2026-11-20"},
	{"invalid escape in string", `write \\ for a backslash, or the text in single quotes`},
	{"expected value but found", "want text in quotes, a number, true or false, a time, or a list in brackets"},
}

var kinds = map[string]string{
	"string": `text in quotes, such as "a"`, "slice": `a list in brackets, such as ["a", "b"]`, "array": `a list in brackets, such as ["a", "b"]`,
	"integer": "a whole number without quotes, such as 2", "int64": "a whole number without quotes, such as 2", "float": "a number", "float64": "a number",
	"boolean": "true or false without quotes", "bool": "true or false without quotes", "map": "a table with keys of its own", "table": "a table with keys of its own",
	"time.Time": "a time without quotes", "datetime": "a time without quotes",
}

func kindOr(name string) string {
	if says, ok := kinds[name]; ok {
		return says
	}
	return name
}

// plainKind is a kind without its example.
func plainKind(name string) string {
	says, _, _ := strings.Cut(kindOr(name), ", such as")
	return says
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// unknown names the key that was probably meant.
func unknown(b []byte, key toml.Key, v any) error {
	known := keysAt(reflect.TypeOf(v), key[:len(key)-1])
	if len(known) == 0 {
		return at(b, key, "key %q is not known: take it out", key)
	}
	last := key[len(key)-1]
	if i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, last) }); i >= 0 {
		return at(b, key, "key %q is not known: keys are written in small letters, here %q", key, known[i])
	}
	if near := Nearest(last, known); Alike(last, near[0]) {
		return at(b, key, "key %q is not known: did you mean %q?", key, near[0])
	}
	return at(b, key, "key %q is not known: want one of %s, or take it out", key, strings.Join(known, ", "))
}

// keysAt are the keys of the table at a path of v.
func keysAt(t reflect.Type, path []string) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var all []string
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("toml")
		if name != "" && len(path) > 0 && strings.EqualFold(name, path[0]) {
			return keysAt(t.Field(i).Type, path[1:])
		}
		if name != "" && len(path) == 0 {
			all = append(all, name)
		}
	}
	return all
}

// locate finds the first place where a key is set, or a table of that name
// begins; the decoder does not tell. Line 0: it was not found.
func locate(b []byte, key []string) (line, column int) {
	var table []string
	for text := range strings.Lines(string(b)) {
		line++
		rest := strings.TrimLeft(text, " \t[")
		column = len(text) - len(rest) + 1
		if strings.HasPrefix(strings.TrimLeft(text, " \t"), "[") {
			name, _, _ := strings.Cut(rest, "]")
			if table = parts(name); slices.Equal(table, key) {
				return line, column
			}
			continue
		}
		name, _, set := strings.Cut(rest, "=")
		if set && slices.Equal(append(slices.Clone(table), parts(name)...), key) {
			return line, column
		}
	}
	return 0, 0
}

func parts(name string) []string {
	all := strings.Split(name, ".")
	for i, p := range all {
		all[i] = strings.Trim(p, " \t\"'")
	}
	return all
}
