package chatserver

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// Prosody is a running XMPP server that archives what is said in SQLite.
type Prosody struct {
	Host    string // behind the @ of every JID
	Archive string // the database's file
	address string
	config  string
}

const prosodyConfig = `run_as_root = true
data_path = "%[1]s"
pidfile = "%[1]s/pid"
plugin_paths = {}
interfaces = { "127.0.0.1" }
c2s_ports = { %[2]s }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
modules_enabled = { "roster", "saslauth", "disco", "mam" }
modules_disabled = { "s2s", "tls", "posix" }
authentication = "internal_plain"
storage = { archive = "sql" }
sql = { driver = "SQLite3", database = "%[1]s/archive.sqlite" }
log = { info = "*console" }
VirtualHost "test.example"
`

// StartProsody starts a server with no users.
func StartProsody(t testing.TB) *Prosody {
	t.Helper()
	program := need.Tool(t, "prosody")
	need.Tool(t, "prosodyctl")
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	p := &Prosody{Host: "test.example", Archive: filepath.Join(dir, "archive.sqlite"), address: address, config: filepath.Join(dir, "prosody.cfg.lua")}
	if err := os.WriteFile(p.config, fmt.Appendf(nil, prosodyConfig, dir, port), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "--config", p.config, "-F")
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(c.Process.Pid, syscall.SIGKILL)
		c.Wait()
		log.Close()
	})
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return p
		}
		if time.Since(begin) > startWithin {
			said, _ := os.ReadFile(log.Name())
			t.Fatalf("prosody did not start: %s", said)
		}
	}
}

// User registers a user.
func (p *Prosody) User(t testing.TB, name string) {
	t.Helper()
	if out, err := exec.Command("prosodyctl", "--config", p.config, "register", name, p.Host, "secret").CombinedOutput(); err != nil {
		t.Fatalf("register %s: %v\n%s", name, err, out)
	}
}

// Say lets a user send messages to another, in their order, and returns when
// the server has them all.
func (p *Prosody) Say(t testing.TB, from, to string, bodies ...string) {
	t.Helper()
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(startWithin))
	r := bufio.NewReader(c)
	exchange := func(say, until string) {
		t.Helper()
		if _, err := c.Write([]byte(say)); err != nil {
			t.Fatal(err)
		}
		var heard strings.Builder
		for !strings.Contains(heard.String(), until) {
			b, err := r.ReadByte()
			if err != nil {
				t.Fatalf("waiting for %s: %v; %s", until, err, heard.String())
			}
			heard.WriteByte(b)
		}
	}
	open := "<stream:stream to='" + p.Host + "' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
	exchange("<?xml version='1.0'?>"+open, "</stream:features>")
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + from + "\x00secret"))
	exchange("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"+plain+"</auth>", "<success")
	exchange(open, "</stream:features>")
	exchange("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "</iq>")
	for i, body := range bodies {
		exchange(fmt.Sprintf("<message type='chat' id='m%d' to='%s@%s'><body>%s</body></message><iq type='get' id='q%d' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", i, to, p.Host, body, i, p.Host), fmt.Sprintf("id='q%d'", i))
	}
	exchange("</stream:stream>", "</stream:stream>")
}
