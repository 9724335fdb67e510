package collect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
	"github.com/vitrine-project/vitrine/production"
)

// book is a shelf that knows whose identifiers are.
type book struct {
	*shelf
	kinds  []vitrine.IdentifierKind
	rows   map[string][]Match
	breaks int // how often it breaks off behind its first row
}

func (b *book) Resolves() []vitrine.IdentifierKind { return b.kinds }

func (b *book) Resolve(_ context.Context, id Identifier, yield func(Match) error) error {
	b.calls = append(b.calls, "resolve "+id.String())
	for _, m := range b.rows[id.Value] {
		if err := yield(m); err != nil {
			return err
		}
		if b.breaks > 0 {
			b.breaks--
			return &Interrupted{errors.New("broken")}
		}
	}
	return nil
}

// held makes a row that holds from a time to another, either "" for unknown and
// "-" for open.
func held(account, since, until string) Match {
	m := Match{Account: vitrine.Account(account), Row: "leases", Always: since == "-", Still: until == "-"}
	for _, end := range []struct {
		text string
		into *production.Interval
	}{{since, &m.Since}, {until, &m.Until}} {
		if t, err := time.Parse(time.RFC3339, end.text); err == nil {
			*end.into = production.Interval{From: t, To: t, Raw: end.text}
		}
	}
	return m
}

func ports(m Match, from, to int) Match {
	m.Ports = &Ports{from, to, from > 0}
	return m
}

