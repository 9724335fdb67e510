// Package graphserver is a small Microsoft Graph for tests: mailboxes and drives
// as its documentation describes them, over TLS on loopback, with the faults
// that its users report as switches. It serves what was planted and knows
// nothing of who asks: it imports nothing of this module and parses no message.
package graphserver

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What an application has to know.
const (
	Tenant = "example-tenant"
	Client = "00000000-0000-0000-0000-00000000c11e"
	Secret = "a secret that shows nowhere"
	root   = "/v1.0"
)

// Server is a running Graph.
type Server struct {
	URL, Login  string
	Downloads   string // the host that hands out files
	Authorities string // a PEM file
	SecretFile  string

	mu     sync.Mutex
	users  map[string]*User
	roles  []string
	Faults // guarded by Set
	tokens map[string]int
	asked  []string
	leaks  []string
	key    *assertionKey
	conns  []int64 // how many bytes each of the next connections may write
	hold   chan struct{}
}

// New starts a server with an application that has these permissions.
func New(t testing.TB, roles ...string) *Server {
	t.Helper()
	s := &Server{users: map[string]*User{}, roles: roles, tokens: map[string]int{}, hold: make(chan struct{})}
	api, files := s.start(t, s.api), s.start(t, s.download)
	t.Cleanup(func() { close(s.hold) })
	s.URL, s.Login, s.Downloads = api.URL+root, api.URL+"/login", strings.TrimPrefix(files.URL, "https://")
	s.Authorities = filepath.Join(t.TempDir(), "authorities.pem")
	s.SecretFile = filepath.Join(t.TempDir(), "secret")
	write(t, s.Authorities, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw}))
	write(t, s.SecretFile, []byte(Secret+"\n"))
	return s
}

func write(t testing.TB, path string, b []byte) {
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) start(t testing.TB, h http.HandlerFunc) *httptest.Server {
	srv := httptest.NewUnstartedServer(h)
	srv.Listener = &listener{srv.Listener, s}
	srv.Config.ErrorLog = quiet
	srv.StartTLS()
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv
}

// Set changes the faults, or what is planted, while nobody is being answered.
func (s *Server) Set(f func(*Faults)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.Faults)
}

// Do does f while nobody is being answered.
func (s *Server) Do(f func(users map[string]*User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.users)
}

// Roles replaces the application's permissions; old tokens are refused.
func (s *Server) Roles(roles ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles = roles
	clear(s.tokens)
}

// CutAfter lets each of the next connections write only so many bytes.
func (s *Server) CutAfter(bytes ...int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = bytes
}

// Asked are the requests so far, as "METHOD path".
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// Leaks are the requests that took a token where none belongs.
func (s *Server) Leaks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.leaks...)
}

// User returns the user of that name, made if there is none.
func (s *Server) User(name string) *User {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[name]
	if u == nil {
		u = newUser(name)
		s.users[name] = u
	}
	return u
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(b)
}

type object = map[string]any

func refuse(w http.ResponseWriter, status int, code string) {
	answer(w, status, object{"error": object{"code": code, "message": "The request was refused: " + code}})
}

// api answers the login and Graph itself.
func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	if s.Silent {
		s.mu.Unlock()
		select {
		case <-r.Context().Done():
		case <-s.hold:
		}
		s.mu.Lock()
		return
	}
	if r.URL.Path == "/login/"+Tenant+"/oauth2/v2.0/token" {
		s.login(w, r)
		return
	}
	switch {
	case s.Busy > 0:
		s.Busy--
		if s.RetryAfter != "" {
			w.Header().Set("Retry-After", s.RetryAfter)
		}
		refuse(w, http.StatusTooManyRequests, "TooManyRequests")
		return
	case s.Down > 0:
		s.Down--
		w.Header().Set("Retry-After", "0")
		refuse(w, http.StatusServiceUnavailable, "serviceNotAvailable")
		return
	}
	if !s.admitted(r) {
		refuse(w, http.StatusUnauthorized, "InvalidAuthenticationToken")
		return
	}
	if r.Method != http.MethodGet {
		refuse(w, http.StatusForbidden, "ErrorAccessDenied")
		return
	}
	var parts []string
	for p := range strings.SplitSeq(strings.TrimPrefix(r.URL.EscapedPath(), root+"/"), "/") {
		p, err := url.PathUnescape(p)
		if err != nil {
			refuse(w, http.StatusBadRequest, "BadRequest")
			return
		}
		parts = append(parts, p)
	}
	s.route(w, r, parts)
}

