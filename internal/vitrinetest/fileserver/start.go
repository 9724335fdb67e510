package fileserver

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

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

// startWithin is how long a server may take to start.
const startWithin = 30 * time.Second

// started starts a server, waits until it says that it is ready, and
// ends it with the test.
func started(t testing.TB, c *exec.Cmd, ready string) {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = in, in
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	err = c.Start()
	in.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, pid := range append(below(t, c.Process.Pid), c.Process.Pid) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		c.Wait()
		out.Close()
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
