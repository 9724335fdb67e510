package records

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/query"
	"github.com/vitrine-project/vitrine/production"
)

// Resolve declares the rows that lead from an identifier to an account. A time
// that is NULL is unknown, unless lasts says that such a row still holds.
type Resolve struct {
	Kind     string `toml:"kind"`      // address, phone, ip or device
	From     string `toml:"from"`      // a table's or view's name, or SQL that may stand behind FROM; its author is trusted
	Account  string `toml:"account"`   // the column that holds the account
	Value    string `toml:"value"`     // the column that holds the identifier in its one form: name@example.org, +4930123456, 192.0.2.7, 2001:db8::7
	PortFrom string `toml:"port_from"` // of ip, where many share an address: the first port, "" if none do
	PortTo   string `toml:"port_to"`   // and the last one
	Since    string `toml:"since"`     // the column from which on the account had it, "" if it always has
	Until    string `toml:"until"`     // the column up to which it did, "" if it still does
	Lasts    bool   `toml:"lasts"`     // until is NULL only where the account still has it, and no end is ever lost; counsel
	Zone     string `toml:"zone"`      // the IANA zone of columns without one
	Unit     string `toml:"unit"`      // of whole numbers since 1970: "s" or "ms"
}

func (r Resolve) check() error {
	if err := query.CheckFrom(r.From); err != nil {
		return err
	}
	return r.columns()
}

// columns refuses columns that contradict each other.
func (r Resolve) columns() error {
	if !slices.Contains(vitrine.IdentifierKinds, vitrine.IdentifierKind(r.Kind)) {
		return fmt.Errorf("kind %q is not known: want address, phone, ip or device", r.Kind)
	}
	ip := r.Kind == string(vitrine.ByIP)
	switch {
	case r.Account == "" || r.Value == "":
		return fmt.Errorf("want account and value: the columns that hold the account and the identifier")
	case (r.PortFrom == "") != (r.PortTo == ""):
		return fmt.Errorf("want both port_from and port_to, or neither")
	case r.PortFrom != "" && !ip:
		return fmt.Errorf("only an ip has ports: take port_from and port_to out")
	case ip && (r.Since == "" || r.Until == ""):
		return fmt.Errorf("an address goes from hand to hand: name the columns since and until")
	case r.Lasts && r.Until == "":
		return fmt.Errorf("lasts says what NULL in until means, and there is no until")
	}
	return Times{Since: r.Since, Until: r.Until, Standing: r.Since == "" && r.Until == "", Zone: r.Zone, Unit: r.Unit}.check()
}

// Resolves lists the kinds of identifiers of which rows are declared.
func (s *tables) Resolves() (kinds []vitrine.IdentifierKind) {
	for _, r := range s.resolves {
		kinds = append(kinds, vitrine.IdentifierKind(r.Kind))
	}
	return kinds
}

// Resolve yields every row that has the identifier's value.
func (s *tables) Resolve(ctx context.Context, id collect.Identifier, yield func(collect.Match) error) error {
	snap, err := s.db.Snapshot(ctx)
	if err != nil {
		return again(err)
	}
	defer snap.Close()
	for i, r := range s.resolves {
		if r.Kind != string(id.Kind) {
			continue
		}
		if err := r.rows(snap, id, fmt.Sprintf("resolve %s %d", r.Kind, i+1), yield); err != nil {
			return again(err)
		}
	}
	return nil
}

// rows yields the rows of one declaration.
func (r Resolve) rows(snap *query.Snapshot, id collect.Identifier, where string, yield func(collect.Match) error) error {
	if err := r.agree(snap, where); err != nil {
		return err
	}
	names := r.names()
	// Letters count in no address; what only looks alike is left out below.
	f := query.Filter{Column: r.Value, Text: id.Value, Fold: id.Kind == vitrine.ByAddress}
	return snap.Each(query.Table{From: r.From, Columns: names}, f, nil, false, func(row query.Row) error {
		value := func(name string) query.Value { return row.Values[slices.Index(names, name)] }
		if !same(id, value(r.Value).Text) {
			return nil
		}
		if value(r.Account).Kind == query.Null {
			return nil // nobody's
		}
		return yield(r.match(where, value))
	})
}

// names lists the columns that are read.
func (r Resolve) names() []string {
	return slices.DeleteFunc([]string{r.Account, r.Value, r.Since, r.Until, r.PortFrom, r.PortTo}, func(n string) bool { return n == "" })
}

// agree refuses columns that cannot say when.
func (r Resolve) agree(snap *query.Snapshot, where string) error {
	columns, err := snap.Columns(r.From)
	if err != nil {
		return err
	}
	kinds := map[string]query.Column{}
	for _, c := range columns {
		kinds[c.Name] = c
	}
	return Times{Since: r.Since, Until: r.Until, Zone: r.Zone, Unit: r.Unit}.agree(where, kinds)
}

// same reports whether a stored text is the identifier.
func same(id collect.Identifier, stored string) bool {
	if id.Kind != vitrine.ByAddress {
		return true // the store compared it exactly
	}
	address := func(s string) (string, bool) {
		at := strings.LastIndexByte(s, '@')
		return collect.Address(s[:max(at, 0)], s[at+1:])
	}
	a, ok := address(id.Value)
	b, okStored := address(stored)
	return ok && okStored && a == b
}

// match is the evidence of one row.
func (r Resolve) match(where string, value func(string) query.Value) collect.Match {
	m := collect.Match{Account: vitrine.Account(value(r.Account).Text), Row: where, Always: r.Since == "", Still: r.Until == ""}
	c := clock{Times{Zone: r.Zone}.location(), r.Unit}
	if r.Since != "" {
		m.Since, m.Always = c.read(value(r.Since)), value(r.Since).Text == alwaysHeld
	}
	if r.Until != "" {
		m.Until = c.read(value(r.Until))
		m.Still = r.Lasts && value(r.Until).Kind == query.Null || value(r.Until).Text == stillHolds
	}
	for _, end := range []*production.Interval{&m.Since, &m.Until} {
		if end.Rule == ruleUnreadable {
			*end = production.Interval{Raw: end.Raw}
		}
	}
	if r.PortFrom != "" {
		m.Ports = ports(value(r.PortFrom), value(r.PortTo))
	}
	return m
}

func ports(from, to query.Value) *collect.Ports {
	a, errA := strconv.ParseUint(from.Text, 10, 16)
	b, errB := strconv.ParseUint(to.Text, 10, 16)
	return &collect.Ports{From: int(a), To: int(b), Known: errA == nil && errB == nil}
}
