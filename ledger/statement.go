package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Procedure is what an auditor did.
type Procedure string

// The procedures (spec/ledger.md, section 10).
const (
	ByBundles Procedure = "bundles" // read every leaf of a period whose leaves are not public
	ByTally   Procedure = "tally"   // checked the list of a cell and its proof
	BySample  Procedure = "sample"  // compared drawn leaves with their papers
)

const (
	statementHead = "vitrine/statement/v1"
	maxStatement  = 1 << 16
	maxRandomness = 256 // bytes
)

// AuditorStatement is what an auditor says of a period, or of a cell in it. It
// says no number.
type AuditorStatement struct {
	Auditor    string // the vkey that signs
	Origin     string
	Procedure  Procedure
	Period     uint64
	Header     Hash
	Size       uint64 // of the tree that was audited
	Root       Hash
	Sheet      string // of ByTally and BySample
	List       Hash   // of these two: SHA-256 of the list
	Randomness Bytes  // of BySample
	Passed     bool
	Day        string
}

// ofCell reports whether the statement is about one cell.
func (s AuditorStatement) ofCell() bool { return s.Procedure != ByBundles }

// Text returns what the auditor signs.
func (s AuditorStatement) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nauditor %s\norigin %s\nprocedure %s\nperiod %d\nheader %s\nsize %d\nroot %s\n", statementHead, s.Auditor, s.Origin, s.Procedure, s.Period, s.Header, s.Size, s.Root)
	if s.ofCell() {
		fmt.Fprintf(&b, "sheet %s\nlist %s\n", s.Sheet, s.List)
	}
	if s.Procedure == BySample {
		fmt.Fprintf(&b, "randomness %x\n", []byte(s.Randomness))
	}
	result := "failed"
	if s.Passed {
		result = "passed"
	}
	fmt.Fprintf(&b, "result %s\nday %s\n", result, s.Day)
	return b.String()
}

// Sign returns the statement as a signed note. The key must be the auditor's.
func (s AuditorStatement) Sign(key Signer) ([]byte, error) {
	if _, err := parseStatement(s.Text()); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	b, err := sign(s.Text(), key)
	if err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	if _, err := OpenStatement(b); err != nil {
		return nil, err
	}
	return b, nil
}

// OpenStatement reads a statement and verifies that the key that it names signed
// it. Whether that key is an auditor's, its reader must know.
func OpenStatement(b []byte) (*AuditorStatement, error) {
	if len(b) > maxStatement {
		return nil, fmt.Errorf("statement: %d bytes", len(b))
	}
	text, ok := textOf(b)
	if !ok {
		return nil, errors.New("statement: it is no signed note")
	}
	s, err := parseStatement(text)
	if err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	if _, err := open(b, s.Auditor); err != nil {
		return nil, fmt.Errorf("statement: the auditor's key that it names did not sign it: %w", err)
	}
	return s, nil
}

