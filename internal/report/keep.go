package report

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/ledger"
)

// kept reads the reports that were published before, oldest first, each in its
// newest version.
func (b Builder) kept() ([]Published, error) {
	index, err := os.ReadFile(filepath.Join(b.State, "index.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read reports: %w", err)
	}
	var dirs []string
	if err := json.Unmarshal(index, &dirs); err != nil {
		return nil, fmt.Errorf("read reports: %w", err)
	}
	var list []Published
	for _, dir := range dirs {
		p, _, err := b.read(dir)
		if err != nil {
			return nil, fmt.Errorf("read report %s: %w", dir, err)
		}
		list = append(list, p)
	}
	return list, nil
}

func (b Builder) read(dir string) (Published, *ledger.Report, error) {
	raw, err := os.ReadFile(filepath.Join(b.State, dir, "report.json"))
	if err != nil {
		return Published{}, nil, err
	}
	r, err := ledger.ParseReport(raw)
	if err != nil {
		return Published{}, nil, err
	}
	words, err := os.ReadFile(filepath.Join(b.State, dir, "words.json"))
	if err != nil {
		return Published{}, nil, err
	}
	p := Published{Statement: r.Statement, Ledgers: b.chains(), folder: dir}
	if err := json.Unmarshal(words, &p.Words); err != nil {
		return p, nil, err
	}
	p.Version = 1 + len(p.Words.Corrections)
	p.Period, err = periodNamed(p)
	return p, r, err
}

// Told returns whether a cell stands in a report that is kept.
func (b Builder) Told() (func(ledger.Class, ledger.CellName) bool, error) {
	kept, err := b.kept()
	return func(class ledger.Class, cell ledger.CellName) bool {
		return slices.ContainsFunc(kept, func(p Published) bool {
			return slices.ContainsFunc(p.Statement.Tables, func(t ledger.Row) bool {
				return t.Class == class && slices.ContainsFunc(t.Cells, func(c ledger.Cell) bool { return c.Period == cell.Period && c.Sheet == cell.Sheet })
			})
		})
	}, err
}

func (b Builder) dir(p Published) string { return filepath.Join(b.State, p.folder) }

// keep writes report i of all to the state directory, with what is kept of its
// earlier versions, and lists it: whole, or not at all.
func (b Builder) keep(all []Published, i int, r *ledger.Report, earlier map[string][]byte) error {
	p := &all[i]
	var err error
	if p.Stated, err = b.stated(p.Statement); err != nil {
		return err
	}
	files, err := Pages(View{Provider: b.Provider, URL: b.URL, Reports: all[:i+1]}, p.Statement.Name)
	if err != nil {
		return err
	}
	if p.folder = p.Statement.Name; p.Version > 1 {
		p.folder = fmt.Sprintf("%s.%d", p.folder, p.Version)
	}
	if files["words.json"], err = p.Words.Marshal(); err != nil {
		return err
	}
	r.Words, r.Files = sha256.Sum256(files["words.json"]), nil
	for _, path := range slices.Sorted(maps.Keys(files)) {
		r.Files = append(r.Files, ledger.File{Path: path, SHA256: sha256.Sum256(files[path])})
	}
	raw, err := r.Marshal()
	if err != nil {
		return err
	}
	note, err := ledger.SignReport(p.Statement.Name, raw, p.Version, b.Signer)
	if err != nil {
		return err
	}
	maps.Copy(files, earlier)
	files["report.json"], files["report.note"] = raw, note
	if err := os.RemoveAll(b.dir(*p)); err != nil { // of a build that died before it was listed
		return err
	}
	if err := writeAll(b.dir(*p), files); err != nil {
		return err
	}
	return b.list(all)
}

// stated reads what auditors had said by the trees that a report is made of.
func (b Builder) stated(s ledger.Statement) (map[ledger.Class][]ledger.Stated, error) {
	m := map[ledger.Class][]ledger.Stated{}
	for i, of := range s.Ledgers {
		l := b.Logs[i]
		fetch := func(path string) ([]byte, error) {
			return ledger.Files(l.Public())(strings.TrimPrefix(path, "ledger/"+string(of.Class)+"/"))
		}
		var err error
		if m[of.Class], err = ledger.StatementsOf(fetch, l.Chain(), of.Size); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// list says which versions of which reports are published; what is not listed
// is not.
func (b Builder) list(all []Published) error {
	folders := []string{}
	for _, p := range all {
		folders = append(folders, p.folder)
	}
	index, err := json.Marshal(folders)
	if err != nil {
		return err
	}
	partial := filepath.Join(b.State, "index.partial")
	if err := writeFile(partial, append(index, '\n')); err != nil {
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

// digests are those of all versions of a report, the first one's first.
func (b Builder) digests(p Published) ([]ledger.Hash, error) {
	var list []ledger.Hash
	for v := range p.Version {
		name := "report.json"
		if v+1 < p.Version {
			name = fmt.Sprintf("report-%d.json", v+1)
		}
		raw, err := os.ReadFile(filepath.Join(b.dir(p), name))
		if err != nil {
			return nil, fmt.Errorf("read report: %w", err)
		}
		list = append(list, sha256.Sum256(raw))
	}
	return list, nil
}

// say has the ledgers say the digest of each version of each report, with their
// next tick.
func (b Builder) say(all []Published) error {
	for _, p := range all {
		digests, err := b.digests(p)
		if err != nil {
			return err
		}
		for _, l := range b.Logs {
			for _, d := range digests {
				if err := l.Notice(ledger.NoticeReport, d, nil); err != nil {
					return fmt.Errorf("say report: %w", err)
				}
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
	for _, p := range kept {
		digests, err := b.digests(p)
		if err != nil {
			return err
		}
		for _, d := range digests {
			have[d] = true
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
