package report

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/chromium"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/need"
	"github.com/vitrine-project/vitrine/internal/vitrinetest/published"
	"github.com/vitrine-project/vitrine/law"
	"github.com/vitrine-project/vitrine/ledger"
)

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
	s.Sign(files)
	return s
}

// browser is a report's page in Chromium, before the plainest static host.
type browser struct {
	*chromium.Browser
	t testing.TB

	mu   sync.Mutex
	site *published.Site
	fail string // a path that the server cannot serve
}

func newBrowser(t testing.TB, s *published.Site) *browser {
	b := &browser{t: t, site: s}
	b.Browser = chromium.New(t, b)
	return b
}

// serve has the server serve another directory.
func (b *browser) serve(s *published.Site, fail string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.site, b.fail = s, fail
}

func (b *browser) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	path := strings.TrimPrefix(r.URL.Path, "/")
	file, ok := b.site.Files[path]
	fail := b.fail
	b.mu.Unlock()
	switch {
	case path == fail:
		http.Error(w, "the server is ill", http.StatusInternalServerError)
	case !ok:
		http.NotFound(w, r)
	default:
		http.ServeContent(w, r, path, time.Time{}, bytes.NewReader(file))
	}
}

func (b *browser) report() string { b.t.Helper(); return b.Press("#check-report", "#check-output") }

// papers fills in the form and asks whether the demand is counted.
func (b *browser) papers(files map[string]string, fields map[string]string) string {
	b.t.Helper()
	for id, name := range files {
		path := filepath.Join(b.t.TempDir(), name)
		if err := os.WriteFile(path, b.site.Papers[name], 0o600); err != nil {
			b.t.Fatal(err)
		}
		b.Choose("#check-"+id, path)
	}
	for _, id := range []string{"authority", "reference", "account"} {
		b.Fill("#check-"+id, fields[id])
	}
	return b.Press("#check-papers", "#check-receipt-output")
}

func (b *browser) shown() string {
	return b.Text(`document.documentElement.dataset.check || ""`)
}

func (b *browser) took() string {
	return b.Text(`document.querySelector("#check").dataset.took`)
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

	b.Open("reports/first/index.html")
	if b.shown() != "" {
		t.Error("the page calls itself checked before anybody did")
	}
	b.says(b.report(), "The report is what the ledger says.", "The ledger example.org/public has 1,280 entries; 3 proofs hold.", "2 of 3 witnesses saw example.org/public: January 4, 2026", "2 tables", "does not speak of any", "Not shown", "On January 5, 2026 an auditor said of every leaf, January 1, 2026 – January 2, 2026: passed. It is worth what you know of the key auditor.example+")
	if b.shown() != "good" {
		t.Errorf("the page shows %q", b.shown())
	}
	t.Logf("audit of 5 bundles: %s ms", b.took())
	b.Clean()

	all := map[string]string{"authority": published.Authority, "reference": published.Reference, "account": ""}
	b.says(b.papers(map[string]string{"receipt": "receipts", "document": "document"}, all), "Your demand is in the ledger.", "Demand, January 1, 2026, table “", "”: entry ", "Counted in table “", "Demands: 2, Accounts named: 2, ", "Content given: 1, ", "Refused: 1", "not checked: the account; the promise")
	t.Logf("4 receipts, with the log: %s ms", b.took())
	all["reference"] = "2026/18"
	b.says(b.papers(map[string]string{}, all), "This receipt does not hold.", "it is of another demand", "Compare what you typed")
	all["reference"] = ""
	b.says(b.papers(map[string]string{}, all), "give all three")
	b.Clean()
	b.manyPapers()

	for page, words := range map[string][]string{
		"reports/first/index.fr.html": {"Le 5 janvier 2026, un auditeur a dit de chaque feuille, 1 janvier 2026 – 2 janvier 2026", "succès"},
		"reports/first/index.de.html": {"Am 5. Januar 2026 sagte ein Prüfer über jedes Blatt", "bestanden"},
	} {
		b.Open(page)
		b.says(b.report(), words...)
	}
	for page, words := range map[string][]string{
		"reports/first/index.html":    {"It is of account alice.", "not checked: which demand it belongs to"},
		"reports/first/index.fr.html": {"Il porte sur le compte alice.", "Compté dans le tableau « ", "Demandes"},
		"reports/first/index.de.html": {"Sie betrifft das Konto alice.", "Gezählt in Tabelle „", "Verlangen"},
	} {
		b.Open(page)
		b.says(b.papers(map[string]string{"receipt": "user"}, map[string]string{"account": "alice"}), words...)
		b.says(b.papers(map[string]string{"receipt": "promise"}, nil))
		b.says(b.papers(map[string]string{"receipt": "waiting"}, nil))
		b.says(b.papers(map[string]string{"receipt": "open"}, nil))
		b.says(b.papers(map[string]string{"receipt": "declined"}, nil), "It is a parking ticket.")
		b.says(b.papers(map[string]string{"receipt": "submission"}, nil))
		b.says(b.papers(map[string]string{"receipt": "sealed.age"}, nil), "age")
		b.says(b.papers(map[string]string{"receipt": "broken"}, nil), "the promise was due on 2026-01-09 00:00:05 UTC")
	}
	b.says(b.report())
	if b.shown() != "good" {
		t.Errorf("the page shows %q", b.shown())
	}
	b.Clean()
}

