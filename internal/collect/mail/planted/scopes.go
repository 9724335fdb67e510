package planted

import (
	"time"

	"github.com/vitrine-project/vitrine/internal/vitrinetest/truth"
)

// Scopes are what random mailboxes are asked for: a month, a day, half a year
// between two changes of the clocks, days of plain dates on which clocks go
// forward or back, and a second; by both clocks; with a correspondent and
// without. The instants are written down, not computed.
func Scopes() (scopes []truth.Scope) {
	utc := func(y int, m time.Month, d, h int) time.Time { return time.Date(y, m, d, h, 0, 0, 0, time.UTC) }
	for _, p := range []truth.Scope{
		{From: utc(2002, 8, 15, 0), To: utc(2002, 9, 15, 0)},
		{From: utc(2002, 8, 15, 0), To: utc(2002, 8, 16, 0)},
		{From: utc(2002, 3, 31, 1), To: utc(2002, 10, 27, 1)},
		{From: utc(2002, 3, 30, 23), To: utc(2002, 3, 31, 22), Zone: "Europe/Berlin"},         // 31 March, of 23 hours
		{From: utc(2002, 10, 26, 22), To: utc(2002, 10, 27, 23), Zone: "Europe/Berlin"},       // 27 October, of 25 hours
		{From: utc(2003, 4, 6, 8), To: utc(2003, 4, 7, 7), Zone: "America/Los_Angeles"},       // 6 April, of 23 hours
		{From: utc(2003, 12, 31, 23), To: utc(2004, 3, 1, 0)},                                 // over a leap day
		{From: utc(2003, 12, 31, 23), To: utc(2003, 12, 31, 23).Add(time.Second)},             // one second
		{From: utc(2002, 10, 26, 14), To: utc(2002, 10, 27, 13), Zone: "Australia/Melbourne"}, // 27 October, of 23 hours
	} {
		for _, sent := range []bool{false, true} {
			for _, who := range [][]string{nil, {Wanted}} {
				s := p
				s.Categories, s.Sent, s.Correspondents = []string{truth.Content}, sent, who
				scopes = append(scopes, s)
			}
		}
	}
	return scopes
}
