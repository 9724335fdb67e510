package conform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
	"github.com/vitrine-project/vitrine/production"
)

// memory is a store in memory that hands out what was planted, and a source of
// it that does it right, but for its flaw.
type memory struct {
	family string
	has    []truth.Feature
	items  *[]truth.Item
	writes string
	flaw   string
}

func (m memory) Declaration() vitrine.Source {
	return vitrine.Source{Name: "memory", Kind: "memory", Path: "in memory"}
}
func (m memory) Family() collect.Family { return collect.Family(m.family) }

func (m memory) Holds() []vitrine.Category {
	if m.family == truth.Records {
		return []vitrine.Category{vitrine.Subscriber, vitrine.Traffic}
	}
	return []vitrine.Category{vitrine.Content}
}

func (m memory) Probe(context.Context) (collect.Access, error) {
	if m.flaw == "blind to rights" {
		return collect.Access{Shown: "trust"}, nil
	}
	return collect.Access{Writes: m.writes, Shown: "the test says so"}, nil
}

func (m memory) of(account, container string) (list []truth.Item) {
	for _, it := range *m.items {
		if m.same(it.Account, account) && it.Container == container {
			list = append(list, it)
		}
	}
	return list
}

func (m memory) same(a, b string) bool {
	switch m.flaw {
	case "folds case":
		return strings.EqualFold(a, b)
	case "matches beginnings":
		return strings.HasPrefix(a, b)
	}
	return a == b
}

func (m memory) Inventory(_ context.Context, a vitrine.Account) ([]collect.Container, error) {
	var names []string
	for _, it := range *m.items {
		if m.same(it.Account, string(a)) && !slices.Contains(names, it.Container) {
			names = append(names, it.Container)
		}
	}
	slices.Sort(names)
	if m.flaw == "one container" && len(names) > 1 {
		names = names[:1]
	}
	var cs []collect.Container
	for _, name := range names {
		list := m.of(string(a), name)
		c := collect.Container{Account: a, Name: name, Kind: "memory", State: m.state(list), Count: int64(len(list))}
		if m.flaw == "miscounts" {
			c.Count++
		}
		if m.flaw != "" && m.flaw != "miscounts" { // the count would give it away
			c.Count = collect.NoCount
		}
		cs = append(cs, c)
	}
	return cs, nil
}

func (m memory) state(list []truth.Item) string {
	if m.flaw == "always the same state" {
		return "same"
	}
	var b strings.Builder
	for _, it := range list {
		b.WriteString(it.Label + ";")
	}
	return b.String()
}

func (m memory) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	seen := map[string]bool{}
	for _, it := range m.of(string(c.Account), c.Name) {
		i := slices.IndexFunc(*m.items, func(other truth.Item) bool {
			return other.Label == it.Label && other.Container == it.Container && other.Name == it.Name
		})
		position := fmt.Sprintf("%05d", i)
		switch {
		case position <= after && m.flaw != "ignores after",
			m.flaw == "dedupes" && seen[string(it.Raw)],
			m.flaw == "skips malformed" && strings.Contains(string(it.Raw), "this is no field"),
			m.flaw == "skips drafts" && it.Mark == truth.Draft,
			m.flaw == "skips the empty" && len(it.Raw) == 0:
			continue
		}
		seen[string(it.Raw)] = true
		if err := ctx.Err(); err != nil && m.flaw != "hangs" {
			return err
		}
		if err := yield(m.item(it, position)); err != nil {
			if m.flaw == "swallows errors" {
				return nil
			}
			return err
		}
	}
	return nil
}

func (m memory) item(it truth.Item, position string) collect.Item {
	between := func(s truth.Span) production.Interval { return production.Interval{From: s.From, To: s.To} }
	item := collect.Item{Name: it.Name, Identity: position + it.Label, Position: position, Key: position, Size: int64(len(it.Raw)), Category: vitrine.Category(it.Category), Form: "stored",
		Received: between(it.Received), Lasting: it.Lasting, Correspondents: it.Fields, Extra: map[string]string{}}
	for _, s := range it.Sent {
		item.Sent = append(item.Sent, between(s))
	}
	for f := range it.Hidden {
		item.Doubtful = append(item.Doubtful, f)
	}
	shift := func(d time.Duration) { item.Received = between(truth.At(it.Received.From.Add(d))) }
	switch {
	case m.flaw == "a second early" && !it.Received.From.IsZero():
		shift(-time.Second)
	case m.flaw == "a second late" && !it.Received.From.IsZero():
		shift(time.Second)
	case m.flaw == "an hour of summer time" && it.Received.From.After(time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)):
		shift(time.Hour)
	case m.flaw == "takes doubts for nothing":
		item.Doubtful = nil
	case m.flaw == "makes up a time" && it.Received.From.IsZero():
		item.Received = between(truth.At(time.Unix(0, 0)))
	case m.flaw == "tells secrets":
		item.Extra["row"] = it.Secret
	case m.flaw == "no position":
		item.Position = ""
	case m.flaw == "an instant for what lasts":
		item.Lasting = false
	case m.flaw == "one identity":
		item.Identity = "same"
	}
	return item
}

func (m memory) Open(_ context.Context, _ collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	i, err := strconv.Atoi(it.Key)
	if err != nil {
		return nil, err
	}
	raw := string((*m.items)[i].Raw)
	if (*m.items)[i].Account == "" {
		return nil, collect.ErrVanished
	}
	switch m.flaw {
	case "mends line ends":
		raw = strings.ReplaceAll(raw, "\r", "\n")
	case "cuts":
		raw = raw[:min(len(raw), 1<<20)]
	case "ignores offset":
		offset = 0
	case "another's bytes":
		raw = strings.Repeat("x", len(raw))
	}
	return io.NopCloser(strings.NewReader(raw[offset:])), nil
}

func (m memory) Close(_ context.Context, c collect.Container) (string, error) {
	if m.flaw == "fails to close" {
		return "", errors.New("closed already")
	}
	return m.state(m.of(string(c.Account), c.Name)), nil
}

// stage is the store in memory.
func stage(family, flaw string) Stage {
	var items []truth.Item
	has := slices.DeleteFunc(slices.Clone(truth.Features), func(f truth.Feature) bool { return f == truth.Sealed })
	m := memory{family: family, has: has, items: &items, flaw: flaw}
	open := func(writes string) func(testing.TB) collect.Source {
		return func(testing.TB) collect.Source { m := m; m.writes = writes; return m }
	}
	return Stage{
		Family: family, Has: has, Source: open(""), Writable: open("everything"),
		Plant: func(_ testing.TB, planted []truth.Item) { items = append(items, planted...) },
		Meddle: func(_ testing.TB, gone, come []truth.Item) {
			items = slices.Clone(items)
			for i, it := range items {
				if slices.ContainsFunc(gone, func(g truth.Item) bool { return g.Label == it.Label && g.Account == it.Account }) {
					items[i].Account = "" // nobody's: the places of the others stay
				}
			}
			items = append(items, come...)
		},
	}
}
