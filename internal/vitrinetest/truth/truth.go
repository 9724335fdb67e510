// Package truth plants items of which everything is known beforehand: whose
// they are, when they came and were sent, who they are between, what nobody can
// know of them, and what must therefore become of each under a scope. Sources
// are compared with it. It imports nothing of this project and reads nothing
// back, so that it cannot share a source's mistakes.
package truth

import (
	"slices"
	"time"
)

// Feature is something that a kind of store has and that items can be planted
// for. What every store has (accounts, edges of a period) is no feature.
type Feature string

// The features. A kind of store names those it has.
const (
	Case           Feature = "case"           // accounts that differ in case alone
	Containers     Feature = "containers"     // several in an account, one in another
	Scripts        Feature = "scripts"        // containers and items with names in other scripts
	Correspondents Feature = "correspondents" // header fields with addresses
	Dates          Feature = "dates"          // a Date of the sender's beside the store's own record
	Duplicate      Feature = "duplicate"      // the same bytes stored twice in a container
	Draft          Feature = "draft"
	Deleted        Feature = "deleted" // marked as deleted and still stored
	Edited         Feature = "edited"  // an edit is an item of its own
	Quoted         Feature = "quoted"  // an item says what another one said
	Version        Feature = "version" // earlier versions of an item are kept
	Encrypted      Feature = "encrypted"
	Sealed         Feature = "sealed"    // end-to-end encrypted, and the store says so
	Malformed      Feature = "malformed" // torn headers, no Date, one of 1979
	NUL            Feature = "nul"
	BareCR         Feature = "bare-cr"
	EightBit       Feature = "8-bit" // in a header
	Empty          Feature = "empty" // an item of no bytes
	Large          Feature = "large" // of some MB
	Lasting        Feature = "lasting"
	Undated        Feature = "undated"    // an item of which the store knows no time
	Categories     Feature = "categories" // more than one in a store
	Secrets        Feature = "secrets"    // values that nobody may ever see
	Traffic        Feature = "traffic"    // vanishing and arriving while it is read: the stage can meddle; not for records
)

// Features lists all of them.
var Features = []Feature{Case, Containers, Scripts, Correspondents, Dates, Duplicate, Draft, Deleted, Edited, Quoted, Version, Encrypted, Sealed, Malformed, NUL, BareCR, EightBit, Empty, Large,
	Lasting, Undated, Categories, Secrets, Traffic}

// The categories and the families, as mandates and packages call them.
const (
	Content    = "content"
	TrafficCat = "traffic"
	Subscriber = "subscriber"

	Mail    = "mail"
	Chat    = "chat"
	Files   = "files"
	Records = "records"
)

// Span is what can be known of a time: it lies in [From, To], in whole
// seconds. Zero: nothing is known; on one side of a lasting item: no end.
type Span struct{ From, To time.Time }

// At is a time that is known.
func At(t time.Time) Span { return Span{t, t} }

// Item is one planted item.
type Item struct {
	Label     string // what it is there for; unique in an account
	Account   string
	Container string // as people call it, levels joined by "/"; the main one is Main
	Name      string // a file's name, a message's or a row's key; unique in the container, but for versions
	Category  string
	Raw       []byte // its bytes, with LF for line ends where it is text
	Received  Span   // by the store's own record, which planting has to set; lasting: how long it held true
	Lasting   bool
	Sent      []Span              // one for each Date header
	Fields    map[string][]string // the addresses that each header field has, in lower case
	Hidden    map[string]bool     // header fields that may have another one
	Mark      Feature             // Draft, Deleted, Edited: how the store has to mark it; else ""
	Sealed    bool                // end-to-end encrypted, and marked so
	Unbounded bool                // the store does not tell where it ends
	Broken    bool                // the store cannot hand out its bytes
	Of        string              // the label of the item that it edits or is a further version of
	Values    []Value             // of a record's columns of this category, in their order
	Secret    string              // the value of a column that nobody may see
}

// Value is a column's value.
type Value struct{ Column, Text string }

// Main is the main container of an account.
const Main = "INBOX"

// Plan is what is planted, and what is asked of it.
type Plan struct {
	Items  []Item
	Scopes []Scope
	// Come are items that are not planted at first: those that arrive.
	Come []Item
	// Gone are the labels of those that are taken away meanwhile.
	Gone []string
}

// Scope is one question.
type Scope struct {
	Label          string
	Accounts       []string
	Categories     []string
	From, To       time.Time // [From, To)
	Sent           bool      // by the sender's Date, else by the store's record
	Zone           string    // in which it was given in plain dates
	Correspondents []string
}

// Of lists the items that a scope's accounts have.
func (s Scope) Of(items []Item) (own []Item) {
	for _, it := range items {
		if slices.Contains(s.Accounts, it.Account) {
			own = append(own, it)
		}
	}
	return own
}
