package mail

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/graph"
	"github.com/vitrine-project/vitrine/production"
)

// How Exchange tells when a message came into being.
const (
	ruleGraphReceived = "graph-received" // receivedDateTime
	ruleGraphCreated  = "graph-created"  // createdDateTime, of a draft
	formGraph         = "graph-mime"     // as Exchange writes the message from what it stores of it
	noMIME            = "no-mime"        // Exchange cannot write it so
)

// Enumerate yields the messages in the order of their identifiers. Each is read
// whole, since nothing else tells its length.
func (m *mailboxes) Enumerate(ctx context.Context, c collect.Container, after string, yield func(collect.Item) error) error {
	l, err := m.inventoried(ctx, c)
	if err != nil {
		return graphFault(err)
	}
	list := l.messages
	if after != "" {
		i, found := slices.BinarySearchFunc(list, after, func(g graphMessage, id string) int { return strings.Compare(g.ID, id) })
		if found {
			i++
		}
		list = list[i:]
	}
	var head heading
	user, _ := place(c)
	return m.ahead(ctx, user, list, func(g graphMessage, b graphBytes) error {
		it, err := graphItem(g, b, &head)
		if err != nil {
			return err
		}
		if b.err == nil {
			m.turn(it.Key, &b)
			defer m.turn(it.Key, nil)
		}
		return yield(it)
	})
}

// turn keeps a message's bytes as long as it is its turn.
func (m *mailboxes) turn(key string, b *graphBytes) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b == nil {
		delete(m.fetched, key)
	} else {
		m.fetched[key] = *b
	}
}

// graphItem is the evidence on one message.
func graphItem(g graphMessage, b graphBytes, head *heading) (collect.Item, error) {
	it := collect.Item{Name: g.ID, Identity: g.identity(), Position: g.ID, Category: Category, Form: formGraph}
	it.Received, it.Flags, it.Extra = g.arrived(), g.marks(), g.extra()
	if b.err != nil {
		why, err := graphUnreadable(b.err)
		it.Unreadable = why
		return it, err
	}
	end, ended := headerEnd(b.begin[:min(len(b.begin), maxHeader)])
	head.read(b.begin[:end], !ended && b.size > maxHeader)
	if !ended && b.size <= maxHeader {
		it.Flags = append(it.Flags, flagNoBlank)
	}
	head.into(&it)
	it.Size, it.SHA256 = b.size, b.sum
	it.Key = graphKey{g.ID, b.size, b.sum}.String()
	return it, nil
}

// graphUnreadable is why a single message cannot be read, or the error that
// ends the visit.
func graphUnreadable(err error) (string, error) {
	if _, gone := graph.Refused(err, http.StatusNotFound); gone {
		return collect.Vanished, nil
	}
	var s *graph.Status
	if errors.As(err, &s) && slices.Contains([]string{"ErrorMimeContentConversionFailed", "ErrorContentConversionFailed", "ErrorCorruptData"}, s.Reason) {
		return noMIME, nil
	}
	return "", graphFault(err)
}

// arrived is the store's own record: of a draft, when it was begun.
func (g graphMessage) arrived() production.Interval {
	i := production.Interval{Rule: ruleGraphReceived, Raw: cut(g.Received)}
	if g.Draft {
		i = production.Interval{Rule: ruleGraphCreated, Raw: cut(g.Created)}
	}
	if t, err := time.Parse(time.RFC3339, i.Raw); err == nil && t.Unix() > 0 && t.Year() <= 9999 {
		i.From = t.UTC().Truncate(time.Second)
		i.To = i.From
	}
	return i
}

func (g graphMessage) marks() []string {
	var marks []string
	if g.Draft {
		marks = append(marks, "graph-draft")
	}
	if g.Read {
		marks = append(marks, "graph-read")
	}
	return marks
}

func (g graphMessage) extra() map[string]string {
	e := map[string]string{}
	for name, v := range map[string]string{"created": g.Created, "sent": g.Sent, "received": g.Received} {
		if v != "" {
			e["graph-"+name] = cut(v)
		}
	}
	return e
}
