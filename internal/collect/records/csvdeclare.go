package records

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// CSV is a source of CSV files (RFC 4180) with a header.
type CSV struct {
	Files   []File        `toml:"file"`    // what is read; whoever writes the declarations is trusted to name each column's category
	Resolve []ResolveFile `toml:"resolve"` // what leads from an identifier to an account; whoever writes them is trusted with whose data is produced
}

// File declares a CSV file: of one account each, with {account} in its path, or
// of all, with a column for it. From and Order are not used.
type File struct {
	Path  string `toml:"path"`  // of the file, such as /srv/records/{account}/calls.csv; whoever writes there is trusted
	Comma string `toml:"comma"` // what separates cells, "," if empty; nobody
	Table
}

// Open returns the source that c declares.
func (c CSV) Open(name string, resolve func(path string) string) (collect.Source, error) {
	s := &csvs{}
	var list []Table
	c.Files, c.Resolve = slices.Clone(c.Files), slices.Clone(c.Resolve)
	for i, f := range c.Files {
		f.Path = resolve(f.Path)
		c.Files[i] = f
		file, err := newCSVFile(f)
		if err != nil {
			return nil, vitrine.Refusef(vitrine.Usage, "source %q, file %q: %v", name, f.Name, err)
		}
		s.files = append(s.files, file)
		list = append(list, f.Table)
	}
	for i, r := range c.Resolve {
		r.Path = resolve(r.Path)
		c.Resolve[i] = r
		if err := r.check(); err != nil {
			return nil, vitrine.Refusef(vitrine.Usage, "source %q, resolve %q: %v", name, r.Kind, err)
		}
	}
	s.resolves = c.Resolve
	where := ""
	switch {
	case len(list) > 0:
		where = s.files[0].Path
	case len(s.resolves) > 0:
		where = s.resolves[0].Path
	default:
		return nil, vitrine.Refusef(vitrine.Usage, "source %q declares no file: add [[source.csv.file]]", name)
	}
	if err := checkTables(name, list, false); err != nil {
		return nil, err
	}
	var err error
	s.declaration, err = declared(name, KindCSV, (&url.URL{Path: where}).EscapedPath(), c)
	return s, err
}

func newCSVFile(f File) (csvFile, error) {
	file := csvFile{File: f}
	var err error
	if file.comma, err = comma(f.Comma); err != nil {
		return file, err
	}
	if len(f.Order) > 0 || f.From != "" {
		return file, fmt.Errorf("a CSV file has neither from nor order: take them out")
	}
	own := strings.Contains(f.Path, "{account}")
	if own == (f.Account != "") {
		return file, fmt.Errorf("want either {account} in the path, where each account has a file, or account, the column that holds it")
	}
	if !own {
		return file, nil
	}
	file.pattern, err = collect.ParsePattern(f.Path, ".csv")
	return file, err
}

func comma(s string) (rune, error) {
	r := []rune(cmp.Or(s, ","))
	if len(r) != 1 || !strings.ContainsRune(",;\t|", r[0]) {
		return 0, fmt.Errorf(`comma %q: want one of "," ";" "|" and tab`, s)
	}
	return r[0], nil
}
