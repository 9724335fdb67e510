// Package chromium opens pages of a test's own server in Chromium, and notes
// everything that a page must not do: an error on the console, a violation of
// its policy, a request to any other host.
package chromium

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
)

// Policy is the strictest that a provider's server may send with every file.
const Policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; style-src 'self'; img-src 'self' data:"

// Browser is a page in a browser, before a server.
type Browser struct {
	t   testing.TB
	ctx context.Context
	url string

	mu    sync.Mutex
	noted []string
}

// New starts Chromium before a server, or skips the test where there is no
// Chromium. What it asks of any other host goes to a proxy that notes it.
func New(t testing.TB, server http.Handler) *Browser {
	t.Helper()
	tool := need.Tool(t, "chromium")
	b := &Browser{t: t}
	inside := httptest.NewServer(b.strict(server))
	t.Cleanup(inside.Close)
	outside := httptest.NewServer(http.HandlerFunc(b.proxy))
	t.Cleanup(outside.Close)
	b.url = strings.Replace(inside.URL, "127.0.0.1", "localhost", 1)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(tool), chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 800), chromedp.ProxyServer(outside.URL))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Listen(b.ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	return b
}

// strict sends the policy with every file, and takes nothing.
func (b *Browser) strict(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.ContentLength > 0 {
			b.note("it sends something: " + r.Method + " " + r.URL.Path)
		}
		w.Header().Set("Content-Security-Policy", Policy)
		next.ServeHTTP(w, r)
	})
}

func (b *Browser) proxy(w http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ":")
	if !strings.HasSuffix(host, ".googleapis.com") && !strings.HasSuffix(host, ".google.com") { // Chromium's own
		b.note("a request to " + r.Host)
	}
	http.Error(w, "outside", http.StatusBadGateway)
}

func (b *Browser) note(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.noted = append(b.noted, what)
}

func (b *Browser) hear(ev any) {
	switch e := ev.(type) {
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == "error" && !strings.HasSuffix(e.Entry.URL, "/favicon.ico") {
			b.note(fmt.Sprintf("the console says: %s (%s)", e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		b.note("an exception: " + e.ExceptionDetails.Text)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.url+"/") && !strings.HasPrefix(e.Request.URL, "data:") {
			b.note("a request to " + e.Request.URL)
		}
	}
}

// Noted is what was noted so far.
func (b *Browser) Noted() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.noted)
}

// Clean fails the test for whatever was noted since it was asked last.
func (b *Browser) Clean() {
	b.t.Helper()
	for _, w := range b.Noted() {
		b.t.Error(w)
	}
	b.Forget()
}

// Forget drops what was noted.
func (b *Browser) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.noted = nil
}

// Open goes to a page of the server.
func (b *Browser) Open(path string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(b.url+"/"+path)); err != nil {
		b.t.Fatal(err)
	}
}

// Text runs a script in the page and returns the text that it comes to.
func (b *Browser) Text(script string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return s
}

// Fill writes into a text field.
func (b *Browser) Fill(field, text string) {
	b.t.Helper()
	b.Text(fmt.Sprintf(`document.querySelector(%q).value = %q`, field, text))
}

// Choose puts files into a file field.
func (b *Browser) Choose(field string, paths ...string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.SetUploadFiles(field, paths)); err != nil {
		b.t.Fatal(err)
	}
}

// Press clicks a button, and returns what the live region says once the button
// can be pressed again.
func (b *Browser) Press(button, region string) string {
	b.t.Helper()
	b.Text(fmt.Sprintf(`document.querySelector(%q).replaceChildren(); document.querySelector(%q).click(); ""`, region, button))
	done := fmt.Sprintf(`document.querySelector(%q).disabled ? "" : document.querySelector(%q).innerText`, button, region)
	for limit := time.Now().Add(3 * time.Minute); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		if s := b.Text(done); s != "" {
			return s
		}
	}
	b.t.Fatalf("%s says nothing", region)
	return ""
}
