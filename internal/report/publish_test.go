package report

import (
	"os"
	"path/filepath"
	"testing"
)

// TestExchangeKilled ends an exchange at each step: the public directory is
// whole, or is put back by the next build, which then exchanges it.
func TestExchangeKilled(t *testing.T) {
	lay := func(dir, what string) {
		t.Helper()
		if err := writeAll(dir, map[string][]byte{"reports/index.json": []byte("[]"), "what": []byte(what)}); err != nil {
			t.Fatal(err)
		}
	}
	is := func(dir, when string, want ...string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, "what"))
		for _, w := range want {
			if string(b) == w {
				return
			}
		}
		t.Errorf("%s: it is %q (%v), want one of %q", when, b, err, want)
	}
	steps := map[string]string{"public: set aside": "the last", "public: replaced": "the next", "public: done": "the next"}
	for at, want := range steps {
		out := filepath.Join(t.TempDir(), "public")
		lay(out, "the last")
		lay(nextOf(out), "the next")
		func() {
			defer func() {
				if recover() != at {
					t.Errorf("%s: not passed", at)
				}
			}()
			t.Log(Builder{Reached: func(p string) {
				if p == at {
					panic(p)
				}
			}}.exchange(out))
		}()
		if err := (Builder{}).Recover(out); err != nil {
			t.Fatal(err)
		}
		is(out, at, want)
		if err := os.RemoveAll(nextOf(out)); err != nil {
			t.Fatal(err)
		}
		lay(nextOf(out), "the one after")
		if err := (Builder{}).exchange(out); err != nil {
			t.Fatal(err)
		}
		is(out, at, "the one after")
		if _, err := os.Stat(lastOf(out)); err == nil {
			t.Errorf("%s: %s is left behind", at, lastOf(out))
		}
	}
	fresh := filepath.Join(t.TempDir(), "public")
	if err := (Builder{}).Recover(fresh); err != nil {
		t.Error(err)
	}
	lay(nextOf(fresh), "the first")
	if err := (Builder{}).exchange(fresh); err != nil {
		t.Fatal(err)
	}
	is(fresh, "the first of all", "the first")
}

// TestBesideIsLeftAlone: directories of the operator's own beside the public one
// stay, and what is no public directory is not put in its place.
func TestBesideIsLeftAlone(t *testing.T) {
	out := filepath.Join(t.TempDir(), "public")
	for _, own := range []string{out + ".old", out + ".partial", out + ".bak"} {
		if err := writeAll(own, map[string][]byte{"precious": []byte("mine")}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := writeAll(nextOf(out), map[string][]byte{"reports/index.json": []byte("[]")}); err != nil {
			t.Fatal(err)
		}
		if err := (Builder{}).exchange(out); err != nil {
			t.Fatal(err)
		}
	}
	for _, own := range []string{out + ".old", out + ".partial", out + ".bak"} {
		if b, err := os.ReadFile(filepath.Join(own, "precious")); string(b) != "mine" {
			t.Errorf("%s: %v", own, err)
		}
	}
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	if err := writeAll(lastOf(out), map[string][]byte{"precious": []byte("mine")}); err != nil {
		t.Fatal(err)
	}
	if err := (Builder{}).Recover(out); err == nil {
		t.Error("what is no public directory was put in its place")
	}
}
