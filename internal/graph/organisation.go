package graph

import (
	"github.com/vitrine-project/vitrine"
)

// Organisation is what a source's config says of an organisation, and of the
// application that reads from it.
type Organisation struct {
	// URL is the address of Graph, with its version; empty: the worldwide
	// cloud's. Trusted: the server shows every item, and says when each came.
	URL string `toml:"url"`
	// Login is the address that hands out tokens; empty: the worldwide cloud's.
	// Trusted: it gets the secret.
	Login string `toml:"login"`
	// Tenant is the organisation's identifier. Trusted: whoever runs it.
	Tenant string `toml:"tenant"`
	// Client is the application's identifier. Trusted: whoever decides which
	// permissions the application has.
	Client string `toml:"client"`
	// User is what Graph calls an account's user, with {account} in it, such as
	// {account}@example.org; empty: {account} alone. Trusted: it decides whose
	// data is read.
	User string `toml:"user"`
	// Secret is a file with the application's secret that only its owner can
	// read. Trusted: whoever has it reads what the application may.
	Secret string `toml:"secret"`
	// CertificateKey is, instead, a file with the application's certificate and
	// its RSA key, both in PEM. Trusted: as the secret.
	CertificateKey string `toml:"certificate_key"`
	// Authorities is a PEM file of the certificates that vouch for all its hosts;
	// empty: the machine's. Trusted: whoever holds their keys can pretend to be
	// the server.
	Authorities string `toml:"authorities"`
}

// Open returns a client and what the organisation calls its users. resolve makes
// paths absolute, and secret reads a credential.
func (o Organisation) Open(resolve func(path string) string, secret func(path string) (string, error), downloads ...string) (*Client, Pattern, error) {
	c := Config{Base: o.URL, Login: o.Login, Tenant: o.Tenant, Client: o.Client, CA: o.Authorities, Downloads: downloads}
	if c.CA != "" {
		c.CA = resolve(c.CA)
	}
	if o.Secret != "" {
		c.Secret = func() (string, error) { return secret(resolve(o.Secret)) }
	}
	if o.CertificateKey != "" {
		c.Key = func() (string, error) { return secret(resolve(o.CertificateKey)) }
	}
	client, err := New(c)
	if err != nil {
		return nil, Pattern{}, err
	}
	p, err := ParsePattern(o.User)
	return client, p, err
}

// Refuse is what a person is told of an answer that is no success.
func (s *Status) Refuse() error {
	return vitrine.Refusef(vitrine.Failed, "%v: nothing was kept; see that the application has the permission and that an administrator has consented", s)
}
