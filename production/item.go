package production

import (
	"fmt"
	"slices"
	"time"

	"github.com/vitrine-project/vitrine"
)

// Interval is what is known of a time: the instant lies in [From, To], both
// ends included. A known instant has From == To. The zero Interval: nothing is
// known.
type Interval struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Rule names how it was read: "maildir-name", "mtime", "mbox-from",
	// "rfc5322", …; each is explained in spec/production.md.
	Rule string `json:"rule,omitempty"`
	// Raw is the text it was read from, as stored, where there is one.
	Raw string `json:"raw,omitempty"`
}

// Known reports whether anything is known.
func (i Interval) Known() bool { return !i.From.IsZero() }

// Decision is what became of an item that is held.
type Decision string

// The decisions. What is out of scope or unreadable is counted, never held.
const (
	In             Decision = "in"
	Undeterminable Decision = "undeterminable"
)

// Unquoted describes the bytes that a reversible quoting of the store hides:
// what the message was before the mbox writer put ">" before "From ".
type Unquoted struct {
	Size   int64          `json:"size"`
	SHA256 vitrine.Digest `json:"sha256"`
}

// Item is the record of one item: a line of items.jsonl.
type Item struct {
	Number    int64           `json:"number"` // 1, 2, … in the order of collection, over all that is held
	Source    string          `json:"source"`
	Account   vitrine.Account `json:"account"`
	Container string          `json:"container"`
	// Name is the item's own name in its container (file name, byte offset):
	// metadata only, never a path that anything opens.
	Name     string            `json:"name"`
	Category vitrine.Category  `json:"category"`
	Size     int64             `json:"size"`
	SHA256   vitrine.Digest    `json:"sha256"`
	Form     string            `json:"form"` // "stored", "mboxrd", "mboxo", …: what the bytes are
	Unquoted *Unquoted         `json:"unquoted,omitempty"`
	Received Interval          `json:"received"`
	Sent     Interval          `json:"sent"`
	Matched  []string          `json:"matched,omitempty"` // header fields with a demanded correspondent
	Flags    []string          `json:"flags,omitempty"`   // "clock-conflict", "mtime", "implausible-date", …
	Decision Decision          `json:"decision"`
	Reason   string            `json:"reason"` // code: why it is in, or why nobody can tell
	Extra    map[string]string `json:"extra,omitempty"`

	// at is where the item lies in the archive it was read from.
	at *entry
}

// messageForms are the forms whose bytes are a message of RFC 5322.
var messageForms = []string{"stored", "mbox", "mboxrd", "mboxo", "mboxcl2", "imap-crlf", "blob", "graph-mime"}

// Path is the item's place in the bag: data/, its number in six digits or
// more, and an ending that says what the bytes are.
func (it Item) Path() string {
	ending := ".bin"
	if it.Category == vitrine.Content && slices.Contains(messageForms, it.Form) {
		ending = ".eml"
	}
	return fmt.Sprintf("data/%06d%s", it.Number, ending)
}
