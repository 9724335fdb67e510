package graph

import (
	"slices"
	"sync"
)

// generations is how many states of one place are kept.
const generations = 4

// Kept keeps listings from when they were made until their place is closed: what
// leaves its place before its turn comes was there. It keeps those of one owner
// at a time. The zero value is empty.
type Kept[L any] struct {
	mu    sync.Mutex
	owner string
	lists map[string][]kept[L]
}

type kept[L any] struct {
	state string
	list  L
}

// Keep keeps a place's listing under its state. A place is listed again while
// others wait for their turn, so a few states are kept.
func (k *Kept[L]) Keep(owner, place, state string, list L) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.owner != owner || k.lists == nil {
		k.owner, k.lists = owner, map[string][]kept[L]{}
	}
	all := k.lists[place]
	if slices.ContainsFunc(all, func(l kept[L]) bool { return l.state == state }) {
		return
	}
	if len(all) == generations {
		all = all[1:]
	}
	k.lists[place] = append(all, kept[L]{state, list})
}

// Find returns what was kept under a state.
func (k *Kept[L]) Find(owner, place, state string) (list L, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.owner == owner {
		for _, l := range k.lists[place] {
			if l.state == state {
				return l.list, true
			}
		}
	}
	return list, false
}

// Drop lets go of a place.
func (k *Kept[L]) Drop(owner, place string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.owner == owner {
		delete(k.lists, place)
	}
}
