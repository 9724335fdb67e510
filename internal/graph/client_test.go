package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/graphserver"
)

// secret reads a credential's file.
func secret(path string) func() (string, error) {
	return func() (string, error) {
		b, err := os.ReadFile(path)
		return strings.TrimRight(string(b), "\n"), err
	}
}

// client is a client of the server that does not wait: what it was asked to
// wait for is noted.
func client(t testing.TB, s *graphserver.Server, change func(*Config)) (*Client, *[]time.Duration) {
	t.Helper()
	c := Config{Base: s.URL, Login: s.Login, Tenant: graphserver.Tenant, Client: graphserver.Client, Secret: secret(s.SecretFile), CA: s.Authorities, Downloads: []string{s.Downloads}}
	if change != nil {
		change(&c)
	}
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	var waits []time.Duration
	client.sleep = func(ctx context.Context, d time.Duration) error { waits = append(waits, d); return ctx.Err() }
	return client, &waits
}

// folder asks for something.
func folder(ctx context.Context, c *Client) error {
	var v struct {
		ID string `json:"id"`
	}
	err := c.Get(ctx, Path("users", "alice@example.org", "mailFolders", "msgfolderroot"), nil, &v)
	if err == nil && v.ID == "" {
		err = errors.New("no folder")
	}
	return err
}

func refusal(t testing.TB, err error, kind vitrine.Kind, text string) {
	t.Helper()
	var r *vitrine.Refusal
	if !errors.As(err, &r) || r.Kind != kind || !strings.Contains(r.Text, text) {
		t.Errorf("%v, want a refusal of kind %d that says %q", err, kind, text)
	}
	if err != nil && strings.Contains(err.Error(), graphserver.Secret) {
		t.Errorf("the secret shows in %q", err)
	}
}

func broken(t testing.TB, err error, text string) {
	t.Helper()
	var b *Broken
	if !errors.As(err, &b) || !strings.Contains(err.Error(), text) {
		t.Errorf("%v, want what can be tried again and says %q", err, text)
	}
}

// TestCredentials: an application proves itself by a secret or a certificate.
func TestCredentials(t *testing.T) {
	s := graphserver.New(t, "Mail.Read")
	s.User("alice@example.org")
	c, _ := client(t, s, nil)
	if err := folder(t.Context(), c); err != nil {
		t.Error(err)
	}
	c, _ = client(t, s, func(c *Config) { c.Secret = func() (string, error) { return "another", nil } })
	refusal(t, folder(t.Context(), c), vitrine.Failed, "invalid_client")

	key := s.Certificate(t)
	c, _ = client(t, s, nil)
	refusal(t, folder(t.Context(), c), vitrine.Failed, "invalid_client")
	c, _ = client(t, s, func(c *Config) { c.Secret, c.Key = nil, secret(key) })
	if err := folder(t.Context(), c); err != nil {
		t.Error(err)
	}
	c, _ = client(t, s, func(c *Config) { c.Secret, c.Key = nil, secret(s.Authorities) })
	refusal(t, folder(t.Context(), c), vitrine.Usage, "no certificate, or no RSA key")
}

