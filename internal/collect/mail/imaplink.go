package mail

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// lineMax bounds a line that is read before the library takes over.
const lineMax = 8 << 10

// dialer is how a server is reached.
type dialer struct {
	address  string
	implicit bool // TLS from the first byte on
	plain    bool // no TLS where the server offers none
	tls      *tls.Config
	wait     time.Duration
	password func() (string, error)
}

// link is one connection, logged in for one account.
type link struct {
	caps imap.CapSet // as the server said after the login
	*imapclient.Client
	wire    *wire
	account vitrine.Account
	box     string // that is examined
	host    string
	timer   *time.Timer
}

// wire is a connection on which a server that owes an answer cannot be silent
// for longer than a time, and on which a connection that broke is told from an
// answer that cannot be read.
type wire struct {
	net.Conn
	in    *bufio.Reader
	wait  time.Duration
	mu    sync.Mutex
	owed  int   // answers that are due
	ended error // of the first read that failed
	first []byte
}

const wireBuffer = 64 << 10

func newWire(c net.Conn, wait time.Duration) *wire {
	w := &wire{Conn: c, wait: wait}
	w.in = bufio.NewReaderSize(readerFunc(w.read), wireBuffer)
	return w
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// SetReadDeadline does nothing: deadlines here follow what is owed.
func (w *wire) SetReadDeadline(time.Time) error { return nil }

func (w *wire) Read(p []byte) (int, error) {
	if len(w.first) > 0 {
		n := copy(p, w.first)
		w.first = w.first[n:]
		return n, nil
	}
	return w.in.Read(p)
}

func (w *wire) read(p []byte) (int, error) {
	w.deadline(0)
	n, err := w.Conn.Read(p)
	if err != nil && n == 0 {
		w.mu.Lock()
		if w.ended == nil {
			w.ended = err
		}
		w.mu.Unlock()
	}
	return n, err
}

// deadline changes the number of answers that are due.
func (w *wire) deadline(by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.owed += by
	until := time.Time{}
	if w.owed > 0 {
		until = time.Now().Add(w.wait)
	}
	_ = w.Conn.SetReadDeadline(until) // fails on a closed connection alone, whose next read says so
}

func (w *wire) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

// errGarbled is an answer that is no IMAP.
var errGarbled = errors.New("the server's answer cannot be read")

// explain makes of an error what a run needs to know of it.
func (l *link) explain(ctx context.Context, err error) error {
	var no *imap.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &no):
		return refused(l.host, no)
	case errors.As(err, new(*vitrine.Refusal)):
		return err
	}
	if broken := l.wire.failed(); broken != nil {
		return &collect.Interrupted{Err: fmt.Errorf("talk to %s: %w", l.host, broken)}
	}
	return fmt.Errorf("%w: %.200q", errGarbled, err.Error())
}

// refused is an answer NO, BAD or BYE.
func refused(host string, no *imap.Error) error {
	switch no.Code {
	case imap.ResponseCodeUnavailable, imap.ResponseCodeInUse, imap.ResponseCodeLimit:
		return &collect.Interrupted{Err: fmt.Errorf("%s is busy: %w", host, no)}
	}
	return vitrine.Refusef(vitrine.Failed, "%s answered %s [%s] %.200q: nothing was kept; see what the server says of it, and run the step again", host, no.Type, no.Code, no.Text)
}

// do waits for an answer that f asks for.
func do[T any](ctx context.Context, l *link, f func() (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, commandWaits*l.wire.wait)
	defer cancel()
	stop := context.AfterFunc(limited, l.cut)
	defer stop()
	l.wire.deadline(1)
	defer l.wire.deadline(-1)
	v, err := f()
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return v, &collect.Interrupted{Err: fmt.Errorf("%s goes on and never comes to an end of its answer", l.host)}
	}
	return v, l.explain(ctx, err)
}

// commandWaits is how long a command that moves no messages may take, in times
// that a server may be silent.
const commandWaits = 10

// cut ends the connection without a word.
func (l *link) cut() { l.wire.Conn.Close() }

func (l *link) alive() bool {
	select {
	case <-l.Closed():
		return false
	default:
		return l.wire.failed() == nil
	}
}

// link connects and logs in as user, for another identity if as is one.
func (d dialer) link(ctx context.Context, user, as string) (*link, error) {
	password, err := d.password()
	if err != nil {
		return nil, err
	}
	w, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{Client: imapclient.New(w, nil), wire: w, host: d.address}
	no, err := do(ctx, l, func() (no *imap.Error, err error) {
		if err = l.login(d, user, as, password); errors.As(err, &no) {
			return no, nil
		}
		if err == nil {
			l.caps, err = l.Capability().Wait()
		}
		return nil, err
	})
	if no != nil {
		if err = refused(l.host, no); !errors.As(err, new(*collect.Interrupted)) {
			err = &errLogin{user, no}
		}
	}
	if err != nil {
		l.cut()
		return nil, err
	}
	return l, nil
}

