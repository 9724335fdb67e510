// Package mail reads Maildirs, mbox files, and mailboxes behind IMAP and JMAP, as
// sources of collection. It
// promises every stored message with its bytes exactly as stored, in bounded
// memory, and the evidence on which a decision about it rests: the store's own
// time of arrival, every Date header, every correspondent, and what of these is
// in doubt. It never writes, never follows a symbolic link out of an account's
// mailbox, never builds a path from the text of a demand, and never decides.
// It follows RFC 5322, and spec/production.md for the rules by name.
package mail

import "github.com/vitrine-project/vitrine"

// Category is what mail is: content, its header fields included.
const Category = vitrine.Content
