package chat

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// How long a server may take, and how much it may say at once.
const (
	dialWithin   = 20 * time.Second
	answerWithin = 90 * time.Second // a whole answer
	idleWithin   = 60 * time.Second // between two parts of a file
	maxAnswer    = 64 << 20
)

// client speaks to one homeserver. It sends nothing but GET.
type client struct {
	base   *url.URL
	token  string
	http   *http.Client
	answer time.Duration
	idle   time.Duration
	waits  []time.Duration // before each further attempt: a list of many pages cannot begin anew each time
}

func newClient(address, token string) (*client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.TrimRight(u.Path, "/") != "" {
		return nil, fmt.Errorf("url %q: want https:// and the homeserver's address", address)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme != "https" && (u.Scheme != "http" || ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("url %q: want https://, or http:// to a loopback address", address)
	}
	t := &http.Transport{DialContext: (&net.Dialer{Timeout: dialWithin}).DialContext, TLSHandshakeTimeout: dialWithin, ResponseHeaderTimeout: answerWithin, MaxIdleConnsPerHost: 4, IdleConnTimeout: idleWithin, DisableCompression: true}
	return &client{base: u, token: token, answer: answerWithin, idle: idleWithin, waits: []time.Duration{100 * time.Millisecond, time.Second, 5 * time.Second},
		http: &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// refused is an answer that is no success.
type refused struct {
	status int
	code   string // errcode, as the specification has it
}

func (r *refused) Error() string {
	return fmt.Sprintf("the homeserver answers %d %s", r.status, r.code)
}

// is reports whether err is an answer with that status.
func is(err error, status int) bool {
	var r *refused
	return errors.As(err, &r) && r.status == status
}

// start sends a request, on behalf of a user if one is named.
func (c *client) start(ctx context.Context, user string, query url.Values, path ...string) (*http.Response, error) {
	u := *c.base
	for _, p := range path {
		u.RawPath += "/" + url.PathEscape(p)
		u.Path += "/" + p
	}
	if query == nil {
		query = url.Values{}
	}
	if user != "" {
		query.Set("user_id", user)
	}
	u.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	res, err := c.http.Do(r)
	if err != nil {
		return nil, broke(ctx, err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	failed := &refused{status: res.StatusCode}
	if jsonValid(said) {
		fields(said, func(key string, value []byte) {
			if key == "errcode" {
				failed.code = shown(text(value))
			}
		})
	}
	switch {
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500:
		return nil, &collect.Interrupted{Err: failed}
	case res.StatusCode == http.StatusUnauthorized:
		return nil, vitrine.Refusef(vitrine.Failed, "the homeserver does not accept the token (%s): nothing was collected; renew it", failed.code)
	}
	return nil, failed
}

// broke is a failure of the connection, unless the caller ended it.
func broke(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return ctx.Err()
	}
	if certificate := new(tls.CertificateVerificationError); errors.As(err, &certificate) {
		return vitrine.Refusef(vitrine.Failed, "the homeserver's certificate is not to be trusted (%v): nothing was asked", certificate.Err)
	}
	return &collect.Interrupted{Err: fmt.Errorf("ask the homeserver: %w", err)}
}

// again calls f until it is not interrupted, or has been often enough.
func (c *client) again(ctx context.Context, f func() error) error {
	for _, wait := range c.waits {
		err := f()
		if !errors.As(err, new(*collect.Interrupted)) {
			return err
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
	return f()
}

// get returns an answer, which is valid JSON, and asks again where the
// connection broke.
func (c *client) get(ctx context.Context, user string, query url.Values, path ...string) (b []byte, err error) {
	err = c.again(ctx, func() error {
		b, err = c.once(ctx, user, query, path...)
		return err
	})
	return b, err
}

func (c *client) once(ctx context.Context, user string, query url.Values, path ...string) ([]byte, error) {
	within, cancel := context.WithTimeout(ctx, c.answer)
	defer cancel()
	res, err := c.start(within, user, query, path...)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &collect.Interrupted{Err: fmt.Errorf("read the homeserver's answer: %w", err)}
	case len(b) > maxAnswer:
		return nil, vitrine.Refusef(vitrine.Failed, "the homeserver's answer has more than %d bytes: nothing was kept", maxAnswer)
	case !jsonValid(b):
		return nil, &collect.Interrupted{Err: errors.New("the homeserver's answer is no JSON")}
	}
	return b, nil
}

// file opens a stored file from an offset on; size is -1 if the server does not
// say.
func (c *client) file(ctx context.Context, user, server, id string, offset int64) (r io.ReadCloser, size int64, err error) {
	within, cancel := context.WithCancel(ctx)
	var res *http.Response
	err = c.again(ctx, func() (err error) {
		res, err = c.start(within, user, nil, "_matrix", "client", "v1", "media", "download", server, id)
		return err
	})
	if err != nil {
		cancel()
		return nil, 0, err
	}
	f := &download{ctx: ctx, body: res.Body, cancel: cancel, idle: c.idle}
	if _, err := io.CopyN(io.Discard, f, offset); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, res.ContentLength, nil
}

// download is a file that is being read. A server that falls silent breaks it.
type download struct {
	ctx    context.Context
	body   io.ReadCloser
	cancel context.CancelFunc
	idle   time.Duration
}

func (d *download) Read(b []byte) (int, error) {
	silent := time.AfterFunc(d.idle, d.cancel)
	n, err := d.body.Read(b)
	silent.Stop()
	if err != nil && err != io.EOF {
		if d.ctx.Err() != nil {
			return n, d.ctx.Err()
		}
		err = &collect.Interrupted{Err: fmt.Errorf("read a file from the homeserver: %w", err)}
	}
	return n, err
}

func (d *download) Close() error {
	d.cancel()
	return d.body.Close()
}

// measured reads a file to its end.
func measured(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }

// sumOf is a short text that binds several.
func sumOf(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		io.WriteString(h, t+"\x00")
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
