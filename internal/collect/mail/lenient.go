package mail

import "strings"

// zones are the names of zones that RFC 5322 section 4.3 defines, in hours
// east of UTC. Every other name, the military letters among them, tells no zone.
var zones = map[string]int{
	"UT": 0, "UTC": 0, "GMT": 0, "Z": 0,
	"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}

// words are the parts of a date as they are told apart, in the order in which
// they came: w weekday, d day, m month, y year, t time, z zone, i ISO date,
// p am or pm, x anything else.
type words struct {
	civil
	order  []byte
	unsure bool // two zones that disagree, or a number that is no zone
	odd    bool // something that no RFC has
}

// lenient reads a date by recognising its words one by one.
func lenient(s string) (civil, bool) {
	w := words{order: make([]byte, 0, maxWords)}
	for part := range strings.FieldsFuncSeq(uncomment(s), func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' || r == ',' }) {
		if len(w.order) == maxWords || !w.word(part) {
			return w.civil, false
		}
	}
	if !w.has('y') && !w.has('i') || w.month == 0 || w.day == 0 {
		return w.civil, false
	}
	w.zoned = w.has('z') && !w.unsure
	w.rule = w.form()
	return w.civil, true
}

func (w *words) has(kind byte) bool { return strings.IndexByte(string(w.order), kind) >= 0 }

func (w *words) add(kind byte) bool {
	w.order = append(w.order, kind)
	return true
}

// form names the rule by the order of the words.
func (w *words) form() string {
	switch order := strings.TrimPrefix(string(w.order), "w"); {
	case w.odd || w.unsure:
		return ruleLenient
	case order == "dmytz":
		return ruleObsolete
	case order == "mdty", order == "mdtyz", order == "mdtzy":
		return ruleAsctime
	case order == "it", order == "itz":
		return ruleISO
	}
	return ruleLenient
}

// word takes one word, or reports that no date has it in that place.
func (w *words) word(s string) bool {
	switch {
	case s[0] >= '0' && s[0] <= '9':
		return w.digits(s)
	case s[0] == '+' || s[0] == '-':
		return w.has('t') && w.zone(s)
	case !letter(s[0]):
		return w.extra()
	}
	s = strings.TrimSuffix(s, ".")
	if name(s, weekdays, weekdayNames[:]) >= 0 && !w.has('w') {
		w.odd = w.odd || len(s) > 3
		return w.add('w')
	}
	if m := name(s, months, monthNames[:]) + 1; m > 0 && w.month == 0 {
		w.odd = w.odd || len(s) > 3
		w.month = m
		return w.add('m')
	}
	if (strings.EqualFold(s, "am") || strings.EqualFold(s, "pm")) && w.has('t') && !w.has('p') {
		return w.half(s[0]|0x20 == 'p')
	}
	return w.has('t') && w.zone(s)
}

// extra is a word that a date may carry behind its time.
func (w *words) extra() bool {
	w.odd = true
	return w.has('t') && w.add('x')
}

// half turns a time on a twelve-hour clock into one on the other.
func (w *words) half(afternoon bool) bool {
	if w.hour < 1 || w.hour > 12 {
		return false
	}
	if w.hour %= 12; afternoon {
		w.hour += 12
	}
	w.odd = true
	return w.add('p')
}

// digits takes a word that begins with a digit.
func (w *words) digits(s string) bool {
	switch {
	case strings.IndexByte(s, ':') > 0 && !strings.ContainsAny(s, "Tt"):
		return w.timeOf(s)
	case strings.Count(s, "-") >= 2:
		return w.dashed(s)
	}
	n, rest, ok := number(s, 1, 5)
	switch length := len(s) - len(rest); {
	case !ok:
		return w.has('t') && w.extra()
	case length <= 2 && w.day == 0 && ordinal(rest):
		w.day, w.odd = n, w.odd || rest != ""
		return w.add('d')
	case rest != "" || w.has('y') || w.has('i'):
		return w.has('t') && w.extra()
	default:
		if w.year = n; length < 4 {
			w.year = century(n, length)
		}
		return w.add('y')
	}
}

// century completes a short year as RFC 5322 section 4.3 says.
func century(n, digits int) int {
	if digits <= 2 && n < 50 {
		return n + 2000
	}
	return n + 1900
}

func ordinal(s string) bool {
	switch strings.ToLower(s) {
	case "", ".", "st", "nd", "rd", "th":
		return true
	}
	return false
}

// timeOf takes h:mm[:ss[.fraction]], with am or pm or a zone glued to it.
func (w *words) timeOf(s string) bool {
	if w.has('t') {
		return false
	}
	var ok bool
	from := s
	if w.hour, s, ok = number(s, 1, 2); !ok || s == "" || s[0] != ':' {
		return false
	}
	if w.min, s, ok = number(s[1:], 1, 2); !ok {
		return false
	}
	if s != "" && s[0] == ':' {
		if w.sec, s, ok = number(s[1:], 1, 2); !ok {
			return false
		}
	}
	if digits := len(from) - len(s); digits != len("hh:mm") && digits != len("hh:mm:ss") {
		w.odd = true
	}
	if s != "" && s[0] == '.' {
		s = strings.TrimLeft(s[1:], "0123456789")
		w.odd = true
	}
	w.timed = true
	w.add('t')
	if s == "" {
		return true
	}
	w.odd = w.odd || !w.has('i')
	return w.word(s)
}

// dashed takes 22-Aug-2002, 2002-08-22 and 2002-08-22T18:26:25Z.
func (w *words) dashed(s string) bool {
	if len(w.order) > 0 && w.order[len(w.order)-1] != 'w' || len(w.order) > 1 {
		return w.has('t') && w.extra()
	}
	a, rest, _ := strings.Cut(s, "-")
	b, c, _ := strings.Cut(rest, "-")
	if len(a) == 4 {
		return w.iso(a, b, c)
	}
	d, tail, ok := number(a, 1, 2)
	m := name(b, months, monthNames[:]) + 1
	y, left, yok := number(c, 2, 4)
	if !ok || tail != "" || m == 0 || !yok || left != "" {
		return false
	}
	w.day, w.month, w.year, w.odd = d, m, y, true
	if len(c) < 4 {
		w.year = century(y, len(c))
	}
	w.order = append(w.order, 'd', 'm', 'y')
	return true
}

func (w *words) iso(y, m, rest string) bool {
	var ok1, ok2, ok3 bool
	var tail string
	w.year, tail, ok1 = number(y, 4, 4)
	if tail != "" {
		return false
	}
	w.month, tail, ok2 = number(m, 2, 2)
	if tail != "" {
		return false
	}
	w.day, tail, ok3 = number(rest, 2, 2)
	if !ok1 || !ok2 || !ok3 || w.month == 0 {
		return false
	}
	w.add('i')
	if tail == "" {
		return true
	}
	return tail[0]|0x20 == 't' && len(tail) > 1 && tail[1] >= '0' && tail[1] <= '9' && w.timeOf(tail[1:])
}
