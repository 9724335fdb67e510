package query

import (
	"strings"
	"time"
)

// moment reads a time as PostgreSQL and MariaDB write it, 2026-03-01 12:00:00.25,
// behind which PostgreSQL has +00 where the column has a zone, which is UTC here. What
// is no time of the years 1 to 9999, as infinity, stays a text.
func moment(k Kind, text string, precision int) Value {
	if k == Date {
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return Value{Kind: Text, Text: text}
		}
		return Value{Kind: Date, Text: text}
	}
	plain, zone := text, ""
	if utc, ok := strings.CutSuffix(text, "+00"); ok && k == Instant {
		plain, zone = utc, "Z"
	}
	t, err := time.Parse("2006-01-02 15:04:05.999999999", plain)
	if err != nil || t.Year() < 1 {
		return Value{Kind: Text, Text: text}
	}
	form := "2006-01-02T15:04:05"
	if precision > 0 {
		form += "." + strings.Repeat("0", min(precision, 9))
	}
	return Value{Kind: k, Text: t.Format(form) + zone, key: text}
}
