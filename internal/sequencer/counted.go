package sequencer

import (
	"sync"
)

// Place is where a fact stands.
type Place struct {
	Period, Tick uint64
	Index        uint64
	Published    bool
}

// Counted returns where a fact stands in the log, published or planned. It
// knows all facts but those of ended periods whose plans can no longer be
// unsealed, since their key was destroyed.
func (l *Log) Counted(id string) (Place, bool, error) {
	at, ok, err := l.index.find(l, id)
	at.Published = ok && at.Index < l.Size()
	return at, ok, err
}

// index is the facts of all plans by their ids. It is read from the plans when
// it is first asked.
type index struct {
	mu     sync.Mutex
	places map[string]Place
}

func (x *index) find(l *Log, id string) (Place, bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.places == nil {
		all, err := l.places()
		if err != nil {
			return Place{}, false, err
		}
		x.places = all
	}
	at, ok := x.places[id]
	return at, ok, nil
}

// add takes in the facts of a new plan.
func (x *index) add(p *plan, s *secret) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.places != nil { // else find reads it with the others
		s.addTo(x.places, p)
	}
}

func (s *secret) addTo(places map[string]Place, p *plan) {
	for id, at := range s.Facts {
		places[id] = Place{Period: p.Period, Tick: p.Tick, Index: at}
	}
}

// places reads the facts of all plans.
func (l *Log) places() (map[string]Place, error) {
	l.mu.Lock()
	last := l.last
	l.mu.Unlock()
	names, err := l.names(plansDir)
	if err != nil {
		return nil, err
	}
	all := map[string]Place{}
	for _, name := range names {
		p, s, err := l.readPlan(plansDir + "/" + name)
		if err != nil && p != nil && last != nil && p.Period < last.Period {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.addTo(all, p)
	}
	return all, nil
}
