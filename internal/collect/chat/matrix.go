package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// KindMatrix is the kind of a source that is a Matrix homeserver.
const KindMatrix = "matrix"

// Matrix is a homeserver, reached by its client API as an application service
// whose namespace covers its users: with its token, and user_id, each account
// is read as the account itself may read.
type Matrix struct {
	URL    string `toml:"url"`    // https:// and the homeserver's address; whoever runs it is trusted with the token
	Server string `toml:"server"` // what stands behind the colon of its users' ids; nobody
	Token  string `toml:"token"`  // file with the application service's as_token; whoever has it can read and send as any user
}

// matrix is a source of one homeserver.
type matrix struct {
	declaration vitrine.Source
	client      *client
	server      string

	mu      sync.Mutex
	current *happening // that is being yielded
}

// Open returns the source that c declares.
func (c Matrix) Open(name string, resolve func(path string) string) (collect.Source, error) {
	refuse := func(err error) error { return vitrine.Refusef(vitrine.Usage, "source %q: %v", name, err) }
	if c.Server == "" || strings.ContainsAny(c.Server, " @/") {
		return nil, refuse(fmt.Errorf("server %q: want what stands behind the colon of users' ids", c.Server))
	}
	if c.Token == "" {
		return nil, refuse(errors.New("token is missing: the file with the application service's as_token"))
	}
	token, err := collect.Secret(resolve(c.Token))
	if err != nil {
		return nil, err
	}
	cl, err := newClient(c.URL, token)
	if err != nil {
		return nil, refuse(err)
	}
	d := vitrine.Source{Name: name, Kind: KindMatrix, Path: strings.TrimRight(c.URL, "/") + " " + c.Server}
	if err := vitrine.Plain("path", d.Path); err != nil {
		return nil, refuse(err)
	}
	return &matrix{declaration: d, client: cl, server: c.Server}, nil
}

func (s *matrix) Declaration() vitrine.Source { return s.declaration }

func (s *matrix) Family() collect.Family { return collect.Chat }

func (s *matrix) Holds() []vitrine.Category { return []vitrine.Category{Category} }

// Stores says what of a room is reached.
func (s *matrix) Stores() []collect.Stored {
	return []collect.Stored{{Kind: KindMatrix, Category: Category, Form: FormMatrix + ": an event's JSON object; the files that it refers to, as stored. A room that the account has left is reached only if the homeserver lists it (/sync with include_leave) and until it is forgotten; a file of an encrypted room is not"}}
}

// Probe says what a token of Matrix can always do.
func (s *matrix) Probe(ctx context.Context) (collect.Access, error) {
	if _, err := s.client.get(ctx, "", nil, "_matrix", "client", "v3", "account", "whoami"); err != nil {
		return collect.Access{}, explained(err)
	}
	software, err := s.software(ctx)
	if err != nil {
		return collect.Access{}, err
	}
	shown := "whoami; " + software
	if !strings.HasPrefix(software, "Synapse") {
		shown += ", which is not known to list rooms that an account has left: of those nothing is collected"
	}
	return collect.Access{Shown: shown, Writes: "Matrix has no token that can only read: whoever has this one can send as any user of the application service's namespace"}, nil
}

// software is what the homeserver says that it is.
func (s *matrix) software(ctx context.Context) (string, error) {
	b, err := s.client.get(ctx, "", nil, "_matrix", "federation", "v1", "version")
	if errors.As(err, new(*refused)) && !errors.As(err, new(*collect.Interrupted)) {
		return "a homeserver that does not say what it is", nil
	}
	if err != nil {
		return "", err
	}
	name, version := "", ""
	fields(b, func(key string, value []byte) {
		if key != "server" {
			return
		}
		fields(value, func(key string, value []byte) {
			switch key {
			case "name":
				name = printable(text(value))
			case "version":
				version = printable(text(value))
			}
		})
	})
	return name + " " + version, nil
}

// printable is a server's name for itself as far as it can be shown.
func printable(s string) string {
	return shown(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s))
}

// explained turns an answer that nobody expected into words.
func explained(err error) error {
	var r *refused
	if errors.As(err, &r) && !errors.As(err, new(*collect.Interrupted)) {
		return vitrine.Refusef(vitrine.Failed, "%v: nothing was collected; see the homeserver's log", r)
	}
	return err
}

// user is the id of an account, if the server has it.
func (s *matrix) user(ctx context.Context, a vitrine.Account) (id string, known bool, err error) {
	if id = string(a); !strings.HasPrefix(id, "@") {
		id = "@" + id + ":" + s.server
	}
	if !strings.HasSuffix(id, ":"+s.server) {
		return id, false, nil
	}
	b, err := s.client.get(ctx, id, nil, "_matrix", "client", "v3", "account", "whoami")
	if is(err, http.StatusForbidden) && !errors.As(err, new(*collect.Interrupted)) {
		_, err := s.client.get(ctx, "", nil, "_matrix", "client", "v3", "profile", id)
		if is(err, http.StatusNotFound) || is(err, http.StatusForbidden) {
			return id, false, nil
		}
		if err != nil {
			return id, false, explained(err)
		}
		return id, false, vitrine.Refusef(vitrine.Failed, "the application service may not act for %s, who is there: nothing was collected; widen its namespace of users", id)
	}
	if err != nil {
		return id, false, explained(err)
	}
	who := ""
	fields(b, func(key string, value []byte) {
		if key == "user_id" {
			who = text(value)
		}
	})
	if who != id {
		return id, false, vitrine.Refusef(vitrine.Failed, "the token is one of %s and not an application service's: nothing was collected", shown(who))
	}
	return id, true, nil
}

