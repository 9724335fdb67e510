package report

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/published"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

// served is the strictest that a provider's server may send with every file.
const served = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; style-src 'self'; img-src 'self' data:"

// whole is a published directory with the pages that people see; tests break
// copies of it.
var whole struct {
	once sync.Once
	site *published.Site
}

func wholeSite(t testing.TB) *published.Site {
	need.Tool(t, "chromium")
	whole.once.Do(func() { whole.site = newWhole(t) })
	if whole.site == nil {
		t.Fatal("the published directory could not be written")
	}
	return whole.site.Clone()
}

func newWhole(t testing.TB) *published.Site {
	view := func(s ledger.Statement, c ledger.Chain) View {
		period, err := law.NewPeriod(time.Unix(int64(c[0].From), 0).UTC(), time.Unix(int64(c[0].To), 0).UTC())
		if err != nil {
			t.Fatal(err)
		}
		return View{Provider: "Example", URL: "https://example.org/", Reports: []Published{{Period: period, Statement: s, Ledgers: map[ledger.Class]ledger.Chain{ledger.Public: c}, Version: 1}}}
	}
	var top View
	s := published.With(t, "published", func(s ledger.Statement, c ledger.Chain) map[string][]byte {
		top = view(s, c)
		files, err := Pages(top, s.Name)
		if err != nil {
			t.Fatal(err)
		}
		return files
	})
	files, err := Site(top)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(s.Files, files)
	return s
}

// browser is a page in a browser, and all that went wrong in it.
type browser struct {
	t   testing.TB
	ctx context.Context
	url string

	mu    sync.Mutex
	wrong []string
	site  *published.Site
	fail  string // a path that the server cannot serve
}

// newBrowser starts Chromium before a server of the site. Whatever it asks of
// any other host goes to a proxy, which notes it.
func newBrowser(t testing.TB, s *published.Site) *browser {
	tool := need.Tool(t, "chromium")
	b := &browser{t: t, site: s}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.url = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, _ := strings.Cut(r.Host, ":"); !strings.HasSuffix(host, ".googleapis.com") && !strings.HasSuffix(host, ".google.com") { // Chromium's own
			b.note("a request to " + r.Host)
		}
		http.Error(w, "outside", http.StatusBadGateway)
	}))
	t.Cleanup(outside.Close)
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

// ServeHTTP is the plainest static host, with a strict policy.
func (b *browser) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	path := strings.TrimPrefix(r.URL.Path, "/")
	file, ok := b.site.Files[path]
	fail := b.fail
	b.mu.Unlock()
	w.Header().Set("Content-Security-Policy", served)
	for end, kind := range map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"} {
		if strings.HasSuffix(path, end) {
			w.Header().Set("Content-Type", kind)
		}
	}
	switch {
	case path == fail:
		http.Error(w, "the server is ill", http.StatusInternalServerError)
	case !ok:
		http.NotFound(w, r)
	case r.Method != http.MethodGet || r.ContentLength > 0:
		b.note("it sends something: " + r.Method + " " + path)
	default:
		_, _ = w.Write(file) // whoever went away gets nothing
	}
}

func (b *browser) note(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = append(b.wrong, what)
}

func (b *browser) hear(ev any) {
	switch e := ev.(type) {
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == "error" && !strings.Contains(e.Entry.URL, "favicon") {
			b.note(fmt.Sprintf("the console says: %s (%s)", e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		b.note("an exception: " + e.ExceptionDetails.Text)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.url) && !strings.HasPrefix(e.Request.URL, "data:") {
			b.note("a request to " + e.Request.URL)
		}
	}
}

// clean fails the test for whatever was noted since it was asked last.
func (b *browser) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.wrong {
		b.t.Error(w)
	}
	b.wrong = nil
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) text(script string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script))
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *browser) open(page string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + "/" + page))
}

