package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// receiptHead begins a C2SP tlog-proof.
const receiptHead = "c2sp.org/tlog-proof@v1"

// maxProof bounds the hashes of an inclusion proof.
const maxProof = 64

// Receipt shows that a leaf stands in the log, under a tree that a quorum saw.
type Receipt struct {
	Fact        Fact
	HasParent   bool // a user's receipt has no parent salt
	Header      *Header
	HeaderIndex uint64
	HeaderProof []Hash
	Index       uint64
	Proof       []Hash
	Checkpoint  []byte // the signed note
}

// Marshal returns the receipt's bytes.
func (r *Receipt) Marshal() ([]byte, error) {
	header, err := r.Header.Marshal()
	if err != nil {
		return nil, err
	}
	var parent, subject, proof []byte
	if r.HasParent {
		parent = r.Fact.ParentSalt[:]
	}
	if r.Fact.Type != TypeDemand {
		subject = r.Fact.SubjectSalt[:]
	}
	for _, h := range r.HeaderProof {
		proof = append(proof, h[:]...)
	}
	extra := lp(lp(lp(lp(nil, r.Fact.Opening.Marshal()), parent), subject), header)
	extra = lp(binary.BigEndian.AppendUint64(extra, r.HeaderIndex), proof)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", receiptHead, base64.StdEncoding.EncodeToString(extra), r.Index)
	for _, h := range r.Proof {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	b.WriteString("\n")
	return append([]byte(b.String()), r.Checkpoint...), nil
}

// ParseReceipt takes a receipt apart. It checks nothing; Check does.
func ParseReceipt(b []byte) (*Receipt, error) {
	r, err := readReceipt(b)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return r, nil
}

func readReceipt(b []byte) (*Receipt, error) {
	if len(b) > maxNote {
		return nil, fmt.Errorf("%d bytes", len(b))
	}
	head, checkpoint, ok := strings.Cut(string(b), "\n\n")
	parts := strings.Split(head, "\n")
	if !ok || len(parts) < 3 || parts[0] != receiptHead {
		return nil, fmt.Errorf("want %q, extra, index, a proof, an empty line and a checkpoint", receiptHead)
	}
	r := &Receipt{Checkpoint: []byte(checkpoint)}
	extra, ok := strings.CutPrefix(parts[1], "extra ")
	raw, err := fromBase64(extra)
	if !ok || err != nil {
		return nil, errors.New("want base64 behind extra")
	}
	index, ok := strings.CutPrefix(parts[2], "index ")
	if r.Index, err = strconv.ParseUint(index, 10, 53); !ok || err != nil || strconv.FormatUint(r.Index, 10) != index {
		return nil, errors.New("want a number behind index")
	}
	for _, line := range parts[3:] {
		h, err := fromBase64(line)
		if err != nil || len(h) != 32 || len(r.Proof) == maxProof {
			return nil, fmt.Errorf("line %q is not a hash of the proof", line)
		}
		r.Proof = append(r.Proof, Hash(h))
	}
	return r, r.readExtra(raw)
}

func (r *Receipt) readExtra(b []byte) error {
	if len(b) < 4 {
		return errors.New("extra is cut off")
	}
	// the number between the fourth and the fifth part has no length before it
	at := 0
	for range 4 {
		if len(b)-at < 4 || uint64(len(b)-at-4) < uint64(binary.BigEndian.Uint32(b[at:])) {
			return errors.New("extra is cut off")
		}
		at += 4 + int(binary.BigEndian.Uint32(b[at:]))
	}
	if len(b)-at < 8 {
		return errors.New("extra is cut off")
	}
	if r.HeaderIndex = binary.BigEndian.Uint64(b[at:]); r.HeaderIndex >= 1<<52 || r.HeaderIndex%BundleSize != 0 {
		return fmt.Errorf("no header stands at entry %d", r.HeaderIndex)
	}
	front, err := framed(b[:at], 4)
	if err != nil {
		return err
	}
	back, err := framed(b[at+8:], 1)
	if err != nil {
		return err
	}
	o, err := ParseOpening(front[0])
	if err != nil {
		return err
	}
	r.Fact.Opening = *o
	if r.Header, err = ParseHeader(front[3]); err != nil {
		return err
	}
	if len(front[1]) != 0 && len(front[1]) != 32 || len(front[2]) != 0 && len(front[2]) != 32 || (len(front[2]) == 0) != (o.Type == TypeDemand) {
		return errors.New("a salt has the wrong length")
	}
	r.HasParent = len(front[1]) == 32
	copy(r.Fact.ParentSalt[:], front[1])
	copy(r.Fact.SubjectSalt[:], front[2])
	if len(back[0])%32 != 0 || len(back[0]) > 32*maxProof {
		return errors.New("the header's proof has the wrong length")
	}
	for p := back[0]; len(p) > 0; p = p[32:] {
		r.HeaderProof = append(r.HeaderProof, Hash(p[:32]))
	}
	return nil
}

// Check verifies everything that the receipt shows by itself: that the leaf
// opens, stands on its sheet in its period, and that a quorum saw it. due is
// when a promise said it would be there, 0 without one.
func (r *Receipt) Check(due uint64) (Checkpoint, error) {
	c, err := r.check(due)
	if err != nil {
		return c, fmt.Errorf("receipt: %w", err)
	}
	return c, nil
}

func (r *Receipt) check(due uint64) (Checkpoint, error) {
	c, err := r.Header.OpenCheckpoint(r.Checkpoint)
	if err != nil {
		return c, err
	}
	p := newPeriod(r.Header, r.HeaderIndex)
	if !included(c, r.HeaderIndex, p.HeaderBundle()[0], r.HeaderProof) {
		return c, fmt.Errorf("header %d does not stand at entry %d", p.Number, r.HeaderIndex)
	}
	s, err := p.agrees(&r.Fact.Opening)
	if err != nil {
		return c, err
	}
	leaf, err := r.Fact.Leaf(s)
	if err != nil {
		return c, err
	}
	if !included(c, r.Index, leaf[:], r.Proof) {
		return c, fmt.Errorf("the leaf does not stand at entry %d", r.Index)
	}
	if err := p.holdsLeaf(r.Index, s.Name); err != nil {
		return c, err
	}
	_, place, err := Chain{p}.At(r.Index)
	if err != nil || c.Size != p.After(place.Tick) {
		return c, fmt.Errorf("its checkpoint of %d entries is not that of the leaf's tick", c.Size)
	}
	seen, watched := c.Time()
	how := "a quorum saw it at"
	if !watched {
		seen, how = uint64(p.TickTime(place.Tick).Unix()), "its tick is that of"
	}
	if due > 0 && seen > due {
		return c, fmt.Errorf("%s %d, and it was due at %d", how, seen, due)
	}
	return c, nil
}

// holdsLeaf checks that the grid gives an index to the sheet.
func (p *Period) holdsLeaf(index uint64, sheet string) error {
	if index < p.Start+BundleSize || index >= p.End() {
		return fmt.Errorf("entry %d is not one of period %d", index, p.Number)
	}
	_, place, err := Chain{p}.At(index)
	if err != nil {
		return err
	}
	if place.Slot >= Slots {
		return fmt.Errorf("entry %d is a trailer, no leaf", index)
	}
	if place.Sheet != sheet {
		return fmt.Errorf("entry %d belongs to sheet %s, not %s", index, place.Sheet, sheet)
	}
	return nil
}

// included checks an inclusion proof of RFC 6962.
func included(c Checkpoint, index uint64, entry []byte, proof []Hash) bool {
	if index >= c.Size {
		return false
	}
	p := make(tlog.RecordProof, len(proof))
	for i, h := range proof {
		p[i] = tlog.Hash(h)
	}
	return tlog.CheckRecord(p, int64(c.Size), tlog.Hash(c.Root), int64(index), tlog.RecordHash(entry)) == nil
}
