package ledger

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
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
	Accounts  []string // each must be the account of a receipt; receipts may be of others
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
	Gaps        []string `json:"gaps,omitempty"`      // the same in single words: papers, demand, account, other, promise
	Counted     *Counted `json:"counted,omitempty"`   // nil if nobody asked
}

// Value is a number of a leaf that is not zero.
type Value struct {
	Field  string `json:"field"`
	Number uint32 `json:"number"`
}

// gaps are single words for what Fact.Is could not check.
var gaps = map[string]string{
	"authority, reference and document":                              "papers",
	"which demand it belongs to (a user's receipt does not show it)": "demand",
	"the account": "account",
	"it is of an account that you did not name": "other",
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
	if err := q.named(a.Receipts); err != nil {
		return nil, err
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

// NoReceipt says of which of the accounts that were named no receipt is.
type NoReceipt struct{ Accounts []string }

func (e *NoReceipt) Error() string {
	return "no receipt here is of account " + strings.Join(e.Accounts, ", ")
}

// named finds a receipt of each account that was named.
func (q Inquiry) named(list []Shown) error {
	var none []string
	for _, name := range q.Accounts {
		if !slices.ContainsFunc(list, func(s Shown) bool { return s.Account == name }) {
			none = append(none, name)
		}
	}
	if none != nil {
		return &NoReceipt{none}
	}
	return nil
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

// compare finds which of the given accounts a fact is of. One of another account
// may be of the same demand: that is said, and not refused.
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
	known.Account = ""
	unchecked, err = f.Is(known)
	for i, u := range unchecked {
		if u == "the account" {
			unchecked[i] = "it is of an account that you did not name"
		}
	}
	return unchecked, "", err
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