func parseStatement(text string) (*AuditorStatement, error) {
	v, err := lines(text, statementHead, "auditor", "origin", "procedure", "period", "header", "size", "root", "sheet?", "list?", "randomness?", "result", "day")
	if err != nil {
		return nil, err
	}
	s := &AuditorStatement{Auditor: v["auditor"], Origin: v["origin"], Procedure: Procedure(v["procedure"]), Sheet: v["sheet"], Passed: v["result"] == "passed", Day: v["day"]}
	for name, to := range map[string]*uint64{"period": &s.Period, "size": &s.Size} {
		if *to, err = strconv.ParseUint(v[name], 10, 53); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, to := range map[string]*Hash{"header": &s.Header, "root": &s.Root, "list": &s.List} {
		if _, has := v[name]; !has && name == "list" {
			continue
		}
		if err := to.UnmarshalText([]byte(v[name])); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := s.Randomness.UnmarshalText([]byte(v["randomness"])); err != nil {
		return nil, fmt.Errorf("randomness: %w", err)
	}
	return s, s.check(text)
}

func (s *AuditorStatement) check(text string) error {
	switch s.Procedure {
	case ByBundles, ByTally, BySample:
	default:
		return fmt.Errorf("procedure %q is none of bundles, tally and sample", s.Procedure)
	}
	if _, err := parseKey(s.Auditor); err != nil {
		return err
	}
	if _, err := parseDay(s.Day); err != nil {
		return err
	}
	if s.ofCell() && !sheetName.MatchString(s.Sheet) {
		return fmt.Errorf("sheet %q", s.Sheet)
	}
	if n := len(s.Randomness); (s.Procedure == BySample) != (n > 0) || n > maxRandomness {
		return fmt.Errorf("procedure %s with %d bytes of randomness", s.Procedure, n)
	}
	if s.Text() != text {
		return errors.New("it is not written as it is read: a line is missing, or one too many, or a result is neither passed nor failed")
	}
	return nil
}

// Fits checks that the statement is about the audited ledger: its period is
// complete in the tree that it names, and its list was committed to before.
func (l *Ledger) Fits(s *AuditorStatement) error {
	if s.Origin != l.Chain[0].Origin {
		return fmt.Errorf("statement: it is of the ledger %s, this is %s", s.Origin, l.Chain[0].Origin)
	}
	if s.Period >= uint64(len(l.Chain)) || l.Chain[s.Period].Hash != s.Header {
		return fmt.Errorf("statement: header %d of the ledger is another", s.Period)
	}
	p := l.Chain[s.Period]
	if root, ok := l.roots[s.Size]; !ok || root != s.Root {
		return fmt.Errorf("statement: the ledger's tree of %d entries is another, or stands at no tick's end", s.Size)
	}
	if s.Size < p.End() {
		return fmt.Errorf("statement: period %d was not complete in the tree of %d entries", s.Period, s.Size)
	}
	if !s.ofCell() {
		return nil
	}
	if _, ok := p.Sheet(s.Sheet); !ok {
		return fmt.Errorf("statement: period %d has no sheet %s", s.Period, s.Sheet)
	}
	if n, ok := l.notice(NoticeTally, s.List); !ok || n.Bundle*BundleSize >= s.Size {
		return fmt.Errorf("statement: the list %s is no notice of the tree of %d entries", s.List, s.Size)
	}
	return nil
}

// Stated is a document that the ledger's notices call a statement. Err says what
// is wrong with it; nothing follows from one with an error, nor from one of which
// the reader does not trust the key.
type Stated struct {
	*AuditorStatement // nil if the document is none
	Digest            Hash
	Err               error
}

// judge reads the document of a notice, and compares it with the ledger.
func (l *Ledger) judge(digest Hash, b []byte) Stated {
	one := Stated{Digest: digest}
	if one.AuditorStatement, one.Err = OpenStatement(b); one.Err == nil {
		one.Err = l.Fits(one.AuditorStatement)
	}
	return one
}

// StatementsOf reads what auditors had said by a tick's end, from a ledger of
// which the reader has the chain: nothing else of it is audited.
func StatementsOf(fetch Fetch, chain Chain, size uint64) ([]Stated, error) {
	l := &Ledger{Class: chain[0].Class, Chain: chain, roots: map[uint64]Hash{}, reader: &reader{fetch: fetch, class: chain[0].Class}}
	b, err := l.reader.get("notices.json")
	if err != nil {
		return nil, err
	}
	if l.notices, err = ParseNotices(b); err != nil {
		return nil, err
	}
	l.notices = slices.DeleteFunc(l.notices, func(n Notice) bool { return n.Bundle*BundleSize >= size })
	for _, n := range l.notices {
		if n.Kind != NoticeStatement {
			continue
		}
		b, err := l.document(n)
		if err != nil {
			return nil, err
		}
		if s, err := OpenStatement(b); err == nil && s.Size <= size {
			if _, cp, err := l.reader.checkpoint(fmt.Sprintf("checkpoints/%d", s.Size)); err == nil {
				l.roots[cp.Size] = cp.Root
			}
		}
		l.Statements = append(l.Statements, l.judge(n.Digest, b))
	}
	return l.Statements, nil
}

// Looked says what the auditor looked at, and of which cells.
func (s *AuditorStatement) Looked() string {
	return map[Procedure]string{
		ByBundles: "every leaf",
		ByTally:   "the list of sheet " + s.Sheet + " and its proof",
		BySample:  "drawn leaves of sheet " + s.Sheet + " and their papers",
	}[s.Procedure]
}

// At is the audited tree: what a statement names.
func (l *Ledger) At(period uint64) (s AuditorStatement, err error) {
	if period >= uint64(len(l.Chain)) || l.Chain[period].End() > l.Checkpoint.Size {
		return s, fmt.Errorf("period %d of the ledger %s is not complete in the tree of %d entries", period, l.Chain[0].Origin, l.Checkpoint.Size)
	}
	p := l.Chain[period]
	return AuditorStatement{Origin: p.Origin, Period: period, Header: p.Hash, Size: l.Checkpoint.Size, Root: l.Checkpoint.Root}, nil
}
