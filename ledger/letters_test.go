package ledger

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// TestLetters compares names with the regular expressions of the specification.
func TestLetters(t *testing.T) {
	for l, form := range map[letters]*regexp.Regexp{
		tableName:  regexp.MustCompile(`^[a-z0-9/_-]{1,64}$`),
		sheetName:  regexp.MustCompile(`^[a-z0-9/-]{1,64}$`),
		reportName: regexp.MustCompile(`^[a-zA-Z0-9-]{1,64}$`),
	} {
		rapid.Check(t, func(t *rapid.T) {
			s := rapid.OneOf(rapid.StringMatching(`[a-zA-Z0-9/_ .-]{0,66}`), rapid.StringMatching(`[a-z0-9-]{63,66}`), rapid.String()).Draw(t, "name")
			if got, want := l.MatchString(s), form.MatchString(s); got != want {
				t.Errorf("%q: %v, want %v", s, got, want)
			}
		})
	}
}

// TestDays compares days with the regular expression of the specification.
func TestDays(t *testing.T) {
	form := regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[0-9+ ]{3,5}-[0-9]{1,3}-[0-9]{1,3}( |Z|\.1)?`), rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]`)).Draw(t, "day")
		if _, err := parseDay(s); err == nil && !form.MatchString(s) {
			t.Errorf("%q was taken for a day", s)
		}
	})
}
