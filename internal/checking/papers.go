//go:build !js

package checking

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// audit is the full audit, unless only a sample is wanted.
func (o Options) audit(ctx context.Context, fetch ledger.Fetch) (*ledger.Verdict, error) {
	a := ledger.Audit{Fetch: fetch, Rand: rand.Reader, Sampled: o.Sampled, Keys: map[ledger.Class]string{}, Progress: o.Auditing}
	for _, k := range o.Keys {
		class, vkey, ok := strings.Cut(k, "=")
		if !ok || class != string(ledger.Public) && class != string(ledger.Restricted) {
			return nil, vitrine.Refusef(vitrine.Usage, "--key %s: want public=VKEY or restricted=VKEY", k)
		}
		a.Keys[ledger.Class(class)] = vkey
	}
	return a.Run(ctx)
}

// site is the published directory that papers are compared with, or nil.
func (o Options) site(ctx context.Context) (*ledger.Site, error) {
	if o.Site == "" {
		return nil, nil
	}
	fetch, err := Directory(ctx, o.Site)
	if err != nil {
		return nil, err
	}
	s := ledger.NewSite(fetch)
	s.Now = uint64(o.Now().Unix())
	return s, nil
}

// document is the digest of what was sent, or nil.
func (o Options) document() (*ledger.Hash, error) {
	if o.Document == "" {
		return nil, nil
	}
	b, err := readFile(o.Document)
	if err != nil {
		return nil, err
	}
	return ledger.DocumentHash(b), nil
}

// receipt checks receipts against what their holder knows.
func (o Options) receipt(ctx context.Context, paths []string) (r Result, err error) {
	q := ledger.Inquiry{Authority: o.Authority, Reference: o.Reference, Accounts: o.Accounts}
	if given := o.Document != "" || o.Authority != "" || o.Reference != ""; given && (o.Document == "" || o.Authority == "" || o.Reference == "") {
		return r, vitrine.Refusef(vitrine.Usage, "--document, --authority and --reference are checked together: give all three, or none")
	}
	if q.Receipts, err = readPaper(paths[0]); err != nil {
		return r, err
	}
	if q.Document, err = o.document(); err != nil {
		return r, err
	}
	if q.Promises, err = readPapers(o.Promises); err != nil {
		return r, err
	}
	if q.Site, err = o.site(ctx); err != nil {
		return r, err
	}
	a, err := q.Answer()
	if err != nil {
		return r, err
	}
	return Result{a.Lines(), ReceiptResult{"receipt", true, a}}, nil
}

// submission checks a submission receipt, and the answer to it.
func (o Options) submission(ctx context.Context, paths []string) (r Result, err error) {
	if err := o.one(); err != nil {
		return r, err
	}
	q := ledger.Question{Authority: o.Authority, Reference: o.Reference, Now: uint64(o.Now().Unix())}
	if q.Papers, err = readPaper(paths[0]); err != nil {
		return r, err
	}
	if q.Document, err = o.document(); err != nil {
		return r, err
	}
	for _, path := range o.Promises {
		b, err := readPaper(path)
		if err != nil {
			return r, err
		}
		if ledger.PaperKind(b) == "submission" { // the answer that it is no demand
			q.Papers = append(q.Papers, b...)
		} else {
			q.Promises = append(q.Promises, b)
		}
	}
	if len(q.Promises) > 0 && (q.Authority == "" || q.Reference == "") {
		return r, vitrine.Refusef(vitrine.Usage, "a promise is compared with the submission by authority and reference: give --authority and --reference")
	}
	var st *ledger.Standing
	if o.Header != "" {
		h, err := o.header()
		if err != nil {
			return r, err
		}
		st, err = ledger.StandAlone(h, q)
		if err != nil {
			return r, err
		}
	} else {
		site, err := o.site(ctx)
		if err != nil {
			return r, err
		}
		if st, err = site.Stand(q); err != nil {
			return r, err
		}
	}
	return Result{st.Lines(), SubmissionResult{"submission", true, st}}, nil
}

// one wants either a published directory or one header.
func (o Options) one() error {
	if (o.Site == "") == (o.Header == "") {
		return vitrine.Refusef(vitrine.Usage, "it is checked against the published directory (--report), or against one header alone (--header): give one of them")
	}
	return nil
}

func (o Options) header() (*ledger.Header, error) {
	raw, err := readFile(o.Header)
	if err != nil {
		return nil, err
	}
	return ledger.ParseHeader(raw)
}

// promise checks that promises are signed, and whether they are kept. What it
// found before one that does not verify stands in the result.
func (o Options) promise(ctx context.Context, paths []string) (r Result, err error) {
	if err := o.one(); err != nil {
		return r, err
	}
	value := PromiseResult{"promise", true, []ledger.Kept{}}
	for _, path := range paths {
		kept, err := o.keep(ctx, path)
		if err != nil {
			return r, naming(path, len(paths), Why(err))
		}
		for _, k := range kept {
			value.Promises, r.Lines = append(value.Promises, k), append(r.Lines, k.Lines()...)
		}
	}
	r.Value = value
	return r, nil
}

func (o Options) keep(ctx context.Context, path string) ([]ledger.Kept, error) {
	b, err := readPaper(path)
	if err != nil {
		return nil, err
	}
	if o.Header != "" {
		h, err := o.header()
		if err != nil {
			return nil, err
		}
		return ledger.SignedPromises(h, b)
	}
	site, err := o.site(ctx)
	if err != nil {
		return nil, err
	}
	return site.Keep(b, site.Now)
}

// naming says in which of several files something is wrong.
func naming(path string, of int, err error) error {
	var r *vitrine.Refusal
	if of == 1 || !errors.As(err, &r) {
		return err
	}
	return vitrine.Refusef(r.Kind, "%s: %s", path, r.Text)
}

// tally checks an auditor's list of a cell, after the full audit of its ledger.
func (o Options) tally(ctx context.Context, paths []string) (r Result, err error) {
	if o.Site == "" {
		return r, vitrine.Refusef(vitrine.Usage, "a tally is checked against the audited ledger: give --report URL|DIR")
	}
	given, err := readPapers(paths)
	if err != nil {
		return r, err
	}
	beside, err := readPapers(o.Beside)
	if err != nil {
		return r, err
	}
	fetch, err := Directory(ctx, o.Site)
	if err != nil {
		return r, err
	}
	v, err := o.audit(ctx, fetch)
	if err != nil {
		return r, err
	}
	t, err := v.Tally(given[0], given[1], beside)
	if err != nil {
		return r, err
	}
	return Result{t.Lines(), map[string]any{"kind": "tally", "verified": true, "cell": t.Cell, "leaves": t.Leaves, "totals": t.Totals}}, nil
}
