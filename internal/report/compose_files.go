package report

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/sequencer"
	"github.com/vitrine-project/vitrine/ledger"
)

// keep writes the newest of all reports to the state directory: whole, or not
// at all.
func (b Builder) keep(all []Published, r *ledger.Report) error {
	p := all[len(all)-1]
	name := p.Statement.Name
	files, err := Pages(View{Provider: b.Provider, URL: b.URL, Reports: all}, name)
	if err != nil {
		return err
	}
	words, err := p.Words.Marshal()
	if err != nil {
		return err
	}
	files["words.json"], r.Words = words, sha256.Sum256(words)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		r.Files = append(r.Files, ledger.File{Path: path, SHA256: sha256.Sum256(files[path])})
	}
	raw, err := r.Marshal()
	if err != nil {
		return err
	}
	note, err := ledger.SignReport(name, raw, 1, b.Signer)
	if err != nil {
		return err
	}
	files["report.json"], files["report.note"] = raw, note
	dir := filepath.Join(b.State, name)
	if err := os.RemoveAll(dir); err != nil { // of a build that died before it was listed
		return err
	}
	if err := writeAll(dir, files); err != nil {
		return err
	}
	return b.list(all)
}

// list says which reports are published; a report that is not listed is none.
func (b Builder) list(all []Published) error {
	index, err := ledger.MarshalIndex(names(all))
	if err != nil {
		return err
	}
	partial := filepath.Join(b.State, "index.partial")
	if err := writeFile(partial, index); err != nil {
		return err
	}
	if err := os.Rename(partial, filepath.Join(b.State, "index.json")); err != nil {
		return err
	}
	return syncDir(b.State)
}

func names(all []Published) []string {
	list := []string{}
	for _, p := range all {
		list = append(list, p.Statement.Name)
	}
	return list
}

// say has the ledgers say the digest of each report, with their next tick.
func (b Builder) say(all []Published) error {
	for _, p := range all {
		raw, err := os.ReadFile(filepath.Join(b.State, p.Statement.Name, "report.json"))
		if err != nil {
			return fmt.Errorf("read report: %w", err)
		}
		for _, l := range b.Logs {
			if err := l.Notice(ledger.NoticeReport, sha256.Sum256(raw), nil); err != nil {
				return fmt.Errorf("say report: %w", err)
			}
		}
	}
	return nil
}

// lost refuses to go on without a report that a ledger has the notice of, or is
// to have: its tables would be told once more, and a notice of that, once said,
// no audit would ever accept.
func (b Builder) lost(kept []Published) error {
	have := map[ledger.Hash]bool{}
	for _, name := range names(kept) {
		files, err := filepath.Glob(filepath.Join(b.State, name, "report*.json")) // with the earlier versions
		if err != nil {
			return fmt.Errorf("list reports: %w", err)
		}
		for _, path := range files {
			raw, err := os.ReadFile(path)
			if err != nil {
				return fmt.Errorf("read report: %w", err)
			}
			have[sha256.Sum256(raw)] = true
		}
	}
	for _, l := range b.Logs {
		for _, digest := range l.Notices(ledger.NoticeReport) {
			if !have[digest] {
				return vitrine.Refusef(vitrine.Unverified, "the report with the digest %s was published, and is not in %s: that is an older copy. Nothing was done; bring back its newest copy, or the folder reports of the public directory, which holds the same files", digest, b.State)
			}
		}
	}
	return nil
}

func (b Builder) layOut(out string, all []Published) error {
	for _, l := range b.Logs {
		chain := l.Chain()
		told := func(period uint64) bool { return allTold(chain, period, all) }
		if err := copyLog(l, filepath.Join(out, "ledger", string(chain[0].Class)), told); err != nil {
			return err
		}
	}
	for _, name := range names(all) {
		if err := copyTree(os.DirFS(filepath.Join(b.State, name)), ".", filepath.Join(out, "reports", name), nil); err != nil {
			return err
		}
	}
	site, err := Site(View{Provider: b.Provider, URL: b.URL, Reports: all})
	if err != nil {
		return err
	}
	if site["reports/index.json"], err = ledger.MarshalIndex(names(all)); err != nil {
		return err
	}
	return writeAll(out, site)
}

// copyLog copies what is published of a log: of bundles whose leaves are not,
// the trailers.
func copyLog(l *sequencer.Log, to string, told func(period uint64) bool) error {
	chain, size := l.Chain(), l.Size()
	return copyTree(l.Public(), ".", to, func(path string, b []byte) (string, []byte, error) {
		if stale(path, size) {
			return "", nil, nil
		}
		number, entries := strings.CutPrefix(path, "tile/entries/")
		if !entries {
			return path, b, nil
		}
		n, err := ledger.ParseTilePath(number)
		if err != nil {
			return "", nil, nil // of a tree that stood in a bundle; none is published
		}
		p, place, err := chain.At(n * ledger.BundleSize)
		if err != nil || place.Tick == 0 || p.Publication == ledger.Live || p.Publication == ledger.AfterEmbargo && told(p.Number) {
			return path, b, err
		}
		trailer, err := ledger.Trailer(b)
		return ledger.TrailerPath(n), trailer, err
	})
}

// stale reports whether a path is that of a partial tile of a smaller tree,
// which nobody needs and no audit reads.
func stale(path string, size uint64) bool {
	full, width, partial := strings.Cut(path, ".p/")
	level, number, _ := strings.Cut(strings.TrimPrefix(full, "tile/"), "/")
	l, err := strconv.ParseUint(level, 10, 6)
	n, err2 := ledger.ParseTilePath(number)
	if !partial || err != nil || err2 != nil || l > 7 {
		return partial
	}
	hashes := size >> (8 * l)
	return n != hashes/256 || width != strconv.FormatUint(hashes%256, 10)
}

// copyTree copies what is below from; change says where and how.
func copyTree(tree fs.FS, from, to string, change func(path string, b []byte) (string, []byte, error)) error {
	return fs.WalkDir(tree, from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		if change != nil {
			if path, b, err = change(path, b); err != nil || path == "" {
				return err
			}
		}
		target := filepath.Join(to, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o644)
	})
}

// allTold reports whether each cell of a period stands in a report.
func allTold(chain ledger.Chain, period uint64, all []Published) bool {
	cells := map[string]bool{}
	for _, p := range all {
		for _, t := range p.Statement.Tables {
			for _, c := range t.Cells {
				if t.Class == chain[0].Class && c.Period == period {
					cells[c.Sheet] = true
				}
			}
		}
	}
	return len(cells) == len(chain[period].Sheets)
}

// writeAll writes files below dir, and has them on the disk.
func writeAll(dir string, files map[string][]byte) error {
	for _, path := range slices.Sorted(maps.Keys(files)) {
		target := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := writeFile(target, files[path]); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

func writeFile(path string, b []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Directory fetches from a public directory on this machine.
func Directory(dir string) ledger.Fetch {
	root := os.DirFS(dir)
	return func(path string) ([]byte, error) { return fs.ReadFile(root, path) }
}
