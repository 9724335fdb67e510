package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var updateVectors = flag.Bool("update", false, "write the vectors of the ledger and of reports anew")

const reportVectors = "../spec/vectors/report"

// A directoryVector is a published directory that differs from a good one.
type directoryVector struct {
	Base   string                `json:"base"`
	Class  string                `json:"class"`
	Expect string                `json:"expect"` // accepted or refused
	Files  map[string]fileChange `json:"files"`
	Says   string                `json:"says,omitempty"` // one implementation's words
}

// A fileChange makes a file: from bytes, from those of a file of the base, or
// not at all.
type fileChange struct {
	Base64 string     `json:"base64,omitempty"`
	Edits  []fileEdit `json:"edits,omitempty"`
	Of     string     `json:"of,omitempty"`
	Absent bool       `json:"absent,omitempty"`
}

// A fileEdit puts bytes in the place of some of the base's.
type fileEdit struct {
	At  int    `json:"at"`
	Cut int    `json:"cut"`
	Put string `json:"put"` // base64
}

func (c fileChange) apply(base map[string][]byte) ([]byte, error) {
	if c.Of == "" {
		return base64.StdEncoding.DecodeString(c.Base64)
	}
	old, ok := base[c.Of]
	if !ok {
		return nil, fmt.Errorf("no file %s", c.Of)
	}
	var b []byte
	at := 0
	for _, e := range c.Edits {
		put, err := base64.StdEncoding.DecodeString(e.Put)
		if err != nil || e.At < at || e.At+e.Cut > len(old) {
			return nil, fmt.Errorf("edit at %d: %v", e.At, err)
		}
		b = append(append(b, old[at:e.At]...), put...)
		at = e.At + e.Cut
	}
	return append(b, old[at:]...), nil
}

// difference is what makes the directory of the base.
func difference(base, dir map[string][]byte) map[string]fileChange {
	files := map[string]fileChange{}
	for path := range base {
		if _, ok := dir[path]; !ok {
			files[path] = fileChange{Absent: true}
		}
	}
	for path, b := range dir {
		old, ok := base[path]
		if ok && bytes.Equal(old, b) {
			continue
		}
		best := fileChange{Base64: base64.StdEncoding.EncodeToString(b)}
		for _, from := range slices.Sorted(maps.Keys(base)) {
			if bytes.Equal(base[from], b) {
				best = fileChange{Of: from}
				break
			}
		}
		if edits, size := editsOf(old, b); ok && best.Of == "" && size < len(b) {
			best = fileChange{Of: path, Edits: edits}
		}
		files[path] = best
	}
	return files
}

// editsOf are the edits that make b of old, and about how large they are.
func editsOf(old, b []byte) (edits []fileEdit, size int) {
	add := func(at, end int, put []byte) {
		edits = append(edits, fileEdit{at, end - at, base64.StdEncoding.EncodeToString(put)})
		size += 40 + len(put)*4/3
	}
	if len(old) != len(b) {
		head, tail := 0, 0
		for head < min(len(old), len(b)) && old[head] == b[head] {
			head++
		}
		for tail < min(len(old), len(b))-head && old[len(old)-1-tail] == b[len(b)-1-tail] {
			tail++
		}
		add(head, len(old)-tail, b[head:len(b)-tail])
		return edits, size
	}
	for at := 0; at < len(b); at++ {
		if old[at] == b[at] {
			continue
		}
		end := at + 1
		for i := end; i < min(len(b), end+24); i++ { // changes that are near stand in one edit
			if old[i] != b[i] {
				end = i + 1
			}
		}
		add(at, end, b[at:end])
		at = end
	}
	return edits, size
}

func writeJSON(t testing.TB, path string, v any) {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	noError(os.MkdirAll(filepath.Dir(path), 0o755))
	noError(os.WriteFile(path, append(b, '\n'), 0o644))
}

