package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// Limits of paging through a room.
const (
	perPage  = 100
	maxEvent = 8 << 20  // of one room, kept as a hash each
	maxIdle  = 100      // pages in a row with nothing new
	maxToken = 512      // bytes
	maxOwn   = 64 << 10 // own events of membership
)

// view is what a room looked like when it was listed.
type view struct {
	Room   string      `json:"room"`
	User   string      `json:"user"`
	Newest string      `json:"newest"` // event
	Count  int64       `json:"count"`  // of events
	Own    memberships `json:"own"`
	Whole  bool        `json:"whole"` // it is known from its beginning
}

func parseView(key string) (v view, err error) {
	if err := json.Unmarshal([]byte(key), &v); err != nil {
		return v, fmt.Errorf("read a room's key: %w", err)
	}
	return v, nil
}

// itemKey finds an item again.
type itemKey struct {
	Page  string `json:"page,omitempty"` // where the page begins that it stands on
	Event string `json:"event,omitempty"`
	File  string `json:"file,omitempty"`
}

// page is one answer to /messages.
type page struct {
	from, start, end string
	events           []*happening
}

func (s *matrix) page(ctx context.Context, user, room, dir, from string, limit int) (page, error) {
	q := url.Values{"dir": {dir}, "limit": {strconv.Itoa(limit)}}
	if from != "" {
		q.Set("from", from)
	}
	b, err := s.client.get(ctx, user, q, "_matrix", "client", "v3", "rooms", room, "messages")
	if err != nil {
		return page{}, err
	}
	p := page{from: from}
	malformed := false
	fields(b, func(key string, value []byte) {
		switch key {
		case "start":
			p.start = text(value)
		case "end":
			p.end = text(value)
		case "chunk":
			elements(value, func(v []byte) {
				h := parseEvent(v)
				malformed = malformed || h.id == ""
				p.events = append(p.events, h)
			})
		}
	})
	switch {
	case malformed:
		return p, wrongPage(room, "an event has no id")
	case from != "" && p.start != "" && p.start != from:
		return p, wrongPage(room, "a page does not begin where it was asked to")
	case len(p.end) > maxToken:
		return p, wrongPage(room, "a token is too long")
	}
	return p, nil
}

func wrongPage(room, why string) error {
	return vitrine.Refusef(vitrine.Failed, "the homeserver pages wrongly through %s (%s): nothing was kept; run the step again, and if it stays so, collect from its database", shown(room), why)
}

// pages calls each for the pages of a room until the server says that there are
// no more, or each that it has enough.
func (s *matrix) pages(ctx context.Context, user, room, dir, from string, each func(page) (fresh int, enough bool, err error)) error {
	used := map[string]bool{from: true}
	for idle := 0; ; {
		p, err := s.page(ctx, user, room, dir, from, perPage)
		if err != nil {
			return err
		}
		fresh, enough, err := each(p)
		if err != nil || enough || p.end == "" || p.end == from && len(p.events) == 0 {
			return err
		}
		if used[p.end] {
			return wrongPage(room, "its tokens go in circles")
		}
		if idle++; fresh > 0 {
			idle = 0
		}
		if idle > maxIdle {
			return wrongPage(room, "there is no end")
		}
		from = p.end
		used[from] = true
	}
}

// view pages through a room, back from its newest event and, where the server
// can do so, forth again: what it lists one way and not the other would be lost.
func (s *matrix) view(ctx context.Context, user, room string) (view, error) {
	v := view{Room: room, User: user}
	seen := map[vitrine.Digest]bool{}
	last, turn := "", ""
	err := s.pages(ctx, user, room, "b", "", func(p page) (fresh int, _ bool, err error) {
		for _, h := range p.events {
			id := vitrine.DigestOf([]byte(h.id))
			if seen[id] {
				continue
			}
			fresh++
			if v.Count == 0 {
				v.Newest = h.id
			}
			if seen[id] = true; len(seen) > maxEvent {
				return 0, false, vitrine.Refusef(vitrine.Failed, "%s has more than %d events: nothing was collected; collect from the homeserver's database", shown(room), maxEvent)
			}
			v.Count++
			last = h.kind
			if h.about(user) {
				if v.Own = memberships(letterOf(h.membership)) + v.Own; len(v.Own) > maxOwn {
					return 0, false, wrongPage(room, "too many events of membership")
				}
			}
		}
		if p.end != "" {
			turn = p.end
		}
		return fresh, false, nil
	})
	v.Whole = last == "m.room.create"
	if err != nil || turn == "" {
		return v, err
	}
	return v, s.forth(ctx, v, turn, seen)
}

// forth pages from the room's beginning up to its newest event.
func (s *matrix) forth(ctx context.Context, v view, from string, seen map[vitrine.Digest]bool) error {
	err := s.pages(ctx, v.User, v.Room, "f", from, func(p page) (fresh int, enough bool, err error) {
		for _, h := range p.events {
			if !seen[vitrine.DigestOf([]byte(h.id))] {
				return 0, false, wrongPage(v.Room, "it lists an event forth that it does not list back")
			}
			fresh++
			if h.id == v.Newest {
				return fresh, true, nil
			}
		}
		return fresh, false, nil
	})
	if is(err, http.StatusBadRequest) || is(err, http.StatusForbidden) {
		return nil // it cannot page forth from there
	}
	return err
}

// spot is where a visit of a room stands.
type spot struct {
	Page  string `json:"p"` // where the page begins
	Event string `json:"e"`
	Part  int    `json:"n"` // the event itself (0) or a file that it refers to
	Own   int    `json:"o"` // own events of membership that lie before it in the room
	Count int64  `json:"c"` // of events so far
}

