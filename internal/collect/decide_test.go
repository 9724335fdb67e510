package collect

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

var (
	from = time.Date(2002, 8, 15, 0, 0, 0, 0, time.UTC)
	to   = time.Date(2002, 9, 15, 0, 0, 0, 0, time.UTC)
)

func scope(t testing.TB, clock vitrine.Clock, correspondents ...string) vitrine.Scope {
	t.Helper()
	p, err := vitrine.NewPeriod(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return vitrine.Scope{Accounts: []vitrine.Account{"alice"}, Categories: []vitrine.Category{vitrine.Content}, Period: p, Clock: clock, Correspondents: correspondents}
}

func between(a, b time.Time) production.Interval { return production.Interval{From: a, To: b} }

// sides are times by where they lie: i inside, o outside, a astride an edge,
// u unknown. Each has several, at the edges.
var sides = map[byte][]production.Interval{
	'i': {between(from, from), between(to.Add(-time.Second), to.Add(-time.Second)), between(from, to.Add(-time.Second)), between(from.Add(time.Hour), from.Add(27*time.Hour))},
	'o': {between(from.Add(-time.Second), from.Add(-time.Second)), between(to, to), between(from.Add(-27*time.Hour), from.Add(-time.Second)), between(to, to.Add(26*time.Hour))},
	'a': {between(from.Add(-time.Second), from), between(to.Add(-time.Second), to), between(from.Add(-time.Hour), to.Add(time.Hour))},
	'u': {{}, between(to, from)},
}

// TestDecideTimes goes through every combination of where the arrival and up
// to two Dates lie. The table was written by hand from the rules.
func TestDecideTimes(t *testing.T) {
	received := map[byte]string{'i': "in received", 'o': "out received", 'a': "undeterminable received-straddles", 'u': "undeterminable received-unknown"}
	sent := map[string]string{ // Dates, then "/", then the arrival; "*" is any
		"i/*": "in sent", "o/*": "out sent", "ii/*": "in sent", "oo/*": "out sent", "io/*": "undeterminable sent-conflict",
		"/i": "in sent-fallback-received", "/o": "out sent-fallback-received", "/a": "undeterminable sent-unknown", "/u": "undeterminable sent-unknown",
		"u/i": "in sent-fallback-received", "u/o": "out sent-fallback-received", "u/a": "undeterminable sent-unknown", "u/u": "undeterminable sent-unknown",
		"a/i": "in sent-fallback-received", "a/o": "out sent-fallback-received", "a/a": "undeterminable sent-straddles", "a/u": "undeterminable sent-straddles",
		"uu/i": "in sent-fallback-received", "uu/o": "out sent-fallback-received", "uu/a": "undeterminable sent-unknown", "uu/u": "undeterminable sent-unknown",
		"aa/i": "in sent-fallback-received", "aa/o": "out sent-fallback-received", "aa/a": "undeterminable sent-straddles", "aa/u": "undeterminable sent-straddles",
		"au/i": "in sent-fallback-received", "au/o": "out sent-fallback-received", "au/a": "undeterminable sent-straddles", "au/u": "undeterminable sent-straddles",
		"iu/i": "in sent-fallback-received", "iu/o": "undeterminable sent-conflict", "iu/a": "undeterminable sent-unknown", "iu/u": "undeterminable sent-unknown",
		"ai/i": "in sent-fallback-received", "ai/o": "undeterminable sent-conflict", "ai/a": "undeterminable sent-straddles", "ai/u": "undeterminable sent-straddles",
		"ou/i": "undeterminable sent-conflict", "ou/o": "out sent-fallback-received", "ou/a": "undeterminable sent-unknown", "ou/u": "undeterminable sent-unknown",
		"ao/i": "undeterminable sent-conflict", "ao/o": "out sent-fallback-received", "ao/a": "undeterminable sent-straddles", "ao/u": "undeterminable sent-straddles",
	}
	n := 0
	check := func(dates string, arrival byte, it Item) {
		n++
		sorted := []byte(dates)
		slices.Sort(sorted)
		want, ok := sent[string(sorted)+"/*"]
		if !ok {
			want, ok = sent[string(sorted)+"/"+string(arrival)]
		}
		if v := Decide(scope(t, vitrine.ClockSent), it); !ok || string(v.Decision)+" "+string(v.Reason) != want {
			t.Errorf("by sent, Dates %q, arrival %c: %s %s, want %s", dates, arrival, v.Decision, v.Reason, want)
		}
		v := Decide(scope(t, vitrine.ClockReceived), it)
		if string(v.Decision)+" "+string(v.Reason) != received[arrival] {
			t.Errorf("by received, Dates %q, arrival %c: %s %s, want %s", dates, arrival, v.Decision, v.Reason, received[arrival])
		}
		conflict := arrival == 'i' && (dates == "o" || dates == "oo") || arrival == 'o' && (dates == "i" || dates == "ii")
		if slices.Contains(v.Flags, "clock-conflict") != conflict || slices.Contains(v.Flags, "multiple-date") != (len(dates) == 2) {
			t.Errorf("Dates %q, arrival %c: flags %v", dates, arrival, v.Flags)
		}
	}
	for arrival, times := range sides {
		for _, r := range times {
			check("", arrival, Item{Category: vitrine.Content, Received: r})
			for a, as := range sides {
				for _, x := range as {
					check(string(a), arrival, Item{Category: vitrine.Content, Received: r, Sent: []production.Interval{x}})
					for b, bs := range sides {
						for _, y := range bs {
							check(string([]byte{a, b}), arrival, Item{Category: vitrine.Content, Received: r, Sent: []production.Interval{x, y}})
						}
					}
				}
			}
		}
	}
	if n != 13*(1+13+13*13) {
		t.Errorf("%d combinations", n)
	}
}

// TestDecideRest: what else excludes, and what does not.
func TestDecideRest(t *testing.T) {
	in, out, edge := sides['i'][0], sides['o'][0], sides['a'][0]
	bob := map[string][]string{"From": {"carol@example.org"}, "Resent-Cc": {"dave@example.org", "bob@example.org"}}
	for name, c := range map[string]struct {
		clock vitrine.Clock
		who   string
		item  Item
		want  string
	}{
		"another category":             {"received", "", Item{Category: vitrine.Traffic, Received: in}, "out category"},
		"correspondent":                {"received", "bob@example.org", Item{Received: in, Correspondents: bob}, "in received Resent-Cc"},
		"other spelling":               {"received", "bob@xn--bcher-kva.example", Item{Received: in, Correspondents: map[string][]string{"To": {"bob@xn--bcher-kva.example"}}}, "in received To"},
		"demanded in its own script":   {"received", "bob@bücher.example", Item{Received: in, Correspondents: map[string][]string{"To": {"bob@xn--bcher-kva.example"}}}, "in received To"},
		"no correspondent":             {"received", "eve@example.org", Item{Received: in, Correspondents: bob}, "out no-correspondent"},
		"no fields":                    {"received", "eve@example.org", Item{Received: in}, "out no-correspondent"},
		"a doubtful field":             {"received", "eve@example.org", Item{Received: in, Correspondents: bob, Doubtful: []string{"To"}}, "undeterminable correspondents-doubtful"},
		"doubtful and found":           {"received", "bob@example.org", Item{Received: in, Correspondents: bob, Doubtful: []string{"To"}}, "in received Resent-Cc"},
		"doubtful field of no matter":  {"received", "eve@example.org", Item{Received: in, Correspondents: bob, Doubtful: []string{"Reply-To"}}, "out no-correspondent"},
		"a field of no matter":         {"received", "eve@example.org", Item{Received: in, Correspondents: map[string][]string{"Reply-To": {"eve@example.org"}}}, "out no-correspondent"},
		"a bare local part":            {"received", "eve@example.org", Item{Received: in, Correspondents: map[string][]string{"To": {"eve"}}}, "undeterminable correspondents-doubtful"},
		"another bare local part":      {"received", "eve@example.org", Item{Received: in, Correspondents: map[string][]string{"To": {"ev"}}}, "out no-correspondent"},
		"doubtful and out":             {"received", "eve@example.org", Item{Received: out, Doubtful: []string{"To"}}, "out received"},
		"time and correspondent doubt": {"received", "eve@example.org", Item{Received: edge, Doubtful: []string{"To"}}, "undeterminable received-straddles"},
		"time in doubt, nobody":        {"received", "eve@example.org", Item{Received: edge, Correspondents: bob}, "out no-correspondent"},
		"time in doubt, found":         {"received", "bob@example.org", Item{Received: edge, Correspondents: bob}, "undeterminable received-straddles Resent-Cc"},
		"unreadable":                   {"received", "", Item{Received: in, Unreadable: "x"}, "unreadable unreadable"},
		"unreadable, asked for bob":    {"received", "bob@example.org", Item{Received: in, Unreadable: "x"}, "unreadable unreadable"},
		"unreadable, no time":          {"received", "", Item{Unreadable: "x"}, "unreadable unreadable"},
		"unreadable, out by record":    {"received", "", Item{Received: out, Unreadable: "x"}, "out received"},
		"unreadable, by sent":          {"sent", "", Item{Received: out, Unreadable: "x"}, "unreadable unreadable"},
		"uncertain, in":                {"received", "", Item{Received: in, Uncertain: "x"}, "undeterminable boundary-uncertain"},
		"uncertain, out":               {"received", "eve@example.org", Item{Received: out, Uncertain: "x"}, "undeterminable boundary-uncertain"},
	} {
		if c.item.Category == "" {
			c.item.Category = vitrine.Content
		}
		s := scope(t, c.clock)
		if c.who != "" {
			s.Correspondents = []string{c.who}
		}
		v := Decide(s, c.item)
		got := strings.TrimSpace(string(v.Decision) + " " + string(v.Reason) + " " + strings.Join(v.Matched, ","))
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestImplausible: a Date long after the arrival is flagged, whatever decides.
func TestImplausible(t *testing.T) {
	arrived := from.Add(time.Hour)
	for shift, want := range map[time.Duration]bool{-time.Hour: false, 48 * time.Hour: false, 48*time.Hour + time.Second: true} {
		v := Decide(scope(t, vitrine.ClockReceived), Item{Category: vitrine.Content, Received: between(arrived, arrived), Sent: []production.Interval{between(arrived.Add(shift), arrived.Add(shift))}})
		if slices.Contains(v.Flags, FlagImplausible) != want {
			t.Errorf("a Date %v after the arrival: flags %v", shift, v.Flags)
		}
	}
}

// TestAddress: spellings of one address are one.
func TestAddress(t *testing.T) {
	for _, c := range [][4]string{
		{"Bob", "Example.ORG", "bob@example.org", ""}, {"bob", "example.org.", "bob@example.org", ""}, {"bob", "BÜCHER.example", "bob@xn--bcher-kva.example", ""},
		{"bob", "XN--BCHER-KVA.example", "bob@xn--bcher-kva.example", ""}, {"Jose\u0301", "example.org", "jos\u00e9@example.org", ""},
		{"bob", "under_score.example", "bob@under_score.example", ""}, {"", "example.org", "", "no"}, {"bob", "", "", "no"}, {"bob", ".", "", "no"}, {"bo\xff", "example.org", "", "no"},
	} {
		if a, ok := Address(c[0], c[1]); ok != (c[3] == "") || ok && a != c[2] {
			t.Errorf("%q @ %q: %q, %v", c[0], c[1], a, ok)
		}
	}
}
