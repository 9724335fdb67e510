package conform

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/signed"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
	"github.com/vitrine-project/vitrine/production"
)

// reason is why a source with more rights is accepted.
const reason = "the conformance suite says so"

// patience does not wait: what breaks off here is there again at once.
var patience = make([]time.Duration, 5)

// hold keeps what was collected.
type hold struct {
	items []production.Item
	bytes [][]byte
	// after is called when an item was read; nil: nothing
	after func()
}

func (h *hold) Add(it production.Item, r io.Reader) (production.Item, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return it, err
	}
	it.Number, it.Size, it.SHA256 = int64(len(h.items)+1), int64(len(b)), vitrine.DigestOf(b)
	h.items, h.bytes = append(h.items, it), append(h.bytes, b)
	if h.after != nil {
		h.after()
	}
	return it, nil
}

// scopeOf is a scope as mandates have it.
func scopeOf(t testing.TB, s truth.Scope) vitrine.Scope {
	t.Helper()
	period, err := vitrine.NewPeriod(s.From, s.To)
	if err != nil {
		t.Fatalf("period of %s: %v", s.Label, err)
	}
	scope := vitrine.Scope{Period: period, Clock: vitrine.ClockReceived, Zone: s.Zone, Correspondents: s.Correspondents}
	if s.Sent {
		scope.Clock = vitrine.ClockSent
	}
	for _, a := range s.Accounts {
		scope.Accounts = append(scope.Accounts, vitrine.Account(a))
	}
	for _, c := range s.Categories {
		scope.Categories = append(scope.Categories, vitrine.Category(c))
	}
	if scope, err = scope.Normal(); err != nil {
		t.Fatalf("scope %s: %v", s.Label, err)
	}
	return scope
}

// job is a collection from one source under a mandate on the scope.
func (s *suite) job(t testing.TB, scope truth.Scope, source collect.Source, h *hold) collect.Job {
	t.Helper()
	c := collect.Configured{Source: source}
	if s.Writable == nil {
		c.MayWrite = reason
	}
	return collect.Job{
		Mandate: signed.Mandate(t, scopeOf(t, scope), source.Declaration()), Sources: []collect.Configured{c}, Hold: h,
		Now: func() time.Time { return signed.Now }, Patience: patience, Dir: t.TempDir(),
	}
}

// collected is the outcome of a run.
type collected struct {
	vitrine.Collection
	*hold
}

// collect runs a mandate on the scope over a source that is watched.
func (s *suite) collect(t testing.TB, scope truth.Scope, source collect.Source) (collected, *watched) {
	t.Helper()
	w, h := &watched{Source: source}, &hold{}
	col, err := s.job(t, scope, w, h).Run(context.Background())
	if err != nil {
		t.Fatalf("%s: %v", scope.Label, err)
	}
	return collected{col, h}, w
}

// lines are what was held, one line an item, sorted.
func (c collected) lines() []string {
	var lines []string
	for i, it := range c.items {
		lines = append(lines, line(string(it.Account), it.Container, string(it.Category), string(it.Decision), it.Reason, c.bytes[i]))
	}
	slices.Sort(lines)
	return lines
}

func line(account, container, category, decision, reason string, b []byte) string {
	shown := string(b[:min(len(b), 60)])
	return fmt.Sprintf("%s | %q | %s | %s (%s) | %d bytes %s | %q", account, container, category, decision, reason, len(b), vitrine.DigestOf(b).Hex()[:16], shown)
}

// expected are the lines that a scope demands of what is stored, and the
// counts.
func expected(scope truth.Scope, stored []truth.Item) (lines []string, counts vitrine.Counts) {
	for _, it := range scope.Of(stored) {
		counts.Seen++
		v := scope.Judge(it)
		switch v.Decision {
		case "in":
			counts.In++
		case "undeterminable":
			counts.Undeterminable++
		case "unreadable":
			counts.Unreadable++
			continue
		default:
			counts.Out++
			continue
		}
		lines = append(lines, line(it.Account, it.Container, it.Category, v.Decision, v.Reason, it.Raw))
	}
	slices.Sort(lines)
	return lines, counts
}

// differ reports what is in one list and not in the other, at most ten of each.
func differ(t testing.TB, what string, got, want []string) {
	t.Helper()
	missing, more := without(want, got), without(got, want)
	for _, l := range missing[:min(len(missing), 10)] {
		t.Errorf("%s: missing: %s", what, l)
	}
	for _, l := range more[:min(len(more), 10)] {
		t.Errorf("%s: too much: %s", what, l)
	}
}

// without is list less each entry of other, once for each time it is there.
func without(list, other []string) (rest []string) {
	n := map[string]int{}
	for _, l := range other {
		n[l]++
	}
	for _, l := range list {
		if n[l]--; n[l] < 0 {
			rest = append(rest, l)
		}
	}
	return rest
}

// secret reports values that nobody may see, wherever they stand.
func (c collected) secret(t testing.TB, items []truth.Item) {
	t.Helper()
	for i, it := range c.items {
		text := fmt.Sprintf("%+v", it)
		for _, planted := range items {
			if planted.Secret != "" && (bytes.Contains(c.bytes[i], []byte(planted.Secret)) || strings.Contains(text, planted.Secret)) {
				t.Errorf("a secret of %q stands in what was held as %q", planted.Label, it.Name)
			}
		}
	}
}
