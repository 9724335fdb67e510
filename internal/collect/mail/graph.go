package mail

import (
	"context"
	"errors"
	"sync"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
	"github.com/vitrine-project/vitrine/internal/graph"
)

// KindGraph is the kind of a source of Exchange Online mailboxes.
const KindGraph = "graph-mail"

// Graph is an Exchange Online organisation as the provider's config has it. It
// was tried against a server of its documented behaviour, and never against the
// live service. It reaches each account's mailbox with its hidden folders and
// its recoverable items; it does not reach online archive mailboxes, which
// Graph has no way into, nor public folders.
type Graph struct {
	// URL is the address of Graph, with its version; empty: the worldwide
	// cloud's. Trusted: the server shows every message, and decides when each
	// arrived.
	URL string `toml:"url"`
	// Login is the address that hands out tokens; empty: the worldwide cloud's.
	// Trusted: it gets the secret.
	Login string `toml:"login"`
	// Tenant is the organisation's identifier. Trusted: whoever runs it.
	Tenant string `toml:"tenant"`
	// Client is the application's identifier. Trusted: whoever decides which
	// permissions the application has; Mail.Read is enough.
	Client string `toml:"client"`
	// User is what Graph calls an account's user, with {account} in it, such as
	// {account}@example.org; empty: {account} alone. Trusted: it decides whose
	// mailbox is read.
	User string `toml:"user"`
	// Secret is a file with the application's secret that only its owner can
	// read. Trusted: whoever has it reads all mailboxes.
	Secret string `toml:"secret"`
	// CertificateKey is, instead, a file with the application's certificate and
	// its RSA key, both in PEM. Trusted: as the secret.
	CertificateKey string `toml:"certificate_key"`
	// Authorities is a PEM file of the certificates that vouch for both
	// addresses; empty: the machine's. Trusted: whoever holds their keys can
	// pretend to be the server.
	Authorities string `toml:"authorities"`
}

// Open returns the source; it connects when it is first asked something.
func (g Graph) Open(name string, resolve func(path string) string) (collect.Source, error) {
	c := graph.Config{Base: g.URL, Login: g.Login, Tenant: g.Tenant, Client: g.Client, CA: g.Authorities}
	if c.CA != "" {
		c.CA = resolve(c.CA)
	}
	if g.Secret != "" {
		c.Secret = func() (string, error) { return collect.Secret(resolve(g.Secret)) }
	}
	if g.CertificateKey != "" {
		c.Key = func() (string, error) { return collect.Secret(resolve(g.CertificateKey)) }
	}
	client, err := graph.New(c)
	if err != nil {
		return nil, err
	}
	p, err := graph.ParsePattern(g.User)
	if err != nil {
		return nil, err
	}
	return &mailboxes{
		declaration: vitrine.Source{Name: name, Kind: KindGraph, Path: client.Address() + " user=" + p.String()},
		client:      client, users: p, fetched: map[string]graphBytes{},
	}, nil
}

// mailboxes is a source of one Exchange Online mailbox for each account.
type mailboxes struct {
	declaration vitrine.Source
	client      *graph.Client
	users       graph.Pattern

	// kept are the folders of an account as Inventory found them: a message that
	// leaves its folder before its turn comes is still collected.
	kept graph.Kept[graphListing]

	mu sync.Mutex
	// fetched are the bytes of the messages that are being yielded.
	fetched map[string]graphBytes
}

func (m *mailboxes) Declaration() vitrine.Source { return m.declaration }

func (m *mailboxes) Family() collect.Family { return collect.Mail }

func (m *mailboxes) Holds() []vitrine.Category { return []vitrine.Category{Category} }

// Stores is what the catalogue says of it.
func (m *mailboxes) Stores() []collect.Stored {
	return []collect.Stored{{Kind: KindGraph, Category: Category, Form: "MIME, as Exchange writes it from what it stores"}}
}

// Probe looks at the permissions that the token names. They are Microsoft's own
// statement, and not all of it: what an administrator allows an application in
// Exchange itself (RBAC for applications) stands in no token.
func (m *mailboxes) Probe(ctx context.Context) (collect.Access, error) {
	writes, shown, err := m.client.Access(ctx, "Mail.Read")
	return collect.Access{Writes: writes, Shown: shown}, graphFault(err)
}

// graphFault is what an error of Graph's means to a run.
func graphFault(err error) error {
	var broken *graph.Broken
	if errors.As(err, &broken) {
		return &collect.Interrupted{Err: broken}
	}
	var status *graph.Status
	if errors.As(err, &status) {
		return vitrine.Refusef(vitrine.Failed, "%v: nothing was kept; see that the application has the permission and that an administrator has consented", status)
	}
	return err
}
