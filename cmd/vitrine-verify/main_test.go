//go:build !js

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/published"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"vitrine-verify": main})
}

// planted is the published directory that tests look at; they break copies.
var planted = struct {
	sync.Once
	site *published.Site
}{}

func site0(t testing.TB) *published.Site {
	planted.Do(func() { planted.site = published.New(t) })
	if planted.site == nil {
		t.Fatal("no published directory could be written")
	}
	return planted.site.Clone()
}

func TestScripts(t *testing.T) {
	s := site0(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			public := filepath.Join(e.WorkDir, "public")
			s.Write(t, public, filepath.Join(e.WorkDir, "papers"))
			server := httptest.NewServer(http.FileServer(http.Dir(public)))
			e.Defer(server.Close)
			e.Setenv("URL", server.URL)
			empty := httptest.NewServer(http.NotFoundHandler())
			e.Defer(empty.Close)
			e.Setenv("NOWHERE", empty.URL)
			e.Setenv("KEY", s.Keys["public"])
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"flip": func(ts *testscript.TestScript, _ bool, args []string) { flip(ts, args[0], args[1]) },
			"want": want,
		},
		RequireUniqueNames: true,
	})
}

// flip changes one bit: of the byte at a place, from the end if it is negative.
func flip(ts *testscript.TestScript, path, at string) {
	path = ts.MkAbs(path)
	b, err := os.ReadFile(path)
	ts.Check(err)
	n, err := strconv.Atoi(at)
	ts.Check(err)
	if n < 0 {
		n += len(b)
	}
	b[n] ^= 1
	ts.Check(os.WriteFile(path, b, 0o644))
}

// want runs vitrine-verify and wants its exit code: want 3 receipt …
func want(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("vitrine-verify", args[1:]...)
	code := "0"
	if err != nil {
		code = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if code != args[0] {
		ts.Fatalf("vitrine-verify %s: exit code %s, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}
