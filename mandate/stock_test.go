package mandate_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/mandate"
)

// byTool begins the names of the vectors that ssh-keygen signed. Not all of
// its signatures can be made again, so those files are kept as they are.
const byTool = "openssh-"

// keyKinds are the keys that ssh-keygen makes for such a vector.
var keyKinds = map[string][]string{
	"ed25519": {"-t", "ed25519"}, "ecdsa-256": {"-t", "ecdsa", "-b", "256"}, "ecdsa-384": {"-t", "ecdsa", "-b", "384"},
	"ecdsa-521": {"-t", "ecdsa", "-b", "521"}, "rsa-3072": {"-t", "rsa", "-b", "3072"},
}

// TestStockVectors makes those vectors with -update where they are missing.
func TestStockVectors(t *testing.T) {
	for kind, args := range keyKinds {
		path := filepath.Join(vectors, byTool+kind+".txtar")
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if !*update {
			t.Errorf("%s is missing: go test -update", path)
			continue
		}
		tool, key := need.Tool(t, "ssh-keygen"), filepath.Join(t.TempDir(), "key")
		keygen(t, tool, "", append([]string{"-q", "-N", "", "-C", "", "-f", key}, args...)...)
		line, err := os.ReadFile(key + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		public, _, _, _, err := ssh.ParseAuthorizedKey(line)
		if err != nil {
			t.Fatal(err)
		}
		who := person{"a", publicOnly{public}}
		s := statementOf(t, policy(t, 1, who))
		// With no file named, it signs what it reads.
		sig := keygen(t, tool, s.Text(), "-q", "-Y", "sign", "-n", mandate.Namespace, "-f", key)
		v := vector{"none", "mandate", "signed by ssh-keygen", 1, []person{who}, s.Text(), []vitrine.Approval{{Signature: sig}}}
		if err := os.WriteFile(path, v.archive(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// publicOnly stands for a key that is elsewhere.
type publicOnly struct{ key ssh.PublicKey }

func (k publicOnly) PublicKey() ssh.PublicKey { return k.key }

func (publicOnly) Sign(io.Reader, []byte) (*ssh.Signature, error) {
	return nil, errors.New("the key is elsewhere")
}

// TestStockCounts has ssh-keygen count the signatures of every vector whose
// text is well formed and names the policy's own rules.
func TestStockCounts(t *testing.T) {
	tool, dir, counted := need.Tool(t, "ssh-keygen"), t.TempDir(), 0
	for name, b := range vectorFiles(t) {
		r := readVector(t, b)
		// It reads armor less strictly and does not ask for a touch.
		if r.expect == "malformed" || r.class == "rules" || r.class == "armor" || r.class == "touch" && r.expect == "refused" {
			continue
		}
		signed := map[string]bool{}
		for who, line := range r.lines {
			for _, sig := range r.sigs {
				if stockVerifies(t, tool, dir, line, r.text, sig.Signature) {
					signed[who] = true
				}
			}
		}
		counted++
		if enough := len(signed) >= r.policy.Need; enough == (r.expect == "refused") {
			t.Errorf("%s: ssh-keygen counts %d of %d, the vector says %s", name, len(signed), r.policy.Need, r.expect)
		}
	}
	if counted < 15 {
		t.Errorf("only %d vectors were counted", counted)
	}
}

// TestStockReadsArmor: whatever form of armor counts, ssh-keygen reads it too.
func TestStockReadsArmor(t *testing.T) {
	tool, dir, a := need.Tool(t, "ssh-keygen"), t.TempDir(), newPerson(t, "a")
	for name, form := range armors(t, a.sign(t, mandate.Namespace, "text", sshsig.HashSHA512).Signature) {
		if form.counts && !stockVerifies(t, tool, dir, a.line(), "text", form.armored) {
			t.Errorf("%s: ssh-keygen does not read it", name)
		}
	}
}

func stockVerifies(t testing.TB, tool, dir, line, text, armored string) bool {
	t.Helper()
	signers, sig := filepath.Join(dir, "signers"), filepath.Join(dir, "sig")
	for path, content := range map[string]string{signers: "somebody " + strings.TrimSpace(line) + "\n", sig: armored} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(tool, "-Y", "verify", "-f", signers, "-I", "somebody", "-n", mandate.Namespace, "-s", sig)
	cmd.Stdin = strings.NewReader(text)
	return cmd.Run() == nil
}

func keygen(t testing.TB, tool, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tool, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ssh-keygen %v: %v\n%s", args, err, stderr.Bytes())
	}
	return string(out)
}

// TestStockSSH signs with ssh-keygen, and has ssh-keygen check.
func TestStockSSH(t *testing.T) {
	tool := need.Tool(t, "ssh-keygen")
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	run := func(stdin string, args ...string) string { return keygen(t, tool, stdin, args...) }
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
