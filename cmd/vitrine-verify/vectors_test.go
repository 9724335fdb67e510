//go:build !js

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

const vectors = "../../spec/vectors"

// answer runs the command in this process.
func answer(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = program{&out, &errs, time.Now}.run(context.Background(), args)
	return code, out.String(), errs.String()
}

// TestPackageVectors gives every bag of the vectors to the command.
func TestPackageVectors(t *testing.T) {
	names, err := filepath.Glob(vectors + "/production/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	verified := 0
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for _, f := range a.Files {
			text, err := strconv.Unquote(strings.TrimSpace(string(f.Data)))
			if err != nil {
				t.Fatal(err)
			}
			lay(t, dir, f.Name, []byte(text))
		}
		trust := filepath.Join(t.TempDir(), "trust.toml")
		lay(t, filepath.Dir(trust), "trust.toml", []byte(`provider = "`+field(a, "provider")+`"`+"\nneed = 1\n[[approver]]\nname = \"nobody\"\nkey = \""+field(a, "provider")+"\"\n"))
		good := field(a, "expect") == "verified"
		code, _, said := answer("package", dir)
		if trusted, _, _ := answer("package", dir, "--trust", trust); trusted != 3 {
			t.Errorf("%s: exit code %d, though nobody who is trusted signed its mandate", name, trusted)
		}
		switch {
		case good && code == 0:
			verified++
		case good || code != 3 && !strings.Contains(name, "signer"): // whose signature it is shows only beside a trust file
			t.Errorf("%s: exit code %d: %s", name, code, said)
		}
	}
	if verified < 2 {
		t.Errorf("only %d good bags verified", verified)
	}
}

func field(a *txtar.Archive, name string) string {
	for line := range strings.Lines(string(a.Comment)) {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func lay(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// directory is a vector of a published directory.
type directory struct {
	Base, Expect, Says string
	Files              map[string]struct {
		Absent bool
		Base64 []byte
		Of     string
		Edits  []struct {
			At, Cut int
			Put     []byte
		}
	}
}

// at lays the directory out.
func (d directory) at(t *testing.T, dir string) {
	base := filepath.Join(vectors, "report", d.Base)
	if err := os.CopyFS(dir, os.DirFS(base)); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Files)) {
		f := d.Files[name]
		if f.Absent {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		b := f.Base64
		if f.Of != "" {
			old, err := os.ReadFile(filepath.Join(base, f.Of))
			if err != nil {
				t.Fatal(err)
			}
			done := 0
			for _, e := range f.Edits {
				b = append(append(b, old[done:e.At]...), e.Put...)
				done = e.At + e.Cut
			}
			b = append(b, old[done:]...)
		}
		lay(t, dir, name, b)
	}
}

// TestReportVectors gives published directories of the vectors to the command:
// it accepts, or says the exact reason. Package ledger goes through all of
// them, this through one in eight.
func TestReportVectors(t *testing.T) {
	names, err := filepath.Glob(vectors + "/report/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for i, name := range names {
		if i%8 != 0 && !strings.Contains(name, "accepted") {
			continue
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var d directory
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		dir := t.TempDir()
		d.at(t, dir)
		code, said, reason := answer(dir)
		switch {
		case d.Expect == "accepted" && (code != 0 || !strings.Contains(said, "accepted. Shown:")):
			t.Errorf("%s: exit code %d: %s", name, code, reason)
		case d.Expect == "refused" && (code != 3 || !strings.Contains(reason, d.Says) || said != ""):
			t.Errorf("%s: exit code %d: %q, want %q", name, code, reason, d.Says)
		}
	}
}
