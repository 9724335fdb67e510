package mail

import (
	"bytes"
	"strings"

	"github.com/vitrine-project/vitrine/production"
)

// The rules by which an mbox tells when a message arrived.
const (
	ruleFrom        = "mbox-from"         // the date of the From_ line, which has no zone
	ruleFromZone    = "mbox-from-zone"    // the same with a zone
	ruleFromUndated = "mbox-from-undated" // a From_ line without a date
)

// Limits of a From_ line and of the look at what follows it.
const (
	maxFromLine = 1000
	maxFromDate = 100
	lookAhead   = 64 << 10
)

var fromMark = []byte("From ")

// fromLine is the line that separates two messages of an mbox.
type fromLine struct {
	at, end  int64 // where it begins, and where the line behind it does
	received production.Interval
}

// parseFromLine reports whether b, which begins with "From ", begins with a
// line that separates messages: a sender, or "-", and a date; or a sender
// alone, if a header follows. n is the line's length with its end.
func parseFromLine(b []byte) (received production.Interval, n int, ok bool) {
	n = len(b)
	if i := bytes.IndexByte(b[:min(n, maxFromLine)], '\n'); i >= 0 {
		n = i + 1
	} else if n >= maxFromLine {
		return received, 0, false
	}
	line := strings.TrimSpace(string(b[len(fromMark):n]))
	sender, date := cutSender(line)
	if date == "" {
		received.Rule = ruleFromUndated
		return received, n, sender != "" && headerFollows(b[n:])
	}
	for {
		if received, ok = fromDate(date); ok {
			return received, n, true
		}
		// A sender with blanks in it: the date begins at a weekday.
		i := weekdayIn(date)
		if i < 0 {
			return received, 0, false
		}
		date = date[i:]
	}
}

// mayBeFromLine reports whether b, which begins with "From " behind a blank
// line and separates nothing by the rules, has a header behind that line: then
// a writer may have meant it to separate.
func mayBeFromLine(b []byte) bool {
	i := bytes.IndexByte(b[:min(len(b), maxFromLine)], '\n')
	return i >= 0 && headerFollows(b[i+1:])
}

// cutSender cuts the sender off, who may be quoted.
func cutSender(s string) (sender, rest string) {
	i := 0
	if strings.HasPrefix(s, `"`) {
		i = max(strings.IndexByte(s[1:], '"'), 0) + 1
	}
	end := strings.IndexAny(s[i:], " \t")
	if end < 0 {
		return s, ""
	}
	return s[:i+end], strings.TrimLeft(s[i+end:], " \t")
}

// weekdayIn returns where in s, behind its first word, a word begins with a
// weekday's three letters, or -1.
func weekdayIn(s string) int {
	for i := 1; i+4 < len(s); i++ {
		if s[i-1] == ' ' && (s[i+3] == ' ' || s[i+3] == ',') && weekday(s[i:i+3]) >= 0 {
			return i
		}
	}
	return -1
}

// fromDate reads the date of a From_ line. Unlike a Date header it has no
// extras but names of zones, in capitals, and "remote from" somewhere.
func fromDate(s string) (production.Interval, bool) {
	if i := strings.Index(s, " remote from "); i > 0 {
		s = s[:i]
	}
	if len(s) > maxFromDate {
		return production.Interval{}, false
	}
	i := production.Interval{Rule: ruleFrom, Raw: cut(s)}
	if c, ok := ctime(s); ok {
		i = c.interval(i)
		i.Rule = ruleFrom
		return i, true
	}
	c, ok := lenient(s)
	if _, real := c.time(); !ok || !real || !c.timed || strings.ContainsRune(s, '(') {
		return i, false
	}
	for word := range strings.FieldsSeq(s) {
		word = strings.Trim(word, ",+-0123456789:")
		if word == "" || name(word, weekdays, weekdayNames[:]) >= 0 || name(word, months, monthNames[:]) >= 0 {
			continue
		}
		if len(word) > 5 || strings.ToUpper(word) != word {
			return i, false
		}
	}
	rule := ruleFrom
	if c.zoned {
		rule = ruleFromZone
	}
	i = c.interval(i)
	i.Rule = rule
	return i, true
}

// ctime reads the one form that nearly all writers use.
func ctime(s string) (c civil, ok bool) {
	const layout = "Thu Aug 22 18:26:25 2002"
	if len(s) != len(layout) || s[3] != ' ' || s[7] != ' ' || s[10] != ' ' || s[19] != ' ' || weekday(s[:3]) < 0 {
		return c, false
	}
	c.timed = true
	c.month = month(s[4:7])
	var oks [2]bool
	var rest string
	c.day, _, oks[0] = number(blanks(s[8:10]), 1, 2)
	if rest, ok = c.clock(s[11:19]); !ok || rest != "" {
		return c, false
	}
	c.year, _, oks[1] = number(s[20:], 4, 4)
	_, ok = c.time()
	return c, ok && oks[0] && oks[1]
}

// headerFollows reports whether b begins with a header field and, as far as b
// reaches, another, its continuation or a blank line.
func headerFollows(b []byte) bool {
	if !fieldBegins(b) {
		return false
	}
	i := bytes.IndexByte(b, '\n')
	if i < 0 || i+1 == len(b) {
		return true
	}
	b = b[i+1:]
	return b[0] == ' ' || b[0] == '\t' || blankLine(b) || len(b) == 1 && b[0] == '\r' || fieldBegins(b)
}

func fieldBegins(b []byte) bool {
	_, _, ok := cutName(b[:min(len(b), maxFromLine)])
	return ok
}
