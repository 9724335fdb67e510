//go:build !js

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// report audits a published directory.
func (p program) report(ctx context.Context, c *call) error {
	v, err := p.audit(ctx, c, c.paths[0])
	if err != nil {
		return err
	}
	return p.say(c, audited(v), v.Lines())
}

// audit is the full audit, unless only a sample is wanted.
func (p program) audit(ctx context.Context, c *call, where string) (*ledger.Verdict, error) {
	fetch, err := site(ctx, where)
	if err != nil {
		return nil, err
	}
	keys := map[ledger.Class]string{}
	for _, k := range c.keys {
		class, vkey, ok := strings.Cut(k, "=")
		if !ok || class != string(ledger.Public) && class != string(ledger.Restricted) {
			return nil, vitrine.Refusef(vitrine.Usage, "--key %s: want public=VKEY or restricted=VKEY", k)
		}
		keys[ledger.Class(class)] = vkey
	}
	a := ledger.Audit{Fetch: fetch, Rand: rand.Reader, Sampled: c.sampled, Keys: keys, Progress: p.progress()}
	v, err := a.Run(ctx)
	if a.Progress != nil {
		fmt.Fprint(p.stderr, "\r\x1b[K")
	}
	return v, why(err)
}

// progress draws on a terminal how far an audit is.
func (p program) progress() func(done, total uint64) {
	f, ok := p.stderr.(*os.File)
	if !ok {
		return nil
	}
	if st, err := f.Stat(); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return func(done, total uint64) {
		fmt.Fprintf(f, "\rchecking %d of %d bundles (%d %%)", done, total, 100*done/max(total, 1))
	}
}