// manyPapers checks what a holder may well choose and type, and how it is said.
func (b *browser) manyPapers() {
	b.t.Helper()
	dir := b.t.TempDir()
	b.site.Papers["list.pdf"] = []byte("%PDF-1.7 a letter")
	b.site.Papers["armor"] = []byte("-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n")
	choose := func(names ...string) {
		var paths []string
		for _, name := range names {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, b.site.Papers[name], 0o600); err != nil {
				b.t.Fatal(err)
			}
			paths = append(paths, path)
		}
		b.Choose("#check-receipt", paths...)
	}
	known := map[string]string{"authority": published.Authority, "reference": published.Reference}
	for _, c := range []struct {
		papers   []string
		document bool
		fields   map[string]string
		looks    string // the classes of the verdicts
		says     []string
	}{
		{[]string{"receipts"}, true, map[string]string{"authority": published.Authority, "reference": published.Reference, "account": "alice, bob"}, "good", []string{"Your demand is in the ledger.", "It is of account alice.", "It is of account bob."}},
		{[]string{"receipts", "promises"}, true, map[string]string{"authority": published.Authority, "reference": published.Reference, "account": "alice\nbob\n"}, "good", []string{"It is of account bob."}},
		{[]string{"receipts"}, true, map[string]string{"authority": published.Authority, "reference": published.Reference, "account": "bob"}, "good", []string{"It is of account bob.", "not checked: an account that you did not name"}},
		{[]string{"receipts"}, true, map[string]string{"authority": published.Authority, "reference": published.Reference, "account": "bob, Mallory"}, "open", []string{"No receipt here is of the account Mallory.", "not found wrong"}},
		{[]string{"receipts"}, false, nil, "open", []string{"A demand is in the ledger. Whether it is yours is not checked.", "give the document"}},
		{[]string{"user"}, false, nil, "open", []string{"Whether it is yours is not checked."}},
		{[]string{"user"}, false, map[string]string{"account": "alice"}, "good", []string{"Your demand is in the ledger."}},
		{[]string{"submission", "declined"}, false, nil, "good", []string{"The receipt of the submission is signed.", "It is a parking ticket."}},
		{[]string{"submission", "promise"}, false, nil, "good", []string{"give authority and reference", "The promise is signed."}},
		{[]string{"submission", "promise"}, true, known, "good good", []string{"Answered with a promise", "The promise is signed."}},
		{[]string{"sealed.age", "list.pdf", "armor", "promise"}, false, nil, "good", []string{"sealed.age is sealed. Open it first", "age -d -i KEYFILE -o sealed sealed.age", "armor is sealed", "list.pdf is no paper of a ledger"}},
		{[]string{"list.pdf"}, false, nil, "", []string{"is no paper of a ledger"}},
	} {
		b.Open("reports/first/index.html")
		choose(c.papers...)
		if c.document {
			path := filepath.Join(dir, "document")
			if err := os.WriteFile(path, b.site.Papers["document"], 0o600); err != nil {
				b.t.Fatal(err)
			}
			b.Choose("#check-document", path)
		}
		for id, text := range c.fields {
			b.Fill("#check-"+id, text)
		}
		b.says(b.Press("#check-papers", "#check-receipt-output"), c.says...)
		if looks := b.Text(`[...document.querySelectorAll("#check-receipt-output .verdict")].map((v) => v.classList[1]).join(" ")`); looks != c.looks {
			b.t.Errorf("%v, %v: the verdicts look %q, want %q", c.papers, c.fields, looks, c.looks)
		}
	}
	b.Clean()
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
		broken := s.Clone()
		c.change(broken)
		b.serve(broken, "")
		b.Open("reports/first/index.html")
		b.says(b.report(), c.words...)
		if b.shown() != "wrong" {
			t.Errorf("%s: the page shows %q", name, b.shown())
		}
	}
	b.serve(s, "ledger/public/tile/entries/003")
	b.Open("reports/first/index.html")
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
	b.Open("reports/first/view.html")
	b.says(b.report(), "365 proofs hold")
	b.Clean()
	t.Logf("a year of daily ticks: %s ms", b.took())
}

// TestBrowserNotices has the page do what it must not: the tests above would
// see it.
func TestBrowserNotices(t *testing.T) {
	s := wholeSite(t)
	s.Files["bad.html"] = []byte(`<!doctype html><title>bad</title><script>document.title = "run"</script><script src="bad.js" type="module"></script>`)
	s.Files["bad.js"] = []byte(`fetch("https://outside.example/a").catch(() => {}); fetch("/sent", { method: "POST", body: "secret" }); new Image().src = "http://outside.example/b";`)
	s.Files["sent"] = nil
	b := newBrowser(t, s)
	b.Open("bad.html")
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(50 * time.Millisecond) {
		noted := strings.Join(b.Noted(), "\n")
		if strings.Contains(noted, "script-src") && strings.Contains(noted, "connect-src") && strings.Contains(noted, "img-src") && strings.Contains(noted, "it sends something") {
			return
		}
	}
	t.Errorf("noted only %q", b.Noted())
}
