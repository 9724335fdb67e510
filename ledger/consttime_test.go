package ledger

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Which files may take a time that depends on numbers. What they know is
// public: proofs, and the vectors of the inner-product argument.
var (
	variableTime   = map[string]bool{"msm.go": true, "verify.go": true, "combine.go": true, "vectors.go": true, "innerproduct.go": true}
	defineVariable = []string{"msm.go", "combine.go", "vectors.go", "wide.go"}
	importsGroup   = map[string]bool{"group.go": true, "msm.go": true}
)

// secretFiles are the files through which secrets go: they must not even name
// what the others define.
func parsed(t *testing.T) map[string]*ast.File {
	names, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, n := range names {
		if !strings.HasSuffix(n.Name(), ".go") || strings.HasSuffix(n.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), n.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[n.Name()] = f
	}
	return files
}

// defined lists the functions, methods and types of a file.
func defined(f *ast.File) (names []string) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names = append(names, d.Name.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if s, ok := s.(*ast.TypeSpec); ok {
					names = append(names, s.Name.Name)
				}
			}
		}
	}
	return names
}

// violations says what in a file must not be there.
func violations(name string, f *ast.File, forbidden map[string]string) (found []string) {
	for _, i := range f.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		if strings.HasPrefix(path, "filippo.io/edwards25519") || strings.Contains(path, "ristretto255") {
			if !importsGroup[name] {
				found = append(found, "imports "+path)
			}
		}
		if path == "unsafe" || path == "C" {
			found = append(found, "imports "+path)
		}
	}
	if variableTime[name] {
		return found
	}
	ast.Inspect(f, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		switch {
		case !ok:
		case strings.Contains(id.Name, "VarTime"):
			found = append(found, "names "+id.Name)
		case forbidden[id.Name] != "":
			found = append(found, "names "+id.Name+" of "+forbidden[id.Name])
		}
		return true
	})
	return found
}

// ordinary are names of the files that take variable time that others have too,
// for what is something else: methods, which the types are forbidden for.
var ordinary = map[string]bool{"add": true, "push": true, "scalar": true, "plus": true, "total": true, "number": true}

func forbiddenNames(files map[string]*ast.File) map[string]string {
	forbidden := map[string]string{}
	for _, name := range defineVariable {
		for _, d := range defined(files[name]) {
			if !ordinary[d] {
				forbidden[d] = name
			}
		}
	}
	return forbidden
}

// TestConstantTime sees to it that secrets reach no function whose time depends
// on them.
func TestConstantTime(t *testing.T) {
	files := parsed(t)
	forbidden := forbiddenNames(files)
	for _, must := range []string{"multiScalar", "addVar", "double", "foldTable", "addendOf", "sums", "vectors", "wide"} {
		if forbidden[must] == "" {
			t.Errorf("%s is nowhere defined: the test looks for the wrong names", must)
		}
	}
	for name, f := range files {
		if defines := files[name]; defines == files["wide.go"] || name == "generators.go" {
			continue // wide.go names itself; generators.go prepares addends of what is public
		}
		for _, v := range violations(name, f, forbidden) {
			t.Errorf("%s %s", name, v)
		}
	}
}

// TestConstantTimeCheckWorks gives the check what it must find.
func TestConstantTimeCheckWorks(t *testing.T) {
	forbidden := forbiddenNames(parsed(t))
	for name, source := range map[string]string{
		"a call":         `func f(s []scalar) { multiScalar(terms{s, nil}) }`,
		"a method":       `func f(p *point, a *addend) { p.addVar(a, true) }`,
		"a library":      `func f(p q) { p.VarTimeMultiScalarMult(nil, nil) }`,
		"a batch's sums": `func f() { newSums() }`,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "prove.go", "package ledger\n"+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(violations("prove.go", f, forbidden)) == 0 {
			t.Errorf("%s in prove.go is not found", name)
		}
	}
	f, _ := parser.ParseFile(token.NewFileSet(), "prove.go", "package ledger\nimport \"filippo.io/edwards25519\"", 0)
	if len(violations("prove.go", f, forbidden)) == 0 {
		t.Error("an import in prove.go is not found")
	}
}
