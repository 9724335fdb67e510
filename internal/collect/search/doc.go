// Package search says whether an item says one of a demand's keywords: yes; no,
// and all of it was searched; or no, and some of it could not be. It searches
// the decoded text of messages, files and records, the names of attached
// files, and of headers the subject alone, in one pass and in bounded memory.
// It cannot look into pictures, archives, office documents or what is
// encrypted, and says so each time. Rules: spec/mandate.md, spec/production.md.
package search