// errLogin is a login that the server refused.
type errLogin struct {
	user string
	no   *imap.Error
}

func (e *errLogin) Error() string {
	return fmt.Sprintf("the server refused the login of %q: [%s] %.200q", e.user, e.no.Code, e.no.Text)
}

func (l *link) login(d dialer, user, as, password string) error {
	if err := l.WaitGreeting(); err != nil {
		return err
	}
	if l.State() != imap.ConnStateNotAuthenticated {
		return vitrine.Refusef(vitrine.Failed, "%s lets in whoever connects, so nobody can tell as whom: turn that off for this machine", d.address)
	}
	caps, err := l.Capability().Wait()
	if err != nil {
		return err
	}
	if as != "" || caps.Has(imap.AuthCap(sasl.Plain)) {
		return l.Authenticate(sasl.NewPlainClient(as, user, password))
	}
	return l.Login(user, password).Wait()
}

// connect opens the connection, with TLS wherever it leaves this machine.
func (d dialer) connect(ctx context.Context) (*wire, error) {
	ctx, cancel := context.WithTimeout(ctx, d.wait)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.address)
	if err != nil {
		return nil, d.unreached(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if d.implicit {
		return d.secure(ctx, c, nil)
	}
	greeting, offers, err := d.greet(c)
	if err != nil {
		c.Close()
		return nil, d.unreached(ctx, err)
	}
	if !offers && d.plain {
		w := newWire(c, d.wait)
		w.first = greeting
		return w, nil
	}
	if !offers {
		c.Close()
		return nil, vitrine.Refusef(vitrine.Usage, "%s offers no STARTTLS, and a password would cross the network in plain: use imaps://, or turn it on in the server", d.address)
	}
	return d.secure(ctx, c, []byte("* OK\r\n"))
}

// greet reads the greeting, asks what the server offers, and begins STARTTLS if
// that is among it. Everything is read byte by byte, so that nothing said in
// plain is taken for something said under TLS.
func (d dialer) greet(c net.Conn) (greeting []byte, offers bool, err error) {
	line, err := plainLine(c)
	if err != nil {
		return nil, false, err
	}
	if !strings.HasPrefix(strings.ToUpper(line), "* OK") {
		return nil, false, fmt.Errorf("it greets with %.100q", line)
	}
	answer, err := plainCommand(c, "CAPABILITY")
	if err != nil {
		return nil, false, err
	}
	if !strings.Contains(" "+strings.ToUpper(answer)+" ", " STARTTLS ") {
		return []byte("* OK\r\n"), false, nil
	}
	_, err = plainCommand(c, "STARTTLS")
	return nil, true, err
}

// plainCommand sends a command and returns the untagged lines of its answer.
func plainCommand(c net.Conn, command string) (string, error) {
	if _, err := io.WriteString(c, "a "+command+"\r\n"); err != nil {
		return "", err
	}
	var lines strings.Builder
	for range 16 {
		line, err := plainLine(c)
		if err != nil {
			return "", err
		}
		if rest, ok := strings.CutPrefix(line, "a "); ok {
			if !strings.HasPrefix(strings.ToUpper(rest), "OK") {
				return "", fmt.Errorf("it answers %s with %.100q", command, rest)
			}
			return lines.String(), nil
		}
		lines.WriteString(line + " ")
	}
	return "", fmt.Errorf("it does not end its answer to %s", command)
}

func plainLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < lineMax; {
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return strings.TrimRight(string(line), "\r"), nil
		}
		line = append(line, b[0])
	}
	return "", errors.New("its first lines are too long")
}

func (d dialer) secure(ctx context.Context, c net.Conn, first []byte) (*wire, error) {
	t := tls.Client(c, d.tls)
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, d.unreached(ctx, err)
	}
	w := newWire(t, d.wait)
	w.first = first
	return w, nil
}

// unreached says why there is no connection. A certificate that does not fit
// will not fit the next time.
func (d dialer) unreached(ctx context.Context, err error) error {
	var certificate *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &certificate) || errors.As(err, &unknown) {
		return vitrine.Refusef(vitrine.Failed, "%s is not proven to be that server (%v): nothing was sent to it; correct the url, or name its authority's certificate in authority", d.address, err)
	}
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	return &collect.Interrupted{Err: fmt.Errorf("reach %s: %w", d.address, err)}
}
