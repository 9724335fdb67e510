//go:build !js

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// site returns the files of a published directory: a path, or an address.
func site(ctx context.Context, where string) (ledger.Fetch, error) {
	if isURL(where) {
		base, err := url.Parse(strings.TrimSuffix(where, "/") + "/")
		if err != nil || base.RawQuery != "" || base.Fragment != "" {
			return nil, vitrine.Refusef(vitrine.Usage, "%s is not the address of a directory: give the one that holds ledger/ and reports/", where)
		}
		return ledger.Ahead(web(ctx, base)), nil
	}
	root, err := os.OpenRoot(where)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v: give the published directory, or its address", err)
	}
	return ledger.Files(root.FS()), nil
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// web fetches below an address. What fails on the way is tried again.
func web(ctx context.Context, base *url.URL) ledger.Fetch {
	client := &http.Client{Timeout: time.Minute}
	return func(path string) (b []byte, err error) {
		u := *base
		u.Path, u.RawPath = base.Path+path, ""
		for try := range 3 {
			if try > 0 {
				select {
				case <-ctx.Done():
				case <-time.After(time.Duration(try) * time.Second):
				}
			}
			var again bool
			if b, again, err = load(ctx, client, u.String(), ledger.Limit(path)); err == nil || !again {
				break
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ledger.ErrTooLong) {
			return nil, &ledger.Unread{Path: u.String(), Err: err}
		}
		return b, err
	}
}

func load(ctx context.Context, client *http.Client, address string, limit int64) (b []byte, again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, false, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, ctx.Err() == nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		return nil, false, fs.ErrNotExist
	case resp.StatusCode != http.StatusOK:
		return nil, resp.StatusCode >= 500, errors.New(resp.Status)
	}
	b, err = ledger.ReadFile(resp.Body, address, limit)
	return b, err != nil, err
}

// readFile reads a file that was named on the command line.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v: check the path", err)
	}
	defer f.Close()
	b, err := ledger.ReadFile(f, path, ledger.MaxFile)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	return b, nil
}

// kindOf tells which command is for what was given.
func kindOf(paths []string) (string, error) {
	first := paths[0]
	if isURL(first) {
		return "report", nil
	}
	st, err := os.Stat(first)
	if err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "%v: check the path; see vitrine-verify --help", err)
	}
	if st.IsDir() {
		if _, err := os.Stat(first + "/ledger"); err == nil {
			return "report", nil
		}
		return "package", nil
	}
	f, err := os.Open(first)
	if err != nil {
		return "", vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	defer f.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	return ledger.PaperKind(head[:n]), nil
}

// why sorts an error: what could not be read is a failure, all else did not
// verify.
func why(err error) error {
	var u *ledger.Unread
	var r *vitrine.Refusal
	if err == nil || errors.As(err, &r) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	if errors.As(err, &u) {
		return fmt.Errorf("%w: nothing was found wrong; try again", err)
	}
	return vitrine.Refusef(vitrine.Unverified, "did not verify: %s", printable(err.Error()))
}
