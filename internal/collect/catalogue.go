package collect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
)

// Catalogue says what a provider stores of its users, in which form, and which
// process reaches it. It is public, and a demand records the version that it
// was answered under.
type Catalogue struct {
	Version  int // 1, 2, …
	Provider string
	Sources  []Entry
	// Reached says by which process each category is reached, a line each.
	Reached []string
}

// Entry is what one source stores.
type Entry struct {
	Name, Kind string
	Family     Family
	Since      string // the oldest that can be there: a date, or "unknown"
	Encryption Encryption
	Stores     []Stored
}

// Stored is one kind of container of a source.
type Stored struct {
	Kind     string // Container.Kind
	Category vitrine.Category
	Form     string   // of its items, in words
	Fields   []string // of a record
}

// Describer is a source that can say more closely what it stores.
type Describer interface {
	Stores() []Stored
}

// Encryption says who can read what a source stores.
type Encryption string

// The encryptions. The zero value is that of a source that says nothing, and is
// in no catalogue.
const (
	PlainStore Encryption = "none"
	AtRest     Encryption = "at-rest"    // with keys that the provider has
	EndToEnd   Encryption = "end-to-end" // some or all of it, with keys that it does not have
)

// ParseEncryption returns s as an Encryption.
func ParseEncryption(s string) (Encryption, error) {
	e := Encryption(s)
	if !slices.Contains([]Encryption{PlainStore, AtRest, EndToEnd}, e) {
		return "", fmt.Errorf("encryption %q is not known: want none, at-rest or end-to-end", s)
	}
	return e, nil
}

// Describe is what a source stores.
func Describe(s Source) []Stored {
	if d, ok := s.(Describer); ok {
		return d.Stores()
	}
	var all []Stored
	for _, c := range s.Holds() {
		all = append(all, Stored{Kind: s.Declaration().Kind, Category: c, Form: "as stored"})
	}
	return all
}

const catalogueHead = `Vitrine catalogue, version 1

Whoever signs this text says, as counsel, that these are the stores from which
the provider answers legal demands, that they hold what is listed here in the
form that is listed, and that a change comes with a new version.

`

// Text is the one text that is signed: spec/catalogue.md.
func (c Catalogue) Text() string {
	var b strings.Builder
	b.WriteString(catalogueHead)
	line := func(key, value string) { fmt.Fprintf(&b, "%-12s %s\n", key+":", value) }
	line("version", fmt.Sprint(c.Version))
	line("provider", c.Provider)
	for _, e := range c.Sources {
		b.WriteByte('\n')
		line("source", e.Name)
		line("family", string(e.Family))
		line("kind", e.Kind)
		line("since", e.Since)
		line("encryption", string(e.Encryption))
		for _, s := range e.Stores {
			line("stores", strings.Join([]string{string(s.Category), s.Kind, s.Form}, "; "))
			for _, f := range s.Fields {
				line("field", f)
			}
		}
	}
	b.WriteByte('\n')
	for _, r := range c.Reached {
		line("reached by", r)
	}
	return b.String()
}

// known refuses a container of a kind that the source does not say it stores.
func known(s Source, containers []Container) error {
	stores := Describe(s)
	for _, c := range containers {
		if !slices.ContainsFunc(stores, func(k Stored) bool { return k.Kind == c.Kind }) {
			return vitrine.Refusef(vitrine.Refused, "source %q has a container of kind %q, which no catalogue lists: nothing was kept; this is a fault of the program, report it with the kind's name", s.Declaration().Name, c.Kind)
		}
	}
	return nil
}
