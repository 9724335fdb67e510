package ledger

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
)

// twoBundles is a ledger whose ticks have two bundles: the first sheet is in both,
// the second in the last.
func twoBundles(t *testing.T) (*world, *writtenLog) {
	w := newWorld(t)
	h := w.header(Public, 1, Sheet{Fields: defaultFields, Name: "us/search-warrant"}, Sheet{Fields: defaultFields, Name: "us/subpoena"})
	h.Grid = []Allotment{{"us/search-warrant", 2*Slots - 55}, {"us/subpoena", 55}}
	l := w.logs[Public]
	l.add(h)
	return w, l
}

// TestTickProvesManyBundles: bundles that are proved side by side are those that
// are proved one after the other, byte for byte, and what is audited.
func TestTickProvesManyBundles(t *testing.T) {
	var once []byte
	for _, processors := range []int{1, 2} {
		before := runtime.GOMAXPROCS(processors)
		w, l := twoBundles(t)
		const demands = 260 // more than a bundle has room for
		var facts []*Fact
		for i := range demands {
			facts = append(facts, l.demand("us/search-warrant", fmt.Sprint(i), "", "")[0])
		}
		facts = append(facts, l.demand("us/subpoena", "s", "", "alice")[0])
		l.next(facts...)
		runtime.GOMAXPROCS(before)
		all := bytes.Join(l.entries, nil)
		if once == nil {
			once = all
		} else if !bytes.Equal(once, all) {
			t.Errorf("with %d processors the same tick has other bytes", processors)
		}
		w.tell("2026")
		v, err := w.audit()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range v.Reports[0].Statement.Tables {
			if want := map[string]uint64{"us/search-warrant": demands, "us/subpoena": 1}[row.Name]; *row.Fields[0].Total != want {
				t.Errorf("%s: %d demands were counted, not %d", row.Name, *row.Fields[0].Total, want)
			}
		}
	}
}
