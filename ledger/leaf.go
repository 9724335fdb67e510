package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// LeafSize is the length of a leaf.
const LeafSize = 65

// The types of facts that every default sheet counts.
const (
	TypeDemand  = "demand"
	TypeAccount = "account"

	bulkField = "bulk_accounts"
	dummyType = "dummy"
)

// Leaf is what stands in the log for a fact: 0x01, a commitment, a hash.
type Leaf [LeafSize]byte

// Values are the numbers that a leaf holds, in the order of its sheet's fields.
type Values [maxFields]uint32

// Opening is all that a leaf commits to. Whoever has it can show that the leaf
// counts this fact; it is secret.
type Opening struct {
	Origin  string
	Header  Hash
	Sheet   string
	Type    string
	Subject Hash
	Parent  Hash
	Values  Values
	R       [32]byte // the blinding, a scalar
	Salt    [32]byte
	Day     string
}

// lp is b behind its length.
func lp(to, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(b))), b...)
}

// maxOpening bounds what a reader accepts.
const maxOpening = 1024

// Marshal returns E (spec/ledger.md, section 6).
func (o *Opening) Marshal() []byte {
	var v []byte
	for _, n := range o.Values {
		v = binary.BigEndian.AppendUint32(v, n)
	}
	var b []byte
	for _, part := range [][]byte{[]byte(o.Origin), o.Header[:], []byte(o.Sheet), []byte(o.Type), o.Subject[:], o.Parent[:], v, o.R[:], o.Salt[:], []byte(o.Day)} {
		b = lp(b, part)
	}
	return b
}

// framed cuts b into n parts with their lengths before them; nothing is left.
func framed(b []byte, n int) ([][]byte, error) {
	parts := make([][]byte, n)
	for i := range parts {
		if len(b) < 4 || uint64(len(b)-4) < uint64(binary.BigEndian.Uint32(b)) {
			return nil, errors.New("a part is cut off")
		}
		size := binary.BigEndian.Uint32(b)
		parts[i], b = b[4:4+size], b[4+size:]
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%d bytes are left over", len(b))
	}
	return parts, nil
}

// ParseOpening reads E.
func ParseOpening(b []byte) (*Opening, error) {
	if len(b) > maxOpening {
		return nil, fmt.Errorf("opening: %d bytes", len(b))
	}
	parts, err := framed(b, 10)
	if err != nil {
		return nil, fmt.Errorf("opening: %w", err)
	}
	o := &Opening{Origin: string(parts[0]), Sheet: string(parts[2]), Type: string(parts[3]), Day: string(parts[9])}
	for i, to := range map[int][]byte{1: o.Header[:], 4: o.Subject[:], 5: o.Parent[:], 7: o.R[:], 8: o.Salt[:]} {
		if copy(to, parts[i]) != len(parts[i]) || len(parts[i]) != 32 {
			return nil, fmt.Errorf("opening: part %d has %d bytes, not 32", i+1, len(parts[i]))
		}
	}
	if len(parts[6]) != 4*maxFields {
		return nil, fmt.Errorf("opening: the numbers have %d bytes, not %d", len(parts[6]), 4*maxFields)
	}
	for k := range o.Values {
		o.Values[k] = binary.BigEndian.Uint32(parts[6][4*k:])
	}
	if _, err := decodeScalar(o.R[:]); err != nil {
		return nil, fmt.Errorf("opening: blinding: %w", err)
	}
	if _, err := parseDay(o.Day); err != nil {
		return nil, fmt.Errorf("opening: %w", err)
	}
	if !bytes.Equal(o.Marshal(), b) {
		return nil, errors.New("opening: it is not written as it is read")
	}
	return o, nil
}

func parseDay(s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Format(time.DateOnly) != s {
		return time.Time{}, fmt.Errorf("day %q is not YYYY-MM-DD", s)
	}
	return t, nil
}

// Leaf returns the leaf of the opening on its sheet.
func (o *Opening) Leaf(s Sheet) (Leaf, error) {
	var l Leaf
	if err := o.fits(s); err != nil {
		return l, err
	}
	c, err := o.commitment(s)
	if err != nil {
		return l, err
	}
	beta := o.beta()
	l[0] = 0x01
	copy(l[1:], c.Bytes())
	copy(l[33:], beta[:])
	return l, nil
}

func (o *Opening) beta() Hash {
	return sha256.Sum256(append([]byte("vitrine/leaf/v1\x00"), o.Marshal()...))
}

func (o *Opening) commitment(s Sheet) (*point, error) {
	r, err := decodeScalar(o.R[:])
	if err != nil {
		return nil, fmt.Errorf("blinding: %w", err)
	}
	return commit(s.pack(o.Values), r), nil
}

// pack returns Σ v_k·2^(o_k).
func (s Sheet) pack(v Values) *scalar {
	wide := make([]uint64, len(s.Fields))
	for k := range wide {
		wide[k] = uint64(v[k])
	}
	return s.packWide(wide)
}

func (s Sheet) packWide(v []uint64) *scalar {
	var b [32]byte // little-endian; offsets and widths add up to at most 248 bits
	for k := range s.Fields {
		o := s.offset(k)
		for i := range s.Fields[k].Width + sumBits {
			b[(o+i)/8] |= byte(v[k]>>i&1) << ((o + i) % 8)
		}
	}
	n, err := decodeScalar(b[:])
	if err != nil {
		panic("ledger: a packed value above the group's order: " + err.Error()) // Sheet.check was not called
	}
	return n
}

