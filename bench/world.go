package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"filippo.io/age"
)

// world is a provider that vitrine init made, with one mailbox as its source
// and keys of its own, and an authority that asks.
type world struct {
	vitrine  string // the built command
	dir      string
	identity string
	asked    int
}

func newWorld(vitrine, dir, kind, pattern string) (*world, error) {
	w := &world{vitrine: vitrine, dir: dir, identity: filepath.Join(dir, "authority.key")}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if out, err := exec.Command(vitrine, "init", dir, "--origin", "bench.example/vitrine").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("vitrine init: %w: %s", err, out)
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(w.identity, []byte(id.String()+"\n"), 0o600); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(w.config())
	if err != nil {
		return nil, err
	}
	head, rest, _ := strings.Cut(string(b), "[[source]]")
	_, tail, _ := strings.Cut(rest, "# How many approvers")
	text := head + fmt.Sprintf("[[source]]\nname = \"mail\"\nkind = %q\npath = %q\nmay_write = \"a benchmark\"\n\n# How many approvers", kind, pattern) + tail +
		fmt.Sprintf("\n[[authority]]\nid = \"us-dc-wawd\"\nname = \"U.S. District Court\"\nseal_to = [%q]\n", id.Recipient().String())
	if err := os.WriteFile(w.config(), []byte(text), 0o600); err != nil {
		return nil, err
	}
	return w, os.WriteFile(filepath.Join(dir, "warrant.txt"), []byte("a paper\n"), 0o600)
}

func (w *world) config() string { return filepath.Join(w.dir, "vitrine.toml") }
func (w *world) demand() string { return filepath.Join(w.dir, "asked.toml") }

// ask writes the next demand: the same again would be answered from what is
// kept.
func (w *world) ask(account string) error {
	w.asked++
	return os.WriteFile(w.demand(), fmt.Appendf(nil, `reference  = "26-CR-%d"
authority  = "us-dc-wawd"
instrument = "us/search-warrant"
document   = "warrant.txt"
received   = 2026-11-20T09:00:00Z
accounts   = [%q]
categories = ["content"]
from       = %s
to         = %s
clock      = "sent"
correspondents = [%q]
`, w.asked, account, scopeFrom, scopeTo, correspondent), 0o600)
}

// answer is the command that answers the demand into a directory.
func (w *world) answer(out string) *exec.Cmd {
	keys := filepath.Join(w.dir, "keys")
	cmd := exec.Command(w.vitrine, "answer", "--config", w.config(), "--demand", w.demand(), "--out", out,
		"--approve", filepath.Join(keys, "counsel-a"), "--approve", filepath.Join(keys, "counsel-b"))
	return cmd
}

// settle answers a demand for an account that is not there, so that what is
// made once, with the first demand, is made.
func (w *world) settle() error {
	if err := w.ask("nobody"); err != nil {
		return err
	}
	out := filepath.Join(w.dir, "first")
	if text, err := w.answer(out).CombinedOutput(); err != nil {
		return fmt.Errorf("vitrine answer: %w: %s", err, text)
	}
	return nil
}

// found opens the one volume in out, as the authority would, and returns the
// ids of the messages in it.
func (w *world) found(out string) (set, error) {
	volumes, err := filepath.Glob(filepath.Join(out, "*.zip.age"))
	if err != nil || len(volumes) != 1 {
		return nil, fmt.Errorf("%d volumes in %s, want one (%v)", len(volumes), out, err)
	}
	bag := filepath.Join(out, "opened")
	if text, err := exec.Command(w.vitrine, "open", volumes[0], "--identity", w.identity, "--out", bag).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("vitrine open: %w: %s", err, text)
	}
	if text, err := exec.Command(w.vitrine, "verify", bag).CombinedOutput(); err != nil && !strings.Contains(string(text), "trust") {
		return nil, fmt.Errorf("vitrine verify: %w: %s", err, text)
	}
	return messagesIn(filepath.Join(bag, "data"))
}
