package mail

import (
	"net/mail"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestDates reads dates that occur in real mail; each expectation was worked
// out by hand.
func TestDates(t *testing.T) {
	const h = 3600
	at := time.Date(2002, 8, 22, 17, 26, 25, 0, time.UTC).Unix()
	for raw, want := range map[string]struct {
		from, to int64 // 0, 0: nothing is known
		rule     string
	}{
		"Thu, 22 Aug 2002 18:26:25 +0100":                {at, at, "rfc5322"},
		"22 Aug 2002 18:26:25 +0100":                     {at, at, "rfc5322"},
		"Thu, 22 Aug 2002 13:26:25 -0400 (EDT)":          {at, at, "rfc5322"},
		"Thu,  22 AUG 2002 17:26:25 -0000":               {at, at, "rfc5322"},
		"Thu, 22 Aug 2002 17:26 +0000":                   {at - 25, at - 25, "rfc5322"},
		"Thu, 22 Aug 02 17:26:25 GMT":                    {at, at, "rfc5322-obs"},
		"Thu, 22 Aug 102 17:26:25 UT":                    {at, at, "rfc5322-obs"},
		"Thu (a (nested) one), 22 Aug 2002 13:26:25 EDT": {at, at, "rfc5322-obs"},
		"Thu, 22 Aug 2002 10:26:25 PDT":                  {at, at, "rfc5322-obs"},
		"Thu, 22 Aug 2002 17:26:25 Z":                    {at, at, "rfc5322-obs"},
		"Thu, 22 Aug 2002 17:26:25 A":                    {at - 14*h, at + 12*h, "lenient"},
		"Thu, 22 Aug 2002 17:26:25 CET":                  {at - 14*h, at + 12*h, "lenient"},
		"Thu, 22 Aug 2002 17:26:25":                      {at - 14*h, at + 12*h, "lenient"},
		"Thu Aug 22 17:26:25 2002":                       {at - 14*h, at + 12*h, "asctime"},
		"Thu Aug 22 18:26:25 2002 +0100":                 {at, at, "asctime"},
		"Thu Aug 22 10:26:25 PDT 2002":                   {at, at, "asctime"},
		"2002-08-22T18:26:25+01:00":                      {at, at, "iso8601"},
		"2002-08-22 17:26:25.123Z":                       {at, at, "lenient"},
		"2002-08-22 18:26:25 +0100":                      {at, at, "iso8601"},
		"Thursday, 22 August 2002 18:26:25 +0100":        {at, at, "lenient"},
		"Thu, 22-Aug-2002 18:26:25 +0100":                {at, at, "lenient"},
		"Aug 22, 2002 6:26:25 PM +0100":                  {at, at, "lenient"},
		"Thu, 22 Aug 2002 18:26:25 GMT+0100":             {at, at, "lenient"},
		"Thu, 22 Aug 2002 18:26:25 +0100 MESZ":           {at, at, "lenient"},
		"Thu, 22 Aug 2002 17:26:25 MESZ +0000":           {at, at, "lenient"},
		"Thu, 22 Aug 2002 17:26:25 GMT +0200":            {at - 14*h, at + 12*h, "lenient"},
		"Thu, 22 Aug 2002 17:26:25 +9900":                {at - 14*h, at + 12*h, "lenient"},
		"22 Aug 2002":                                    {at - (17*h + 26*60 + 25) - 14*h, at - (17*h + 26*60 + 25) + 24*h - 1 + 12*h, "lenient-day"},
		"Mon, 01 Jan 1979 00:00:00 +0000":                {283996800, 283996800, "rfc5322"},
		"Thu, 22 Aug 0002 17:26:25 +0000":                {0, 0, "implausible"},
		"Fri, 19 Nov 1706 17:26:25 +0000":                {0, 0, "implausible"},
		"Thu, 31 Jun 2002 17:26:25 +0000":                {0, 0, "unparseable"},
		"Thu, 22 Aug 2002 24:26:25 +0000":                {0, 0, "unparseable"},
		"08/22/2002 17:26:25 +0000":                      {0, 0, "unparseable"},
		"yesterday":                                      {0, 0, "unparseable"},
		"":                                               {0, 0, "unparseable"},
	} {
		i := parseDate(raw)
		if i.Rule != want.rule || i.Raw != raw {
			t.Errorf("%q: rule %s raw %q, want %s", raw, i.Rule, i.Raw, want.rule)
		}
		if want.from == 0 {
			if i.Known() {
				t.Errorf("%q: known to be %v", raw, i)
			}
			continue
		}
		if i.From.Unix() != want.from || i.To.Unix() != want.to {
			t.Errorf("%q: [%d, %d], want [%d, %d]", raw, i.From.Unix(), i.To.Unix(), want.from, want.to)
		}
	}
}

// TestDateAgrees compares with net/mail wherever that reads a date that any
// writer of RFC 5322 can write.
func TestDateAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(200_000, 4e9).Draw(t, "at"), 0).In(time.FixedZone("", 60*rapid.IntRange(-12*60, 14*60).Draw(t, "zone")))
		layout := rapid.SampledFrom([]string{time.RFC1123Z, "2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04 -0700", "Mon, 2 Jan 2006 15:04:05 -0700 (XYZ)", "Mon,\r\n 02 Jan 2006 15:04:05 -0700"}).Draw(t, "layout")
		raw := at.Format(layout)
		want, err := mail.ParseDate(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := parseDate(raw); !got.From.Equal(want) || !got.To.Equal(want) || got.Rule != "rfc5322" {
			t.Fatalf("%q: %+v, net/mail says %v", raw, got, want)
		}
	})
}

// FuzzDate: what is known is an interval of plausible width, and what both
// net/mail and the strict rule read is the same instant.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"Thu, 22 Aug 2002 18:26:25 +0100", "Thu Aug 22 17:26:25 2002", "2002-08-22T18:26:25+01:00", "22 Aug 2002", "Aug 22, 2002 6:26:25 PM +0100", "Thu, 22 Aug 02 17:26:25 GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		i := parseDate(s)
		if !i.Known() {
			return
		}
		width := i.To.Sub(i.From)
		if width != 0 && width != 26*time.Hour && width != 50*time.Hour-time.Second && width != 24*time.Hour-time.Second {
			t.Fatalf("%q is read as %v wide", s, width)
		}
		if y := i.To.Year(); y < 1970 || y > 10000 || i.Rule == "" || len(i.Raw) > 3*maxRaw {
			t.Fatalf("%q: %+v", s, i)
		}
		if want, err := mail.ParseDate(s); err == nil && i.Rule == ruleRFC5322 && !strings.ContainsAny(s, "(") && !strings.Contains(s, ":60") && !want.Equal(i.From) {
			t.Fatalf("%q: %v, net/mail says %v", s, i.From, want)
		}
	})
}
