// Package planted makes mail of which everything is known beforehand: when it
// was sent and arrived, who it is between, and what nobody can know. Tests
// compare a reader with that truth. It imports nothing of this project but
// package truth, whose oracle says what must become of each message, and reads
// nothing back, so that it cannot share a reader's mistakes.
package planted

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// Span is what can be known of a time.
type Span = truth.Span

// Message is one planted message.
type Message struct {
	Raw      []byte // what was sent, before any mailbox quoted it
	Received time.Time
	Sent     []Span              // one for each Date header
	Fields   map[string][]string // the addresses that each field has, in lower case
	Hidden   map[string]bool     // fields that may have another one
}

// Within is how far from an edge of the period times are planted.
const Within = 20 * time.Hour

// Instant draws a time on, beside or near one of the edges, or anywhere in
// the years around them.
func Instant(t *rapid.T, edges []time.Time) time.Time {
	edge := rapid.SampledFrom(edges).Draw(t, "edge")
	near := rapid.SampledFrom([]time.Duration{0, time.Second, -time.Second, 2 * time.Second, -2 * time.Second,
		14 * time.Hour, 14*time.Hour - time.Second, 14*time.Hour + time.Second, -14 * time.Hour, -14*time.Hour + time.Second,
		12 * time.Hour, 12*time.Hour - time.Second, -12 * time.Hour, -12*time.Hour + time.Second, -12*time.Hour - time.Second}).Draw(t, "near")
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0, 1:
		return edge.Add(near)
	case 2:
		return edge.Add(time.Duration(rapid.Int64Range(-int64(Within/time.Second), int64(Within/time.Second)).Draw(t, "seconds")) * time.Second)
	}
	return edge.Add(time.Duration(rapid.Int64Range(-3e7, 3e7).Draw(t, "far")) * time.Second)
}

// zones are places with daylight saving time on both sides of the equator and
// with odd offsets, and the names that mail has for some.
var zones = []string{"UTC", "America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/St_Johns", "Africa/Casablanca"}

// Date writes one body of a Date header for an instant, and what a reader can
// know from it.
func Date(t *rapid.T, at time.Time) (string, Span) {
	loc, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	local := at.In(loc)
	known := truth.At(at)
	// A reader without the zone knows that the local time was shown somewhere
	// between UTC-12 and UTC+14.
	wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
	zoneless := Span{From: wall.Add(-14 * time.Hour), To: wall.Add(12 * time.Hour)}
	day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	_, offset := local.Zone()
	whole := offset%60 == 0
	switch how := rapid.IntRange(0, 15).Draw(t, "form"); {
	case how <= 5 && whole:
		return local.Format(rapid.SampledFrom([]string{time.RFC1123Z, "2 Jan 2006 15:04:05 -0700", "Mon, 02 Jan 2006 15:04:05 -0700 (MST)", "Mon,\n\t2 Jan 2006 15:04:05 -0700"}).Draw(t, "layout")), known
	case how == 6 && whole:
		return local.Format(rapid.SampledFrom([]string{"Monday, 2 January 2006 15:04:05 -0700", "Mon Jan _2 15:04:05 2006 -0700", "2006-01-02T15:04:05-07:00", "Jan 2, 2006 3:04:05 PM -0700", "Mon, 2-Jan-2006 15:04:05 -0700"}).Draw(t, "odd")), known
	case how == 7 && at.Year() >= 2000 && at.Year() < 2050:
		return at.UTC().Format("Mon, 02 Jan 06 15:04:05 ") + rapid.SampledFrom([]string{"GMT", "UT", "Z", "+0000"}).Draw(t, "name"), known
	case how == 8:
		hours := rapid.SampledFrom([]int{-8, -7, -6, -5, -4}).Draw(t, "hours")
		names := map[int][]string{-8: {"PST"}, -7: {"PDT", "MST"}, -6: {"MDT", "CST"}, -5: {"CDT", "EST"}, -4: {"EDT"}}
		return at.In(time.FixedZone("", hours*3600)).Format("Mon, 02 Jan 2006 15:04:05 ") + rapid.SampledFrom(names[hours]).Draw(t, "name"), known
	case how == 9:
		return local.Format("Mon, 02 Jan 2006 15:04:05"), zoneless
	case how == 10:
		return local.Format("Mon Jan _2 15:04:05 2006"), zoneless
	case how == 11:
		return local.Format("Mon, 02 Jan 2006 15:04:05 ") + rapid.SampledFrom([]string{"MESZ", "LOCAL", "J"}).Draw(t, "no zone"), zoneless
	case how == 12:
		return local.Format("2 Jan 2006"), Span{From: day.Add(-14 * time.Hour), To: day.Add(36*time.Hour - time.Second)}
	case how == 13:
		return rapid.SampledFrom([]string{"", "yesterday", "31 Feb 2002 10:00:00 +0000", "Mon, 01 Jan 0102 00:00:00 +0000"}).Draw(t, "none"), Span{}
	}
	return at.UTC().Format(time.RFC1123Z), known
}

// From_ writes a From_ line's date for an instant, and what a reader can know.
func From_(t *rapid.T, at time.Time) (string, Span) {
	switch rapid.IntRange(0, 5).Draw(t, "from") {
	case 0:
		return at.In(time.FixedZone("", -4*3600)).Format("Mon Jan _2 15:04:05 2006 -0700"), truth.At(at)
	case 1:
		return at.In(time.FixedZone("", -7*3600)).Format("Mon Jan _2 15:04:05 PDT 2006"), truth.At(at)
	case 2:
		return "", Span{}
	}
	local := at.In(time.FixedZone("", rapid.IntRange(-12, 14).Draw(t, "hours")*3600))
	wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
	return local.Format(time.ANSIC), Span{From: wall.Add(-14 * time.Hour), To: wall.Add(12 * time.Hour)}
}

// crlf is used by writers of mailboxes that keep CRLF.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func header(name, body string) string { return fmt.Sprintf("%s: %s\n", name, body) }
