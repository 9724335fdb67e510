package ledger

import "testing"

// TestForgedLeaf tries every number that a dishonest writer may want in a slot.
// Each time the directory is such that only the range proof stands in the way,
// and the report would say what the writer wants.
func TestForgedLeaf(t *testing.T) {
	less := func(k int) func(*Running) { return func(r *Running) { r.V[k]-- } }
	field := func(s Sheet, k int) *scalar { return powerOfTwo(s.offset(k)) }
	warrant := Sheet{Fields: defaultFields}
	minusOne := neg(field(warrant, 0))
	halfInverse := new(scalar).Multiply(minusOne, new(scalar).Invert(scalarOf(2)))
	unknown := randomPoint("nobody knows how this opens")
	rest := new(point).neg(unknown)
	rest.add(rest, mul(minusOne, generatorG()))
	for _, attack := range []struct {
		name  string
		slots map[int]forgery
		table string
		field string
		want  uint64 // what the report would say; the truth is 2 demands, 3 accounts
	}{
		{"a negative leaf in a slot that nobody opens", map[int]forgery{warrantSlot: {value: *minusOne, count: less(0)}}, "us/search-warrant", "demand", 1},
		{"the same, with all bits of the proof set", map[int]forgery{warrantSlot: {value: *minusOne, bits: 1<<32 - 1, count: less(0)}}, "us/search-warrant", "demand", 1},
		{"minus one in a field, written as a large negative number in the field before", map[int]forgery{warrantSlot: {
			value: *new(scalar).Multiply(neg(powerOfTwo(28)), field(warrant, 0)), count: less(1)}}, "us/search-warrant", "account", 2},
		{"a value over its width", map[int]forgery{warrantSlot: {value: *scalarOf(2), bits: 2, count: func(r *Running) { r.V[0] += 2 }}}, "us/search-warrant", "demand", 4},
		{"a value that runs over into the next field", map[int]forgery{warrantSlot: {value: *powerOfTwo(28), count: func(r *Running) { r.V[1]++ }}}, "us/search-warrant", "account", 4},
		{"twice minus one half", map[int]forgery{warrantSlot: {value: *halfInverse, count: less(0)}, warrantSlot + 1: {value: *halfInverse}}, "us/search-warrant", "demand", 1},
		{"two commitments that nobody can open, which make minus one", map[int]forgery{warrantSlot: {point: unknown, count: less(0)}, warrantSlot + 1: {point: affine(rest)}}, "us/search-warrant", "demand", 1},
		{"a leaf in the layout of another sheet", map[int]forgery{penSlot: {value: *powerOfTwo(29), bits: 2, count: func(r *Running) { r.V[0] += 1 << 29 }}}, "us/pen-register", "demand", 1 << 29},
		{"a negative leaf on another sheet of the same bundle", map[int]forgery{penSlot: {value: *neg(scalarOf(1)), count: less(0)}, penSlot + 1: {value: *scalarOf(1), bits: 1, count: func(r *Running) { r.V[0]++ }}}, "us/pen-register", "demand", 0},
	} {
		t.Run(attack.name, func(t *testing.T) {
			w := half().branch(t, attack.name)
			w.logs[Public].forge(attack.slots)
			w.tell("2026-a")
			if got := w.real().total(t, attack.table, attack.field); got != attack.want {
				t.Errorf("the report would say %d, not %d", got, attack.want)
			}
			w.refused("bundle 2: its range proof does not hold")
		})
	}
	t.Run("none", func(t *testing.T) { // what the attacks change is all that is wrong with them
		w := half().branch(t, "none")
		w.logs[Public].forge(map[int]forgery{penSlot: {value: *scalarOf(3), bits: 3, count: func(r *Running) { r.V[0] += 3 }}})
		w.tell("2026-a")
		if got := w.accepted().total(t, "us/pen-register", "demand"); got != 3 {
			t.Errorf("%d demands", got)
		}
	})
}
