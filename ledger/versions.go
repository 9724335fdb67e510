package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// earlier reads an earlier version of a report, which must say the same.
func (a *Audit) earlier(r *Report, path string, version int, key string) ([]byte, error) {
	raw, err := a.Fetch(path + ".json")
	if err != nil {
		return nil, err
	}
	old, err := ParseReport(raw)
	if err != nil {
		return nil, err
	}
	if !sameTotals(old, r) {
		return nil, errors.New("it says other totals: only words are ever corrected")
	}
	b, err := a.Fetch(path + ".note")
	if err != nil {
		return nil, err
	}
	text, err := open(b, key)
	if err != nil {
		return nil, fmt.Errorf("its note: %w", err)
	}
	if text != ReportNote(r.Statement.Name, raw, version) {
		return nil, errors.New("its note signs other bytes")
	}
	return raw, nil
}

// noticed checks that the digest of a report's first version is in the ledgers
// once a tick followed it.
func (v *Verdict) noticed(r *Report, raw []byte) error {
	digest := Hash(sha256.Sum256(raw))
	for i, s := range r.Statement.Ledgers { // match found them all, in this order
		l := v.Ledgers[i]
		if l.Checkpoint.Size > s.Size && !slices.ContainsFunc(l.notices, func(n Notice) bool {
			return n.Kind == NoticeReport && n.Digest == digest && n.Bundle*BundleSize >= s.Size
		}) {
			return fmt.Errorf("its digest is not among the notices of the %s ledger", s.Class)
		}
	}
	return nil
}

func sameTotals(a, b *Report) bool {
	one, err1 := marshal(Report{Files: []File{}, Statement: a.Statement, Proofs: a.Proofs, Signatures: a.Signatures})
	two, err2 := marshal(Report{Files: []File{}, Statement: b.Statement, Proofs: b.Proofs, Signatures: b.Signatures})
	return err1 == nil && err2 == nil && string(one) == string(two)
}

// withdrawn checks that every report that a ledger has a notice of is here.
func (v *Verdict) withdrawn(map[rowName]bool) error {
	for _, l := range v.Ledgers {
		for _, n := range l.notices {
			if n.Kind == NoticeReport && !v.versions[n.Digest] {
				return fmt.Errorf("%s ledger: bundle %d has the notice of a report, %s, that is not here", l.Class, n.Bundle, n.Digest)
			}
		}
	}
	return nil
}
