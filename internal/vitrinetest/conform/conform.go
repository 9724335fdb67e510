// Package conform is the one suite that every source has to pass: it plants
// items around every edge of a scope in a real store, asks for them under really
// signed mandates, and demands exactly what lies inside, byte for byte, with
// its reason and with sums that close, from an unbroken run, a broken one and
// one in pieces. What a kind of store does not have is said, never skipped in
// silence. Planted truth comes from package truth, and never from a source.
package conform

import (
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// Stage is a kind of store as the suite sees it. An adapter is a test of the
// source's package that starts the real server and calls Run with one.
type Stage struct {
	Family string // of package truth
	// Has lists what this kind of store has. The others are reported as not of
	// this kind.
	Has []truth.Feature
	// Plant puts the items into the store, each with the time of arrival that it
	// has. It is called once, and for an item that arrives meanwhile by Meddle.
	Plant func(t testing.TB, items []truth.Item)
	// Stored is what the store documents that it makes of an item: the
	// container's name, the bytes (line ends), the form of its time. Nothing else
	// may be changed. Nil: what was planted.
	Stored func(truth.Item) truth.Item
	// Source opens the store with credentials that can only read.
	Source func(t testing.TB) collect.Source
	// Writable opens it with others. Nil: every credential of this kind can
	// write, and Source's, too, as far as a probe can tell.
	Writable func(t testing.TB) collect.Source
	// Meddle takes items away and puts others in through a stock tool, while a
	// source is reading. Needed with truth.Traffic.
	Meddle func(t testing.TB, gone, come []truth.Item)
}

// Run runs the suite.
func Run(t *testing.T, s Stage) {
	var lacks []string
	for _, f := range truth.Features {
		if !slices.Contains(s.Has, f) {
			lacks = append(lacks, string(f))
		}
	}
	t.Logf("not of this kind: %s", strings.Join(lacks, ", "))
	suite := newSuite(t, s)
	for _, c := range suite.checks() {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

// suite is a stage with what was planted on it.
type suite struct {
	Stage
	plan truth.Plan
}

func newSuite(t testing.TB, s Stage) *suite {
	t.Helper()
	p := &suite{Stage: s, plan: truth.New(s.Family, s.Has...)}
	if len(p.plan.Items) == 0 {
		t.Fatalf("nothing is planted for family %q", s.Family)
	}
	s.Plant(t, slices.Clone(p.plan.Items))
	return p
}

// stored is what the store makes of the items.
func (s *suite) stored(items []truth.Item) []truth.Item {
	list := slices.Clone(items)
	if s.Stored != nil {
		for i := range list {
			list[i] = s.Stored(list[i])
		}
	}
	return list
}

// check is one of the suite's.
type check struct {
	name string
	run  func(testing.TB)
}

func (s *suite) checks() []check {
	list := []check{{"probe", s.probe}, {"writable", s.writable}}
	for _, scope := range s.plan.Scopes {
		list = append(list, check{"inside/" + scope.Label, func(t testing.TB) { s.inside(t, scope) }})
	}
	month := s.plan.Scopes[0]
	list = append(list,
		check{"again", func(t testing.TB) { s.again(t, month) }},
		check{"interrupted", func(t testing.TB) { s.interrupted(t, month) }},
		check{"pieces", func(t testing.TB) { s.pieces(t, month) }},
		check{"cancelled", func(t testing.TB) { s.cancelled(t, month) }},
	)
	if len(s.plan.Gone) > 0 { // the last: the store is another one behind it
		list = append(list, check{"traffic", func(t testing.TB) { s.traffic(t, month) }})
	}
	return list
}
