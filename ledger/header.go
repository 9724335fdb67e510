package ledger

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Suite names the primitives; another set has another name.
const Suite = "v1"

// Sizes of the log (spec/ledger.md, sections 5 and 7).
const (
	BundleSize = 256 // entries
	Slots      = 255 // leaves of a bundle
	maxBundles = 4096
)

// Class is which of a provider's logs this is.
type Class string

// The classes.
const (
	Public     Class = "public"
	Restricted Class = "restricted"
)

// Publication says how much of a log is public, and when.
type Publication string

// The settings of a log; a public one is Live.
const (
	Live         Publication = "live"
	AfterEmbargo Publication = "after-embargo"
	Auditor      Publication = "auditor"
)

// Header fixes a period before it begins. It is published as canonical JSON,
// in which its fields stand in this order.
type Header struct {
	Audit       AuditRule   `json:"audit"`
	Class       Class       `json:"class"`
	Delta       uint64      `json:"delta"` // seconds between ticks
	Due         uint64      `json:"due"`   // seconds from a demand to its leaf, at most
	From        uint64      `json:"from"`  // Unix time
	Grid        []Allotment `json:"grid"`
	Keys        Keys        `json:"keys"`
	Lag         uint64      `json:"lag"` // seconds
	Number      uint64      `json:"number"`
	Openings    []Permit    `json:"openings,omitempty"`
	Origin      string      `json:"origin"`
	Previous    Hash        `json:"previous"`
	Publication Publication `json:"publication"`
	Sheets      []Sheet     `json:"sheets"`
	Structure   string      `json:"structure,omitempty"`
	Suite       string      `json:"suite"`
	Tables      []Table     `json:"tables"`
	Ticks       uint64      `json:"ticks"`
	To          uint64      `json:"to"`
	Witnesses   Witnesses   `json:"witnesses"`
}

// AuditRule says how an auditor's sample is drawn.
type AuditRule struct {
	Randomness string `json:"randomness"`
	Sample     uint64 `json:"sample"`
}

// Allotment is how many slots of each tick a sheet has.
type Allotment struct {
	Sheet string `json:"sheet"`
	Slots int    `json:"slots"`
}

// Keys are the vkeys that sign for the log.
type Keys struct {
	Log     string   `json:"log"`
	Promise []string `json:"promise"`
	Report  string   `json:"report"`
}

// CellName is a sheet in a period, which is named by its header's number.
type CellName struct {
	Period uint64 `json:"period"`
	Sheet  string `json:"sheet"`
}

// Table is cells that are added up and published in one row.
type Table struct {
	Cells     []CellName `json:"cells"`
	Due       uint64     `json:"due"`
	Name      string     `json:"name"`
	NotBefore uint64     `json:"not_before"`
}

// Permit is cells of earlier periods that are told once more, exactly, since a
// petition to publish was granted. Petition is the digest of its record.
type Permit struct {
	Cells     []CellName `json:"cells"`
	Due       uint64     `json:"due"`
	Name      string     `json:"name"`
	NotBefore uint64     `json:"not_before"`
	Petition  Hash       `json:"petition"`
}

// Witnesses are the keys whose cosignatures count, and how many it takes.
type Witnesses struct {
	Keys   []Witness `json:"keys"`
	Quorum int       `json:"quorum"`
}

// Witness is one key and who holds it.
type Witness struct {
	Key          string `json:"key"`
	Organisation string `json:"organisation"`
}

// MarshalJSON writes no witnesses as an empty list.
func (w Witnesses) MarshalJSON() ([]byte, error) {
	type plain Witnesses
	if w.Keys == nil {
		w.Keys = []Witness{}
	}
	return encode(plain(w))
}

// ParseHeader reads a header and checks it as far as it goes alone.
func ParseHeader(b []byte) (*Header, error) {
	if len(b) > maxHeader {
		return nil, fmt.Errorf("header: %d bytes, more than %d", len(b), maxHeader)
	}
	h := new(Header)
	if err := unmarshal(b, h); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return h, h.Check()
}

// Marshal returns the header's bytes, if they can be read back.
func (h *Header) Marshal() ([]byte, error) {
	if err := h.Check(); err != nil {
		return nil, err
	}
	return marshal(h)
}

// Hash returns the SHA-256 of the header's bytes.
func (h *Header) Hash() Hash {
	sum, _ := h.written()
	return sum
}

// written returns the hash and the number of the header's bytes.
func (h *Header) written() (Hash, int) {
	b, err := marshal(h)
	if err != nil {
		panic("ledger: hash of a header that cannot be written: " + err.Error()) // Check was not called
	}
	return sha256.Sum256(b), len(b)
}

// Sheet returns the sheet of that name.
func (h *Header) Sheet(name string) (Sheet, bool) {
	i, ok := h.sheet(name)
	if !ok {
		return Sheet{}, false
	}
	return h.Sheets[i], true
}

func (h *Header) sheet(name string) (int, bool) {
	return slices.BinarySearchFunc(h.Sheets, name, func(s Sheet, n string) int { return strings.Compare(s.Name, n) })
}

// Bundles is how many bundles a tick has.
func (h *Header) Bundles() int {
	slots := 0
	for _, g := range h.Grid {
		slots += g.Slots
	}
	return slots / Slots
}

// TickTime is when tick t (1, 2, …) is published.
func (h *Header) TickTime(t uint64) time.Time {
	return time.Unix(int64(h.From+h.Lag+t*h.Delta), 0).UTC()
}

// follows checks h against the header before it.
func (h *Header) follows(before *Header) error {
	switch {
	case h.Number != before.Number+1 || h.Previous != before.Hash():
		return fmt.Errorf("header %d does not follow header %d", h.Number, before.Number)
	case h.From != before.To:
		return fmt.Errorf("header %d begins at %d, the period before ended at %d", h.Number, h.From, before.To)
	case h.Suite != before.Suite || h.Class != before.Class || h.Origin != before.Origin:
		return fmt.Errorf("header %d is of another ledger", h.Number)
	}
	return nil
}
