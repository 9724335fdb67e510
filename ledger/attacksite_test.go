package ledger

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// siteAttacks change what leads to the reports.
func siteAttacks() []attack {
	made := func(name, words string, do func(w *world)) attack { return attack{name, "site", "whole", words, do} }
	listed := func(name, words string, change func(l *SiteList)) attack {
		return made(name, words, func(w *world) {
			l := must(ParseSiteList(w.dir[siteListPath]))
			change(l)
			w.signList(must(marshal(l)))
		})
	}
	also := func(name, path string) attack {
		return listed(name, "is out of order, outside of the directory, or fixed by", func(l *SiteList) {
			l.Files = append(l.Files, File{Path: path})
			slices.SortFunc(l.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
		})
	}
	note := func(name, words, origin string, of func(w *world) Signer) attack {
		return made(name, words, func(w *world) {
			w.dir[siteNotePath] = must(SignSite(origin, w.dir[siteListPath], of(w)))
		})
	}
	return []attack{
		made("site-list-missing", "there is no site.json", func(w *world) { delete(w.dir, siteListPath) }),
		made("site-note-missing", "site.note", func(w *world) { delete(w.dir, siteNotePath) }),
		note("site-signed-by-log", "no key that the header names signed it", "example.org/public", func(w *world) Signer { return noteSigner(w.t, "example.org/public", w.public().key) }),
		note("site-signed-by-another", "no key that the header names signed it", "example.org/public", func(w *world) Signer { return noteSigner(w.t, "example.org/report", w.key()) }),
		note("site-of-another-ledger", "or those of another ledger", "example.com/public", func(w *world) Signer { return noteSigner(w.t, "example.org/report", w.report) }),
		made("site-page-changed", "file index.html is not the one that was signed", func(w *world) { w.dir["index.html"] = []byte("the first page says more") }),
		made("site-page-missing", "file assets/style.css of site.json", func(w *world) { delete(w.dir, "assets/style.css") }),
		made("site-list-changed", "site.note signs other bytes", func(w *world) {
			l := must(ParseSiteList(w.dir[siteListPath]))
			l.Files[0].SHA256[0] ^= 1
			w.dir[siteListPath] = must(l.Marshal())
		}),
		made("site-list-not-canonical", "not canonical JSON", func(w *world) { w.signList(append(w.dir[siteListPath], '\n')) }),
		listed("site-list-of-another-hash", "file assets/style.css is not the one", func(l *SiteList) { l.Files[0].SHA256[0] ^= 1 }),
		listed("site-list-out-of-order", "is out of order", func(l *SiteList) { slices.Reverse(l.Files) }),
		listed("site-list-twice", "is out of order", func(l *SiteList) { l.Files = append(l.Files, l.Files[2]) }),
		listed("site-list-without-index", "reports/index.json is not listed", func(l *SiteList) { l.Files = l.Files[:2] }),
		listed("site-list-empty", "reports/index.json is not listed", func(l *SiteList) { l.Files = []File{} }),
		also("site-list-above", "../index.html"),
		also("site-list-absolute", "/index.html"),
		also("site-list-round-about", "assets/../index.html"),
		also("site-list-no-name", ""),
		also("site-list-directory", "."),
		also("site-list-itself", "site.json"),
		also("site-list-note", "site.note"),
		also("site-list-ledger", "ledger/public/checkpoint"),
		also("site-list-report", "reports/2026-a/report.json"),
	}
}

func TestSiteList(t *testing.T) {
	l := &SiteList{}
	for i := range maxSiteFiles {
		l.Files = append(l.Files, File{Path: fmt.Sprintf("page-%04d", i)})
	}
	l.Files[maxSiteFiles-1].Path = "reports/index.json"
	if _, err := l.Marshal(); err != nil {
		t.Error(err)
	}
	l.Files = append(l.Files, File{Path: "z"})
	_, err := l.Marshal()
	refuses(t, err, "1025 files")
	// without a report there may be no list, but not a wrong one
	w := half().branch(t, "no site")
	w.accepted()
	w.signSite()
	w.accepted()
	w.dir["index.html"] = []byte("another page")
	w.refused("file index.html is not the one that was signed")
}

// TestSiteKeys: the list stays good when a header brings a new report key, and
// that of a key retired before the newest report is good no longer.
func TestSiteKeys(t *testing.T) {
	w := half().branch(t, "site keys")
	old, next := w.report, w.key()
	first := w.public().chain[0].Header
	headers := []*Header{first}
	for range 2 {
		h := must(headers[len(headers)-1].Continue(headers[len(headers)-1].To + 2*day))
		h.Keys.Report = PublicKey("example.org/report", public(next))
		headers = append(headers, h)
	}
	chain := must(newChain(headers))
	w.signSite()
	list := w.dir[siteListPath]
	for _, c := range []struct {
		headers int // that the newest report names, 0 without one
		key     ed25519.PrivateKey
		words   string
	}{
		{0, old, ""}, {1, old, ""}, {1, next, ""}, {2, next, ""}, {3, next, ""},
		{2, old, "no key that the header names"}, {3, old, "no key that the header names"}, {1, w.key(), "no key that the header names"},
	} {
		v := &Verdict{Ledgers: []Ledger{{Chain: chain}}}
		if c.headers > 0 {
			v.Reports = []*Report{{Statement: Statement{Ledgers: []State{{Class: Public, Headers: make([]Hash, c.headers)}}}}}
		}
		w.dir[siteNotePath] = must(SignSite("example.org/public", list, noteSigner(t, "example.org/report", c.key)))
		if err := (&Audit{Fetch: w.fetch}).site(v); c.words != "" {
			refuses(t, err, c.words)
		} else if err != nil {
			t.Errorf("a report of %d headers: %v", c.headers, err)
		}
	}
}

// FuzzSiteList: a list that is read is written as it was, and leads nowhere but
// to the directory's own files.
func FuzzSiteList(f *testing.F) {
	f.Add(readGood()[siteListPath])
	f.Add([]byte(`{"files":[{"path":"reports/index.json","sha256":"` + strings.Repeat("0", 64) + `"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, ok := rewritten(t, b, ParseSiteList, (*SiteList).Marshal)
		if !ok {
			return
		}
		for _, file := range l.Files {
			if strings.HasPrefix(file.Path, "ledger") && (len(file.Path) == 6 || file.Path[6] == '/') || strings.Contains("/"+file.Path+"/", "/../") || strings.HasPrefix(file.Path, "/") {
				t.Fatalf("%q is listed", file.Path)
			}
		}
	})
}
