// Package fileserver starts real file servers for tests: on loopback, in a
// directory of the test's own, ended with it. It imports nothing of what is
// tested.
package fileserver

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// SSH is a running OpenSSH server that offers SFTP to the test's own user.
type SSH struct {
	URL     string // sftp://user@host:port, without a path
	Key     string // file with the user's private key
	HostKey string // the server's public key, as known_hosts has it
	command *exec.Cmd
}

// OpenSSH starts a server whose internal-sftp gets the flags; "-R" lets it
// refuse to write.
func OpenSSH(t testing.TB, flags ...string) *SSH {
	t.Helper()
	program := need.Tool(t, "sshd")
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // where it gives up its rights
			t.Fatal(err)
		}
	}
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	port := free(t)
	s := &SSH{URL: fmt.Sprintf("sftp://%s@127.0.0.1:%s", url.User(who.Username), port), Key: filepath.Join(dir, "user")}
	s.HostKey = "127.0.0.1 " + keyPair(t, filepath.Join(dir, "host"))
	keyPair(t, s.Key)
	s.command = exec.Command(program, "-D", "-e", "-f", "/dev/null", "-h", filepath.Join(dir, "host"), "-p", port,
		"-o", "ListenAddress=127.0.0.1", "-o", "Subsystem=sftp internal-sftp "+strings.Join(flags, " "), "-o", "AuthorizedKeysFile="+s.Key+".pub",
		"-o", "StrictModes=no", "-o", "UsePAM=no", "-o", "PidFile=none", "-o", "PermitRootLogin=yes", "-o", "PasswordAuthentication=no", "-o", "MaxStartups=1000")
	started(t, s.command, "Server listening")
	return s
}

// Hangup ends all connections at once, as a crash of the server's processes
// does; new ones are accepted.
func (s *SSH) Hangup(t testing.TB) {
	t.Helper()
	for _, pid := range below(t, s.command.Process.Pid) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
	}
}

// keyPair writes a private key and, beside it, its public half, which it
// returns, too.
func keyPair(t testing.TB, path string) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	k, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	line := ssh.MarshalAuthorizedKey(k)
	for name, b := range map[string][]byte{path: pem.EncodeToMemory(block), path + ".pub": line} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return strings.TrimSpace(string(line))
}
