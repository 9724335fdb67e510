package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/collect"
)

const (
	coreCapability = "urn:ietf:params:jmap:core"
	mailCapability = "urn:ietf:params:jmap:mail"
	maxAnswer      = 64 << 20 // bytes of JSON
	maxRedirects   = 5
)

// caller talks to one JMAP server (RFC 8620).
type caller struct {
	session   *url.URL
	client    *http.Client
	authorize func(*http.Request) error
	wait      time.Duration // for which the server may say nothing
}

// jmapSession is what the server says of itself and of the accounts.
type jmapSession struct {
	caller   caller
	Accounts map[string]jmapAccount `json:"accounts"`
	API      string                 `json:"apiUrl"`
	Download string                 `json:"downloadUrl"`
}

// sameHost lets nobody send the credentials elsewhere.
func sameHost(r *http.Request, via []*http.Request) error {
	if first := via[0].URL; r.URL.Scheme != first.Scheme || r.URL.Host != first.Host {
		return vitrine.Refusef(vitrine.Failed, "the server sends on to %s://%s, and credentials for %s go nowhere else: correct the source's url", r.URL.Scheme, r.URL.Host, first.Host)
	}
	if len(via) > maxRedirects {
		return vitrine.Refusef(vitrine.Failed, "the server sends on more than %d times: correct the source's url", maxRedirects)
	}
	return nil
}

// begin reads the session.
func (c caller) begin(ctx context.Context) (*jmapSession, error) {
	s := &jmapSession{caller: c}
	if err := c.fetch(ctx, http.MethodGet, c.session.String(), nil, s); err != nil {
		return nil, err
	}
	for _, address := range []*string{&s.API, &s.Download} {
		if err := c.resolve(address); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// resolve makes an address of the session's a whole one. The marks of a
// template stay.
func (c caller) resolve(address *string) error {
	escaped := strings.NewReplacer("{", "%7B", "}", "%7D").Replace(*address)
	ref, err := url.Parse(escaped)
	if err != nil || *address == "" {
		return vitrine.Refusef(vitrine.Failed, "the session has no usable apiUrl or downloadUrl (%.200q): correct the source's url, or the server's", *address)
	}
	u := c.session.ResolveReference(ref)
	if u.Scheme != c.session.Scheme || u.Host != c.session.Host {
		return vitrine.Refusef(vitrine.Failed, "the session points to %s://%s, and credentials for %s go nowhere else: name that host in the source's url, or correct the server's", u.Scheme, u.Host, c.session.Host)
	}
	*address = strings.NewReplacer("%7B", "{", "%7D", "}").Replace(u.String())
	return nil
}

// answer sends a request and returns the answer, whose body ends with an error
// if the server says nothing for too long.
func (c caller) answer(ctx context.Context, method, address string, body []byte, header http.Header) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		cancel(nil)
		return nil, vitrine.Refusef(vitrine.Failed, "the server gave an address that is none: %.200q", err.Error())
	}
	if header != nil {
		r.Header = header
	}
	if err := c.authorize(r); err != nil {
		cancel(nil)
		return nil, err
	}
	resp, err := c.client.Do(r)
	if err != nil {
		err = c.unreached(ctx, err)
		cancel(nil)
		return nil, err
	}
	b := &patientBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, caller: c}
	b.timer = time.AfterFunc(c.wait, func() { cancel(errSilent) })
	resp.Body = b
	return resp, nil
}

var errSilent = errors.New("the server says nothing any more")

// patientBody is a body that may not be silent for too long.
type patientBody struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	caller caller
	timer  *time.Timer
}

func (b *patientBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.caller.wait)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF {
		err = b.caller.unreached(b.ctx, err)
	}
	return n, err
}

func (b *patientBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// unreached says why there is no answer.
func (c caller) unreached(ctx context.Context, err error) error {
	var refusal *vitrine.Refusal
	var certificate *tls.CertificateVerificationError
	cause := context.Cause(ctx)
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &certificate):
		return vitrine.Refusef(vitrine.Failed, "%s is not proven to be that server (%v): nothing was sent to it; correct the url, or name its authority's certificate in authority", c.session.Host, certificate)
	case cause != nil && cause != errSilent:
		return cause
	case cause != nil:
		err = cause
	}
	return &collect.Interrupted{Err: fmt.Errorf("talk to %s: %w", c.session.Host, err)}
}

