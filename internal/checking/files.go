//go:build !js

package checking

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// Directory returns the files of a published directory: a path, or an address,
// of it or of something within it.
func Directory(ctx context.Context, where string) (ledger.Fetch, error) {
	fetch, _, err := locate(ctx, where)
	return fetch, err
}

// locate says where the directory is, too, if it lies above what was named.
func locate(ctx context.Context, where string) (ledger.Fetch, string, error) {
	if isURL(where) {
		base, err := siteURL(ctx, where)
		if err != nil {
			return nil, "", err
		}
		above := base.String()
		if strings.TrimSuffix(above, "/") == strings.TrimSuffix(where, "/") {
			above = ""
		}
		return ledger.Ahead(web(ctx, base)), above, nil
	}
	if _, err := os.Stat(where); err != nil {
		return nil, "", vitrine.Refusef(vitrine.Usage, "%v: give the published directory, or its address", err)
	}
	at, found := siteDir(where)
	if !found {
		return nil, "", wrongAddress(where)
	}
	above := at
	if here, err := filepath.Abs(where); err == nil && here == at {
		above = ""
	}
	root, err := os.OpenRoot(at)
	if err != nil {
		return nil, "", vitrine.Refusef(vitrine.Usage, "%v: give the published directory, or its address", err)
	}
	return ledger.Files(root.FS()), above, nil
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// web fetches below an address. What fails on the way is tried again. Bytes are
// taken as they are stored: their digests were signed.
func web(ctx context.Context, base *url.URL) ledger.Fetch {
	plain := http.DefaultTransport.(*http.Transport).Clone()
	plain.DisableCompression = true
	client := &http.Client{Timeout: time.Minute, Transport: plain}
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
	return b, err != nil && !errors.Is(err, ledger.ErrTooLong), err
}

// openFile opens a file that was named. What is no file may never end.
func openFile(path string) (*os.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v: check the path", err)
	}
	if !st.Mode().IsRegular() {
		return nil, vitrine.Refusef(vitrine.Usage, "%s is no regular file: give a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v: check the path", err)
	}
	return f, nil
}

// readFile reads a file that was named.
func readFile(path string) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := ledger.ReadFile(f, path, ledger.MaxFile)
	if err != nil {
		return nil, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	return b, nil
}

// readPaper reads a paper that was named; a sealed one has to be opened first.
func readPaper(path string) ([]byte, error) {
	b, err := readFile(path)
	if err == nil && ledger.PaperKind(b) == "sealed" {
		return nil, Sealed(path)
	}
	return b, err
}

func readPapers(paths []string) ([][]byte, error) {
	var list [][]byte
	for _, path := range paths {
		b, err := readPaper(path)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

// Sealed refuses a paper that lies under age encryption still.
func Sealed(path string) error {
	plain := strings.TrimSuffix(path, ".age")
	if plain == path {
		plain += ".txt"
	}
	return vitrine.Refusef(vitrine.Usage, "%s is sealed: open it first: age -d -i KEYFILE -o %s %s, and give what comes out", path, plain, path)
}

// isBag reports whether a directory holds an opened package, wherever it lies.
func isBag(path string) bool {
	for _, name := range []string{"bagit.txt", "production.json", "manifest-sha256.txt"} {
		if _, err := os.Stat(filepath.Join(path, name)); err == nil {
			return true
		}
	}
	return false
}

// isPagePath reports whether a path is that of a page of a published directory.
func isPagePath(path string) bool {
	if filepath.Ext(path) != ".html" {
		return false
	}
	_, found := siteDir(filepath.Dir(path))
	return found
}

// kindOf tells what stands at a path or an address; "" is a directory that is
// neither published nor an opened package. What no paper is, is taken
// for a package; sure says that it is none of anything else.
func kindOf(path string) (kind string, sure bool, err error) {
	if isURL(path) {
		return "report", true, nil
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", false, vitrine.Refusef(vitrine.Usage, "%v: check the path", err)
	}
	if st.IsDir() {
		if isBag(path) {
			return "package", false, nil
		}
		if _, found := siteDir(path); found {
			return "report", true, nil
		}
		return "", false, nil
	}
	if found := isPagePath(path); found {
		return "report", true, nil
	}
	f, err := openFile(path)
	if err != nil {
		return "", false, err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return "", false, vitrine.Refusef(vitrine.Usage, "%v", err)
	}
	kind = ledger.PaperKind(head)
	if kind != "sealed" {
		return kind, kind != "package", nil
	}
	if _, err := os.Stat(path + ".json"); err == nil || strings.HasSuffix(path, ".zip.age") {
		return "package", true, nil
	}
	return "", false, Sealed(path)
}
