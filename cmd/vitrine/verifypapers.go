package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// audit is the full audit of a published directory, unless only a sample is
// wanted.
func (v verification) audit(ctx context.Context, where string) (*ledger.Verdict, error) {
	fetch, err := directory(ctx, where)
	if err != nil {
		return nil, err
	}
	a := ledger.Audit{Fetch: fetch, Rand: rand.Reader, Sampled: v.sampled, Keys: map[ledger.Class]string{}}
	for _, k := range v.keys {
		class, vkey, ok := strings.Cut(k, "=")
		if !ok || class != string(ledger.Public) && class != string(ledger.Restricted) {
			return nil, vitrine.Refusef(vitrine.Usage, "--key %s: want public=VKEY or restricted=VKEY", k)
		}
		a.Keys[ledger.Class(class)] = vkey
	}
	b := newBars(v.stderr)
	a.Progress = func(done, total uint64) { b.draw("checking", int64(done), int64(total), false) }
	verdict, err := a.Run(ctx)
	b.Finish()
	return verdict, unverified(err)
}

// receipt checks receipts against what their holder knows.
func (v verification) receipt(ctx context.Context, path string) error {
	q := ledger.Inquiry{Authority: v.authority, Reference: v.reference, Accounts: v.accounts}
	if given := v.document != "" || v.authority != "" || v.reference != ""; given && (v.document == "" || v.authority == "" || v.reference == "") {
		return vitrine.Refusef(vitrine.Usage, "--document, --authority and --reference are checked together: give all three, or none")
	}
	var err error
	if q.Receipts, err = readFile(path); err != nil {
		return err
	}
	if v.document != "" {
		b, err := readFile(v.document)
		if err != nil {
			return err
		}
		q.Document = ledger.DocumentHash(b)
	}
	if q.Promises, err = readFiles(v.promises); err != nil {
		return err
	}
	if v.site != "" {
		fetch, err := directory(ctx, v.site)
		if err != nil {
			return err
		}
		q.Site = ledger.NewSite(fetch)
	}
	a, err := q.Answer()
	if err != nil {
		return unverified(err)
	}
	v.say(a.Lines())
	return nil
}

func readFiles(paths []string) ([][]byte, error) {
	var list [][]byte
	for _, path := range paths {
		b, err := readFile(path)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

// promise checks whether promises are signed, and kept.
func (v verification) promise(ctx context.Context, paths []string) error {
	if (v.site == "") == (v.header == "") {
		return vitrine.Refusef(vitrine.Usage, "a promise is checked against the published directory (--report), or against one header alone (--header): give one of them")
	}
	for _, path := range paths {
		b, err := readFile(path)
		if err != nil {
			return err
		}
		list, err := v.kept(ctx, b)
		if err != nil {
			return inFile(path, unverified(err))
		}
		for _, k := range list {
			v.say(k.Lines())
		}
	}
	return nil
}

func (v verification) kept(ctx context.Context, b []byte) ([]ledger.Kept, error) {
	if v.site != "" {
		fetch, err := directory(ctx, v.site)
		if err != nil {
			return nil, err
		}
		return ledger.NewSite(fetch).Keep(b, uint64(v.now().Unix()))
	}
	raw, err := readFile(v.header)
	if err != nil {
		return nil, err
	}
	h, err := ledger.ParseHeader(raw)
	if err != nil {
		return nil, err
	}
	return ledger.SignedPromises(h, b)
}

// tally checks an auditor's list of a cell, after the full audit.
func (v verification) tally(ctx context.Context, list, proof string) error {
	if v.site == "" {
		return vitrine.Refusef(vitrine.Usage, "a tally is checked against the audited ledger: give --report")
	}
	papers, err := readFiles([]string{list, proof})
	if err != nil {
		return err
	}
	beside, err := readFiles(v.beside)
	if err != nil {
		return err
	}
	verdict, err := v.audit(ctx, v.site)
	if err != nil {
		return err
	}
	t, err := verdict.Tally(papers[0], papers[1], beside)
	if err != nil {
		return unverified(err)
	}
	v.say(t.Lines())
	return nil
}

// unverified sorts an error: what could not be read is a failure, all else did
// not verify.
func unverified(err error) error {
	var r *vitrine.Refusal
	var u *ledger.Unread
	if err == nil || errors.As(err, &r) || errors.Is(err, context.Canceled) {
		return err
	}
	if errors.As(err, &u) {
		return vitrine.Refusef(vitrine.Failed, "%v: nothing was found wrong; try again", err)
	}
	return vitrine.Refusef(vitrine.Unverified, "did not verify: %s", printable(err.Error()))
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// directory returns the files of a published directory: a path, or an address.
func directory(ctx context.Context, where string) (ledger.Fetch, error) {
	if !isURL(where) {
		root, err := os.OpenRoot(where)
		if err != nil {
			return nil, vitrine.Refusef(vitrine.Usage, "%v: give the published directory, or its address", err)
		}
		return ledger.Files(root.FS()), nil
	}
	base, err := url.Parse(strings.TrimSuffix(where, "/") + "/")
	if err != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, vitrine.Refusef(vitrine.Usage, "%s is not the address of a directory: give the one that holds ledger/ and reports/", where)
	}
	client := &http.Client{Timeout: time.Minute}
	return ledger.Ahead(func(path string) ([]byte, error) {
		u := *base
		u.Path, u.RawPath = base.Path+path, ""
		b, err := download(ctx, client, u.String(), ledger.Limit(path))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ledger.ErrTooLong) {
			return nil, &ledger.Unread{Path: u.String(), Err: err}
		}
		return b, err
	}), nil
}

func download(ctx context.Context, client *http.Client, address string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return ledger.ReadFile(resp.Body, address, limit)
	case http.StatusNotFound, http.StatusGone:
		return nil, fs.ErrNotExist
	}
	return nil, errors.New(resp.Status)
}
