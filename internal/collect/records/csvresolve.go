package records

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/query"
)

// ResolveFile declares a CSV file of which the records lead from an identifier
// to an account. From is not used; an empty cell is NULL.
type ResolveFile struct {
	Path  string `toml:"path"`  // of the file; whoever writes there is trusted
	Comma string `toml:"comma"` // what separates cells, "," if empty; nobody
	Resolve
}

func (r ResolveFile) check() error {
	if r.From != "" {
		return fmt.Errorf("a CSV file has no from: take it out")
	}
	if _, err := comma(r.Comma); err != nil {
		return err
	}
	return r.columns()
}

// Resolves lists the kinds of identifiers of which files are declared.
func (s *csvs) Resolves() (kinds []vitrine.IdentifierKind) {
	for _, r := range s.resolves {
		kinds = append(kinds, vitrine.IdentifierKind(r.Kind))
	}
	return kinds
}

// Resolve yields every record that has the identifier's value. It reads the
// files through.
func (s *csvs) Resolve(ctx context.Context, id collect.Identifier, yield func(collect.Match) error) error {
	for i, r := range s.resolves {
		if r.Kind != string(id.Kind) {
			continue
		}
		if err := r.records(ctx, id, fmt.Sprintf("resolve %s %d", r.Kind, i+1), yield); err != nil {
			return err
		}
	}
	return nil
}

// records yields the records of one file. One that cannot be read could be the
// one that is looked for.
func (r ResolveFile) records(ctx context.Context, id collect.Identifier, where string, yield func(collect.Match) error) error {
	separator, err := comma(r.Comma)
	if err != nil {
		return err
	}
	f := csvFile{File: File{Path: r.Path}, comma: separator}
	file, err := f.open("")
	if err != nil {
		return err
	}
	defer file.Close()
	header, behind, err := f.first(file)
	if err != nil {
		return err
	}
	for _, n := range r.names() {
		if !slices.Contains(header, n) {
			return vitrine.Refusef(vitrine.Failed, "%s has no column %q, which is declared: correct the declaration", r.Path, n)
		}
	}
	in, err := f.reader(file, behind)
	if err != nil {
		return err
	}
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		cells, start, _, err := in.next()
		if err == io.EOF {
			return nil
		}
		if err != nil && !parseError(err) && !errors.Is(err, errLong) {
			return fmt.Errorf("read %s: %w", r.Path, err)
		}
		if errors.Is(err, errLong) || why(err, cells, len(header)) != "" {
			return vitrine.Refusef(vitrine.Failed, "%s: record %d, at byte %d, cannot be read, so that nobody can tell whose the identifier is: nothing was read; have the file repaired", r.Path, number, start)
		}
		value := func(name string) query.Value { return cell(cells[slices.Index(header, name)]) }
		stored, account := value(r.Value), value(r.Account)
		if stored.Text != id.Value && id.Kind != vitrine.ByAddress || !same(id, stored.Text) || account.Kind == query.Null {
			continue
		}
		if err := yield(r.match(fmt.Sprintf("%s, record %d", where, number), value)); err != nil {
			return err
		}
	}
}

// cell is the value of a cell, of which an empty one is NULL.
func cell(text string) query.Value {
	if text == "" {
		return query.Value{Kind: query.Null}
	}
	return query.Value{Kind: query.Text, Text: text}
}
