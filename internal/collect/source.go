package collect

import (
	"context"
	"io"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

// Container is one mailbox, folder or table of one account, as a source lists
// it.
type Container struct {
	Account vitrine.Account
	Name    string // unique in the source and account; any bytes made valid UTF-8
	Kind    string // "maildir", "mbox", …
	State   string // the store's own token: it changes when the content does
	Size    int64  // bytes as far as known, for progress
	Key     string // opaque to all but the source
}

// Item is one stored item as a source enumerates it: evidence, not a verdict.
type Item struct {
	Name string // its own name, any bytes made valid UTF-8
	// Identity tells the item from all others of its container for as long as
	// it is there unchanged, through renames. It is compared, never shown.
	Identity string
	Offset   int64 // where it begins in its container
	Size     int64 // as stored
	Category vitrine.Category
	Form     string
	Received production.Interval
	// Sent has one entry for each Date header, in order; empty if there is none.
	Sent []production.Interval
	// Correspondents maps a header field's name to its addresses, each as
	// Address writes it, or a bare local part where no domain stands.
	Correspondents map[string][]string
	// Doubtful names header fields whose addresses could not all be read; a
	// scope with correspondents cannot exclude such an item.
	Doubtful   []string
	Flags      []string
	Unreadable string // why it cannot be read, "" if it can
	// Uncertain says why nobody can tell where the item begins or ends, "" if
	// that is certain. Such an item is for people to decide.
	Uncertain string
	// SHA256 is the digest of the stored bytes where enumeration read them all;
	// what Open returns must then have it.
	SHA256 vitrine.Digest
	// Unquoted is set where the store's quoting can be taken back.
	Unquoted *production.Unquoted
	Key      string // opaque to all but the source
}

// Source is one store of a provider's. It has no verb that writes, and only
// this package calls Open.
type Source interface {
	// Declaration is what the mandate's statement says of the source.
	Declaration() vitrine.Source
	// Holds lists the categories of data it can answer for.
	Holds() []vitrine.Category
	// Inventory lists an account's containers; none and no error if the store
	// does not know the account.
	Inventory(ctx context.Context, a vitrine.Account) ([]Container, error)
	// Enumerate calls yield for every item of c, in a stable order, and stops
	// at the first error. The Item is yield's only until it returns.
	Enumerate(ctx context.Context, c Container, yield func(Item) error) error
	// Open returns the bytes of an item exactly as stored, and an error, at the
	// latest where they end, if they are not those that were enumerated.
	Open(ctx context.Context, c Container, it Item) (io.ReadCloser, error)
	// State returns the container's token now.
	State(ctx context.Context, c Container) (string, error)
}

// Hold takes what is in scope or undeterminable.
type Hold interface {
	// Add reads r to its end and returns it with Number, Size and SHA256 set.
	Add(it production.Item, r io.Reader) (production.Item, error)
}
