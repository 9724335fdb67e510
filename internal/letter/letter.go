// Package letter writes the letters that go with an answer, in plain text: a
// production, no data found, a preservation, a refusal; in English, French or
// German. Templates hold words and no code; a value from outside cannot begin
// a line of its own. It sends nothing.
package letter

import (
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
	Language   string // one of Languages; "" is "en"
}

//go:embed templates/*.txt
var templates embed.FS

// parsed are the templates by language, since a field has a name in each.
var parsed = map[string]*template.Template{}

func init() {
	for lang := range fields {
		parsed[lang] = template.Must(template.New("").Funcs(template.FuncMap{
			"line": line, "join": joined, "day": day, "instant": instant, "reason": reason,
			"field": func(name string) string { return fields[lang][name] },
		}).ParseFS(templates, "templates/*."+lang+".txt"))
	}
}

// fields are the names of a scope's fields in each language.
var fields = map[string]map[string]string{
	"en": {"accounts": "Accounts", "categories": "Categories of data", "from": "Beginning of the period", "to": "End of the period (not included)", "correspondents": "Correspondents"},
	"fr": {"accounts": "Comptes", "categories": "Catégories de données", "from": "Début de la période", "to": "Fin de la période (non comprise)", "correspondents": "Correspondants"},
	"de": {"accounts": "Konten", "categories": "Datenkategorien", "from": "Beginn des Zeitraums", "to": "Ende des Zeitraums (ausschließlich)", "correspondents": "Korrespondenten"},
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

func joined(v any) string {
	switch list := v.(type) {
	case []vitrine.Account:
		return joinLines(list)
	case []vitrine.Category:
		return joinLines(list)
	}
	return line(v)
}

func joinLines[T ~string](list []T) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = line(string(v))
	}
	return strings.Join(parts, ", ")
}

func day(t time.Time) string     { return t.UTC().Format("2006-01-02") }
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// reason is the sentence of a narrowing's code, which only English has; other
// languages show the code.
func reason(code string) string {
	if says, ok := law.Says(code); ok {
		return says
	}
	return line(code)
}
