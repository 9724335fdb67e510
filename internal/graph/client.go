package graph

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How a server that is busy is waited for.
const (
	maxBusy  = 6               // answers in a row that say so
	maxWait  = 2 * time.Minute // longer than this is for the caller to wait
	noWait   = 5 * time.Second // where the server does not say how long
	maxWords = 300             // bytes of a server's words that are shown
)

// maxProblem is how many bytes of an error are read.
const maxProblem = 64 << 10

// Client asks Microsoft Graph, in the name of one application.
type Client struct {
	base, login *url.URL
	config      Config
	downloads   []string
	http        *http.Client
	now         func() time.Time
	sleep       func(context.Context, time.Duration) error
	idle, all   time.Duration

	mu    sync.Mutex
	token token
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Path joins elements to a path below the base; each is one element of it,
// whatever stands in it.
func Path(elements ...string) string {
	var b strings.Builder
	for _, e := range elements {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(e))
	}
	return b.String()
}

// busy is an answer that asks to wait.
type busy struct {
	code int
	wait time.Duration
}

func (b *busy) Error() string {
	return "Microsoft Graph is busy (" + strconv.Itoa(b.code) + ") and asks to wait for " + b.wait.String()
}

// patiently does f again as long as the server asks to wait, within bounds.
func (c *Client) patiently(ctx context.Context, f func() error) error {
	for n := 1; ; n++ {
		err := f()
		var b *busy
		if !errors.As(err, &b) {
			return err
		}
		if n == maxBusy || b.wait > maxWait {
			return &Broken{err}
		}
		if err := c.sleep(ctx, b.wait); err != nil {
			return err
		}
	}
}

// renewals is how often a token that is refused is replaced for one request: a
// second time where another request had already used the new one up.
const renewals = 2

// get asks for what lies at an address below the base.
func (c *Client) get(ctx context.Context, address string, header http.Header) (a *answer, err error) {
	err = c.patiently(ctx, func() error {
		bearer := ""
		for n := 0; ; n++ {
			if bearer, err = c.bearer(ctx, bearer); err != nil {
				return err
			}
			if a, err = c.try(ctx, address, header, bearer); err != nil || a.StatusCode != http.StatusUnauthorized || n == renewals {
				return err
			}
			a.Close()
		}
	})
	return a, err
}

func (c *Client) try(ctx context.Context, address string, header http.Header, bearer string) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nonsense("an address that is none")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
		r.Header.Add("Prefer", `IdType="ImmutableId"`)
	}
	a, err := c.send(r)
	if err == nil && (a.StatusCode == http.StatusTooManyRequests || a.StatusCode == http.StatusServiceUnavailable || a.StatusCode == 509) {
		defer a.Close()
		return nil, &busy{a.StatusCode, c.retryAfter(a.Header.Get("Retry-After"))}
	}
	return a, err
}

// retryAfter reads a header in either of its forms.
func (c *Client) retryAfter(text string) time.Duration {
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(c.now()), 0)
	}
	return noWait
}

// answer is a response whose body ends, by an error, when the server is silent
// for too long.
type answer struct {
	*http.Response
	ctx    context.Context // the caller's
	cancel context.CancelFunc
	timer  *time.Timer
	idle   time.Duration
}

// send makes one request.
func (c *Client) send(r *http.Request) (*answer, error) {
	ctx := r.Context()
	within, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(headerWait+dialWait, cancel)
	resp, err := c.http.Do(r.WithContext(within))
	a := &answer{Response: resp, ctx: ctx, cancel: cancel, timer: timer, idle: c.idle}
	if err != nil {
		timer.Stop()
		cancel()
		return nil, a.broken(err)
	}
	timer.Reset(c.idle)
	return a, nil
}

// broken is what an error of the connection means. One of the certificate
// stays so.
func (a *answer) broken(err error) error {
	if a.ctx.Err() != nil {
		return a.ctx.Err()
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the address, which can be a key of its own
	}
	if errors.Is(err, context.Canceled) {
		return brokenf("Microsoft Graph did not answer in time")
	}
	if why, is := distrusted(err); is {
		return why
	}
	return brokenf("the connection to Microsoft Graph broke: %w", err)
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.Body.Read(p)
	a.timer.Reset(a.idle)
	if err != nil && err != io.EOF {
		err = a.broken(err)
	}
	return n, err
}

func (a *answer) Close() error {
	a.timer.Stop()
	a.cancel()
	return a.Body.Close()
}

// json reads the whole answer into v.
func (a *answer) json(v any, limit int64) error {
	b, err := io.ReadAll(io.LimitReader(a, limit+1))
	if err != nil {
		return err
	}
	if int64(len(b)) > limit {
		return nonsense("an answer of more than %d MiB", limit>>20)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return nonsense("no JSON of the form that is documented: %v", err)
	}
	return nil
}

// refused is what an answer other than the one wanted means. What a server
// could not do now can be tried again, and its Status says what that was.
func (a *answer) refused() error {
	if a.StatusCode < 400 {
		return nonsense("status %d", a.StatusCode)
	}
	s := &Status{Code: a.StatusCode}
	var why struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	b, err := io.ReadAll(io.LimitReader(a, maxProblem))
	if err != nil {
		return err
	}
	if json.Unmarshal(b, &why) == nil {
		s.Reason, s.Text = cut(why.Error.Code), cut(why.Error.Message)
	}
	switch a.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return &Broken{s}
	case http.StatusNotImplemented:
		return s
	}
	if a.StatusCode >= 500 {
		return &Broken{s}
	}
	return s
}

func cut(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxWords)], "") }

// below reports whether an address that a server gave lies below the base.
func (c *Client) below(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != c.base.Scheme || u.Host != c.base.Host || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(u.Path, c.base.Path+"/") || path.Clean(u.Path) != u.Path {
		return nil, nonsense("a link that leads elsewhere than below %s", c.base)
	}
	return u, nil
}

// Get reads one object at a path below the base.
func (c *Client) Get(ctx context.Context, path string, query url.Values, v any) error {
	return c.read(ctx, c.base.String()+path+encoded(query), nil, v)
}

func encoded(query url.Values) string {
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

// maxPage is how many bytes one answer in JSON may have.
const maxPage = 32 << 20

func (c *Client) read(ctx context.Context, address string, header http.Header, v any) error {
	within, cancel := context.WithTimeout(ctx, c.all)
	defer cancel()
	err := c.reading(within, address, header, v)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return brokenf("Microsoft Graph did not answer within %v", c.all)
	}
	return err
}

func (c *Client) reading(ctx context.Context, address string, header http.Header, v any) error {
	a, err := c.get(ctx, address, header)
	if err != nil {
		return err
	}
	defer a.Close()
	if a.StatusCode != http.StatusOK {
		return a.refused()
	}
	return a.json(v, maxPage)
}
