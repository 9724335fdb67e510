package databases

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy stands between a client and a server, and fails when it is told to.
type Proxy struct {
	listener net.Listener
	target   string

	mu     sync.Mutex
	after  int64 // bytes from the server before the next connection fails; < 0: never
	stall  bool  // it then says nothing, rather than hang up
	passed int64 // bytes from the server, of all connections
	open   []net.Conn
}

// Through returns a proxy to the server of an address, and the address through
// it.
func Through(t testing.TB, address string) (*Proxy, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: u.Host, after: -1}
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range p.open {
			c.Close()
		}
	})
	go p.serve()
	u.Host = l.Addr().String()
	return p, u.String()
}

// FailOnce lets one connection fail behind so many bytes from the server: it
// is cut, or stalls.
func (p *Proxy) FailOnce(after int64, stall bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after, p.stall, p.passed = after, stall, 0
}

// Passed is how many bytes came from the server since FailOnce.
func (p *Proxy) Passed() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed
}

func (p *Proxy) serve() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		s, err := net.Dial("tcp", p.target)
		if err != nil {
			c.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, c, s)
		p.mu.Unlock()
		go func() { io.Copy(s, c); s.Close() }()
		go p.down(c, s)
	}
}

// down hands on what the server says, byte by byte where it is to fail.
func (p *Proxy) down(c, s net.Conn) {
	defer c.Close()
	b := make([]byte, 4096)
	for {
		n, err := s.Read(b)
		if n > 0 {
			give, fail := p.count(int64(n))
			c.Write(b[:give])
			if fail && p.stalls() {
				io.Copy(io.Discard, s) // until the test ends
				return
			}
			if fail {
				s.Close()
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) stalls() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stall
}

// count says how many of n bytes are handed on, and whether the connection
// fails behind them.
func (p *Proxy) count(n int64) (give int64, fail bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passed += n
	if p.after < 0 || p.after > n {
		if p.after > 0 {
			p.after -= n
		}
		return n, false
	}
	give, p.after = p.after, -1
	return give, true
}
