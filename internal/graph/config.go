package graph

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
)

// The addresses of the worldwide cloud.
const (
	Worldwide      = "https://graph.microsoft.com/v1.0"
	WorldwideLogin = "https://login.microsoftonline.com"
)

// downloads are the hosts, and the domains whose hosts, hand out a file's bytes
// in the clouds that Microsoft runs.
var downloads = []string{".sharepoint.com", ".sharepoint.us", ".sharepoint.cn", ".1drv.com", ".microsoftpersonalcontent.com"}

// How long a server may take.
const (
	dialWait   = 30 * time.Second
	headerWait = 2 * time.Minute // until an answer begins
	idleWait   = time.Minute     // between two pieces of it
	allWait    = 10 * time.Minute
)

// Config is an application's registration.
type Config struct {
	Base      string // Worldwide, or another cloud's
	Login     string // WorldwideLogin, or another cloud's
	Tenant    string
	Client    string
	Secret    func() (string, error) // a client secret; or nil
	Key       func() (string, error) // certificate and private key, both in PEM; or nil
	CA        string                 // a PEM file of the authorities that vouch for the hosts; "": the system's
	Downloads []string               // further hosts, or domains with a dot in front, that hand out files
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,99}$`)

var hostName = regexp.MustCompile(`^(\.[a-z0-9-]+(\.[a-z0-9-]+)+|[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?)$`)

// address checks an address of the config.
func address(what, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery || strings.Contains(u.EscapedPath(), "%") {
		return nil, vitrine.Refusef(vitrine.Usage, "%s %q is no address: want https://host/path", what, text)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// New returns a Client, without a connection.
func New(c Config) (*Client, error) {
	if c.Base == "" {
		c.Base = Worldwide
	}
	if c.Login == "" {
		c.Login = WorldwideLogin
	}
	base, err := address("url", c.Base)
	if err != nil {
		return nil, err
	}
	login, err := address("login", c.Login)
	if err != nil {
		return nil, err
	}
	if !plainName.MatchString(c.Tenant) || !plainName.MatchString(c.Client) {
		return nil, vitrine.Refusef(vitrine.Usage, "tenant %q or client %q is missing or no identifier: take both from the application's registration", c.Tenant, c.Client)
	}
	if (c.Secret == nil) == (c.Key == nil) {
		return nil, vitrine.Refusef(vitrine.Usage, "the application needs a secret or a certificate_key, and not both: name the file that holds it")
	}
	for _, d := range c.Downloads {
		if !hostName.MatchString(d) {
			return nil, vitrine.Refusef(vitrine.Usage, "downloads: %q is neither a host nor a domain with a dot in front", d)
		}
	}
	roots, err := authorities(c.CA)
	if err != nil {
		return nil, err
	}
	return &Client{
		base: base, login: login, config: c, downloads: append(slices.Clone(downloads), c.Downloads...),
		now: time.Now, sleep: sleep, idle: idleWait, all: allWait,
		http: &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy:                 http.ProxyFromEnvironment,
				DialContext:           (&net.Dialer{Timeout: dialWait}).DialContext,
				TLSHandshakeTimeout:   dialWait,
				ResponseHeaderTimeout: headerWait,
				IdleConnTimeout:       time.Minute,
				TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
				DisableCompression:    true, // the bytes as they are, and no more than were asked for
				ForceAttemptHTTP2:     true,
			},
		},
	}, nil
}

// Address is what binds a client in a declaration: whose data is read, by which
// application, and from where.
func (c *Client) Address() string {
	text := c.base.String() + " tenant=" + c.config.Tenant + " client=" + c.config.Client
	if l := c.login.String(); l != WorldwideLogin {
		text += " login=" + l
	}
	if len(c.config.Downloads) > 0 {
		text += " downloads=" + strings.Join(c.config.Downloads, ",")
	}
	return text
}

const maxAuthorities = 4 << 20

func authorities(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil || len(text) > maxAuthorities {
		return nil, vitrine.Refusef(vitrine.Usage, "the authorities in %s cannot be read (%v): correct the path", path, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, vitrine.Refusef(vitrine.Usage, "%s holds no certificate in PEM: correct the path", path)
	}
	return roots, nil
}
