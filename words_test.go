package vitrine_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
)

func TestParseAccount(t *testing.T) {
	for _, good := range []string{"alice", "alice@example.org", "8:live:bob", "Jörg", "a b"} {
		if a, err := vitrine.ParseAccount(good); err != nil || string(a) != good {
			t.Errorf("ParseAccount(%q) = %q, %v", good, a, err)
		}
	}
	for bad, says := range map[string]string{
		"": "empty", "*": "pattern", "al?ce": "pattern", "%": "pattern", "..": "path", "a/b": "path", `a\b`: "path",
		" alice": "blank", "ali\u202ece": "U+202E", "ali\u3164ce": "U+3164", "ali\u034fce": "U+034F", "ali\ufe0fce": "U+FE0F", "ali\u2800ce": "U+2800", "a   b": "two blanks", "a\nb": "U+000A", "\xff": "UTF-8", strings.Repeat("a", 256): "long",
	} {
		if _, err := vitrine.ParseAccount(bad); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseAccount(%q): want an error about %q, got %v", bad, says, err)
		}
	}
}

func TestDigestIsStrict(t *testing.T) {
	// SHA-256 of "abc", FIPS 180-4 example.
	const abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := vitrine.DigestOf([]byte("abc")).String(); got != abc {
		t.Fatalf("DigestOf(abc) = %s", got)
	}
	if d, err := vitrine.ParseDigest(abc); err != nil || d != vitrine.DigestOf([]byte("abc")) {
		t.Fatalf("ParseDigest: %v, %v", d, err)
	}
	for _, bad := range []string{"", abc[7:], strings.ToUpper(abc), abc + "0", "sha256:" + strings.Repeat("g", 64), " " + abc} {
		if _, err := vitrine.ParseDigest(bad); err == nil {
			t.Errorf("ParseDigest(%q) went through", bad)
		}
	}
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestPeriodIsHalfOpen(t *testing.T) {
	p, err := vitrine.NewPeriod(at("2002-08-15T00:00:00Z"), at("2002-09-15T00:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	for when, in := range map[string]bool{
		"2002-08-14T23:59:59Z": false, "2002-08-15T00:00:00Z": true, "2002-09-14T23:59:59Z": true, "2002-09-15T00:00:00Z": false,
		"2002-08-15T01:00:00+02:00": false, "2002-09-15T01:00:00+02:00": true,
	} {
		if p.Contains(at(when)) != in {
			t.Errorf("Contains(%s) = %v", when, !in)
		}
	}
	for _, bad := range [][2]string{{"2002-09-15T00:00:00Z", "2002-08-15T00:00:00Z"}, {"2002-08-15T00:00:00Z", "2002-08-15T00:00:00Z"}, {"1960-01-01T00:00:00Z", "1971-01-01T00:00:00Z"}} {
		if _, err := vitrine.NewPeriod(at(bad[0]), at(bad[1])); err == nil {
			t.Errorf("NewPeriod(%s, %s) went through", bad[0], bad[1])
		}
	}
	if err := json.Unmarshal([]byte(`{"from":"2002-09-15T00:00:00Z","to":"2002-08-15T00:00:00Z"}`), &p); err == nil {
		t.Error("an empty period was read from JSON")
	}
}

func scope(t interface{ Fatal(...any) }) vitrine.Scope {
	p, err := vitrine.NewPeriod(at("2026-01-01T00:00:00Z"), at("2026-03-01T00:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	return vitrine.Scope{
		Accounts: []vitrine.Account{"alice", "bob"}, Categories: []vitrine.Category{vitrine.Subscriber, vitrine.Content},
		Period: p, Clock: vitrine.ClockSent, Correspondents: []string{"x@example.org", "y@example.org"},
		Keywords: []string{"egret", "grey heron"},
	}
}

// TestGrantIsNeverMore changes one field at a time.
func TestGrantIsNeverMore(t *testing.T) {
	period := func(from, to string) vitrine.Period {
		p, err := vitrine.NewPeriod(at(from), at(to))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, c := range map[string]struct {
		change func(*vitrine.Scope)
		fields string // of the differences; "-" where the grant is more than was asked
	}{
		"same":              {func(*vitrine.Scope) {}, ""},
		"one account":       {func(s *vitrine.Scope) { s.Accounts = []vitrine.Account{"bob"} }, "accounts"},
		"another account":   {func(s *vitrine.Scope) { s.Accounts = []vitrine.Account{"carol"} }, "-"},
		"one category":      {func(s *vitrine.Scope) { s.Categories = []vitrine.Category{vitrine.Subscriber} }, "categories"},
		"another category":  {func(s *vitrine.Scope) { s.Categories = []vitrine.Category{vitrine.Traffic} }, "-"},
		"later from":        {func(s *vitrine.Scope) { s.Period = period("2026-01-02T00:00:00Z", "2026-03-01T00:00:00Z") }, "from"},
		"both ends":         {func(s *vitrine.Scope) { s.Period = period("2026-01-02T00:00:00Z", "2026-02-01T00:00:00Z") }, "from,to"},
		"one second before": {func(s *vitrine.Scope) { s.Period = period("2025-12-31T23:59:59Z", "2026-03-01T00:00:00Z") }, "-"},
		"one second after":  {func(s *vitrine.Scope) { s.Period = period("2026-01-01T00:00:00Z", "2026-03-01T00:00:01Z") }, "-"},
		"another clock":     {func(s *vitrine.Scope) { s.Clock = vitrine.ClockReceived }, "-"},
		"one correspondent": {func(s *vitrine.Scope) { s.Correspondents = []string{"y@example.org"} }, "correspondents"},
		"any correspondent": {func(s *vitrine.Scope) { s.Correspondents = nil }, "-"},
		"one keyword":       {func(s *vitrine.Scope) { s.Keywords = []string{"grey heron"} }, "keywords"},
		"any keyword":       {func(s *vitrine.Scope) { s.Keywords = nil }, "-"},
		"another keyword":   {func(s *vitrine.Scope) { s.Keywords = []string{"heron"} }, "-"},
		"a keyword more":    {func(s *vitrine.Scope) { s.Keywords = []string{"egret", "grey heron", "heron"} }, "-"},
		"another one":       {func(s *vitrine.Scope) { s.Correspondents = []string{"z@example.org"} }, "-"},
	} {
		granted := scope(t)
		c.change(&granted)
		ds, err := scope(t).Narrowed(granted)
		var fields []string
		for _, d := range ds {
			fields = append(fields, d.Field)
		}
		if got := strings.Join(fields, ","); (err != nil) != (c.fields == "-") || err == nil && got != c.fields {
			t.Errorf("%s: differences %q, error %v; want %q", name, got, err, c.fields)
		}
	}
}

func TestNormalIsAFixpoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := scope(t)
		s.Accounts = rapid.SliceOfN(rapid.SampledFrom([]vitrine.Account{"a", "b", "c", "*", "", "a/b"}), 0, 5).Draw(t, "accounts")
		s.Categories = rapid.SliceOfN(rapid.SampledFrom([]vitrine.Category{"content", "traffic", "subscriber", "all"}), 0, 5).Draw(t, "categories")
		s.Correspondents = rapid.SliceOfN(rapid.SampledFrom([]string{"A@x.org", "a@x.org", "b@x.org", "*@x.org", "nobody"}), 0, 4).Draw(t, "correspondents")
		s.Keywords = rapid.SliceOfN(rapid.SampledFrom([]string{"heron", "grey heron", "egret", "e", "her*", "a  b"}), 0, 4).Draw(t, "keywords")
		n, err := s.Normal()
		if err != nil {
			return
		}
		again, err := n.Normal()
		if err != nil {
			t.Fatalf("normal form refused: %v", err)
		}
		a, _ := json.Marshal(n)
		b, _ := json.Marshal(again)
		if string(a) != string(b) {
			t.Fatalf("%s became %s", a, b)
		}
		for _, account := range n.Accounts {
			if strings.ContainsAny(string(account), "*/") {
				t.Fatalf("account %q went through", account)
			}
		}
	})
}

func TestSubmissionID(t *testing.T) {
	s := vitrine.Submission{Reference: "A", Authority: "us-x", Instrument: "us/subpoena", Received: at("2026-01-02T00:00:00Z"),
		Document: vitrine.Document{Name: "a.pdf", Size: 1, SHA256: vitrine.DigestOf([]byte("a"))}, Asked: scope(t)}
	id := s.ID()
	if _, err := vitrine.ParseID(string(id)); err != nil {
		t.Fatal(err)
	}
	again := s
	again.Document.Name, again.Received = "copy of a.pdf", at("2026-01-05T00:00:00Z")
	if again.ID() != id || again.Subject() != s.Subject() {
		t.Error("the same paper, sent again, is another demand")
	}
	amended := s
	amended.Asked.Accounts = amended.Asked.Accounts[:1]
	if amended.ID() == id || amended.Subject() != s.Subject() {
		t.Error("a demand read otherwise has the same id, or another subject")
	}
	other := s
	other.Document.SHA256 = vitrine.DigestOf([]byte("b"))
	if other.ID() == id || other.Subject() == s.Subject() {
		t.Error("another paper is the same demand")
	}
}

func TestExitCodes(t *testing.T) {
	for k, code := range map[vitrine.Kind]int{vitrine.Failed: 1, vitrine.Usage: 2, vitrine.Unverified: 3, vitrine.Refused: 4, vitrine.Busy: 5} {
		if got := vitrine.ExitCode(vitrine.Refusef(k, "x")); got != code {
			t.Errorf("kind %d exits %d, want %d", k, got, code)
		}
	}
}

// TestEverybody wants a scope that names everybody to be refused, whatever
// stands beside it, and an account whose name only begins so to pass.
func TestEverybody(t *testing.T) {
	for name, specific := range map[vitrine.Account]bool{"all": false, "ALL": false, "everybody": false, "Anyone": false, "allan": true, "all@example.org": true, "alice": true} {
		err := vitrine.Scope{Accounts: []vitrine.Account{"alice", name}}.Specific()
		var r *vitrine.Refusal
		switch {
		case specific && err != nil:
			t.Errorf("%s: %v", name, err)
		case !specific && (!errors.As(err, &r) || r.Kind != vitrine.Refused || r.Ground != "unspecific"):
			t.Errorf("%s: want a refusal as unspecific, got %v", name, err)
		}
	}
}
