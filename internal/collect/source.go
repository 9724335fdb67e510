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
	Count   int64  // of items by the store's own count; NoCount if it keeps none
	Key     string // opaque to all but the source
}

// NoCount stands where a store does not count its items.
const NoCount = -1

// Item is one stored item as a source enumerates it: evidence, not a verdict.
type Item struct {
	Name string // its own name, any bytes made valid UTF-8
	// Identity tells the item from all others of its container for as long as
	// it is there unchanged, through renames. It is compared, never shown.
	Identity string
	// Position is where Enumerate goes on behind this item. It is shorter than
	// 1 KiB and means the same to another process.
	Position string
	Offset   int64 // where it begins in its container
	Size     int64 // as stored
	Category vitrine.Category
	Form     string
	// Received is when the store took the item in, by its own record: for a file
	// when this version was written, for a record when it was made.
	Received production.Interval
	// Lasting says that the item held true all through Received, as a
	// subscriber's name does, and is in scope if any of the period is. Nothing
	// known on one side means without end on that side.
	Lasting bool
	// Sent has one entry for each Date header, in order; empty if there is none.
	Sent []production.Interval
	// Correspondents maps a header field's name to its addresses, each as
	// Address writes it, or a bare local part where no domain stands.
	Correspondents map[string][]string
	// Doubtful names header fields whose addresses could not all be read; a
	// scope with correspondents cannot exclude such an item.
	Doubtful []string
	Flags    []string
	// Membership says whether the account took part in the item's conversation
	// when it was made. Where there is no such thing, it is left out.
	Membership Membership
	// EndToEnd is set where what the item says is encrypted with keys that the
	// provider does not have: no filter of its content can exclude it.
	EndToEnd bool
	// Extra is handed on into the package as it is: further facts of the store.
	Extra      map[string]string
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
// this package calls Open. A failure after which the visit can go on where it
// stood, a broken connection above all, is an Interrupted.
type Source interface {
	// Declaration is what the mandate's statement says of the source.
	Declaration() vitrine.Source
	// Family says what kind of store it is.
	Family() Family
	// Holds lists the categories of data it can answer for.
	Holds() []vitrine.Category
	// Probe finds out what the credentials may do besides reading, by asking
	// for rights and never by trying to write. It comes before all else.
	Probe(ctx context.Context) (Access, error)
	// Inventory lists an account's containers; none and no error if the store
	// does not know the account.
	Inventory(ctx context.Context, a vitrine.Account) ([]Container, error)
	// Enumerate calls yield for every item of c that lies behind the position
	// after, in a stable order, and stops at the first error; "" is before the
	// first item. The Item is yield's only until it returns.
	Enumerate(ctx context.Context, c Container, after string, yield func(Item) error) error
	// Open returns the bytes of an item exactly as stored, from offset on, and an
	// error, at the latest where they end, if they are not those that were
	// enumerated; ErrVanished if the item is gone. It may be called from within
	// yield.
	Open(ctx context.Context, c Container, it Item, offset int64) (io.ReadCloser, error)
	// Close ends the visit of a container, lets go of what was kept for it, and
	// returns its state now, to be compared with the one of Inventory.
	Close(ctx context.Context, c Container) (state string, err error)
}

// Family is what kind of store a source is.
type Family string

// The families, each with a package of its own.
const (
	Mail    Family = "mail"
	Chat    Family = "chat"
	Files   Family = "files"
	Records Family = "records"
)

// Membership is what a conversation's records say of an account at one time.
type Membership string

// The memberships. The zero value is that of an item that is the account's
// without any.
const (
	Member            Membership = "member"
	NotMember         Membership = "not-member"
	MembershipUnknown Membership = "unknown"
)

// Access is what a probe found out.
type Access struct {
	// Writes says what can be changed, in the store's own words, or why it
	// cannot be told; empty if it is shown that nothing can.
	Writes string
	Shown  string // by what: "mount is read-only", "MYRIGHTS lrs", …
}

// Configured is a source as the provider's config has it.
type Configured struct {
	Source
	// MayWrite is why it is accepted that the credentials can write; empty: it
	// is not.
	MayWrite string
	// Encryption is what the catalogue says of it; "" if there is none.
	Encryption Encryption
}

// Interrupted is a failure after which a visit can go on where it stood.
type Interrupted struct{ Err error }

func (i *Interrupted) Error() string { return i.Err.Error() }
func (i *Interrupted) Unwrap() error { return i.Err }

// Hold takes what is in scope or undeterminable.
type Hold interface {
	// Add reads r to its end and returns it with Number, Size and SHA256 set.
	Add(it production.Item, r io.Reader) (production.Item, error)
}
