package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"slices"
)

// Report is report.json: what is said of the tables of a period, with the
// proofs that it follows from the log.
type Report struct {
	Files      []File    `json:"files"`
	Proofs     []Bytes   `json:"proofs"`
	Signatures []Bytes   `json:"signatures"`
	Statement  Statement `json:"statement"`
	Words      Hash      `json:"words"`
}

// File is a file of the report's folder.
type File struct {
	Path   string `json:"path"`
	SHA256 Hash   `json:"sha256"`
}

// Statement is what a report says.
type Statement struct {
	Ledgers []State `json:"ledgers"`
	Name    string  `json:"name"`
	Number  uint64  `json:"number"`
	Suite   string  `json:"suite"`
	Tables  []Row   `json:"tables"`
}

// State is a log at a tick's end.
type State struct {
	Class   Class  `json:"class"`
	Headers []Hash `json:"headers"`
	Origin  string `json:"origin"`
	Root    Hash   `json:"root"`
	Size    uint64 `json:"size"`
}

// Row is a table with its totals.
type Row struct {
	Cells  []Cell  `json:"cells"`
	Class  Class   `json:"class"`
	Fields []Total `json:"fields"`
	Header uint64  `json:"header"`
	Name   string  `json:"name"`
}

// Cell is a cell with its value.
type Cell struct {
	Period uint64 `json:"period"`
	Point  Hash   `json:"point"`
	Sheet  string `json:"sheet"`
}

// Total is what is said of a field: Total alone; Low and Width of a band, with
// the Point that stands for what lies above Low; or the Point alone, if hidden.
type Total struct {
	Low   *uint64 `json:"low,omitempty"`
	Name  string  `json:"name"`
	Point *Hash   `json:"point,omitempty"`
	Total *uint64 `json:"total,omitempty"`
	Width *uint64 `json:"width,omitempty"`
}

// Limits of a range proof over a report's points.
const (
	restBits  = 64
	restGroup = 128
)

var reportName = letters("-ABCDEFGHIJKLMNOPQRSTUVWXYZ")

// ParseReport reads report.json. It checks its form alone.
func ParseReport(b []byte) (*Report, error) {
	r := new(Report)
	if err := unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if !reportName.MatchString(r.Statement.Name) || r.Statement.Suite != Suite {
		return nil, fmt.Errorf("report: name %q, suite %q", r.Statement.Name, r.Statement.Suite)
	}
	if len(r.Signatures) != len(r.Statement.Tables) {
		return nil, fmt.Errorf("report: %d signatures for %d tables", len(r.Signatures), len(r.Statement.Tables))
	}
	return r, nil
}

// Marshal returns the report's bytes.
func (r *Report) Marshal() ([]byte, error) { return marshal(r) }

// ReportNote returns the text that is signed for a version of a report's bytes.
func ReportNote(name string, report []byte, version int) string {
	return fmt.Sprintf("vitrine/report/v1\nname %s\nsha256 %s\nversion %d\n", name, Hash(sha256.Sum256(report)), version)
}

// SignReport signs the note of a report.
func SignReport(name string, report []byte, version int, key Signer) ([]byte, error) {
	return sign(ReportNote(name, report, version), key)
}

// openedRow is a row with what its prover knows.
type openedRow struct {
	Row
	blinding *scalar // Σr of all cells
	rests    []rest  // of the fields with a point, in order
}

// rest is what lies above a band's low, with its blinding.
type rest struct {
	value, max uint64
	blinding   *scalar
}

// Draft is a report in the making.
type Draft struct {
	Statement Statement
	rows      []openedRow
}

