package mail

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// KindJMAP is the kind of a source of mailboxes behind JMAP.
const KindJMAP = "jmap"

// maxMessage is the largest message that a server can say it has, in bytes.
const maxMessage = 1 << 40

// probed is of how many accounts Probe asks every mailbox's rights. Those of a
// demanded account are asked in any case, before anything of it is read.
const probed = 16

// JMAP is a mail server as the provider's config has it. Its user is one to
// whom the accounts are shared.
type JMAP struct {
	URL       string `toml:"url"`       // https://host/.well-known/jmap, where the session is; the server is trusted to show every message and when it came
	User      string `toml:"user"`      // who logs in, "" with a token; whoever shares accounts with it is trusted to share all of them
	Password  string `toml:"password"`  // the file that holds the password; whoever reads it reads what the user may
	Token     string `toml:"token"`     // the file that holds a bearer token, instead of user and password; whoever reads it reads what the token allows
	Account   string `toml:"account"`   // the name of an account in the session, as "{account}", which is usual, or its id as "id:{account}"; whoever names accounts on the server is trusted
	Authority string `toml:"authority"` // the PEM file of the authority that signed the server's certificate, "" for the system's; it is trusted to name the server
}

// jmaps is a source of the mailboxes of each account on one server.
type jmaps struct {
	declaration vitrine.Source
	account     string
	caller      caller

	mu     sync.Mutex
	visits map[string]*jmapVisit
	writes bool
	asked  bool
}

