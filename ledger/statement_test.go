package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

const auditorName = "auditor.example"

var auditorKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize))

// wholeLedger is the public ledger of the directory that attacks begin with.
func wholeLedger() *Ledger {
	w := whole().branch(builder{}, "statements")
	return &w.accepted().Ledgers[0]
}

// aStatement is about a cell of that ledger, or with ByBundles of its period.
func aStatement(p Procedure) AuditorStatement {
	s := must(wholeLedger().At(0))
	s.Auditor, s.Procedure, s.Passed, s.Day = PublicKey(auditorName, public(auditorKey)), p, true, "2026-01-09"
	if p != ByBundles {
		s.Sheet, s.List = "us/search-warrant", sha256.Sum256(whole().list)
	}
	if p == BySample {
		s.Randomness = []byte("the first output after that")
	}
	return s
}

// signedText is a note over any text, by the auditor's key.
func signedText(text string) string {
	return string(must(sign(text, noteSigner(builder{}, auditorName, auditorKey))))
}

// judged reads a statement and compares it with the ledger.
func judged(note string) error {
	s, err := OpenStatement([]byte(note))
	if err != nil {
		return err
	}
	return wholeLedger().Fits(s)
}

// TestStatementText compares with the words of the specification.
func TestStatementText(t *testing.T) {
	l := wholeLedger()
	head := fmt.Sprintf("vitrine/statement/v1\nauditor %s\norigin example.org/public\nprocedure ", PublicKey(auditorName, public(auditorKey)))
	tree := fmt.Sprintf("period 0\nheader %s\nsize %d\nroot %s\n", l.Chain[0].Hash, l.Checkpoint.Size, l.Checkpoint.Root)
	cell := fmt.Sprintf("sheet us/search-warrant\nlist %x\n", sha256.Sum256(whole().list))
	end := "result passed\nday 2026-01-09\n"
	for p, want := range map[Procedure]string{
		ByBundles: head + "bundles\n" + tree + end,
		ByTally:   head + "tally\n" + tree + cell + end,
		BySample:  head + "sample\n" + tree + cell + fmt.Sprintf("randomness %x\n", "the first output after that") + end,
	} {
		s := aStatement(p)
		if s.Text() != want {
			t.Errorf("%s:\n%s\nwant\n%s", p, s.Text(), want)
		}
		b, err := s.Sign(noteSigner(t, auditorName, auditorKey))
		if err != nil || string(b) != signedText(want) {
			t.Errorf("%s: %s, %v", p, b, err)
		}
		if err := judged(string(b)); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	if _, err := aStatement(ByTally).Sign(noteSigner(t, auditorName, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))); err == nil {
		t.Error("another key signed for the auditor")
	}
}

// TestStatements: an audit says what auditors said, and of a document that is
// none, that nothing follows from it.
func TestStatements(t *testing.T) {
	l := wholeLedger()
	if len(l.Statements) != 1 || l.Statements[0].Err == nil {
		t.Errorf("%v: the document that is no statement is taken for one", l.Statements)
	}
	lines := strings.Join((&Verdict{Ledgers: []Ledger{*l}}).Lines(), "\n")
	if want := fmt.Sprintf("caution: document %s of the public ledger is called an auditor's statement, and nothing follows from it: ", l.Statements[0].Digest); !strings.Contains(lines, want) {
		t.Errorf("%s\nsays not: %s", lines, want)
	}
	failed := aStatement(ByBundles)
	failed.Passed = false
	key := PublicKey(auditorName, public(auditorKey))
	for want, s := range map[string]AuditorStatement{
		"drawn leaves of sheet us/search-warrant and their papers in period 0": aStatement(BySample),
		"the list of sheet us/search-warrant and its proof in period 0":        aStatement(ByTally),
		"every leaf in period 0": failed,
	} {
		note := signedText(s.Text())
		l.Statements = []Stated{l.judge(Hash{1}, []byte(note))}
		lines := strings.Join((&Verdict{Ledgers: []Ledger{*l}}).Lines(), "\n")
		result := map[bool]string{true: "passed", false: "failed"}[s.Passed]
		for _, w := range []string{"an auditor looked at " + want, fmt.Sprintf("with %d entries: %s. Said on 2026-01-09 by the key %s;", s.Size, result, key)} {
			if !strings.Contains(lines, w) {
				t.Errorf("%s\nsays not: %s", lines, w)
			}
		}
	}
}