// TestConfig: what is wrong shows without a connection.
func TestConfig(t *testing.T) {
	good := Config{Tenant: "t", Client: "c", Secret: secret("x")}
	if c, err := New(good); err != nil || c.Address() != "https://graph.microsoft.com/v1.0 tenant=t client=c" {
		t.Errorf("%v", err)
	}
	for name, change := range map[string]func(*Config){
		"http":         func(c *Config) { c.Base = "http://graph.microsoft.com/v1.0" },
		"query":        func(c *Config) { c.Base = "https://graph.microsoft.com/v1.0?x=1" },
		"user":         func(c *Config) { c.Login = "https://x@login.example" },
		"no tenant":    func(c *Config) { c.Tenant = "" },
		"odd tenant":   func(c *Config) { c.Tenant = "a/b" },
		"no secret":    func(c *Config) { c.Secret = nil },
		"both":         func(c *Config) { c.Key = secret("y") },
		"no CA":        func(c *Config) { c.CA = "/nowhere" },
		"odd download": func(c *Config) { c.Downloads = []string{"*.example.org"} },
		"all hosts":    func(c *Config) { c.Downloads = []string{".com"} },
	} {
		c := good
		change(&c)
		_, err := New(c)
		if r := (*vitrine.Refusal)(nil); !errors.As(err, &r) || r.Kind != vitrine.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPatience: a busy server is waited for as long as it asks, within bounds.
func TestPatience(t *testing.T) {
	s := graphserver.New(t, "Mail.Read")
	s.User("alice@example.org")
	c, waits := client(t, s, nil)
	s.Set(func(f *graphserver.Faults) { f.Busy, f.RetryAfter = 3, "17" })
	if err := folder(t.Context(), c); err != nil || len(*waits) != 3 || (*waits)[0] != 17*time.Second {
		t.Errorf("%v, waits %v", err, *waits)
	}
	s.Set(func(f *graphserver.Faults) { f.Busy, f.RetryAfter = 1, "" })
	if err := folder(t.Context(), c); err != nil || (*waits)[3] != noWait {
		t.Errorf("%v, waits %v", err, *waits)
	}
	s.Set(func(f *graphserver.Faults) { f.Busy, f.RetryAfter = 1, "3600" })
	broken(t, folder(t.Context(), c), "1h0m0s")
	s.Set(func(f *graphserver.Faults) { f.Busy, f.RetryAfter = maxBusy, "1" })
	broken(t, folder(t.Context(), c), "busy (429)")
	if len(*waits) != 4+maxBusy-1 {
		t.Errorf("waits %v", *waits)
	}
	at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	c.now = func() time.Time { return at }
	for text, want := range map[string]time.Duration{at.Add(time.Minute).Format(http.TimeFormat): time.Minute, at.Add(-time.Minute).Format(http.TimeFormat): 0, "-5": noWait, "soon": noWait, "99999999999999999999": noWait} {
		if got := c.retryAfter(text); got != want {
			t.Errorf("Retry-After %q: %v, want %v", text, got, want)
		}
	}
}

// TestSilence: a server that says nothing is left, and so is one whose caller
// goes away.
func TestSilence(t *testing.T) {
	s := graphserver.New(t, "Mail.Read")
	s.User("alice@example.org")
	c, _ := client(t, s, nil)
	if err := folder(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s.Set(func(f *graphserver.Faults) { f.Silent = true })
	c.all = 100 * time.Millisecond
	broken(t, folder(t.Context(), c), "did not answer within")
	c.all = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := folder(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestStall: so is one that falls silent in the middle.
func TestStall(t *testing.T) {
	s := graphserver.New(t, "Files.Read.All")
	e := s.User("alice@example.org").Drive("d", "OneDrive").Add("file", "f", graphserver.Version{Modified: time.Unix(1e9, 0), Raw: []byte("0123456789")})
	s.Set(func(f *graphserver.Faults) { f.Stall = true })
	c, _ := client(t, s, nil)
	c.idle = 200 * time.Millisecond
	r, err := c.Bytes(t.Context(), Path("drives", "d", "items", e.ID)+"/content", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if string(b) != "01234" {
		t.Errorf("read %q", b)
	}
	broken(t, err, "did not answer in time")
}

// TestImpostor: a host that nobody vouches for gets neither secret nor token.
func TestImpostor(t *testing.T) {
	s := graphserver.New(t, "Mail.Read")
	c, _ := client(t, s, func(c *Config) { c.CA = "" })
	refusal(t, folder(t.Context(), c), vitrine.Failed, "certificate")
	if asked := s.Asked(); len(asked) > 0 {
		t.Errorf("it was asked %q", asked)
	}
}

// TestCut: a connection that breaks at any byte is an error that says so, or
// none.
func TestCut(t *testing.T) {
	s := graphserver.New(t, "Mail.Read")
	s.User("alice@example.org")
	for n := int64(0); n < 4000; n += 61 {
		c, _ := client(t, s, nil)
		s.CutAfter(n)
		err := folder(t.Context(), c)
		if b := (*Broken)(nil); err != nil && !errors.As(err, &b) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
		if n < 500 && err == nil {
			t.Errorf("cut after %d bytes, and nothing is missing", n)
		}
		s.CutAfter()
		if err := folder(t.Context(), c); err != nil {
			t.Errorf("cut after %d bytes, and then: %v", n, err)
		}
	}
}

// TestLinks: only what lies below the base is followed.
func TestLinks(t *testing.T) {
	c, err := New(Config{Tenant: "t", Client: "c", Secret: secret("x")})
	if err != nil {
		t.Fatal(err)
	}
	for link, want := range map[string]bool{
		Worldwide + "/users/x?$skiptoken=1":               true,
		Worldwide + "/users('x')/messages?a=b/../c":       true,
		"https://graph.microsoft.com/beta/users":          false,
		"https://graph.microsoft.com/v1.0":                false,
		"https://graph.microsoft.com/v1.0x/users":         false,
		"https://graph.microsoft.com/v1.0/../beta/users":  false,
		"https://graph.microsoft.com/v1.0/%2e%2e/beta/us": false,
		"http://graph.microsoft.com/v1.0/users":           false,
		"https://graph.microsoft.com:444/v1.0/users":      false,
		"https://graph.microsoft.com@evil.org/v1.0/users": false,
		"https://evil.org/v1.0/users":                     false,
		"//graph.microsoft.com/v1.0/users":                false,
		"/v1.0/users":                                     false,
		"":                                                false,
	} {
		if _, err := c.below(link); (err == nil) != want {
			t.Errorf("%q: %v", link, err)
		}
	}
	for text, want := range map[string]bool{"https://x.sharepoint.com/a": true, "https://sharepoint.com/a": false, "https://evilsharepoint.com/a": false, "https://x.sharepoint.com:8443/a": false, "https://x.sharepoint.com.evil.org/": false} {
		r, _ := http.NewRequest(http.MethodGet, text, nil)
		if got := c.handsOut(r.URL); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestBytes: bytes are gone on with where they stood, whatever the server makes
// of it.
func TestBytes(t *testing.T) {
	s := graphserver.New(t, "Files.Read.All")
	text := strings.Repeat("0123456789", 1000)
	e := s.User("alice@example.org").Drive("d", "OneDrive").Add("file", "f", graphserver.Version{Modified: time.Unix(1e9, 0), Raw: []byte(text)})
	c, _ := client(t, s, nil)
	for _, whole := range []bool{false, true} {
		s.Set(func(f *graphserver.Faults) { f.NoRange = whole })
		for _, at := range []int64{0, 1, 9999} {
			r, err := c.Bytes(t.Context(), Path("drives", "d", "items", e.ID)+"/content", at)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(r); string(b) != text[at:] || err != nil {
				t.Errorf("from %d on: %d bytes, %v", at, len(b), err)
			}
			r.Close()
		}
	}
	_, err := c.Bytes(t.Context(), Path("drives", "d", "items", e.ID)+"/content", 10001)
	refusal(t, err, vitrine.Failed, "fewer bytes")
	if l := s.Leaks(); len(l) > 0 {
		t.Errorf("the token was shown at %q", l)
	}
}

// TestAccess: what is not known to be reading alone counts as writing.
func TestAccess(t *testing.T) {
	for roles, writes := range map[string]bool{
		"Mail.Read": false, "Mail.Read User.Read.All": false, "Mail.ReadWrite": true, "Mail.Read Mail.Send": true, "full_access_as_app": true, "Mail.Read Something.New": true,
		"User.Read.All": true, "Mail.ReadBasic.All": true, "mail.read": true, "": true,
	} {
		s := graphserver.New(t, strings.Fields(roles)...)
		c, _ := client(t, s, nil)
		if got, shown, err := c.Access(t.Context(), "Mail.Read"); err != nil || (got != "") != writes || shown == "" {
			t.Errorf("%s: %q %q %v", roles, got, shown, err)
		}
	}
	s := graphserver.New(t, "Mail.Read")
	s.Set(func(f *graphserver.Faults) { f.Opaque = true })
	c, _ := client(t, s, nil)
	if got, _, err := c.Access(t.Context(), "Mail.Read"); err != nil || got == "" {
		t.Errorf("a token that cannot be read: %q %v", got, err)
	}
}

// TestUser: no account's text is anything but a user's name.
func TestUser(t *testing.T) {
	for pattern, accounts := range map[string]map[vitrine.Account]string{
		"":                      {"alice@example.org": "alice@example.org", "12345678-1234-1234-1234-123456789abc": "12345678-1234-1234-1234-123456789abc", "alice": "", "me": "", "": "", "a/b@c.d": "", "a%2fb@c.d": "", "a@c.d/x": "", "a@b@c": "", "a?@c.d": "", "..@c.d/..": "", "a\n@c.d": ""},
		"{account}@example.org": {"alice": "alice@example.org", "alice@evil.org": "", "Ali.ce-1": "Ali.ce-1@example.org", "": "", "a/b": "", "a#": ""},
	} {
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for a, want := range accounts {
			if got, ok := p.User(a); ok != (want != "") || ok && got != want {
				t.Errorf("%q of %q: %q, %v", a, pattern, got, ok)
			}
		}
	}
	for _, bad := range []string{"x", "{account}{account}", "{account}/x", "{account}@a b", "%{account}"} {
		if _, err := ParsePattern(bad); err == nil {
			t.Errorf("pattern %q is taken", bad)
		}
	}
}

func FuzzRights(f *testing.F) {
	f.Add("e30.eyJyb2xlcyI6WyJNYWlsLlJlYWQiXX0.x")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		for _, r := range rights(token) {
			if strings.ContainsFunc(r, func(c rune) bool { return c < ' ' || c > '~' }) {
				t.Errorf("%q cannot be printed", r)
			}
		}
	})
}
