package mail

import (
	"context"
	"fmt"
	"slices"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// How messages are listed.
const (
	pageSize  = 2048
	getSize   = 256
	maxTries  = 5 // lists that were begun and became stale
	maxListed = 20_000_000
)

// jmapEmail is a message as Email/get has it.
type jmapEmail struct {
	ID        string          `json:"id"`
	Blob      string          `json:"blobId"`
	Size      int64           `json:"size"`
	Received  string          `json:"receivedAt"`
	Keywords  map[string]bool `json:"keywords"`
	Mailboxes map[string]bool `json:"mailboxIds"`
}

// page is an answer to Email/query.
type page struct {
	State    string   `json:"queryState"`
	Position int64    `json:"position"`
	IDs      []string `json:"ids"`
	Total    *int64   `json:"total"`
}

// list returns the ids of a mailbox's messages in the order of their bytes. The
// pages must be of one state of the mailbox.
func (s *jmapSession) list(ctx context.Context, k jmapKey) ([]string, error) {
	for range maxTries {
		ids, stale, err := s.pages(ctx, k)
		if err != nil {
			return nil, err
		}
		if stale {
			continue
		}
		slices.Sort(ids)
		if i := twice(ids); i >= 0 {
			return nil, s.wrong(fmt.Sprintf("it lists message %.100q twice", ids[i]))
		}
		return ids, nil
	}
	return nil, &collect.Interrupted{Err: fmt.Errorf("the mailbox on %s changes faster than it can be listed", s.caller.session.Host)}
}

// twice is where in a sorted list something stands for the second time, or -1.
func twice(ids []string) int {
	for i := 1; i < len(ids); i++ {
		if ids[i] == ids[i-1] {
			return i
		}
	}
	return -1
}

// wrong is a list that cannot be right.
func (s *jmapSession) wrong(why string) error {
	return vitrine.Refusef(vitrine.Failed, "%s pages wrongly (%s), so messages would be lost: nothing was kept; have the server repaired, or collect from a copy of its files", s.caller.session.Host, why)
}

// pages reads page after page. stale is true if the mailbox changed on the way.
func (s *jmapSession) pages(ctx context.Context, k jmapKey) (ids []string, stale bool, err error) {
	state := ""
	for {
		var p page
		err := s.call(ctx, "Email/query", map[string]any{
			"accountId": k.Account, "filter": map[string]any{"inMailbox": k.Mailbox}, "sort": []any{map[string]any{"property": "receivedAt", "isAscending": true}},
			"position": len(ids), "limit": pageSize, "calculateTotal": true, "collapseThreads": false,
		}, &p)
		switch {
		case err != nil:
			return nil, false, err
		case p.State == "" || p.Total == nil:
			return nil, false, s.wrong("a page has no queryState or no total")
		case state != "" && p.State != state:
			return nil, true, nil
		case p.Position != int64(len(ids)) && len(p.IDs) > 0:
			return nil, false, s.wrong(fmt.Sprintf("asked for what is behind %d, it gives what is behind %d", len(ids), p.Position))
		case len(ids)+len(p.IDs) > maxListed:
			return nil, false, s.wrong(fmt.Sprintf("more than %d messages are listed", maxListed))
		}
		state = p.State
		ids = append(ids, p.IDs...)
		if total := *p.Total; int64(len(ids)) > total || len(p.IDs) == 0 && int64(len(ids)) != total {
			return nil, false, s.wrong(fmt.Sprintf("of %d messages it lists %d", total, len(ids)))
		} else if int64(len(ids)) == total {
			return ids, false, nil
		}
	}
}

// emails gets what the store says of messages, by their ids. What is in none of
// the results was not answered for.
func (s *jmapSession) emails(ctx context.Context, k jmapKey, ids []string) (found map[string]jmapEmail, gone map[string]bool, err error) {
	var answer struct {
		List     []jmapEmail `json:"list"`
		NotFound []string    `json:"notFound"`
	}
	err = s.call(ctx, "Email/get", map[string]any{"accountId": k.Account, "ids": ids, "properties": []string{"id", "blobId", "size", "receivedAt", "keywords", "mailboxIds"}}, &answer)
	if err != nil {
		return nil, nil, err
	}
	found, gone = map[string]jmapEmail{}, map[string]bool{}
	for _, e := range answer.List {
		if _, again := found[e.ID]; again || e.Size < 0 || e.Size > maxMessage || e.Blob == "" {
			return nil, nil, s.odd("Email/get", "a message stands there twice, or without its bytes")
		}
		found[e.ID] = e
	}
	for _, id := range answer.NotFound {
		gone[id] = true
	}
	return found, gone, nil
}
