package mail

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/graph"
)

const (
	maxGraphDepth   = 300     // Exchange's own limit for folders in each other
	maxGraphFolders = 100_000 // of one account
	folderPasses    = 4       // over one folder's folders, until as many are listed as it counts
)

// graphRoots are where a mailbox's folders begin. All but the first are
// recoverable items, which users do not see; not every mailbox has them.
var graphRoots = []string{"msgfolderroot", "recoverableitemsdeletions", "recoverableitemspurges", "recoverableitemsversions", "recoverableitemsdiscoveryholds"}

// graphFolder is a folder as Graph describes it.
type graphFolder struct {
	Type     string `json:"@odata.type"`
	ID       string `json:"id"`
	Name     string `json:"displayName"`
	Children int    `json:"childFolderCount"` // hidden ones may not be counted
	Items    *int64 `json:"totalItemCount"`
	path     string
}

var folderFields = url.Values{"$select": {"id,displayName,childFolderCount,totalItemCount"}}

// Inventory lists every folder of an account's mailbox, with a digest of the
// messages in it.
func (m *mailboxes) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	user, ok := m.users.User(a)
	if !ok {
		return nil, nil
	}
	folders, err := m.folders(ctx, user)
	if err != nil {
		return nil, graphFault(err)
	}
	seen := map[string]int{}
	for _, f := range folders {
		seen[f.path]++
	}
	var containers []collect.Container
	for _, f := range folders {
		c := collect.Container{Account: a, Name: f.path, Kind: KindGraph, Key: user + "\x00" + f.ID}
		if f.path == "" {
			c.Name = "/"
		}
		if seen[f.path] > 1 {
			c.Name += " (" + f.ID + ")"
		}
		l, err := m.list(ctx, user, f.ID)
		if err != nil {
			return nil, graphFault(err)
		}
		c.State, c.Count = l.state, int64(len(l.messages))
		m.kept.Keep(string(a), f.ID, l.state, l)
		containers = append(containers, c)
	}
	return containers, nil
}

// folders finds all of an account's folders; none and no error if Graph does not
// know the account.
func (m *mailboxes) folders(ctx context.Context, user string) ([]graphFolder, error) {
	w := folderWalk{mailboxes: m, user: user, seen: map[string]bool{}}
	for i, name := range graphRoots {
		var root graphFolder
		err := m.client.Get(ctx, graph.Path("users", user, "mailFolders", name), folderFields, &root)
		if s, gone := graph.Refused(err, http.StatusNotFound); gone {
			if i == 0 {
				return nil, unknownUser(s)
			}
			continue
		}
		if s, odd := graph.Refused(err, http.StatusBadRequest); odd && i > 1 && s.Reason == "ErrorInvalidIdMalformed" {
			continue // not documented: a server may not know the name
		}
		if err != nil {
			return nil, err
		}
		if root.path = name; i == 0 {
			root.path = ""
		}
		if err := w.below(ctx, root, 0); err != nil {
			return nil, err
		}
	}
	return w.found, nil
}

// unknownUser is nil if Graph says that there is no such user. A user without
// a mailbox that it can read is another matter.
func unknownUser(s *graph.Status) error {
	if slices.Contains([]string{"Request_ResourceNotFound", "ResourceNotFound", "ErrorInvalidUser"}, s.Reason) {
		return nil
	}
	return vitrine.Refusef(vitrine.Failed, "%v: Graph cannot read this account's mailbox, which may well exist; nothing was kept; see where the mailbox is kept and collect it from there", s)
}

// folderWalk gathers folders.
type folderWalk struct {
	*mailboxes
	user  string
	seen  map[string]bool
	found []graphFolder
}

// below takes a folder and all below it. A folder of a search holds nothing of
// its own.
func (w *folderWalk) below(ctx context.Context, f graphFolder, depth int) error {
	if f.ID == "" || f.Items == nil || *f.Items < 0 {
		return vitrine.Refusef(vitrine.Failed, "Microsoft Graph names a folder without an identifier or a count: nothing was kept")
	}
	if w.seen[f.ID] {
		return nil
	}
	if depth > maxGraphDepth || len(w.found) == maxGraphFolders {
		return vitrine.Refusef(vitrine.Failed, "the mailbox has more than %d folders, or folders more than %d deep: nothing was kept", maxGraphFolders, maxGraphDepth)
	}
	w.seen[f.ID] = true
	if f.Type == "#microsoft.graph.mailSearchFolder" {
		return nil
	}
	w.found = append(w.found, f)
	children, err := w.children(ctx, f)
	if err != nil {
		return err
	}
	for _, c := range children {
		c.path = strings.TrimPrefix(f.path+"/"+collect.Valid(c.Name), "/")
		if err := w.below(ctx, c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// children are the folders in a folder, hidden ones included, listed until
// there are as many as it counts.
func (w *folderWalk) children(ctx context.Context, f graphFolder) ([]graphFolder, error) {
	query := url.Values{"includeHiddenFolders": {"true"}, "$top": {"100"}, "$select": folderFields["$select"]}
	found := map[string]graphFolder{}
	for range folderPasses {
		err := graph.List(ctx, w.client, graph.Listing{Path: graph.Path("users", w.user, "mailFolders", f.ID, "childFolders"), Query: query}, func(c graphFolder) error {
			found[c.ID] = c
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(found) >= f.Children {
			list := sortedBy(found)
			slices.SortStableFunc(list, func(a, b graphFolder) int { return strings.Compare(a.Name, b.Name) })
			return list, nil
		}
	}
	return nil, vitrine.Refusef(vitrine.Failed, "folder %q has %d folders by Graph's own count, and %d listings name %d: nothing was kept; run the step again", f.path, f.Children, folderPasses, len(found))
}
