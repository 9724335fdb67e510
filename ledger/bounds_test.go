package ledger

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// longest are headers at the bounds of what a period may be.
var longest = map[string]func(h *Header){
	"period-of-366-days": func(h *Header) { last(h, 366) },
	"lag-of-366-days": func(h *Header) {
		last(h, 366)
		h.Lag, h.Due = 366*day, 1100*day
	},
	"due-after-ten-ticks": func(h *Header) { h.Due = h.Lag + 10*h.Delta + 72*3600 },
}

func TestLongest(t *testing.T) {
	w := whole().branch(t, "longest")
	for name, change := range longest {
		h := bytesOf(*w.public().chain[0].Header)
		change(h)
		if _, err := newChain([]*Header{h}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// biggest is a header with all the sheets and the longest names that there may
// be.
func biggest(t *testing.T) *Header {
	var sheets []Sheet
	for i := range 256 {
		s := Sheet{Name: fmt.Sprintf("%03d", i) + strings.Repeat("s", 61)}
		for k := range maxFields {
			s.Fields = append(s.Fields, Field{fmt.Sprint(k) + strings.Repeat("f", 63), Rule{Kind: Hidden}, 4})
		}
		sheets = append(sheets, s)
	}
	h := newWorld(t).header(Public, 2, sheets[:1]...)
	h.Sheets, h.Grid, h.Tables = sheets, nil, nil
	for i, s := range sheets {
		n := 1
		if i == 0 {
			n = maxBundles*Slots - 255
		}
		h.Grid = append(h.Grid, Allotment{s.Name, n})
		h.Tables = append(h.Tables, Table{Cells: []CellName{{0, s.Name}}, Name: s.Name, NotBefore: h.To, Due: h.To})
	}
	return h
}

// TestHeaderSize: the largest header of 256 sheets leaves room for openings of
// past cells; one that is longer is not even read.
func TestHeaderSize(t *testing.T) {
	b, err := biggest(t).Marshal()
	if err != nil || len(b) > maxHeader/2 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if _, err := ParseHeader(b); err != nil {
		t.Error(err)
	}
	_, err = ParseHeader([]byte(strings.Repeat("[", maxHeader+1)))
	refuses(t, err, "header: 1048577 bytes, more than 1048576")
	h := biggest(t)
	h.Keys.Promise[0] += strings.Repeat("x", maxHeader)
	if _, err := h.Marshal(); err == nil {
		t.Error("a header too long to be read is written")
	}
}

// TestChainSize: neither many headers nor large grids make a chain that fills
// the memory.
func TestChainSize(t *testing.T) {
	h := newWorld(t).header(Public, 2, Sheet{Name: "us/search-warrant", Fields: defaultFields})
	h.Grid[0].Slots = maxBundles * Slots
	long := make(Chain, maxHeaders)
	long[maxHeaders-1] = newPeriod(h, 0)
	next := must(h.Continue(h.To + 2*day))
	_, err := long.With(next)
	refuses(t, err, "at most 1024 headers")

	chain := must(newChain([]*Header{h}))
	chain[0].size = maxHeaderSize
	_, err = chain.With(must(chain[0].Continue(h.To + 2*day)))
	refuses(t, err, "32 MiB of them")

	chain[0].size = 0
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 200 {
		last := chain[len(chain)-1]
		chain = must(chain.With(must(last.Continue(last.To + 2*day))))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if mib := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) >> 20; mib > 8 {
		t.Errorf("200 headers with 4,096 bundles a tick take %d MiB", mib)
	}
	runtime.KeepAlive(chain)
}

// TestWaitingCells: deferred cells do not heap up.
func TestWaitingCells(t *testing.T) {
	w := newWorld(t)
	sheets := []Sheet{{Name: "a", Fields: bandFields(250)}}
	for i := range 255 {
		sheets = append(sheets, Sheet{Name: fmt.Sprintf("b%03d", i), Fields: bandFields(250), Joins: "a", Deferred: 1 << 40})
	}
	h := w.header(Public, 2, sheets[:1]...)
	h.Sheets, h.Grid = sheets, nil
	for i, s := range sheets {
		h.Grid = append(h.Grid, Allotment{s.Name, []int{255, 1}[min(i, 1)]})
	}
	chain := must(newChain([]*Header{h}))
	for len(chain) < maxWaiting/255 {
		last := chain[len(chain)-1]
		chain = must(chain.With(must(last.Continue(last.To + 2*day))))
	}
	last := chain[len(chain)-1]
	_, err := chain.With(must(last.Continue(last.To + 2*day)))
	refuses(t, err, "more than 8192 cells of deferred sheets wait")
}