// Add computes the row of a table from its cells' sums, as its rules say.
// Randomness blinds the points of bands.
func (d *Draft) Add(c Chain, table ReadyTable, sums func(CellName) (Running, error), rand io.Reader) error {
	row := openedRow{Row: Row{Class: c[table.Header].Class, Header: table.Header, Name: table.Name}, blinding: new(scalar)}
	var total [maxFields]uint64
	sheet, _ := c.Sheet(table.Cells[0])
	if !table.Petition.IsZero() {
		sheet = sheet.exact()
	}
	for _, cell := range table.Cells {
		sum, err := sums(cell)
		if err != nil {
			return err
		}
		s, _ := c.Sheet(cell)
		p, err := sum.point(s)
		if err != nil {
			return err
		}
		r, err := decodeScalar(sum.R[:])
		if err != nil {
			return err
		}
		for k := range total {
			total[k] += sum.V[k]
		}
		row.blinding = new(scalar).Add(row.blinding, r)
		row.Cells = append(row.Cells, Cell{cell.Period, Hash(p.Bytes()), cell.Sheet})
	}
	for k, f := range sheet.Fields {
		t, max := f.Rule.say(f, total[k])
		row.Fields = append(row.Fields, t)
		if t.Total == nil {
			low := uint64(0)
			if t.Low != nil {
				low = *t.Low
			}
			row.rests = append(row.rests, rest{value: total[k] - low, max: max})
		}
	}
	row.blind(sheet, rand)
	d.rows = append(d.rows, row)
	d.Statement.Tables = append(d.Statement.Tables, row.Row)
	return nil
}

// say is what the rule publishes of v, and how much may lie above a band's low.
func (r Rule) say(f Field, v uint64) (t Total, max uint64) {
	t.Name = f.Name
	n := uint64(r.N)
	switch {
	case r.Kind == Exact, r.Kind == Small && v >= n:
		t.Total = &v
	case r.Kind == Small:
		low := uint64(0)
		t.Low, t.Width, max = &low, &n, n-1
	case r.Kind == Band:
		low := v / n * n
		t.Low, t.Width, max = &low, &n, n-1
	default:
		max = f.limit() - 1
	}
	return t, max
}

// allows checks what a row says of a field against the field's rule, and
// returns how much may lie above its low.
func (r Rule) allows(f Field, t Total) (max uint64, err error) {
	n := uint64(r.N)
	if t.Name != f.Name {
		return 0, fmt.Errorf("field %s stands where %s should", t.Name, f.Name)
	}
	switch {
	case t.Total != nil:
		if r.Kind != Exact && r.Kind != Small || t.Low != nil || t.Width != nil || t.Point != nil {
			return 0, fmt.Errorf("field %s has an exact total, its rule is %s", f.Name, r)
		}
		if r.Kind == Small && *t.Total < n {
			return 0, fmt.Errorf("field %s says %d, which its rule %s keeps in a band", f.Name, *t.Total, r)
		}
		if *t.Total >= f.limit() {
			return 0, fmt.Errorf("field %s says %d, more than it can hold", f.Name, *t.Total)
		}
		return 0, nil
	case t.Point == nil:
		return 0, fmt.Errorf("field %s has neither a total nor a point", f.Name)
	case t.Low == nil && t.Width == nil:
		if r.Kind != Hidden {
			return 0, fmt.Errorf("field %s is hidden, its rule is %s", f.Name, r)
		}
		return f.limit() - 1, nil
	case t.Low == nil || t.Width == nil || *t.Width != n || r.Kind != Band && r.Kind != Small || r.Kind == Small && *t.Low != 0:
		return 0, fmt.Errorf("field %s has a band that its rule %s does not make", f.Name, r)
	case *t.Low%n != 0 || *t.Low+n > f.limit():
		return 0, fmt.Errorf("field %s: no band of width %d begins at %d", f.Name, n, *t.Low)
	}
	return n - 1, nil
}

// blind draws the blindings of the row's points, which add up to that of its
// cells, and sets the points.
func (row *openedRow) blind(s Sheet, rand io.Reader) {
	left, at := row.blinding, 0
	for k := range row.Fields {
		if row.Fields[k].Total != nil {
			continue
		}
		r := &row.rests[at]
		if at++; at < len(row.rests) {
			r.blinding = randomScalar(rand)
			left = new(scalar).Subtract(left, new(scalar).Multiply(r.blinding, powerOfTwo(s.offset(k))))
		} else {
			r.blinding = new(scalar).Multiply(left, new(scalar).Invert(powerOfTwo(s.offset(k))))
		}
		p := Hash(commit(scalarOf(r.value), r.blinding).Bytes())
		row.Fields[k].Point = &p
	}
}

