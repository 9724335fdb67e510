package production_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/tools/txtar"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

var update = flag.Bool("update", false, "write the vectors anew")

const bagVectors = "../spec/vectors/production"

// seeded is a provider whose key is the SHA-256 of its name.
func seeded(t testing.TB, name string) provider {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	return provider{signer}
}

// tree is a bag's files by their paths.
type tree map[string]string

func (b tree) with(name, text string) tree {
	c := tree{}
	for k, v := range b {
		c[k] = v
	}
	if text == "" {
		delete(c, name)
	} else {
		c[name] = text
	}
	return c
}

func (b tree) changed(t *testing.T, name, old, new string) tree {
	t.Helper()
	if !strings.Contains(b[name], old) {
		t.Fatalf("%s has no %q", name, old)
	}
	return b.with(name, strings.Replace(b[name], old, new, 1))
}

type bagVector struct {
	class, expect, comment string
	bag                    tree
}

func bagCases(t *testing.T) map[string]bagVector {
	good := readTree(t, opened(t, seeded(t, "provider"), 2))
	empty := readTree(t, opened(t, seeded(t, "provider"), 0))
	forged := readTree(t, opened(t, seeded(t, "mallory"), 2))
	v := func(class, comment string, bag tree) bagVector {
		return bagVector{class, "not verified", comment, bag}
	}
	return map[string]bagVector{
		"two-items":        {"none", "verified", "a volume of two items", good},
		"no-items":         {"none", "verified", "nothing was found", empty},
		"five-items":       {"none", "verified", "a tree over the manifest that is not full", readTree(t, opened(t, seeded(t, "provider"), 5))},
		"payload-changed":  v("payload", "a byte of an item", good.changed(t, "data/000002.eml", "body", "bodv")),
		"payload-missing":  v("payload", "an item is gone", good.with("data/000002.eml", "")),
		"payload-added":    v("payload", "an item that nobody lists", good.with("data/000003.eml", "x")),
		"payload-replaced": v("payload", "an item, its manifest line and its tag digest, but not the signed record", forgedItem(t, good)),
		"list-changed":     v("list", "the spreadsheet names another account", good.changed(t, "items.csv", "alice", "mallo")),
		"list-cut":         v("list", "the last line of items.jsonl is gone", good.with("items.jsonl", good["items.jsonl"][:strings.IndexByte(good["items.jsonl"], '\n')+1])),
		"record-changed":   v("record", "one item out of scope less", good.changed(t, "production.json", `"out": 2`, `"out": 1`)),
		"record-form":      v("record", "a blank more at its end", good.with("production.json", good["production.json"]+" ")),
		"signature-gone":   v("signature", "the record is not signed", good.with("production.json.sig", "")),
		"signature-form":   v("signature", "an empty line more", good.with("production.json.sig", good["production.json.sig"]+"\n")),
		"signer":           v("signature", "signed by another key than the provider's", forged),
		"mandate-changed":  v("mandate", "another statement than the signed one", good.with("mandate/statement.txt", "something else\n")),
		"mandate-unsigned": v("mandate", "no approver's signature", good.with("mandate/1.sig", "")),
		"file-added":       v("files", "a file beside", good.with("readme.txt", "hello\n")),
		"tagmanifest":      v("files", "its lines in another order", good.with("tagmanifest-sha256.txt", reversed(good["tagmanifest-sha256.txt"]))),
		"bagit":            v("files", "another version", good.changed(t, "bagit.txt", "1.0", "0.97")),
	}
}

// forgedItem changes an item and everything unsigned that names its digest.
func forgedItem(t *testing.T, good tree) tree {
	t.Helper()
	old, text := good["data/000001.eml"], "From: a@example.org\n\nforged\n"
	b := good.with("data/000001.eml", text)
	manifest := good["manifest-sha256.txt"]
	b = b.changed(t, "manifest-sha256.txt", vitrine.DigestOf([]byte(old)).Hex(), vitrine.DigestOf([]byte(text)).Hex())
	return b.changed(t, "tagmanifest-sha256.txt", vitrine.DigestOf([]byte(manifest)).Hex(), vitrine.DigestOf([]byte(b["manifest-sha256.txt"])).Hex())
}

func reversed(s string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(s, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	slices.Reverse(lines)
	return strings.Join(lines, "")
}

func readTree(t *testing.T, dir string) tree {
	t.Helper()
	b := tree{}
	for _, path := range files(t, dir) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		b[filepath.ToSlash(rel)] = string(content)
	}
	return b
}

func (v bagVector) archive(t *testing.T) []byte {
	t.Helper()
	a := txtar.Archive{Comment: fmt.Appendf(nil, "class: %s\nexpect: %s\ncomment: %s\nprovider: %s", v.class, v.expect, v.comment, ssh.MarshalAuthorizedKey(seeded(t, "provider").signer.PublicKey()))}
	for name, text := range v.bag {
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(strconv.Quote(text) + "\n")})
	}
	slices.SortFunc(a.Files, func(x, y txtar.File) int { return strings.Compare(x.Name, y.Name) })
	return txtar.Format(&a)
}

func TestBagVectors(t *testing.T) {
	want := bagCases(t)
	for name, v := range want {
		path := filepath.Join(bagVectors, name+".txtar")
		if *update {
			if err := os.WriteFile(path, v.archive(t), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(b, v.archive(t)) {
			t.Errorf("%s is not what its case makes (%v): go test -update", path, err)
			continue
		}
		runBag(t, name, txtar.Parse(b))
	}
	if names, err := filepath.Glob(filepath.Join(bagVectors, "*.txtar")); err != nil || len(names) != len(want) {
		t.Errorf("%d files, %d cases (%v)", len(names), len(want), err)
	}
}

// runBag lays a vector out and verifies it as a stranger would.
func runBag(t *testing.T, name string, a *txtar.Archive) {
	t.Helper()
	head := map[string]string{}
	for line := range strings.Lines(string(a.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		head[key] = value
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(head["provider"]))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "bag")
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	bag := tree{}
	for _, f := range a.Files {
		if bag[f.Name], err = strconv.Unquote(strings.TrimSpace(string(f.Data))); err != nil {
			t.Fatal(err)
		}
	}
	lay(t, dir, bag)
	got := "verified"
	if _, err := production.VerifyBag(dir, production.Trust{Provider: key}, nil); vitrine.ExitCode(err) == 3 {
		got = "not verified"
	} else if err != nil {
		got = err.Error()
	}
	if got != head["expect"] {
		t.Errorf("%s: %s, want %s", name, got, head["expect"])
	}
}
