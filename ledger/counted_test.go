package ledger_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/published"
	"github.com/vitrine-project/vitrine/ledger"
)

const aDay = 24 * 3600

var from = uint64(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix())

// Two views of one log, which tests break copies of.
var views [2]struct {
	once sync.Once
	site *published.Site
}

func view(t *testing.T, n int) *published.Site {
	v := &views[n]
	v.once.Do(func() { v.site = published.Named(t, []string{"published", "another view"}[n]) })
	if v.site == nil {
		t.Fatal("the published directory could not be written")
	}
	return v.site.Clone()
}

// inquiry is that of an authority which knows everything.
func inquiry(s *published.Site) ledger.Inquiry {
	return ledger.Inquiry{
		Receipts: s.Papers["receipts"], Promises: [][]byte{s.Papers["promises"]}, Authority: published.Authority, Reference: published.Reference,
		Document: ledger.DocumentHash(published.Document), Accounts: []string{"alice", "bob"}, Site: ledger.NewSite(s.Fetch),
	}
}

// TestInquiry asks with everything that an authority knows.
func TestInquiry(t *testing.T) {
	s := view(t, 0)
	a, err := inquiry(s).Answer()
	if err != nil {
		t.Fatal(err)
	}
	types, accounts := []string{}, []string{}
	for _, r := range a.Receipts {
		types, accounts = append(types, r.Type), append(accounts, r.Account)
		if r.Counted == nil || r.Counted.Report != published.Report || r.Counted.Row == nil || *r.Counted.Row.Fields[0].Total != 2 {
			t.Errorf("%s: counted %+v, want in report %s, of 2 demands", r.Type, r.Counted, published.Report)
		}
		if want := from + aDay + aDay/2; r.Seen != want {
			t.Errorf("%s: seen at %d, want %d", r.Type, r.Seen, want)
		}
		if r.Type != "content" && (len(r.Unchecked) > 0 || r.Due != from+5+8*aDay) {
			t.Errorf("%s: unchecked %q, due %d", r.Type, r.Unchecked, r.Due)
		}
	}
	if !slices.Equal(types, []string{"demand", "account", "account", "content"}) || !slices.Equal(accounts, []string{"", "alice", "bob", ""}) {
		t.Errorf("types %q, accounts %q", types, accounts)
	}
}

// TestGaps leaves out what a holder may leave out: each is said, in a sentence
// and in a word.
func TestGaps(t *testing.T) {
	s := view(t, 0)
	for name, c := range map[string]struct {
		change func(*ledger.Inquiry)
		want   []string
	}{
		"papers":          {func(q *ledger.Inquiry) { q.Authority, q.Reference, q.Document = "", "", nil }, []string{"papers"}},
		"accounts":        {func(q *ledger.Inquiry) { q.Accounts = nil }, []string{"account"}},
		"promises":        {func(q *ledger.Inquiry) { q.Promises = nil }, []string{"promise"}},
		"a user":          {func(q *ledger.Inquiry) { q.Receipts, q.Promises, q.Accounts = s.Papers["user"], nil, []string{"alice"} }, []string{"demand", "promise"}},
		"another account": {func(q *ledger.Inquiry) { q.Accounts = []string{"bob"} }, []string{"other"}},
	} {
		q := inquiry(s)
		c.change(&q)
		a, err := q.Answer()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := a.Receipts[min(1, len(a.Receipts)-1)] // alice's
		if !slices.Equal(r.Gaps, c.want) || len(r.Unchecked) != len(c.want) {
			t.Errorf("%s: gaps %q, unchecked %q, want %q", name, r.Gaps, r.Unchecked, c.want)
		}
		if lines := strings.Join(a.Lines(), "\n"); strings.Count(lines, "unchecked: ") < len(c.want) {
			t.Errorf("%s: the text does not say what is unchecked:\n%s", name, lines)
		}
	}
}

