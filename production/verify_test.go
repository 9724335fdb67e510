package production_test

import (
	"bytes"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/production"
)

// TestEveryChangeIsFound flips, cuts and adds bytes in every file of an opened
// bag, a thousand times, and wants each found.
func TestEveryChangeIsFound(t *testing.T) {
	p := newProvider(t)
	dir := opened(t, p, 12)
	if _, err := production.VerifyBag(dir, p.trust(), nil); err != nil {
		t.Fatal(err)
	}
	random, all := mathrand.New(mathrand.NewPCG(3, 4)), files(t, dir)
	for n := range 1000 {
		path := all[n%len(all)]
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad, what := change(random, good)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := production.VerifyBag(dir, p.trust(), nil); vitrine.ExitCode(err) != 3 {
			t.Errorf("%s in %s: %v", what, filepath.Base(path), err)
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// change flips one bit, or cuts, or adds, or swaps.
func change(random *mathrand.Rand, good []byte) ([]byte, string) {
	bad := bytes.Clone(good)
	switch at := random.IntN(len(good)); random.IntN(4) {
	case 0:
		return bad[:at], fmt.Sprintf("cut at %d", at)
	case 1:
		return append(bad, byte(random.IntN(256))), "one byte more"
	default:
		bad[at] ^= 1 << random.IntN(8)
		return bad, fmt.Sprintf("flip at %d", at)
	}
}

// TestFilesAreCounted adds, removes, renames and replaces whole files.
func TestFilesAreCounted(t *testing.T) {
	for name, do := range map[string]func(dir string) error{
		"one item more":     func(d string) error { return os.WriteFile(filepath.Join(d, "data/000099.eml"), nil, 0o600) },
		"a file beside":     func(d string) error { return os.WriteFile(filepath.Join(d, "note.txt"), nil, 0o600) },
		"a hidden file":     func(d string) error { return os.WriteFile(filepath.Join(d, "data/.x"), nil, 0o600) },
		"a directory":       func(d string) error { return os.Mkdir(filepath.Join(d, "more"), 0o700) },
		"a directory below": func(d string) error { return os.Mkdir(filepath.Join(d, "data/more"), 0o700) },
		"an item gone":      func(d string) error { return os.Remove(filepath.Join(d, "data/000002.eml")) },
		"a paper gone":      func(d string) error { return os.Remove(filepath.Join(d, "mandate/1.sig")) },
		"an item renamed": func(d string) error {
			return os.Rename(filepath.Join(d, "data/000002.eml"), filepath.Join(d, "data/000009.eml"))
		},
		"two items swapped": func(d string) error {
			a, b, c := filepath.Join(d, "data/000001.eml"), filepath.Join(d, "data/000002.eml"), filepath.Join(d, "c")
			return errorsJoin(os.Rename(a, c), os.Rename(b, a), os.Rename(c, b))
		},
		"a link":                func(d string) error { return moved(d, "data/000002.eml", os.Symlink) },
		"a link for data":       func(d string) error { return moved(d, "data", os.Symlink) },
		"a link for mandate":    func(d string) error { return moved(d, "mandate", os.Symlink) },
		"a link for the record": func(d string) error { return moved(d, "production.json", os.Symlink) },
		"a link within the bag": func(d string) error {
			return errorsJoin(os.Remove(filepath.Join(d, "data/000002.eml")), os.Symlink("000001.eml", filepath.Join(d, "data/000002.eml")))
		},
		"a queue for an item":    func(d string) error { return moved(d, "data/000002.eml", queue) },
		"a queue for the record": func(d string) error { return moved(d, "production.json", queue) },
		"a directory for an item": func(d string) error {
			return moved(d, "data/000002.eml", func(_, path string) error { return os.Mkdir(path, 0o700) })
		},
		"another name for data": func(d string) error { return os.Rename(filepath.Join(d, "data"), filepath.Join(d, "Data")) },
		"no tag manifest":       func(d string) error { return os.Remove(filepath.Join(d, "tagmanifest-sha256.txt")) },
		"no manifest":           func(d string) error { return os.Remove(filepath.Join(d, "manifest-sha256.txt")) },
		"nothing":               func(d string) error { return errorsJoin(os.RemoveAll(d), os.Mkdir(d, 0o700)) },
	} {
		p := newProvider(t)
		dir := opened(t, p, 3)
		if err := do(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := production.VerifyBag(dir, p.trust(), nil); vitrine.ExitCode(err) != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// moved puts something else in a file's place.
func moved(dir, name string, put func(target, path string) error) error {
	path := filepath.Join(dir, name)
	return errorsJoin(os.Rename(path, dir+".moved"), put(dir+".moved", path))
}

// queue makes a named pipe, which would hold up whoever opens it.
func queue(_, path string) error { return syscall.Mkfifo(path, 0o600) }

func errorsJoin(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestForged is a whole package by another hand: all agrees with itself, and
// only the trust file tells.
func TestForged(t *testing.T) {
	p, mallory := newProvider(t), newProvider(t)
	dir := opened(t, mallory, 3)
	if _, err := production.VerifyBag(dir, production.Trust{}, nil); err != nil {
		t.Fatalf("it does not even agree with itself: %v", err)
	}
	if _, err := production.VerifyBag(dir, p.trust(), nil); vitrine.ExitCode(err) != 3 || !strings.Contains(err.Error(), "not by the provider's key") {
		t.Errorf("forged: %v", err)
	}
	trust := p.trust()
	trust.Mandate = func(production.About, []byte, [][]byte) error { return fmt.Errorf("1 of 2 approvals count") }
	if _, err := production.VerifyBag(opened(t, p, 3), trust, nil); vitrine.ExitCode(err) != 3 || !strings.Contains(err.Error(), "1 of 2") {
		t.Errorf("without a quorum: %v", err)
	}
}

// resigned changes the files of an opened bag as its provider could: the
// digests of the papers are made right, and the record is signed again.
func resigned(t *testing.T, p provider, dir string, change func(bag tree)) {
	t.Helper()
	b := readTree(t, dir)
	change(b)
	var manifest []string
	for name, text := range b {
		if name == "production.json" || name == "production.json.sig" || name == "tagmanifest-sha256.txt" || strings.HasPrefix(name, "data/") {
			continue
		}
		old := regexp.MustCompile(`"` + regexp.QuoteMeta(name) + `": "sha256:[0-9a-f]{64}"`)
		b["production.json"] = old.ReplaceAllString(b["production.json"], fmt.Sprintf(`"%s": "%s"`, name, vitrine.DigestOf([]byte(text))))
	}
	sig, err := p.sign(production.RecordNamespace, []byte(b["production.json"]))
	if err != nil {
		t.Fatal(err)
	}
	b["production.json.sig"] = string(sig)
	for name, text := range b {
		if name != "tagmanifest-sha256.txt" && !strings.HasPrefix(name, "data/") {
			manifest = append(manifest, vitrine.DigestOf([]byte(text)).Hex()+"  "+name+"\n")
		}
	}
	slices.SortFunc(manifest, func(x, y string) int { return strings.Compare(x[66:], y[66:]) })
	b["tagmanifest-sha256.txt"] = strings.Join(manifest, "")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	lay(t, dir, b)
}

// lay writes a bag's files.
func lay(t *testing.T, dir string, b tree) {
	t.Helper()
	for name, text := range b {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errorsJoin(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestProviderErrs is a provider whose own key signs what cannot be: the sums,
// the lists and the papers must hold all the same.
func TestProviderErrs(t *testing.T) {
	edit := func(name string, pairs ...string) func(tree) {
		return func(b tree) {
			for i := 0; i < len(pairs); i += 2 {
				if !strings.Contains(b[name], pairs[i]) {
					t.Fatalf("%s has no %q", name, pairs[i])
				}
				b[name] = strings.ReplaceAll(b[name], pairs[i], pairs[i+1])
			}
		}
	}
	const record = "production.json"
	for name, c := range map[string]struct {
		says   string
		change func(tree)
	}{
		"one more out":          {"do not close", edit(record, `"out": 2`, `"out": 3`)},
		"one more in and seen":  {"3 items in scope, 4 were collected", edit(record, `"in": 3`, `"in": 4`, `"seen": 5`, `"seen": 6`)},
		"less than nothing":     {"do not close", edit(record, `"out": 2`, `"out": -2`, `"seen": 5`, `"seen": 1`)},
		"one item less":         {"holds 3 items", edit(record, `"items": 3`, `"items": 2`)},
		"one item more":         {"more items than", edit(record, `"items": 3`, `"items": 4`)},
		"one byte more":         {"84 bytes, the record says 85", func(b tree) { edit(record, `"bytes": 84`, `"bytes": 85`)(b); edit("bag-info.txt", "84.3", "85.3")(b) }},
		"open that never was":   {"more items than", edit(record, `"open": 0`, `"open": 1`)},
		"withheld, never was":   {"more items than", edit(record, `"withheld": 0`, `"withheld": 1`)},
		"replaced that was not": {"0 characters replaced", edit(record, `"dat_characters_replaced": 0`, `"dat_characters_replaced": 1`)},
		"a hold":                {"a provider's hold", edit(record, `"volume": 1`, `"volume": 0`)},
		"no volume":             {"cannot be", edit(record, `"volume": 1`, `"volume": -1`)},
		"a second volume": {"volume 2 holds 3", func(b tree) {
			edit(record, `"volume": 1`, `"volume": 2`)(b)
			edit("bag-info.txt", "mnop-1", "mnop-2")(b)
		}},
		"another version":       {"not known", edit(record, `production/1"`, `production/2"`)},
		"a field more":          {"unknown field", edit(record, `"items": 3`, `"items": 3, "more": 1`)},
		"a time with a zone":    {"cannot be", edit(record, `"2023-11-14T22:13:20Z"`, `"2023-11-14T23:13:20+01:00"`)},
		"another mandate":       {"not the mandate", edit("mandate/statement.txt", "approved", "refused")},
		"another account":       {"items.csv does not say", edit("items.csv", ",alice,", ",bobby,")},
		"another container":     {"items.dat does not say", edit("items.dat", "INBOX", "Trash")},
		"a list that differs":   {"items.csv does not say", edit("items.jsonl", "alice", "bobby")},
		"a decision":            {"has the decision", edit("items.jsonl", `"decision":"in"`, `"decision":"out"`)},
		"an item in other form": {"one form", edit("items.jsonl", `{"number":2,`, `{ "number":2,`)},
		"an item's size":        {"000001.eml was changed", edit("items.jsonl", `"size":28`, `"size":29`)},
		"another bag":           {"bagit.txt does not", edit("bagit.txt", "1.0", "1.1")},
		"another bag's day":     {"bag-info.txt does not", edit("bag-info.txt", "2023-11-14", "2023-11-15")},
		"a digest in capitals": {"do not agree on item 1", func(b tree) {
			b["manifest-sha256.txt"] = strings.ToUpper(b["manifest-sha256.txt"][:64]) + b["manifest-sha256.txt"][64:]
		}},
		"a manifest unsorted":       {"do not agree on item 1", func(b tree) { b["manifest-sha256.txt"] = reversed(b["manifest-sha256.txt"]) }},
		"a manifest without an end": {"has no end", func(b tree) { b["manifest-sha256.txt"] = strings.TrimSuffix(b["manifest-sha256.txt"], "\n") }},
		"another root": {"is not the signed one", func(b tree) {
			b[record] = regexp.MustCompile(`"root": ".*"`).ReplaceAllString(b[record], fmt.Sprintf(`"root": %q`, vitrine.Digest{}))
		}},
		"no approver": {"no approver's signature", func(b tree) {
			delete(b, "mandate/1.sig")
			b[record] = regexp.MustCompile(`    "mandate/1.sig": .*\n`).ReplaceAllString(b[record], "")
		}},
		"a second ruling without a first": {"ruling/1.txt is missing", func(b tree) {
			b["ruling/2.txt"], b["ruling/2.1.sig"] = "x", "y"
			b[record] = strings.Replace(b[record], "\n  }\n}", fmt.Sprintf(",\n    \"ruling/2.1.sig\": %q,\n    \"ruling/2.txt\": %q\n  }\n}", vitrine.Digest{}, vitrine.Digest{}), 1)
		}},
		"a ruling that nobody signed": {"ruling/1.txt has no approver", func(b tree) {
			b["ruling/1.txt"] = "x"
			b[record] = strings.Replace(b[record], "\n  }\n}", fmt.Sprintf(",\n    \"ruling/1.txt\": %q\n  }\n}", vitrine.Digest{}), 1)
		}},
	} {
		p := newProvider(t)
		dir := opened(t, p, 3)
		resigned(t, p, dir, func(tree) {})
		if _, err := production.VerifyBag(dir, p.trust(), nil); err != nil {
			t.Fatalf("signed again and nothing changed: %v", err)
		}
		resigned(t, p, dir, c.change)
		if _, err := production.VerifyBag(dir, p.trust(), nil); vitrine.ExitCode(err) != 3 || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// TestReportIsHarmless has a record whose text would act on a terminal.
func TestReportIsHarmless(t *testing.T) {
	p := newProvider(t)
	dir := opened(t, p, 1)
	resigned(t, p, dir, func(b tree) {
		b["production.json"] = strings.Replace(b["production.json"], `"R-1"`, "\"R\\u001b[2J\u202e\\n1\"", 1)
	})
	report, err := production.VerifyBag(dir, p.trust(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(strings.Join(report.Lines, ""), "\x1b\u202e\n") {
		t.Errorf("the report acts on the terminal: %q", report.Lines)
	}
	if err := os.WriteFile(filepath.Join(dir, "\x1b[2Jx"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := production.VerifyBag(dir, p.trust(), nil); err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("a file's name acts on the terminal: %v", err)
	}
}

// TestUnruled is a volume with an item that nobody could place and no ruling
// produced.
func TestUnruled(t *testing.T) {
	p, id := newProvider(t), newIdentity(t)
	var out bytes.Buffer
	w, err := production.Create(&out, t.TempDir(), []age.Recipient{id.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	it := item(1)
	it.Decision = production.Undeterminable
	if _, err := w.Add(it, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mandate/statement.txt", "mandate/1.sig", "ruling/1.txt", "ruling/1.1.sig"} {
		if err := w.Tag(name, []byte(statement)); err != nil {
			t.Fatal(err)
		}
	}
	k := vitrine.Counts{Seen: 1, Undeterminable: 1}
	_, err = w.Close(production.Info{Demand: "abcdefghijklmnop", Volume: 2, Mandate: vitrine.DigestOf([]byte(statement)),
		Collection: vitrine.Collection{Counts: k, Containers: []vitrine.Container{{Name: "INBOX", Counts: k}}}}, p.sign)
	if err != nil {
		t.Fatal(err)
	}
	_, dir := laidOut(t, id, out.Bytes())
	right, wrong := vitrine.DigestOf([]byte("x")), vitrine.DigestOf([]byte("y"))
	for name, c := range map[string]struct {
		ruled map[int64]vitrine.Digest
		exit  int
	}{
		"this item":             {map[int64]vitrine.Digest{1: right}, 0},
		"other bytes":           {map[int64]vitrine.Digest{1: wrong}, 3},
		"another item":          {map[int64]vitrine.Digest{2: right}, 3},
		"nothing":               {nil, 3},
		"more than is produced": {map[int64]vitrine.Digest{1: right, 2: wrong}, 3},
	} {
		trust := p.trust()
		trust.Ruling = func(production.About, []byte, [][]byte) (map[int64]vitrine.Digest, error) { return c.ruled, nil }
		if _, err := production.VerifyBag(dir, trust, nil); vitrine.ExitCode(err) != c.exit {
			t.Errorf("ruled %s: %v", name, err)
		}
	}
	report, err := production.VerifyBag(dir, p.trust(), nil)
	if err != nil || !strings.Contains(strings.Join(report.Lines, "\n"), "not checked whose") {
		t.Errorf("without a policy for rulings: %q, %v", report.Lines, err)
	}
}