func statementVectors(*testing.T) map[string]paperVector {
	list := map[string]paperVector{}
	add := func(name, class, text string) { list[name] = paperVector{Class: class, Text: text} }
	for _, p := range []Procedure{ByBundles, ByTally, BySample} {
		add("accepted-"+string(p), "none", signedText(aStatement(p).Text()))
	}
	failed := aStatement(ByTally)
	failed.Passed = false
	add("accepted-failed", "none", signedText(failed.Text()))
	tally := aStatement(ByTally).Text()
	add("signed-by-another", "statement", string(must(sign(tally, noteSigner(builder{}, auditorName, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))))))
	add("changed-after-signing", "statement", strings.Replace(signedText(tally), "result passed", "result failed", 1))
	add("unsigned", "statement", tally+"\n")
	edited := func(name, old, new string) {
		if !strings.Contains(tally, old) {
			panic(old)
		}
		add(name, "statement", signedText(strings.Replace(tally, old, new, 1)))
	}
	l := wholeLedger()
	edited("number", "\nresult", "\nleaves 7\nresult")
	edited("procedure-unknown", "procedure tally", "procedure count")
	edited("procedure-without-its-lines", "procedure tally", "procedure sample")
	edited("procedure-with-others-lines", "procedure tally", "procedure bundles")
	edited("result-unknown", "result passed", "result unknown")
	edited("day-unknown", "day 2026-01-09", "day 2026-02-30")
	edited("period-with-a-zero", "period 0", "period 00")
	edited("period-other", "period 0", "period 1")
	edited("period-not-there", "period 0", "period 9")
	edited("period-not-complete", fmt.Sprintf("size %d\nroot %s", l.Checkpoint.Size, l.Checkpoint.Root), fmt.Sprintf("size %d\nroot %s", 2*BundleSize, l.roots[2*BundleSize]))
	edited("header-other", l.Chain[0].Hash.String(), l.Chain[1].Hash.String())
	edited("origin-other", "origin example.org/public", "origin example.org/restricted")
	edited("root-other", l.Checkpoint.Root.String(), l.Chain[0].Hash.String())
	edited("size-between-ticks", fmt.Sprintf("size %d", l.Checkpoint.Size), fmt.Sprintf("size %d", l.Checkpoint.Size-1))
	edited("sheet-unknown", "sheet us/search-warrant", "sheet us/nsl")
	edited("list-not-committed", fmt.Sprintf("list %x", sha256.Sum256(whole().list)), "list "+l.Chain[0].Hash.String())
	edited("list-before-its-notice", fmt.Sprintf("size %d\nroot %s", l.Checkpoint.Size, l.Checkpoint.Root), fmt.Sprintf("size %d\nroot %s", 3*BundleSize, l.roots[3*BundleSize]))
	edited("hexadecimal-in-capitals", "root "+l.Checkpoint.Root.String(), "root "+strings.ToUpper(l.Checkpoint.Root.String()))
	return list
}

// TestStatementVectors judges each vector, and all that are refused for what they
// say are signed well.
func TestStatementVectors(t *testing.T) {
	dir := filepath.Join(ledgerVectors, "statement")
	if *updateVectors {
		noError(os.MkdirAll(dir, 0o755))
		for name, v := range statementVectors(t) {
			v.Expect = "accepted"
			if err := judged(v.Text); err != nil {
				v.Expect, v.Says = "refused", err.Error()
			}
			writeJSON(t, filepath.Join(dir, name+".json"), v)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != len(statementVectors(t)) {
		t.Errorf("%d vectors, want %d: %v", len(files), len(statementVectors(t)), err)
	}
	for _, file := range files {
		var v paperVector
		readJSON(t, file, &v)
		if err := judged(v.Text); (v.Expect == "accepted") != (err == nil) || (v.Class == "none") != (err == nil) {
			t.Errorf("%s, %s: %v", file, v.Expect, err)
		}
	}
}

// FuzzStatement: what is read is written as it was.
func FuzzStatement(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(ledgerVectors, "statement", "*.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		var v paperVector
		readJSON(f, file, &v)
		f.Add(v.Text[:strings.LastIndex(v.Text, "\n\n")+1])
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseStatement(text)
		if err != nil {
			return
		}
		if s.Text() != text {
			t.Errorf("%q is written %q", text, s.Text())
		}
		note, err := sign(text, noteSigner(t, auditorName, auditorKey))
		if err != nil || strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && r < 0x20 || r == utf8.RuneError }) {
			t.Skip("no note has this text: it is not UTF-8, or holds control characters")
		}
		if _, err := OpenStatement(note); s.Auditor == PublicKey(auditorName, public(auditorKey)) && err != nil {
			t.Errorf("its own auditor's note is refused: %v", err)
		} else if s.Auditor != PublicKey(auditorName, public(auditorKey)) && err == nil {
			t.Error("a note of another key is accepted")
		}
	})
}
