package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// Counted says where a leaf is counted.
type Counted struct {
	Table     string `json:"table,omitempty"` // "" if no header has one for it yet
	NotBefore uint64 `json:"not_before,omitempty"`
	Due       uint64 `json:"due,omitempty"`
	Report    string `json:"report,omitempty"` // "" if it is in none yet
	Row       *Row   `json:"row,omitempty"`
	Opened    string `json:"opened,omitempty"` // the report that tells the cell once more, exactly
	Exact     *Row   `json:"exact,omitempty"`
	Through   uint64 `json:"through"` // up to when the log is public
}

// Count says where the leaf of a checked receipt is counted. The receipt must
// stand in the log that is published here.
func (s *Site) Count(r *Receipt) (*Counted, error) {
	cp, err := r.Header.OpenCheckpoint(r.Checkpoint)
	if err != nil {
		return nil, err
	}
	return s.count(r, cp)
}

func (s *Site) count(r *Receipt, cp Checkpoint) (*Counted, error) {
	v, err := s.View(r.Header.Class)
	if err != nil {
		return nil, err
	}
	if err := v.contains(r, cp); err != nil {
		return nil, fmt.Errorf("%s ledger: %w", r.Header.Class, err)
	}
	cell := CellName{r.Header.Number, r.Fact.Sheet}
	c := &Counted{Through: v.through()}
	header, t, ok := v.Chain.tableOf(cell)
	if !ok {
		return c, nil
	}
	c.Table, c.NotBefore, c.Due = t.Name, t.NotBefore, t.Due
	reports, err := s.Reports()
	if err != nil {
		return nil, err
	}
	for _, report := range reports {
		for i, row := range report.Statement.Tables {
			switch {
			case row.Class != r.Header.Class || !row.holds(cell):
			case row.Header == header && row.Name == t.Name:
				c.Report, c.Row = report.Statement.Name, &report.Statement.Tables[i]
			default:
				c.Opened, c.Exact = report.Statement.Name, &report.Statement.Tables[i]
			}
		}
	}
	if c.Row == nil && v.overdue(header, t) {
		return nil, fmt.Errorf("table %s, which counts it, was due on %s and stands in no report", c.Table, timeText(c.Due))
	}
	return c, nil
}

func (row Row) holds(cell CellName) bool {
	return slices.ContainsFunc(row.Cells, func(c Cell) bool { return c.Period == cell.Period && c.Sheet == cell.Sheet })
}

// overdue reports whether a table of a header had to be told by now.
func (v *View) overdue(header uint64, t Table) bool {
	p, tick, err := v.Chain.TickAt(v.Checkpoint.Size)
	return err == nil && t.Due < v.through() && slices.ContainsFunc(v.Chain.Ready(p, tick, v.through()), func(r ReadyTable) bool {
		return r.Header == header && r.Name == t.Name
	})
}

// contains checks that the receipt's tree is an earlier state of the view's,
// and its header one of the view's.
func (v *View) contains(r *Receipt, cp Checkpoint) error {
	if r.Header.Origin != v.Chain[0].Origin {
		return fmt.Errorf("the receipt is of the ledger %s, this is %s", r.Header.Origin, v.Chain[0].Origin)
	}
	if cp.Size > v.Checkpoint.Size {
		return fmt.Errorf("it ends before entry %d, which the receipt shows: this copy is old (%s), or the ledger was rolled back, of which the receipt is evidence; fetch the newest copy", r.Index, timeText(v.through()))
	}
	root, err := v.RootAt(cp.Size)
	if err != nil {
		return err
	}
	if root != cp.Root {
		return fmt.Errorf("the receipt's tree of %d entries is no earlier state of the published one: two views of one log, which is evidence", cp.Size)
	}
	n := r.Header.Number
	if n >= uint64(len(v.Chain)) || v.Chain[n].Hash != r.Fact.Header || v.Chain[n].Start != r.HeaderIndex {
		return fmt.Errorf("the receipt's header %d is none of the published ones", n)
	}
	return nil
}

// tableOf finds the table that a cell stands in, by the headers so far.
func (c Chain) tableOf(cell CellName) (header uint64, t Table, ok bool) {
	for _, p := range c {
		for _, t := range p.Tables {
			if slices.Contains(t.Cells, cell) {
				return p.Number, t, true
			}
		}
	}
	return 0, Table{}, false
}

// PaperKind tells from its first bytes which paper somebody holds: a receipt, a
// promise, a tally's list, a submission receipt or the answer to it, something
// sealed, or else a package.
func PaperKind(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte(receiptHead+"\n")):
		return "receipt"
	case bytes.HasPrefix(head, []byte(promiseHead+"\n")):
		return "promise"
	case bytes.HasPrefix(head, []byte(`{"cell":`)):
		return "tally"
	case bytes.HasPrefix(head, []byte(submissionHead+"\n")), bytes.HasPrefix(head, []byte(declinedHead+"\n")):
		return "submission"
	case bytes.HasPrefix(head, []byte("age-encryption.org/v1\n")), bytes.HasPrefix(head, []byte("-----BEGIN AGE ENCRYPTED FILE-----")):
		return "sealed"
	}
	return "package"
}

// Tally checks a list and its proof against the audited ledger that it is of.
// beside are lists of other sheets, or of earlier periods, that were committed
// to.
func (v *Verdict) Tally(list, proof []byte, beside [][]byte) (*Tally, error) {
	of, err := ParseList(list)
	if err != nil {
		return nil, err
	}
	l, ok := v.Ledger(of.Origin)
	if !ok {
		return nil, fmt.Errorf("tally: the list is of the ledger %s, which is not here", of.Origin)
	}
	return l.CheckTally(list, proof, beside)
}

// Ledger returns the audited ledger of an origin.
func (v *Verdict) Ledger(origin string) (*Ledger, bool) {
	i := slices.IndexFunc(v.Ledgers, func(l Ledger) bool { return l.Chain[0].Origin == origin })
	if i < 0 {
		return nil, false
	}
	return &v.Ledgers[i], true
}

// DocumentHash is the digest of the very bytes that were sent.
func DocumentHash(b []byte) *Hash {
	h := Hash(sha256.Sum256(b))
	return &h
}

func timeText(t uint64) string { return time.Unix(int64(t), 0).UTC().Format("2006-01-02 15:04:05 UTC") }