// TestWeigh goes around every edge of a second and of a period.
func TestWeigh(t *testing.T) {
	p, err := vitrine.NewPeriod(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	const at, port = "ip:192.0.2.7@2026-03-01T12:00:00Z", "ip:192.0.2.7:443@2026-03-01T12:00:00Z"
	vague := held("a", "2026-03-01T11:00:00Z", "2026-03-01T13:00:00Z")
	vague.Since.To = vague.Since.To.Add(2 * time.Hour) // an hour of a clock that was put back
	for _, c := range []struct {
		id   string
		m    Match
		want certainty
	}{
		{at, held("a", "2026-03-01T12:00:00Z", "2026-03-01T12:00:01Z"), sure},
		{at, held("a", "2026-03-01T12:00:00.1Z", "2026-03-01T12:00:01Z"), doubtful},
		{at, held("a", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00.5Z"), doubtful},
		{at, held("a", "2026-03-01T12:00:01Z", "2026-03-01T13:00:00Z"), no},
		{at, held("a", "2026-03-01T11:00:00Z", "2026-03-01T11:59:59Z"), no},
		{at, held("a", "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"), doubtful},
		{at, held("a", "2026-03-01T11:00:00Z", "-"), sure},
		{at, held("a", "-", "2026-03-01T13:00:00Z"), sure},
		{at, held("a", "-", "-"), sure},
		{at, held("a", "2026-03-01T11:00:00Z", ""), doubtful},
		{at, held("a", "", "2026-03-01T13:00:00Z"), doubtful},
		{at, held("a", "", "2026-03-01T11:00:00Z"), no},
		{at, held("a", "2026-03-01T13:00:00Z", "2026-03-01T11:00:00Z"), doubtful},
		{at, vague, doubtful},
		{at, ports(held("a", "-", "-"), 400, 500), doubtful},
		{port, ports(held("a", "-", "-"), 443, 443), sure},
		{port, ports(held("a", "-", "-"), 444, 500), no},
		{port, ports(held("a", "-", "-"), 1, 442), no},
		{port, ports(held("a", "-", "-"), 0, 0), doubtful},
		{port, ports(held("a", "-", ""), 443, 443), doubtful},
		{port, held("a", "-", "-"), sure},
		{"phone:+4930123456", held("a", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"), sure},
		{"phone:+4930123456", held("a", "2026-03-01T00:00:01Z", "2026-04-01T00:00:00Z"), doubtful},
		{"phone:+4930123456", held("a", "2026-01-01T00:00:00Z", "2026-03-31T23:59:59Z"), doubtful},
		{"phone:+4930123456", held("a", "2026-04-01T00:00:00Z", "-"), no},
		{"phone:+4930123456", held("a", "2026-01-01T00:00:00Z", "2026-02-28T23:59:59Z"), no},
	} {
		id, ok := vitrine.Account(c.id).Identifier()
		if !ok {
			t.Fatal(c.id)
		}
		from, to := span(id, p)
		if got := weigh(id, from, to, c.m); got != c.want {
			t.Errorf("%s, %s to %s, ports %v: %d, want %d", c.id, c.m.Since.Raw, c.m.Until.Raw, c.m.Ports, got, c.want)
		}
	}
}

// TestResolved runs demands for identifiers. Every account has one item that is
// in scope.
func TestResolved(t *testing.T) {
	const number = "phone:+4930123456"
	always := func(account string) Match { return held(account, "-", "-") }
	var nine []Match
	for i := range 9 {
		nine = append(nine, always(fmt.Sprintf("user%d", i)))
	}
	before, after := from.Add(-time.Hour).Format(time.RFC3339), to.Add(time.Hour).Format(time.RFC3339)
	middle, next := from.Add(time.Hour).Format(time.RFC3339), from.Add(time.Hour+time.Second).Format(time.RFC3339)
	late := from.Add(time.Hour + 2*time.Second).Format(time.RFC3339)
	for name, c := range map[string]struct {
		accounts []vitrine.Account
		rows     []Match
		outcome  vitrine.Resolved
		visited  string // each account's decision
		missing  string
	}{
		"none":               {nil, nil, "none", "", number},
		"another time":       {nil, []Match{held("alice", "-", before)}, "none", "", number},
		"one":                {nil, []Match{always("alice")}, "certain", "alice in", ""},
		"one of two times":   {nil, []Match{held("bob", "-", before), held("alice", before, after), held("carol", after, "-")}, "certain", "alice in", ""},
		"one, twice":         {nil, []Match{always("alice"), held("alice", middle, "")}, "certain", "alice in", ""},
		"one, in two rows":   {nil, []Match{held("alice", next, after), held("alice", before, middle)}, "certain", "alice in", ""},
		"one, with a gap":    {nil, []Match{held("alice", before, middle), held("alice", late, after)}, "ambiguous", "alice undeterminable", ""},
		"one, for a part":    {nil, []Match{held("alice", middle, "-")}, "ambiguous", "alice undeterminable", ""},
		"two":                {nil, []Match{always("alice"), always("bob")}, "ambiguous", "alice undeterminable, bob undeterminable", ""},
		"one sure, one not":  {nil, []Match{always("alice"), held("bob", "-", middle)}, "ambiguous", "alice undeterminable, bob undeterminable", ""},
		"unknown to all":     {nil, []Match{always("nobody")}, "certain", "", "nobody"},
		"unknown, in doubt":  {nil, []Match{held("nobody", middle, "-")}, "ambiguous", "", ""},
		"eight":              {nil, nine[:8], "ambiguous", "", ""},
		"nine":               {nil, nine, "too-many", "", ""},
		"named too":          {[]vitrine.Account{"alice"}, []Match{always("alice")}, "certain", "alice in", ""},
		"named, and a doubt": {[]vitrine.Account{"alice"}, []Match{always("alice"), always("bob")}, "ambiguous", "alice in, bob undeterminable", ""},
	} {
		b := &book{newShelf("a"), []vitrine.IdentifierKind{vitrine.ByPhone}, map[string][]Match{"+4930123456": c.rows}, 2}
		one := map[string][]letter{"inbox": {{text: "in", received: from}, {text: "late", received: to}}}
		b.accounts = map[vitrine.Account]map[string][]letter{"alice": one, "bob": one, "carol": one}
		s := scope(t, vitrine.ClockReceived)
		s.Accounts = append([]vitrine.Account{number}, c.accounts...)
		slices.Sort(s.Accounts)
		hold := &basket{}
		col, err := Job{Mandate: signed.Mandate(t, s, b.Declaration()), Sources: configured(b), Hold: hold, Now: clock, Patience: []time.Duration{0, 0}}.Run(context.Background())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var visited []string
		for _, it := range hold.items {
			visited = append(visited, string(it.Account)+" "+string(it.Decision))
			if it.Name != "in" || (it.Reason == "identifier-ambiguous") != (it.Decision == production.Undeterminable) {
				t.Errorf("%s: held %+v", name, it)
			}
		}
		slices.Sort(visited)
		if got := strings.Join(visited, ", "); got != c.visited || len(col.Resolved) != 1 || col.Resolved[0].Outcome != c.outcome || col.Resolved[0].Identifier != number || fmt.Sprint(col.Missing) != "["+c.missing+"]" {
			t.Errorf("%s: visited %q, missing %v, resolved %+v", name, got, col.Missing, col.Resolved)
		}
		for i, row := range col.Resolved[0].Rows { // also where the source broke off and was asked again
			if slices.Contains(col.Resolved[0].Rows[:i], row) {
				t.Errorf("%s: a row stands there twice: %+v", name, col.Resolved[0].Rows)
			}
		}
		for _, call := range b.calls {
			if call == "inventory "+number || c.outcome == "too-many" && strings.HasPrefix(call, "inventory") {
				t.Errorf("%s: asked %v", name, b.calls)
			}
		}
	}
}

// TestResolvedNowhere: a kind that no source keeps leads to nothing, and that
// is told apart from a record that is not there.
func TestResolvedNowhere(t *testing.T) {
	b := &book{shelf: newShelf("a"), kinds: []vitrine.IdentifierKind{vitrine.ByPhone}}
	s := scope(t, vitrine.ClockReceived)
	s.Accounts = []vitrine.Account{"device:356938035643809"}
	col, err := Job{Mandate: signed.Mandate(t, s, b.Declaration()), Sources: configured(b), Hold: &basket{}, Now: clock}.Run(context.Background())
	if err != nil || len(b.calls) > 0 || len(col.Missing) != 1 || len(col.Resolved) != 1 || col.Resolved[0].Outcome != vitrine.ResolvedNowhere {
		t.Errorf("%+v, %v, asked %v", col, err, b.calls)
	}
}

// TestResolvedToNoAccount: what a row leads to must be an account.
func TestResolvedToNoAccount(t *testing.T) {
	for _, account := range []string{"", "a/b", "*", "phone:+4930123456", "a\nb"} {
		b := &book{newShelf("a"), []vitrine.IdentifierKind{vitrine.ByPhone}, map[string][]Match{"+4930123456": {held(account, "-", "-")}}, 0}
		s := scope(t, vitrine.ClockReceived)
		s.Accounts = []vitrine.Account{"phone:+4930123456"}
		_, err := Job{Mandate: signed.Mandate(t, s, b.Declaration()), Sources: configured(b), Hold: &basket{}, Now: clock}.Run(context.Background())
		refused(t, err, vitrine.Failed, "nothing was read")
	}
}

// TestResolvedInPieces: what an identifier led to is asked once and stays,
// whatever the source says later.
func TestResolvedInPieces(t *testing.T) {
	b := &book{newShelf("a"), []vitrine.IdentifierKind{vitrine.ByPhone}, map[string][]Match{"+4930123456": {held("alice", "-", "-"), held("bob", "-", "-")}}, 0}
	two := map[string][]letter{"inbox": {{text: "one", received: from}, {text: "two", received: from}}}
	b.accounts = map[vitrine.Account]map[string][]letter{"alice": two, "bob": two}
	s := scope(t, vitrine.ClockReceived)
	s.Accounts = []vitrine.Account{"phone:+4930123456"}
	var pieces []vitrine.Collection
	var place *Place
	hold := &basket{}
	j := Job{Mandate: signed.Mandate(t, s, b.Declaration()), Sources: configured(b), Hold: hold, Now: clock, Dir: t.TempDir(), Limit: Limit{Seen: 1}}
	for i := 0; i == 0 || place != nil; i++ {
		col, next, err := j.Piece(context.Background(), place)
		if err != nil {
			t.Fatal(err)
		}
		pieces, place = append(pieces, col), nil
		if next != nil { // what another process reads
			text, err := json.Marshal(next)
			if err == nil {
				err = json.Unmarshal(text, &place)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		b.rows = nil
		if i > 20 {
			t.Fatal("it does not end")
		}
	}
	if all := Join(pieces...); all.Undeterminable != 4 || len(all.Resolved) != 1 || len(hold.items) != 4 {
		t.Errorf("%+v", all)
	}
}