// Prove adds the proofs.
func (d *Draft) Prove(rand io.Reader) (*Report, error) {
	d.Statement.Suite = Suite
	said, err := marshal(d.Statement)
	if err != nil {
		return nil, err
	}
	r := &Report{Statement: d.Statement, Files: []File{}, Proofs: []Bytes{}, Signatures: []Bytes{}}
	var rests []rest
	var points []point
	for i, row := range d.rows {
		var sig Bytes = []byte{}
		if len(row.rests) == 0 {
			if sig, err = proveExact(exactTranscript(said, i), row.blinding, rand); err != nil {
				return nil, err
			}
		}
		r.Signatures = append(r.Signatures, sig)
		for _, f := range row.Fields {
			if f.Point != nil {
				p, err := decodePoint(f.Point[:])
				if err != nil {
					return nil, err
				}
				points = append(points, *p)
			}
		}
		rests = append(rests, row.rests...)
	}
	for g := 0; g*restGroup < len(rests); g++ {
		end := min((g+1)*restGroup, len(rests))
		proof, err := proveRests(said, g, points[g*restGroup:end], rests[g*restGroup:end], rand)
		if err != nil {
			return nil, err
		}
		r.Proofs = append(r.Proofs, proof)
	}
	return r, nil
}

func exactTranscript(said []byte, table int) *transcript {
	t := newTranscript("vitrine/report/v1")
	t.absorb("statement", said)
	t.absorb("table", binary.BigEndian.AppendUint32(nil, uint32(table)))
	return t
}

// proveExact shows that the prover knows ρ; the caller knows of which point.
func proveExact(t *transcript, rho *scalar, rand io.Reader) ([]byte, error) {
	k := randomScalar(rand)
	first := commit(new(scalar), k)
	t.absorb("R", first.Bytes())
	c, err := t.challenge("c")
	if err != nil {
		return nil, err
	}
	return append(first.Bytes(), new(scalar).MultiplyAdd(c, rho, k).Bytes()...), nil
}

func proveRests(said []byte, group int, points []point, rests []rest, rand io.Reader) ([]byte, error) {
	st := rangeStatement{n: restBits, m: 1 << bits.Len(uint(len(rests)-1)), points: points}
	var values []uint64
	var blinds []scalar
	for _, r := range rests {
		steps := stepsTo(r.max)
		st.weights = append(st.weights, scalarsOf(steps))
		values = append(values, bitsIn(steps, r.value))
		blinds = append(blinds, *r.blinding)
	}
	return proveRange(restTranscript(said, group), st, values, blinds, rand)
}

func restTranscript(said []byte, group int) *transcript {
	t := newTranscript("vitrine/rest/v1")
	t.absorb("statement", said)
	t.absorb("group", binary.BigEndian.AppendUint32(nil, uint32(group)))
	return t
}

// stepsTo are weights whose sums are exactly 0 … max: 1, 2, 4, … and the rest.
func stepsTo(max uint64) []uint64 {
	var steps []uint64
	sum := uint64(0)
	for w := uint64(1); w <= max-sum; w *= 2 {
		steps = append(steps, w)
		sum += w
	}
	if sum < max {
		steps = append(steps, max-sum)
	}
	return steps
}

// bitsIn says which steps add up to v.
func bitsIn(steps []uint64, v uint64) uint64 {
	var b uint64
	for i, w := range slices.Backward(steps) {
		if i == len(steps)-1 && i > 0 && w != 1<<i { // the rest is no power of two in its place
			if v >= 1<<i {
				b, v = b|1<<i, v-w
			}
			continue
		}
		b |= v >> i & 1 << i
	}
	return b
}

func scalarsOf(steps []uint64) []scalar {
	var list []scalar
	for _, w := range steps {
		list = append(list, *scalarOf(w))
	}
	return list
}

// left returns D: what a table's cells hold beyond what the row says.
func (row *Row) left(s Sheet) (*point, error) {
	var cells []point
	for _, c := range row.Cells {
		p, err := decodePoint(c.Point[:])
		if err != nil {
			return nil, fmt.Errorf("cell %s of period %d: %w", c.Sheet, c.Period, err)
		}
		cells = append(cells, *p)
	}
	said := make([]uint64, len(s.Fields))
	for k, t := range row.Fields {
		switch {
		case t.Total != nil:
			said[k] = *t.Total
		case t.Low != nil:
			said[k] = *t.Low
		}
	}
	d := commit(new(scalar).Negate(s.packWide(said)), new(scalar))
	sum(cells, d)
	return d, nil
}
