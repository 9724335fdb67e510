package report

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-project/vitrine/internal/sequencer"
	"github.com/vitrine-project/vitrine/ledger"
)

func (b Builder) layOut(out string, all []Published) error {
	for _, l := range b.Logs {
		chain := l.Chain()
		told := func(period uint64) bool { return allTold(chain, period, all) }
		if err := copyLog(l, filepath.Join(out, "ledger", string(chain[0].Class)), told); err != nil {
			return err
		}
	}
	for _, p := range all {
		if err := copyTree(os.DirFS(b.dir(p)), ".", filepath.Join(out, "reports", p.Statement.Name), nil); err != nil {
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
	maps.Copy(site, b.Catalogue)
	if err := b.signSite(site); err != nil {
		return err
	}
	return writeAll(out, site)
}

// signSite adds the list of what no ledger and no report fixes, and its note.
func (b Builder) signSite(files map[string][]byte) error {
	list, err := ledger.NewSiteList(files).Marshal()
	if err != nil {
		return err
	}
	note, err := ledger.SignSite(b.Logs[0].Chain()[0].Origin, list, b.Signer)
	if err != nil {
		return fmt.Errorf("sign site.json: %w", err)
	}
	files["site.json"], files["site.note"] = list, note
	return nil
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
	root, err := os.OpenRoot(dir)
	if err != nil {
		return func(path string) ([]byte, error) { return nil, &ledger.Unread{Path: path, Err: err} }
	}
	return ledger.Files(root.FS())
}
