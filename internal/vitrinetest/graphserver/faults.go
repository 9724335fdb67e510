package graphserver

import "net"

// Faults are what the server does wrong. The zero value is a good server.
type Faults struct {
	PageSize   int    // entries a page at most; 0: 1000
	Lose       int    // so many entries are left out between any two pages of a listing
	NoNext     bool   // a listing ends with its first page
	Twice      bool   // a page begins with the last entry of the one before
	Circle     bool   // a nextLink leads to its own page
	Stale      bool   // a listing by pages has a message that is gone in the place of another
	Delta      bool   // the four faults above are those of delta listings, too
	NoDelta    bool   // there are no delta listings
	Miscount   int64  // is added to every folder's count
	Elsewhere  string // nextLinks and downloads lead to this address
	Busy       int    // so many answers say 429 first
	RetryAfter string // with this header
	Down       int    // so many answers say 503 without a header
	TokenUses  int    // a token is refused after so many uses; 0: never
	Gone       int    // so many delta pages behind the first answer 410
	Longer     int    // Content-Length of bytes lies by so much; negative: the last bytes are missing
	NoRange    bool   // downloads are always whole
	Huge       bool   // a page is larger than any client wants to read
	Stall      bool   // bytes stop in their middle
	Silent     bool   // an answer never comes
	Opaque     bool   // tokens cannot be read
	Unstable   bool   // a message's bytes differ each time
}

// listener makes connections that can be cut.
type listener struct {
	net.Listener
	s *Server
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if len(l.s.conns) == 0 {
		return c, nil
	}
	left := l.s.conns[0]
	l.s.conns = l.s.conns[1:]
	return &cutConn{Conn: c, left: left}, nil
}

// cutConn closes itself when it has written enough.
type cutConn struct {
	net.Conn
	left int64
}

func (c *cutConn) Write(p []byte) (int, error) {
	if int64(len(p)) <= c.left {
		c.left -= int64(len(p))
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:c.left])
	c.left = 0
	c.Conn.Close()
	return n, net.ErrClosed
}
