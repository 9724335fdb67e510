package main

import (
	"bytes"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/vitrine-project/vitrine"
)

func base64Std(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }

// unsealTo opens path.age with an age identity, by age itself.
func unsealTo(t *testing.T, identity, path string) {
	t.Helper()
	ids, err := age.ParseIdentities(bytes.NewReader(readAll(t, identity)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(readAll(t, path+".age")), ids...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// statements has the auditor sign, and the ledger say it, at half 2; the next
// tick is at half 3.
func (s *stage) statements(path func(sheet, what string) string) {
	t := s.t
	t.Helper()
	key := filepath.Join(s.dir, "auditor.key")
	vkey := strings.TrimSpace(s.ok(on(1, 102), "audit", "key", "auditor.example", "--out", key))
	say := func(name string, args ...string) string {
		out := filepath.Join(s.dir, name+".statement")
		s.ok(on(1, 103), append([]string{"audit", "statement", "--report", s.public, "--key", key, "--out", out}, args...)...)
		return out
	}
	public := func(sheet string) []string { return []string{"--list", path(sheet, "list")} }
	tally := func(sheet string, more ...string) []string {
		return append(append(public(sheet), "--procedure", "tally", "--proof", path(sheet, "proof")), more...)
	}
	good := []string{
		say("tally", tally("us/search-warrant")...),
		say("banded", tally("us/fisa-prtt", "--beside", path("us/fisa-noncontent", "list"))...),
		say("sample", append(public("us/search-warrant"), "--procedure", "sample", "--passed", "--randomness", strings.Repeat("07", 32))...),
		say("bundles", "--procedure", "bundles", "--period", "0"),
		say("alone", tally("us/fisa-prtt")...), // without the demands: it failed
	}
	for i, file := range good {
		text := string(readAll(t, file))
		want := "passed"
		if i == len(good)-1 {
			want = "failed"
		}
		if !strings.HasPrefix(text, "vitrine/statement/v1\nauditor "+vkey+"\norigin glass.example/demo") || !strings.Contains(text, "\nresult "+want+"\nday 2026-04-14\n\n— auditor.example ") {
			t.Errorf("%s:\n%s", file, text)
		}
	}
	// Nothing in the statement on a banded cell but what is known without the list.
	numbers := regexp.MustCompile(`(?m)^([a-z]+) .*`)
	if lines := numbers.FindAllStringSubmatch(string(readAll(t, good[1])), -1); len(lines) != 11 {
		t.Errorf("the statement on a banded cell has the lines %q", lines)
	}
	add := func(file string) []string {
		return []string{"audit", "statement", "--add", file, "--config", s.config}
	}
	for _, file := range append(good, good[0]) {
		s.ok(on(1, 104), add(file)...)
	}
	for name, c := range map[string]struct{ old, new, says string }{
		"result": {"result passed", "result failed", "did not sign it"},
		"tree":   {"size ", "size 1", "did not sign it"},
		"form":   {"\nday ", "\nnumber 7\nday ", "is missing"},
	} {
		bad := filepath.Join(s.dir, name+".bad")
		if err := os.WriteFile(bad, []byte(strings.Replace(string(readAll(t, good[0])), c.old, c.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		s.refuses(on(1, 104), vitrine.Unverified, c.says, add(bad)...)
	}
	s.refuses(on(1, 104), vitrine.Usage, "has a sheet", "audit", "commit", "--config", s.config, "--period", "7", "--sheet", "us/subpoena")
	s.build(on(2, 3))
	found := 0
	for _, l := range s.verdict().Ledgers {
		for _, one := range l.Statements {
			if found++; one.Err != nil || one.Auditor != vkey {
				t.Errorf("statement %s of the %s ledger: %v", one.Digest, l.Class, one.Err)
			}
		}
	}
	if found != len(good) {
		t.Errorf("the ledgers say %d statements, want %d", found, len(good))
	}
}
