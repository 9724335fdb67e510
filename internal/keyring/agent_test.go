package keyring_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitrine-project/vitrine/internal/keyring"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// startAgent runs a stock ssh-agent for the test's duration.
func startAgent(t *testing.T, socket string) {
	t.Helper()
	agent := exec.Command(need.Tool(t, "ssh-agent"), "-D", "-a", socket)
	out, err := agent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	// It prints where it listens once it does.
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, socket) {
		t.Fatalf("ssh-agent said %q (%v)", line, err)
	}
	t.Setenv("SSH_AUTH_SOCK", socket)
}

// TestStockAgent has a stock ssh-agent hold keys of each kind whose private
// files are gone, and ssh-keygen check what it signed.
func TestStockAgent(t *testing.T) {
	keygen, add := need.Tool(t, "ssh-keygen"), need.Tool(t, "ssh-add")
	dir := t.TempDir()
	startAgent(t, filepath.Join(dir, "s"))
	for name, args := range map[string][]string{"ed25519": {"-t", "ed25519"}, "ecdsa": {"-t", "ecdsa"}, "rsa": {"-t", "rsa", "-b", "3072"}} {
		key := filepath.Join(dir, name)
		for _, cmd := range []*exec.Cmd{exec.Command(keygen, append([]string{"-q", "-N", "", "-f", key}, args...)...), exec.Command(add, "-q", key)} {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
			}
		}
		if err := os.Remove(key); err != nil {
			t.Fatal(err)
		}
		a, err := keyring.Approve(key+".pub", "n", []byte("text"), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		line, err := os.ReadFile(key + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		stockVerifies(t, string(line), "n", "text", a.Signature)
	}
}

// stockVerifies fails t unless ssh-keygen finds the signature good.
func stockVerifies(t *testing.T, line, namespace, text, armored string) {
	t.Helper()
	dir := t.TempDir()
	signers, sig := filepath.Join(dir, "signers"), filepath.Join(dir, "sig")
	for path, content := range map[string]string{signers: "somebody " + strings.TrimSpace(line) + "\n", sig: armored} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(need.Tool(t, "ssh-keygen"), "-Y", "verify", "-f", signers, "-I", "somebody", "-n", namespace, "-s", sig)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("ssh-keygen -Y verify: %v\n%s", err, out)
	}
}
