package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// maxReceipts bounds how many receipts a holder brings at once.
const maxReceipts = 1 << 14

// ParseReceipts takes receipts apart that stand one behind the other.
func ParseReceipts(b []byte) ([]*Receipt, error) {
	var list []*Receipt
	for i, part := range papers(b, receiptHead) {
		if i == maxReceipts {
			return nil, fmt.Errorf("receipts: more than %d", maxReceipts)
		}
		r, err := ParseReceipt(part)
		if err != nil {
			return nil, fmt.Errorf("receipt %d: %w", i+1, err)
		}
		list = append(list, r)
	}
	return list, nil
}

// papers cuts papers apart of which each begins with the line head.
func papers(b []byte, head string) [][]byte {
	var list [][]byte
	for {
		next := bytes.Index(b, []byte("\n"+head+"\n"))
		if next < 0 {
			return append(list, b)
		}
		list, b = append(list, b[:next+1]), b[next+1:]
	}
}

// Inquiry is what a holder of receipts asks, with all that it knows. What it
// does not give stays unchecked, and the answer says so.
type Inquiry struct {
	Receipts  []byte   // one behind the other
	Promises  [][]byte // that were made for their facts
	Authority string
	Reference string
	Document  *Hash
	Accounts  []string // each must be the account of a receipt
	Site      *Site    // nil if nobody asks whether they are counted
}

// Answer is what a holder's receipts show.
type Answer struct {
	Receipts []Shown `json:"receipts"`
	// Apart is true if they stand under different checkpoints and no published
	// log was given to compare these with.
	Apart bool `json:"apart"`
	Asked bool `json:"asked"` // whether a published log was given
}

// Shown is what one receipt shows.
type Shown struct {
	Class       Class    `json:"class"`
	Origin      string   `json:"origin"`
	Key         string   `json:"key"` // of the log, by the receipt's own header
	Sheet       string   `json:"sheet"`
	Period      uint64   `json:"period"`
	From        uint64   `json:"from"`
	To          uint64   `json:"to"`
	Type        string   `json:"type"`
	Day         string   `json:"day"`
	Values      []Value  `json:"values"`
	Index       uint64   `json:"index"`
	Size        uint64   `json:"size"`                // of the tree that it stands under
	Seen        uint64   `json:"seen,omitempty"`      // when a quorum had seen it; 0 if nobody watches
	Witnesses   int      `json:"witnesses"`           // how many it takes
	WitnessesOf int      `json:"witnesses_of"`        // of how many
	Account     string   `json:"account,omitempty"`   // of those that were given
	Due         uint64   `json:"due,omitempty"`       // by the promise that was given
	Unchecked   []string `json:"unchecked,omitempty"` // what was not given
	Gaps        []string `json:"gaps,omitempty"`      // the same in single words: papers, demand, account, promise
	Counted     *Counted `json:"counted,omitempty"`   // nil if nobody asked
}

// Value is a number of a leaf that is not zero.
type Value struct {
	Field  string `json:"field"`
	Number uint32 `json:"number"`
}

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

// gaps are single words for what Fact.Is could not check.
var gaps = map[string]string{
	"authority, reference and document":                              "papers",
	"which demand it belongs to (a user's receipt does not show it)": "demand",
	"the account": "account",
	"the promise": "promise",
}

// Answer checks the receipts and compares them with what their holder knows. An
// error says what does not hold.
func (q Inquiry) Answer() (*Answer, error) {
	list, err := ParseReceipts(q.Receipts)
	if err != nil {
		return nil, err
	}
	due, err := q.dues(list)
	if err != nil {
		return nil, err
	}
	a := &Answer{Asked: q.Site != nil}
	var trees []Checkpoint
	for i, r := range list {
		s, cp, err := q.one(r, due[i])
		if err != nil {
			return nil, numbered(i, len(list), err)
		}
		a.Receipts, trees = append(a.Receipts, *s), append(trees, cp)
	}
	for _, name := range q.Accounts {
		if !slices.ContainsFunc(a.Receipts, func(s Shown) bool { return s.Account == name }) {
			return nil, fmt.Errorf("no receipt here is of account %s", name)
		}
	}
	a.Apart, err = apart(list, trees)
	if q.Site == nil || err != nil {
		return a, err
	}
	a.Apart = false
	for i, r := range list {
		if a.Receipts[i].Counted, err = q.Site.count(r, trees[i]); err != nil {
			return nil, numbered(i, len(list), err)
		}
	}
	return a, nil
}