// fits checks the opening's numbers against its type.
func (o *Opening) fits(s Sheet) error {
	if o.Sheet != s.Name {
		return fmt.Errorf("the opening is of sheet %s, not %s", o.Sheet, s.Name)
	}
	want, at := Values{}, s.field(o.Type)
	if at < 0 || o.Type == bulkField {
		return fmt.Errorf("sheet %s has no field %q", s.Name, o.Type)
	}
	want[at] = 1
	if bulk := s.field(bulkField); o.Type == TypeDemand && bulk >= 0 {
		want[bulk] = o.Values[bulk]
	}
	if o.Values != want {
		return fmt.Errorf("a fact of type %s holds %v, not 1 in its own field and 0 elsewhere", o.Type, o.Values)
	}
	return s.fits(o.Values)
}

// DemandSubject is what a demand is in the eyes of its sender; document is the
// SHA-256 of the very bytes that came.
func DemandSubject(authority, reference string, document [32]byte) Hash {
	b := lp(lp([]byte("vitrine/demand/v1\x00"), []byte(authority)), []byte(reference))
	return sha256.Sum256(append(b, document[:]...))
}

// ParentOf joins the leaves of one demand without showing which it is.
func ParentOf(salt [32]byte, demand Hash) Hash {
	return sha256.Sum256(append(append([]byte("vitrine/parent/v1\x00"), salt[:]...), demand[:]...))
}

// AccountSubject is an account that a demand specifies.
func AccountSubject(salt [32]byte, parent Hash, account string) Hash {
	b := append(append([]byte("vitrine/account/v1\x00"), salt[:]...), parent[:]...)
	return sha256.Sum256(lp(b, []byte(account)))
}

// OutcomeSubject is fact i of its type on a demand.
func OutcomeSubject(salt [32]byte, parent Hash, kind string, i uint32) Hash {
	b := append(append([]byte("vitrine/outcome/v1\x00"), salt[:]...), parent[:]...)
	return sha256.Sum256(binary.BigEndian.AppendUint32(lp(b, []byte(kind)), i))
}

// Fact is an opening with the salts that its subject and parent were made with.
type Fact struct {
	Opening
	ParentSalt  [32]byte
	SubjectSalt [32]byte // zero for the demand itself
}

// Demand is the demand that facts are about, as the ledger sees it.
type Demand struct {
	Subject    Hash
	ParentSalt [32]byte
	Sheet      string
}

// NewDemand draws the salt that joins a demand's facts.
func NewDemand(subject Hash, sheet string, rand io.Reader) (Demand, error) {
	d := Demand{Subject: subject, Sheet: sheet}
	_, err := io.ReadFull(rand, d.ParentSalt[:])
	return d, err
}

// Fact makes the fact of a type in the period: "demand", with the number of its
// accounts if they have no leaves of their own; "account", with the account's
// name; or an outcome, the i-th of its type. Its day is that of at, or the
// first of the period if at lies outside of it.
func (d Demand) Fact(p *Period, kind, account string, i, bulk uint32, at time.Time, rand io.Reader) (*Fact, error) {
	s, ok := p.Sheet(d.Sheet)
	k := s.field(kind)
	if !ok || k < 0 {
		return nil, fmt.Errorf("period %d counts no %s on sheet %s", p.Number, kind, d.Sheet)
	}
	f := &Fact{Opening: Opening{Origin: p.Origin, Header: p.Hash, Sheet: s.Name, Type: kind}, ParentSalt: d.ParentSalt}
	f.Parent = ParentOf(d.ParentSalt, d.Subject)
	f.Values[k] = 1
	for _, b := range [][]byte{f.Salt[:], f.SubjectSalt[:]} {
		if _, err := io.ReadFull(rand, b); err != nil {
			return nil, err
		}
	}
	copy(f.R[:], randomScalar(rand).Bytes())
	switch kind {
	case TypeDemand:
		f.Subject, f.SubjectSalt = d.Subject, [32]byte{}
		if j := s.field(bulkField); j >= 0 {
			f.Values[j] = bulk
		} else if bulk > 0 {
			return nil, fmt.Errorf("sheet %s has no field %s", s.Name, bulkField)
		}
	case TypeAccount:
		f.Subject = AccountSubject(f.SubjectSalt, f.Parent, account)
	default:
		f.Subject = OutcomeSubject(f.SubjectSalt, f.Parent, kind, i)
	}
	f.Day = p.day(at)
	return f, f.fits(s)
}

// day is the day of at if the period has it, else the period's first.
func (p *Period) day(at time.Time) string {
	if t := at.Unix(); t < int64(p.From) || t >= int64(p.To) {
		return time.Unix(int64(p.From), 0).UTC().Format(time.DateOnly)
	}
	return at.UTC().Format(time.DateOnly)
}

// has reports whether the day begins or ends in the period: a day is in the
// period if any second of it is.
func (h *Header) has(day string) error {
	t, err := parseDay(day)
	if err != nil {
		return err
	}
	if begin := t.Unix(); begin+24*3600 <= int64(h.From) || begin >= int64(h.To) {
		return fmt.Errorf("day %s is not in the period from %s to %s", day, dateOf(h.From), dateOf(h.To))
	}
	return nil
}

func dateOf(t uint64) string { return time.Unix(int64(t), 0).UTC().Format(time.DateOnly) }
