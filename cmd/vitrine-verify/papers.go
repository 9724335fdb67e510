//go:build !js

package main

import (
	"context"
	"errors"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// receipt checks receipts against what their holder knows.
func (p program) receipt(ctx context.Context, c *call) error {
	q, err := inquiry(ctx, c)
	if err != nil {
		return err
	}
	a, err := q.Answer()
	if err != nil {
		return why(err)
	}
	return p.say(c, receiptResult{"receipt", true, a}, a.Lines())
}

// inquiry reads the papers that were named.
func inquiry(ctx context.Context, c *call) (q ledger.Inquiry, err error) {
	q = ledger.Inquiry{Authority: c.authority, Reference: c.reference, Accounts: c.accounts}
	if given := c.document != "" || c.authority != "" || c.reference != ""; given && (c.document == "" || c.authority == "" || c.reference == "") {
		return q, vitrine.Refusef(vitrine.Usage, "--document, --authority and --reference are checked together: give all three, or none")
	}
	if q.Receipts, err = readFile(c.paths[0]); err != nil {
		return q, err
	}
	if c.document != "" {
		b, err := readFile(c.document)
		if err != nil {
			return q, err
		}
		q.Document = ledger.DocumentHash(b)
	}
	for _, path := range c.promises {
		b, err := readFile(path)
		if err != nil {
			return q, err
		}
		q.Promises = append(q.Promises, b)
	}
	if c.site != "" {
		fetch, err := site(ctx, c.site)
		if err != nil {
			return q, err
		}
		q.Site = ledger.NewSite(fetch)
	}
	return q, nil
}

// promise checks that promises are signed, and whether they are kept.
func (p program) promise(ctx context.Context, c *call) error {
	if (c.site == "") == (c.header == "") {
		return vitrine.Refusef(vitrine.Usage, "a promise is checked against the published directory (--report), or against one header alone (--header): give one of them")
	}
	r := promiseResult{"promise", true, []ledger.Kept{}}
	var lines []string
	for _, path := range c.paths {
		b, err := readFile(path)
		if err != nil {
			return err
		}
		kept, err := p.keep(ctx, c, b)
		if err != nil {
			return naming(path, c, why(err))
		}
		for _, k := range kept {
			r.Promises, lines = append(r.Promises, k), append(lines, k.Lines()...)
		}
	}
	return p.say(c, r, lines)
}

func (p program) keep(ctx context.Context, c *call, b []byte) ([]ledger.Kept, error) {
	if c.header != "" {
		raw, err := readFile(c.header)
		if err != nil {
			return nil, err
		}
		h, err := ledger.ParseHeader(raw)
		if err != nil {
			return nil, err
		}
		return ledger.SignedPromises(h, b)
	}
	fetch, err := site(ctx, c.site)
	if err != nil {
		return nil, err
	}
	return ledger.NewSite(fetch).Keep(b, uint64(p.now().Unix()))
}

// naming says in which of several files something is wrong.
func naming(path string, c *call, err error) error {
	var r *vitrine.Refusal
	if len(c.paths) == 1 || !errors.As(err, &r) {
		return err
	}
	return vitrine.Refusef(r.Kind, "%s: %s", path, r.Text)
}

// tally checks an auditor's list of a cell, after the full audit of its ledger.
func (p program) tally(ctx context.Context, c *call) error {
	if c.site == "" {
		return vitrine.Refusef(vitrine.Usage, "a tally is checked against the audited ledger: give --report URL|DIR")
	}
	list, err := readFile(c.paths[0])
	if err != nil {
		return err
	}
	proof, err := readFile(c.paths[1])
	if err != nil {
		return err
	}
	var beside [][]byte
	for _, path := range c.beside {
		b, err := readFile(path)
		if err != nil {
			return err
		}
		beside = append(beside, b)
	}
	v, err := p.audit(ctx, c, c.site)
	if err != nil {
		return err
	}
	t, err := v.Tally(list, proof, beside)
	if err != nil {
		return why(err)
	}
	return p.say(c, map[string]any{"kind": "tally", "verified": true, "cell": t.Cell, "leaves": t.Leaves, "totals": t.Totals}, t.Lines())
}