func readJSON(t testing.TB, path string, v any) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// readTree reads a directory of files.
func readTree(t testing.TB, root string) map[string][]byte {
	dir := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			dir[path], err = os.ReadFile(filepath.Join(root, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// vectorBases are the good directories that stand there as files.
func vectorBases() map[string]*world {
	return map[string]*world{"good": whole(), "half": half(), "tiny": tiny()}
}

// writeReportVectors writes the good directories and one vector for each attack.
func writeReportVectors(t *testing.T) {
	old, _ := filepath.Glob(filepath.Join(reportVectors, "*.json"))
	for _, path := range old {
		noError(os.Remove(path))
	}
	for name, w := range vectorBases() {
		noError(os.RemoveAll(filepath.Join(reportVectors, name)))
		for path, b := range w.dir {
			file := filepath.Join(reportVectors, name, path)
			noError(os.MkdirAll(filepath.Dir(file), 0o755))
			noError(os.WriteFile(file, b, 0o644))
		}
	}
	for _, a := range append(attacks(), harmless()...) {
		w := bases[a.base]().branch(t, a.name)
		a.do(w)
		v := directoryVector{Base: "good", Class: a.class, Expect: "refused"}
		if vectorBases()[a.base] != nil {
			v.Base = a.base
		}
		v.Files = difference(vectorBases()[v.Base].dir, w.dir)
		if _, err := w.audit(); err != nil {
			v.Says = err.Error()
		} else {
			v.Expect = "accepted"
		}
		writeJSON(t, filepath.Join(reportVectors, a.name+".json"), v)
	}
}

// harmless are changes that no verifier may refuse.
func harmless() []attack {
	return []attack{
		{"accepted-three-cosignatures", "none", "whole", "", func(w *world) {
			l := w.public()
			for path, b := range w.dir {
				if strings.HasPrefix(path, classPath(Public, "checkpoint")) {
					text, _ := textOf(b)
					w.dir[path] = append(bytes.Clone(b), cosignature("witness2.example", l.witnesses[2], text, begin+50)...)
				}
			}
		}},
		{"accepted-late-ticks", "none", "whole", "", func(w *world) {
			w.public().rewrite(nil, func(size int, at uint64) uint64 {
				if size > 3*BundleSize {
					return at + 3*day
				}
				return at
			})
		}},
		{"accepted-header-ahead", "none", "whole", "", func(w *world) {
			last := w.public().last()
			w.put(Public, "headers/3.json", must(must(last.Continue(last.To+2*day)).Marshal()))
		}},
		{"accepted-no-restricted-ledger", "none", "half", "", func(w *world) {}},
	}
}

func TestReportVectors(t *testing.T) {
	if *updateVectors {
		writeReportVectors(t)
	}
	good := map[string]map[string][]byte{}
	for _, name := range []string{"good", "half", "tiny"} {
		good[name] = readTree(t, filepath.Join(reportVectors, name))
		w := &world{t: t, dir: good[name]}
		w.accepted()
	}
	words := map[string]attack{}
	for _, a := range attacks() {
		words[a.name] = a
	}
	files, err := filepath.Glob(filepath.Join(reportVectors, "*.json"))
	if err != nil || len(files) < len(words) {
		t.Errorf("%d vectors for %d attacks: write them anew with -update", len(files), len(words))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			var v directoryVector
			readJSON(t, file, &v)
			w := &world{t: t, dir: maps.Clone(good[v.Base])}
			for path, c := range v.Files {
				if delete(w.dir, path); c.Absent {
					continue
				}
				b, err := c.apply(good[v.Base])
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				w.dir[path] = b
			}
			switch a, known := words[name]; {
			case v.Expect == "accepted":
				w.accepted()
			case v.Expect != "refused" || !known || v.Class != a.class:
				t.Errorf("expect %q, class %q: no such attack", v.Expect, v.Class)
			default:
				w.refused(a.words)
			}
		})
	}
}