// TestInquiryRefused breaks one thing at a time.
func TestInquiryRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*published.Site, *ledger.Inquiry)
		want   string
	}{
		"another authority": {func(_ *published.Site, q *ledger.Inquiry) { q.Authority = "police/two" }, "another demand"},
		"another document":  {func(_ *published.Site, q *ledger.Inquiry) { q.Document = ledger.DocumentHash([]byte("x")) }, "another demand"},
		"no account named":  {func(_ *published.Site, q *ledger.Inquiry) { q.Accounts = []string{"Alice", "mallory"} }, "no receipt here is of account Alice, mallory"},
		"one account more":  {func(_ *published.Site, q *ledger.Inquiry) { q.Accounts = append(q.Accounts, "carol") }, "no receipt here is of account carol"},
		"a leaf twice": {func(s *published.Site, q *ledger.Inquiry) {
			q.Receipts, q.Promises = append(bytes.Clone(q.Receipts), s.Papers["user"]...), nil
		}, "receipts 2 and 5 are of one entry"},
		"another promise": {func(s *published.Site, q *ledger.Inquiry) { q.Promises = [][]byte{s.Papers["broken"]} }, "of another fact"},
		"a late leaf":     {func(s *published.Site, q *ledger.Inquiry) { q.Promises = [][]byte{s.Papers["late"]} }, "it was due at"},
		"two views, one size": {func(s *published.Site, q *ledger.Inquiry) {
			q.Receipts, q.Promises = view(t, 1).Papers["receipts"], nil
		}, "no earlier state"},
		"rolled back": {func(s *published.Site, q *ledger.Inquiry) {
			s.Files["ledger/public/checkpoint"] = s.Files["ledger/public/checkpoints/256"]
			s.Files["reports/index.json"] = []byte("[]")
		}, "it ends before entry"},
		"a report of other bytes": {func(s *published.Site, _ *ledger.Inquiry) {
			s.Files["reports/first/report.json"] = bytes.Replace(s.Files["reports/first/report.json"], []byte(`"total":2`), []byte(`"total":3`), 1)
		}, "report.note signs other bytes"},
		"a report of another view": {func(s *published.Site, _ *ledger.Inquiry) {
			for _, f := range []string{"report.json", "report.note"} {
				s.Files["reports/first/"+f] = view(t, 1).Files["reports/first/"+f]
			}
		}, "is another than the one here"},
		"a table that is overdue": {func(s *published.Site, _ *ledger.Inquiry) {
			s.Files["reports/index.json"] = []byte("[]")
			s.Seen(from + 2*aDay + 31*aDay)
		}, "was due on"},
		"a hash tile": {func(s *published.Site, _ *ledger.Inquiry) { s.Files["ledger/public/tile/1/000.p/5"][70] ^= 1 }, "hash tiles"},
		"no hash tile": {func(s *published.Site, _ *ledger.Inquiry) {
			for path := range s.Files {
				if strings.HasPrefix(path, "ledger/public/tile/1/") {
					delete(s.Files, path)
				}
			}
		}, "tile/1/000"},
	} {
		t.Run(name, func(t *testing.T) {
			s := view(t, 0)
			q := inquiry(s)
			c.change(s, &q)
			if _, err := q.Answer(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestNotTold asks before there is a report, and in time.
func TestNotTold(t *testing.T) {
	s := view(t, 0)
	q := inquiry(s)
	q.Receipts, q.Promises, q.Authority, q.Reference, q.Document, q.Accounts = s.Papers["open"], nil, "", "", nil, nil
	a, err := q.Answer()
	if err != nil {
		t.Fatal(err)
	}
	if c := a.Receipts[0].Counted; c.Report != "" || c.Table != published.Sheet || c.NotBefore != from+4*aDay || c.Due != from+34*aDay {
		t.Errorf("counted %+v", c)
	}
	s.Files["reports/index.json"] = []byte("[]")
	q = inquiry(s)
	if a, err = q.Answer(); err != nil || a.Receipts[0].Counted.Report != "" {
		t.Errorf("without a report: %v", err)
	}
	q.Site = nil
	if a, err = q.Answer(); err != nil || a.Receipts[0].Counted != nil || !strings.Contains(strings.Join(a.Lines(), "\n"), "unchecked: whether it is counted") {
		t.Errorf("without a directory: %v", err)
	}
}

// TestKeep looks for promised leaves at different times.
func TestKeep(t *testing.T) {
	due := from + 5 + 8*aDay
	for name, c := range map[string]struct {
		paper  string
		seen   uint64 // the newest tree, if not as it is
		now    uint64
		found  bool
		broken bool
		words  string
	}{
		"kept":                  {paper: "promise", now: due + 1, found: true},
		"all kept":              {paper: "promises", now: due + 1, found: true},
		"not yet":               {paper: "broken", now: due},
		"never, says the log":   {paper: "broken", seen: due + 1, now: due, broken: true, words: "not in the ledger, which is public up to 2026-01-09 00:00:06"},
		"never, says the clock": {paper: "broken", now: due + 1, broken: true, words: "ends on 2026-01-04 12:00:00 UTC, before that"},
		"late":                  {paper: "late", now: due, broken: true, words: "was seen on 2026-01-02 12:00:00"},
		"far off":               {paper: "waiting", seen: due + 1, now: due + 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := view(t, 0)
			if c.seen > 0 {
				s.Seen(c.seen)
			}
			list, err := ledger.NewSite(s.Fetch).Keep(s.Papers[c.paper], c.now)
			var broken *ledger.BrokenPromise
			if errors.As(err, &broken) != c.broken || err != nil && !strings.Contains(err.Error(), c.words) || !c.broken && err != nil {
				t.Fatalf("%v, want %q", err, c.words)
			}
			for _, k := range list {
				if k.Found != c.found {
					t.Errorf("found %v: %q", k.Found, k.Lines())
				}
			}
		})
	}
}

// TestKeepClosed finds a leaf whose bundle is not public, by its hash.
func TestKeepClosed(t *testing.T) {
	s := view(t, 0)
	for path := range s.Files {
		if strings.Contains(path, "/entries/") {
			delete(s.Files, path)
		}
	}
	if list, err := ledger.NewSite(s.Fetch).Keep(s.Papers["promise"], 0); err != nil || !list[0].Found {
		t.Errorf("%v, %v", list, err)
	}
}

// TestVerdictLines reads what an audit says it cannot show.
func TestVerdictLines(t *testing.T) {
	s := view(t, 0)
	a := ledger.Audit{Fetch: s.Fetch, Rand: seeded{}, Sampled: true}
	v, err := a.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lines := v.Lines()
	if !strings.HasPrefix(lines[0], "caution: sampled") || slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "Shown:") }) {
		t.Errorf("a sampled check says %q", lines)
	}
	v.Sampled, v.Ledgers[0].Closed = false, map[uint64]bool{0: true}
	last := v.Ledgers[0].Chain[1].Header
	last.Witnesses.Quorum = 1
	text := strings.Join(v.Lines(), "\n")
	for _, want := range []string{"caution: fewer than two of three", "(it takes 1 of 3)", "caution: the leaves of period 0 (2026-01-01 to 2026-01-03)", "caution: there is no restricted ledger", "Shown:", "Not shown:"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing from\n%s", want, text)
		}
	}
}

// seeded draws what nobody needs to guess here.
type seeded struct{}

func (seeded) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(i*7 + 1)
	}
	return len(b), nil
}

// FuzzReceipts parses what lies behind one another.
func FuzzReceipts(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ledger.ParseReceipts(b)
		if err != nil {
			return
		}
		var again []byte
		for _, r := range list {
			one, err := r.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			again = append(again, one...)
		}
		if !bytes.Equal(again, b) {
			t.Errorf("%q is written as %q", b, again)
		}
	})
}
