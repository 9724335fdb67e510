package ledger

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Secrets go through every file but these. These work on what is public:
// generators, proofs, and the vectors of the inner-product argument.
var publicFiles = []string{"msm.go", "verify.go", "combine.go", "vectors.go", "wide.go", "innerproduct.go", "generators.go"}

// variableTime are the files that define what takes a time that depends on
// numbers; nobody but the publicFiles may use what is defined there.
var variableTime = []string{"msm.go", "combine.go", "vectors.go", "wide.go"}

// importGroup are the files that may import the group's library.
var importGroup = []string{"group.go", "ristretto.go", "scalar.go", "msm.go"}

// packageFiles parses this package without its tests.
func packageFiles(t *testing.T, fset *token.FileSet) (files []*ast.File) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if !strings.HasSuffix(n, "_test.go") {
			files = append(files, parsed(t, fset, n, nil))
		}
	}
	return files
}

func parsed(t *testing.T, fset *token.FileSet, name string, src any) *ast.File {
	f, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// empty imports packages of which nothing is known but the name.
type empty struct{}

func (empty) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}

// misuses lists what secrets must not reach, by the file and its name.
func misuses(fset *token.FileSet, files []*ast.File) (found []string) {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: empty{}, Error: func(error) {}} // other packages' names are errors
	conf.Check("ledger", fset, files, info)
	in := func(p token.Pos) string { return fset.Position(p).Filename }

	for id, object := range info.Uses {
		if slices.Contains(variableTime, in(object.Pos())) && !slices.Contains(publicFiles, in(id.Pos())) {
			found = append(found, in(id.Pos())+" uses "+id.Name)
		}
	}
	for _, f := range files {
		name := in(f.Pos())
		for _, i := range f.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			group := strings.HasPrefix(p, "filippo.io/edwards25519") || strings.Contains(p, "ristretto255")
			if group && !slices.Contains(importGroup, name) || p == "unsafe" || p == "C" {
				found = append(found, name+" imports "+p)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && strings.Contains(id.Name, "VarTime") && name != "msm.go" {
				found = append(found, name+" uses "+id.Name)
			}
			return true
		})
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestConstantTime sees to it that secrets reach no function whose time depends
// on them.
func TestConstantTime(t *testing.T) {
	for _, name := range slices.Concat(publicFiles, importGroup) {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("the test looks at a file that is not there: %v", err)
		}
	}
	fset := token.NewFileSet()
	for _, m := range misuses(fset, packageFiles(t, fset)) {
		t.Error(m)
	}
}

// TestConstantTimeCheck gives the check what it must find, and what it must not.
func TestConstantTimeCheck(t *testing.T) {
	for source, want := range map[string]string{
		`func f(s []scalar) { multiScalar(terms{s, nil}) }`:       "other.go uses multiScalar",
		`func f(p *point, a *addend) { p.addVar(a, 1) }`:          "other.go uses addVar",
		`func f(p *point) { affine(p).double() }`:                 "other.go uses double",
		`func f(s []scalar) { numbersOf(s)[0].plus(nil) }`:        "other.go uses plus",
		`func f() { newSums().push(nil) }`:                        "other.go uses push",
		`func f(p q) { p.VarTimeDoubleScalarBaseMult(nil, nil) }`: "other.go uses VarTimeDoubleScalarBaseMult",
		`import "filippo.io/edwards25519"`:                        "other.go imports filippo.io/edwards25519",
		`import "unsafe"`:                                         "other.go imports unsafe",
		`func f(double, sums int) { mul(nil, nil) }`:              "",
	} {
		fset := token.NewFileSet()
		files := append(packageFiles(t, fset), parsed(t, fset, "other.go", "package ledger\n"+source))
		if found := misuses(fset, files); want != "" && !slices.Contains(found, want) || want == "" && len(found) > 0 {
			t.Errorf("%s: found %q, not %q", source, found, want)
		}
	}
}
