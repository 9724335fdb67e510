package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// maxSiteFiles bounds the files that site.json lists.
const maxSiteFiles = 1024

// Where the list of a directory's own files and its signature stand.
const (
	siteListPath = "site.json"
	siteNotePath = "site.note"
)

// SiteList is site.json: the files of a published directory that neither a
// ledger nor a report fixes.
type SiteList struct {
	Files []File `json:"files"`
}

// NewSiteList lists files by path.
func NewSiteList(files map[string][]byte) *SiteList {
	l := &SiteList{Files: []File{}}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		l.Files = append(l.Files, File{path, sha256.Sum256(files[path])})
	}
	return l
}

// ParseSiteList reads site.json.
func ParseSiteList(b []byte) (*SiteList, error) {
	l := new(SiteList)
	if err := unmarshal(b, l); err != nil {
		return nil, fmt.Errorf("site.json: %w", err)
	}
	return l, l.check()
}

// Marshal returns the list's bytes, if they can be read back.
func (l *SiteList) Marshal() ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	return marshal(l)
}

func (l *SiteList) check() error {
	if len(l.Files) > maxSiteFiles {
		return fmt.Errorf("site.json: %d files, more than %d", len(l.Files), maxSiteFiles)
	}
	index := false
	for i, f := range l.Files {
		if i > 0 && l.Files[i-1].Path >= f.Path || !ownFile(f.Path) {
			return fmt.Errorf("site.json: file %q is out of order, outside of the directory, or fixed by a ledger or a report", f.Path)
		}
		index = index || f.Path == "reports/index.json"
	}
	if !index {
		return errors.New("site.json: reports/index.json is not listed")
	}
	return nil
}

// ownFile reports whether a path is one that site.json may list.
func ownFile(path string) bool {
	top, _, _ := strings.Cut(path, "/")
	return fs.ValidPath(path) && path != "." && path != siteListPath && path != siteNotePath && top != "ledger" && (top != "reports" || path == "reports/index.json")
}

// SiteNote returns the text that is signed for site.json.
func SiteNote(origin string, list []byte) string {
	return fmt.Sprintf("vitrine/site/v1\norigin %s\nsha256 %s\n", origin, Hash(sha256.Sum256(list)))
}

// SignSite signs the note of site.json; origin is that of the public ledger.
func SignSite(origin string, list []byte, key Signer) ([]byte, error) {
	return sign(SiteNote(origin, list), key)
}

// siteKeys are the keys that may have signed site.note: those of the public
// ledger's headers from the one on whose key signed the newest report. A header
// with a new key changes no file, and whoever found a retired key gains nothing
// once a report was signed with the next one.
func (v *Verdict) siteKeys() []string {
	first := 0
	if n := len(v.Reports); n > 0 {
		first = len(v.Reports[n-1].Statement.Ledgers[0].Headers) - 1
	}
	var keys []string
	for _, p := range v.Ledgers[0].Chain[first:] {
		if !slices.Contains(keys, p.Keys.Report) {
			keys = append(keys, p.Keys.Report)
		}
	}
	return keys
}

// site checks the files of the directory that neither a ledger nor a report
// fixes.
func (a *Audit) site(v *Verdict) error {
	raw, err := a.Fetch(siteListPath)
	if errors.Is(err, fs.ErrNotExist) {
		if len(v.Reports) == 0 {
			return nil
		}
		return errors.New("there is no site.json: nobody signed the pages that lead to the reports")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", siteListPath, err)
	}
	b, err := a.Fetch(siteNotePath)
	if err != nil {
		return fmt.Errorf("%s: %w", siteNotePath, err)
	}
	text, err := open(b, v.siteKeys()...)
	if err != nil {
		return fmt.Errorf("%s: %w", siteNotePath, err)
	}
	if text != SiteNote(v.Ledgers[0].Chain[0].Origin, raw) {
		return errors.New("site.note signs other bytes than site.json has, or those of another ledger")
	}
	list, err := ParseSiteList(raw)
	if err != nil {
		return err
	}
	for _, f := range list.Files {
		b, err := a.Fetch(f.Path)
		if err != nil {
			return fmt.Errorf("file %s of site.json: %w", f.Path, err)
		}
		if sha256.Sum256(b) != [32]byte(f.SHA256) {
			return fmt.Errorf("file %s is not the one that was signed in site.json", f.Path)
		}
	}
	v.Files = len(list.Files)
	return nil
}
