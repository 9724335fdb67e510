package ledger

import "testing"

// leafAttacks try every number that a dishonest writer may want in a slot. Each
// time nothing but the range proof stands in the way, and the report would say
// what the writer wants. The truth is 2 demands on 3 accounts.
func leafAttacks() []attack {
	warrant := Sheet{Fields: defaultFields}
	unit := func(k int) *scalar { return powerOfTwo(warrant.offset(k)) }
	less := func(k int) func(*Running) { return func(r *Running) { r.V[k]-- } }
	more := func(k int, n uint64) func(*Running) { return func(r *Running) { r.V[k] += n } }
	minusOne := neg(unit(0))
	minusHalf := new(scalar).Multiply(minusOne, new(scalar).Invert(scalarOf(2)))
	unknown := randomPoint("nobody knows how this opens")
	rest := mul(minusOne, generatorG())
	rest.sub(rest, unknown)

	forged := func(name, table, field string, want uint64, slots map[int]forgery) attack {
		return attack{name, "range-proof", "half", "bundle 2: its range proof does not hold", func(w *world) {
			w.public().forge(slots)
			w.tell("2026-a")
			if got := w.real().total(w.t, table, field); got != want {
				w.t.Errorf("the report would say %d, not %d", got, want)
			}
		}}
	}
	const sheet, pen = "us/search-warrant", "us/pen-register"
	return []attack{
		forged("leaf-negative", sheet, "demand", 1, map[int]forgery{warrantSlot: {value: *minusOne, count: less(0)}}),
		forged("leaf-negative-all-bits", sheet, "demand", 1, map[int]forgery{warrantSlot: {value: *minusOne, bits: 1<<32 - 1, count: less(0)}}),
		// minus one in the second field is written as minus 2^28 in the first
		forged("leaf-negative-in-the-field-before", sheet, "account", 2, map[int]forgery{warrantSlot: {value: *neg(powerOfTwo(28)), count: less(1)}}),
		forged("leaf-over-its-width", sheet, "demand", 4, map[int]forgery{warrantSlot: {value: *scalarOf(2), bits: 2, count: more(0, 2)}}),
		forged("leaf-runs-over", sheet, "account", 4, map[int]forgery{warrantSlot: {value: *powerOfTwo(28), count: more(1, 1)}}),
		forged("leaf-halves", sheet, "demand", 1, map[int]forgery{warrantSlot: {value: *minusHalf, count: less(0)}, warrantSlot + 1: {value: *minusHalf}}),
		forged("leaf-without-opening", sheet, "demand", 1, map[int]forgery{warrantSlot: {point: unknown, count: less(0)}, warrantSlot + 1: {point: affine(rest)}}),
		// an account by the layout of us/search-warrant is 2^28 demands by that of us/pen-register
		forged("leaf-of-another-layout", pen, "demand", 1<<28, map[int]forgery{penSlot: {value: *powerOfTwo(28), bits: 2, count: more(0, 1<<28)}}),
		forged("leaf-negative-beside", pen, "demand", 0, map[int]forgery{penSlot: {value: *neg(scalarOf(1)), count: less(0)}, penSlot + 1: {value: *scalarOf(1), bits: 1, count: more(0, 1)}}),
	}
}

// TestForgedLeaf checks that what the attacks change is all that is wrong with
// them: a forged leaf that holds what a leaf may hold is accepted.
func TestForgedLeaf(t *testing.T) {
	w := half().branch(t, "none")
	w.public().forge(map[int]forgery{penSlot: {value: *scalarOf(3), bits: 3, count: func(r *Running) { r.V[0] += 3 }}})
	w.tell("2026-a")
	if got := w.accepted().total(t, "us/pen-register", "demand"); got != 3 {
		t.Errorf("%d demands", got)
	}
}
