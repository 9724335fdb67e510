package mail

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/graph"
)

const (
	graphPasses = 6   // over a folder, until two agree with each other and with its count
	graphPage   = 500 // messages a page
	maxGraphID  = 900 // bytes of an identifier
)

// graphMessage is a message as a listing has it.
type graphMessage struct {
	ID       string           `json:"id"`
	Change   string           `json:"changeKey"`
	Received string           `json:"receivedDateTime"`
	Sent     string           `json:"sentDateTime"`
	Created  string           `json:"createdDateTime"`
	Draft    bool             `json:"isDraft"`
	Read     bool             `json:"isRead"`
	Removed  *json.RawMessage `json:"@removed"`
}

// identity tells a message from others. What a mail program does to one that
// was sent changes no identity; a draft can become another at any time.
func (g graphMessage) identity() string {
	if g.Draft {
		return g.ID + "/" + g.Change
	}
	return g.ID
}

// graphListing is what lies in a folder, sorted by identifier.
type graphListing struct {
	messages []graphMessage
	state    string
}

func listing(found map[string]graphMessage) graphListing {
	l := graphListing{messages: sortedBy(found)}
	h := sha256.New()
	for _, m := range l.messages {
		io.WriteString(h, m.identity()+"\x00")
	}
	l.state = fmt.Sprintf("items=%d ids=%s", len(l.messages), hex.EncodeToString(h.Sum(nil)[:16]))
	return l
}

func sortedBy[V any](m map[string]V) []V {
	var list []V
	for _, k := range slices.SortedFunc(maps.Keys(m), cmp.Compare[string]) {
		list = append(list, m[k])
	}
	return list
}

// list lists a folder until two passes agree with each other and with the
// folder's own count. A listing by pages is known to lose messages, to name some
// twice and to end too early; so every second one goes by changes, and what both
// ways name must be the same, unless one never comes to the folder's count.
func (m *mailboxes) list(ctx context.Context, user, folder string) (graphListing, error) {
	var l graphListing
	var count int64
	var whole [2]string // of each way, the state that was as many as the folder counts
	for n := range graphPasses {
		found, way, err := m.pass(ctx, user, folder, n)
		if err != nil {
			return l, err
		}
		if count, err = m.count(ctx, user, folder); err != nil {
			return l, err
		}
		if l = listing(found); count != int64(len(l.messages)) {
			continue
		}
		if other := whole[1-way]; other == l.state || other == "" && whole[way] == l.state {
			return l, nil
		}
		whole[way] = l.state
	}
	return l, vitrine.Refusef(vitrine.Failed, "%d listings of a folder do not agree: it counts %d messages, and the last listing names %d: nothing was kept; run the step again when less is going on in the mailbox", graphPasses, count, len(l.messages))
}

// The ways to list a folder.
const (
	byPages   = 0
	byChanges = 1
)

// pass lists a folder once.
func (m *mailboxes) pass(ctx context.Context, user, folder string, n int) (found map[string]graphMessage, way int, err error) {
	path := graph.Path("users", user, "mailFolders", folder, "messages")
	fields := "id,changeKey,receivedDateTime,sentDateTime,createdDateTime,isDraft,isRead"
	if n%2 == 1 {
		found, err = m.gather(ctx, graph.Listing{Path: path + "/delta", Query: url.Values{"$select": {fields}}, Size: graphPage, Delta: true})
		if !cannot(err) {
			return found, byChanges, err
		}
	}
	top := fmt.Sprint(graphPage / (n + 1)) // what is lost between two pages shows where pages end elsewhere
	found, err = m.gather(ctx, graph.Listing{Path: path, Query: url.Values{"$select": {fields}, "$top": {top}}})
	return found, byPages, err
}

// cannot reports whether a folder has no listing of that kind.
func cannot(err error) bool {
	var s *graph.Status
	return errors.As(err, &s) && slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusNotImplemented}, s.Code)
}

func (m *mailboxes) gather(ctx context.Context, l graph.Listing) (map[string]graphMessage, error) {
	found := map[string]graphMessage{}
	return found, graph.List(ctx, m.client, l, func(g graphMessage) error {
		if g.ID == "" || len(g.ID) > maxGraphID || collect.Valid(g.ID) != g.ID {
			return vitrine.Refusef(vitrine.Failed, "Microsoft Graph lists a message without a usable identifier: nothing was kept")
		}
		if g.Removed != nil {
			delete(found, g.ID)
		} else {
			found[g.ID] = g
		}
		return nil
	})
}

// count is the folder's own count.
func (m *mailboxes) count(ctx context.Context, user, folder string) (int64, error) {
	var f graphFolder
	if err := m.client.Get(ctx, graph.Path("users", user, "mailFolders", folder), folderFields, &f); err != nil {
		return 0, err
	}
	if f.Items == nil || f.ID != folder {
		return 0, vitrine.Refusef(vitrine.Failed, "Microsoft Graph does not count a folder, or answers for another one: nothing was kept")
	}
	return *f.Items, nil
}

// inventoried is a folder's listing as Inventory found it, or, to another
// process, as it is now.
func (m *mailboxes) inventoried(ctx context.Context, c collect.Container) (graphListing, error) {
	user, folder := place(c)
	if l, ok := m.kept.Find(string(c.Account), folder, c.State); ok {
		return l, nil
	}
	return m.list(ctx, user, folder)
}

// place is the user and the folder that a container's key tells.
func place(c collect.Container) (user, folder string) {
	user, folder, _ = strings.Cut(c.Key, "\x00")
	return user, folder
}

// Close returns the number of messages and a digest of their identifiers.
func (m *mailboxes) Close(ctx context.Context, c collect.Container) (string, error) {
	user, folder := place(c)
	l, err := m.list(ctx, user, folder)
	if _, gone := graph.Refused(err, http.StatusNotFound); gone {
		return "gone", nil
	}
	if err != nil {
		return "", graphFault(err)
	}
	m.kept.Drop(string(c.Account), folder)
	return l.state, nil
}