func (s *Server) route(w http.ResponseWriter, r *http.Request, p []string) {
	switch {
	case len(p) >= 3 && p[0] == "users":
		u := s.users[strings.ToLower(p[1])]
		if u == nil {
			refuse(w, http.StatusNotFound, "Request_ResourceNotFound")
			return
		}
		s.user(w, r, u, p[2:])
	case len(p) >= 3 && p[0] == "drives":
		s.drive(w, r, p[1], p[2:])
	default:
		refuse(w, http.StatusNotFound, "ResourceNotFound")
	}
}

func (s *Server) admitted(r *http.Request) bool {
	t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	uses, known := s.tokens[t]
	if !ok || !known || s.TokenUses > 0 && uses >= s.TokenUses {
		return false
	}
	s.tokens[t]++
	return true
}

// login hands out a token, as RFC 6749 section 4.4 has it.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	f := r.PostForm
	proven := f.Get("client_secret") == Secret
	if s.key != nil {
		proven = s.key.proves(f.Get("client_assertion"), s.Login+"/"+Tenant+"/oauth2/v2.0/token")
	}
	if r.Method != http.MethodPost || f.Get("grant_type") != "client_credentials" || f.Get("client_id") != Client || !strings.HasSuffix(f.Get("scope"), "/.default") || !proven {
		answer(w, http.StatusUnauthorized, object{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1"})
		return
	}
	claims, _ := json.Marshal(object{"roles": s.roles, "jti": rand.Text()})
	token := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims) + ".c2lnbmF0dXJl"
	if s.Opaque {
		token = rand.Text()
	}
	s.tokens[token] = 0
	answer(w, http.StatusOK, object{"token_type": "Bearer", "expires_in": 3599, "access_token": token})
}

// paged answers with one page of a list.
func (s *Server) paged(w http.ResponseWriter, r *http.Request, list []object, delta bool) {
	if delta && s.NoDelta {
		refuse(w, http.StatusBadRequest, "BadRequest")
		return
	}
	if s.Huge {
		s.huge(w)
		return
	}
	faulty := !delta || s.Delta
	q := r.URL.Query()
	at, size := 0, 1000
	fmt.Sscan(q.Get("$skiptoken"), &at)
	fmt.Sscan(q.Get("$top"), &size)
	for _, p := range r.Header.Values("Prefer") {
		fmt.Sscanf(p, "odata.maxpagesize=%d", &size)
	}
	if s.PageSize > 0 {
		size = min(size, s.PageSize)
	}
	if delta && at > 0 && s.Gone > 0 {
		s.Gone--
		refuse(w, http.StatusGone, "resyncRequired")
		return
	}
	from := min(at, len(list))
	if faulty && s.Twice && from > 0 {
		from--
	}
	end := min(at+size, len(list))
	page := object{"@odata.context": s.URL + "/$metadata", "value": append([]object{}, list[from:end]...)}
	self := "https://" + r.Host + r.URL.EscapedPath()
	if s.Elsewhere != "" {
		self = s.Elsewhere
	}
	switch next := end; {
	case next < len(list) && !(faulty && s.NoNext):
		if faulty {
			next = min(next+s.Lose, len(list))
			if s.Circle {
				next = at
			}
		}
		q.Set("$skiptoken", fmt.Sprint(next))
		page["@odata.nextLink"] = self + "?" + q.Encode()
	case delta && !(faulty && s.NoNext):
		page["@odata.deltaLink"] = self + "?$deltatoken=1"
	}
	answer(w, http.StatusOK, page)
}

func (s *Server) huge(w http.ResponseWriter) {
	w.Write([]byte(`{"value":[],"filler":"`))
	filler := []byte(strings.Repeat("x", 1<<20))
	for range 40 {
		if _, err := w.Write(filler); err != nil {
			return
		}
	}
	w.Write([]byte(`"}`))
}

// bytes hands out what lies somewhere.
func (s *Server) bytes(w http.ResponseWriter, r *http.Request, b []byte, ranges bool) {
	status := http.StatusOK
	var at int
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &at); err == nil && ranges && !s.NoRange {
		if at > len(b) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, len(b)-1, len(b)))
		b, status = b[at:], http.StatusPartialContent
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if s.Longer < 0 {
		b = b[:max(len(b)+s.Longer, 0)]
	} else if ranges || s.Longer != 0 {
		w.Header().Set("Content-Length", fmt.Sprint(len(b)+s.Longer))
	}
	w.WriteHeader(status)
	if s.Stall {
		w.Write(b[:len(b)/2])
		http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-s.hold:
		}
		return
	}
	w.Write(b)
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}
