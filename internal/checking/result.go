package checking

import "github.com/vitrine-project/vitrine/ledger"

// AuditResult is what an accepted audit shows. Keys are added, never removed.
type AuditResult struct {
	Kind     string         `json:"kind"`
	Verified bool           `json:"verified"`
	Sampled  bool           `json:"sampled"`
	Ledgers  []LedgerResult `json:"ledgers"`
	Reports  []ReportResult `json:"reports"`
}

// LedgerResult is one ledger of an audit.
type LedgerResult struct {
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

	Statements []StatementResult `json:"statements"` // of auditors
}

// StatementResult is what an auditor said, or a document that is called so.
type StatementResult struct {
	Digest    ledger.Hash      `json:"digest"`
	Wrong     string           `json:"wrong,omitempty"` // why nothing follows from it; then the rest is absent
	Auditor   string           `json:"auditor,omitempty"`
	Procedure ledger.Procedure `json:"procedure,omitempty"`
	Period    uint64           `json:"period"`
	From      uint64           `json:"from,omitempty"`
	To        uint64           `json:"to,omitempty"`
	Sheet     string           `json:"sheet,omitempty"`
	Size      uint64           `json:"size,omitempty"` // of the tree that it is about
	Passed    bool             `json:"passed"`
	Day       string           `json:"day,omitempty"`
}

// stated is one statement of a ledger.
func stated(l ledger.Ledger, one ledger.Stated) StatementResult {
	if one.Err != nil {
		return StatementResult{Digest: one.Digest, Wrong: one.Err.Error()}
	}
	p := l.Chain[one.Period]
	return StatementResult{
		Digest: one.Digest, Auditor: one.Auditor, Procedure: one.Procedure, Period: one.Period, From: p.From, To: p.To,
		Sheet: one.Sheet, Size: one.Size, Passed: one.Passed, Day: one.Day,
	}
}

// ReportResult is one report of an audit.
type ReportResult struct {
	Name   string       `json:"name"`
	Tables []ledger.Row `json:"tables"`
}

// Audited is the result of an accepted audit.
func Audited(v *ledger.Verdict) AuditResult {
	r := AuditResult{Kind: "report", Verified: true, Sampled: v.Sampled, Ledgers: []LedgerResult{}, Reports: []ReportResult{}}
	for _, l := range v.Ledgers {
		h := l.Chain[len(l.Chain)-1]
		s := LedgerResult{
			Class: l.Class, Origin: h.Origin, Key: h.Keys.Log, Size: l.Checkpoint.Size, Root: l.Checkpoint.Root, Headers: len(l.Chain), Proofs: l.Proofs,
			Quorum: h.Witnesses.Quorum, Witnesses: []string{}, Watched: h.Watched(), Closed: []uint64{}, PublishedBy: h.Keys.Report,
			Statements: []StatementResult{},
		}
		for _, one := range l.Statements {
			s.Statements = append(s.Statements, stated(l, one))
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
		r.Reports = append(r.Reports, ReportResult{one.Statement.Name, one.Statement.Tables})
	}
	return r
}

// ReceiptResult is what receipts show.
type ReceiptResult struct {
	Kind     string `json:"kind"`
	Verified bool   `json:"verified"`
	*ledger.Answer
}

// PromiseResult is what became of promises.
type PromiseResult struct {
	Kind     string        `json:"kind"`
	Verified bool          `json:"verified"`
	Promises []ledger.Kept `json:"promises"`
}

// SubmissionResult is what became of a submission.
type SubmissionResult struct {
	Kind     string `json:"kind"`
	Verified bool   `json:"verified"`
	*ledger.Standing
}