// Open checks what can be checked without a connection.
func (c JMAP) Open(name string, resolve func(path string) string) (collect.Source, error) {
	refuse := func(format string, args ...any) (collect.Source, error) {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: %s", name, fmt.Sprintf(format, args...))
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return refuse("url %q: want https://host/path of the server's JMAP session", c.URL)
	}
	if u.Scheme == "http" && !onLoopback(u.Hostname()) {
		return refuse("url %q would send the password over the network in plain: use https", c.URL)
	}
	if c.Account == "" {
		c.Account = accountMark
	}
	if strings.Count(c.Account, accountMark) != 1 {
		return refuse("account %q must have %s in it, once", c.Account, accountMark)
	}
	if (c.Token == "") == (c.User == "" || c.Password == "") || c.Token != "" && c.User+c.Password != "" {
		return refuse("it needs user and password, or else token, and not both")
	}
	transport := &http.Transport{
		DialContext: (&net.Dialer{Timeout: silence}).DialContext, TLSHandshakeTimeout: silence, ResponseHeaderTimeout: silence,
		MaxIdleConnsPerHost: downloads + 1, IdleConnTimeout: idleFor, DisableCompression: true, ReadBufferSize: 64 << 10,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if c.Authority != "" {
		if transport.TLSClientConfig.RootCAs, err = authorityOf(resolve(c.Authority)); err != nil {
			return refuse("%v", err)
		}
	}
	k := caller{session: u, client: &http.Client{Transport: transport, CheckRedirect: sameHost}, wait: silence}
	k.authorize = func(r *http.Request) error {
		if c.Token != "" {
			token, err := collect.Secret(resolve(c.Token))
			r.Header.Set("Authorization", "Bearer "+token)
			return err
		}
		password, err := collect.Secret(resolve(c.Password))
		r.SetBasicAuth(c.User, password)
		return err
	}
	path := fmt.Sprintf("%s user=%s account=%s", u.String(), url.QueryEscape(c.User), url.QueryEscape(c.Account))
	return &jmaps{declaration: vitrine.Source{Name: name, Kind: KindJMAP, Path: unescapeMark(path)}, account: c.Account, caller: k, visits: map[string]*jmapVisit{}}, nil
}

func (s *jmaps) Declaration() vitrine.Source { return s.declaration }

func (s *jmaps) Family() collect.Family { return collect.Mail }

func (s *jmaps) Holds() []vitrine.Category { return []vitrine.Category{Category} }

// jmapAccount is an account as the session has it.
type jmapAccount struct {
	Name         string                     `json:"name"`
	Personal     bool                       `json:"isPersonal"`
	ReadOnly     bool                       `json:"isReadOnly"`
	Capabilities map[string]json.RawMessage `json:"accountCapabilities"`
}

func (a jmapAccount) mail() bool { _, ok := a.Capabilities[mailCapability]; return ok }

// jmapMailbox is a mailbox as Mailbox/get has it.
type jmapMailbox struct {
	ID     string          `json:"id"`
	Name   string          `json:"name"`
	Parent string          `json:"parentId"`
	Role   string          `json:"role"`
	Total  int64           `json:"totalEmails"`
	Rights map[string]bool `json:"myRights"`
}

// writable are the rights that change something.
func (m jmapMailbox) writable() (rights []string) {
	for r, has := range m.Rights {
		if has && r != "mayReadItems" {
			rights = append(rights, r)
		}
	}
	slices.Sort(rights)
	return rights
}

// Probe asks the session which accounts are shared with the user for reading
// only, and the mailboxes of some of them for its rights.
func (s *jmaps) Probe(ctx context.Context) (collect.Access, error) {
	session, err := s.caller.begin(ctx)
	if err != nil {
		return collect.Access{}, err
	}
	var access collect.Access
	accounts, boxes := 0, 0
	for _, id := range slices.Sorted(maps.Keys(session.Accounts)) {
		a := session.Accounts[id]
		if !a.mail() || a.Personal && len(session.Accounts) > 1 {
			continue
		}
		accounts++
		if !a.ReadOnly && access.Writes == "" {
			access.Writes = fmt.Sprintf("the session says isReadOnly: false of account %q", a.Name)
		}
		if accounts > probed {
			continue
		}
		list, err := session.mailboxes(ctx, id)
		if err != nil {
			return collect.Access{}, err
		}
		for _, m := range list {
			boxes++
			if w := m.writable(); len(w) > 0 || m.Rights == nil {
				access.Writes = fmt.Sprintf("myRights says %s on mailbox %q of account %q", strings.Join(w, " "), m.Name, a.Name)
			}
		}
	}
	if accounts == 0 {
		return collect.Access{}, vitrine.Refusef(vitrine.Usage, "no account with mail is shared with the user: share the accounts with it, for reading (\"lr\")")
	}
	access.Shown = fmt.Sprintf("isReadOnly of %d accounts, myRights of %d mailboxes", accounts, boxes)
	s.mu.Lock()
	s.asked, s.writes = true, access.Writes != ""
	s.mu.Unlock()
	return access, nil
}

// find returns the id of an account's, or "" if the session has none such.
func (s *jmaps) find(session *jmapSession, a vitrine.Account) (string, error) {
	want, err := filled(s.account, a)
	if err != nil {
		return "", err
	}
	found := ""
	id, byID := strings.CutPrefix(want, "id:")
	for have, account := range session.Accounts {
		if same := byID && have == id || !byID && account.Name == want; !same || !account.mail() {
			continue
		}
		id := have
		if found != "" {
			return "", vitrine.Refusef(vitrine.Failed, "more than one account on the server has the name %q: nothing was read", want)
		}
		found = id
	}
	return found, nil
}

// jmapKey is a container's Key.
type jmapKey struct {
	Account string `json:"account"`
	Mailbox string `json:"mailbox"`
	Role    string `json:"role,omitempty"`
}

// Inventory lists the account's mailboxes.
func (s *jmaps) Inventory(ctx context.Context, a vitrine.Account) ([]collect.Container, error) {
	session, err := s.caller.begin(ctx)
	if err != nil {
		return nil, err
	}
	id, err := s.find(session, a)
	if id == "" || err != nil {
		return nil, err
	}
	boxes, err := session.mailboxes(ctx, id)
	if err != nil {
		return nil, err
	}
	state, err := session.state(ctx, id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	insist := s.asked && !s.writes
	s.mu.Unlock()
	paths, err := pathsOf(boxes)
	if err != nil {
		return nil, err
	}
	var containers []collect.Container
	for i, m := range boxes {
		if w := m.writable(); insist && (len(w) > 0 || m.Rights == nil) {
			return nil, vitrine.Refusef(vitrine.Refused, "the user may do more at mailbox %q of account %q than elsewhere (%s): nothing was read; correct its rights", m.Name, a, strings.Join(w, " "))
		}
		key, err := json.Marshal(jmapKey{id, m.ID, m.Role})
		if err != nil {
			return nil, fmt.Errorf("name a mailbox: %w", err)
		}
		containers = append(containers, collect.Container{
			Account: a, Name: paths[i], Kind: KindJMAP, State: stateOfBox(state, m.Total), Count: m.Total, Key: string(key),
		})
	}
	return containers, nil
}

func stateOfBox(state string, total int64) string {
	return fmt.Sprintf("email=%s total=%d", collect.Valid(state), total)
}

// pathsOf names each mailbox by those that it lies in. Of two with one path the
// later has its id behind it.
func pathsOf(boxes []jmapMailbox) ([]string, error) {
	byID := map[string]jmapMailbox{}
	for _, m := range boxes {
		byID[m.ID] = m
	}
	paths, seen := make([]string, len(boxes)), map[string]bool{}
	for i, m := range boxes {
		path := m.Name
		for depth, at := 0, m.Parent; at != ""; depth++ {
			parent, ok := byID[at]
			if !ok {
				break // it is not shared
			}
			if depth > maxDepth {
				return nil, vitrine.Refusef(vitrine.Failed, "mailbox %q lies deeper than %d levels: nothing was read", m.Name, maxDepth)
			}
			path, at = parent.Name+"/"+path, parent.Parent
		}
		if seen[path] {
			path += " (" + m.ID + ")"
		}
		seen[path] = true
		paths[i] = collect.Valid(path)
	}
	return paths, nil
}

// Close returns the mailbox's state now: that of all the account's messages,
// which changes whenever one comes, goes or moves, and how many are in it.
func (s *jmaps) Close(ctx context.Context, c collect.Container) (string, error) {
	k, session, err := s.reopen(ctx, c)
	if err != nil {
		return "", err
	}
	state, err := session.state(ctx, k.Account)
	if err != nil {
		return "", err
	}
	boxes, err := session.mailboxes(ctx, k.Account)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(boxes, func(m jmapMailbox) bool { return m.ID == k.Mailbox })
	if i < 0 {
		return "gone", nil
	}
	return stateOfBox(state, boxes[i].Total), nil
}

func (s *jmaps) reopen(ctx context.Context, c collect.Container) (k jmapKey, session *jmapSession, err error) {
	if err := json.Unmarshal([]byte(c.Key), &k); err != nil {
		return k, nil, fmt.Errorf("key of a mailbox: %w", err)
	}
	session, err = s.caller.begin(ctx)
	return k, session, err
}

// receivedAt is the server's record of when a message came.
func parseReceivedAt(text string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC(), err == nil
}