func numbered(i, of int, err error) error {
	if of == 1 {
		return err
	}
	return fmt.Errorf("receipt %d of %d: %w", i+1, of, err)
}

// one checks a receipt by itself, and against its holder's papers.
func (q Inquiry) one(r *Receipt, due uint64) (*Shown, Checkpoint, error) {
	cp, err := r.Check(due)
	if err != nil {
		return nil, cp, err
	}
	h, o := r.Header, r.Fact.Opening
	s := &Shown{
		Class: h.Class, Origin: h.Origin, Key: h.Keys.Log, Sheet: o.Sheet, Period: h.Number, From: h.From, To: h.To, Type: o.Type, Day: o.Day,
		Index: r.Index, Size: cp.Size, Witnesses: h.Witnesses.Quorum, WitnessesOf: len(h.Witnesses.Keys), Due: due,
	}
	s.Seen, _ = cp.Time()
	sheet, _ := h.Sheet(o.Sheet)
	for k, f := range sheet.Fields {
		if o.Values[k] > 0 {
			s.Values = append(s.Values, Value{f.Name, o.Values[k]})
		}
	}
	s.Unchecked, s.Account, err = q.compare(&r.Fact)
	if due == 0 {
		s.Unchecked = append(s.Unchecked, "the promise")
	}
	for _, u := range s.Unchecked {
		s.Gaps = append(s.Gaps, gaps[u])
	}
	return s, cp, err
}

// compare finds which of the given accounts a fact is of.
func (q Inquiry) compare(f *Fact) (unchecked []string, account string, err error) {
	known := Papers{Authority: q.Authority, Reference: q.Reference, Document: q.Document}
	if f.Type != TypeAccount || len(q.Accounts) == 0 {
		unchecked, err = f.Is(known)
		return unchecked, "", err
	}
	for _, account = range q.Accounts {
		known.Account = account
		if unchecked, err = f.Is(known); err == nil {
			return unchecked, account, nil
		}
	}
	return nil, "", err
}

// dues opens the promises and finds the receipt that each is kept by.
func (q Inquiry) dues(list []*Receipt) ([]uint64, error) {
	due := make([]uint64, len(list))
	for n, raw := range q.Promises {
		for _, b := range papers(raw, promiseHead) {
			kept := false
			var last error
			for i, r := range list {
				p, err := OpenPromiseUnder(r.Header, b)
				if err != nil {
					last = err
					continue
				}
				if p.Fact.Opening == r.Fact.Opening {
					due[i], kept = p.Due, true
				}
			}
			switch {
			case !kept && last != nil:
				return nil, last
			case !kept:
				return nil, fmt.Errorf("promise %d is of another fact: no receipt here keeps it", n+1)
			}
		}
	}
	return due, nil
}

// apart compares receipts with one another: no two are of one entry, and those
// under trees of one size are under one tree. It reports whether there are
// trees that only the log can compare.
func apart(list []*Receipt, trees []Checkpoint) (bool, error) {
	type entry struct {
		origin string
		number uint64
	}
	seen, roots, sizes := map[entry]int{}, map[entry]Hash{}, map[string]int{}
	for i, r := range list {
		e := entry{r.Header.Origin, r.Index}
		if j, twice := seen[e]; twice {
			return false, fmt.Errorf("receipts %d and %d are of one entry, %d: it counts once", j+1, i+1, r.Index)
		}
		seen[e] = i
		tree := entry{r.Header.Origin, trees[i].Size}
		root, known := roots[tree]
		if known && root != trees[i].Root {
			return false, fmt.Errorf("receipt %d stands under another tree of %d entries than one before it: the log has two views", i+1, trees[i].Size)
		}
		if !known {
			roots[tree] = trees[i].Root
			sizes[tree.origin]++
		}
	}
	for _, n := range sizes {
		if n > 1 {
			return true, nil
		}
	}
	return false, nil
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
	c := &Counted{Through: v.Through()}
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
	return err == nil && t.Due < v.Through() && slices.ContainsFunc(v.Chain.Ready(p, tick, v.Through()), func(r ReadyTable) bool {
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
		return fmt.Errorf("it ends before entry %d, which the receipt shows: this copy is old (%s), or the ledger was rolled back, of which the receipt is evidence; fetch the newest copy", r.Index, timeText(v.Through()))
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
// promise, a tally's list, or else a package.
func PaperKind(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte(receiptHead+"\n")):
		return "receipt"
	case bytes.HasPrefix(head, []byte(promiseHead+"\n")):
		return "promise"
	case bytes.HasPrefix(head, []byte(`{"cell":`)):
		return "tally"
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
