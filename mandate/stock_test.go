package mandate_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/mandate"
)

// TestStockSSH signs with ssh-keygen, and has ssh-keygen check.
func TestStockSSH(t *testing.T) {
	tool := need.Tool(t, "ssh-keygen")
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	run := func(stdin string, args ...string) string {
		cmd := exec.Command(tool, args...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("ssh-keygen %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for _, kind := range [][]string{{"-t", "ed25519"}, {"-t", "ecdsa"}, {"-t", "rsa", "-b", "3072"}} {
		os.Remove(key)
		run("", append([]string{"-q", "-N", "", "-f", key}, kind...)...)
		public, err := os.ReadFile(key + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		a, err := mandate.ParseApprover("a", string(public))
		if err != nil {
			t.Fatal(err)
		}
		p := mandate.Policy{Need: 1, Approvers: []mandate.Approver{a}}
		s := statementOf(t, p)
		statement := filepath.Join(dir, "statement")
		os.Remove(statement + ".sig")
		if err := os.WriteFile(statement, []byte(s.Text()), 0o600); err != nil {
			t.Fatal(err)
		}
		run("", "-q", "-Y", "sign", "-n", mandate.Namespace, "-f", key, statement)
		sig, err := os.ReadFile(statement + ".sig")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Verify(s, []vitrine.Approval{{Signature: string(sig)}}, now); err != nil {
			t.Errorf("%v: %v", kind, err)
		}
		signers := filepath.Join(dir, "signers")
		if err := os.WriteFile(signers, append([]byte("a "), public...), 0o600); err != nil {
			t.Fatal(err)
		}
		run(s.Text(), "-Y", "verify", "-f", signers, "-I", "a", "-n", mandate.Namespace, "-s", statement+".sig")
		if !strings.Contains(run("", "-l", "-f", key+".pub"), a.Fingerprint) {
			t.Errorf("ssh-keygen prints another fingerprint than %s", a.Fingerprint)
		}
	}
}