// Inventory lists the rooms that the account is in or, if the homeserver says
// so, was in. Each is paged through once, to know when it was.
func (s *matrix) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	user, known, err := s.user(ctx, a)
	if err != nil || !known {
		return nil, err
	}
	rooms, err := s.rooms(ctx, user)
	if err != nil {
		return nil, explained(err)
	}
	if len(rooms) == 0 && strings.ToLower(user) != user {
		return nil, nil // some homeservers know a user by any case: this is another name of somebody's
	}
	var all []collect.Container
	for _, id := range rooms {
		v, err := s.view(ctx, user, id)
		if err != nil {
			return nil, explained(err)
		}
		key, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("write a room's key: %w", err)
		}
		all = append(all, collect.Container{Account: a, Name: shown(id), Kind: KindMatrix, State: v.Newest, Count: collect.NoCount, Key: string(key)})
	}
	return append(all, collect.Container{Account: a, Name: "rooms", Kind: KindMatrix, State: sumOf(rooms...), Count: collect.NoCount}), nil
}

// everything of an account but what a room's list of events has: nothing is
// asked for but the rooms.
const leftToo = `{"presence":{"types":[]},"account_data":{"types":[]},"room":{"include_leave":true,"timeline":{"limit":1},"state":{"types":[]},"ephemeral":{"types":[]},"account_data":{"types":[]}}}`

// rooms lists the ids of a user's rooms, sorted.
func (s *matrix) rooms(ctx context.Context, user string) ([]string, error) {
	found := map[string]bool{}
	b, err := s.client.get(ctx, user, nil, "_matrix", "client", "v3", "joined_rooms")
	if err != nil {
		return nil, err
	}
	fields(b, func(key string, value []byte) {
		if key == "joined_rooms" {
			elements(value, func(v []byte) { found[text(v)] = true })
		}
	})
	b, err = s.client.get(ctx, user, url.Values{"filter": {leftToo}, "set_presence": {"offline"}, "timeout": {"0"}}, "_matrix", "client", "v3", "sync")
	if err != nil {
		return nil, err
	}
	fields(b, func(key string, value []byte) {
		if key != "rooms" {
			return
		}
		fields(value, func(key string, value []byte) {
			if key == "join" || key == "leave" {
				fields(value, func(room string, _ []byte) { found[room] = true })
			}
		})
	})
	var all []string
	for id := range found {
		if id != "" {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return all, nil
}

// Open returns the bytes of an event, or of a file that one refers to.
func (s *matrix) Open(ctx context.Context, c collect.Container, it collect.Item, offset int64) (io.ReadCloser, error) {
	var k itemKey
	if err := json.Unmarshal([]byte(it.Key), &k); err != nil {
		return nil, fmt.Errorf("read an item's key: %w", err)
	}
	user, known, err := s.named(c)
	if err != nil || !known {
		return nil, err
	}
	if k.File != "" {
		server, id, _ := mxc(k.File)
		r, _, err := s.client.file(ctx, user, server, id, offset)
		if is(err, http.StatusNotFound) {
			return nil, collect.ErrVanished
		}
		return r, explained(err)
	}
	s.mu.Lock()
	h := s.current
	s.mu.Unlock()
	if h == nil || h.id != k.Event || vitrine.DigestOf(h.raw) != it.SHA256 {
		if h, err = s.again(ctx, user, c, k); err != nil {
			return nil, explained(err)
		}
	}
	if offset < 0 || offset > int64(len(h.raw)) {
		return nil, fmt.Errorf("open event: offset %d of %d bytes", offset, len(h.raw))
	}
	return io.NopCloser(strings.NewReader(string(h.raw[offset:]))), nil
}

// named is the user that a container was listed for.
func (s *matrix) named(c collect.Container) (user string, known bool, err error) {
	v, err := parseView(c.Key)
	return v.User, err == nil, err
}

// Close returns the room's newest event.
func (s *matrix) Close(ctx context.Context, c collect.Container) (string, error) {
	if c.Key == "" {
		user, known, err := s.user(ctx, c.Account)
		if err != nil || !known {
			return "gone", err
		}
		rooms, err := s.rooms(ctx, user)
		return sumOf(rooms...), explained(err)
	}
	v, err := parseView(c.Key)
	if err != nil {
		return "", err
	}
	p, err := s.page(ctx, v.User, v.Room, "b", "", 1)
	if is(err, http.StatusForbidden) || is(err, http.StatusNotFound) {
		return "gone", nil
	}
	if err != nil {
		return "", explained(err)
	}
	if len(p.events) == 0 {
		return "", nil
	}
	return p.events[0].id, nil
}
