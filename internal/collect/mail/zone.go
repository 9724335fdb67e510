package mail

import "strings"

var (
	weekdayNames = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	monthNames   = [...]string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
)

// name returns which of the names s is, by its first three letters and as a
// beginning of the full name; "sept" and "thurs" occur.
func name(s, firsts string, full []string) int {
	if len(s) < 3 || len(s) > 9 {
		return -1
	}
	i := third(firsts, s)
	if i < 0 || !strings.HasPrefix(full[i], strings.ToLower(s)) {
		return -1
	}
	return i
}

// zone takes a word behind the time that is a zone, or may be one. Two zones
// that disagree are no zone.
func (w *words) zone(s string) bool {
	offset, known, numeric := zoneOffset(s)
	w.odd = w.odd || numeric && (len(s) != 5 || letter(s[0])) && !w.has('i')
	switch {
	case !known:
		w.unsure = w.unsure || numeric
		return w.extra() // beside a name that is not known, a number tells
	case !w.has('z'):
		w.offset = offset
		return w.add('z')
	case w.offset != offset:
		w.unsure = true
	}
	return w.extra()
}

// zoneOffset returns the seconds east of UTC that s stands for.
func zoneOffset(s string) (offset int, known, numeric bool) {
	if s[0] != '+' && s[0] != '-' {
		if i := strings.IndexAny(s, "+-"); i > 0 && (strings.EqualFold(s[:i], "GMT") || strings.EqualFold(s[:i], "UTC")) {
			return zoneOffset(s[i:])
		}
		hours, ok := zones[strings.ToUpper(s)]
		return hours * 3600, ok, false
	}
	digits := strings.Replace(s[1:], ":", "", 1)
	n, rest, ok := number(digits, 1, 4)
	if !ok || rest != "" {
		return 0, false, true
	}
	if len(digits) <= 2 {
		n *= 100
	}
	if n/100 > 23 || n%100 > 59 {
		return 0, false, true
	}
	if offset = (n/100*60 + n%100) * 60; s[0] == '-' {
		offset = -offset
	}
	return offset, true, true
}
