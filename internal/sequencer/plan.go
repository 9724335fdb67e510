package sequencer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vitrine-project/vitrine/ledger"
)

// plan is a tick as it was decided, before the first of its entries is
// appended: a line of JSON, and behind it the entries, as in an entry bundle of
// tlog-tiles. Once the tick is published the entries stand in the log and the
// plan keeps the line alone. Tick 0 is that of header 0.
type plan struct {
	Period  uint64          `json:"period"`
	Tick    uint64          `json:"tick"`
	Before  ledger.Tree     `json:"before"`
	After   ledger.Tree     `json:"after"`
	Notes   ledger.Hash     `json:"notes"`   // the chain of notices, with those of this tick
	Notices []ledger.Notice `json:"notices"` // those of this tick
	// Published is when the tick's checkpoint had its quorum, in Unix time by
	// this machine's clock; 0 until all of it is public.
	Published int64 `json:"published"`
	// Earlier is when the latest of the ticks before was.
	Earlier int64 `json:"earlier"`
	// Secret is a sealed secret. It never stands here in the clear.
	Secret []byte `json:"secret"`

	entries [][]byte
}

// secret is what nobody may learn from a plan: which slots hold facts, and what
// the sums are.
type secret struct {
	Facts map[string]uint64 `json:"facts"` // their places by their ids
	Sums  ledger.Sums       `json:"sums"`  // of the period's cells after the tick
}

// latest is when the latest tick up to the plan's was published.
func (p *plan) latest() int64 { return max(p.Published, p.Earlier) }

// pads are what the length of a secret is a multiple of, so that the length of
// a sealed one tells no number of facts.
const padBundle, padTick = 24 << 10, 8 << 10

// padded appends spaces, which JSON passes over.
func (s *secret) padded(bundles int) ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	unit := padTick + padBundle*max(bundles, 1)
	return append(b, bytes.Repeat([]byte{' '}, (unit-len(b)%unit)%unit)...), nil
}

// planName is where the plan of a tick stands; names ascend as ticks do.
func planName(period, tick uint64) string {
	return fmt.Sprintf("%s/%08d-%012d", plansDir, period, tick)
}

// marshal returns the plan's bytes.
func (p *plan) marshal() ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return append(append(b, '\n'), packEntries(p.entries)...), nil
}

// parsePlan reads a plan.
func parsePlan(b []byte) (*plan, error) {
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok {
		return nil, errors.New("plan: it has no end of line")
	}
	p := new(plan)
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	entries, err := ledger.ParseEntries(rest, len(rest))
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	p.entries = entries
	if p.After.Bundles <= p.Before.Bundles {
		return nil, fmt.Errorf("plan: %d bundles after %d", p.After.Bundles, p.Before.Bundles)
	}
	want := (p.After.Bundles - p.Before.Bundles) * ledger.BundleSize
	if p.Published != 0 {
		want = 0
	}
	if uint64(len(entries)) != want {
		return nil, fmt.Errorf("plan: it has %d entries, not %d", len(entries), want)
	}
	return p, p.adds()
}

// adds checks that the entries make the tree after from the tree before.
func (p *plan) adds() error {
	if p.Published != 0 {
		return nil
	}
	after := p.Before.Clone()
	after.Add(p.entries)
	if !after.Equal(p.After) {
		return errors.New("plan: its entries do not make the tree that it names")
	}
	return nil
}

// packEntries writes entries as an entry bundle of tlog-tiles does.
func packEntries(entries [][]byte) []byte {
	var b []byte
	for _, e := range entries {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(e))), e...)
	}
	return b
}
