package casework

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/production"
)

// kindPreserved is the kind of a source that is a hold.
const kindPreserved = "preserved"

// preservedSource is what one demand preserved, as a source for later mandates:
// the items as they were then, each with the evidence that it was enumerated
// with.
type preservedSource struct {
	desk *Desk
	dem  vitrine.Demand
	// yielded is the item that Enumerate is at, and the hold that it lies in.
	yielded production.Item
	open    *hold
}

// Declaration binds the hold's digest: it is this hold that approvers sign for.
func (s *preservedSource) Declaration() vitrine.Source {
	return vitrine.Source{Name: preservedPrefix + string(s.dem.ID), Kind: kindPreserved, Path: s.dem.Collection.Hold.String()}
}

// Family is that of the sources that were preserved, or records if they were of
// several.
func (s *preservedSource) Family() collect.Family {
	family := collect.Records
	for i, v := range s.dem.Collection.Sources {
		if i > 0 && collect.Family(v.Family) != family {
			return collect.Records
		}
		family = collect.Family(v.Family)
	}
	return family
}

func (s *preservedSource) Holds() []vitrine.Category { return s.dem.Granted.Categories }

func (s *preservedSource) Probe(context.Context) (collect.Access, error) {
	return collect.Access{Shown: "a sealed file, whose digest was signed"}, nil
}

// Inventory has one container an account.
func (s *preservedSource) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	c := collect.Container{Account: a, Name: string(s.dem.ID), Kind: kindPreserved, State: s.dem.Collection.Hold.String()}
	err := s.items(ctx, a, func(it production.Item, _ *hold) error {
		c.Count, c.Size = c.Count+1, c.Size+it.Size
		return nil
	})
	if err != nil || c.Count == 0 {
		return nil, err
	}
	return []collect.Container{c}, nil
}

// items calls f for each item of an account, in their order.
func (s *preservedSource) items(ctx context.Context, a vitrine.Account, f func(production.Item, *hold) error) error {
	h, err := s.desk.openHold(s.dem)
	if err != nil {
		return err
	}
	defer h.Close()
	return h.Items(func(it production.Item) error {
		if err := ctx.Err(); err != nil || it.Account != a {
			return err
		}
		return f(it, h)
	})
}

func (s *preservedSource) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	past := int64(0)
	if after != "" {
		var err error
		if past, err = strconv.ParseInt(after, 10, 64); err != nil {
			return fmt.Errorf("go on behind position %q: %w", after, err)
		}
	}
	return s.items(ctx, c.Account, func(held production.Item, h *hold) error {
		if held.Number <= past {
			return nil
		}
		it, err := collect.Enumerated(held)
		if err != nil {
			return fmt.Errorf("item %d of hold %s: %w", held.Number, s.dem.ID, err)
		}
		it.Position = strconv.FormatInt(held.Number, 10)
		it.Identity, it.Key = it.Position, it.Position
		s.yielded, s.open = held, h
		defer func() { s.open = nil }()
		return yield(it)
	})
}

var errFound = errors.New("found")

func (s *preservedSource) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	if s.open != nil && it.Key == strconv.FormatInt(s.yielded.Number, 10) && c.Account == s.yielded.Account {
		stored, err := s.open.Open(s.yielded)
		if err != nil {
			return nil, err
		}
		_, err = io.CopyN(io.Discard, stored, offset)
		return stored, err
	}
	var stored io.ReadCloser
	h, err := s.desk.openHold(s.dem)
	if err != nil {
		return nil, err
	}
	err = h.Items(func(held production.Item) (err error) {
		if strconv.FormatInt(held.Number, 10) != it.Key || held.Account != c.Account {
			return nil
		}
		if stored, err = h.Open(held); err != nil {
			return err
		}
		return errFound
	})
	if !errors.Is(err, errFound) {
		return nil, errors.Join(cmp.Or(err, collect.ErrVanished), h.Close())
	}
	if _, err := io.CopyN(io.Discard, stored, offset); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{stored, h}, nil
}

func (s *preservedSource) Close(context.Context, collect.Container) (string, error) {
	return s.dem.Collection.Hold.String(), nil
}

const preservedPrefix = "preserved-"

// PreservedName reports whether a source of that name is a hold.
func PreservedName(name string) bool { return strings.HasPrefix(name, preservedPrefix) }
