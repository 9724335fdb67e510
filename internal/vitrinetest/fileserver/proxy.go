package fileserver

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy stands before a server and spoils what it says.
type Proxy struct {
	Address string       // host:port to connect to
	Limit   atomic.Int64 // after so many bytes of the server's a connection is spoilt; 0: never
	Silent  atomic.Bool  // it is not cut off, but nothing comes any more
	Spoilt  atomic.Int64 // connections
}

// NewProxy starts a proxy before a server.
func NewProxy(t testing.TB, server string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Address: l.Addr().String()}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			mu.Lock()
			open = append(open, client, server)
			mu.Unlock()
			all.Go(func() { io.Copy(server, client); server.Close() })
			all.Go(func() { p.back(client, server) })
		}
	})
	return p
}

// back hands on what the server says, up to the limit.
func (p *Proxy) back(client, server net.Conn) {
	defer server.Close()
	limit := p.Limit.Load()
	if limit == 0 {
		io.Copy(client, server)
		client.Close()
		return
	}
	io.CopyN(client, server, limit)
	p.Spoilt.Add(1)
	if p.Silent.Load() {
		io.Copy(io.Discard, server) // until the client gives up
	}
	client.Close()
}
