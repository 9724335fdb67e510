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
	graph.Organisation // Mail.Read is enough of a permission
}

// Open returns the source; it connects when it is first asked something.
func (g Graph) Open(name string, resolve func(path string) string) (collect.Source, error) {
	client, p, err := g.Organisation.Open(resolve, collect.Secret)
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
		return status.Refuse()
	}
	return err
}
