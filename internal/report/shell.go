package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
)

// shell is what all pages have around what they say.
type shell struct {
	*language
	Provider string
	Title    string // of the window
	Base     string // the way to the site's first page
	Page     string // its file, in English
	Here     string // which entry of the navigation this is
	Newest   string // the newest report that the page knows of, or ""
	Script   bool   // whether the page has something to check
}

// Lang is the code of the page's language.
func (s shell) Lang() string { return s.code }

// T returns a sentence.
func (s shell) T(key string, args ...any) string { return s.say(key, args...) }

// Link is the file of a page in this language.
func (s shell) Link(page string) string { return page + s.file + ".html" }

// other is the same page in another language.
type other struct {
	Code, Name, File string
	Now              bool
}

// Others are the page's languages, its own among them.
func (s shell) Others() []other {
	var all []other
	for _, l := range languages {
		all = append(all, other{l.code, l.name, s.Page + l.file + ".html", l == s.language})
	}
	return all
}

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"pair": func(page periodPage, part section) any {
		return struct {
			Page periodPage
			Part section
		}{page, part}
	},
	"plus": func(a, b int) int { return a + b },
}).ParseFS(templateFiles, "templates/*.html"))

// render writes a page.
func render(name string, page any) ([]byte, error) {
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, page); err != nil {
		return nil, fmt.Errorf("write page %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// static adds the files that are the same on every site.
func static(files map[string][]byte) error {
	return fs.WalkDir(staticFiles, "static", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := staticFiles.ReadFile(name)
		files[name[len("static/"):]] = b
		return err
	})
}