// status makes an error of an answer that is none.
func (c caller) status(resp *http.Response) error {
	switch {
	case resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent:
		return nil
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return vitrine.Refusef(vitrine.Failed, "%s refused the login (%s): correct user, password or token", c.session.Host, resp.Status)
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		return &collect.Interrupted{Err: fmt.Errorf("%s answers %s", c.session.Host, resp.Status)}
	}
	return vitrine.Refusef(vitrine.Failed, "%s answers %s: correct the source's url, or see what the server says of it", c.session.Host, resp.Status)
}

// fetch reads a JSON answer into v.
func (c caller) fetch(ctx context.Context, method, address string, body []byte, v any) error {
	resp, err := c.answer(ctx, method, address, body, http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := c.status(resp); err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return c.unreached(ctx, err)
	}
	if len(b) > maxAnswer {
		return vitrine.Refusef(vitrine.Failed, "%s answers with more than %d MiB: nothing was kept; see that it is the right server", c.session.Host, maxAnswer>>20)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return vitrine.Refusef(vitrine.Failed, "%s answers with what is no JMAP (%v): correct the source's url", c.session.Host, err)
	}
	return nil
}

// call makes one method call and reads its answer into v.
func (s *jmapSession) call(ctx context.Context, method string, args map[string]any, v any) error {
	body, err := json.Marshal(map[string]any{"using": []string{coreCapability, mailCapability}, "methodCalls": []any{[]any{method, args, "c"}}})
	if err != nil {
		return fmt.Errorf("write call: %w", err)
	}
	var answer struct {
		Responses [][]json.RawMessage `json:"methodResponses"`
	}
	if err := s.caller.fetch(ctx, http.MethodPost, s.API, body, &answer); err != nil {
		return err
	}
	if len(answer.Responses) != 1 || len(answer.Responses[0]) != 3 {
		return s.odd(method, "it does not have one answer")
	}
	var name string
	if err := json.Unmarshal(answer.Responses[0][0], &name); err != nil {
		return s.odd(method, "it has no name")
	}
	if name == "error" {
		return s.refused(method, answer.Responses[0][1])
	}
	if name != method {
		return s.odd(method, "it answers another call")
	}
	var head struct {
		Account string `json:"accountId"`
	}
	if err := json.Unmarshal(answer.Responses[0][1], &head); err != nil || head.Account != args["accountId"] {
		return s.odd(method, "it is about another account")
	}
	if err := json.Unmarshal(answer.Responses[0][1], v); err != nil {
		return s.odd(method, err.Error())
	}
	return nil
}

func (s *jmapSession) odd(method, why string) error {
	return vitrine.Refusef(vitrine.Failed, "%s answers %s with what cannot be read (%.200s): nothing was kept; see what the server says of it", s.caller.session.Host, method, why)
}

func (s *jmapSession) refused(method string, answer json.RawMessage) error {
	var no struct {
		Type        string `json:"type"`
		Description string `json:"description"`
	}
	if err := json.Unmarshal(answer, &no); err != nil {
		return s.odd(method, err.Error())
	}
	if slices.Contains([]string{"serverUnavailable", "serverPartialFail", "limit", "rateLimit"}, no.Type) {
		return &collect.Interrupted{Err: fmt.Errorf("%s is busy: %.100q", s.caller.session.Host, no.Type)}
	}
	return vitrine.Refusef(vitrine.Failed, "%s refuses %s: %.100q %.200q: nothing was kept; see what the server says of it", s.caller.session.Host, method, no.Type, no.Description)
}

// mailboxes lists an account's mailboxes by their ids.
func (s *jmapSession) mailboxes(ctx context.Context, account string) ([]jmapMailbox, error) {
	var answer struct {
		List []jmapMailbox `json:"list"`
	}
	err := s.call(ctx, "Mailbox/get", map[string]any{"accountId": account, "ids": nil, "properties": []string{"id", "name", "parentId", "role", "totalEmails", "myRights"}}, &answer)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(answer.List, func(a, b jmapMailbox) int { return strings.Compare(a.ID, b.ID) })
	for i, m := range answer.List {
		if m.ID == "" || i > 0 && m.ID == answer.List[i-1].ID {
			return nil, s.odd("Mailbox/get", "two mailboxes have one id")
		}
	}
	return answer.List, nil
}

// state is the token of all the messages of an account.
func (s *jmapSession) state(ctx context.Context, account string) (string, error) {
	var answer struct {
		State string `json:"state"`
	}
	err := s.call(ctx, "Email/get", map[string]any{"accountId": account, "ids": []string{}, "properties": []string{"id"}}, &answer)
	if err == nil && answer.State == "" {
		err = s.odd("Email/get", "it has no state")
	}
	return answer.State, err
}
