// Package mailserver starts real mail servers for tests: on loopback, in a
// directory of the test's own, ended with it. It imports nothing of what is
// tested.
package mailserver

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// Dovecot is a running Dovecot. Whoever logs in as "ACCOUNT*reader" can look
// up and read, as "ACCOUNT*writer" change everything; the password is Password.
type Dovecot struct {
	IMAP      string // host:port, in plain and with STARTTLS
	IMAPS     string // host:port
	Authority string // PEM file of the certificate
	Password  string // file
	Maildirs  string // each account's Maildir lies under its name
	PID       int
	n         int
}

// nobody owns the mail.
const nobody = 65534

const dovecotConf = `
base_dir = DIR/run
state_dir = DIR/state
log_path = DIR/log
listen = 127.0.0.1
protocols = imap
ssl = yes
ssl_cert = <DIR/cert.pem
ssl_key = <DIR/key.pem
disable_plaintext_auth = no
auth_failure_delay = 0
auth_username_format = %u
auth_master_user_separator = *
mail_location = maildir:DIR/mail/%u
mail_uid = 65534
mail_gid = 65534
first_valid_uid = 1
first_valid_gid = 1
mail_plugins = acl
maildir_stat_dirs = no
mail_max_userip_connections = 1000
protocol imap {
  mail_plugins = acl imap_acl
}
service imap-login {
  inet_listener imap {
    port = PLAIN
  }
  inet_listener imaps {
    port = SECURE
    ssl = yes
  }
  process_min_avail = 1
  service_count = 0
  chroot =
}
service anvil {
  client_limit = 2000
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
passdb {
  driver = passwd-file
  args = scheme=plain DIR/masters
  master = yes
  pass = yes
}
passdb {
  driver = passwd-file
  args = scheme=plain DIR/users
}
userdb {
  driver = passwd-file
  args = DIR/users
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    special_use = \Sent
  }
  mailbox Drafts {
    special_use = \Drafts
  }
  mailbox Trash {
    special_use = \Trash
  }
  mailbox Junk {
    special_use = \Junk
  }
  mailbox Archive {
    special_use = \Archive
  }
}
plugin {
  acl = vfile:DIR/acl
}
`

// StartDovecot starts a server that knows the accounts.
func StartDovecot(t testing.TB, accounts ...string) *Dovecot {
	t.Helper()
	program := need.Tool(t, "dovecot")
	need.Root(t)
	dir := public(t)
	d := &Dovecot{Password: filepath.Join(dir, "password"), Maildirs: filepath.Join(dir, "mail"), Authority: filepath.Join(dir, "cert.pem")}
	var users strings.Builder
	for _, a := range accounts {
		fmt.Fprintf(&users, "%s:own-password::::::\n", a)
	}
	write(t, filepath.Join(dir, "users"), users.String())
	write(t, filepath.Join(dir, "masters"), "reader:secret\nwriter:secret\n")
	write(t, filepath.Join(dir, "acl"), "* user=reader lr\n* user=writer lrwstipekxa\n")
	write(t, d.Password, "secret\n")
	certificate(t, dir, "127.0.0.1")
	plain, secure := Free(t), Free(t)
	d.IMAP, d.IMAPS = "127.0.0.1:"+plain, "127.0.0.1:"+secure
	conf := strings.NewReplacer("DIR", dir, "PLAIN", plain, "SECURE", secure).Replace(dovecotConf)
	write(t, filepath.Join(dir, "dovecot.conf"), conf)
	for _, a := range accounts {
		d.Folder(t, a, "INBOX")
	}
	for _, name := range []string{"users", "masters", "acl"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(program, "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	start(t, c, d.IMAP, filepath.Join(dir, "log"))
	d.PID = c.Process.Pid
	return d
}

// public is a directory into which other users can look.
func public(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mailserver")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Folder makes a mailbox; "/" leads to one under another.
func (d *Dovecot) Folder(t testing.TB, account, name string) string {
	t.Helper()
	path := filepath.Join(d.Maildirs, account)
	if name != "INBOX" {
		path = filepath.Join(path, "."+strings.ReplaceAll(name, "/", "."))
	}
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(path, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for p := path; p != filepath.Dir(d.Maildirs); p = filepath.Dir(p) {
		own(t, p)
	}
	for _, sub := range []string{"cur", "new", "tmp"} {
		own(t, filepath.Join(path, sub))
	}
	return path
}

// Put stores a message as if it came at a time. Flags are a Maildir's letters.
func (d *Dovecot) Put(t testing.TB, account, folder string, at time.Time, flags string, message []byte) {
	t.Helper()
	d.n++
	name := fmt.Sprintf("%d.M%06dP1.host:2,%s", 1_000_000_000+d.n, d.n, flags)
	path := filepath.Join(d.Folder(t, account, folder), "cur", name)
	write(t, path, string(message))
	own(t, path)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func own(t testing.TB, path string) {
	t.Helper()
	if err := os.Lchown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificate writes cert.pem and key.pem for a server at ip.
func certificate(t testing.TB, dir, ip string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, IPAddresses: []net.IP{net.ParseIP(ip)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

// Free is a port that nobody listens on.
func Free(t testing.TB) string {
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

// start starts a server, waits until it listens, and ends it with the test.
func start(t testing.TB, c *exec.Cmd, address, log string) {
	t.Helper()
	var out bytes.Buffer
	c.Stdout, c.Stderr, c.WaitDelay = &out, &out, time.Second
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(c.Process.Pid, syscall.SIGSTOP) // it starts no other in between
		for _, pid := range append(below(c.Process.Pid), c.Process.Pid, -c.Process.Pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone already
		}
		<-ended
	})
	for began := time.Now(); time.Since(began) < startWithin; {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			b, _ := os.ReadFile(log)
			t.Fatalf("%s ended: %v\n%s%s", c.Path, err, out.String(), b)
		case <-time.After(5 * time.Millisecond):
		}
	}
	b, _ := os.ReadFile(log)
	t.Fatalf("%s does not listen on %s:\n%s%s", c.Path, address, out.String(), b)
}

// below are the processes that a process started, and those that they did.
func below(pid int) (all []int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil // it is gone
	}
	for _, field := range strings.Fields(string(b)) {
		if child, err := strconv.Atoi(field); err == nil {
			all = append(append(all, child), below(child)...)
		}
	}
	return all
}
