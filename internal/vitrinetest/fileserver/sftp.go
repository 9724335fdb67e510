// Package fileserver starts real file servers for tests: on loopback, in a
// directory of the test's own, ended with it. It imports nothing of what is
// tested.
package fileserver

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

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

// below are the processes that a process started, and those that they did.
func below(t testing.TB, pid int) (all []int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil // it is gone
	}
	for _, field := range strings.Fields(string(b)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, child), below(t, child)...)
	}
	return all
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

// free is a port that nobody listens on.
func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// startWithin is how long a server may take to start.
const startWithin = 30 * time.Second

// started starts a server, waits until it says so on its standard error, and
// ends it with the test.
func started(t testing.TB, c *exec.Cmd, ready string) {
	t.Helper()
	out, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, pid := range append(below(t, c.Process.Pid), c.Process.Pid) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		c.Wait()
	})
	said := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		var all []string
		for lines.Scan() {
			if len(all) < 50 {
				all = append(all, lines.Text())
			}
			if strings.Contains(lines.Text(), ready) {
				select {
				case said <- "":
				default:
				}
			}
		}
		select {
		case said <- strings.Join(all, "\n"):
		default:
		}
	}()
	select {
	case text := <-said:
		if text != "" {
			t.Fatalf("%s did not start: %s", c.Path, text)
		}
	case <-time.After(startWithin):
		t.Fatalf("%s did not start in %v", c.Path, startWithin)
	}
}
