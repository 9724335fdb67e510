package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	planted "github.com/vitrine-project/vitrine/internal/vitrinetest/published"
)

// TestVerifyScripts checks what is published and handed out, which is planted
// beside each script, and served at $URL.
func TestVerifyScripts(t *testing.T) {
	s := planted.New(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/verify",
		Setup: func(e *testscript.Env) error {
			public := filepath.Join(e.WorkDir, "public")
			s.Write(t, public, filepath.Join(e.WorkDir, "papers"))
			server := httptest.NewServer(http.FileServer(http.Dir(public)))
			e.Defer(server.Close)
			e.Setenv("URL", server.URL)
			e.Setenv("KEY", s.Keys["public"])
			return nil
		},
		RequireUniqueNames: true,
	})
}

// TestPrintable: what others wrote does not move the cursor.
func TestPrintable(t *testing.T) {
	var out bytes.Buffer
	program{stdout: &out}.say([]string{"table \x1b[2J\r\u009b of Köln"})
	if want := "table ?[2J?? of Köln\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
