// Package vitrine holds the words that a provider's answer to a legal demand
// is told in (demand, authority, scope, event, refusal) and the one table of
// steps a demand may take. A Demand is the fold of its events; Apply refuses
// any event that the table or an invariant forbids. The package is pure: no
// file, no network, no clock. Names follow ETSI TS 103 120 and Regulation (EU)
// 2023/1543.
package vitrine

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Document is the paper that came with a demand: its bytes are kept by digest.
type Document struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 Digest `json:"sha256"`
}

// Renewal is a request to keep what is preserved for longer.
type Renewal struct {
	Reference string   `json:"reference"`
	Document  Document `json:"document"`
}

// Submission is what was asked, as it was received.
type Submission struct {
	Reference  string       `json:"reference"`
	Authority  AuthorityID  `json:"authority"`
	Instrument InstrumentID `json:"instrument"`
	Document   Document     `json:"document"`
	Received   time.Time    `json:"received"` // whole seconds, UTC
	Asked      Scope        `json:"asked"`
}

// ID returns the demand's id: equal submissions have equal ids, whatever the
// document's file is called and whenever the same paper came again.
func (s Submission) ID() ID {
	s.Document.Name = ""
	s.Received = time.Time{}
	b, err := json.Marshal(s)
	if err != nil {
		panic("vitrine: a submission cannot be marshalled: " + err.Error()) // only plain fields
	}
	sum := sha256.Sum256(append([]byte("vitrine/demand-id/v1\x00"), b...))
	return ID(strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10])))
}

// Subject is what makes two submissions the same demand in the eyes of its
// sender: authority, reference and document (spec/ledger.md uses the same).
func (s Submission) Subject() Digest {
	b := []byte("vitrine/demand/v1\x00")
	for _, part := range []string{string(s.Authority), s.Reference} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return DigestOf(append(b, s.Document.SHA256[:]...))
}

// Finding is one result of checking who asks.
type Finding struct {
	Code string `json:"code"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// Approval is one approver's SSH signature (armored, PROTOCOL.sshsig) over a
// statement.
type Approval struct {
	Signature string `json:"signature"`
}

// Counts is the closed arithmetic of a collection:
// Seen = In + Out + Undeterminable + Unreadable.
type Counts struct {
	Seen           int64 `json:"seen"`
	In             int64 `json:"in"`
	Out            int64 `json:"out"`
	Undeterminable int64 `json:"undeterminable"`
	Unreadable     int64 `json:"unreadable"`
}

// Closed reports whether the sum holds and nothing is negative.
func (c Counts) Closed() bool {
	return c.Seen >= 0 && c.In >= 0 && c.Out >= 0 && c.Undeterminable >= 0 && c.Unreadable >= 0 &&
		c.Seen == c.In+c.Out+c.Undeterminable+c.Unreadable
}

// Add returns the sum of both, field by field.
func (c Counts) Add(d Counts) Counts {
	return Counts{c.Seen + d.Seen, c.In + d.In, c.Out + d.Out, c.Undeterminable + d.Undeterminable, c.Unreadable + d.Unreadable}
}

// Container is one mailbox, folder or table that was visited, with its counts.
type Container struct {
	Source  string  `json:"source"`
	Account Account `json:"account"`
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Counts
	Before string `json:"before"` // the store's own state token at enumeration
	After  string `json:"after"`  // and when the container was left
	// Vanished and Arrived count items that were there only at the beginning,
	// or only at the end. What arrived is not collected.
	Vanished int64 `json:"vanished,omitempty"`
	Arrived  int64 `json:"arrived,omitempty"`
}

// Resolution is what an identifier in a demand led to. The accounts of an
// ambiguous one are several people's, of whom at most one is meant.
type Resolution struct {
	Identifier Account      `json:"identifier"`
	Outcome    Resolved     `json:"outcome"`
	Accounts   []Account    `json:"accounts,omitempty"`
	Rows       []ResolvedBy `json:"rows,omitempty"` // the first that say so
}

// Resolved is how certain a resolution is.
type Resolved string

// The outcomes.
const (
	ResolvedCertain   Resolved = "certain"    // one account, all the time that counts
	ResolvedAmbiguous Resolved = "ambiguous"  // several accounts, or one in doubt: what is in scope is for people to decide
	ResolvedTooMany   Resolved = "too-many"   // more than people can tell apart: nothing was read
	ResolvedNone      Resolved = "none"       // no row has it at that time
	ResolvedNowhere   Resolved = "no-records" // no source keeps such identifiers
)

// ResolvedBy is one row that gives an identifier to an account.
type ResolvedBy struct {
	Source  string  `json:"source"`
	Row     string  `json:"row"` // where it lies
	Account Account `json:"account"`
	Since   string  `json:"since,omitempty"` // as the store writes it
	Until   string  `json:"until,omitempty"`
	Certain bool    `json:"certain"`
}

// Visit is what one source was found to be before anything was read from it.
type Visit struct {
	Source string `json:"source"`
	Family string `json:"family"`           // mail, chat, files or records
	Shown  string `json:"shown"`            // by what its access was found out
	Writes string `json:"writes,omitempty"` // what its credentials could change, if anything
	// MayWrite is why the provider accepted that they could.
	MayWrite string `json:"may_write,omitempty"`
}

// CatalogueVersion names one signed version of the provider's catalogue.
type CatalogueVersion struct {
	Version int    `json:"version"`
	SHA256  Digest `json:"sha256"` // of its text
}

// Collection is the outcome of running one mandate: what was seen, and the
// hold that keeps what was in or undeterminable.
type Collection struct {
	Counts
	Sources []Visit `json:"sources,omitempty"`
	// Catalogue is the version that the demand was answered under, if any.
	Catalogue  *CatalogueVersion `json:"catalogue,omitempty"`
	Containers []Container       `json:"containers"`
	// Resolved says what the demand's identifiers led to.
	Resolved []Resolution `json:"resolved,omitempty"`
	// Missing lists accounts that no source knows, and identifiers that led to
	// none.
	Missing  []Account `json:"missing,omitempty"`
	Hold     Digest    `json:"hold"`
	HoldSize int64     `json:"hold_size"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
}

