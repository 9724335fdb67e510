//go:build !js

package checking

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// signposts returns paths of which every published directory has one at least,
// even one of which something was taken away.
func signposts() []string {
	return []string{"ledger/public/checkpoint", "ledger/restricted/checkpoint", "reports/index.json"}
}

// maxUp bounds how many folders up a published directory is looked for: from a
// file of a log it is as far as that.
const maxUp = 10

// wrongAddress refuses what is neither a published directory nor within one.
func wrongAddress(where string) error {
	return vitrine.Refusef(vitrine.Usage, "%s is no published directory, and not within one: give the one that holds ledger/ and reports/, or its address", where)
}

// siteDir finds the published directory that a path is, or lies in.
func siteDir(where string) (string, bool) {
	at, err := filepath.Abs(where)
	if err != nil {
		return "", false
	}
	for range maxUp {
		for _, name := range []string{"ledger/public", "ledger/restricted", "reports/index.json"} {
			if _, err := os.Stat(filepath.Join(at, filepath.FromSlash(name))); err == nil {
				return at, true
			}
		}
		up := filepath.Dir(at)
		if up == at {
			break
		}
		at = up
	}
	return "", false
}

// siteURL finds the published directory that an address is of: its own, or that
// of a page within it.
func siteURL(ctx context.Context, where string) (*url.URL, error) {
	base, err := url.Parse(where)
	if err != nil || base.Host == "" || base.RawQuery != "" || base.ForceQuery {
		return nil, vitrine.Refusef(vitrine.Usage, "%s is not the address of a directory: give the one that holds ledger/ and reports/", where)
	}
	base.Fragment, base.RawFragment, base.RawPath = "", "", ""
	if path.Ext(base.Path) == ".html" {
		base.Path = path.Dir(base.Path)
	}
	base.Path = strings.TrimSuffix(base.Path, "/") + "/"
	var unread error
	for range maxUp {
		found, err := isSite(web(ctx, base))
		if found {
			return base, nil
		}
		if err != nil {
			unread = err
		}
		if base.Path == "/" || ctx.Err() != nil {
			break
		}
		base.Path = strings.TrimSuffix(path.Dir(strings.TrimSuffix(base.Path, "/")), "/") + "/"
	}
	if unread != nil {
		return nil, unread
	}
	return nil, wrongAddress(where)
}

// isSite looks for a signpost. An error is one that may be gone another time.
func isSite(fetch ledger.Fetch) (bool, error) {
	for _, name := range signposts() {
		b, err := fetch(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil && !errors.Is(err, ledger.ErrTooLong):
			return false, err
		case !isPage(b): // some hosts answer every address with a page
			return true, nil
		}
	}
	return false, nil
}

// isPage reports whether bytes are those of a web page.
func isPage(b []byte) bool {
	return strings.HasPrefix(strings.TrimSpace(string(b[:min(len(b), 256)])), "<")
}
