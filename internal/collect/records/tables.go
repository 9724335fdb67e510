// Package records reads what a provider keeps of its customers in tables and
// CSV files. It promises each row exactly as stored and, for each category, the
// columns that are declared for it and no others; the row's own time, or how
// long it held true; and the count that the store itself makes in the same
// snapshot. A column that is declared secret is never selected, and one of
// which nothing is declared stops the run. It cannot know what was deleted: a
// gap of retention shows only in that the rows of a table begin later than the
// period, and a table whose rows are changed in place has their last state
// alone. An identifier leads to an account by the rows that are declared for
// it. It never writes and never decides. Forms and rules: spec/production.md.
package records

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/query"
)

// tables is a source of declared tables in a database.
type tables struct {
	family      collect.Family // records if empty
	declaration vitrine.Source
	db          *query.DB
	tables      []Table
	resolves    []Resolve
	file        string // of SQLite

	mu      sync.Mutex
	current held // the item that is being yielded
}

// held is an item's bytes, kept while it is yield's.
type held struct {
	key  string
	body []byte
}

func (s *tables) Declaration() vitrine.Source { return s.declaration }

func (s *tables) Family() collect.Family { return cmp.Or(s.family, collect.Records) }

// As has the tables of a source belong to another family: to chat, where they
// are a chat server's.
func As(f collect.Family, s collect.Source) collect.Source {
	if t, ok := s.(*tables); ok {
		t.family = f
	}
	return s
}

func (s *tables) Holds() []vitrine.Category { return holds(s.tables) }

// Probe asks the database for the user's rights, and for a file its mount.
func (s *tables) Probe(ctx context.Context) (collect.Access, error) {
	if s.file != "" {
		return collect.Mounted(filepath.Dir(s.file))
	}
	a, err := s.db.Probe(ctx)
	return collect.Access{Writes: a.Writes, Shown: a.Shown}, again(err)
}

// again lets a run try anew after what the database may get over.
func again(err error) error {
	var broken *query.Broken
	if errors.As(err, &broken) {
		return &collect.Interrupted{Err: err}
	}
	return err
}

// Inventory lists all declared tables if the account has a row in any.
func (s *tables) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	snap, err := s.db.Snapshot(ctx)
	if err != nil {
		return nil, again(err)
	}
	defer snap.Close()
	var containers []collect.Container
	known := false
	for _, t := range s.tables {
		v := visit{snap, t, a}
		if err := v.agree(); err != nil {
			return nil, again(err)
		}
		found, err := v.survey()
		if err != nil {
			return nil, again(err)
		}
		known = known || found.rows > 0
		containers = append(containers, collect.Container{Account: a, Name: t.Name, Kind: s.declaration.Kind, State: found.state(), Size: found.size,
			Count: found.rows * int64(len(t.categories())), Key: t.Name})
	}
	if !known {
		return nil, nil
	}
	return containers, nil
}

// table finds what was declared for a container.
func (s *tables) table(c collect.Container) (Table, error) {
	i := slices.IndexFunc(s.tables, func(t Table) bool { return t.Name == c.Key })
	if i < 0 {
		return Table{}, fmt.Errorf("no table %q is declared", c.Key)
	}
	return s.tables[i], nil
}

// Enumerate yields each row behind the position once for each category of the
// table, in one snapshot of its own.
func (s *tables) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	t, err := s.table(c)
	if err != nil {
		return err
	}
	categories := len(t.categories())
	var from place
	if after != "" {
		if from, err = parsePlace(after, len(t.Order), categories); err != nil {
			return err
		}
	}
	at := after != "" && from.category+1 < categories
	snap, err := s.db.Snapshot(ctx)
	if err != nil {
		return again(err)
	}
	defer snap.Close()
	v := visit{snap, t, c.Account}
	if err := v.agree(); err != nil {
		return again(err)
	}
	n, err := snap.Count(v.table(), v.filter(), from.key, at)
	if err != nil {
		return again(err)
	}
	var seen int64
	err = snap.Each(v.table(), v.filter(), from.key, at, func(r query.Row) error {
		seen++
		first := 0
		if at && r.Key.Equal(from.key) {
			first = from.category + 1
		}
		return s.yield(v, c, r, first, yield)
	})
	if err == nil && seen != n {
		err = miscounted(t.Name, n, seen)
	}
	return again(err)
}

// yield hands on the categories of a row from the first on.
func (s *tables) yield(v visit, c collect.Container, r query.Row, first int, yield func(collect.Item) error) error {
	for i := first; i < len(v.t.categories()); i++ {
		it, body := v.item(r, i)
		s.hold(held{bodyKey(c, it), body})
		err := yield(it)
		s.hold(held{})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *tables) hold(h held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = h
}

func bodyKey(c collect.Container, it collect.Item) string {
	return strings.Join([]string{string(c.Account), c.Key, it.Key, it.SHA256.Hex()}, "\x00")
}

// Open returns the bytes of a row as it was enumerated. Outside of yield the
// row is looked for again.
func (s *tables) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	s.mu.Lock()
	h := s.current
	s.mu.Unlock()
	if h.key != bodyKey(c, it) {
		body, err := s.again(ctx, c, it)
		if err != nil {
			return nil, again(err)
		}
		h.body = body
	}
	if offset < 0 || offset > int64(len(h.body)) {
		return nil, fmt.Errorf("open row: offset %d of %d bytes", offset, len(h.body))
	}
	return io.NopCloser(bytes.NewReader(h.body[offset:])), nil
}

// again reads the row of an item anew.
func (s *tables) again(ctx context.Context, c collect.Container, it collect.Item) (body []byte, err error) {
	t, err := s.table(c)
	if err != nil {
		return nil, err
	}
	where, err := parsePlace(it.Key, len(t.Order), len(t.categories()))
	if err != nil {
		return nil, err
	}
	snap, err := s.db.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	v := visit{snap, t, c.Account}
	var now collect.Item
	err = snap.Each(v.table(), v.filter(), where.key, true, func(r query.Row) error {
		now, body = v.item(r, where.category)
		return errFound
	})
	switch {
	case err != nil && err != errFound:
		return nil, err
	case body == nil || now.Key != it.Key:
		return nil, collect.ErrVanished
	case now.SHA256 != it.SHA256:
		return nil, vitrine.Refusef(vitrine.Failed, "a row of table %q changed while it was collected: nothing was kept, run the step again", t.Name)
	}
	return body, nil
}

// errFound ends a search.
var errFound = errors.New("found")

// Close returns the state of the account's rows now.
func (s *tables) Close(ctx context.Context, c collect.Container) (string, error) {
	t, err := s.table(c)
	if err != nil {
		return "", err
	}
	snap, err := s.db.Snapshot(ctx)
	if err != nil {
		return "", again(err)
	}
	defer snap.Close()
	found, err := visit{snap, t, c.Account}.survey()
	return found.state(), again(err)
}

// Stores lists the columns that each category reaches.
func (s *tables) Stores() []collect.Stored { return stores(s.declaration.Kind, s.tables) }

func stores(kind string, tables []Table) (all []collect.Stored) {
	for _, c := range holds(tables) {
		stored := collect.Stored{Kind: kind, Category: c, Form: FormRow}
		for _, t := range tables {
			for _, column := range t.Columns[c] {
				stored.Fields = append(stored.Fields, t.Name+"."+column)
			}
		}
		all = append(all, stored)
	}
	return all
}
