package ledger

import "slices"

// layout says which sheet each slot of a tick belongs to. It is kept by its
// edges: a tick may have a million slots, and a ledger a thousand headers.
type layout struct {
	ends   []int // behind which slot each sheet of the grid ends, ascending
	sheets []int // the index of each of these sheets
}

func (l *layout) add(sheet, slots int) {
	end := slots
	if n := len(l.ends); n > 0 {
		end += l.ends[n-1]
	}
	l.ends, l.sheets = append(l.ends, end), append(l.sheets, sheet)
}

// place is which sheet of the grid a slot belongs to.
func (l layout) place(slot int) int {
	n, _ := slices.BinarySearch(l.ends, slot+1)
	return n
}

// of is the index of the sheet that a slot belongs to.
func (l layout) of(slot int) int { return l.sheets[l.place(slot)] }

// slots is how many slots a tick has.
func (l layout) slots() int { return l.ends[len(l.ends)-1] }

// between are the sheets that have slots in a range of slots, in grid order.
func (l layout) between(first, end int) []int {
	return l.sheets[l.place(first) : l.place(end-1)+1]
}
