package files

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

// web speaks HTTP with one server: it follows no redirect, takes no
// compression, and waits for the next byte only so long.
type web struct {
	client *http.Client
	wait   time.Duration
}

func newWeb() *web {
	transport := &http.Transport{
		DisableCompression: true, ForceAttemptHTTP2: false, MaxResponseHeaderBytes: 1 << 20,
		DialContext: (&net.Dialer{Timeout: answerWithin}).DialContext, TLSHandshakeTimeout: answerWithin, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 4,
	}
	return &web{wait: answerWithin, client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// checkURL refuses what would send data over a network in the clear.
func checkURL(name, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: url %q: want https://host/path/{account}, without a user or a query", name, text)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && (ip == nil || !ip.IsLoopback()) {
		return nil, vitrine.Refusef(vitrine.Usage, "source %q: url %q: want https:// for a server that is not on this machine", name, text)
	}
	return u, nil
}

// do makes one request. The answer's body is the caller's to close, and breaks
// off where nothing comes for too long.
func (w *web) do(ctx context.Context, r *http.Request) (*http.Response, error) {
	timed, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(w.wait, cancel)
	resp, err := w.client.Do(r.WithContext(timed))
	timer.Stop()
	if err != nil {
		cancel()
		return nil, broke(ctx, err)
	}
	resp.Body = &body{ReadCloser: resp.Body, ctx: ctx, timer: timer, wait: w.wait, cancel: cancel}
	return resp, nil
}

// broke is an interruption, unless another attempt cannot mend it.
func broke(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if certificate := (*tls.CertificateVerificationError)(nil); errors.As(err, &certificate) {
		return vitrine.Refusef(vitrine.Failed, "the server's certificate is not accepted (%v): nothing was read; have it renewed, or find out which server this is", err)
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // its text has the whole address
	}
	return &collect.Interrupted{Err: fmt.Errorf("the connection broke: %w", err)}
}

type body struct {
	io.ReadCloser
	ctx    context.Context
	timer  *time.Timer
	wait   time.Duration
	cancel func()
}

func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(b.wait)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF {
		err = broke(b.ctx, err)
	}
	return n, err
}

func (b *body) Close() error {
	b.timer.Stop()
	b.cancel()
	return b.ReadCloser.Close()
}

// refusal is what a status other than those that were wanted means.
func refusal(resp *http.Response, what string) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	resp.Body.Close()
	why := errors.New(resp.Status + codeIn(text))
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound || code == http.StatusGone:
		return fmt.Errorf("%w: %v", errGone, why)
	case code >= 500 && code != http.StatusNotImplemented || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		return &collect.Interrupted{Err: fmt.Errorf("the server says %w", why)}
	case code >= 300 && code < 400:
		return vitrine.Refusef(vitrine.Failed, "%s leads elsewhere (%v): nothing was read; no redirect is followed, name the place itself in url", what, why)
	}
	return collect.CannotRead(what, why)
}
