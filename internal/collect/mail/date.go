package mail

import (
	"strings"
	"time"

	"github.com/vitrine-project/vitrine/production"
)

// The rules by which a Date header is read, the first that applies.
// spec/production.md explains each.
const (
	ruleRFC5322     = "rfc5322"     // RFC 5322 section 3.3, without obsolete forms
	ruleObsolete    = "rfc5322-obs" // section 4.3: short years, names of zones, comments anywhere
	ruleAsctime     = "asctime"     // Thu Aug 22 18:26:25 2002, with or without a zone
	ruleISO         = "iso8601"     // 2002-08-22T18:26:25+01:00
	ruleLenient     = "lenient"     // day, month, year and time can be told apart, whatever their order and extras
	ruleDay         = "lenient-day" // the same without a time: the whole day
	ruleUnparseable = "unparseable" // no rule applies: nothing is known
	ruleImplausible = "implausible" // a year before 1970: mail has no such time, so nothing is known
	maxRaw          = 200           // bytes of a date that are recorded
	maxWords        = 16            // words of a date that are looked at
)

// Where a time has no zone it can be as far from UTC as zones are.
const (
	eastmost = 14 * time.Hour // UTC+14: the instant is earlier
	westmost = 12 * time.Hour // UTC-12: it is later
)

// civil is a date as written: a time of day somewhere.
type civil struct {
	year, month, day, hour, min, sec int
	zoned                            bool
	offset                           int // seconds east of UTC
	timed                            bool
	rule                             string
}

// parseDate reads the body of a Date header. The result has at least Raw and
// Rule; it is known only if a rule applies.
func parseDate(raw string) production.Interval {
	i := production.Interval{Rule: ruleUnparseable, Raw: cut(raw)}
	c, ok := strict(raw)
	if !ok {
		c, ok = lenient(raw)
	}
	if !ok {
		return i
	}
	return c.interval(i)
}

// interval places c in i, which keeps its Raw.
func (c civil) interval(i production.Interval) production.Interval {
	t, ok := c.time()
	switch {
	case !ok:
		i.Rule = ruleUnparseable
		return i
	case c.year < 1970:
		i.Rule = ruleImplausible
		return i
	}
	i.Rule = c.rule
	i.From, i.To = t, t
	if !c.timed {
		i.To = t.Add(24*time.Hour - time.Second)
		i.Rule = ruleDay
	}
	if c.zoned {
		shift := time.Duration(c.offset) * time.Second
		i.From, i.To = i.From.Add(-shift), i.To.Add(-shift)
	} else {
		i.From, i.To = i.From.Add(-eastmost), i.To.Add(westmost)
	}
	return i
}

// time is c as if it were UTC. A 60th second is the first of the next minute.
func (c civil) time() (time.Time, bool) {
	if c.month < 1 || c.month > 12 || c.day < 1 || c.hour > 23 || c.min > 59 || c.sec > 60 || c.year > 9999 {
		return time.Time{}, false
	}
	day := time.Date(c.year, time.Month(c.month), c.day, 0, 0, 0, 0, time.UTC)
	if day.Day() != c.day {
		return time.Time{}, false
	}
	return day.Add(time.Duration(c.hour)*time.Hour + time.Duration(c.min)*time.Minute + time.Duration(c.sec)*time.Second), true
}

// cut returns what is recorded of a text from outside.
func cut(s string) string {
	if len(s) > maxRaw {
		s = s[:maxRaw]
	}
	return strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD")
}

// strict reads the forms of RFC 5322 section 3.3 that need no lookup, which
// are nearly all that occur: [day-name ","] day month year time zone [comment].
func strict(s string) (civil, bool) {
	c := civil{rule: ruleRFC5322, timed: true, zoned: true}
	s = blanks(s)
	if len(s) > 4 && letter(s[0]) {
		if s[3] != ',' || weekday(s[:3]) < 0 {
			return c, false
		}
		s = blanks(s[4:])
	}
	var ok bool
	if c.day, s, ok = number(s, 1, 2); !ok || len(s) < 5 || !blank(s[0]) {
		return c, false
	}
	if s = blanks(s); len(s) < 4 || !blank(s[3]) {
		return c, false
	}
	if c.month = month(s[:3]); c.month == 0 {
		return c, false
	}
	if c.year, s, ok = number(blanks(s[3:]), 4, 4); !ok || len(s) == 0 || !blank(s[0]) || c.year < 1900 {
		return c, false
	}
	if s, ok = c.clock(blanks(s)); !ok || s == "" || !blank(s[0]) {
		return c, false
	}
	if s, ok = c.numericZone(blanks(s)); !ok {
		return c, false
	}
	return c, strings.TrimSpace(uncomment(s)) == ""
}

// clock reads hh:mm[:ss], with two digits each.
func (c *civil) clock(s string) (rest string, ok bool) {
	if c.hour, s, ok = number(s, 2, 2); !ok || s == "" || s[0] != ':' {
		return s, false
	}
	if c.min, s, ok = number(s[1:], 2, 2); !ok || s == "" || s[0] != ':' {
		return s, ok
	}
	c.sec, s, ok = number(s[1:], 2, 2)
	return s, ok
}

// numericZone reads +hhmm or -hhmm.
func (c *civil) numericZone(s string) (rest string, ok bool) {
	if s == "" || s[0] != '+' && s[0] != '-' {
		return s, false
	}
	n, rest, ok := number(s[1:], 4, 4)
	if !ok || n/100 > 23 || n%100 > 59 || rest != "" && !blank(rest[0]) && rest[0] != '(' {
		return s, false
	}
	if c.offset = (n/100*60 + n%100) * 60; s[0] == '-' {
		c.offset = -c.offset
	}
	return rest, true
}

// number reads from low to high digits, after which no digit follows.
func number(s string, low, high int) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && i < high && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:], i >= low && (i == len(s) || s[i] < '0' || s[i] > '9')
}

func blank(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

func letter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

func blanks(s string) string {
	for len(s) > 0 && blank(s[0]) {
		s = s[1:]
	}
	return s
}

// uncomment replaces comments, which nest, by blanks. One that is not closed
// reaches to the end.
func uncomment(s string) string {
	if !strings.ContainsRune(s, '(') {
		return s
	}
	b, depth := []byte(s), 0
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '(':
			depth++
		case depth > 0 && b[i] == '\\' && i+1 < len(b):
			b[i] = ' '
			i++
		case depth > 0 && b[i] == ')':
			depth--
			b[i] = ' '
			continue
		}
		if depth > 0 {
			b[i] = ' '
		}
	}
	return string(b)
}

const (
	weekdays = "sunmontuewedthufrisat"
	months   = "janfebmaraprmayjunjulaugsepoctnovdec"
)

// third returns at which multiple of three s, of three bytes, stands in names.
func third(names, s string) int {
	for i := 0; i+3 <= len(names); i += 3 {
		if names[i] == s[0]|0x20 && names[i+1] == s[1]|0x20 && names[i+2] == s[2]|0x20 {
			return i / 3
		}
	}
	return -1
}

func weekday(s string) int { return third(weekdays, s) }

func month(s string) int { return third(months, s) + 1 }
