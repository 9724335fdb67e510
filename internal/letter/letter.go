// Package letter writes the letters that go with an answer, in plain text: a
// production, no data found, a preservation, a refusal; in English, French or
// German. Templates hold words and no code; a value from outside cannot begin
// a line of its own. It sends nothing.
package letter

import (
	"cmp"
	"embed"
	"fmt"
	"strings"
	"text/template"
	"time"
	"unicode"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/law"
)

// Kind says which letter it is.
type Kind string

// The letters.
const (
	Production Kind = "production"
	NoData     Kind = "no-data"
	Preserved  Kind = "preserved"
	Refusal    Kind = "refusal"
)

// Languages are those that every letter exists in; the first is the default.
var Languages = []string{"en", "fr", "de"}

// Data is what a letter says.
type Data struct {
	Provider   string
	Authority  string
	Instrument string
	Demand     vitrine.Demand
	Today      time.Time
	Until      time.Time // of a preservation: when it ends
	Language   string    // one of Languages; "" is "en"
}

//go:embed templates/*.txt
var templates embed.FS

// parsed are the templates by language.
var parsed = parse()

func parse() map[string]*template.Template {
	all := map[string]*template.Template{}
	for lang, w := range languages {
		all[lang] = template.Must(template.New("").Funcs(w.funcs()).ParseFS(templates, "templates/*."+lang+".txt"))
	}
	return all
}

// Text returns the letter.
func Text(k Kind, d Data) (string, error) {
	if d.Language == "" {
		d.Language = Languages[0]
	}
	in, ok := parsed[d.Language]
	if !ok {
		return "", fmt.Errorf("write letter: there is no language %q", d.Language)
	}
	t := in.Lookup(fmt.Sprintf("%s.%s.txt", k, d.Language))
	if t == nil {
		return "", fmt.Errorf("write letter: there is no %q in %q", k, d.Language)
	}
	var b strings.Builder
	if err := t.Execute(&b, d); err != nil {
		return "", fmt.Errorf("write letter: %w", err)
	}
	return b.String(), nil
}

// line makes a value stand on one line, with nothing that hides or turns text.
func line(v any) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(fmt.Sprint(v), "\uFFFD"))
}

// lines makes each value stand on one line.
func lines(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = line(v)
	}
	return out
}

// list joins values on one line, by the names that a table gives them.
func list[T ~string](values []T, table map[string]string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = called(table, string(v))
	}
	return strings.Join(parts, ", ")
}

// called is what a table calls a value.
func called(table map[string]string, value string) string {
	if name, ok := table[value]; ok {
		return name
	}
	return line(value)
}

// funcs are what the templates of a language may call. Each of them that says
// a value from outside says it on one line.
func (w words) funcs() template.FuncMap {
	return template.FuncMap{
		"line":       line,
		"number":     func(n int64) string { return fmt.Sprintf("%6d", n) },
		"day":        func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
		"instant":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"accounts":   func(a []vitrine.Account) string { return list(a, nil) },
		"addresses":  func(a []string) string { return list(a, nil) },
		"keywords":   func(k []string) string { return `"` + strings.Join(lines(k), `", "`) + `"` },
		"categories": func(c []vitrine.Category) string { return list(c, w.categories) },
		"clock":      func(c vitrine.Clock) string { return called(w.clocks, string(c)) },
		"field":      func(name string) string { return called(w.fields, name) },
		"value":      w.value,
		"reason":     w.reason,
		"sentence":   sentence,
		"instrument": func(d Data) string {
			return line(cmp.Or(w.instruments[d.Demand.Submission.Instrument], d.Instrument))
		},
		"volume":   func(d vitrine.Demand) int { return len(d.Packages) + 1 },
		"produced": func(d vitrine.Demand) int64 { return ruled(d, true) },
		"withheld": func(d vitrine.Demand) int64 { return ruled(d, false) },
	}
}

// value says one side of a difference.
func (w words) value(field, text string) string {
	switch {
	case field == "categories":
		return list(strings.Split(text, ", "), w.categories)
	case (field == "correspondents" || field == "keywords") && text == "any":
		return w.any
	}
	return line(text)
}

func (w words) reason(code string) string {
	if says, ok := w.reasons[code]; ok {
		return says
	}
	if says, ok := law.Says(code); ok {
		return says
	}
	return line(code)
}

// sentence ends a text that others wrote.
func sentence(text string) string {
	text = line(text)
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "!") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// ruled counts the items that signed rulings produce, or withhold.
func ruled(d vitrine.Demand, produce bool) int64 {
	var n int64
	for _, produced := range d.Decided {
		if produced == produce {
			n++
		}
	}
	return n
}