// Decisions sums up a signed ruling on undeterminable items.
type Decisions struct {
	Produced []int64 `json:"produced"` // item numbers
	Withheld []int64 `json:"withheld"`
}

// Package describes one sealed volume.
type Package struct {
	Volume int    `json:"volume"` // 1, 2, …
	Name   string `json:"name"`   // without .zip.age
	SHA256 Digest `json:"sha256"` // of the sealed file
	Size   int64  `json:"size"`
	// Envelope is the digest of the signed NAME.zip.age.json beside it.
	Envelope Digest `json:"envelope"`
	Items    int64  `json:"items"`
	Open     int64  `json:"open"` // undeterminable items not yet decided
	Root     Digest `json:"root"` // Merkle root over the manifest
}

// Event is one thing that happened to a demand. Only the fields of its Stage
// are set.
type Event struct {
	Seq   int       `json:"seq"` // 1, 2, …
	Stage Stage     `json:"stage"`
	At    time.Time `json:"at"`
	By    string    `json:"by"` // a person's or a process's name

	Submission  *Submission  `json:"submission,omitempty"`  // Received
	Findings    []Finding    `json:"findings,omitempty"`    // Verified, Refused
	Scope       *Scope       `json:"scope,omitempty"`       // Reviewed: what is granted
	Differences []Difference `json:"differences,omitempty"` // Reviewed
	Statement   string       `json:"statement,omitempty"`   // Reviewed, Decided: the text to be signed
	Approvals   []Approval   `json:"approvals,omitempty"`   // Mandated, Decided
	Approvers   []string     `json:"approvers,omitempty"`   // Mandated, Decided: the names that counted
	Mandate     Digest       `json:"mandate,omitzero"`      // Mandated and all after: digest of the signed statement
	Collection  *Collection  `json:"collection,omitempty"`  // Collected
	Decisions   *Decisions   `json:"decisions,omitempty"`   // Decided
	Package     *Package     `json:"package,omitempty"`     // Produced
	To          string       `json:"to,omitempty"`          // Delivered
	Refusal     *Refusal     `json:"refusal,omitempty"`     // Refused, Voided, Released: why
	Renewal     *Renewal     `json:"renewal,omitempty"`     // Extended
}

// Demand is the fold of its events, the state that every step starts from.
type Demand struct {
	ID          ID
	Seq         int // of the last event; 0 before the first
	Stage       Stage
	Submission  Submission
	Granted     Scope
	Differences []Difference
	Statement   string // the text that approvers sign, "" before review
	Approvals   []Approval
	Approvers   []string
	Mandate     Digest // zero unless signatures for Granted were verified
	Collection  *Collection
	Decided     map[int64]bool // item number → produced
	Pending     []int64        // decided to be produced and not yet in a volume
	Packages    []Package
	To          string // where the volumes were handed over last
	Refusal     *Refusal
	Renewals    []Renewal // of what it preserves
	UpdatedAt   time.Time
}

// Open is the number of undeterminable items that nobody has decided.
func (d Demand) Open() int64 {
	if d.Collection == nil {
		return 0
	}
	return d.Collection.Undeterminable - int64(len(d.Decided))
}

// Fold applies events in order to an empty demand.
func Fold(id ID, events []Event) (Demand, error) {
	d := Demand{ID: id}
	for _, e := range events {
		var err error
		if d, err = d.Apply(e); err != nil {
			return d, fmt.Errorf("event %d: %w", e.Seq, err)
		}
	}
	return d, nil
}
