package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// KindIMAP is the kind of a source of mailboxes behind IMAP.
const KindIMAP = "imap"

// accountMark stands in a setting for the account that is asked about.
const accountMark = "{account}"

// silence is how long a server may say nothing while an answer is due.
const silence = time.Minute

// IMAP is a mail server as the provider's config has it. Exactly one of User,
// As and Mailboxes has {account} in it.
type IMAP struct {
	URL       string `toml:"url"`       // imaps://host[:port], or imap://host[:port], which turns to TLS by STARTTLS and is plain on this machine alone; the server is trusted to show every message and when it came
	User      string `toml:"user"`      // who logs in, "{account}*vitrine" with a master user of Dovecot's; whoever grants its rights is trusted
	As        string `toml:"as"`        // as whom, where the server takes that apart (SASL PLAIN), as "{account}"; the same are trusted
	Mailboxes string `toml:"mailboxes"` // where a user who logs in as itself finds an account's mailboxes, as "user/{account}"; whoever names mailboxes on the server is trusted
	Password  string `toml:"password"`  // the file that holds the password; whoever reads it reads what the user may
	Authority string `toml:"authority"` // the PEM file of the authority that signed the server's certificate, "" for the system's; it is trusted to name the server
	Reference string `toml:"reference"` // an account of the provider's own, at which it is asked what the user may do; whoever sets its rights apart from others' is trusted not to
}

// imaps is a source of the mailboxes of each account on one server.
type imaps struct {
	declaration vitrine.Source
	config      IMAP
	dial        dialer

	mu     sync.Mutex
	idle   []*link
	visits map[string]*visit
	writes bool // what Probe found, and the run went on nevertheless
	asked  bool // whether Probe was asked
}

// Open checks what can be checked without a connection.
func (c IMAP) Open(name string, resolve func(path string) string) (collect.Source, error) {
	refuse := func(format string, args ...any) (collect.Source, error) {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: %s", name, fmt.Sprintf(format, args...))
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "imap" && u.Scheme != "imaps" || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return refuse("url %q: want imaps://host or imap://host, with a port where it is not the usual one, and nothing else", c.URL)
	}
	if strings.Count(c.User+c.As+c.Mailboxes, accountMark) != 1 {
		return refuse("exactly one of user, as and mailboxes must have %s in it, once: it says how an account's mailboxes are reached", accountMark)
	}
	for _, text := range []string{c.User, c.As, c.Mailboxes, c.Reference} {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return refuse("%q has a control character in it: take it out", text)
		}
	}
	switch {
	case c.User == "":
		return refuse("user is missing: name who logs in")
	case c.Password == "":
		return refuse("password is missing: name the file that holds it")
	case c.Reference == "":
		return refuse("reference is missing: name an account of your own on that server, at which it is asked what the user may do")
	}
	d, err := newDialer(u, c.Authority, resolve)
	if err != nil {
		return refuse("%v", err)
	}
	d.password = func() (string, error) { return collect.Secret(resolve(c.Password)) }
	path := fmt.Sprintf("%s://%s user=%s as=%s mailboxes=%s", u.Scheme, d.address, url.QueryEscape(c.User), url.QueryEscape(c.As), url.QueryEscape(c.Mailboxes))
	return &imaps{
		declaration: vitrine.Source{Name: name, Kind: KindIMAP, Path: unescapeMark(path)}, config: c, dial: d, visits: map[string]*visit{},
	}, nil
}

// unescapeMark shows {account} as people wrote it.
func unescapeMark(path string) string {
	return strings.ReplaceAll(path, url.QueryEscape(accountMark), accountMark)
}

// newDialer reads how to reach the server at u.
func newDialer(u *url.URL, authority string, resolve func(string) string) (dialer, error) {
	port, loopback := u.Port(), onLoopback(u.Hostname())
	if port == "" {
		port = map[string]string{"imap": "143", "imaps": "993"}[u.Scheme]
	}
	d := dialer{
		address: net.JoinHostPort(u.Hostname(), port), implicit: u.Scheme == "imaps", plain: u.Scheme == "imap" && loopback && authority == "",
		tls: &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}, wait: silence,
	}
	if authority == "" {
		return d, nil
	}
	pool, err := authorityOf(resolve(authority))
	d.tls.RootCAs = pool
	return d, err
}

// authorityOf reads the certificates of one PEM file.
func authorityOf(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("authority: %v: correct the path", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("authority: %s holds no certificate in PEM form: name the authority's certificate", path)
	}
	return pool, nil
}

func onLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *imaps) Declaration() vitrine.Source { return s.declaration }

func (s *imaps) Family() collect.Family { return collect.Mail }

func (s *imaps) Holds() []vitrine.Category { return []vitrine.Category{Category} }

// filled is a setting with the account in it. An account that has in it what
// stands around the mark could pass for another.
func filled(setting string, a vitrine.Account) (string, error) {
	before, behind, found := strings.Cut(setting, accountMark)
	if !found {
		return setting, nil
	}
	special := strings.Map(func(r rune) rune {
		if r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, before+behind)
	if a == "" || strings.ContainsAny(string(a), special) || strings.ContainsFunc(string(a), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", vitrine.Refusef(vitrine.Failed, "account %q has a character in it that has a meaning in %q: no login can be made of it; nothing was read", a, setting)
	}
	return before + string(a) + behind, nil
}

// Probe asks which rights the user has on each mailbox of the reference
// account, by MYRIGHTS (RFC 4314). Without it nothing is proven.
func (s *imaps) Probe(ctx context.Context) (collect.Access, error) {
	access, err := s.probe(ctx, vitrine.Account(s.config.Reference))
	if err == nil {
		s.mu.Lock()
		s.asked, s.writes = true, access.Writes != ""
		s.mu.Unlock()
	}
	return access, err
}

func (s *imaps) probe(ctx context.Context, a vitrine.Account) (collect.Access, error) {
	l, err := s.acquire(ctx, a)
	if err != nil {
		return collect.Access{}, err
	}
	defer s.release(l)
	boxes, err := s.mailboxes(ctx, l, a)
	if err != nil {
		return collect.Access{}, err
	}
	if len(boxes) == 0 {
		return collect.Access{}, vitrine.Refusef(vitrine.Usage, "the reference account %q has no mailbox that the user can see: name another, or grant the user to look up and read (\"lr\")", a)
	}
	return l.rights(ctx, boxes)
}
