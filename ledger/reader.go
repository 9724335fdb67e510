package ledger

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Fetch returns the file of a published directory, or an error that is
// fs.ErrNotExist if there is none. It may be called from several goroutines.
type Fetch func(path string) ([]byte, error)

// Paths of the published directory (spec/report.md, section 1).
func classPath(c Class, rest string) string { return "ledger/" + string(c) + "/" + rest }

// EntriesPath is where bundle n of a log stands below the log's directory.
func EntriesPath(n uint64) string { return "tile/entries/" + tilePath(n) }

// TrailerPath is where the trailer of bundle n stands if its leaves are not
// public.
func TrailerPath(n uint64) string { return "trailers/" + tilePath(n) }

// tilePath writes a tile's number in groups of three digits, as tlog-tiles does.
func tilePath(n uint64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}

// ParseTilePath reads a tile's number; a partial tile has none.
func ParseTilePath(path string) (uint64, error) {
	n, err := strconv.ParseUint(strings.NewReplacer("x", "", "/", "").Replace(path), 10, 52)
	if err == nil && tilePath(n) != path {
		err = fmt.Errorf("%q is no tile's path", path)
	}
	return n, err
}

// Trailer returns the trailer of an entry bundle.
func Trailer(b []byte) ([]byte, error) {
	entries, err := splitEntries(b)
	if err != nil {
		return nil, err
	}
	if len(entries) != BundleSize || len(entries[Slots]) == 0 || entries[Slots][0] != tagTrailer {
		return nil, errors.New("it is no bundle with a trailer")
	}
	return entries[Slots], nil
}

// TilePath is where the hash tile of a level stands below the log's directory; it
// has so many hashes.
func TilePath(level int, n uint64, width int) string {
	path := fmt.Sprintf("tile/%d/%s", level, tilePath(n))
	if width < BundleSize {
		path += fmt.Sprintf(".p/%d", width)
	}
	return path
}

// reader reads one log of a published directory.
type reader struct {
	fetch Fetch
	class Class
}

func (r *reader) get(path string) ([]byte, error) {
	b, err := r.fetch(classPath(r.class, path))
	if err != nil {
		return nil, fmt.Errorf("%s ledger: %s: %w", r.class, path, err)
	}
	return b, nil
}

func (r *reader) entries(n uint64) ([][]byte, error) {
	b, err := r.get(EntriesPath(n))
	if err != nil {
		return nil, err
	}
	return splitEntries(b)
}

// chain reads headers from number 0 on until they cover the size.
func (r *reader) chain(size uint64) (Chain, error) {
	var c Chain
	for len(c) == 0 || c[len(c)-1].End() < size {
		b, err := r.get("headers/" + strconv.Itoa(len(c)) + ".json")
		if err != nil {
			return nil, err
		}
		h, err := ParseHeader(b)
		if err != nil {
			return nil, fmt.Errorf("%s ledger: %w", r.class, err)
		}
		if h.Class != r.class {
			return nil, fmt.Errorf("%s ledger: header %d is of class %s", r.class, h.Number, h.Class)
		}
		if c, err = c.With(h); err != nil {
			return nil, fmt.Errorf("%s ledger: %w", r.class, err)
		}
	}
	return c, nil
}

// checkpoint opens the checkpoint at a path, which must stand at a tick's end.
func (r *reader) checkpoint(path string) (Chain, Checkpoint, error) {
	b, err := r.get(path)
	if err != nil {
		return nil, Checkpoint{}, err
	}
	_, size, _, ok := readBody(b)
	if !ok {
		return nil, Checkpoint{}, fmt.Errorf("%s ledger: %s is no checkpoint", r.class, path)
	}
	c, err := r.chain(size)
	if err != nil {
		return nil, Checkpoint{}, err
	}
	p, _, err := c.TickAt(size)
	if err != nil {
		return nil, Checkpoint{}, fmt.Errorf("%s ledger: %s: %w", r.class, path, err)
	}
	cp, err := p.openPublished(b)
	if err != nil {
		return nil, cp, fmt.Errorf("%s ledger: %s: %w", r.class, path, err)
	}
	return c, cp, nil
}

// openPublished verifies a checkpoint of the published directory, of which every
// byte is checked: it has no signature lines but one of each key that the header
// names.
func (p *Period) openPublished(b []byte) (Checkpoint, error) {
	cp, err := p.OpenCheckpoint(b)
	if err == nil && cp.other > 0 {
		err = fmt.Errorf("it has %d signature lines that nobody checks: of keys that header %d does not name, or a second one of a key", cp.other, p.Number)
	}
	return cp, err
}

// hashes reads the log's hash tiles, each checked against the tree.
func (r *reader) hashes(cp Checkpoint) tlog.HashReader {
	return Hashes(r.get, cp.Size, cp.Root)
}

// Notice is a document whose digest stands in the chain of notices.
type Notice struct {
	Bundle uint64 `json:"bundle"`
	Digest Hash   `json:"digest"`
	Kind   string `json:"kind"`
}

// Kinds of notices.
const (
	NoticeHeader    = "header"
	NoticeReport    = "report"
	NoticeTally     = "tally"
	NoticeStatement = "statement"
	NoticePetition  = "petition"
	NoticeKey       = "key"
)

// noticeKinds are all kinds, and whether their documents are public by
// themselves.
var noticeKinds = map[string]bool{NoticeHeader: false, NoticeReport: false, NoticeTally: false, NoticeStatement: true, NoticePetition: true, NoticeKey: true}

// KnownNotice reports whether there is such a kind of notice.
func KnownNotice(kind string) bool { _, ok := noticeKinds[kind]; return ok }

// Documented reports whether the documents of a kind are public by themselves.
func Documented(kind string) bool { return noticeKinds[kind] }

// ParseNotices reads notices.json.
func ParseNotices(b []byte) ([]Notice, error) {
	list := []Notice{}
	if err := unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	for i, n := range list {
		if !KnownNotice(n.Kind) || i > 0 && list[i-1].Bundle > n.Bundle {
			return nil, fmt.Errorf("notices: %d is of kind %q in bundle %d", i, n.Kind, n.Bundle)
		}
	}
	return list, nil
}

// MarshalNotices writes notices.json.
func MarshalNotices(list []Notice) ([]byte, error) {
	if list == nil {
		list = []Notice{}
	}
	return marshal(list)
}

// After returns the chain of notices after one more.
func (n Notice) After(before Hash) Hash {
	return hashOf(before[:], n.Digest[:])
}

// readIndex reads reports/index.json.
func readIndex(b []byte) ([]string, error) {
	names := []string{}
	if err := unmarshal(b, &names); err != nil {
		return nil, fmt.Errorf("reports/index.json: %w", err)
	}
	seen := map[string]bool{}
	for _, n := range names {
		if !reportName.MatchString(n) || seen[n] {
			return nil, fmt.Errorf("reports/index.json: name %q", n)
		}
		seen[n] = true
	}
	return names, nil
}

// MarshalIndex writes reports/index.json.
func MarshalIndex(names []string) ([]byte, error) {
	if names == nil {
		names = []string{}
	}
	return marshal(names)
}
