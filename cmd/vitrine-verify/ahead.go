package main

import (
	"strconv"
	"strings"
	"sync"

	"github.com/vitrine-project/vitrine/ledger"
)

// How far ahead of an audit files are fetched, and how many at a time.
const (
	aheadFiles = 192
	aheadAtOne = 12
)

// ahead fetches the files of an audit before they are asked for: which these
// are follows from a log's headers and its size.
type ahead struct {
	fetch  ledger.Fetch
	places chan struct{}

	mu    sync.Mutex
	size  map[ledger.Class]uint64
	chain map[ledger.Class]ledger.Chain
	next  []string // what will be asked for, in order
	under map[string]*underway
}

// underway is a file on its way.
type underway struct {
	done chan struct{}
	b    []byte
	err  error
}

func newAhead(fetch ledger.Fetch) *ahead {
	return &ahead{fetch: fetch, places: make(chan struct{}, aheadAtOne), size: map[ledger.Class]uint64{}, chain: map[ledger.Class]ledger.Chain{}, under: map[string]*underway{}}
}

// Fetch returns a file, from those that are on their way if it is one of them.
func (a *ahead) Fetch(path string) ([]byte, error) {
	a.mu.Lock()
	w := a.under[path]
	delete(a.under, path)
	a.more()
	a.mu.Unlock()
	if w != nil {
		<-w.done
		return w.b, w.err
	}
	b, err := a.fetch(path)
	if err == nil {
		a.learn(path, b)
	}
	return b, err
}

// more starts what there is room for.
func (a *ahead) more() {
	for len(a.next) > 0 && len(a.under) < aheadFiles {
		w := &underway{done: make(chan struct{})}
		path := a.next[0]
		a.next, a.under[path] = a.next[1:], w
		go func() {
			a.places <- struct{}{}
			w.b, w.err = a.fetch(path)
			<-a.places
			close(w.done)
		}()
	}
}

// learn takes from a file what it says of others. Nothing is believed of it:
// what is fetched for nothing is dropped.
func (a *ahead) learn(path string, b []byte) {
	rest, ok := strings.CutPrefix(path, "ledger/")
	class, name, _ := strings.Cut(rest, "/")
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	c := ledger.Class(class)
	switch {
	case name == "checkpoint":
		a.size[c], _ = ledger.CheckpointSize(b) // what is no checkpoint has no size
		a.chain[c] = nil
	case strings.HasPrefix(name, "headers/"):
		if h, err := ledger.ParseHeader(b); err == nil {
			if longer, err := a.chain[c].With(h); err == nil {
				a.chain[c] = longer
			}
		}
	case name == "notices.json": // an audit's alone, before it reads bundles
		a.next = a.plan(c)
	}
}

// plan lists the bundles of a log, and the checkpoints of its ticks.
func (a *ahead) plan(c ledger.Class) []string {
	var list []string
	add := func(path string) { list = append(list, "ledger/"+string(c)+"/"+path) }
	for index := uint64(0); index < a.size[c]; index += ledger.BundleSize {
		p, place, err := a.chain[c].At(index)
		if err != nil || p.Publication != ledger.Live {
			return list
		}
		add(ledger.EntriesPath(index / ledger.BundleSize))
		if end := index + ledger.BundleSize; end == p.After(place.Tick) && (place.Tick > 0 || p.Number == 0) {
			add("checkpoints/" + strconv.FormatUint(end, 10))
		}
	}
	return list
}
