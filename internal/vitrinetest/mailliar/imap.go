// Package mailliar is a mail server that lies as a test tells it to: over IMAP
// and over JMAP, on loopback, ended with the test. What it would say honestly
// is made first and is what the test changes. It imports nothing of what is
// tested.
package mailliar

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Message is one message of a mailbox.
type Message struct {
	UID int
	At  time.Time
	Raw []byte
}

// Answer is what a server says to one command.
type Answer struct {
	Text  string
	Hang  bool          // and nothing more
	Cut   bool          // and ends the connection
	Again time.Duration // and the same again and again, after this time each
}

// IMAP is a server with one mailbox, INBOX, of whoever logs in. One of another
// name that a lie lists has the same messages.
type IMAP struct {
	Address  string // host:port, in plain
	Password string // file
	Box      []Message
	// Lie is given a command without its tag and the honest answer, whose tag is
	// the last line's first word. It is called for one command at a time.
	Lie func(command, tag, honest string) Answer
}

// StartIMAP starts a server; lie may be nil.
func StartIMAP(t testing.TB, box []Message, lie func(command, tag, honest string) Answer) *IMAP {
	t.Helper()
	s := &IMAP{Box: box, Lie: lie, Password: secret(t)}
	if lie == nil {
		s.Lie = func(_, _, honest string) Answer { return Answer{Text: honest} }
	}
	s.Address = serve(t, s.talk)
	return s
}

func secret(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve calls talk for each connection, until the test ends.
func serve(t testing.TB, talk func(c net.Conn, done <-chan struct{})) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				stop := make(chan struct{})
				go func() {
					select {
					case <-done:
					case <-stop:
					}
					c.Close()
				}()
				talk(c, done)
				close(stop)
			})
		}
	})
	t.Cleanup(func() { close(done); l.Close(); all.Wait() })
	return l.Addr().String()
}

var lock sync.Mutex // of all lies: they may count

func (s *IMAP) talk(c net.Conn, done <-chan struct{}) {
	if !s.say(c, done, "greeting", "", "* OK ready\r\n") {
		return
	}
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if !s.say(c, done, command, tag, s.honest(command)+tag+" OK done\r\n") {
			return
		}
	}
}

// say answers, and reports whether the connection goes on.
func (s *IMAP) say(c net.Conn, done <-chan struct{}, command, tag, honest string) bool {
	lock.Lock()
	a := s.Lie(command, tag, honest)
	lock.Unlock()
	for {
		if _, err := c.Write([]byte(a.Text)); err != nil {
			return false
		}
		if a.Again == 0 {
			break
		}
		select {
		case <-time.After(a.Again):
		case <-done:
			return false
		}
	}
	if a.Hang {
		one := make([]byte, 1)
		for {
			if _, err := c.Read(one); err != nil {
				return false
			}
		}
	}
	return !a.Cut
}

// honest are the untagged lines that answer a command.
func (s *IMAP) honest(command string) string {
	word := strings.ToUpper(command)
	switch {
	case strings.HasPrefix(word, "CAPABILITY"):
		return "* CAPABILITY IMAP4rev1 ACL NAMESPACE\r\n"
	case strings.HasPrefix(word, "NAMESPACE"):
		return "* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL\r\n"
	case strings.HasPrefix(word, "LIST"):
		return "* LIST () \"/\" INBOX\r\n"
	case strings.HasPrefix(word, "MYRIGHTS"):
		return "* MYRIGHTS " + command[len("MYRIGHTS "):] + " lr\r\n"
	case strings.HasPrefix(word, "EXAMINE"):
		next := 1
		for _, m := range s.Box {
			next = max(next, m.UID+1)
		}
		return fmt.Sprintf("* FLAGS (\\Seen)\r\n* %d EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT %d] x\r\n", len(s.Box), next)
	case strings.HasPrefix(word, "UID SEARCH"):
		return "* SEARCH" + s.searched(command) + "\r\n"
	case strings.HasPrefix(word, "UID FETCH"):
		return s.fetched(command)
	}
	return ""
}

func (s *IMAP) searched(command string) (uids string) {
	set := regexp.MustCompile(`UID ([0-9:,]+)`).FindStringSubmatch(command)
	for _, m := range s.Box {
		if set != nil && within(set[1], m.UID) {
			uids += " " + strconv.Itoa(m.UID)
		}
	}
	return uids
}

func within(set string, uid int) bool {
	for part := range strings.SplitSeq(set, ",") {
		first, last, ranged := strings.Cut(part, ":")
		a, _ := strconv.Atoi(first)
		b, _ := strconv.Atoi(last)
		if !ranged {
			b = a
		}
		if min(a, b) <= uid && uid <= max(a, b) {
			return true
		}
	}
	return false
}

var fetchForm = regexp.MustCompile(`UID FETCH ([0-9:,]+) .*BODY\.PEEK\[\]<(\d+)\.(\d+)>`)

func (s *IMAP) fetched(command string) string {
	var all strings.Builder
	f := fetchForm.FindStringSubmatch(command)
	if f == nil {
		return ""
	}
	offset, _ := strconv.Atoi(f[2])
	size, _ := strconv.Atoi(f[3])
	for i, m := range s.Box {
		if within(f[1], m.UID) {
			all.WriteString(Fetched(i+1, m, strings.Contains(command, "RFC822.SIZE"), offset, size))
		}
	}
	return all.String()
}

// Fetched is the answer about one message.
func Fetched(number int, m Message, facts bool, offset, size int) string {
	part := m.Raw[min(offset, len(m.Raw)):]
	part = part[:min(size, len(part))]
	more := ""
	if facts {
		more = fmt.Sprintf(" FLAGS (\\Seen) INTERNALDATE %q RFC822.SIZE %d", m.At.Format("02-Jan-2006 15:04:05 -0700"), len(m.Raw))
	}
	return fmt.Sprintf("* %d FETCH (UID %d%s BODY[]<%d> {%d}\r\n%s)\r\n", number, m.UID, more, offset, len(part), part)
}
