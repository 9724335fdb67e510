package conform

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// atOnce is how long a cancelled run may take to end.
const atOnce = 10 * time.Second

// probe: credentials that can only read are shown to.
func (s *suite) probe(t testing.TB) {
	source := s.Source(t)
	access, err := source.Probe(t.Context())
	if err != nil {
		t.Fatalf("probe: %v", err)
	}
	if access.Shown == "" {
		t.Errorf("the probe does not say by what it found out")
	}
	if writes := access.Writes != ""; writes != (s.Writable == nil) {
		t.Errorf("the probe of credentials for reading says that they can write: %q", access.Writes)
	}
	if string(source.Family()) != s.Family {
		t.Errorf("the source is of the family %q, want %q", source.Family(), s.Family)
	}
}

// writable: others stop the run before anything is read, unless the config
// accepts them; then the package says so.
func (s *suite) writable(t testing.TB) {
	open := s.Writable
	if open == nil {
		open = s.Source
	}
	scope := s.plan.Scopes[0]
	w, h := &watched{Source: open(t)}, &hold{}
	job := s.job(t, scope, w, h)
	job.Sources[0].MayWrite = ""
	_, err := job.Run(t.Context())
	var refusal *vitrine.Refusal
	if !errors.As(err, &refusal) || refusal.Kind != vitrine.Refused {
		t.Errorf("credentials that can write were not refused: %v", err)
	}
	if len(w.asked) > 0 || len(h.items) > 0 {
		t.Errorf("with credentials that can write, %d calls were made and %d items held before it was refused", len(w.asked), len(h.items))
	}
	job.Sources[0].MayWrite = reason
	col, err := job.Run(t.Context())
	if err != nil {
		t.Fatalf("with may_write: %v", err)
	}
	if len(col.Sources) != 1 || col.Sources[0].Writes == "" || col.Sources[0].MayWrite != reason {
		t.Errorf("what the credentials can write is not recorded: %+v", col.Sources)
	}
	lines, _ := expected(scope, s.stored(s.plan.Items))
	differ(t, "with may_write", collected{col, h}.lines(), lines)
}

// inside: exactly what lies inside, and sums that close.
func (s *suite) inside(t testing.TB, scope truth.Scope) {
	stored := s.stored(s.plan.Items)
	got, w := s.collect(t, scope, s.Source(t))
	lines, counts := expected(scope, stored)
	holds := slices.ContainsFunc(w.Holds(), func(c vitrine.Category) bool { return slices.Contains(scope.Categories, string(c)) })
	if !holds {
		counts = vitrine.Counts{}
	}
	differ(t, scope.Label, got.lines(), lines)
	if got.Counts != counts || !got.Closed() {
		t.Errorf("%s: counts %+v, want %+v", scope.Label, got.Counts, counts)
	}
	if list := w.strangers(scope.Accounts); len(list) > 0 {
		t.Errorf("%s: accounts %q were touched, which are not in scope", scope.Label, list)
	}
	if want := int(counts.In + counts.Undeterminable); w.opened != want {
		t.Errorf("%s: %d items were opened, %d are to be held", scope.Label, w.opened, want)
	}
	s.missing(t, scope, got.Missing, stored)
	s.counted(t, scope, w.containers, stored)
	got.secret(t, s.plan.Items)
}

