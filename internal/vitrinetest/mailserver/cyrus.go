package mailserver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// Cyrus is a running Cyrus, to which any password is right. The user "reader"
// can look up and read in every mailbox, "writer" can change everything in it.
type Cyrus struct {
	IMAP     string // host:port, in plain
	JMAP     string // URL of the session
	Password string // file
	admin    *session
	made     map[string]bool
}

const cyrusImapd = `configdirectory: DIR/conf
defaultpartition: default
partition-default: DIR/spool
admins: cyrus
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN LOGIN
allowplaintext: yes
altnamespace: yes
unixhierarchysep: yes
httpmodules: jmap
conversations: yes
conversations_db: twoskip
conversations_max_guidrecords: 5000
conversations_max_guidexists: 1000
conversations_max_guidinfolder: 1000
specialuse_extra: \XSpecial
`

const cyrusMaster = `START {
  recover cmd="ROOT/usr/lib/cyrus/bin/ctl_cyrusdb -C DIR/imapd.conf -r"
}
SERVICES {
  imap cmd="ROOT/usr/lib/cyrus/bin/imapd -C DIR/imapd.conf -U 100" listen="IMAP" prefork=1
  http cmd="ROOT/usr/lib/cyrus/bin/httpd -C DIR/imapd.conf -U 100" listen="HTTP" prefork=2
}
EVENTS {
}
`

// StartCyrus starts a server that knows the accounts.
func StartCyrus(t testing.TB, accounts ...string) *Cyrus {
	t.Helper()
	root := need.Cyrus(t)
	need.Root(t)
	dir := public(t)
	who, err := user.Lookup("cyrus")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	for _, sub := range []string{"conf", "spool", "conf/db", "conf/log", "conf/proc", "conf/lock", "conf/msg", "conf/socket", "conf/user", "conf/quota"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(filepath.Join(dir, sub), uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	c := &Cyrus{IMAP: "127.0.0.1:" + Free(t), Password: filepath.Join(dir, "password"), made: map[string]bool{}}
	http := "127.0.0.1:" + Free(t)
	c.JMAP = "http://" + http + "/jmap/"
	write(t, c.Password, "any\n")
	fill := strings.NewReplacer("DIR", dir, "ROOT", root, "IMAP", c.IMAP, "HTTP", http)
	write(t, filepath.Join(dir, "imapd.conf"), fill.Replace(cyrusImapd))
	write(t, filepath.Join(dir, "cyrus.conf"), fill.Replace(cyrusMaster))
	for _, name := range []string{"imapd.conf", "cyrus.conf"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(root, "usr/lib/cyrus/bin/master"), "-C", filepath.Join(dir, "imapd.conf"), "-M", filepath.Join(dir, "cyrus.conf"), "-p", filepath.Join(dir, "pid"), "-D")
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(root, "usr/lib/x86_64-linux-gnu"))
	start(t, cmd, c.IMAP, os.DevNull)
	c.admin = login(t, c.IMAP, "cyrus")
	for _, a := range append(accounts, "reader", "writer") {
		c.Folder(t, a, "INBOX")
	}
	return c
}

// Folder makes a mailbox; "/" leads to one under another. A name is written as
// IMAP does.
func (c *Cyrus) Folder(t testing.TB, account, name string) string {
	t.Helper()
	full := "user/" + account
	if name != "INBOX" {
		full += "/" + name
	}
	if c.made[full] {
		return full
	}
	c.made[full] = true
	use := ""
	if s := map[string]string{"Trash": `\Trash`, "Drafts": `\Drafts`, "Sent": `\Sent`, "Junk": `\Junk`, "Archive": `\Archive`}[name]; s != "" {
		use = " (USE (" + s + "))"
	}
	c.admin.do(t, fmt.Sprintf("CREATE %q%s", full, use))
	c.admin.do(t, fmt.Sprintf("SETACL %q cyrus lrswipktxecan", full))
	if account != "reader" && account != "writer" {
		c.admin.do(t, fmt.Sprintf("SETACL %q reader lr", full))
		c.admin.do(t, fmt.Sprintf("SETACL %q writer lrswipktxecan", full))
	}
	return full
}

// Put stores a message, whose lines end with CR LF, as if it came at a time.
// Flags are as in IMAP: `\Seen`.
func (c *Cyrus) Put(t testing.TB, account, folder string, at time.Time, flags string, message []byte) {
	t.Helper()
	full := c.Folder(t, account, folder)
	c.admin.do(t, fmt.Sprintf("APPEND %q (%s) \"%s\" {%d+}\r\n%s", full, flags, at.Format("02-Jan-2006 15:04:05 -0700"), len(message), message))
}

// session is a connection for whoever fills a server.
type session struct {
	conn net.Conn
	in   *bufio.Reader
}

func login(t testing.TB, address, user string) *session {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &session{conn, bufio.NewReader(conn)}
	if _, err := s.in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	s.do(t, "LOGIN "+user+" any")
	return s
}

// do sends a command and wants OK.
func (s *session) do(t testing.TB, command string) {
	t.Helper()
	s.conn.SetDeadline(time.Now().Add(startWithin))
	if _, err := io.WriteString(s.conn, "a "+command+"\r\n"); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			t.Fatalf("%.100q: %v", command, err)
		}
		if strings.HasPrefix(line, "a OK") {
			return
		}
		if strings.HasPrefix(line, "a ") {
			t.Fatalf("%.100q: %s", command, line)
		}
	}
}