// press clicks a button and returns what the live region says at the end.
func (b *browser) press(button, region string) string {
	b.t.Helper()
	script := fmt.Sprintf(`document.querySelector(%q).replaceChildren(); document.querySelector(%q).click(); ""`, region, button)
	b.text(script)
	limit := time.Now().Add(3 * time.Minute)
	for time.Now().Before(limit) {
		done := fmt.Sprintf(`(() => { const r = document.querySelector(%q); return r.querySelector(".verdict, .done") || r.textContent && !document.querySelector(%q).disabled ? r.innerText : "" })()`, region, button)
		if s := b.text(done); s != "" {
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.t.Fatalf("%s says nothing", region)
	return ""
}

func (b *browser) report() string { b.t.Helper(); return b.press("#check-report", "#check-output") }

// papers fills in the form and asks whether the demand is counted.
func (b *browser) papers(files map[string]string, fields map[string]string) string {
	b.t.Helper()
	for id, name := range files {
		path := filepath.Join(b.t.TempDir(), name)
		if err := os.WriteFile(path, b.site.Papers[name], 0o600); err != nil {
			b.t.Fatal(err)
		}
		b.do(chromedp.SetUploadFiles("#check-"+id, []string{path}))
	}
	for _, id := range []string{"authority", "reference", "account"} {
		b.text(fmt.Sprintf(`document.querySelector("#check-%s").value = %q`, id, fields[id]))
	}
	return b.press("#check-papers", "#check-receipt-output")
}

func (b *browser) shown() string {
	return b.text(`document.documentElement.dataset.check || ""`)
}

// says fails the test unless the text has all of the words.
func (b *browser) says(text string, words ...string) {
	b.t.Helper()
	for _, w := range append(words, "") {
		if !strings.Contains(text, w) || strings.Contains(text, "undefined") || strings.Contains(text, "[object") {
			b.t.Errorf("the page says %q, want %q", text, w)
		}
	}
}

// TestBrowser checks reports and papers in Chromium, under a strict policy.
func TestBrowser(t *testing.T) {
	s := wholeSite(t)
	b := newBrowser(t, s.Clone())

	b.open("reports/first/index.html")
	if b.shown() != "" {
		t.Error("the page calls itself checked before anybody did")
	}
	b.says(b.report(), "The report is what the ledger says.", "1,280 entries of example.org/public are read, 3 proofs hold.", "2 of 3 witnesses saw it: January 4, 2026", "2 tables", "does not speak of any", "Not shown")
	if b.shown() != "good" {
		t.Errorf("the page shows %q", b.shown())
	}
	t.Logf("audit of 5 bundles: %s ms", b.text(`document.querySelector("#check").dataset.took`))
	b.clean()

	all := map[string]string{"authority": published.Authority, "reference": published.Reference, "account": ""}
	b.says(b.papers(map[string]string{"receipt": "receipts", "document": "document"}, all), "Your demand is in the ledger.", "demand of January 1, 2026 on sheet us/search-warrant", "Counted in table us/search-warrant of report first: demand 2, account 2, content 1, rejected 1.", "not checked: the account; the promise")
	took, err := strconv.ParseFloat(b.text(`document.querySelector("#check").dataset.took`), 64)
	t.Logf("4 receipts, with the log: %.1f ms, %v", took, err)
	all["reference"] = "2026/18"
	b.says(b.papers(map[string]string{}, all), "This receipt does not hold.", "it is of another demand", "Compare what you typed")
	all["reference"] = ""
	b.says(b.papers(map[string]string{}, all), "give all three")
	b.clean()

	for page, words := range map[string][]string{
		"reports/first/index.html":    {"It is of account alice.", "not checked: which demand it belongs to"},
		"reports/first/index.fr.html": {"Il porte sur le compte alice.", "Compté dans le tableau us/search-warrant"},
		"reports/first/index.de.html": {"Sie betrifft das Konto alice.", "Gezählt in Tabelle us/search-warrant"},
	} {
		b.open(page)
		b.says(b.papers(map[string]string{"receipt": "user"}, map[string]string{"account": "alice"}), words...)
		b.says(b.papers(map[string]string{"receipt": "promise"}, nil))
		b.says(b.papers(map[string]string{"receipt": "waiting"}, nil))
		b.says(b.papers(map[string]string{"receipt": "open"}, nil))
		b.says(b.papers(map[string]string{"receipt": "broken"}, nil), "the promise was due on 2026-01-09 00:00:05 UTC")
	}
	b.says(b.report())
	if b.shown() != "good" {
		t.Errorf("the page shows %q", b.shown())
	}
	b.clean()
}

// TestBrowserRefuses serves a directory in which something is wrong.
func TestBrowserRefuses(t *testing.T) {
	s := wholeSite(t)
	b := newBrowser(t, s)
	for name, c := range map[string]struct {
		change func(*published.Site)
		words  []string
	}{
		"a bit of a leaf": {func(s *published.Site) { s.Files["ledger/public/tile/entries/001"][500] ^= 4 }, []string{"bundle 1 (tick 1 of period 0)", "This report does not match the ledger."}},
		"a missing file":  {func(s *published.Site) { delete(s.Files, "ledger/public/tile/entries/004") }, []string{"tile/entries/004", "file does not exist"}},
		"a number on the page": {func(s *published.Site) {
			s.Files["reports/first/index.html"] = append(s.Files["reports/first/index.html"], "<p>0</p>"...)
		}, []string{"index.html is not the one that was signed", "Do not rely on the numbers"}},
	} {
		b.mu.Lock()
		b.site = s.Clone()
		c.change(b.site)
		b.mu.Unlock()
		b.open("reports/first/index.html")
		b.says(b.report(), c.words...)
		if b.shown() != "wrong" {
			t.Errorf("%s: the page shows %q", name, b.shown())
		}
	}
	b.mu.Lock()
	b.site, b.fail, b.wrong = s.Clone(), "ledger/public/tile/entries/003", nil // a missing file is an error on the console
	b.mu.Unlock()
	b.open("reports/first/index.html")
	b.says(b.report(), "The check could not be finished.", "500", "Nothing was found wrong.")
	if b.shown() != "" {
		t.Errorf("what could not be read counts as %q", b.shown())
	}
}

// TestBrowserYear audits a year of daily ticks, which VITRINE_YEAR has.
func TestBrowserYear(t *testing.T) {
	dir := os.Getenv("VITRINE_YEAR")
	if _, err := os.Stat(filepath.Join(dir, "public", "reports")); dir == "" || err != nil {
		t.Skip("skipped: needs VITRINE_YEAR, which BenchmarkYear of vitrine-verify fills")
	}
	s := wholeSite(t)
	page := s.Files["reports/first/index.html"]
	for path := range s.Files {
		if strings.HasPrefix(path, "ledger/") || strings.HasPrefix(path, "reports/") {
			delete(s.Files, path)
		}
	}
	public := filepath.Join(dir, "public")
	err := filepath.WalkDir(public, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(public, path)
		if err == nil {
			s.Files[filepath.ToSlash(name)], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Files["reports/first/view.html"] = page
	b := newBrowser(t, s)
	b.open("reports/first/view.html")
	b.says(b.report(), "365 proofs hold")
	b.clean()
	t.Logf("a year of daily ticks: %s ms", b.text(`document.querySelector("#check").dataset.took`))
}

// TestBrowserNotices has the page do what it must not: the tests above would
// see it.
func TestBrowserNotices(t *testing.T) {
	s := wholeSite(t)
	s.Files["bad.html"] = []byte(`<!doctype html><title>bad</title><script>document.title = "run"</script><script src="bad.js" type="module"></script>`)
	s.Files["bad.js"] = []byte(`fetch("https://outside.example/a").catch(() => {}); fetch("/sent", { method: "POST", body: "secret" }); new Image().src = "http://outside.example/b";`)
	s.Files["sent"] = nil
	b := newBrowser(t, s)
	b.open("bad.html")
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		b.mu.Lock()
		noted := strings.Join(b.wrong, "\n")
		b.mu.Unlock()
		if strings.Contains(noted, "script-src") && strings.Contains(noted, "connect-src") && strings.Contains(noted, "img-src") && strings.Contains(noted, "it sends something") {
			return
		}
	}
	t.Errorf("noted only %q", b.wrong)
}
