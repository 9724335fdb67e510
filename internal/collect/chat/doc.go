// Package chat reads conversations as sources of collection. It promises every
// message of every conversation with its bytes exactly as the store has them, in
// memory that does not grow with the conversation, and as evidence the store's
// own record of when it was sent and last changed, whether the account was in
// the conversation then, and whether it is ciphertext to the provider. It never
// writes, never rebuilds what a store overwrote or removed, and never decides. A
// store that keeps only the last version of a message cannot answer for the
// ones before. Ids of chats are no addresses: a demand's correspondents exclude
// nothing here. spec/production.md has the rules by name.
package chat

import "github.com/vitrine-project/vitrine"

// Category is what people say to each other, and what they send along.
const Category = vitrine.Content

// doubtful are the fields that a correspondent is looked for in: the ids of a
// chat are no addresses, so that none can be excluded.
var doubtful = [...]string{"From", "To"}