func (p spot) String() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic("chat: a position cannot be marshalled: " + err.Error()) // texts and numbers always can
	}
	return string(b)
}

// Enumerate yields the room's events as they were when it was listed, newest
// first, and behind each the files that it refers to.
func (s *matrix) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	if c.Key == "" {
		return nil // the list of rooms has no items
	}
	v, err := parseView(c.Key)
	if err != nil {
		return err
	}
	t := tour{matrix: s, ctx: ctx, view: v, yield: yield, at: spot{Own: len(v.Own)}, skipTo: v.Newest, recent: map[string]bool{}}
	if after != "" {
		if err := json.Unmarshal([]byte(after), &t.at); err != nil || t.at.Event == "" || t.at.Own < 0 || t.at.Part < 0 {
			return fmt.Errorf("position %q is none of this room", after)
		}
		t.skipTo, t.resumed = t.at.Event, true
	}
	if v.Count == 0 {
		return nil
	}
	err = s.pages(ctx, v.User, v.Room, "b", t.at.Page, t.page)
	if err == nil && (t.skipTo != "" || t.at.Count != v.Count) {
		err = vitrine.Refusef(vitrine.Failed, "the homeserver listed %d events of %s and now lists %d: nothing was kept; run the step again", v.Count, shown(v.Room), t.at.Count)
	}
	return explained(err)
}

// tour is one visit of a room.
type tour struct {
	*matrix
	ctx     context.Context
	view    view
	yield   func(collect.Item) error
	at      spot
	skipTo  string // what comes before this event is passed over; "" behind it
	resumed bool
	recent  map[string]bool // events of this page and the one before
	before  map[string]bool
}

func (t *tour) page(p page) (fresh int, enough bool, err error) {
	t.before, t.recent = t.recent, map[string]bool{}
	t.at.Page = p.from
	for _, h := range p.events {
		again := t.before[h.id] || t.recent[h.id]
		t.recent[h.id] = true
		if again {
			continue
		}
		fresh++
		first := 0
		if t.skipTo != "" {
			if h.id != t.skipTo {
				continue
			}
			t.skipTo = ""
			if t.resumed {
				first = t.at.Part + 1
			}
		}
		if err := t.event(h, first); err != nil {
			return fresh, false, err
		}
	}
	return fresh, t.skipTo == "" && t.at.Count == t.view.Count, nil
}

// event yields an event and what it refers to, from a part on.
func (t *tour) event(h *happening, first int) error {
	about := h.about(t.view.User)
	if first == 0 {
		t.at.Event, t.at.Count = h.id, t.at.Count+1
		if about {
			t.at.Own--
		}
	}
	it := h.evidence(t.server)
	it.Membership = t.view.Own.behind(t.at.Own, t.view.Whole)
	if h.own(t.view.User) {
		it.Membership = collect.Member
	}
	if first == 0 {
		it.Key = key(itemKey{Page: t.at.Page, Event: h.id})
		if err := t.hand(h, it, 0); err != nil {
			return err
		}
	}
	for i, address := range h.media {
		if i+1 < first {
			continue
		}
		f, err := t.file(address)
		if err != nil {
			return err
		}
		f.Received, f.Membership, f.Doubtful = it.Received, it.Membership, it.Doubtful
		f.Identity = "file " + strconv.Itoa(i) + " of " + it.Identity
		f.Extra = map[string]string{"event": shown(h.id)}
		if err := t.hand(h, f, i+1); err != nil {
			return err
		}
	}
	return nil
}

func key(k itemKey) string {
	b, err := json.Marshal(k)
	if err != nil {
		panic("chat: a key cannot be marshalled: " + err.Error()) // texts always can
	}
	return string(b)
}

// hand yields an item; while that lasts, its bytes are at hand.
func (t *tour) hand(h *happening, it collect.Item, part int) error {
	t.at.Part = part
	it.Position = t.at.String()
	t.mu.Lock()
	t.current = h
	t.mu.Unlock()
	err := t.yield(it)
	t.mu.Lock()
	t.current = nil
	t.mu.Unlock()
	return err
}

// file is the evidence on a file: that it is there, and its size.
func (t *tour) file(address string) (collect.Item, error) {
	it := collect.Item{Name: shown(address), Category: Category, Form: "stored", Key: key(itemKey{File: address})}
	server, id, ok := mxc(address)
	switch {
	case !ok:
		it.Unreadable = "its address is malformed"
		return it, nil
	case server != t.server:
		it.Unreadable = "another homeserver keeps this file"
		return it, nil
	}
	r, size, err := t.client.file(t.ctx, t.view.User, server, id, 0)
	if is(err, http.StatusNotFound) {
		it.Unreadable = "the homeserver does not hold this file"
		return it, nil
	}
	if err != nil {
		return it, err
	}
	defer r.Close()
	if it.Size = size; size < 0 {
		it.Size, err = measured(r)
	}
	return it, err
}

// again finds an event anew.
func (s *matrix) again(ctx context.Context, user string, c collect.Container, k itemKey) (*happening, error) {
	v, err := parseView(c.Key)
	if err != nil {
		return nil, err
	}
	var found *happening
	err = s.pages(ctx, user, v.Room, "b", k.Page, func(p page) (int, bool, error) {
		for _, h := range p.events {
			if h.id == k.Event {
				found = h
			}
		}
		return len(p.events), found != nil, nil
	})
	if err == nil && found == nil {
		err = collect.ErrVanished
	}
	return found, err
}