// missing: accounts that nobody knows are said, and no others.
func (s *suite) missing(t testing.TB, scope truth.Scope, got []vitrine.Account, stored []truth.Item) {
	t.Helper()
	var want []vitrine.Account
	for _, a := range scope.Accounts {
		if !slices.ContainsFunc(stored, func(it truth.Item) bool { return it.Account == a }) {
			want = append(want, vitrine.Account(a))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: accounts that nobody knows: %q, want %q", scope.Label, got, want)
	}
}

// counted: where the store counts, it counts what was planted; and every
// container with something in it is listed.
func (s *suite) counted(t testing.TB, scope truth.Scope, containers []collect.Container, stored []truth.Item) {
	t.Helper()
	type key struct{ account, name string }
	planted := map[key]int64{}
	for _, it := range scope.Of(stored) {
		planted[key{it.Account, it.Container}]++
	}
	for _, c := range containers {
		k := key{string(c.Account), c.Name}
		if c.Count != collect.NoCount && c.Count != planted[k] {
			t.Errorf("%s: the store counts %d items in %q of %s, %d were planted", scope.Label, c.Count, c.Name, c.Account, planted[k])
		}
		delete(planted, k)
	}
	for k, n := range planted {
		t.Errorf("%s: container %q of %s, with %d items, was not listed", scope.Label, k.name, k.account, n)
	}
}

// again: a second run gives the same, in the same order.
func (s *suite) again(t testing.TB, scope truth.Scope) {
	first, _ := s.collect(t, scope, s.Source(t))
	second, _ := s.collect(t, scope, s.Source(t))
	same(t, "a second run", second, first)
}

// same reports in what two runs differ.
func same(t testing.TB, what string, got, want collected) {
	t.Helper()
	if len(got.items) != len(want.items) {
		t.Errorf("%s: %d items are held, want %d", what, len(got.items), len(want.items))
	}
	for i := range min(len(got.items), len(want.items)) {
		if !reflect.DeepEqual(got.items[i], want.items[i]) {
			t.Errorf("%s: item %d is\n%+v, want\n%+v", what, i+1, got.items[i], want.items[i])
			break
		}
	}
	if got.Counts != want.Counts || !slices.Equal(got.Containers, want.Containers) {
		t.Errorf("%s: containers\n%+v, want\n%+v", what, got.Containers, want.Containers)
	}
}

// interrupted: a run that breaks off wherever it can gives the same.
func (s *suite) interrupted(t testing.TB, scope truth.Scope) {
	whole, _ := s.collect(t, scope, s.Source(t))
	b := &breaking{Source: s.Source(t)}
	broken, _ := s.collect(t, scope, b)
	if b.breaks < 10 {
		t.Errorf("the run was broken off %d times only", b.breaks)
	}
	same(t, "a broken run", broken, whole)
}

// pieces: a run in pieces, each by a source that was opened anew, gives the
// same.
func (s *suite) pieces(t testing.TB, scope truth.Scope) {
	whole, _ := s.collect(t, scope, s.Source(t))
	h, dir := &hold{}, t.TempDir()
	var cols []vitrine.Collection
	var place *collect.Place
	for n := 0; ; n++ {
		job := s.job(t, scope, s.Source(t), h)
		job.Limit, job.Dir = collect.Limit{Seen: 7}, dir
		col, next, err := job.Piece(t.Context(), place)
		if err != nil {
			t.Fatalf("piece %d: %v", n+1, err)
		}
		cols = append(cols, col)
		if place = next; place == nil {
			break
		}
		if n > len(s.plan.Items) {
			t.Fatalf("after %d pieces there is no end", n)
		}
	}
	same(t, "a run in pieces", collected{collect.Join(cols...), h}, whole)
}

// cancelled: a run that is cancelled ends at once and with nothing.
func (s *suite) cancelled(t testing.TB, scope truth.Scope) {
	for _, when := range []string{"before", "at an item", "in an item"} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w, h := &watched{Source: s.Source(t)}, &hold{}
		switch when {
		case "before":
			cancel()
		case "at an item":
			w.yield = func(collect.Container) { cancel() }
		case "in an item":
			h.after = cancel
		}
		done := make(chan error, 1)
		go func() {
			_, err := s.job(t, scope, w, h).Run(ctx)
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil {
				t.Errorf("a run that was cancelled %s ended well", when)
			}
		case <-time.After(atOnce):
			t.Fatalf("a run that was cancelled %s goes on", when)
		}
		if len(h.items) > 1 {
			t.Errorf("a run that was cancelled %s went on to hold %d items", when, len(h.items))
		}
	}
}

// traffic: what goes and comes while the store is read is counted, and takes
// nothing else with it.
func (s *suite) traffic(t testing.TB, scope truth.Scope) {
	var gone []truth.Item
	for _, it := range s.plan.Items {
		if slices.Contains(s.plan.Gone, it.Label) {
			gone = append(gone, it)
		}
	}
	w, h, did := &watched{Source: s.Source(t)}, &hold{}, false
	place := s.stored(gone[:1])[0].Container // where what goes is about to be read
	w.yield = func(c collect.Container) {
		if !did && c.Name == place {
			did = true
			s.Meddle(t, gone, s.plan.Come)
		}
	}
	col, err := s.job(t, scope, w, h).Run(t.Context())
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	moving, _ := expected(scope, s.stored(slices.Concat(gone, s.plan.Come)))
	all, counts := expected(scope, s.stored(s.plan.Items))
	differ(t, "while it was read", without(collected{col, h}.lines(), moving), without(all, moving))
	var vanished, arrived int64
	for _, c := range col.Containers {
		vanished, arrived = vanished+c.Vanished, arrived+c.Arrived
	}
	if vanished > int64(len(gone)) || arrived > int64(len(s.plan.Come)) {
		t.Errorf("%d are said to have vanished and %d to have arrived, of %d and %d", vanished, arrived, len(gone), len(s.plan.Come))
	}
	// Whoever was seen and is gone has vanished; whoever is there and was not
	// seen has arrived.
	if want := counts.Seen - int64(len(gone)) + vanished + int64(len(s.plan.Come)) - arrived; col.Seen != want {
		t.Errorf("%d were seen, %d vanished, %d arrived, of %d with %d that went and %d that came", col.Seen, vanished, arrived, counts.Seen, len(gone), len(s.plan.Come))
	}
}
