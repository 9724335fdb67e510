package intake_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine"
	"github.com/vitrine-project/vitrine/internal/intake"
	"github.com/vitrine-project/vitrine/law"
)

const good = `reference  = "26-CR-118"
authority  = "us-dc-wawd"
instrument = "us/search-warrant"
document   = "papers/warrant.pdf"
received   = 2026-11-20T09:00:00Z
accounts   = ["bob", "alice", "bob"]
categories = ["content"]
from       = 2002-08-15T00:00:00Z
to         = 2002-09-15T00:00:00Z
`

func with(old, new string) string {
	if !strings.Contains(good, old) {
		panic("the good demand has no " + old)
	}
	return strings.Replace(good, old, new, 1)
}

func TestDemand(t *testing.T) {
	d, err := intake.ParseDemand([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	s := d.Submission
	if s.Reference != "26-CR-118" || s.Document.Name != "warrant.pdf" || d.DocumentPath != "papers/warrant.pdf" || s.Asked.Clock != vitrine.ClockReceived ||
		fmt.Sprint(s.Asked.Accounts) != "[alice bob]" || s.Asked.Period.String() != "[2002-08-15T00:00:00Z, 2002-09-15T00:00:00Z)" {
		t.Errorf("%+v", d)
	}
}

// TestCivilDates expands plain dates in a zone. The instants are from the
// zone's published rules.
func TestCivilDates(t *testing.T) {
	for _, c := range []struct{ zone, from, to, want string }{
		{"UTC", "2002-08-15", "2002-09-15", "[2002-08-15T00:00:00Z, 2002-09-15T00:00:00Z)"},
		{"America/Los_Angeles", "2026-10-01", "2026-11-02", "[2026-10-01T07:00:00Z, 2026-11-02T08:00:00Z)"}, // summer time ends on 1 November
		{"Asia/Kolkata", "2026-01-01", "2026-01-02", "[2025-12-31T18:30:00Z, 2026-01-01T18:30:00Z)"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-05", "[2018-11-04T03:00:00Z, 2018-11-05T02:00:00Z)"}, // midnight is skipped: the day begins at 01:00
		{"America/Havana", "2026-11-01", "2026-11-02", "[2026-11-01T04:00:00Z, 2026-11-02T05:00:00Z)"},    // midnight comes twice: the day begins with the first
		{"Pacific/Apia", "2011-12-29", "2011-12-30", "[2011-12-29T10:00:00Z, 2011-12-30T10:00:00Z)"},      // 30 December was left out
		{"Pacific/Apia", "2011-12-30", "2012-01-01", "[2011-12-30T10:00:00Z, 2011-12-31T10:00:00Z)"},
		{"Pacific/Kwajalein", "1993-08-20", "1993-08-22", "[1993-08-20T12:00:00Z, 1993-08-21T12:00:00Z)"}, // and here 21 August
		{"Africa/Monrovia", "1972-01-07", "1972-01-08", "[1972-01-07T00:44:30Z, 1972-01-08T00:00:00Z)"},   // 44 min 30 s are skipped
		{"Asia/Pyongyang", "2015-08-15", "2015-08-16", "[2015-08-14T15:30:00Z, 2015-08-15T15:30:00Z)"},    // at midnight back to 23:30
		{"Pacific/Kiritimati", "2026-01-01", "2026-01-02", "[2025-12-31T10:00:00Z, 2026-01-01T10:00:00Z)"},
	} {
		text := strings.NewReplacer("2002-08-15T00:00:00Z", c.from, "2002-09-15T00:00:00Z", c.to).Replace(good) + "zone = \"" + c.zone + "\"\n"
		d, err := intake.ParseDemand([]byte(text))
		if err != nil || d.Submission.Asked.Period.String() != c.want || d.Submission.Asked.Zone != c.zone {
			t.Errorf("%s: %s, %v; want %s", c.zone, d.Submission.Asked.Period, err, c.want)
		}
	}
}

// TestFirstMoment walks the minutes of two days before each end of a demand in
// plain dates: none has a date as late as the one asked for, and the end does.
func TestFirstMoment(t *testing.T) {
	zones := []string{"UTC", "America/Los_Angeles", "America/Sao_Paulo", "America/Havana", "Asia/Beirut", "Asia/Amman", "Asia/Tehran", "Pacific/Apia", "Pacific/Kwajalein", "Pacific/Fakaofo",
		"Australia/Lord_Howe", "Antarctica/Troll", "Africa/Monrovia", "Africa/Casablanca", "Europe/Lisbon", "America/Scoresbysund", "America/Nuuk", "Asia/Kathmandu", "Pacific/Enderbury"}
	rapid.Check(t, func(r *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(r, "zone"))
		if err != nil {
			r.Fatal(err)
		}
		from := time.Date(1970, 1, 2+rapid.IntRange(0, 47000).Draw(r, "day"), 0, 0, 0, 0, time.UTC)
		days := [2]time.Time{from, from.AddDate(0, 0, rapid.IntRange(2, 400).Draw(r, "days"))}
		text := strings.NewReplacer("2002-08-15T00:00:00Z", days[0].Format(time.DateOnly), "2002-09-15T00:00:00Z", days[1].Format(time.DateOnly)).Replace(good)
		d, err := intake.ParseDemand([]byte(text + fmt.Sprintf("zone = %q\n", zone)))
		if err != nil {
			r.Fatal(err)
		}
		for i, end := range [2]time.Time{d.Submission.Asked.Period.From(), d.Submission.Asked.Period.To()} {
			want := days[i].Format(time.DateOnly)
			if got := end.In(zone).Format(time.DateOnly); got < want {
				r.Fatalf("%s begins at %s, which is still %s", want, end, got)
			}
			for before := time.Second; before < 48*time.Hour; before += time.Minute {
				if got := end.Add(-before).In(zone).Format(time.DateOnly); got >= want {
					r.Fatalf("%s begins at %s, but %s before it is %s", want, end, before, got)
				}
			}
		}
	})
}

func TestBadDemands(t *testing.T) {
	for says, text := range map[string]string{
		"is a pattern":                  with(`["bob", "alice", "bob"]`, `["*"]`),
		"no account is named":           with(`["bob", "alice", "bob"]`, `[]`),
		"an account is empty":           with(`["bob", "alice", "bob"]`, `[""]`),
		"is a path":                     with(`["bob", "alice", "bob"]`, `["../bob"]`),
		"the period is empty":           with("2002-09-15T00", "2002-08-15T00"),
		"category \"all\"":              with(`["content"]`, `["all"]`),
		"no category is named":          with(`["content"]`, `[]`),
		"key \"acounts\" is not":        with("accounts ", "acounts "),
		"has no offset":                 with("2026-11-20T09:00:00Z", "2026-11-20T09:00:00"),
		"fractions of a second":         with("2026-11-20T09:00:00Z", "2026-11-20T09:00:00.5Z"),
		"received is missing":           with("received   = 2026-11-20T09:00:00Z\n", ""),
		"from is missing":               with("from       = 2002-08-15T00:00:00Z\n", ""),
		"of two kinds":                  with("2002-08-15T00:00:00Z", "2002-08-15"),
		"say in which zone":             strings.ReplaceAll(good, "T00:00:00Z\n", "\n"),
		"leave zone out":                good + "zone = \"UTC\"\n",
		"zone \"Mars/Olympus\"":         strings.ReplaceAll(good, "T00:00:00Z\n", "\n") + "zone = \"Mars/Olympus\"\n",
		"zone \"../../etc/passwd\"":     strings.ReplaceAll(good, "T00:00:00Z\n", "\n") + "zone = \"../../etc/passwd\"\n",
		"document is missing":           with(`"papers/warrant.pdf"`, `""`),
		"is a directory":                with(`"papers/warrant.pdf"`, `"papers/"`),
		"the reference is empty":        with(`"26-CR-118"`, `""`),
		"cannot be seen":                with(`"26-CR-118"`, `"26\u0007"`),
		"authority or instrument":       with(`"us-dc-wawd"`, `""`),
		"clock \"arrival\"":             good + "clock = \"arrival\"\n",
		"correspondent \"*@x.org\"":     good + "correspondents = [\"*@x.org\"]\n",
		"keyword \"her*\" is a pattern": good + "keywords = [\"Her*\"]\n",
		"keyword \"her\\u200bon\"":      good + "keywords = [\"her\\u200bon\"]\n",
		"has 1 characters":              good + "keywords = [\"h\"]\n",
		"has 201 characters":            good + "keywords = [\"" + strings.Repeat("h", 201) + "\"]\n",
		"101 keywords":                  good + "keywords = [" + strings.Repeat(`"heron",`, 101) + "]\n",
		"two blanks in a row":           good + "keywords = [\"grey  heron\"]\n",
		"1:9: unexpected EOF; expected key separator '=': want key = value": "reference",
		"small letters":             good + "ACCOUNTS = [\"carol\"]\n",
		"key \"Accounts\"":          with("accounts ", "Accounts "),
		"account\u017f":             good + "\"account\u017f\" = [\"carol\"]\n", // folds to "accounts"
		"1001 accounts":             with(`["bob", "alice", "bob"]`, "["+strings.Repeat(`"bob",`, 1001)+"]"),
		"document \"a\\x00b\"":      with(`"papers/warrant.pdf"`, `"a\u0000b"`),
		"without quotes":            with("2026-11-20T09:00:00Z", `"2026-11-20T09:00:00Z"`),
		"reaches outside the years": strings.NewReplacer("2002-08-15T00:00:00Z", "0001-01-01").Replace(with("2002-09-15T00:00:00Z", "2002-09-15")) + "zone = \"UTC\"\n",
		"has already been defined":  good + "reference = \"again\"\n",
		"the file is":               strings.Repeat("#", intake.MaxFile+1),
		"6:1: accounts is text in quotes: want a list in brackets": with(`["bob", "alice", "bob"]`, `"bob"`),
		"that cannot be meant": with("2002-09-15T00:00:00Z", "9999-12-31T23:59:59-01:00"),
	} {
		_, err := intake.ParseDemand([]byte(text))
		var r *vitrine.Refusal
		if !errors.As(err, &r) || r.Kind != vitrine.Usage || !strings.Contains(err.Error(), says) {
			t.Errorf("want a usage error that says %q, got %v", says, err)
		}
	}
}

// TestKeywords: keywords are kept in the form in which they are compared.
func TestKeywords(t *testing.T) {
	d, err := intake.ParseDemand([]byte(good + `keywords = ["Grey Heron", "STRASSE", "straße", "ＭＵＥＬＬＥＲ", "ﬁn"]`))
	if want := []string{"fin", "grey heron", "mueller", "strasse"}; err != nil || !slices.Equal(d.Submission.Asked.Keywords, want) {
		t.Errorf("%q, %v, want %q", d.Submission.Asked.Keywords, err, want)
	}
	a := d.Submission.Asked
	g, ds, err := intake.ParseGrant([]byte("keywords = [\"GREY HERON\"]\n[reasons]\nkeywords = \"agreed\"\n"), a)
	if err != nil || !slices.Equal(g.Keywords, []string{"grey heron"}) || len(ds) != 1 || ds[0].Granted != `"grey heron"` {
		t.Errorf("%q, %v, %v", g.Keywords, ds, err)
	}
	for says, text := range map[string]string{"drops": "keywords = []\n", "not asked for": "keywords = [\"egret\"]\n"} {
		if _, _, err := intake.ParseGrant([]byte(text), a); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func asked(t testing.TB) vitrine.Scope {
	t.Helper()
	d, err := intake.ParseDemand([]byte(good + "correspondents = [\"x@example.org\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	return d.Submission.Asked
}

func TestGrant(t *testing.T) {
	for name, c := range map[string]struct{ text, differences, says string }{
		"as asked":           {"", "", ""},
		"one account":        {"accounts = [\"alice\"]\n[reasons]\naccounts = \"account-not-named\"\n", "accounts", ""},
		"a shorter period":   {"to = 2002-09-01T00:00:00Z\n[reasons]\nto = \"period-beyond-order\"\n", "to", ""},
		"plain dates":        {"from = 2002-08-16\nzone = \"UTC\"\n[reasons]\nfrom = \"period-beyond-order\"\n", "from", ""},
		"no reason":          {"accounts = [\"alice\"]\n", "", "without a reason"},
		"unknown reason":     {"accounts = [\"alice\"]\n[reasons]\naccounts = \"because\"\n", "", "is not known"},
		"a reason too many":  {"[reasons]\nto = \"agreed\"\n", "", "nothing less is given"},
		"another account":    {"accounts = [\"carol\"]\n[reasons]\naccounts = \"agreed\"\n", "", "not asked for"},
		"a longer period":    {"to = 2002-09-16T00:00:00Z\n[reasons]\nto = \"agreed\"\n", "", "reaches outside"},
		"another clock":      {"clock = \"sent\"\n", "", "another scope"},
		"no correspondents":  {"correspondents = []\n[reasons]\ncorrespondents = \"agreed\"\n", "", "drops"},
		"no account":         {"accounts = []\n", "", "no account is named"},
		"a date, no zone":    {"to = 2002-09-01\n", "", "in which zone"},
		"an unknown key":     {"acounts = [\"alice\"]\n", "", "is not known"},
		"a zone for nothing": {"zone = \"UTC\"\n", "", "without from or to"},
		"a zone, no date":    {"from = 2002-08-15T00:00:00Z\nzone = \"UTC\"\n", "", "leave zone out"},
		"two kinds":          {"from = 2002-08-16\nto = 2002-09-01T00:00:00Z\nzone = \"UTC\"\n", "", "two kinds"},
		"an early year":      {"from = 0001-01-01\nzone = \"UTC\"\n", "", "the years 1970"},
		"the first second":   {"from = 0001-01-01T00:00:00Z\n", "", "cannot be meant"},
		"a local time":       {"from = 2002-08-16T00:00:00\n", "", "has no offset"},
		"two spellings":      {"accounts = [\"alice\"]\nAccounts = [\"bob\"]\n[reasons]\naccounts = \"agreed\"\n", "", "small letters"},
	} {
		granted, ds, err := intake.ParseGrant([]byte(c.text), asked(t))
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want an error that says %q", name, err, c.says)
			}
			if more := strings.Contains(c.says, "asked for") || strings.Contains(c.says, "outside"); more && vitrine.ExitCode(err) != 4 {
				t.Errorf("%s: exit %d, want 4", name, vitrine.ExitCode(err))
			}
			continue
		}
		var fields []string
		for _, d := range ds {
			fields = append(fields, d.Field)
			if d.Reason == "" {
				t.Errorf("%s: no reason", name)
			}
		}
		if err != nil || strings.Join(fields, ",") != c.differences {
			t.Errorf("%s: %v, %v", name, fields, err)
		}
		if _, err := asked(t).Narrowed(granted); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecisions(t *testing.T) {
	ds, err := intake.ParseDecisions([]byte("[[item]]\nnumber = 7\naction = \"produce\"\n[[item]]\nnumber = 3\naction = \"withhold\"\nreason = \"privileged\"\n"))
	if err != nil || len(ds) != 2 || ds[0] != (intake.Decision{Number: 7, Produce: true}) || ds[1] != (intake.Decision{Number: 3, Reason: "privileged"}) {
		t.Errorf("%+v, %v", ds, err)
	}
	for says, text := range map[string]string{
		"no [[item]]":      "",
		"want \"produce\"": "[[item]]\nnumber = 1\naction = \"\"\n",
		"twice":            "[[item]]\nnumber = 1\naction = \"produce\"\n[[item]]\nnumber = 1\naction = \"produce\"\n",
		"without a reason": "[[item]]\nnumber = 1\naction = \"withhold\"\n",
		"has the number 0": "[[item]]\naction = \"produce\"\n",
		"cannot be seen":   "[[item]]\nnumber = 1\naction = \"produce\"\nreason = \"a\\nitem: 2\"\n",
		"is not known":     "[[item]]\nnumber = 1\nverdict = \"produce\"\n",
	} {
		if _, err := intake.ParseDecisions([]byte(text)); err == nil || !strings.Contains(err.Error(), says) || vitrine.ExitCode(err) != 2 {
			t.Errorf("want a usage error that says %q, got %v", says, err)
		}
	}
}

// render writes an accepted demand as a demand file.
func render(d intake.Demand) string {
	s := d.Submission
	list := func(values any) string {
		b, _ := json.Marshal(values)
		return string(b)
	}
	text := fmt.Sprintf("reference = %s\nauthority = %s\ninstrument = %s\ndocument = %s\nreceived = %s\naccounts = %s\ncategories = %s\nclock = %s\n",
		strconv.QuoteToASCII(s.Reference), strconv.QuoteToASCII(string(s.Authority)), strconv.QuoteToASCII(string(s.Instrument)), strconv.QuoteToASCII(d.DocumentPath),
		s.Received.Format(time.RFC3339), list(s.Asked.Accounts), list(s.Asked.Categories), strconv.Quote(string(s.Asked.Clock)))
	if len(s.Asked.Correspondents) > 0 {
		text += "correspondents = " + list(s.Asked.Correspondents) + "\n"
	}
	if len(s.Asked.Keywords) > 0 {
		text += "keywords = " + list(s.Asked.Keywords) + "\n"
	}
	return text + fmt.Sprintf("from = %s\nto = %s\n", s.Asked.Period.From().Format(time.RFC3339), s.Asked.Period.To().Format(time.RFC3339))
}

// FuzzDemand wants what is accepted to be whole, and to be read back the same
// from another file that says it.
func FuzzDemand(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(strings.ReplaceAll(good, "T00:00:00Z\n", "\n") + "zone = \"America/Havana\"\n"))
	f.Add([]byte(good + "correspondents = [\"X@example.org\"]\nclock = \"sent\"\n"))
	f.Add([]byte(good + "keywords = [\"Grey Heron\", \"stra\u00dfe\", \"\u1e9e\u0345\"]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := intake.ParseDemand(b)
		if err != nil {
			if vitrine.ExitCode(err) != 2 {
				t.Fatalf("exit %d: %v", vitrine.ExitCode(err), err)
			}
			return
		}
		s := d.Submission
		normal, err := s.Asked.Normal()
		if err != nil || fmt.Sprint(normal) != fmt.Sprint(s.Asked) || !s.Asked.Period.From().Before(s.Asked.Period.To()) {
			t.Fatalf("%v: %+v", err, s.Asked)
		}
		if !strings.Contains(fmt.Sprintf("%q", d.DocumentPath), `\`) { // what Go quotes otherwise than TOML
			again, err := intake.ParseDemand([]byte(render(d)))
			if err != nil {
				t.Fatalf("%v in\n%s", err, render(d))
			}
			again.Submission.Asked.Zone = s.Asked.Zone
			if again.Submission.ID() != s.ID() {
				t.Fatalf("%+v became %+v", s, again.Submission)
			}
		}
	})
}

// FuzzGrant wants no accepted grant to reach anything that was not asked for.
func FuzzGrant(f *testing.F) {
	f.Add([]byte("to = 2002-09-01T00:00:00Z\n[reasons]\nto = \"agreed\"\n"))
	f.Add([]byte("accounts = [\"alice\"]\nfrom = 2002-08-16\nzone = \"UTC\"\n[reasons]\naccounts = \"agreed\"\nfrom = \"agreed\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a := asked(t)
		g, ds, err := intake.ParseGrant(b, a)
		if err != nil {
			return
		}
		for _, account := range g.Accounts {
			if account != "alice" && account != "bob" {
				t.Fatalf("granted %q", account)
			}
		}
		if g.Period.From().Before(a.Period.From()) || g.Period.To().After(a.Period.To()) || g.Clock != a.Clock || len(g.Correspondents) != 1 || len(g.Categories) != 1 {
			t.Fatalf("granted %+v", g)
		}
		if normal, err := g.Normal(); err != nil || fmt.Sprint(normal) != fmt.Sprint(g) {
			t.Fatalf("%v: granted %+v", err, g)
		}
		less := 0
		for _, is := range []bool{len(g.Accounts) < len(a.Accounts), g.Period.From() != a.Period.From(), g.Period.To() != a.Period.To()} {
			if is {
				less++
			}
		}
		if less != len(ds) {
			t.Fatalf("%d fields give less, %d are explained: %+v", less, len(ds), ds)
		}
		for _, d := range ds {
			if _, known := law.Says(d.Reason); !known {
				t.Fatalf("no reason: %+v", d)
			}
		}
	})
}

// FuzzDecisions wants each item to be decided once.
func FuzzDecisions(f *testing.F) {
	f.Add([]byte("[[item]]\nnumber = 7\naction = \"produce\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ds, err := intake.ParseDecisions(b)
		if err != nil {
			return
		}
		var text strings.Builder
		for _, d := range ds {
			fmt.Fprintf(&text, "[[item]]\nnumber = %d\naction = %q\nreason = %q\n", d.Number, map[bool]string{true: "produce", false: "withhold"}[d.Produce], d.Reason)
		}
		if again, err := intake.ParseDecisions([]byte(text.String())); !strings.Contains(text.String(), `\`) && (err != nil || !slices.Equal(again, ds)) {
			t.Fatalf("%v: %+v became %+v", err, ds, again)
		}
		seen := map[int64]bool{}
		for _, d := range ds {
			if seen[d.Number] || d.Number < 1 || !d.Produce && d.Reason == "" {
				t.Fatalf("%+v", ds)
			}
			seen[d.Number] = true
		}
	})
}
