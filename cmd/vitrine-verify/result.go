package main

import "github.com/vitrine-project/vitrine/ledger"

// audit is the result of an accepted audit. Keys are added, never removed.
type auditResult struct {
	Kind     string         `json:"kind"`
	Verified bool           `json:"verified"`
	Sampled  bool           `json:"sampled"`
	Ledgers  []ledgerResult `json:"ledgers"`
	Reports  []reportResult `json:"reports"`
}

type ledgerResult struct {
	Class       ledger.Class `json:"class"`
	Origin      string       `json:"origin"`
	Key         string       `json:"key"`
	Size        uint64       `json:"size"`
	Root        ledger.Hash  `json:"root"`
	Headers     int          `json:"headers"`
	Proofs      uint64       `json:"proofs"`
	Seen        uint64       `json:"seen,omitempty"` // when a quorum had seen it
	Quorum      int          `json:"quorum"`
	Witnesses   []string     `json:"witnesses"`
	Watched     bool         `json:"watched"` // at least two of three
	Closed      []uint64     `json:"closed"`  // periods whose leaves are not public
	PublishedBy string       `json:"report_key"`
}

type reportResult struct {
	Name   string       `json:"name"`
	Tables []ledger.Row `json:"tables"`
}

func audited(v *ledger.Verdict) auditResult {
	r := auditResult{Kind: "report", Verified: true, Sampled: v.Sampled, Ledgers: []ledgerResult{}, Reports: []reportResult{}}
	for _, l := range v.Ledgers {
		h := l.Chain[len(l.Chain)-1]
		s := ledgerResult{
			Class: l.Class, Origin: h.Origin, Key: h.Keys.Log, Size: l.Checkpoint.Size, Root: l.Checkpoint.Root, Headers: len(l.Chain), Proofs: l.Proofs,
			Quorum: h.Witnesses.Quorum, Witnesses: []string{}, Watched: h.Watched(), Closed: []uint64{}, PublishedBy: h.Keys.Report,
		}
		s.Seen, _ = l.Checkpoint.Time()
		for _, w := range h.Witnesses.Keys {
			s.Witnesses = append(s.Witnesses, w.Organisation)
		}
		for _, p := range l.Chain {
			if l.Closed[p.Number] {
				s.Closed = append(s.Closed, p.Number)
			}
		}
		r.Ledgers = append(r.Ledgers, s)
	}
	for _, one := range v.Reports {
		r.Reports = append(r.Reports, reportResult{one.Statement.Name, one.Statement.Tables})
	}
	return r
}

// receiptResult is what receipts show.
type receiptResult struct {
	Kind     string `json:"kind"`
	Verified bool   `json:"verified"`
	*ledger.Answer
}

// promiseResult is what became of promises.
type promiseResult struct {
	Kind     string        `json:"kind"`
	Verified bool          `json:"verified"`
	Promises []ledger.Kept `json:"promises"`
}
