package vitrine_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/vitrine-project/vitrine"

// floors says on which floor each package stands. A package imports lower
// floors only; a package without a floor is a violation.
var floors = map[string]int{
	"": 0,

	"law": 1, "mandate": 1, "ledger": 1, "production": 1, "internal/dirlock": 1,
	"internal/collect/search": 1,

	"internal/store": 2, "internal/blob": 2, "internal/keyring": 2, "internal/intake": 2,
	"internal/authority": 2, "internal/checking": 2, "internal/collect": 2, "internal/replay": 2, "internal/sequencer": 2, "internal/letter": 2,

	"internal/query": 2,
	"internal/graph": 2,

	"internal/collect/mail": 3, "internal/collect/files": 3, "internal/collect/records": 3, "internal/collect/chat": 3,

	"internal/casework": 4,
	"internal/report":   5,
	"cmd/vitrine":       6, "cmd/vitrine-verify": 6,
}

// forTests are the trees that only tests import, and the benchmark, which nothing does.
var forTests = []string{"internal/vitrinetest", "internal/collect/mail/planted", "bench"}

// only maps an import to the packages that may have it.
var only = map[string][]string{
	"database/sql": {"internal/store", "internal/query"},
	"net/http":     {"internal/sequencer", "internal/checking", "internal/graph", "internal/collect/mail", "internal/collect/files", "internal/collect/chat"},
	"os/exec":      {"cmd/vitrine"},
}

// pure are the packages that touch no file, process or environment.
var pure = []string{"", "law", "mandate", "ledger"}

// violations lists what in the tree breaks the rules of the house.
func violations(tree fs.FS) ([]string, error) {
	var found []string
	err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && name != "." && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata" || e.Name() == "tools" || e.Name() == "node_modules") {
			return fs.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		found = append(found, inFile(name, file)...)
		return nil
	})
	return found, err
}

func inFile(name string, file *ast.File) []string {
	dir := path.Dir(name)
	if dir == "." {
		dir = ""
	}
	if testOnly(dir) {
		return nil
	}
	var found []string
	say := func(format string, args ...any) { found = append(found, name+": "+fmt.Sprintf(format, args...)) }
	floor, ok := floors[dir]
	if !ok {
		say("package %s has no floor: give it one in floors_test.go and docs/design.md", dir)
		return found
	}
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if may, limited := only[imported]; limited && !slices.Contains(may, dir) {
			say("imports %s, which only %s may", imported, strings.Join(may, ", "))
		}
		if slices.Contains(pure, dir) && (imported == "os" || imported == "net" || strings.HasPrefix(imported, "os/") || imported == "syscall") {
			say("imports %s, but the package is pure", imported)
		}
		rest, ours := strings.CutPrefix(imported, module)
		if !ours {
			continue
		}
		rest = strings.TrimPrefix(rest, "/")
		if testOnly(rest) {
			say("imports %s, which is for tests", rest)
		} else if below, known := floors[rest]; !known || below >= floor {
			say("imports %q on floor %d from floor %d", rest, below, floor)
		} else if dir == "cmd/vitrine-verify" && below > 1 && rest != "internal/checking" {
			say("imports %q: the auditor's tool reaches floors 0 and 1 only, and internal/checking, which does too", rest)
		}
	}
	if dir != "internal/collect" && slices.ContainsFunc(file.Imports, func(s *ast.ImportSpec) bool { return strings.Trim(s.Path.Value, `"`) == module+"/internal/collect" }) {
		found = append(found, opensSource(name, file)...)
	}
	return found
}

func testOnly(dir string) bool {
	return slices.ContainsFunc(forTests, func(t string) bool { return dir == t || strings.HasPrefix(dir, t+"/") })
}

// opensSource finds, in a file that can name a source, calls of its Open,
// which alone takes four arguments (context, container, item, offset), and uses of an
// Open that is not called on the spot.
func opensSource(name string, file *ast.File) []string {
	var found []string
	called := map[*ast.SelectorExpr]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Open" {
				called[sel] = true
				if len(call.Args) == 4 {
					found = append(found, name+": calls a source's Open, which only internal/collect may")
				}
			}
		}
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Open" && !called[sel] {
			found = append(found, name+": hands an Open on without calling it: only internal/collect opens what a source holds")
		}
		return true
	})
	return found
}

func TestFloors(t *testing.T) {
	for dir := range floors {
		if _, err := os.Stat(path.Join(".", dir)); err != nil {
			t.Errorf("%s has a floor and is not there", dir)
		}
	}
	found, err := violations(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// TestFloorsSeeViolations plants one violation of each rule.
func TestFloorsSeeViolations(t *testing.T) {
	for name, src := range map[string]string{
		"law/up.go":                    `package law; import _ "github.com/vitrine-project/vitrine/internal/casework"`,
		"mandate/neighbour.go":         `package mandate; import _ "github.com/vitrine-project/vitrine/production"`,
		"internal/shed/new.go":         `package shed`,
		"internal/casework/sql.go":     `package casework; import _ "database/sql"`,
		"law/file.go":                  `package law; import _ "os"`,
		"internal/store/test.go":       `package store; import _ "github.com/vitrine-project/vitrine/internal/vitrinetest/need"`,
		"cmd/vitrine-verify/deep.go":   `package main; import _ "github.com/vitrine-project/vitrine/internal/keyring"`,
		"internal/casework/open.go":    `package casework; import "github.com/vitrine-project/vitrine/internal/collect"; func f(s collect.Source) { s.Open(1, 2, 3, 4) }`,
		"cmd/vitrine/value.go":         `package main; import "github.com/vitrine-project/vitrine/internal/collect"; func f(s collect.Source) any { return s.Open }`,
		"internal/collect/mail/web.go": `package mail; import _ "os/exec"`,
	} {
		found, err := violations(fstest.MapFS{name: {Data: []byte(src)}})
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != 1 {
			t.Errorf("%s: want one violation found, got %q", name, found)
		}
	}
}
