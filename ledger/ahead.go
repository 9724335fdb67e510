package ledger

import (
	"strconv"
	"strings"
	"sync"
)

// How far ahead of an audit files are fetched, and how many at a time.
const (
	aheadFiles = 192
	aheadAtOne = 12
)

// ahead fetches the files of an audit before they are asked for: which these
// are follows from a log's headers and its size.
type ahead struct {
	fetch  Fetch
	places chan struct{}

	mu    sync.Mutex
	size  map[Class]uint64
	chain map[Class]Chain
	next  []string // what will be asked for, in order
	rest  bundles  // of a log, whose files come behind those
	under map[string]*underway
}

// bundles are those of a log from an index on. They are not listed ahead: a
// checkpoint may claim any number of them.
type bundles struct {
	class Class
	index uint64
}

// underway is a file on its way.
type underway struct {
	done chan struct{}
	b    []byte
	err  error
}

// Ahead returns a fetch function that hides how long an audit's files take to
// come: it asks for several at a time, before they are needed.
func Ahead(fetch Fetch) Fetch {
	a := &ahead{fetch: fetch, places: make(chan struct{}, aheadAtOne), size: map[Class]uint64{}, chain: map[Class]Chain{}, under: map[string]*underway{}}
	return a.get
}

// get returns a file, from those that are on their way if it is one of them.
func (a *ahead) get(path string) ([]byte, error) {
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
	for len(a.under) < aheadFiles && a.plan() {
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
	c := Class(class)
	switch {
	case name == "checkpoint":
		a.size[c], _ = CheckpointSize(b) // what is no checkpoint has no size
		a.chain[c] = nil
	case strings.HasPrefix(name, "headers/"):
		if h, err := ParseHeader(b); err == nil {
			if longer, err := a.chain[c].With(h); err == nil {
				a.chain[c] = longer
			}
		}
	case name == "notices.json": // an audit's alone, before it reads bundles
		a.next, a.rest = nil, bundles{c, 0}
	}
}

// plan lists the files of one more bundle, and the checkpoint of its tick, if
// none are listed; it reports whether there are any.
func (a *ahead) plan() bool {
	c, index := a.rest.class, a.rest.index
	if len(a.next) > 0 || index >= a.size[c] {
		return len(a.next) > 0
	}
	p, place, err := a.chain[c].At(index)
	if err != nil || p.Publication != Live {
		a.rest = bundles{}
		return false
	}
	end := index + BundleSize
	a.rest.index, a.next = end, []string{classPath(c, EntriesPath(index/BundleSize))}
	if end == p.After(place.Tick) && (place.Tick > 0 || p.Number == 0) {
		a.next = append(a.next, classPath(c, "checkpoints/"+strconv.FormatUint(end, 10)))
	}
	return true
}
